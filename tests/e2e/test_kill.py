"""kill -9 at five moments of one batch: it completes once, whole, and is paid for once."""

import pytest

import harness

LINES = 5000
IDS = [f"request-{i}" for i in range(LINES)]


def moments():
    """Each waits for its moment, told apart by what can be seen from outside."""
    def right_after_the_create(server, sandbox, batch_id):
        pass

    def while_it_is_being_staged(server, sandbox, batch_id):
        harness.await_true(lambda: objects(sandbox, "jobs/") or sandbox.jobs()
                           or server.batch(batch_id)["status"] in harness.TERMINAL)

    def when_the_job_has_been_submitted(server, sandbox, batch_id):
        harness.await_true(lambda: sandbox.jobs() or server.batch(batch_id)["status"] in harness.TERMINAL)

    def when_the_job_has_ended(server, sandbox, batch_id):
        harness.await_true(lambda: sandbox.jobs() and sandbox.jobs()[0]["status"] == "Completed")

    def when_the_first_results_lie_in_s3(server, sandbox, batch_id):
        harness.await_true(lambda: len(objects(sandbox, "files/")) > 1)  # one is the upload itself

    return [right_after_the_create, while_it_is_being_staged, when_the_job_has_been_submitted,
            when_the_job_has_ended, when_the_first_results_lie_in_s3]


def objects(sandbox, infix):
    pages = sandbox.client("s3").get_paginator("list_objects_v2").paginate(Bucket=harness.BUCKET)
    return [entry["Key"] for page in pages for entry in page.get("Contents", []) if infix in entry["Key"]]


def check_whole(server, sandbox, batch_id):
    batch = server.wait(batch_id, timeout=120)
    assert batch["status"] == "completed", batch
    assert batch["request_counts"] == {"total": LINES, "completed": LINES, "failed": 0}
    assert batch["error_file_id"] is None
    lines = server.result_lines(batch["output_file_id"])
    assert sorted(line["custom_id"] for line in lines) == sorted(IDS)
    jobs = sandbox.jobs()
    assert len(jobs) == 1, [(job["jobName"], job["status"]) for job in jobs]
    paid = [row for row in server.spend() if row["batch_id"] == batch_id and row["call_type"] == "batch_success"]
    assert len(paid) == 1, paid
    assert paid[0]["total_tokens"] == batch["usage"]["total_tokens"] == sum(
        line["response"]["body"]["usage"]["total_tokens"] for line in lines)


@pytest.fixture
def restartable(sandbox, tmp_path):
    """start(): the same server again: same data, same port."""
    config = harness.write_config(tmp_path / "config.yaml", sandbox)
    running = []

    def start():
        port = running[-1].port if running else 0
        running.append(harness.Server(tmp_path / "server", config, sandbox=False, port=port))
        return running[-1]

    yield start
    for server in running[:-1]:
        assert server.process.poll() is not None
    assert running[-1].stop() == 0


@pytest.mark.parametrize("moment", moments(), ids=lambda moment: moment.__name__)
def test_a_kill_loses_and_repeats_nothing(restartable, sandbox, moment):
    server = restartable()
    batch_id = create(server)
    moment(server, sandbox, batch_id)
    server.kill()
    check_whole(restartable(), sandbox, batch_id)


def test_five_kills_in_one_batch_lose_and_repeat_nothing(restartable, sandbox):
    server = restartable()
    batch_id = create(server)
    for moment in moments():
        moment(server, sandbox, batch_id)
        server.kill()
        server = restartable()
    check_whole(server, sandbox, batch_id)


def create(server):
    file = server.upload(harness.chat_lines(LINES))
    assert file.status == 200, file.text
    answer = server.request("POST", "/v1/batches", {
        "input_file_id": file.json["id"], "endpoint": "/v1/chat/completions", "completion_window": "24h"})
    assert answer.status == 200, answer.text
    return answer.json["id"]
