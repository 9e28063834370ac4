"""`quarry validate`: every fault of a file is printed with its line, code and parameter, before anything is
uploaded; the jobs and what they would cost; and it says of a file what creating its batch says."""

import json
import os
import re
import subprocess

import pytest

import harness
from harness import chat_line

CLAUDE = "claude"
LINE_BYTES_MAX = 60_000
CONFIG = f"""\
model_list:
  - model_name: {CLAUDE}
    litellm_params:
      model: bedrock/us.anthropic.claude-haiku-4-5-20251001-v1:0
      s3_bucket_name: my-bucket
      s3_region_name: us-west-2
      aws_batch_role_arn: arn:aws:iam::123456789012:role/batch
general_settings:
  max_line_bytes: {LINE_BYTES_MAX}
"""
TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}


def fine(custom_id, **body):
    return chat_line(custom_id, model=CLAUDE, **body)


def said_of(custom_id, role="user", content="Hi", **message):
    return fine(custom_id, messages=[{"role": role, "content": content, **message}])


def without(line, *path):
    *parents, last = path
    at = line
    for parent in parents:
        at = at[parent]
    del at[last]
    return line


def image(custom_id, url):
    return said_of(custom_id, content=[{"type": "image_url", "image_url": {"url": url}}])


def raw(custom_id, before, after):
    text = json.dumps(fine(custom_id))
    assert before in text
    return text.encode().replace(before.encode(), after)


# (the line, its code, its parameter). A code and a parameter of None: nothing is wrong with the line.
FAULTS = [
    (fine("good"), None, None),
    # What fails the whole batch.
    (b"{not json", "invalid_json_line", None),
    (b"[1, 2]", "invalid_request", None),
    (b'"text"', "invalid_request", None),
    (without(fine("x"), "custom_id"), "missing_required_parameter", "custom_id"),
    (without(fine("no-method"), "method"), "missing_required_parameter", "method"),
    (without(fine("no-url"), "url"), "missing_required_parameter", "url"),
    (without(fine("no-body"), "body"), "missing_required_parameter", "body"),
    (fine(7), "invalid_request", "custom_id"),
    (fine(""), "invalid_request", "custom_id"),
    (fine("i" * 600), "invalid_request", "custom_id"),
    ({**fine("body-text"), "body": "text"}, "invalid_request", "body"),
    ({**fine("url-number"), "url": 5}, "invalid_request", "url"),
    (fine("good"), "duplicate_custom_id", "custom_id"),
    ({**fine("get"), "method": "GET"}, "invalid_method", "method"),
    ({**fine("wrong-url"), "url": "/v1/embeddings"}, "invalid_url", "url"),
    ({**fine("no-such-url"), "url": "/v1/nowhere"}, "invalid_url", "url"),
    (chat_line("unknown-model", model="gpt-4"), "model_not_found", "body.model"),
    (without(fine("no-model"), "body", "model"), "invalid_request", "body.model"),
    (chat_line("model-number", model=3), "invalid_request", "body.model"),
    (without(fine("no-messages"), "body", "messages"), "invalid_request", "body.messages"),
    (fine("streams", stream=True), "streaming_unsupported", "body.stream"),
    (raw("bad-utf8", "Hello", b"\xff\xfe"), "invalid_request", None),
    (raw("surrogate", "Hello", rb"\ud800"), "invalid_request", None),
    (said_of("too-long", content="a" * LINE_BYTES_MAX), "invalid_request", None),
    # What this line alone pays for.
    (fine("n", n=2), "unsupported_parameter", "body.n"),
    (fine("hot", temperature=2.5), "invalid_value", "body.temperature"),
    (fine("warm-text", temperature="warm"), "invalid_value", "body.temperature"),
    (fine("both", temperature=0.5, top_p=0.5), "unsupported_parameter", "body.top_p"),
    (fine("many-tokens", max_tokens=10_000_000), "invalid_value", "body.max_tokens"),
    (fine("no-tokens", max_tokens=0), "invalid_value", "body.max_tokens"),
    (said_of("bad-role", role="judge"), "invalid_value", "body.messages[0].role"),
    (fine("empty-messages", messages=[]), "invalid_value", "body.messages"),
    (fine("messages-text", messages="Hi"), "invalid_value", "body.messages"),
    (image("bad-image", "not a url"), "invalid_value", "body.messages[0].content[0].image_url"),
    (image("http-image", "https://example.com/cat.png"), "invalid_value", "body.messages[0].content[0].image_url"),
    (image("no-image", "data:image/png;base64,!!!"), "invalid_value", "body.messages[0].content[0].image_url"),
    (fine("nameless-tool", tools=[{"type": "function", "function": {}}]), "missing_required_parameter",
     "body.tools[0].function.name"),
    (fine("unknown-tool", tools=[TOOL], tool_choice={"type": "function", "function": {"name": "time"}}),
     "invalid_value", "body.tool_choice.function.name"),
    (fine("logprobs", logprobs=True), "unsupported_parameter", "body.logprobs"),
    (fine("format", response_format={"type": "xml"}), "invalid_value", "body.response_format.type"),
    (fine("many-stops", stop=["a"] * 10_000), "invalid_value", "body.stop"),
    (fine("unknown-parameter", colour="red"), "unsupported_parameter", "body.colour"),
]


def quarry_validate(path, *args):
    return subprocess.run([harness.binary(), "validate", str(path), *args], capture_output=True, text=True,
                          timeout=60)


def found(output):
    """What was printed of lines: {(line, code, param)}."""
    return {(int(line), code, param) for line, code, param in
            re.findall(r"^line (\d+): (\S+?)(?: (body\S*|custom_id|method|url))?: ", output, re.MULTILINE)}


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    path = tmp_path_factory.mktemp("config") / "config.yaml"
    path.write_text(CONFIG)
    return path


@pytest.fixture(scope="module")
def faulty(tmp_path_factory):
    path = tmp_path_factory.mktemp("faulty") / "faulty.jsonl"
    path.write_bytes(harness.to_jsonl([line for line, _, _ in FAULTS]))
    return path


def expected():
    return {(number, code, param or "") for number, (_, code, param) in enumerate(FAULTS, 1) if code}


def test_each_of_forty_faults_is_printed_with_its_line_code_and_parameter(config, faulty):
    done = quarry_validate(faulty, "--config", str(config))
    assert done.returncode == 1, done.stderr
    assert len(expected()) >= 30
    assert found(done.stdout) == expected(), done.stdout
    errors = sum(1 for line, code, _ in FAULTS[:25] if code)
    refused = len(FAULTS) - 25
    assert done.stdout.splitlines()[-1] == (
        f"{errors} errors fail the batch; {refused} lines would end in the error file; 1 of {len(FAULTS)} lines are fine")


def test_findings_come_in_the_order_of_lines_and_the_jobs_before_them(config, faulty):
    lines = quarry_validate(faulty, "--config", str(config)).stdout.splitlines()
    numbers = [int(line.split()[1][:-1]) for line in lines if line.startswith("line ")]
    assert numbers == sorted(numbers)
    first_finding = next(i for i, line in enumerate(lines) if line.startswith("line "))
    assert any(line.startswith("JOB ") for line in lines[:first_finding])
    assert any(line.startswith("estimate: about ") for line in lines[:first_finding])


def test_the_json_has_all_of_it(config, faulty):
    done = quarry_validate(faulty, "--config", str(config), "--json")
    assert done.returncode == 1
    report = json.loads(done.stdout)
    assert (report["object"], report["would"]) == ("batch.dry_run", "fail")
    every = report["errors"]["data"] + report["refused"]["data"]
    assert {(f["line"], f["code"], f["param"] or "") for f in every} == expected()
    assert report["errors"]["total"] == len(report["errors"]["data"])
    by_line = {f["line"]: f for f in every}
    names = {number: line["custom_id"] for number, (line, code, _) in enumerate(FAULTS, 1)
             if code and number > 25}
    assert {number: by_line[number]["custom_id"] for number in names} == names


def test_creating_the_batch_says_the_same_of_its_lines(tmp_path, sandbox, faulty):
    """The words of upload, validation and translation are one: who has validated knows what will be said."""
    path = harness.write_config(tmp_path / "config.yaml", sandbox)
    server = harness.Server(tmp_path / "server", path, sandbox=False)
    lines = [harness.chat_line("good"), *(line for line, code, _ in FAULTS[1:25] if code != "model_not_found")]
    content = harness.to_jsonl(lines).replace(f'"{CLAUDE}"'.encode(), json.dumps(harness.MODEL).encode())
    bad = tmp_path / "bad.jsonl"
    bad.write_bytes(content)
    done = quarry_validate(bad, "--config", str(path), "--json")
    try:
        batch = server.run_batch(content)
        assert batch["status"] == "failed"
        said = [(e["line"], e["code"], e["param"], e["message"]) for e in batch["errors"]["data"]]
        foretold = [(e["line"], e["code"], e["param"], e["message"])
                    for e in json.loads(done.stdout)["errors"]["data"]]
        # Creating reads what no scan objects to no further once it has failed.
        assert len(said) >= 20 and set(said) <= set(foretold)
    finally:
        assert server.stop() == 0


def test_a_good_file_is_its_jobs_and_their_cost(config, tmp_path):
    path = tmp_path / "good.jsonl"
    path.write_bytes(harness.to_jsonl([fine(f"id-{i}", max_tokens=100) for i in range(120)]))
    done = quarry_validate(path, "--config", str(config))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "nothing is wrong with 120 lines"
    job = next(line for line in done.stdout.splitlines() if line.startswith("1 "))
    for word in ("as a job", "us.anthropic.claude-haiku-4-5-20251001-v1:0", "us-west-2", "my-bucket", "120", "12,000"):
        assert word in job
    report = json.loads(quarry_validate(path, "--config", str(config), "--json").stdout)
    assert report["would"] == "complete_validation"
    estimate = report["estimate"]
    # "Hello world!" and the marks around it; Haiku 4.5's regional batch prices: 0.55 and 2.75 dollars a million.
    assert 120 * 8 <= estimate["input_tokens"] <= 120 * 12
    assert estimate["output_tokens_max"] == 12_000
    assert estimate["batch_cost_usd"] == pytest.approx(
        (estimate["input_tokens"] * 0.55 + 12_000 * 2.75) / 1e6, rel=1e-4)
    assert estimate["on_demand_cost_usd"] == pytest.approx(2 * estimate["batch_cost_usd"], rel=1e-4)
    assert (estimate["unpriced"], estimate["unbounded"]) == ([], [])


def test_without_a_config_the_form_is_checked_and_one_hint_says_so(tmp_path):
    path = tmp_path / "in.jsonl"
    path.write_bytes(harness.to_jsonl([
        chat_line("a", model="mine"), chat_line("b", model="mine", logprobs=True), chat_line("a", model="yours"),
        chat_line("c", model="yours", messages=[{"role": "judge", "content": "Hi"}])]))
    done = quarry_validate(path)
    assert done.returncode == 1
    assert found(done.stdout) == {(3, "duplicate_custom_id", "custom_id"), (4, "invalid_value", "body.messages[0].role")}
    assert done.stdout.count("hint:") == 1 and "--config FILE" in done.stdout
    assert "model_not_found" not in done.stdout


def test_without_a_config_a_models_own_name_is_enough(tmp_path):
    path = tmp_path / "in.jsonl"
    path.write_bytes(harness.to_jsonl([chat_line(f"id-{i}") for i in range(3)]))
    done = quarry_validate(path, "-m", "bedrock/us.anthropic.claude-haiku-4-5-20251001-v1:0")
    assert done.returncode == 0, done.stdout
    assert "us.anthropic.claude-haiku-4-5-20251001-v1:0" in done.stdout and "on demand" in done.stdout
    assert "hint:" not in done.stdout


def test_the_endpoint_is_that_of_the_lines_or_of_the_command(tmp_path):
    path = tmp_path / "in.jsonl"
    line = {"custom_id": "a", "method": "POST", "url": "/v1/embeddings",
            "body": {"model": "amazon.titan-embed-text-v2:0", "input": "text"}}
    path.write_bytes(harness.to_jsonl([line]))
    assert quarry_validate(path).returncode == 0
    done = quarry_validate(path, "--endpoint", "/v1/chat/completions")
    assert done.returncode == 1
    assert found(done.stdout) == {(1, "invalid_url", "url")}


def test_what_a_file_holds_does_not_reach_the_terminal_as_it_is(config, tmp_path):
    path = tmp_path / "in.jsonl"
    path.write_bytes(harness.to_jsonl([chat_line("a", model="\x1b[2Jgone")]))
    done = quarry_validate(path, "--config", str(config))
    assert "\x1b" not in done.stdout and "\\x1b[2Jgone" in done.stdout


def test_more_findings_than_a_server_keeps_are_all_printed(config, tmp_path):
    path = tmp_path / "in.jsonl"
    path.write_bytes(b"{\n" * 2500)
    done = quarry_validate(path, "--config", str(config))
    assert len(found(done.stdout)) == 2500


@pytest.mark.parametrize("args", [
    ["no-such-file.jsonl"], ["."], [], ["in.jsonl", "--endpoint", "/v1/images"],
    ["in.jsonl", "--config", "no-such-config.yaml"], ["in.jsonl", "--config", "config.yaml", "-m", "other"]])
def test_wrong_usage_is_told_apart_from_a_wrong_file(tmp_path, args):
    (tmp_path / "in.jsonl").write_bytes(harness.to_jsonl([chat_line("a")]))
    (tmp_path / "config.yaml").write_text(CONFIG)
    done = subprocess.run([harness.binary(), "validate", *args], cwd=tmp_path, capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == 2
    assert done.stderr.startswith("quarry") and done.stdout == ""


def test_an_empty_file_fails(tmp_path):
    path = tmp_path / "in.jsonl"
    path.write_bytes(b"\n\n")
    done = quarry_validate(path)
    assert done.returncode == 1
    assert "batch: empty_file: " in done.stdout


def test_what_cannot_be_read_twice_is_wrong_usage(tmp_path):
    good = tmp_path / "good.jsonl"
    good.write_bytes(harness.to_jsonl([fine("a")]))

    def refused(path, **options):
        done = subprocess.run([harness.binary(), "validate", str(path)], capture_output=True, text=True, timeout=30,
                              **options)
        assert done.returncode == 2 and done.stdout == "", done.stdout + done.stderr
        return done.stderr

    assert "hint: give the file's own name" in refused("/dev/stdin", input=good.read_text())
    assert "hint: give the file's own name" in refused("-", input=good.read_text())
    os.mkfifo(tmp_path / "pipe")
    assert "hint: give the file's own name" in refused(tmp_path / "pipe")
    assert "directory" in refused(tmp_path)
    assert "No such file or directory" in refused(tmp_path / "missing.jsonl")
    with good.open() as stdin:
        done = subprocess.run([harness.binary(), "validate", "/dev/stdin"], stdin=stdin, capture_output=True, text=True,
                              timeout=30)
    assert done.returncode == 0 and "nothing is wrong with 1 line" in done.stdout
