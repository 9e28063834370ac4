"""However a Bedrock job goes and ends, the batch's status goes forward only, its counts are right, and what exists is
delivered and billed."""

import time

import pytest

import harness
from scenes import END_SECONDS, LINES, Scene, Scenes

ONCE = {"retry_failed_records": 0}
HALF = LINES // 2
ROLE = "Could not assume the role. Check its trust policy."
BAD = {"code": 400, "message": "malformed input", "retryable": False}


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    running = Scenes(tmp_path_factory.mktemp("ends"), [
        Scene("uncounted", faults=[("no_counters", {})]),
        Scene("all-refused", faults=[("all_records_error", BAD)]),
        Scene("some-refused", faults=[("record_errors", {"fraction": 0.25, **BAD})]),
        Scene("failed-early", faults=[("fail", {"at": "validating", "message": ROLE})]),
        Scene("failed-half-way", deployments=[ONCE], faults=[
            ("fail", {"at": "running", "fraction": 0.5, "write_partial": True, "message": "Internal error."})]),
        Scene("failed-with-nothing", deployments=[ONCE], faults=[
            ("fail", {"at": "running", "fraction": 0.5, "message": "Internal error."})]),
        Scene("never-began", faults=[("expire", {})], deployments=[ONCE]),
        Scene("never-began-once", faults=[("expire", {"count": 1})]),
        Scene("half-in-time", faults=[("partial", {"fraction": 0.5})], deployments=[ONCE]),
        Scene("half-marked", faults=[("partial", {"fraction": 0.5, "expired_rows": True})], deployments=[ONCE]),
        Scene("half-with-holes", deployments=[ONCE], faults=[
            ("partial", {"fraction": 0.5}), ("missing_rows", {"rows": 12})]),
        Scene("half-then-whole", lines=240, faults=[("partial", {"fraction": 0.5, "count": 1})]),
        Scene("stopped", faults=[("stop", {"fraction": 0.5})], deployments=[ONCE]),
    ]).create_all()
    yield running
    running.stop()


def watch(scenes, name):
    """Each (AWS's status or None, the batch) that was seen until the end, AWS asked before and after."""
    seen = []
    deadline = time.monotonic() + END_SECONDS
    status = None
    while not seen or seen[-1][1]["status"] not in harness.TERMINAL:
        assert time.monotonic() < deadline, seen[-1]
        before = status
        batch = scenes.batch(name)
        status = next((job["status"] for job in scenes.jobs(name)), None)
        seen.append((status if before == status else None, batch))
        time.sleep(0.02)
    return seen


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    """Slow enough that each of AWS's states is seen."""
    running = Scenes(tmp_path_factory.mktemp("watched"), [Scene("slow")], job_seconds=6).create_all()
    yield running.by_name["slow"], watch(running, "slow"), running.end("slow")
    running.stop()


def test_every_state_of_aws_has_one_status(watched):
    _, seen, _ = watched
    shown = {}
    for aws, batch in seen:
        shown.setdefault(aws, set()).add(batch["status"])
    for running in ("Submitted", "Validating", "Scheduled", "InProgress"):
        assert shown[running] == {"in_progress"}, shown
    assert shown["Completed"] <= {"in_progress", "finalizing", "completed"}, shown


def test_a_status_is_never_left_for_an_earlier_one_and_its_time_never_changes(watched):
    _, seen, end = watched
    order = ["validating", "in_progress", "finalizing", "completed"]
    places = [order.index(batch["status"]) for _, batch in seen]
    assert places == sorted(places)
    for member in ("created_at", "in_progress_at", "finalizing_at", "completed_at"):
        told = {batch[member] for _, batch in seen} - {None}
        assert told == {end.batch[member]}, member
    for member in ("failed_at", "expired_at", "cancelling_at", "cancelled_at", "errors"):
        assert end.batch[member] is None
    for _, batch in seen:
        if batch["status"] not in harness.TERMINAL:
            assert batch["output_file_id"] is None and batch["error_file_id"] is None, batch


def test_counts_are_our_own_while_aws_has_none_and_only_grow(watched):
    _, seen, end = watched
    counts = [batch["request_counts"] for _, batch in seen if batch["status"] != "validating"]
    assert {count["total"] for count in counts} == {LINES}
    assert counts[0]["completed"] == 0
    done = [count["completed"] + count["failed"] for count in counts]
    assert done == sorted(done)
    assert any(0 < count < LINES for count in done), "the progress of the job is not seen"
    assert end.counts == (LINES, 0)


def test_counts_are_right_at_the_end_of_a_job_that_aws_never_counted(scenes):
    end = scenes.end("uncounted")
    end.check_echoes()
    assert end.counts == (LINES, 0)


def test_completed_with_errors_alone_has_no_output_file(scenes):
    end = scenes.end("all-refused")
    assert end.batch["output_file_id"] is None
    assert end.codes() == {400: LINES}
    assert end.counts == (0, LINES)
    assert len(scenes.jobs("all-refused")) == 1


def test_completed_with_some_errors_counts_both(scenes):
    end = scenes.end("some-refused")
    end.check_echoes()
    assert end.counts == (LINES - LINES // 4, LINES // 4)
    assert end.codes() == {400: LINES // 4}
    scenes.check_billed("some-refused")


def test_a_failed_job_fails_the_batch_in_awss_words_and_has_no_output(scenes):
    end = scenes.end("failed-early", "failed")
    assert end.batch["output_file_id"] is None
    [error] = end.batch["errors"]["data"]
    assert error["message"] == ROLE and error["line"] is None
    assert end.batch["failed_at"] and end.batch["completed_at"] is None
    assert set(end.errors) == set(scenes.by_name["failed-early"].ids)
    assert end.codes() == {"job_failed": LINES}
    assert all(ROLE in line["error"]["message"] for line in end.errors.values())


def test_what_a_job_wrote_before_it_failed_is_delivered(scenes):
    end = scenes.end("failed-half-way")
    end.check_echoes()
    assert end.counts == (HALF, HALF)
    assert end.codes() == {"job_failed": HALF}


def test_a_job_that_failed_without_output_fails_its_lines(scenes):
    end = scenes.end("failed-with-nothing", "failed")
    assert end.batch["output_file_id"] is None
    assert end.codes() == {"job_failed": LINES}


def test_a_job_that_never_began_expires_and_its_lines_are_not_failures(scenes):
    end = scenes.end("never-began", "expired")
    assert end.batch["output_file_id"] is None
    assert end.batch["expired_at"]
    assert end.codes() == {"batch_expired": LINES}
    assert end.counts == (0, 0)
    scenes.check_billed("never-began")


def test_a_job_that_never_began_is_tried_again_while_there_is_time(scenes):
    end = scenes.end("never-began-once")
    end.check_echoes()
    assert end.counts == (LINES, 0)
    assert [job["status"] for job in sorted(scenes.jobs("never-began-once"), key=lambda job: job["status"])] == [
        "Completed", "Expired"]
    scenes.check_billed("never-began-once")


@pytest.mark.parametrize("name", ["half-in-time", "half-marked"])
def test_what_a_partly_completed_job_has_is_delivered_and_billed(scenes, name):
    end = scenes.end(name, "expired")
    end.check_echoes()
    assert end.counts == (HALF, 0)
    assert end.codes() == {"batch_expired": HALF}
    assert scenes.check_billed(name)["output"] > 0


def test_what_aws_counted_and_no_row_shows_is_billed_however_the_job_ended(scenes):
    end = scenes.end("half-with-holes", "expired")
    end.check_echoes()
    assert 0 < end.counts[0] < HALF
    scenes.check_billed("half-with-holes")
    assert "the manifest's count is billed" in scenes.log_of("half-with-holes")


def test_what_a_partly_completed_job_left_is_run_again(scenes):
    end = scenes.end("half-then-whole")
    end.check_echoes()
    assert end.counts == (240, 0)
    assert sorted(job["records"] for job in scenes.jobs("half-then-whole")) == [120, 240]
    scenes.check_billed("half-then-whole")


def test_what_a_job_has_that_somebody_stopped_at_aws_is_delivered_and_billed(scenes):
    end = scenes.end("stopped")
    end.check_echoes()
    assert end.counts[0] == HALF
    assert end.codes() == {"job_stopped": HALF}
    assert scenes.check_billed("stopped")["output"] > 0
