#!/usr/bin/env python3
"""Checks who includes whom in src/ (ARCHITECTURE.md, "Levels").

    tools/check_layers.py              checks this tree; prints file:line and the broken rule; exit 1 if any
    tools/check_layers.py --self-test  plants wrong includes in a temporary copy and must see each one
"""
import argparse
import re
import shutil
import sys
import tempfile
from pathlib import Path

LEVELS = [
    ["base"],
    ["json", "obs"],
    ["config", "openai", "bedrock", "http"],
    ["catalog", "translate", "aws", "store"],
    ["access", "spend", "files", "batch", "webhook"],
    ["api"],
    ["cli"],
]
LEVEL = {room: level for level, rooms in enumerate(LEVELS) for room in rooms}

# What a room may include beside its own level.
SIDEWAYS = {
    "translate": {"catalog"},
    "batch": {"files", "access", "spend"},
    "files": {"access"},
}

# The sandbox is another party: with our signer or record formats in it, our bugs would verify themselves.
# Only the command line starts it.
SANDBOX_MAY_INCLUDE = {"base", "json", "obs", "http"}
SANDBOX_USERS = {"cli"}

# Pure rooms: same bytes in, same bytes out. No event loop, no clock, no environment.
PURE = {"json", "openai", "bedrock", "catalog", "translate"}
IMPURE = re.compile(r"boost/(asio|beast)/|base/(task|deadline|wakeup|blocking_pool|transfer_memory)\.h$")
IMPURE_CALL = re.compile(r"(clock::now|getenv)\s*\(|Clock&")

# Third parties stop at a room's door.
THIRD_PARTIES = [
    (re.compile(r"simdjson"), {"json"}, "simdjson"),
    (re.compile(r"boost/beast"), {"http"}, "Beast"),
    (re.compile(r"curl/"), {"http"}, "libcurl"),
    (re.compile(r"soci/"), {"store"}, "SOCI"),
    (re.compile(r"libpq|sqlite3\.h"), {"store"}, "the database's own library"),
    (re.compile(r"pugixml"), {"aws", "sandbox"}, "pugixml"),
    (re.compile(r"yaml-cpp/"), {"config", "catalog"}, "yaml-cpp"),
    (re.compile(r"spdlog/"), {"obs"}, "spdlog"),
    (re.compile(r"CLI/"), {"cli"}, "CLI11"),
    (re.compile(r"prometheus/"), {"obs"}, "prometheus-cpp"),
]

# One file with Beast in it costs 25 s to compile.
BEAST_FILES_MAX = 3

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')


def rule_between(room, target, is_test, path):
    """Why `room` may not include `path`, which is of `target`; None if it may."""
    if room == target:
        return None
    if room == "sandbox":
        return None if target in SANDBOX_MAY_INCLUDE else (
            f"sandbox is another party and includes {', '.join(sorted(SANDBOX_MAY_INCLUDE))} only")
    if target == "sandbox":
        return None if room in SANDBOX_USERS else "only cli includes sandbox"
    if LEVEL[target] > LEVEL[room]:
        return f"upward: {room} is level {LEVEL[room]}, {target} level {LEVEL[target]}"
    if LEVEL[target] == LEVEL[room] and target not in SIDEWAYS.get(room, set()):
        return f"sideways: {room} may not include {target}, both are level {LEVEL[room]}"
    if path.split("/")[1] == "testing" and not is_test:
        return f"{target}/testing is for tests"
    return None


def check_file(file, src, problems):
    relative = file.relative_to(src)
    room = relative.parts[0]
    is_test = file.name.endswith("_test.cc") or "testing" in relative.parts
    if room not in LEVEL and room != "sandbox":
        problems.append((file, 1, f"'{room}' is no room: give it a level in tools/check_layers.py and ARCHITECTURE.md"))
        return
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        if room in PURE and not is_test and IMPURE_CALL.search(line.split("//")[0]):
            problems.append((file, number, f"{room} is pure: it reads no clock and no environment"))
        match = INCLUDE.match(line)
        if not match:
            continue
        path = match[1] or match[2]
        target = path.split("/")[0]
        if match[1] and target not in LEVEL and target != "sandbox":
            problems.append((file, number, f'"{path}": project includes are written from src/, "<room>/<file>"'))
        elif match[1]:
            rule = rule_between(room, target, is_test, path)
            if rule:
                problems.append((file, number, f'"{path}": {rule}'))
        for pattern, rooms, name in THIRD_PARTIES:
            if match[2] and pattern.match(path) and room not in rooms:
                problems.append((file, number, f"<{path}>: {name} stays in {' and '.join(sorted(rooms))}"))
        if room in PURE and not is_test and IMPURE.search(path):
            problems.append((file, number, f"{path}: {room} is pure: no event loop, no clock"))


def includes_beast(file):
    matches = (INCLUDE.match(line) for line in file.read_text(encoding="utf-8").splitlines())
    return any(match and (match[2] or "").startswith("boost/beast") for match in matches)


def check(src):
    files = sorted(file for suffix in ("*.h", "*.cc") for file in src.rglob(suffix))
    problems = []
    for file in files:
        if len(file.relative_to(src).parts) > 1:
            check_file(file, src, problems)
    beast = [file for file in files if includes_beast(file)]
    for file in beast:
        if file.suffix == ".h":
            problems.append((file, 1, "Beast stays out of headers"))
    for file in beast[BEAST_FILES_MAX:]:
        problems.append((file, 1, f"Beast is in more than {BEAST_FILES_MAX} files"))
    return files, problems


# One wrong line for each rule: (file, line, a word of the complaint).
PLANTED = [
    ("base/planted.h", '#include "json/line_splitter.h"', "upward"),
    ("batch/planted.cc", '#include "api/routes.h"', "upward"),
    ("openai/planted.cc", '#include "bedrock/record.h"', "sideways"),
    ("catalog/planted.cc", '#include "translate/translator.h"', "sideways"),
    ("files/planted.cc", '#include "batch/planner.h"', "sideways"),
    ("access/planted.cc", '#include "files/file_service.h"', "sideways"),
    ("sandbox/planted.cc", '#include "aws/sigv4.h"', "another party"),
    ("sandbox/planted.cc", '#include "bedrock/record.h"', "another party"),
    ("sandbox/planted_test.cc", '#include "aws/sigv4.h"', "another party"),
    ("api/planted.cc", '#include "sandbox/sandbox.h"', "only cli"),
    ("batch/planted.cc", '#include "aws/testing/fake_s3.h"', "is for tests"),
    ("batch/planted.cc", '#include "planner.h"', "written from src/"),
    ("batch/planted.cc", "#include <simdjson.h>", "simdjson stays"),
    ("api/planted.cc", "#include <boost/beast/http.hpp>", "Beast stays in"),
    ("http/planted.h", "#include <boost/beast/http.hpp>", "out of headers"),
    ("aws/planted.cc", "#include <curl/curl.h>", "libcurl stays"),
    ("batch/planted.cc", "#include <soci/soci.h>", "SOCI stays"),
    ("batch/planted.cc", "#include <libpq-fe.h>", "the database's own library stays"),
    ("store/planted.cc", "#include <pugixml.hpp>", "pugixml stays"),
    ("cli/planted.cc", "  #  include <yaml-cpp/yaml.h>", "yaml-cpp stays"),
    ("api/planted.cc", "#include <prometheus/registry.h>", "prometheus-cpp stays"),
    ("translate/planted.cc", '#include "base/task.h"', "is pure"),
    ("translate/planted.cc", "auto now = std::chrono::system_clock::now();", "reads no clock"),
    ("openai/planted.cc", "#include <boost/asio/post.hpp>", "is pure"),
    ("newroom/planted.cc", "#include <string>", "no room"),
]
# And lines that are fine.
ALLOWED = [
    ("batch/planted_test.cc", '#include "aws/testing/fake_s3.h"'),
    ("batch/testing/planted.h", '#include "aws/testing/fake_s3.h"'),
    ("batch/planted.cc", '#include "files/file_service.h"'),
    ("sandbox/planted.cc", "#include <pugixml.hpp>"),
    ("cli/planted.cc", '#include "sandbox/sandbox.h"'),
    ("batch/planted.cc", '// #include "api/routes.h"'),
]


def complaints_about(src, name, text):
    file = src / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text + "\n", encoding="utf-8")
    try:
        return [rule for where, _, rule in check(src)[1] if where == file]
    finally:
        file.unlink()


def self_test(src):
    failures = []
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "src"
        shutil.copytree(src, copy)
        for name, line, word in PLANTED:
            if not any(word in rule for rule in complaints_about(copy, name, line)):
                failures.append(f"not seen: {line} in {name} ({word})")
        for name, line in ALLOWED:
            for rule in complaints_about(copy, name, line):
                failures.append(f"wrongly refused: {line} in {name}: {rule}")
        for i in range(BEAST_FILES_MAX + 1):
            (copy / "http" / f"planted_{i}.cc").write_text("#include <boost/beast/core.hpp>\n", encoding="utf-8")
        if not any(f"more than {BEAST_FILES_MAX}" in rule for _, _, rule in check(copy)[1]):
            failures.append("not seen: one Beast file too many")
    for failure in failures:
        print(failure)
    print(f"self-test: {len(PLANTED) + len(ALLOWED) + 1} includes planted, {len(failures)} judged wrongly")
    return 1 if failures else 0


def main():
    parser = argparse.ArgumentParser(description="Checks who includes whom in src/.")
    parser.add_argument("--self-test", action="store_true", help="plant wrong includes in a copy and see them found")
    parser.add_argument("--src", type=Path, default=Path(__file__).resolve().parent.parent / "src")
    arguments = parser.parse_args()
    if arguments.self_test:
        return self_test(arguments.src)
    files, problems = check(arguments.src)
    root = arguments.src.parent
    for file, line, rule in problems:
        print(f"{file.relative_to(root)}:{line}: {rule}")
    print(f"{len(files)} files, {len(problems)} wrong includes")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
