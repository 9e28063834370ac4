"""One entry of model_list whose name has a star serves every model of the catalog."""

import json

import pytest

import harness
from harness import chat_line

HAIKU = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
NOVA = "us.amazon.nova-lite-v1:0"
LLAMA = "us.meta.llama3-1-8b-instruct-v1:0"
LINES = 110


@pytest.fixture
def slow_sandbox(tmp_path):
    running = harness.Sandbox(tmp_path / "sandbox", job_seconds=3)
    yield running
    assert running.stop() == 0, running.log_end()


def with_star(path, sandbox, name="bedrock/*", model="bedrock/*"):
    config = harness.write_config(path, sandbox)
    text = config.read_text().replace(
        f"model_name: {harness.MODEL}", f'model_name: "{name}"').replace(
        f"model: bedrock/{harness.BEDROCK_MODEL}", f'model: "{model}"')
    assert f'"{name}"' in text and f'"{model}"' in text
    config.write_text(text)
    return config


@pytest.fixture
def served(sandbox, tmp_path):
    running = []

    def start(**star):
        running.append(harness.Server(
            tmp_path / "server", with_star(tmp_path / "config.yaml", sandbox, **star), sandbox=False))
        return running[-1]

    yield start
    for server in running:
        assert server.stop() == 0


def mixed_file():
    """Two models with a job each, and a third with too few lines for one."""
    lines = [chat_line(f"{name}-{i}", model=f"bedrock/{model}")
             for i in range(LINES) for name, model in [("haiku", HAIKU), ("nova", NOVA)]]
    lines += [chat_line(f"llama-{i}", model=f"bedrock/{LLAMA}") for i in range(3)]
    return lines


def test_a_mixed_file_outlives_a_restart_that_has_heard_of_no_model(slow_sandbox, tmp_path):
    config = with_star(tmp_path / "config.yaml", slow_sandbox)
    server = harness.Server(tmp_path / "server", config, sandbox=False)
    lines = mixed_file()
    file = server.upload(harness.to_jsonl(lines))
    assert file.status == 200, file.text
    created = server.request("POST", "/v1/batches", {
        "input_file_id": file.json["id"], "endpoint": "/v1/chat/completions", "completion_window": "24h"})
    assert created.status == 200, created.text
    harness.await_true(lambda: len(slow_sandbox.jobs()) == 2)
    server.kill()

    server = harness.Server(tmp_path / "server", config, sandbox=False)
    batch = server.wait(created.json["id"])
    assert batch["request_counts"] == {"total": len(lines), "completed": len(lines), "failed": 0}, batch
    results = server.result_lines(batch["output_file_id"])
    harness.check_result_lines(results)
    sent = {line["custom_id"]: line["body"]["model"] for line in lines}
    assert {line["custom_id"]: line["response"]["body"]["model"] for line in results} == sent
    assert sorted(job["modelId"].rsplit("/")[-1] for job in slow_sandbox.jobs()) == sorted([HAIKU, NOVA])
    paid = [row for row in server.spend() if row["call_type"] == "batch_success"]
    assert len(paid) == 1 and paid[0]["spend"] > 0, paid
    assert server.stop() == 0


def test_the_star_takes_its_place_in_the_model(served, sandbox):
    server = served(name="haiku-*", model="bedrock/us.anthropic.claude-haiku-*")
    batch = server.run_batch(harness.to_jsonl(
        chat_line(f"r-{i}", model="haiku-4-5-20251001-v1:0") for i in range(LINES)))
    assert batch["request_counts"]["completed"] == LINES, batch
    assert [job["modelId"].rsplit("/")[-1] for job in sandbox.jobs()] == [HAIKU]


def test_a_model_that_nobody_knows_is_not_found(served):
    server = served()
    batch = server.run_batch(harness.to_jsonl([
        chat_line("good", model=f"bedrock/{NOVA}"), chat_line("bad", model="bedrock/vendor.made-up-v1:0"),
        chat_line("bare", model=NOVA)]))
    assert batch["status"] == "failed"
    assert [(e["line"], e["code"], e["param"]) for e in batch["errors"]["data"]] == [
        (2, "model_not_found", "body.model"), (3, "model_not_found", "body.model")]


def test_models_lists_the_star_and_finds_what_it_stands_for(served):
    server = served()
    listed = server.request("GET", "/v1/models").json["data"]
    assert [model["id"] for model in listed] == ["bedrock/*"]
    from urllib.parse import quote
    for name, status in [("bedrock/*", 200), (f"bedrock/{NOVA}", 200), ("bedrock/vendor.made-up-v1:0", 404)]:
        assert server.request("GET", f"/v1/models/{quote(name, safe='')}").status == status, name


def test_target_model_names_are_names_that_the_star_stands_for(served):
    server = served()

    def upload(names):
        return server.upload(harness.to_jsonl([chat_line("a", model="whatever")]), fields=[
            ("purpose", "batch"), ("target_model_names", names)])

    refused = upload("bedrock/vendor.made-up-v1:0")
    assert refused.status == 400 and refused.error["param"] == "target_model_names", refused.text
    taken = upload(f"bedrock/{NOVA}")
    assert taken.status == 200, taken.text
    batch = server.wait(server.request("POST", "/v1/batches", {
        "input_file_id": taken.json["id"], "endpoint": "/v1/chat/completions",
        "completion_window": "24h"}).json["id"])
    assert batch["request_counts"] == {"total": 1, "completed": 1, "failed": 0}, json.dumps(batch)


def test_several_target_model_names_are_all_that_lines_may_choose_from(served):
    server = served()
    names = [f"bedrock/{NOVA}", f"bedrock/{HAIKU}"]
    lines = [chat_line("a", model=names[0]), chat_line("b", model=f"bedrock/{LLAMA}"), chat_line("c", model=names[1])]
    file = server.upload(harness.to_jsonl(lines), fields=[
        ("purpose", "batch"), ("target_model_names", ",".join(names))])
    assert file.status == 200, file.text
    batch = server.wait(server.request("POST", "/v1/batches", {
        "input_file_id": file.json["id"], "endpoint": "/v1/chat/completions",
        "completion_window": "24h"}).json["id"])
    assert batch["status"] == "failed"
    [error] = batch["errors"]["data"]
    assert (error["line"], error["code"], error["param"]) == (2, "mismatched_model", "body.model")
    for name in [f"bedrock/{LLAMA}", *names]:
        assert name in error["message"]
