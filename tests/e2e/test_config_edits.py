"""A configuration that is edited while jobs run: their results are read as what they were made."""

import time

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


# --- what nobody can end any more ---

def many_times_faster():
    """A batch is given up ten minutes after it was cancelled."""
    return ["--clock-speed", "200", "--clock-origin", str(int(time.time()))]


def created_batch(server):
    file = server.upload(harness.chat_lines(LINES)).json
    return server.request("POST", "/v1/batches", {
        "input_file_id": file["id"], "endpoint": "/v1/chat/completions", "completion_window": "24h"}).json["id"]


@pytest.fixture
def serve(slow_sandbox, tmp_path):
    """serve(config, *args): a server on the same data each time; the last one stops well."""
    started = []

    def start(config, *args):
        started.append(harness.Server(tmp_path / "server", config, sandbox=False, extra_args=args))
        return started[-1]

    yield start
    assert started[-1].stop() == 0, started[-1].log_end()


def cancelled(server, batch_id):
    answer = server.request("POST", f"/v1/batches/{batch_id}/cancel")
    assert answer.status == 200, answer.text
    return server.wait(batch_id)


def check_given_up(server, batch, why):
    assert batch["status"] == "cancelled", batch
    assert batch["request_counts"] == {"total": LINES, "completed": 0, "failed": 0}
    [error] = batch["errors"]["data"]
    assert error["code"] == "job_given_up" and error["message"].startswith(f"{LINES} lines have no result: "), error
    assert why in error["message"]
    assert harness.BUCKET not in error["message"]
    assert batch["output_file_id"] is None and batch["error_file_id"] is None
    [end] = [row for row in server.spend() if row["call_type"] == "batch_success"]
    assert end["spend"] is None, "nobody knows what AWS did"
    return end


def test_a_cancelled_batch_whose_deployment_is_gone_ends(serve, slow_sandbox, tmp_path):
    config = harness.write_config(tmp_path / "config.yaml", slow_sandbox)
    server = serve(config)
    batch_id = created_batch(server)
    harness.await_true(lambda: "job submitted" in server.log())
    assert server.stop() == 0

    config.write_text(config.read_text().replace(harness.BEDROCK_MODEL, "us.amazon.nova-lite-v1:0"))
    server = serve(config, *many_times_faster())
    harness.await_true(lambda: "no longer configured" in server.log())
    assert server.batch(batch_id)["status"] == "in_progress"  # it may come back
    check_given_up(server, cancelled(server, batch_id), "is no longer configured")


def test_a_cancelled_batch_whose_objects_are_gone_ends(serve, slow_sandbox, tmp_path):
    config = harness.write_config(tmp_path / "config.yaml", slow_sandbox)
    server = serve(config, *many_times_faster())
    batch_id = created_batch(server)
    harness.await_true(lambda: "job submitted" in server.log())
    s3 = slow_sandbox.client("s3")
    for row in s3.list_objects_v2(Bucket=harness.BUCKET, Prefix="quarry/jobs/")["Contents"]:
        s3.delete_object(Bucket=harness.BUCKET, Key=row["Key"])
    harness.await_true(lambda: "custom_ids" in server.log())
    assert server.batch(batch_id)["status"] == "in_progress"  # somebody may put them back
    end = check_given_up(server, cancelled(server, batch_id), "specified key does not exist")
    assert end["unpriced"] is False, "a price is known, but not what it is to be paid for"
