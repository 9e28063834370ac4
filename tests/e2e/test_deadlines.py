"""When the completion window closes: what is unfinished runs on demand where that is wanted, else it expires, and what
was done by then is delivered."""

import pytest

import harness
from scenes import LINES, Scene, Scenes


@pytest.fixture(scope="module")
def day(tmp_path_factory):
    """A day in half a minute."""
    stuck = ("stuck", {})
    fallback = {"deadline_fallback": "direct", "deadline_fallback_minutes": 720}
    running = Scenes(tmp_path_factory.mktemp("day"), [
        Scene("fallback", faults=[stuck], deployments=[fallback]),
        Scene("fallback-of-waiting", lines=2 * LINES, faults=[stuck],
              deployments=[{**fallback, "max_concurrent_jobs": 1, "max_records_per_job": LINES}]),
        Scene("no-fallback", faults=[stuck]),
        Scene("no-slot", lines=2 * LINES, faults=[stuck],
              deployments=[{"max_concurrent_jobs": 1, "max_records_per_job": LINES}]),
        Scene("in-time", deployments=[fallback]),
    ], job_seconds=1000, speed=2880).create_all()
    yield running
    running.stop()


def test_what_is_stuck_shortly_before_the_window_ends_runs_on_demand_where_that_is_wanted(day):
    end = day.end("fallback")
    end.check_echoes()
    assert end.counts == (LINES, 0)
    assert end.batch["completed_at"] <= end.batch["expires_at"]
    assert end.batch["completed_at"] >= end.batch["expires_at"] - 720 * 60
    assert [job["status"] for job in day.jobs("fallback")] == ["Stopped"]


def test_so_does_what_still_waits_for_a_slot(day):
    end = day.end("fallback-of-waiting")
    end.check_echoes()
    assert end.counts == (2 * LINES, 0)
    assert [job["status"] for job in day.jobs("fallback-of-waiting")] == ["Stopped"]


def test_what_ends_in_time_does_not_run_on_demand(day):
    day.end("in-time").check_echoes()
    assert [job["status"] for job in day.jobs("in-time")] == ["Completed"]
    day.check_billed("in-time")  # by the job's tokens alone


@pytest.mark.parametrize("name, lines", [("no-fallback", LINES), ("no-slot", 2 * LINES)])
def test_when_the_window_is_over_the_batch_expires_and_nothing_stays_at_aws(day, name, lines):
    end = day.end(name, "expired")
    assert end.codes() == {"batch_expired": lines}
    assert end.counts == (0, 0)
    assert end.batch["output_file_id"] is None
    assert end.batch["expired_at"] >= end.batch["expires_at"]
    harness.await_true(lambda: all(job["status"] in {"Stopped", "Expired"} for job in day.jobs(name)))
    assert len(day.jobs(name)) == 1


@pytest.fixture(scope="module")
def slow_day(tmp_path_factory):
    """Jobs that would take a day and a half, in a day of a quarter of a minute."""
    running = Scenes(tmp_path_factory.mktemp("slow"), [
        Scene("half-done", lines=400),
        Scene("half-fallback", lines=400, deployments=[
            {"deadline_fallback": "direct", "deadline_fallback_minutes": 360}]),
    ], job_seconds=130_000, speed=5760).create_all()
    yield running
    running.stop()


def test_what_was_done_when_the_window_closed_is_delivered_and_billed(slow_day):
    end = slow_day.end("half-done", "expired")
    end.check_echoes()
    assert 0 < len(end.results) < 400
    assert end.counts == (len(end.results), 0)
    assert end.codes() == {"batch_expired": 400 - len(end.results)}
    assert slow_day.check_billed("half-done")["output"] > 0


def test_only_what_was_not_done_runs_on_demand(slow_day):
    end = slow_day.end("half-fallback")
    end.check_echoes()
    assert end.counts == (400, 0)
    [job] = slow_day.jobs("half-fallback")
    assert job["status"] == "Stopped" and 0 < job["success"] < 400
    assert slow_day.sandbox.records()["invocations"]["distinct"] == 400 - job["success"]
