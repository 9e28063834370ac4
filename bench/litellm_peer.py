#!/usr/bin/env python3
"""The same batch lines through LiteLLM's own translation to Bedrock's records.

    litellm_peer.py DUMP     DUMP is what `translate_bench --dump DUMP` wrote

LiteLLM is installed, at one version, into a virtual environment of its own below build/. What is
timed on both sides is a whole line: read from JSONL, translated, written as a record of a job's
input; in CPU seconds of one thread. What LiteLLM's batch path does not translate is said below
the table.
"""

import collections
import importlib.metadata
import json
import os
import pathlib
import subprocess
import sys
import time
import venv

LITELLM = "1.105.2"
PACKAGES = [f"litellm=={LITELLM}", "boto3==1.44.5"]
ROOT = pathlib.Path(__file__).resolve().parent.parent
VENV = ROOT / "build" / "litellm-venv"
SECONDS = 1.5  # of each row, at least three rounds

REMARKS = """\
What the figures stand for on LiteLLM's side:
  Claude, Nova, Titan Embed  what its Bedrock files handler does with an uploaded batch.
  OpenAI-shaped              the same; it copies the body but for `model`, and checks nothing.
  Converse                   its transformer for live calls: it makes no Converse batch jobs.
What LiteLLM's batch path leaves to its users, and Quarry does:
  Answers: the content of an output file is Bedrock's own lines, so there is nothing to compare.
  Llama, Mistral's prompts, Titan Text, Command R: lines go out in OpenAI's shape, which these
  models refuse. Of embeddings only Titan's second text model is taken, one input a line."""


def own_version():
    try:
        return importlib.metadata.version("litellm")
    except importlib.metadata.PackageNotFoundError:
        return None


def leave_out(why):
    print(f"note: LiteLLM is left out: {why}")
    sys.exit(0)


def run_in_venv():
    """Starts this script again under the interpreter that has LiteLLM; never returns."""
    python = VENV / "bin" / "python"
    probe = f"import importlib.metadata as m; assert m.version('litellm') == '{LITELLM}'"
    there = python.exists() and subprocess.run([python, "-c", probe], capture_output=True).returncode == 0
    if not there:
        print(f"litellm_peer: installing LiteLLM {LITELLM} into build/{VENV.name}", file=sys.stderr)
        try:
            venv.create(VENV, with_pip=True, clear=True)
        except subprocess.CalledProcessError:
            leave_out("this Python makes no virtual environments (Debian's package is python3-venv)")
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES]
        done = subprocess.run(pip, capture_output=True, text=True)
        if done.returncode != 0:
            last = (done.stderr.strip().splitlines() or ["no word from pip"])[-1]
            leave_out(f"pip could not install it: {last}")
    os.execv(python, [python, __file__, *sys.argv[1:]])


def handlers():
    """family -> (what takes the parsed lines of a file and the model's id, and gives its records)."""
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # nothing is fetched
    import litellm
    from litellm.llms.base_llm.base_utils import map_developer_role_to_system_role
    from litellm.llms.bedrock.chat.converse_transformation import AmazonConverseConfig
    from litellm.llms.bedrock.files.transformation import BedrockFilesConfig

    litellm.suppress_debug_info = True
    files = BedrockFilesConfig()
    transform = files._transform_openai_jsonl_content_to_bedrock_jsonl_content

    def batch(lines, model):
        return transform(lines, target_model=model)

    def converse(lines, model):
        records = []
        for line in lines:
            body = line["body"]
            config = AmazonConverseConfig()
            options = {key: value for key, value in body.items() if key not in ("model", "messages")}
            mapped = config.map_openai_params(
                non_default_params=options, optional_params={}, model=model, drop_params=False
            )
            model_input = config.transform_request(
                model=model,
                messages=map_developer_role_to_system_role(body["messages"]),
                optional_params=mapped,
                litellm_params={},
                headers={},
            )
            records.append({"recordId": line["custom_id"], "modelInput": model_input})
        return records

    return collections.defaultdict(lambda: batch, converse=converse)


def translate_file(content, model, handler):
    """The steps of its BedrockFilesConfig.transform_create_file_request, but for the signed upload."""
    lines = [json.loads(line) for line in content.decode("utf-8").splitlines() if line.strip()]
    return "\n".join(json.dumps(record) for record in handler(lines, model))


def seconds_of(content, model, handler):
    translate_file(content, model, handler)
    taken = []
    while len(taken) < 3 or sum(taken) < SECONDS:
        start = time.process_time()
        translate_file(content, model, handler)
        taken.append(time.process_time() - start)
    return sorted(taken)[len(taken) // 2]


def row(name, part, ours, theirs):
    print(f"{name:14} {part:8} {ours / 1e6:>12.0f} {theirs / 1e6:>13.1f} {ours / theirs:>8.0f} x", flush=True)


def compare(dump):
    handler_of = handlers()
    print(f"\nWhole lines of a batch file to records, MB per CPU second: Quarry and LiteLLM {own_version()}.\n")
    print(f"{'family':14} {'part':8} {'Quarry MB/s':>12} {'LiteLLM MB/s':>13} {'times':>10}")
    rows = [line.split("\t") for line in (dump / "figures.tsv").read_text().splitlines()]
    for family in dict.fromkeys(row[0] for row in rows):
        whole = collections.Counter()
        parts = [row for row in rows if row[0] == family]
        for _, name, model, part, lines_of_1000, lines, size, seconds in parts:
            content = (dump / family / f"{part}.jsonl").read_bytes()
            try:
                theirs = seconds_of(content, model, handler_of[family])
            except Exception as error:  # whatever it makes of a line it cannot translate
                print(f"{name:14} {part:8} LiteLLM refuses: {type(error).__name__}: {str(error)[:120]}")
                continue
            row(name, part, int(size) / float(seconds), int(size) / theirs)
            share = int(lines_of_1000) / int(lines)
            whole["bytes"] += share * int(size)
            whole["ours"] += share * float(seconds)
            whole["theirs"] += share * theirs
        if len(parts) > 1 and whole:
            row(name, "whole", whole["bytes"] / whole["ours"], whole["bytes"] / whole["theirs"])
    print(f"\n{REMARKS}")


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: litellm_peer.py DUMP")
    if own_version() != LITELLM:
        run_in_venv()
    dump = pathlib.Path(sys.argv[1])
    if not (dump / "figures.tsv").exists():
        sys.exit(f"litellm_peer: {dump}/figures.tsv is not there\nhint: translate_bench --dump {dump} writes it")
    compare(dump)


if __name__ == "__main__":
    main()
