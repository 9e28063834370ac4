"""The Uploads API as OpenAI's clients use it: files that come in parts."""

import concurrent.futures
import hashlib
import json
import os
import subprocess
import time

import openai
import pytest

import harness

LINES = harness.chat_lines(40)
DAYS_30 = 30 * 24 * 3600
PART_BYTES_MAX = 64 << 20


def create(client, size=len(LINES), **options):
    return client.uploads.create(**{
        "bytes": size, "filename": "in.jsonl", "mime_type": "application/jsonl", "purpose": "batch", **options})


def pieces(content, size):
    return [content[at:at + size] for at in range(0, len(content), size)]


def send(client, upload, content, size=1000):
    """The parts one after another; their ids in order."""
    return [client.uploads.parts.create(upload.id, data=piece).id for piece in pieces(content, size)]


def refused(call, *args, param=None, **options):
    """The message of the 400 that the call must end in."""
    with pytest.raises(openai.BadRequestError) as caught:
        call(*args, **options)
    assert caught.value.type == "invalid_request_error"
    if param:
        assert caught.value.param == param
    return caught.value.body["message"]


# -- through the SDK's own helper ---------------------------------------------------------------------


@pytest.mark.parametrize("content, part_size", [
    (LINES[:64 * 30 + 7], 64),
    (harness.chat_lines(60_000), 5 << 20),
])
def test_a_file_sent_in_chunks_is_the_file_that_was_sent(client, content, part_size):
    assert len(content) > 2 * part_size
    upload = client.uploads.upload_file_chunked(
        file=content, filename="big.jsonl", bytes=len(content), mime_type="txt", purpose="batch", part_size=part_size)
    assert upload.status == "completed"
    assert upload.file.bytes == len(content)
    assert client.files.content(upload.file.id).content == content


def test_a_file_on_disk_keeps_its_name(client, tmp_path):
    path = tmp_path / "prompts.jsonl"
    path.write_bytes(LINES)
    upload = client.uploads.upload_file_chunked(file=path, mime_type="txt", purpose="batch", part_size=999)
    assert upload.filename == upload.file.filename == "prompts.jsonl"
    assert client.files.content(upload.file.id).content == LINES


def test_the_sdk_of_node_sends_parts_at_once_and_chooses_their_order(server, tmp_path):
    node = harness.REPOSITORY / "tests" / "node"
    if not (node / "node_modules" / "openai").is_dir():
        pytest.fail("the openai package for Node is missing: run scripts/setup --test")
    path = tmp_path / "in.jsonl"
    path.write_bytes(LINES)
    done = subprocess.run(["node", node / "uploads.mjs", path], capture_output=True, text=True, timeout=60,
                          env={**os.environ, "QUARRY_URL": f"{server.url}/v1", "QUARRY_KEY": server.key})
    assert done.returncode == 0, done.stderr
    upload = json.loads(done.stdout)
    assert upload["status"] == "completed"
    assert server.content(upload["file"]["id"]) == LINES


# -- the objects ------------------------------------------------------------------------------------


def test_every_member_of_the_objects_is_there_with_its_type(server):
    created = server.request("POST", "/v1/uploads", {
        "bytes": len(LINES), "filename": "../x/in.jsonl", "mime_type": "txt", "purpose": "batch"})
    assert created.status == 200, created.text
    upload = created.json
    assert set(upload) == {"id", "object", "bytes", "created_at", "expires_at", "filename", "purpose", "status", "file"}
    assert upload["id"].startswith("upload_") and len(upload["id"]) <= 64
    assert (upload["object"], upload["bytes"], upload["filename"], upload["purpose"], upload["status"], upload["file"]) \
        == ("upload", len(LINES), "in.jsonl", "batch", "pending", None)
    assert isinstance(upload["created_at"], int) and abs(upload["created_at"] - time.time()) < 60
    assert upload["expires_at"] == upload["created_at"] + 3600

    body, content_type = harness.form([("data", "part", LINES)])
    part = server.request("POST", f"/v1/uploads/{upload['id']}/parts", body, {"Content-Type": content_type}).json
    assert set(part) == {"id", "object", "created_at", "upload_id"}
    assert part["id"].startswith("part_") and len(part["id"]) <= 64
    assert (part["object"], part["upload_id"]) == ("upload.part", upload["id"])
    assert isinstance(part["created_at"], int)

    done = server.request("POST", f"/v1/uploads/{upload['id']}/complete", {"part_ids": [part["id"]]}).json
    file = done.pop("file")
    assert done == {**{k: v for k, v in upload.items() if k != "file"}, "status": "completed"}
    assert file == server.request("GET", f"/v1/files/{file['id']}").json
    assert file["expires_at"] == file["created_at"] + DAYS_30
    assert [entry["id"] for entry in server.request("GET", "/v1/files?limit=1").json["data"]] == [file["id"]]


@pytest.mark.parametrize("prefix", ["", "/v1", "/openai/v1"])
def test_every_route_is_under_every_prefix(server, prefix):
    created = server.request("POST", f"{prefix}/uploads/", {
        "bytes": 4, "filename": "x.bin", "mime_type": "txt", "purpose": "user_data"})
    assert created.status == 200, created.text
    path = f"{prefix}/uploads/{created.json['id']}"
    body, content_type = harness.form([("data", "part", b"abcd")])
    part = server.request("POST", f"{path}/parts", body, {"Content-Type": content_type})
    assert part.status == 200, part.text
    assert server.request("POST", f"{path}/complete", {"part_ids": [part.json["id"]]}).status == 200
    assert server.request("POST", f"{path}/cancel").status == 400
    assert server.request("GET", path).status == 404
    wrong = server.request("PUT", f"{prefix}/uploads")
    assert wrong.status == 405 and wrong.headers["Allow"] == "POST"


def test_a_file_expires_as_its_upload_said(client):
    expiring = create(client, expires_after={"anchor": "created_at", "seconds": 7200})
    file = client.uploads.complete(expiring.id, part_ids=send(client, expiring, LINES)).file
    assert file.expires_at == file.created_at + 7200
    lasting = create(client, 4, purpose="user_data", filename="notes.txt")
    file = client.uploads.complete(lasting.id, part_ids=send(client, lasting, b"note")).file
    assert file.expires_at is None


# -- parts ------------------------------------------------------------------------------------------


def test_parts_come_at_once_and_make_the_file_in_the_order_that_is_named(client):
    upload = create(client)
    chunks = pieces(LINES, len(LINES) // 8 + 1)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        sent = list(pool.map(lambda n: client.uploads.parts.create(upload.id, data=chunks[n]).id,
                             reversed(range(len(chunks)))))
    done = client.uploads.complete(upload.id, part_ids=list(reversed(sent)))
    assert client.files.content(done.file.id).content == LINES


def test_a_part_that_is_not_named_is_not_in_the_file(client):
    upload = create(client)
    first = client.uploads.parts.create(upload.id, data=LINES[:100]).id
    client.uploads.parts.create(upload.id, data=b"lost on its way, so it was sent again")
    second = client.uploads.parts.create(upload.id, data=LINES[100:]).id
    done = client.uploads.complete(upload.id, part_ids=[first, second])
    assert client.files.content(done.file.id).content == LINES


def test_a_part_of_64_mib_is_taken_and_one_byte_more_is_too_much(server, client):
    upload = create(client, PART_BYTES_MAX, purpose="user_data")
    content = bytes(PART_BYTES_MAX)
    with pytest.raises(openai.APIStatusError) as caught:
        client.uploads.parts.create(upload.id, data=content + b"x")
    assert caught.value.status_code == 413
    assert "67108864" in caught.value.body["message"]
    part = client.uploads.parts.create(upload.id, data=content).id
    assert client.uploads.complete(upload.id, part_ids=[part]).file.bytes == PART_BYTES_MAX


@pytest.mark.parametrize("parts, param", [
    ([("other", "x", b"abc")], "data"),
    ([], "data"),
    ([("data", "x", b"")], "data"),
    ([("data", "x", b"abc"), ("data", "y", b"def")], "data"),
])
def test_a_form_without_one_part_data_is_refused(server, client, parts, param):
    upload = create(client)
    body, content_type = harness.form(parts)
    answer = server.request("POST", f"/v1/uploads/{upload.id}/parts", body, {"Content-Type": content_type})
    assert answer.status == 400, answer.text
    assert answer.error["param"] == param


def test_a_cut_part_is_refused_and_not_a_part(server, client):
    upload = create(client)
    body, content_type = harness.form([("data", "x", LINES)])
    path = f"/v1/uploads/{upload.id}/parts"
    assert server.request("POST", path, body[:-20], {"Content-Type": content_type}).status == 400
    assert server.request("POST", path, {"data": "x"}).status == 400
    # Fields of other gateways do no harm.
    body, content_type = harness.form([("hint", "x"), ("data", "x", LINES)])
    part = server.request("POST", path, body, {"Content-Type": content_type}).json["id"]
    assert client.uploads.complete(upload.id, part_ids=[part]).status == "completed"


# -- completing -------------------------------------------------------------------------------------


def test_parts_that_do_not_add_up_are_refused(client):
    upload = create(client)
    ids = send(client, upload, LINES)
    message = refused(client.uploads.complete, upload.id, part_ids=ids[:-1], param="part_ids")
    assert str(len(LINES)) in message
    refused(client.uploads.complete, upload.id, part_ids=[*ids, ids[0]], param="part_ids")
    assert "part_nobody" in refused(client.uploads.complete, upload.id, part_ids=["part_nobody"], param="part_ids")
    refused(client.uploads.complete, upload.id, part_ids=[], param="part_ids")
    # It is still pending: nothing was lost by trying.
    assert client.uploads.complete(upload.id, part_ids=ids).status == "completed"


def test_another_uploads_part_is_no_part_of_this_one(client):
    mine, other = create(client), create(client)
    part = client.uploads.parts.create(other.id, data=LINES).id
    refused(client.uploads.complete, mine.id, part_ids=[part], param="part_ids")


def test_the_md5_is_that_of_the_whole_file(client):
    upload = create(client)
    ids = send(client, upload, LINES)
    digest = hashlib.md5(LINES).hexdigest()
    for wrong in [hashlib.md5(b"").hexdigest(), digest[:-1], "x" * 32]:
        refused(client.uploads.complete, upload.id, part_ids=ids, md5=wrong, param="md5")
    # Parts in another order have all the bytes, but are another file.
    refused(client.uploads.complete, upload.id, part_ids=ids[::-1], md5=digest, param="md5")
    assert client.uploads.complete(upload.id, part_ids=ids, md5=digest.upper()).status == "completed"


def test_completing_again_gives_the_same_answer_for_the_same_parts_only(client):
    upload = create(client)
    ids = send(client, upload, LINES)
    first = client.uploads.complete(upload.id, part_ids=ids)
    assert client.uploads.complete(upload.id, part_ids=ids) == first
    assert "completed" in refused(client.uploads.complete, upload.id, part_ids=ids[::-1])
    assert "completed" in refused(client.uploads.complete, upload.id, part_ids=[])


def test_completing_many_times_at_once_makes_one_file(server, client):
    upload = create(client)
    ids = send(client, upload, LINES)
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: client.uploads.complete(upload.id, part_ids=ids), range(6)))
    assert len({answer.file.id for answer in answers}) == 1
    listed = [entry["id"] for entry in server.request("GET", "/v1/files").json["data"]]
    assert listed.count(answers[0].file.id) == 1


@pytest.mark.parametrize("content, cause", [(b"hello\n", "line 1 is not parseable"), (b"\n\n", "the file is empty")])
def test_what_is_no_batch_input_is_refused_as_in_one_piece(client, content, cause):
    upload = create(client, len(content))
    message = refused(client.uploads.complete, upload.id, part_ids=send(client, upload, content))
    assert message.startswith(f"Invalid file format for Batch API. Must be .jsonl; {cause}")


def test_an_upload_of_no_bytes_is_refused_at_once(client):
    assert "'bytes'" in refused(create, client, 0, param="bytes")


# -- the end of an upload ---------------------------------------------------------------------------


def test_nothing_can_be_done_with_an_upload_that_is_completed_or_cancelled(client):
    completed = create(client)
    client.uploads.complete(completed.id, part_ids=send(client, completed, LINES))
    cancelled = create(client)
    ids = send(client, cancelled, LINES)
    answer = client.uploads.cancel(cancelled.id)
    assert (answer.status, answer.id, answer.file) == ("cancelled", cancelled.id, None)
    for upload, word in [(completed, "completed"), (cancelled, "cancelled")]:
        assert word in refused(client.uploads.parts.create, upload.id, data=b"x")
        assert word in refused(client.uploads.cancel, upload.id)
    assert "cancelled" in refused(client.uploads.complete, cancelled.id, part_ids=ids)


def test_an_upload_that_nobody_made_is_not_found(client):
    for call in [lambda: client.uploads.parts.create("upload_x", data=b"x"),
                 lambda: client.uploads.complete("upload_x", part_ids=[]),
                 lambda: client.uploads.cancel("upload_x")]:
        with pytest.raises(openai.NotFoundError) as caught:
            call()
        assert caught.value.body["message"] == "No such Upload object: upload_x"
        assert caught.value.param == "id"


# -- creating ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("change, param, code", [
    ({"filename": None}, "filename", "missing_required_parameter"),
    ({"purpose": None}, "purpose", "missing_required_parameter"),
    ({"mime_type": None}, "mime_type", "missing_required_parameter"),
    ({"bytes": None}, "bytes", "missing_required_parameter"),
    ({"bytes": "7"}, "bytes", "invalid_type"),
    ({"bytes": -1}, "bytes", "integer_below_min_value"),
    ({"bytes": (8 << 30) + 1}, "bytes", "integer_above_max_value"),
    ({"purpose": "xyz"}, "purpose", "invalid_value"),
    ({"expires_after": {"anchor": "created_at", "seconds": 3599}}, "expires_after.seconds", "integer_below_min_value"),
    ({"expires_after": {"anchor": "x", "seconds": 3600}}, "expires_after.anchor", "invalid_value"),
    ({"target_model_names": "no-such-model"}, "target_model_names", "model_not_found"),
    ({"target_model_names": [1]}, "target_model_names[0]", "invalid_type"),
])
def test_a_body_that_is_wrong_is_refused_by_name(server, change, param, code):
    body = {"bytes": 7, "filename": "in.jsonl", "mime_type": "txt", "purpose": "batch", **change}
    answer = server.request("POST", "/v1/uploads", {k: v for k, v in body.items() if v is not None})
    assert answer.status == 400, answer.text
    assert (answer.error["param"], answer.error["code"]) == (param, code)


def test_the_limit_is_8_gib_and_the_refusal_names_it(server):
    body = {"bytes": 8 << 30, "filename": "in.jsonl", "mime_type": "txt", "purpose": "batch"}
    assert server.request("POST", "/v1/uploads", body).status == 200
    answer = server.request("POST", "/v1/uploads", {**body, "bytes": (8 << 30) + 1})
    assert answer.status == 400 and str(8 << 30) in answer.error["message"]


# -- as a batch's input -----------------------------------------------------------------------------


def test_a_batch_reads_lines_that_cross_the_borders_of_parts(client, server):
    upload = create(client, extra_body={"target_model_names": harness.MODEL})
    done = client.uploads.complete(upload.id, part_ids=send(client, upload, LINES, 333))
    batch = client.batches.create(
        input_file_id=done.file.id, endpoint="/v1/chat/completions", completion_window="24h")
    ended = server.wait(batch.id)
    assert ended["status"] == "completed", ended
    assert ended["request_counts"] == {"total": 40, "completed": 40, "failed": 0}
    lines = server.result_lines(ended["output_file_id"])
    assert {line["custom_id"] for line in lines} == {f"request-{i}" for i in range(40)}
    harness.check_result_lines(lines)


def test_the_bad_lines_of_a_file_in_parts_are_known_by_their_numbers(client, server):
    content = LINES + b"not json\n" + harness.chat_lines(1, "last")
    upload = create(client, len(content))
    done = client.uploads.complete(upload.id, part_ids=send(client, upload, content, 100))
    batch = client.batches.create(
        input_file_id=done.file.id, endpoint="/v1/chat/completions", completion_window="24h")
    ended = server.wait(batch.id)
    assert ended["status"] == "failed"
    assert [error["line"] for error in ended["errors"]["data"]] == [41]


def test_an_upload_expires_an_hour_after_its_creation(tmp_path):
    """By the server's clock, which here has an hour every six seconds."""
    server = harness.Server(tmp_path / "server", extra_args=["--clock-speed", "600"])
    client = server.client()
    upload = create(client)
    part = client.uploads.parts.create(upload.id, data=LINES)
    body, content_type = harness.form([("data", "part", b"x")])
    sent = []

    def refused_now():
        answer = server.request("POST", f"/v1/uploads/{upload.id}/parts", body, {"Content-Type": content_type})
        sent.append(answer)
        return answer.status != 200

    harness.await_true(refused_now, timeout=30)
    assert len(sent) > 1, "it took parts before"
    assert sent[-1].status == 400 and "expired" in sent[-1].error["message"]
    assert "expired" in refused(client.uploads.complete, upload.id, part_ids=[part.id])
    assert "expired" in refused(client.uploads.cancel, upload.id)
    assert server.stop() == 0
