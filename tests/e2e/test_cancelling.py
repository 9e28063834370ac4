"""A cancel that was answered 200 ends cancelled, whatever was under way; one that came too late is a 409 that no SDK
repeats."""

import time

import pytest

import harness
from scenes import END_SECONDS, LINES, Scene, Scenes

ONCE = {"retry_failed_records": 0}
SLOW_RESULTS = [("slow_headers", {"operation": "GetObject", "seconds": 0.3}),
                ("slow_headers", {"operation": "UploadPart", "seconds": 0.3}),
                ("slow_headers", {"operation": "PutObject", "seconds": 0.3})]
RACES = 8


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    running = Scenes(tmp_path_factory.mktemp("cancelling"), [
        Scene("done"),
        Scene("failed", faults=[("fail", {"message": "Could not assume role"})]),
        Scene("expired", faults=[("expire", {})], deployments=[ONCE]),
        Scene("half-way", lines=400, faults=[("late_output", {"seconds": 0.1})]),
        Scene("late", lines=400, faults=[("late_output", {"seconds": 1.5})]),
        Scene("refused", deployments=[{"region": "eu-west-1"}], faults=[
            ("access_denied", {"operation": "StopModelInvocationJob", "region": "eu-west-1", "count": 3}),
            ("stuck", {})]),
        Scene("over", deployments=[{"region": "eu-west-2"}], faults=[
            ("error", {"operation": "StopModelInvocationJob", "region": "eu-west-2", "status": 400,
                       "code": "ConflictException", "message": "The job has ended and cannot be stopped."})]),
        Scene("watched", deployments=[{"region": "eu-west-3"}], faults=[
            ("slow_headers", {"operation": "GetModelInvocationJob", "region": "eu-west-3", "seconds": 1})]),
        Scene("collected", faults=[("slow_headers", {"operation": "GetObject", "seconds": 1.5, "after": 1})]),
        *[Scene(f"race-{i}", faults=SLOW_RESULTS) for i in range(RACES)],
    ], job_seconds=4)
    for name in ("done", "failed", "expired"):
        running.create(name)
    yield running
    running.stop()


def cancel(scenes, name):
    return scenes.server.request("POST", f"/v1/batches/{scenes.by_name[name].batch_id}/cancel")


def await_job(scenes, name, *statuses):
    harness.await_true(lambda: any(job["status"] in statuses for job in scenes.jobs(name)), END_SECONDS)


def check_cancelled(scenes, name):
    """The End of a batch whose cancel was answered 200; every line that did not run says why."""
    end = scenes.end(name, "cancelled")
    end.check_echoes()
    batch = end.batch
    assert batch["cancelling_at"] and batch["cancelled_at"]
    assert batch["completed_at"] is None and batch["expired_at"] is None and batch["failed_at"] is None
    assert set(end.codes()) <= {"batch_cancelled"}
    assert end.counts == (len(end.results), 0)
    scenes.check_billed(name)
    return end


@pytest.mark.parametrize("name, status", [("done", "completed"), ("failed", "failed"), ("expired", "expired")])
def test_what_has_ended_cannot_be_cancelled_and_the_answer_is_not_for_repeating(scenes, name, status):
    before = scenes.end(name, status).batch
    answer = cancel(scenes, name)
    assert answer.status == 409, answer.text
    assert answer.headers["x-should-retry"] == "false"
    assert answer.error["message"] == f"Cannot cancel a batch with status '{status}'."
    assert answer.error["type"] == "invalid_request_error"
    assert scenes.batch(name) == before


@pytest.mark.parametrize("name", ["half-way", "late"])
def test_a_running_batch_is_stopped_delivered_and_billed_for_what_ran(scenes, name):
    scenes.create(name)
    harness.await_true(lambda: scenes.batch(name)["request_counts"]["completed"] > 20, END_SECONDS)
    answer = cancel(scenes, name)
    assert answer.status == 200 and answer.json["status"] == "cancelling", answer.text
    end = check_cancelled(scenes, name)
    assert 20 < len(end.results) < 400
    assert [job["status"] for job in scenes.jobs(name)] == ["Stopped"]
    again = cancel(scenes, name)
    assert again.status == 200 and again.json == end.batch


def test_a_stop_that_aws_refuses_is_asked_for_again(scenes):
    scenes.create("refused")
    await_job(scenes, "refused", "Scheduled")
    assert cancel(scenes, "refused").status == 200
    assert cancel(scenes, "refused").status == 200  # again, while it is on its way
    end = check_cancelled(scenes, "refused")
    assert end.codes() == {"batch_cancelled": LINES}
    assert scenes.fired("refused", "access_denied") == 3
    assert [job["status"] for job in scenes.jobs("refused")] == ["Stopped"]


def test_a_job_that_ends_before_it_can_be_stopped_is_delivered_and_the_batch_is_cancelled(scenes):
    scenes.create("over")
    await_job(scenes, "over", "InProgress")
    assert cancel(scenes, "over").status == 200
    end = check_cancelled(scenes, "over")
    assert len(end.results) == LINES
    assert [job["status"] for job in scenes.jobs("over")] == ["Completed"]
    assert scenes.fired("over", "error") > 0


def test_a_cancel_while_the_job_is_looked_at_is_not_overwritten(scenes):
    scenes.create("watched")
    await_job(scenes, "watched", "Completed")  # the look that sees it may be under way
    assert cancel(scenes, "watched").status == 200
    end = check_cancelled(scenes, "watched")
    assert len(end.results) == LINES
    assert scenes.fired("watched", "slow_headers") > 0


def test_a_cancel_while_results_are_read_is_not_overwritten(scenes):
    scenes.create("collected")
    harness.await_true(lambda: scenes.fired("collected", "slow_headers") > 0, END_SECONDS)
    assert cancel(scenes, "collected").status == 200
    end = check_cancelled(scenes, "collected")
    assert len(end.results) == LINES


def test_at_whatever_moment_a_cancel_comes_its_answer_is_true(scenes):
    names = [f"race-{i}" for i in range(RACES)]
    for name in names:
        scenes.create(name)
    answers = {}
    deadline = time.monotonic() + END_SECONDS
    began = {}
    while len(answers) < RACES:
        assert time.monotonic() < deadline
        for i, name in enumerate(names):
            if name in answers:
                continue
            jobs = scenes.jobs(name)
            if jobs and jobs[0]["status"] == "Completed":
                began.setdefault(name, time.monotonic())
            # From the moment that its job has ended, one batch a little later than the other.
            if name in began and time.monotonic() >= began[name] + 0.25 * i:
                answers[name] = cancel(scenes, name)
    for name, answer in answers.items():
        if answer.status == 200:
            check_cancelled(scenes, name)
        else:
            assert answer.status == 409, answer.text
            scenes.end(name).check_echoes()
    assert any(answer.status == 200 for answer in answers.values())
