"""What a batch cost is written once, from what really ran, and says so where it is not known."""

import concurrent.futures
import json
import re
import time

import pytest

import exactness
import harness
from scenes import CLAUDE, END_SECONDS, LINES, NOVA, TITAN, Scene, Scenes, lines_of

CREATES = 30


def embeddings(name):
    return [{"custom_id": f"{name}-{i}", "method": "POST", "url": "/v1/embeddings",
             "body": {"model": name, "input": f"text {i} to embed", "dimensions": 256}} for i in range(LINES)]


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    running = Scenes(tmp_path_factory.mktemp("accounting"), [
        Scene("asked-at-once"),
        Scene("titan", lines=embeddings("titan"), deployments=[{"model": TITAN}], endpoint="/v1/embeddings"),
        Scene("nobody-counts", faults=[("no_manifest", {})],
              deployments=[{"model": "mistral.mistral-large-2407-v1:0"}]),
        Scene("aws-counts", deployments=[{"model": "mistral.mistral-large-2407-v1:0"}]),
        Scene("manifest-differs", faults=[("manifest_disagrees", {"tokens": 7})]),
        # Its output is written by the test, in the time until the sandbox would.
        Scene("cached", faults=[("late_output", {"seconds": 600})]),
        Scene("all-refused", faults=[("all_records_error", {"code": 400, "message": "malformed"})]),
        Scene("limited", lines=300, deployments=[{"rpm": 2, "tpm": 10}]),
        Scene("with-parameters", lines=[
            *lines_of("with-parameters", 4),
            harness.chat_line("with-parameters-short", "Tell me a long story.", "with-parameters", max_tokens=1),
            harness.chat_line("with-parameters-warm", "Tell me another.", "with-parameters", temperature=0.25),
        ], deployments=[{"model": NOVA}]),
    ], job_seconds=1)
    # Slow by nothing, and counted: which model is called on demand, and with what.
    probes = [{"operation": "Runtime", "fault": "slow_headers", "seconds": 0.001, "match": text}
              for text in ('"temperature":0.25', "amazon.nova-lite", "anthropic.claude", "mistral.")]
    running.sandbox.set_faults([fault for scene in running.by_name.values() for fault in scene.faults] + probes)
    running.probes = lambda: {fault["match"]: fault["fired"] for fault in running.sandbox.faults()[-len(probes):]}
    yield running.create_all()
    running.stop()


def ledger(scenes, name):
    """The one row of the batch's end."""
    rows = [row for row in scenes.server.spend(batch_id=scenes.by_name[name].batch_id)
            if row["call_type"] == "batch_success"]
    assert len(rows) == 1, rows
    return rows[0]


def test_many_who_see_the_end_at_once_make_one_row(scenes):
    batch_id = scenes.by_name["asked-at-once"].batch_id

    def watch(_):
        """Asks until the end, then for the costs, as a client does."""
        batch = scenes.server.wait(batch_id, END_SECONDS)
        return batch, scenes.server.spend(batch_id=batch_id)

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        seen = list(pool.map(watch, range(4)))
    assert all(each == seen[0] for each in seen)
    row = ledger(scenes, "asked-at-once")
    assert row["request_id"] == f"{batch_id}_batch_cost"
    assert row["spend"] > 0
    scenes.check_billed("asked-at-once")


def test_embeddings_of_titan_are_billed_by_their_own_count(scenes):
    end = scenes.end("titan")
    [output] = scenes.objects("titan", "results/", ".jsonl.out").values()
    said = sum(json.loads(row)["modelOutput"]["inputTextTokenCount"] for row in output.splitlines())
    assert said > LINES
    assert scenes.check_billed("titan") == {"input": said, "output": 0}
    assert end.batch["usage"]["input_tokens"] == end.batch["usage"]["total_tokens"] == said
    assert ledger(scenes, "titan")["spend"] > 0


def test_usage_that_nobody_counted_is_not_known_and_never_zero(scenes):
    scenes.end("nobody-counts")
    row = ledger(scenes, "nobody-counts")
    assert row["spend"] is None and row["spend_nano_usd"] is None
    assert "the cost is not known" in scenes.log_of("nobody-counts")


def test_usage_that_only_aws_counted_is_billed_by_its_count(scenes):
    scenes.end("aws-counts")
    assert scenes.check_billed("aws-counts")["output"] > 0
    assert ledger(scenes, "aws-counts")["spend"] > 0


def test_a_manifest_that_counts_otherwise_than_the_answers_is_said_and_not_billed(scenes):
    scenes.end("manifest-differs")
    scenes.check_billed("manifest-differs")  # the sandbox's own count is that of the answers
    warning = re.search(r"^.*the manifest counts other tokens than the answers say.*$",
                        scenes.log_of("manifest-differs"), re.MULTILINE)
    assert warning and re.search(r"\bwarn", warning[0], re.IGNORECASE)
    assert "counts other tokens" not in scenes.log_of("asked-at-once")


def put_answers(scenes, name, usage):
    """The output of the scene's job as AWS would write it: a manifest, and an answer with this usage a record."""
    [job] = scenes.jobs(name)
    [(key, records)] = scenes.objects(name, "jobs/", "input.jsonl").items()
    # The input's folder carries the mark of who wrote it, the results' does not.
    place = re.sub(r"/jobs/(.*)/(\d+)[^/]*/input.jsonl$", r"/results/\1/\2", key)
    folder = f"{place}/{job['arn'].rpartition('/')[2]}"
    rows = []
    for record in records.splitlines():
        record = json.loads(record)
        answer = {"id": "msg_1", "type": "message", "role": "assistant", "model": CLAUDE, "stop_reason": "end_turn",
                  "stop_sequence": None, "content": [{"type": "text", "text": "yes"}], "usage": usage}
        rows.append({**record, "modelOutput": answer})
    manifest = {
        "totalRecordCount": len(rows), "processedRecordCount": len(rows), "successRecordCount": len(rows),
        "errorRecordCount": 0, "inputTokenCount": len(rows) * usage["input_tokens"],
        "outputTokenCount": len(rows) * usage["output_tokens"],
        "cacheReadInputTokenCount": len(rows) * usage["cache_read_input_tokens"],
        "cacheWriteInputTokenCount": len(rows) * usage["cache_creation_input_tokens"]}
    s3 = scenes.sandbox.client("s3")
    contents = {"manifest.json.out": json.dumps(manifest).encode(), "input.jsonl.out": harness.to_jsonl(rows)}
    for file, body in contents.items():
        s3.put_object(Bucket=harness.BUCKET, Key=f"{folder}/{file}", Body=body)


def test_tokens_read_from_and_written_to_a_cache_are_summed_and_billed(scenes):
    harness.await_true(lambda: [job["status"] for job in scenes.jobs("cached")] == ["Completed"], END_SECONDS)
    put_answers(scenes, "cached", {"input_tokens": 10, "output_tokens": 3, "cache_read_input_tokens": 500,
                                   "cache_creation_input_tokens": 40})
    end = scenes.end("cached")
    usage = end.batch["usage"]
    assert usage["input_tokens"] == 550 * LINES
    assert usage["input_tokens_details"]["cached_tokens"] == 500 * LINES
    assert usage["output_tokens"] == 3 * LINES
    assert usage["total_tokens"] == 553 * LINES
    row = ledger(scenes, "cached")
    assert row["prompt_tokens"] == 550 * LINES and row["completion_tokens"] == 3 * LINES
    assert row["cached_tokens"] == 500 * LINES
    assert row["spend"] > 0
    assert "counts other tokens" not in scenes.log_of("cached")


def test_the_input_of_a_batch_in_which_every_line_failed_can_be_deleted(scenes):
    end = scenes.end("all-refused")
    assert end.codes() == {400: LINES}
    assert ledger(scenes, "all-refused")["spend"] == 0
    file_id = scenes.by_name["all-refused"].file_id
    answer = scenes.server.request("DELETE", f"/v1/files/{file_id}")
    assert answer.status == 200 and answer.json["deleted"] is True, answer.text
    assert scenes.server.request("GET", f"/v1/files/{file_id}").status == 404
    assert len(scenes.server.result_lines(end.batch["error_file_id"])) == LINES


def test_no_limit_of_requests_a_minute_counts_the_lines_of_a_batch(scenes):
    end = scenes.end("limited")  # two requests and ten tokens a minute, of LiteLLM's
    end.check_echoes()
    assert end.counts == (300, 0)


def test_batches_are_created_as_fast_as_a_client_asks(scenes):
    scene = scenes.by_name["limited"]
    body = {"input_file_id": scene.file_id, "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    answers = [scenes.server.request("POST", "/v1/batches", body) for _ in range(CREATES)]
    assert [answer.status for answer in answers] == [200] * CREATES
    for answer in answers:  # they are not to run for the other tests to wait for
        scenes.server.request("POST", f"/v1/batches/{answer.json['id']}/cancel")


def test_lines_too_few_for_a_job_run_with_the_model_and_the_parameters_that_they_name(scenes):
    end = scenes.end("with-parameters")
    assert end.counts == (6, 0)
    assert scenes.jobs("with-parameters") == []
    probes = scenes.probes()
    # A call is counted by the first probe that it fits: the warm line's by its temperature.
    assert probes['"temperature":0.25'] == 1
    assert probes["amazon.nova-lite"] == 5
    assert probes["anthropic.claude"] == probes["mistral."] == 0
    bodies = {name: line["response"]["body"] for name, line in end.results.items()}
    assert {body["model"] for body in bodies.values()} == {"with-parameters"}
    assert bodies["with-parameters-short"]["usage"]["completion_tokens"] == 1
    assert bodies["with-parameters-short"]["choices"][0]["finish_reason"] == "length"
    used = sum(body["usage"]["total_tokens"] for body in bodies.values())
    assert ledger(scenes, "with-parameters")["total_tokens"] == end.batch["usage"]["total_tokens"] == used


def without(scenes, name):
    """Takes the scene's deployments out of config.yaml; returns what it was."""
    before = scenes.config.read_text()
    config = json.loads(before)
    config["model_list"] = [entry for entry in config["model_list"] if entry["model_name"] != name]
    scenes.config.write_text(json.dumps(config))
    return before


def test_what_ended_while_no_server_ran_is_billed_and_what_lost_its_deployment_holds_up_nobody(tmp_path):
    lost = 6  # more than are collected at once
    running = Scenes(tmp_path, [Scene("lost"), Scene("down"), Scene("newer")], job_seconds=2)
    down = running.create("down")
    lost_ids = [running.create("lost") for _ in range(lost)]
    harness.await_true(lambda: len(running.sandbox.jobs()) == lost + 1, END_SECONDS)
    running.server.kill()
    harness.await_true(lambda: {job["status"] for job in running.sandbox.jobs()} == {"Completed"}, END_SECONDS)

    before = without(running, "lost")
    running.start_server()
    assert running.by_name["down"].batch_id == down
    running.end("down").check_echoes()
    running.check_billed("down")
    running.create("newer")
    running.end("newer").check_echoes()
    running.check_billed("newer")
    for batch_id in lost_ids:
        assert running.server.batch(batch_id)["status"] not in harness.TERMINAL
    assert "put it back into model_list" in running.server.log()

    running.server.kill()
    running.config.write_text(before)
    running.start_server()
    for batch_id in lost_ids:
        batch = running.server.wait(batch_id, END_SECONDS)
        assert batch["status"] == "completed", batch
        exactness.check_answers(running.server, batch, running.by_name["lost"].ids)
    spent = exactness.spent(running.server, lost_ids)
    assert spent["output"] == sum(job["output_tokens"] for job in running.jobs("lost"))
    assert len(running.jobs("lost")) == lost
    running.stop()


def test_a_batch_that_ended_in_a_week_without_a_server_is_delivered_and_billed(tmp_path):
    running = Scenes(tmp_path, [Scene("old")])
    running.create("old")
    harness.await_true(lambda: running.jobs("old"), END_SECONDS)
    running.server.kill()
    harness.await_true(lambda: [job["status"] for job in running.jobs("old")] == ["Completed"], END_SECONDS)
    # Twice as fast for the last eight days: it is eight days later now.
    running.clock = ["--clock-speed", "2", "--clock-origin", str(int(time.time()) - 8 * 86_400)]
    running.start_server()
    end = running.end("old")
    end.check_echoes()
    assert end.counts == (LINES, 0)
    assert end.batch["completed_at"] - end.batch["created_at"] > 7 * 86_400
    running.check_billed("old")
    running.stop()
