"""One file, five models, each with too few lines for a Bedrock job."""

import collections

import pytest

import exactness
import fleet
import harness

# Public name: Bedrock's model, how many lines. 137 in all, each below the minimum.
MODELS = {
    "claude": ("us.anthropic.claude-3-5-sonnet-20240620-v1:0", 41),
    "nova": ("us.amazon.nova-lite-v1:0", 32),
    "llama": ("us.meta.llama3-1-8b-instruct-v1:0", 30),
    "mistral": ("mistral.mistral-large-3-675b-instruct", 23),
    "gpt-oss": ("openai.gpt-oss-20b-1:0", 11),
}


@pytest.fixture(scope="module")
def lines():
    """Interleaved, as a file of many authors is."""
    left = {name: count for name, (_, count) in MODELS.items()}
    made = []
    while any(left.values()):
        for name in MODELS:
            if left[name]:
                left[name] -= 1
                made.append(harness.chat_line(f"{name}-{left[name]}", f"[[sandbox:echo {name} {left[name]}]]", name))
    assert len(made) == 137
    return made


@pytest.fixture(scope="module")
def sandbox_of_all(tmp_path_factory):
    running = harness.Sandbox(tmp_path_factory.mktemp("sandbox"))
    yield running
    assert running.stop() == 0, running.log_end()


@pytest.fixture
def serve(sandbox_of_all, tmp_path):
    running = []

    def start(**params):
        entries = [fleet.deployment(name, model, sandbox_of_all, harness.REGION, harness.BUCKET, **params)
                   for name, (model, _) in MODELS.items()]
        config = fleet.write_config(tmp_path / "config.yaml", entries, proxy_batch_polling_interval=0.2)
        running.append(harness.Server(tmp_path / "server", config, sandbox=False))
        return running[-1]

    yield start
    for server in running:
        assert server.stop() == 0, server.log_end()


def test_each_line_is_answered_on_demand_by_its_own_model(serve, sandbox_of_all, lines):
    server = serve()
    batch = server.run_batch(harness.to_jsonl(lines), timeout=150)
    assert batch["status"] == "completed", batch
    assert exactness.check_answers(server, batch, [line["custom_id"] for line in lines]) == (137, 0)
    assert batch["error_file_id"] is None
    models = collections.Counter()
    for line in server.result_lines(batch["output_file_id"]):
        name, _, number = line["custom_id"].rpartition("-")
        body = line["response"]["body"]
        assert body["choices"][0]["message"]["content"] == f"{name} {number}"
        assert body["model"] == name
        models[name] += 1
    assert models == {name: count for name, (_, count) in MODELS.items()}
    records = sandbox_of_all.records()
    assert records["jobs"] == []
    assert records["invocations"]["distinct"] == 137
    assert exactness.spent(server, [batch["id"]]) == exactness.used(records)


def test_where_that_is_not_wanted_the_batch_fails_and_names_every_model(serve, sandbox_of_all, lines):
    before = sandbox_of_all.records()["invocations"]["calls"]
    server = serve(small_batch="reject")
    batch = server.run_batch(harness.to_jsonl(lines), timeout=150)
    assert batch["status"] == "failed", batch
    errors = batch["errors"]["data"]
    assert [error["code"] for error in errors] == ["batch_below_minimum_records"] * len(MODELS)
    for name, (_, count) in MODELS.items():
        [message] = [error["message"] for error in errors if f"'{name}'" in error["message"]]
        assert f"{count} requests" in message and "100" in message
    assert batch["output_file_id"] is None and batch["error_file_id"] is None
    assert batch["request_counts"] == {"total": 0, "completed": 0, "failed": 0}
    records = sandbox_of_all.records()
    assert records["jobs"] == [] and records["invocations"]["calls"] == before
