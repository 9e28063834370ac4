"""Results as AWS really leaves them: in any order, late, in part, with rows missing, twice or broken. Every line is
answered once, by its own row."""

import json
import re

import pytest

from scenes import LINES, TITAN, Scene, Scenes

ONCE = {"retry_failed_records": 0}
REFUSED = {"code": 400, "message": "`temperature` is not for this model.", "retryable": False}

# Each becomes five records.
LISTS = [{"custom_id": f"lists-{i}", "method": "POST", "url": "/v1/embeddings",
          "body": {"model": "lists", "input": [f"text {n} of {i}" for n in range(5)], "dimensions": 256}}
         for i in range(40)]


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    running = Scenes(tmp_path_factory.mktemp("outputs"), [
        Scene("shuffled"),
        Scene("missing", faults=[("missing_rows", {"rows": 3, "count": 1})]),
        Scene("missing-for-good", faults=[("missing_rows", {"rows": 3})], deployments=[ONCE]),
        Scene("missing-twice", lines=220, faults=[("missing_rows", {"rows": 110})]),
        Scene("twice", faults=[("duplicate_rows", {"rows": 7})]),
        Scene("nobodys", faults=[("unknown_rows", {"rows": 4}), ("no_final_newline", {})]),
        Scene("unreadable", faults=[("unreadable_rows", {"rows": 2, "count": 1})]),
        Scene("cut", faults=[("truncated_output", {"count": 1})]),
        Scene("late", faults=[("late_output", {"seconds": 1.5})]),
        Scene("early", faults=[("early_output", {}), ("late_output", {"seconds": 1.5})]),
        Scene("refused", faults=[("record_errors", {"rows": 5, **REFUSED})]),
        Scene("busy", faults=[("record_errors", {"rows": 4, "code": 429, "message": "Too many tokens."})],
              deployments=[ONCE]),
        Scene("lists", lines=LISTS, deployments=[{"model": TITAN}], endpoint="/v1/embeddings",
              faults=[("missing_rows", {"rows": 7, "count": 1}), ("unreadable_rows", {"rows": 4, "count": 1})]),
        Scene("converse", deployments=[{"bedrock_invocation": "converse"}]),
    ]).create_all()
    yield running
    running.stop()


def test_shuffled_rows_are_joined_with_their_lines(scenes):
    end = scenes.end("shuffled")
    end.check_echoes()
    assert end.counts == (LINES, 0)
    [output] = scenes.objects("shuffled", "results/", ".jsonl.out").values()
    order = [json.loads(row)["recordId"] for row in output.splitlines()]
    assert len(order) == LINES and order != sorted(order)


def test_rows_that_are_missing_are_run_again(scenes):
    end = scenes.end("missing")
    end.check_echoes()
    assert end.counts == (LINES, 0)
    assert len(scenes.jobs("missing")) == 1  # three are too few for a job


def test_rows_that_stay_missing_are_error_lines_that_say_so(scenes):
    end = scenes.end("missing-for-good")
    end.check_echoes()
    assert end.counts == (LINES - 3, 3)
    assert end.codes() == {"result_missing": 3}


def test_missing_rows_are_run_again_once_only(scenes):
    end = scenes.end("missing-twice")
    end.check_echoes()
    assert [job["records"] for job in scenes.jobs("missing-twice")].count(110) == 1
    assert len(scenes.jobs("missing-twice")) == 2
    assert end.codes() == {"result_missing": 110}
    assert end.counts == (110, 110)


def test_of_rows_that_come_twice_the_first_wins_and_the_log_says_so(scenes):
    end = scenes.end("twice")
    end.check_echoes()
    assert end.counts == (LINES, 0)
    assert re.search(r"job output is not what it must be.*repeated=7", scenes.log_of("twice"))
    scenes.check_billed("twice")  # not twice


def test_rows_of_nobodys_lines_are_left_out(scenes):
    end = scenes.end("nobodys")
    end.check_echoes()
    assert end.counts == (LINES, 0)
    assert re.search(r"job output is not what it must be.*unknown=4", scenes.log_of("nobodys"))


def test_rows_that_cannot_be_read_are_run_again(scenes):
    end = scenes.end("unreadable")
    end.check_echoes()
    assert end.counts == (LINES, 0)


def test_what_an_output_cut_short_has_lost_is_run_again(scenes):
    end = scenes.end("cut")
    end.check_echoes()
    assert end.counts == (LINES, 0)
    assert scenes.fired("cut", "truncated_output") == 1


def test_a_line_of_several_records_is_run_again_as_a_whole_when_some_are_lost(scenes):
    end = scenes.end("lists")
    assert end.counts == (40, 0)
    for line in end.results.values():
        data = line["response"]["body"]["data"]
        assert [item["index"] for item in data] == list(range(5))
        assert len({str(item["embedding"]) for item in data}) == 5
    assert "left_for_another_try=3" in scenes.log_of("lists")  # eleven records of three lines


@pytest.mark.parametrize("name", ["late", "early"])
def test_output_that_comes_late_or_in_part_is_waited_for(scenes, name):
    end = scenes.end(name)
    end.check_echoes()
    assert end.counts == (LINES, 0)
    assert len(scenes.jobs(name)) == 1
    assert "left_for_another_try=0" in scenes.log_of(name)
    assert "will be done again" in scenes.log_of(name)  # it was too early at first
    scenes.check_billed(name)


def test_a_refused_record_is_a_response_in_the_error_file(scenes):
    end = scenes.end("refused")
    end.check_echoes()
    assert end.counts == (LINES - 5, 5)
    assert end.codes() == {400: 5}
    for line in end.errors.values():
        assert set(line) == {"id", "custom_id", "response", "error"}
        assert line["id"].startswith("batch_req_")
        assert line["error"] is None
        assert line["response"]["request_id"]
        error = line["response"]["body"]["error"]
        assert error["message"] == REFUSED["message"]
        assert error["type"] == "invalid_request_error"
        assert {"param", "code"} <= set(error)
    assert len(scenes.jobs("refused")) == 1  # nothing would come of asking again


def test_a_record_that_failed_for_a_passing_reason_keeps_its_status(scenes):
    end = scenes.end("busy")
    assert end.counts == (LINES - 4, 4)
    assert end.codes() == {429: 4}
    for line in end.errors.values():
        assert line["response"]["body"]["error"]["type"] == "rate_limit_error"


def test_the_nulls_of_converses_answers_are_as_if_they_were_not_there(scenes):
    end = scenes.end("converse")
    [output] = scenes.objects("converse", "results/", ".jsonl.out").values()
    block = json.loads(output.splitlines()[0])["modelOutput"]["output"]["message"]["content"][0]
    assert block["toolUse"] is None and block["reasoningContent"] is None  # as AWS writes it
    end.check_echoes()
    for line in end.results.values():
        message = line["response"]["body"]["choices"][0]["message"]
        assert not message.get("tool_calls") and not message.get("reasoning_content"), message


@pytest.fixture(scope="module")
def patient(tmp_path_factory):
    """What is given up only after minutes, on a clock that has one in a second."""
    running = Scenes(tmp_path_factory.mktemp("patient"), [
        Scene("no-output", faults=[("no_output", {"count": 1})]),
        Scene("empty-output", faults=[("empty_output", {"count": 1})]),
        Scene("forgotten", faults=[("vanish", {"from": "Ended", "count": 1})]),
        Scene("lost", faults=[(kind, {"count": 1, **more}) for kind, more in (
            ("vanish", {"from": "InProgress"}), ("no_output", {}), ("no_manifest", {}))]),
        Scene("stopped-with-nothing", deployments=[ONCE], faults=[
            ("stop", {}), ("no_output", {}), ("no_manifest", {})]),
    ], job_seconds=20, speed=60).create_all()
    yield running
    running.stop()


@pytest.mark.parametrize("name", ["no-output", "empty-output"])
def test_a_job_that_has_nothing_to_show_is_run_again_when_waiting_has_not_helped(patient, name):
    end = patient.end(name)
    end.check_echoes()
    assert end.counts == (LINES, 0)
    assert [job["records"] for job in patient.jobs(name)] == [LINES, LINES]


def test_a_job_that_aws_has_forgotten_is_delivered_if_its_output_is_there(patient):
    end = patient.end("forgotten")
    end.check_echoes()
    assert end.counts == (LINES, 0)
    assert len(patient.jobs("forgotten")) == 1
    assert "AWS does not know the job" in patient.log_of("forgotten")
    patient.check_billed("forgotten")


def spend_of(scenes, name):
    [row] = [row for row in scenes.server.spend(batch_id=scenes.by_name[name].batch_id)
             if row["call_type"] == "batch_success"]
    return row["spend"]


def test_what_a_job_ran_that_aws_has_forgotten_without_its_output_is_not_known_and_never_zero(patient):
    end = patient.end("lost")
    end.check_echoes()
    assert end.counts == (LINES, 0)
    assert len(patient.jobs("lost")) == 2
    assert spend_of(patient, "lost") is None


def test_answers_that_aws_counted_and_nobody_can_read_are_not_known_and_never_zero(patient):
    end = patient.end("stopped-with-nothing")
    assert end.codes() == {"job_stopped": LINES}
    assert spend_of(patient, "stopped-with-nothing") is None
    assert "there is no .jsonl.out yet" in patient.log_of("stopped-with-nothing")
