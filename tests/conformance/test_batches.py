"""The Batch API as OpenAI's clients use it."""

import json
import time

import openai
import pytest
from openai.types import Batch
from openai.types.chat import ChatCompletion

import harness
from harness import chat_line, chat_lines, to_jsonl

KEYS = {"id", "object", "endpoint", "model", "errors", "input_file_id", "completion_window", "status",
        "output_file_id", "error_file_id", "created_at", "in_progress_at", "expires_at", "finalizing_at",
        "completed_at", "failed_at", "expired_at", "cancelling_at", "cancelled_at", "request_counts", "usage",
        "metadata"}
ORDER = ["validating", "in_progress", "finalizing", "completed"]


@pytest.fixture(scope="module")
def input_file(server):
    return server.upload(chat_lines(2)).json["id"]


def create(server, file_id, **changes):
    body = {"input_file_id": file_id, "endpoint": "/v1/chat/completions", "completion_window": "24h", **changes}
    return server.request("POST", "/v1/batches", {k: v for k, v in body.items() if v is not ...})


# -- creating ---------------------------------------------------------------------------------------


def test_a_new_batch_has_every_member_and_nothing_done(server, input_file):
    batch = create(server, input_file, metadata={"description": "Test batch job"}).json
    assert set(batch) == KEYS
    assert batch["id"].startswith("batch_") and len(batch["id"]) <= 64
    assert (batch["object"], batch["status"]) == ("batch", "validating")
    assert (batch["endpoint"], batch["completion_window"]) == ("/v1/chat/completions", "24h")
    assert batch["input_file_id"] == input_file
    assert batch["request_counts"] == {"total": 0, "completed": 0, "failed": 0}
    assert batch["expires_at"] == batch["created_at"] + 86400
    assert abs(batch["created_at"] - time.time()) < 60
    assert batch["metadata"] == {"description": "Test batch job"}
    for key in KEYS:
        if key.endswith("_at") and key not in {"created_at", "expires_at"} or key in {
                "errors", "output_file_id", "error_file_id"}:
            assert batch[key] is None, key
    usage = batch["usage"]
    assert usage is None or usage["total_tokens"] == 0


@pytest.mark.parametrize("missing", ["input_file_id", "endpoint", "completion_window"])
def test_a_missing_parameter_is_named(server, input_file, missing):
    answer = create(server, input_file, **{missing: ...})
    assert answer.status == 400
    assert answer.error["message"] == f"Missing required parameter: '{missing}'."
    assert (answer.error["param"], answer.error["code"]) == (missing, "missing_required_parameter")
    assert answer.error["type"] == "invalid_request_error"


@pytest.mark.parametrize("endpoint", ["/v1/invalid/endpoint", "", "/v1/chat/completions/x"])
def test_an_unknown_endpoint_is_an_invalid_value(server, input_file, endpoint):
    answer = create(server, input_file, endpoint=endpoint)
    assert answer.status == 400
    assert (answer.error["param"], answer.error["code"]) == ("endpoint", "invalid_value")
    assert f"Invalid value: '{endpoint}'" in answer.error["message"]


@pytest.mark.parametrize("window", ["1h", "48h", "", "24"])
def test_only_24h_is_a_completion_window(server, input_file, window):
    answer = create(server, input_file, completion_window=window)
    assert answer.status == 400
    assert (answer.error["param"], answer.error["code"]) == ("completion_window", "invalid_value")


@pytest.mark.parametrize("changes", [{"endpoint": 7}, {"completion_window": []}, {"input_file_id": {}}])
def test_a_wrong_type_is_refused_by_its_parameter(server, input_file, changes):
    answer = create(server, input_file, **changes)
    assert answer.status == 400
    assert answer.error["param"] == list(changes)[0]


def test_metadata_up_to_its_limits_is_echoed(server, input_file):
    metadata = {f"{i:02}" + "k" * 62: "ü" * 512 for i in range(16)}
    answer = create(server, input_file, metadata=metadata)
    assert answer.status == 200, answer.text
    assert answer.json["metadata"] == metadata
    assert server.batch(answer.json["id"])["metadata"] == metadata
    assert create(server, input_file, metadata=None).json["metadata"] is None


@pytest.mark.parametrize("metadata, param", [
    ({str(i): "v" for i in range(17)}, "metadata"),
    ({"k" * 65: "v"}, "metadata"),
    ({"key": "v" * 513}, "metadata.key"),
    ({"tags": ["a"]}, "metadata.tags"),
    ({"n": 1}, "metadata.n"),
    ("text", "metadata"),
])
def test_metadata_past_its_limits_is_refused(server, input_file, metadata, param):
    answer = create(server, input_file, metadata=metadata)
    assert answer.status == 400, answer.text
    assert answer.error["param"].startswith(param)


def test_a_list_in_metadata_is_refused_in_openais_words(server, input_file):
    answer = create(server, input_file, metadata={"tags": ["a"]})
    assert answer.error == {
        "message": "Invalid type for 'metadata.tags': expected a string, but got an array instead.",
        "type": "invalid_request_error", "param": "metadata.tags", "code": "invalid_type"}


@pytest.mark.parametrize("seconds, code", [(3599, "integer_below_min_value"), (2592001, "integer_above_max_value")])
def test_an_output_expiry_out_of_range_is_refused(server, input_file, seconds, code):
    answer = create(server, input_file, output_expires_after={"anchor": "created_at", "seconds": seconds})
    assert answer.status == 400
    assert (answer.error["param"], answer.error["code"]) == ("output_expires_after.seconds", code)


def test_the_output_file_expires_after_its_own_creation(server):
    batch = server.run_batch(chat_lines(2), output_expires_after={"anchor": "created_at", "seconds": 7200})
    file = server.request("GET", f"/v1/files/{batch['output_file_id']}").json
    assert file["expires_at"] == file["created_at"] + 7200


def test_an_unknown_file_is_refused_at_once(server):
    answer = create(server, "file-abc123")
    assert answer.status == 404, answer.text
    assert "file-abc123" in answer.error["message"]


def test_a_file_of_another_purpose_is_refused(server):
    file = server.upload(b"note", "note.txt", [("purpose", "user_data")]).json["id"]
    answer = create(server, file)
    assert answer.status == 400, answer.text
    assert answer.error["param"] == "input_file_id"


def test_members_of_other_gateways_are_ignored(server, input_file):
    answer = create(server, input_file, model="x", custom_llm_provider="bedrock", litellm_metadata={"a": [1]})
    assert answer.status == 200, answer.text


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"input_file_id":"a"} x', b"\xff\xfe"])
def test_a_body_that_is_no_json_object_is_refused(server, body):
    answer = server.request("POST", "/v1/batches", body, {"Content-Type": "application/json"})
    assert answer.status == 400, answer.text
    assert answer.error["type"] == "invalid_request_error"


# -- creating again ---------------------------------------------------------------------------------


def test_a_creation_repeated_under_one_key_is_one_batch(server, input_file):
    body = {"input_file_id": input_file, "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    headers = {"Idempotency-Key": f"key-of-{input_file}"}
    first = server.request("POST", "/v1/batches", body, headers).json
    again = server.request("POST", "/v1/batches", body, headers)
    assert again.status == 200 and again.json["id"] == first["id"]
    other = server.request("POST", "/v1/batches", body | {"metadata": {"a": "b"}}, headers)
    assert other.status in {400, 409}, other.text
    assert other.headers.get("x-should-retry") == "false" or other.status == 400
    assert server.request("POST", "/v1/batches", body, {"Idempotency-Key": "another"}).json["id"] != first["id"]


def test_a_retry_of_the_sdk_is_the_batch_that_it_did_not_hear_of(server):
    """The SDKs send no key; they count their retries. A first try is always a batch of its own."""
    file = server.upload(chat_lines(1)).json["id"]
    body = {"input_file_id": file, "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    first = server.request("POST", "/v1/batches", body, {"x-stainless-retry-count": "0"}).json["id"]
    retried = server.request("POST", "/v1/batches", body, {"x-stainless-retry-count": "1"}).json["id"]
    assert retried == first
    assert server.request("POST", "/v1/batches", body, {"x-stainless-retry-count": "0"}).json["id"] != first
    changed = server.request("POST", "/v1/batches", body | {"metadata": {"a": "b"}}, {"x-stainless-retry-count": "1"})
    assert changed.json["id"] != first


# -- files that fail --------------------------------------------------------------------------------

LINE = chat_line("good")


def without(*path):
    line = json.loads(json.dumps(chat_line("bad")))
    inside = line
    for key in path[:-1]:
        inside = inside[key]
    del inside[path[-1]]
    return line


BAD_FILES = {
    "a line that is no JSON": ([LINE, b"{nonsense"], [("invalid_json_line", None, 2)]),
    "a line that is no object": ([LINE, b"[1,2,3]"], [("invalid_request", None, 2)]),
    "members that are missing": (
        [without("custom_id"), without("method"), without("url"), without("body")],
        [("missing_required_parameter", "custom_id", 1), ("missing_required_parameter", "method", 2),
         ("missing_required_parameter", "url", 3), ("missing_required_parameter", "body", 4)]),
    "another endpoint": ([LINE, chat_line("b", url="/v1/embeddings")], [("invalid_url", "url", 2)]),
    "another method": ([chat_line("b", method="GET")], [("invalid_method", "method", 1)]),
    "a custom_id twice": ([LINE, chat_line("other"), LINE], [("duplicate_custom_id", "custom_id", 3)]),
    "an unknown model": ([chat_line("a", model="nonexistent-model-xyz")], [("model_not_found", "body.model", 1)]),
    "streaming": ([chat_line("a", stream=True)], [("streaming_unsupported", "body.stream", 1)]),
    "no model": ([without("body", "model")], [("invalid_request", "body.model", 1)]),
    "no messages": ([without("body", "messages")], [(None, "body.messages", 1)]),
    "blank lines that count": ([LINE, b"", b"", b"{nonsense"], [("invalid_json_line", None, 4)]),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_fails_the_batch_and_names_line_and_param(server, name):
    lines, expected = BAD_FILES[name]
    uploaded = server.upload(to_jsonl(lines))
    assert uploaded.status == 200, uploaded.text
    batch = server.wait(create(server, uploaded.json["id"]).json["id"])
    assert batch["status"] == "failed", batch
    assert batch["errors"]["object"] == "list"
    found = [(e["code"], e["param"], e["line"]) for e in batch["errors"]["data"]]
    assert [(c if want[0] else None, p, l) for (c, p, l), want in zip(found, expected)] == expected
    assert len(found) == len(expected), found
    assert all(e["message"] for e in batch["errors"]["data"])
    assert isinstance(batch["failed_at"], int)
    assert batch["in_progress_at"] is None and batch["completed_at"] is None
    assert batch["output_file_id"] is None and batch["error_file_id"] is None
    assert batch["request_counts"] == {"total": 0, "completed": 0, "failed": 0}
    assert Batch.model_validate(batch).errors.data[0].line == expected[0][2]


def test_an_unknown_model_is_named_in_the_message(server):
    batch = server.run_batch(to_jsonl([chat_line("a", model="nonexistent-model-xyz")]))
    assert "nonexistent-model-xyz" in batch["errors"]["data"][0]["message"]


def test_a_file_of_blank_lines_is_empty(server):
    answer = server.upload(b"\n\n  \n")
    if answer.status == 400:  # seen at upload already
        assert "Must be .jsonl" in answer.error["message"]
        return
    batch = server.wait(create(server, answer.json["id"]).json["id"])
    assert batch["status"] == "failed"
    assert [e["code"] for e in batch["errors"]["data"]] == ["empty_file"]


def test_errors_are_the_first_hundred_in_order(server):
    lines = [LINE] + [b"{nonsense"] * 250
    batch = server.run_batch(to_jsonl(lines))
    assert batch["status"] == "failed"
    assert [e["line"] for e in batch["errors"]["data"]] == list(range(2, 102))


def test_marks_line_ends_and_blank_lines_of_other_editors_are_taken(server):
    content = (b"\xef\xbb\xbf" + json.dumps(chat_line("first")).encode() + b"\r\n\r\n"
               + json.dumps(chat_line("second")).encode() + b"\n\n"
               + json.dumps(chat_line("third")).encode())
    batch = server.run_batch(content)
    assert batch["status"] == "completed", batch
    assert batch["request_counts"] == {"total": 3, "completed": 3, "failed": 0}


# -- batches that run -------------------------------------------------------------------------------


def check_completed(server, batch, ids):
    assert batch["status"] == "completed", batch
    assert batch["request_counts"] == {"total": len(ids), "completed": len(ids), "failed": 0}
    assert batch["error_file_id"] is None and batch["errors"] is None
    assert batch["created_at"] <= batch["in_progress_at"] <= batch["finalizing_at"] <= batch["completed_at"]
    lines = server.result_lines(batch["output_file_id"])
    assert sorted(line["custom_id"] for line in lines) == sorted(ids)
    harness.check_result_lines(lines)
    assert len({line["id"] for line in lines}) == len(lines)
    usage = [line["response"]["body"]["usage"] for line in lines]
    assert batch["usage"]["input_tokens"] == sum(u["prompt_tokens"] for u in usage)
    assert batch["usage"]["output_tokens"] == sum(u["completion_tokens"] for u in usage)
    assert batch["usage"]["total_tokens"] == sum(u["total_tokens"] for u in usage)
    for line in lines:
        ChatCompletion.model_validate(line["response"]["body"])
        assert line["response"]["body"]["model"] == harness.MODEL
    return lines


@pytest.mark.parametrize("count", [1, 99, 100, 500])
def test_a_batch_of_any_size_completes_with_every_line_once(server, count):
    """Below 100 lines on demand, from there as a Bedrock job."""
    batch = server.run_batch(chat_lines(count))
    check_completed(server, batch, [f"request-{i}" for i in range(count)])


def test_the_status_only_moves_forward(server):
    file = server.upload(chat_lines(150)).json["id"]
    batch_id = create(server, file).json["id"]
    seen = []
    deadline = time.monotonic() + harness.BATCH_SECONDS
    while not seen or seen[-1]["status"] not in harness.TERMINAL:
        assert time.monotonic() < deadline
        seen.append(server.batch(batch_id))
    statuses = [ORDER.index(batch["status"]) for batch in seen]
    assert statuses == sorted(statuses)
    done = [batch["request_counts"]["completed"] for batch in seen]
    assert done == sorted(done)
    for key in [k for k in KEYS if k.endswith("_at")]:
        values = [batch[key] for batch in seen if batch[key] is not None]
        assert len(set(values)) <= 1, f"{key} changed: {set(values)}"


def test_the_output_file_is_a_file_of_its_own(server):
    batch = server.run_batch(chat_lines(3))
    file = server.request("GET", f"/v1/files/{batch['output_file_id']}").json
    assert file["purpose"] == "batch_output"
    assert file["filename"] == f"{batch['id']}_output.jsonl"
    assert file["bytes"] == len(server.content(batch["output_file_id"]))
    assert file["status"] == "processed"
    assert file["id"] in [f["id"] for f in server.request("GET", "/v1/files?purpose=batch_output").json["data"]]


@pytest.mark.parametrize("count", [3, 120])
def test_custom_ids_come_back_as_they_were(server, count):
    strange = ["ünï-❤-\U0001f600", 'quo"te\\back', "x" * 300, "line\u2028sep\u2029\u0085end", "tab\tnew\nline", " ", "0",
               "a/b?c#d%20"]
    ids = strange + [f"filler-{i}" for i in range(count)]
    batch = server.run_batch(to_jsonl(chat_line(custom_id) for custom_id in ids))
    check_completed(server, batch, ids)


def test_text_survives_the_way_there_and_back(server):
    """The sandbox's answers repeat some of the prompt; whatever they are, they must be readable lines."""
    texts = ["line\u2028sep\u0085", "\U0001f600 emoji", 'quotes " and \\ and \n newlines', "\x7f\x01", "ascii"]
    batch = server.run_batch(to_jsonl(chat_line(str(i), text) for i, text in enumerate(texts)))
    check_completed(server, batch, [str(i) for i in range(len(texts))])


def test_deleting_the_input_while_the_batch_runs_does_not_harm_it(server):
    file = server.upload(chat_lines(150)).json["id"]
    batch_id = create(server, file).json["id"]
    assert server.request("DELETE", f"/v1/files/{file}").status == 200
    check_completed(server, server.wait(batch_id), [f"request-{i}" for i in range(150)])


def test_the_same_file_may_run_twice(server):
    file = server.upload(chat_lines(120)).json["id"]
    ids = [create(server, file).json["id"] for _ in range(2)]
    assert len(set(ids)) == 2
    for batch_id in ids:
        check_completed(server, server.wait(batch_id), [f"request-{i}" for i in range(120)])


# -- lines that fail when they run -------------------------------------------------------------------


def check_error_line(line, status, message):
    """An HTTP error of the model's call: the envelope is in response.body, the line's own error is null."""
    assert line["error"] is None
    assert line["id"].startswith("batch_req_")
    assert line["response"]["status_code"] == status
    assert line["response"]["request_id"]
    error = line["response"]["body"]["error"]
    assert message in error["message"]
    assert isinstance(error["type"], str) and {"param", "code"} <= set(error)


@pytest.mark.parametrize("count", [3, 150])
def test_a_line_that_fails_is_in_the_error_file_and_the_batch_completes(server, count):
    lines = [chat_line(f"request-{i}") for i in range(count - 1)]
    lines.insert(1, chat_line("failing", "[[sandbox:error 400 no such thing]]"))
    batch = server.run_batch(to_jsonl(lines))
    assert batch["status"] == "completed", batch
    assert batch["request_counts"] == {"total": count, "completed": count - 1, "failed": 1}
    good = server.result_lines(batch["output_file_id"])
    assert sorted(line["custom_id"] for line in good) == sorted(f"request-{i}" for i in range(count - 1))
    harness.check_result_lines(good)
    (bad,) = server.result_lines(batch["error_file_id"])
    assert bad["custom_id"] == "failing"
    check_error_line(bad, 400, "no such thing")
    file = server.request("GET", f"/v1/files/{batch['error_file_id']}").json
    assert (file["purpose"], file["filename"]) == ("batch_output", f"{batch['id']}_error.jsonl")


@pytest.mark.parametrize("count", [3, 150])
def test_when_every_line_fails_there_is_no_output_file(server, count):
    batch = server.run_batch(to_jsonl(
        chat_line(f"request-{i}", "[[sandbox:error 400 never]]") for i in range(count)))
    assert batch["status"] == "completed", batch
    assert batch["request_counts"] == {"total": count, "completed": 0, "failed": count}
    assert batch["output_file_id"] is None
    lines = server.result_lines(batch["error_file_id"])
    assert sorted(line["custom_id"] for line in lines) == sorted(f"request-{i}" for i in range(count))
    for line in lines:
        check_error_line(line, 400, "never")


# -- reading and listing ----------------------------------------------------------------------------


def test_an_unknown_batch_is_not_found(server, client):
    for method, path in [("GET", "/v1/batches/batch_x"), ("POST", "/v1/batches/batch_x/cancel")]:
        answer = server.request(method, path)
        assert answer.status == 404
        assert answer.error["message"] == "No batch found with id 'batch_x'."
        assert answer.error["type"] == "invalid_request_error"
    with pytest.raises(openai.NotFoundError):
        client.batches.retrieve("batch_x")


def test_45_batches_page_once_each_newest_first(fresh_server):
    file = fresh_server.upload(to_jsonl([b"{}"])).json["id"]  # fails at once: these need not run
    ids = [create(fresh_server, file).json["id"] for _ in range(45)]
    assert [batch.id for batch in fresh_server.client().batches.list()] == ids[::-1]
    page = fresh_server.request("GET", "/v1/batches").json
    assert len(page["data"]) == 20 and page["has_more"] is True
    assert (page["first_id"], page["last_id"]) == (ids[-1], ids[25])
    page = fresh_server.request("GET", "/v1/batches?limit=100").json
    assert len(page["data"]) == 45 and page["has_more"] is False


def test_limits_of_the_list(server, input_file):
    create(server, input_file)
    over = server.request("GET", "/v1/batches?limit=101")
    assert over.status == 400
    assert over.error == {
        "message": "Invalid 'limit': integer above maximum value. Expected a value <= 100, but got 101 instead.",
        "type": "invalid_request_error", "param": "limit", "code": "integer_above_max_value"}
    under = server.request("GET", "/v1/batches?limit=-1")
    assert under.status == 400 and under.error["code"] == "integer_below_min_value"
    zero = server.request("GET", "/v1/batches?limit=0")
    assert zero.status == 200 and zero.json["data"] == [] and zero.json["has_more"] is False
    unknown = server.request("GET", "/v1/batches?after=batch_x")
    assert unknown.status == 400 and unknown.error["param"] == "after"


# -- cancelling -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def slow_server(tmp_path_factory):
    """Jobs of its sandbox take long enough to be cancelled in the middle."""
    running = harness.Server(tmp_path_factory.mktemp("slow"), job_seconds=60)
    yield running
    assert running.stop() == 0, running.log_end()


def check_cancelled(server, batch, count):
    assert batch["status"] == "cancelled", batch
    assert batch["cancelling_at"] <= batch["cancelled_at"]
    assert batch["completed_at"] is None
    lines = [line for key in ("output_file_id", "error_file_id") if batch[key]
             for line in server.result_lines(batch[key])]
    assert sorted(line["custom_id"] for line in lines) == sorted(f"request-{i}" for i in range(count))
    return server.result_lines(batch["error_file_id"])


def test_a_running_batch_cancels_and_every_line_is_accounted_for(slow_server):
    file = slow_server.upload(chat_lines(150)).json["id"]
    batch_id = create(slow_server, file).json["id"]
    slow_server.wait(batch_id, until={"in_progress"})
    answer = slow_server.request("POST", f"/v1/batches/{batch_id}/cancel")
    assert answer.status == 200
    assert answer.json["status"] in {"cancelling", "cancelled"} and answer.json["cancelling_at"]
    again = slow_server.request("POST", f"/v1/batches/{batch_id}/cancel")
    assert again.status == 200 and again.json["cancelling_at"] == answer.json["cancelling_at"]
    batch = slow_server.wait(batch_id)
    unexecuted = check_cancelled(slow_server, batch, 150)
    assert len(unexecuted) == 150
    for line in unexecuted:
        assert line["response"] is None
        assert line["error"]["code"] == "batch_cancelled" and line["error"]["message"]
    assert batch["request_counts"]["failed"] == 0
    assert slow_server.request("POST", f"/v1/batches/{batch_id}/cancel").status == 200


def test_cancelling_at_once_ends_cancelled_too(slow_server):
    file = slow_server.upload(chat_lines(150)).json["id"]
    batch_id = create(slow_server, file).json["id"]
    assert slow_server.request("POST", f"/v1/batches/{batch_id}/cancel").status == 200
    batch = slow_server.wait(batch_id)
    check_cancelled(slow_server, batch, 150)


def test_cancelling_what_has_completed_is_a_conflict_that_is_not_retried(server):
    batch = server.run_batch(chat_lines(1))
    answer = server.request("POST", f"/v1/batches/{batch['id']}/cancel")
    assert answer.status == 409
    assert answer.headers["x-should-retry"] == "false"
    assert answer.error == {"message": "Cannot cancel a batch with status 'completed'.",
                            "type": "invalid_request_error", "param": None, "code": None}
    before = server.log().count(batch["id"])
    with pytest.raises(openai.ConflictError):
        server.client(max_retries=2).batches.cancel(batch["id"])
    assert server.log().count(batch["id"]) - before <= 1


# -- restarting -------------------------------------------------------------------------------------


def test_batches_and_files_are_the_same_after_a_restart(tmp_path):
    server = harness.Server(tmp_path / "server")
    batch = server.run_batch(chat_lines(3))
    content = server.content(batch["output_file_id"])
    assert server.stop() == 0
    again = harness.Server(tmp_path / "server")
    try:
        assert again.batch(batch["id"]) == batch
        assert again.content(batch["output_file_id"]) == content
        assert len(again.request("GET", "/v1/batches").json["data"]) == 1
    finally:
        assert again.stop() == 0
