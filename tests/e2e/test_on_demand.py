"""Lines run on demand while AWS throttles, fails and the server dies: each is answered, and hardly one twice."""

import random
import re
import time

import pytest

import harness
from harness import chat_line

LINES = 60
CONCURRENCY = 4
OUTAGE_SECONDS = 25
THROTTLED = {"operation": "InvokeModel", "fault": "throttle", "probability": 0.5}


@pytest.fixture
def restartable(sandbox, tmp_path):
    """start(*args): the same server again: same data, same port."""
    config = harness.write_config(tmp_path / "config.yaml", sandbox)
    config.write_text(config.read_text().replace(
        "    model_info:\n", f"      direct_concurrency: {CONCURRENCY}\n    model_info:\n"))
    running = []

    def start(*args):
        port = running[-1].port if running else 0
        running.append(harness.Server(tmp_path / "server", config, sandbox=False, port=port,
                                      extra_args=args))
        return running[-1]

    yield start
    assert running[-1].stop() == 0, running[-1].log_end()


def create(server, lines):
    file = server.upload(harness.to_jsonl(lines))
    assert file.status == 200, file.text
    created = server.request("POST", "/v1/batches", {
        "input_file_id": file.json["id"], "endpoint": "/v1/chat/completions", "completion_window": "24h"})
    assert created.status == 200, created.text
    return created.json["id"]


def questions(count=LINES):
    return [chat_line(f"request-{i}", f"Question {i}") for i in range(count)]


def check_whole(server, batch, count=LINES):
    assert batch["status"] == "completed", batch
    assert batch["request_counts"] == {"total": count, "completed": count, "failed": 0}
    assert batch["error_file_id"] is None
    lines = server.result_lines(batch["output_file_id"])
    harness.check_result_lines(lines)
    assert sorted(line["custom_id"] for line in lines) == sorted(f"request-{i}" for i in range(count))


def fired(sandbox):
    return sum(fault["fired"] for fault in sandbox.faults())


def test_every_throttled_line_is_answered_and_none_twice(restartable, sandbox):
    sandbox.set_faults([THROTTLED], seed=11)
    server = restartable()
    check_whole(server, server.wait(create(server, questions()), timeout=180))
    invocations = sandbox.records()["invocations"]
    assert (invocations["calls"], invocations["repeated"]["calls"]) == (LINES, 0), invocations
    assert fired(sandbox) >= 10


def test_a_kill_repeats_only_what_was_in_flight(restartable, sandbox):
    sandbox.set_faults([THROTTLED], seed=12)
    server = restartable()
    batch_id = create(server, questions())
    kills = 3
    moments = random.Random(3)
    for kill in range(kills):
        wanted = (kill + 1) * LINES // (kills + 1) - moments.randrange(5)
        harness.await_true(lambda wanted=wanted: sandbox.records()["invocations"]["calls"] >= wanted)
        server.kill()
        server = restartable()
    check_whole(server, server.wait(batch_id, timeout=180))
    repeated = sandbox.records()["invocations"]["repeated"]["calls"]
    assert repeated <= kills * CONCURRENCY, repeated
    paid = [row for row in server.spend() if row["call_type"] == "batch_success"]
    assert len(paid) == 1, paid


def test_a_line_that_always_fails_ends_in_the_error_file_and_holds_up_no_other(restartable, sandbox):
    """Even when it is the last: other lines no longer show that it is not the deployment that fails."""
    server = restartable("--clock-speed", "20", "--clock-origin", str(int(time.time())))
    lines = questions()
    lines[0] = chat_line("broken", "[[sandbox:error 500 it hurts]]")
    batch_id = create(server, lines)
    harness.await_true(lambda: sandbox.records()["invocations"]["calls"] == LINES - 1)
    assert server.batch(batch_id)["status"] == "in_progress", "the broken line is still tried"
    batch = server.wait(batch_id, timeout=120)
    assert batch["request_counts"] == {"total": LINES, "completed": LINES - 1, "failed": 1}, batch
    [error] = server.result_lines(batch["error_file_id"])
    assert error["custom_id"] == "broken"
    assert "it hurts" in str(error), error
    assert len(server.result_lines(batch["output_file_id"])) == LINES - 1


def test_lines_that_always_fail_hold_up_no_other(restartable, sandbox):
    """More of them than calls at once, and first in the file."""
    server = restartable()
    broken = CONCURRENCY + 2
    lines = [chat_line(f"broken-{i}", f"[[sandbox:error 500 it hurts]] {i}") for i in range(broken)]
    batch_id = create(server, lines + questions())
    # As the server has kept them: one that is killed between an answer and its writing asks again.
    harness.await_true(lambda: server.batch(batch_id)["request_counts"]["completed"] == LINES, timeout=240)
    assert sandbox.records()["invocations"]["calls"] == LINES
    assert server.batch(batch_id)["status"] == "in_progress", "the broken lines are still tried"
    server.kill()  # the others' answers are kept
    sandbox.forget_calls()
    server = restartable("--clock-speed", "60", "--clock-origin", str(int(time.time())))
    batch = server.wait(batch_id, timeout=240)
    assert batch["request_counts"] == {"total": LINES + broken, "completed": LINES, "failed": broken}, batch
    assert sandbox.records()["invocations"]["calls"] == 0


def test_an_outage_costs_no_line(restartable, sandbox):
    sandbox.set_faults([{"operation": "InvokeModel", "fault": "unavailable", "after": 10}])
    server = restartable()
    batch_id = create(server, questions())
    harness.await_true(lambda: fired(sandbox) >= 1)
    time.sleep(OUTAGE_SECONDS)
    counts = server.batch(batch_id)["request_counts"]
    assert (counts["completed"], counts["failed"]) == (10, 0), counts
    sandbox.set_faults([])
    check_whole(server, server.wait(batch_id, timeout=120))
    invocations = sandbox.records()["invocations"]
    assert (invocations["calls"], invocations["repeated"]["calls"]) == (LINES, 0), invocations


def test_throttled_runs_do_not_hold_up_another_deployment(sandbox, tmp_path):
    path = harness.write_config(tmp_path / "config.yaml", sandbox)
    head, entry, rest = re.split(r"(?<=model_list:\n)|(?=general_settings)", path.read_text())
    healthy = entry.replace(f"aws_region_name: {harness.REGION}", "aws_region_name: us-east-1").replace(
        f"model_name: {harness.MODEL}", "model_name: healthy")
    path.write_text(head + entry + healthy + rest)
    sandbox.set_faults([{**THROTTLED, "probability": 1, "region": harness.REGION}])
    server = harness.Server(tmp_path / "server", path, sandbox=False)
    try:
        throttled = [create(server, questions(5)) for _ in range(6)]
        harness.await_true(lambda: fired(sandbox) >= 6)
        other = create(server, [chat_line(f"request-{i}", f"Other {i}", model="healthy") for i in range(5)])
        check_whole(server, server.wait(other, timeout=20), count=5)
        assert {server.batch(batch)["status"] for batch in throttled} == {"in_progress"}
    finally:
        assert server.stop() == 0, server.log_end()


def test_a_throttled_run_stops_when_it_is_cancelled(restartable, sandbox):
    """What was answered is kept; what was not is told so."""
    sandbox.set_faults([{**THROTTLED, "probability": 1, "after": 5}])
    server = restartable()
    batch_id = create(server, questions())
    harness.await_true(lambda: sandbox.records()["invocations"]["calls"] == 5 and fired(sandbox) >= 3)
    cancelled = server.request("POST", f"/v1/batches/{batch_id}/cancel")
    assert cancelled.status == 200, cancelled.text
    batch = server.wait(batch_id, timeout=15)
    assert batch["status"] == "cancelled"
    assert len(server.result_lines(batch["output_file_id"])) == 5
    errors = server.result_lines(batch["error_file_id"])
    assert len(errors) == LINES - 5
    assert {line["error"]["code"] for line in errors} == {"batch_cancelled"}


def test_what_one_deployment_may_not_run_another_runs(sandbox, tmp_path):
    """The deployment loses its rights midway: its answers stay, the other lines move."""
    path = harness.write_config(tmp_path / "config.yaml", sandbox)
    head, entry, rest = re.split(r"(?<=model_list:\n)|(?=general_settings)", path.read_text())
    elsewhere = entry.replace(f"aws_region_name: {harness.REGION}", "aws_region_name: us-east-1")
    favourite = entry.replace("    model_info:", "      weight: 1000000\n    model_info:")
    assert elsewhere != entry != favourite
    path.write_text(head + favourite + elsewhere + rest)
    server = harness.Server(tmp_path / "server", path, sandbox=False)
    try:
        sandbox.set_faults([{"operation": "InvokeModel", "fault": "access_denied", "after": 7,
                             "region": harness.REGION}])
        check_whole(server, server.wait(create(server, questions()), timeout=60))
        assert fired(sandbox) >= 1
        invocations = sandbox.records()["invocations"]
        assert (invocations["calls"], invocations["repeated"]["calls"]) == (LINES, 0), invocations
    finally:
        assert server.stop() == 0, server.log_end()


def test_two_batches_share_what_the_deployment_bears(restartable, sandbox):
    """The second does not wait for the end of the first."""
    sandbox.set_faults([{**THROTTLED, "probability": 0.3}], seed=13)
    server = restartable()
    first = create(server, questions(90))
    second = create(server, [chat_line(f"request-{i}", f"Other {i}") for i in range(5)])
    check_whole(server, server.wait(second, timeout=60), count=5)
    assert server.batch(first)["status"] == "in_progress"
    check_whole(server, server.wait(first, timeout=180), count=90)
