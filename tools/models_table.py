#!/usr/bin/env python3
"""Writes docs/models.md: what each model family can do, each cell backed by a golden test, and every model.

    tools/models_table.py --quarry build/dev/quarry            writes the page
    tools/models_table.py --quarry build/dev/quarry --check    exits 1 where the page is not what it would write

A cell comes from tests/golden/<family>/<endpoint>.<case>.*: "yes" where a request that uses the feature becomes a
model's body, "refused" where it only becomes an error. Requests whose parameters are dropped prove nothing and are
passed over. The link leads to the golden file; its title is the test's name in `ctest -R`.
"""

import argparse
import json
import pathlib
import re
import subprocess
import sys

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
PAGE = REPOSITORY / "docs" / "models.md"
GOLDEN = REPOSITORY / "tests" / "golden"
PATHS = {"chat": "/v1/chat/completions", "completions": "/v1/completions", "responses": "/v1/responses",
         "embeddings": "/v1/embeddings"}
COMMAND = "tools/models_table.py --quarry build/dev/quarry"

LINKS = {}


class Case:
    """One golden case: a request, a result, or both."""

    def __init__(self, family, endpoint, name):
        self.family, self.endpoint, self.name = family, endpoint, name

    def path(self, kind):
        return GOLDEN / self.family / f"{self.endpoint}.{self.name}.{kind}.json"

    def read(self, kind):
        return json.loads(self.path(kind).read_text()) if self.path(kind).exists() else None

    def link(self, word, kind):
        """A reference; what it refers to is gathered in LINKS, so that the tables stay readable as text."""
        suite = {"request": "GoldenRequest.BecomesTheModelsBody", "result": "GoldenResult.BecomesOpenAisBody"}[kind]
        test = f"{self.family}_{self.endpoint}_{self.name}"
        mark = test if kind == "request" else f"{test}_result"
        LINKS[mark] = f'../{self.path(kind).relative_to(REPOSITORY)} "Files/{suite}/{test}"'
        return f"[{word}][{mark}]"


def cases():
    found = set()
    for path in GOLDEN.glob("*/*.json"):
        endpoint, dot, rest = path.name.removesuffix(".json").partition(".")
        name, dot2, _kind = rest.rpartition(".")
        if dot and dot2 and endpoint in PATHS:
            found.add((path.parent.name, endpoint, name))
    return [Case(*one) for one in sorted(found)]


# What a request uses. Each takes the body of a line.

def messages(body):
    listed = body.get("messages")
    if listed is None:
        listed = body.get("input") if isinstance(body.get("input"), list) else []
    return [message for message in listed if isinstance(message, dict)]


def parts(body):
    for message in messages(body):
        content = message.get("content")
        yield from (part for part in content if isinstance(part, dict)) if isinstance(content, list) else ()


def has_part(body, *kinds):
    return any(part.get("type") in kinds for part in parts(body))


def uses_system(body):
    return bool(body.get("instructions")) or any(m.get("role") in ("system", "developer") for m in messages(body))


def uses_images(body):
    if has_part(body, "image_url", "input_image"):
        return True
    texts = body.get("input") if isinstance(body.get("input"), list) else [body.get("input")]
    return any(isinstance(text, str) and text.startswith("data:image/") for text in texts)


def uses_documents(body):
    return has_part(body, "file", "input_file")


def uses_tools(body):
    return bool(body.get("tools")) and body.get("tool_choice") != "none"


def uses_tool_choice(body):
    choice = body.get("tool_choice")
    return bool(body.get("tools")) and (choice == "required" or isinstance(choice, dict))


def uses_json_schema(body):
    wanted = body.get("response_format") or (body.get("text") or {} if isinstance(body.get("text"), dict) else {})
    wanted = wanted.get("format", wanted) if isinstance(wanted, dict) else {}
    return isinstance(wanted, dict) and wanted.get("type") == "json_schema"


def uses_reasoning(body):
    effort = body.get("reasoning_effort") or (body.get("reasoning") or {}).get("effort")
    thinking = body.get("thinking")
    return effort not in (None, "none") or (isinstance(thinking, dict) and thinking.get("type") == "enabled")


def uses_stop(body):
    return bool(body.get("stop"))


def uses_prefill(body):
    listed = messages(body)
    return bool(listed) and listed[-1].get("role") == "assistant" and not listed[-1].get("tool_calls")


def uses_list(body):
    given = body.get("prompt") if "prompt" in body else body.get("input")
    return isinstance(given, list) and len(given) > 1 and all(isinstance(one, str) for one in given)


def uses_dimensions(body):
    return body.get("dimensions") is not None


def uses_base64(body):
    return body.get("encoding_format") == "base64"


def uses_text(body):
    """Nothing but text, so that the column says no more than its name."""
    return not (uses_images(body) or uses_documents(body) or body.get("tools"))


# Column -> (what it is found by, the part of an error's `param` that refuses it), by endpoint.
CHAT = {"text": (uses_text, None), "system": (uses_system, "system"), "images": (uses_images, "content"),
        "documents": (uses_documents, "content"), "tools": (uses_tools, "tools"),
        "tool choice": (uses_tool_choice, "tool_choice"), "JSON schema": (uses_json_schema, "response_format"),
        "reasoning": (uses_reasoning, "reasoning"), "stop": (uses_stop, "stop"),
        "prefill": (uses_prefill, "messages")}
RESPONSES = {name: found for name, found in CHAT.items() if name != "stop"}
RESPONSES["JSON schema"] = (uses_json_schema, "text")
COMPLETIONS = {"text": (uses_text, None), "lists": (uses_list, "prompt"), "stop": (uses_stop, "stop")}
EMBEDDINGS = {"text": (uses_text, None), "lists": (uses_list, "input"), "images": (uses_images, "input"),
              "dimensions": (uses_dimensions, "dimensions"), "base64": (uses_base64, "encoding_format")}
FEATURES = {"chat": CHAT, "responses": RESPONSES, "completions": COMPLETIONS, "embeddings": EMBEDDINGS}


def plainness(case):
    """Fewer keys are plainer, then shorter names: `tools` before `tools_closed_schema`."""
    request = case.read("request")
    return (len(request) if request else 0, len(case.name), case.name)


def request_cell(mine, found_by, refused_by):
    """The plainest request that uses the feature and becomes a body; else the plainest that is refused for it."""
    using = [case for case in sorted(mine, key=plainness)
             if not case.name.endswith("_dropped") and case.read("request") is not None
             and found_by(case.read("request"))]
    for case in using:
        if case.path("bedrock").exists():
            return case.link("yes", "request")
    for case in using:
        error = case.read("error")
        if error and refused_by and refused_by in (error.get("param") or ""):
            return case.link("refused", "request")
    return ""


def usage_cell(mine):
    absent = None
    for case in sorted(mine, key=plainness):
        body = case.read("openai")
        if body is None or not case.path("result").exists():
            continue
        if not body.get("usage_absent"):
            return case.link("yes", "result")
        absent = absent or case
    return absent.link("from AWS's counts", "result") if absent else ""


def family_tables(models):
    """One table an endpoint, a row a family that has models for it (`converse` has no model of its own but runs any)."""
    offered = {}
    for model in models:
        for endpoint in model["endpoints"]:
            offered.setdefault(endpoint.replace("chat_completions", "chat"), set()).add(model["family"])
    by_place = {}
    for case in cases():
        by_place.setdefault((case.endpoint, case.family), []).append(case)
    text = []
    for endpoint, features in FEATURES.items():
        families = sorted(offered.get(endpoint, set()))
        text.append(f"### `{PATHS[endpoint]}`\n")
        text.append("| family | " + " | ".join(features) + " | usage |")
        text.append("|---" * (len(features) + 2) + "|")
        for family in families:
            mine = by_place.get((endpoint, family), [])
            cells = [request_cell(mine, *how) for how in features.values()]
            text.append(f"| `{family}` | " + " | ".join(cells + [usage_cell(mine)]) + " |")
        text.append("")
    return text


def count(number):
    if not number:
        return ""
    return f"{number:,}"


def output_ceiling(model):
    """InvokeModel's first, where it is below the model's own."""
    native, most = model["native_output_tokens_max"], model["output_tokens_max"]
    if not native or (most and most <= native):
        return count(most)
    return f"{count(native)} (Converse {count(most) or 'not known'})"


def money(prices):
    return f"{prices['input']} / {prices['output']}" if prices else "not known"


def features_of(model):
    words = [name for name in model["inputs"] if name != "text"]
    words += [word for word, has in (("tools", model["tools"]), ("JSON schema", model["json_schema"])) if has]
    if model["reasoning"] != "none":
        words.append(f"reasoning ({model['reasoning']})")
    if model["dimensions"]:
        words.append("dimensions " + ", ".join(map(str, model["dimensions"])))
    return ", ".join(words)


def model_table(models):
    text = ["| model | family | beside text | context | output | batch | on demand |", "|---|---|---|--:|--:|---|---|"]
    for model in models:
        family = f"{model['family']} {model['variant']}".strip()
        batch = money(model["batch_prices"]) if model["batch"] else "no"
        text.append(f"| `{model['id']}` | {family} | {features_of(model)} | {count(model['context_tokens_max'])} | "
                    f"{output_ceiling(model)} | {batch} | {money(model['on_demand'])} |")
    return text + [""]


def profile_table(models):
    """Where a profile, or the bare id of a model that has a global profile, costs something else."""
    text = ["| model | called by | batch | on demand |", "|---|---|---|---|"]
    for model in models:
        other = {}
        for prefix, prices in model["profile_prices"].items():
            shown = (money(prices["batch_prices"]) if model["batch"] else "no", money(prices["on_demand"]))
            if shown != (money(model["batch_prices"]) if model["batch"] else "no", money(model["on_demand"])):
                other.setdefault(shown, []).append(f"`{prefix}.`" if prefix else "its id")
        for (batch, on_demand), prefixes in other.items():
            text.append(f"| `{model['id']}` | {' '.join(prefixes)} | {batch} | {on_demand} |")
    return text + [""]


def page(models):
    lines = [
        "# Models", "",
        f"<!-- Written by {COMMAND}: change the golden files or data/models.yaml, not this page. -->", "",
        "A line in OpenAI's format goes to any of these, and its result comes back in OpenAI's format.", "",
        "## What works with which family", "",
        "A **yes** leads to a golden file that a test translates: what the client writes, and beside it what the model "
        "is sent. **refused**: the line is an error before anything is paid for. An empty cell: the family has no "
        "such thing, or no test says so. Not every model of a family has every feature; the second table says which. "
        "`converse` stands for any chat model whose deployment says `bedrock_invocation: converse`, or has no body of "
        "its own here. Usage \"from AWS's counts\": the model's answers name no tokens, the job's manifest or the "
        "response's headers do.", ""]
    lines += family_tables(models)
    lines += ["## All models", "",
              "Prices are US dollars per million tokens, input / output, of the global inference profile or of the only "
              "price there is, in us-east-1 and us-west-2. An empty ceiling is not known, and then not checked. "
              "`quarry models --json` has every field, and where and when each price was read.", ""]
    lines += model_table(models)
    lines += ["### Profiles that cost something else", ""]
    lines += profile_table(models)
    lines += [f"[{mark}]: {target}" for mark, target in sorted(LINKS.items())]
    return "\n".join(lines).rstrip("\n") + "\n"


def missing_tests(text):
    """Tests that the page names and that are not there any more."""
    named = re.findall(r'^\[\w+\]: \.\./(tests/golden/\S+) "', text, re.MULTILINE)
    return sorted({path for path in named if not (REPOSITORY / path).exists()})


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quarry", required=True, help="the built program")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where the page is not up to date")
    options = parser.parse_args()
    listed = subprocess.run([options.quarry, "models", "--json"], check=True, capture_output=True, text=True).stdout
    wanted = page(json.loads(listed)["data"])
    if not options.check:
        PAGE.write_text(wanted)
        return 0
    there = PAGE.read_text() if PAGE.exists() else ""
    for path in missing_tests(there):
        print(f"docs/models.md names {path}, which is not there", file=sys.stderr)
    if there == wanted:
        return 0
    print(f"docs/models.md is not up to date; hint: {COMMAND}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
