"""A configuration that is edited while jobs run: their results are read as what they were made."""

import pytest

import harness

LINES = 110


@pytest.fixture
def slow_sandbox(tmp_path):
    running = harness.Sandbox(tmp_path / "sandbox", job_seconds=3)
    yield running
    assert running.stop() == 0, running.log_end()


def with_invocation(path, sandbox, invocation):
    config = harness.write_config(path, sandbox)
    config.write_text(config.read_text().replace(
        "    model_info:\n", f"      bedrock_invocation: {invocation}\n    model_info:\n"))
    return config


@pytest.mark.parametrize("before, after", [("converse", "native"), ("native", "converse")])
def test_a_job_is_collected_in_the_format_that_it_was_sent_in(slow_sandbox, tmp_path, before, after):
    path = tmp_path / "config.yaml"
    server = harness.Server(tmp_path / "server", with_invocation(path, slow_sandbox, before), sandbox=False)
    file = server.upload(harness.chat_lines(LINES)).json
    created = server.request("POST", "/v1/batches", {
        "input_file_id": file["id"], "endpoint": "/v1/chat/completions", "completion_window": "24h"}).json
    harness.await_true(lambda: "job submitted" in server.log())
    assert server.stop() == 0

    server = harness.Server(tmp_path / "server", with_invocation(path, slow_sandbox, after), sandbox=False)
    batch = server.wait(created["id"])
    assert batch["request_counts"] == {"total": LINES, "completed": LINES, "failed": 0}
    harness.check_result_lines(server.result_lines(batch["output_file_id"]))
    # A new batch is sent in the new format.
    batch = server.run_batch(harness.chat_lines(LINES))
    assert batch["request_counts"]["completed"] == LINES
    assert server.stop() == 0
    assert len(slow_sandbox.jobs()) == 2
