"""The Files API as OpenAI's clients use it."""

import hashlib
import json
import socket
import subprocess
import threading
import time

import openai
import pytest

import harness
import seed_page

LINES = harness.chat_lines(3)
DAYS_30 = 30 * 24 * 3600


def upload(client, content=LINES, filename="in.jsonl", **options):
    return client.files.create(file=(filename, content), purpose="batch", **options)


# -- creating ---------------------------------------------------------------------------------------


def test_an_open_file_keeps_its_name_and_its_bytes(client, tmp_path):
    path = tmp_path / "prompts.jsonl"
    path.write_bytes(LINES)
    with open(path, "rb") as opened:
        file = client.files.create(file=opened, purpose="batch")
    assert file.filename == "prompts.jsonl"
    assert file.bytes == len(LINES)
    assert (file.object, file.purpose, file.status) == ("file", "batch", "processed")
    assert file.id.startswith("file-") and len(file.id) <= 64
    assert client.files.content(file.id).content == LINES


def test_bytes_without_a_name_are_taken(client):
    """The SDK names them `upload`, without .jsonl."""
    assert client.files.create(file=LINES, purpose="batch").filename == "upload"


@pytest.mark.parametrize("sent, kept", [
    ('ü "q".jsonl', 'ü "q".jsonl'),
    ("../../etc/x.jsonl", "x.jsonl"),
    ("C:\\Users\\a\\x.jsonl", "x.jsonl"),
])
def test_names_are_unescaped_and_stripped_of_paths(server, client, sent, kept):
    escaped = sent.replace('"', "%22")
    assert server.upload(LINES, escaped).json["filename"] == kept


def test_a_name_through_the_sdk_keeps_its_quotes(client):
    assert upload(client, filename='ü "q".jsonl').filename == 'ü "q".jsonl'


def test_every_member_of_the_object_is_there_with_its_type(server):
    file = server.upload(LINES).json
    assert set(file) == {"id", "object", "bytes", "created_at", "expires_at", "filename", "purpose", "status",
                         "status_details"}
    assert isinstance(file["created_at"], int) and abs(file["created_at"] - time.time()) < 60
    assert file["status_details"] is None
    assert server.request("GET", f"/v1/files/{file['id']}").json == file


def test_curl_above_a_megabyte_is_told_to_continue(server, tmp_path):
    """curl sends Expect: 100-continue from there on, and waits."""
    path = tmp_path / "big.jsonl"
    path.write_bytes(harness.chat_lines(10_000))
    assert path.stat().st_size > 1 << 20
    done = subprocess.run(
        ["curl", "-sS", "-v", f"{server.url}/v1/files", "-H", f"Authorization: Bearer {server.key}",
         "-F", "purpose=batch", "-F", f"file=@{path}", "--expect100-timeout", "60"],
        capture_output=True, text=True, timeout=50)
    assert json.loads(done.stdout)["bytes"] == path.stat().st_size
    assert "> Expect: 100-continue" in done.stderr and "< HTTP/1.1 100" in done.stderr


def test_bytes_after_the_closing_delimiter_are_ignored(server):
    body, content_type = harness.form([("purpose", "batch"), ("file", "in.jsonl", LINES)], epilogue=b"\r\n")
    answer = server.request("POST", "/v1/files", body, {"Content-Type": content_type})
    assert answer.status == 200, answer.text


PARTS = [("purpose", "batch"), ("file", "in.jsonl", LINES), ("expires_after[anchor]", "created_at"),
         ("expires_after[seconds]", "3600")]


@pytest.mark.parametrize("turn", range(4))
def test_parts_may_come_in_any_order_and_in_chunks_of_one_byte(server, turn):
    body, content_type = harness.form(PARTS[turn:] + PARTS[:turn])
    chunked = b"".join(b"1\r\n" + bytes([byte]) + b"\r\n" for byte in body) + b"0\r\n\r\n"
    received = server.exchange(
        f"POST /v1/files HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {server.key}\r\n"
        f"Content-Type: {content_type}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n".encode()
        + chunked)
    head, _, content = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), received
    file = json.loads(content)
    assert file["bytes"] == len(LINES)
    assert file["expires_at"] == file["created_at"] + 3600


def test_200_is_not_answered_before_the_body_has_ended(server):
    """A client that stalls in the middle has uploaded nothing."""
    body, content_type = harness.form([("purpose", "batch"), ("file", "in.jsonl", LINES)])
    with socket.create_connection(("127.0.0.1", server.port), timeout=0.5) as peer:
        peer.sendall(f"POST /v1/files HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {server.key}\r\n"
                     f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
                     + body[:-10])
        with pytest.raises(TimeoutError):
            peer.recv(1)


# -- expiry -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [3600, 2592000])
def test_expires_after_counts_from_creation(client, seconds):
    file = upload(client, expires_after={"anchor": "created_at", "seconds": seconds})
    assert file.expires_at == file.created_at + seconds


@pytest.mark.parametrize("fields", [
    [("expires_after[anchor]", "created_at"), ("expires_after[seconds]", "3599")],
    [("expires_after[anchor]", "created_at"), ("expires_after[seconds]", "2592001")],
    [("expires_after[anchor]", "created_at"), ("expires_after[seconds]", "soon")],
    [("expires_after[anchor]", "last_active_at"), ("expires_after[seconds]", "3600")],
    [("expires_after[anchor]", "created_at")],
    [("expires_after[seconds]", "3600")],
])
def test_an_expiry_that_is_wrong_or_half_is_refused(server, fields):
    answer = server.upload(LINES, fields=[("purpose", "batch"), *fields])
    assert answer.status == 400, answer.text
    assert answer.error["type"] == "invalid_request_error"
    assert "expires_after" in answer.error["param"]


def test_the_dotted_spelling_of_the_expiry_works(server):
    file = server.upload(LINES, fields=[("purpose", "batch"), ("expires_after.seconds", "7200"),
                                        ("expires_after.anchor", "created_at")]).json
    assert file["expires_at"] == file["created_at"] + 7200


def test_batch_files_expire_after_thirty_days_and_others_never(client):
    file = upload(client)
    assert file.expires_at == file.created_at + DAYS_30
    assert client.files.create(file=("n.txt", b"note"), purpose="user_data").expires_at is None


# -- fields of other gateways -----------------------------------------------------------------------


@pytest.mark.parametrize("extra", [
    {"target_model_names": harness.MODEL},
    {"target_model_names": [harness.MODEL]},
    {"custom_llm_provider": "bedrock", "litellm_metadata": {"a": "b"}},
])
def test_extra_fields_of_the_sdk_are_taken(client, extra):
    assert upload(client, extra_body=extra).status == "processed"


@pytest.mark.parametrize("text", ["[1]", "{", '"x"', "7"])
def test_an_extra_body_that_is_no_object_is_refused(server, text):
    answer = server.upload(LINES, fields=[("purpose", "batch"), ("extra_body", text)])
    assert answer.status == 400, answer.text
    assert answer.error["param"] == "extra_body"


@pytest.mark.parametrize("kind, status", [("throttle", 503), ("access_denied", 502)])
def test_what_s3_refuses_is_an_answer_and_not_a_cut(fresh_server, kind, status):
    file = fresh_server.upload(LINES).json
    fresh_server.set_faults([{"operation": "GetObject", "fault": kind}])
    for headers in ({}, {"Range": "bytes=1-5"}):
        answer = fresh_server.request("GET", f"/v1/files/{file['id']}/content", None, headers)
        assert answer.status == status, answer.text
        assert answer.error["type"] == "server_error"
        assert harness.BUCKET not in answer.text
        assert (answer.headers.get("Retry-After") == "2") == (status == 503)
    fresh_server.set_faults([])
    assert fresh_server.client().files.content(file["id"]).content == LINES


# -- what is refused --------------------------------------------------------------------------------


def test_a_missing_purpose_is_refused(server):
    answer = server.upload(LINES, fields=[])
    assert answer.status == 400
    assert answer.error["param"] == "purpose"
    assert answer.error["code"] == "missing_required_parameter"


def test_an_unknown_purpose_is_refused(server):
    answer = server.upload(LINES, fields=[("purpose", "xyz")])
    assert answer.status == 400
    assert "'xyz'" in answer.error["message"] and "purpose" in answer.error["message"]


def test_a_missing_file_is_refused(server):
    body, content_type = harness.form([("purpose", "batch")])
    answer = server.request("POST", "/v1/files", body, {"Content-Type": content_type})
    assert answer.status == 400
    assert answer.error["param"] == "file"


def test_two_files_are_refused(server):
    before = server.request("GET", "/v1/files").json["data"]
    body, content_type = harness.form([("purpose", "batch"), ("file", "a.jsonl", LINES), ("file", "b.jsonl", LINES)])
    answer = server.request("POST", "/v1/files", body, {"Content-Type": content_type})
    assert answer.status == 400, answer.text
    assert server.request("GET", "/v1/files").json["data"] == before


@pytest.mark.parametrize("content_type", ["application/json", "multipart/form-data", "text/plain", None])
def test_what_is_no_form_is_refused(server, content_type):
    headers = {"Content-Type": content_type} if content_type else {}
    answer = server.request("POST", "/v1/files", b"{}", headers)
    assert answer.status == 400, answer.text
    assert answer.error["type"] == "invalid_request_error"


def test_a_form_cut_short_leaves_no_file_behind(server):
    before = server.request("GET", "/v1/files").json["data"]
    body, content_type = harness.form([("purpose", "batch"), ("file", "in.jsonl", LINES)])
    answer = server.request("POST", "/v1/files", body[:-20], {"Content-Type": content_type})
    assert answer.status == 400, answer.text
    assert server.request("GET", "/v1/files").json["data"] == before


def test_a_connection_cut_in_the_middle_leaves_no_file_behind(server):
    before = server.request("GET", "/v1/files").json["data"]
    body, content_type = harness.form([("purpose", "batch"), ("file", "in.jsonl", LINES)])
    with socket.create_connection(("127.0.0.1", server.port)) as peer:
        peer.sendall(f"POST /v1/files HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {server.key}\r\n"
                     f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
                     + body[:-20])
    assert server.request("GET", "/v1/files").json["data"] == before


@pytest.mark.parametrize("content, cause", [
    (b"", "the file is empty"), (b"this is no JSON\n", "line 1 is not parseable as valid JSON"),
    (b"custom_id,text\n1,2\n", "line 1 is not parseable as valid JSON")])
def test_a_batch_file_that_does_not_begin_with_json_is_refused(server, content, cause):
    answer = server.upload(content)
    assert answer.status == 400, answer.text
    assert answer.error["message"].startswith(f"Invalid file format for Batch API. Must be .jsonl; {cause}")


def test_a_bad_line_after_a_good_one_is_for_the_batch_to_report(server):
    assert server.upload(harness.to_jsonl([harness.chat_line("a"), b"{nonsense"])).status == 200


@pytest.fixture(scope="module")
def small_server(tmp_path_factory):
    """Takes uploads of at most a mebibyte."""
    directory = tmp_path_factory.mktemp("small")
    config = directory / "config.yaml"
    config.write_text((seed_page.SEED / "config.yaml").read_text()
                      + f"general_settings:\n  master_key: {harness.KEY}\n  max_upload_bytes: {1 << 20}\n")
    running = harness.Server(directory / "server", config=config)
    yield running
    assert running.stop() == 0, running.log_end()


def test_a_file_over_the_limit_is_413_once_and_not_stored(small_server):
    client = small_server.client(max_retries=2)
    with pytest.raises(openai.APIStatusError) as failure:
        upload(client, b"{}\n" * (1 << 20))
    assert failure.value.status_code == 413
    assert failure.value.body["type"] == "invalid_request_error"
    assert small_server.log().count("method=POST path=/v1/files") == 1
    assert small_server.request("GET", "/v1/files").json["data"] == []


def test_a_file_of_just_the_limit_is_taken(small_server):
    line = harness.to_jsonl([harness.chat_line("a")])
    content = line + b"\n" * ((1 << 20) - len(line))
    assert small_server.upload(content).json["bytes"] == 1 << 20
    assert small_server.upload(content + b"\n").status == 413


# -- reading back -----------------------------------------------------------------------------------


def test_an_unknown_file_is_not_found_on_every_verb(server, client):
    for method, path in [("GET", "/v1/files/file-abc123"), ("DELETE", "/v1/files/file-abc123"),
                         ("GET", "/v1/files/file-abc123/content")]:
        answer = server.request(method, path)
        assert answer.status == 404, (method, path)
        assert answer.error["message"] == "No such File object: file-abc123"
        assert answer.error["param"] == "id"
        assert answer.error["type"] == "invalid_request_error"
    with pytest.raises(openai.NotFoundError):
        client.files.retrieve("file-abc123")


def test_content_is_the_same_bytes_under_its_name(server, client):
    content = harness.chat_lines(5000)
    file = upload(client, content, filename="näme.jsonl")
    answer = server.request("GET", f"/v1/files/{file.id}/content")
    assert hashlib.sha256(answer.body).digest() == hashlib.sha256(content).digest()
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert int(answer.headers["Content-Length"]) == len(content)
    with client.files.with_streaming_response.content(file.id) as response:
        assert b"".join(response.iter_bytes(1000)) == content


def test_content_is_the_same_whatever_encodings_the_client_takes(server, client):
    file = upload(client, harness.chat_lines(2000))
    plain = server.request("GET", f"/v1/files/{file.id}/content", headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    assert client.files.content(file.id).content == plain.body


def test_a_client_that_leaves_in_the_middle_harms_nobody(server, client):
    content = harness.chat_lines(50_000)
    file = upload(client, content)
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", server.port)) as peer:
            peer.sendall(f"GET /v1/files/{file.id}/content HTTP/1.1\r\nHost: h\r\n"
                         f"Authorization: Bearer {server.key}\r\n\r\n".encode())
            assert peer.recv(1000)
    assert client.files.content(file.id).content == content


@pytest.mark.parametrize("asked, start, stop", [
    ("bytes=0-0", 0, 1), ("bytes=100-299", 100, 300), ("bytes=600-", 600, None), ("bytes=-50", -50, None),
    ("bytes=0-999999", 0, None)])
def test_a_range_is_just_those_bytes(server, client, asked, start, stop):
    file = upload(client)
    answer = server.request("GET", f"/v1/files/{file.id}/content", headers={"Range": asked})
    assert answer.status == 206
    assert answer.body == LINES[start:stop]
    first = start if start >= 0 else len(LINES) + start
    assert answer.headers["Content-Range"] == f"bytes {first}-{first + len(answer.body) - 1}/{len(LINES)}"


def test_a_range_behind_the_end_is_416(server, client):
    answer = server.request("GET", f"/v1/files/{upload(client).id}/content",
                            headers={"Range": f"bytes={len(LINES)}-"})
    assert answer.status == 416
    assert answer.headers["Content-Range"] == f"bytes */{len(LINES)}"


def test_a_deleted_file_is_gone(server, client):
    file = upload(client)
    deleted = server.request("DELETE", f"/v1/files/{file.id}", headers={"Content-Type": "application/json"})
    assert deleted.status == 200
    assert deleted.json == {"id": file.id, "object": "file", "deleted": True}
    for method, path in [("DELETE", ""), ("GET", ""), ("GET", "/content")]:
        assert server.request(method, f"/v1/files/{file.id}{path}").status == 404
    assert file.id not in [f.id for f in client.files.list()]


# -- listing ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def listed(tmp_path_factory):
    """25 files in a server of their own: (server, ids from the oldest)."""
    running = harness.Server(tmp_path_factory.mktemp("listed"))
    assert running.request("GET", "/v1/files").json == {
        "object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False}
    yield running, [running.upload(LINES, f"{i}.jsonl").json["id"] for i in range(25)]
    assert running.stop() == 0


def test_a_list_is_whole_and_newest_first(listed):
    server, ids = listed
    page = server.request("GET", "/v1/files").json
    assert set(page) == {"object", "data", "first_id", "last_id", "has_more"}
    assert [file["id"] for file in page["data"]] == ids[::-1]
    assert (page["first_id"], page["last_id"], page["has_more"]) == (ids[-1], ids[0], False)


def test_pages_of_ten_hold_every_file_once(listed):
    server, ids = listed
    assert [file.id for file in server.client().files.list(limit=10)] == ids[::-1]
    sizes, after = [], ""
    while True:
        page = server.request("GET", f"/v1/files?limit=10{after}").json
        sizes.append(len(page["data"]))
        if not page["has_more"]:
            break
        after = f"&after={page['data'][-1]['id']}"
    assert sizes == [10, 10, 5]


def test_a_last_page_that_is_full_says_that_nothing_follows(listed):
    server, ids = listed
    page = server.request("GET", "/v1/files?limit=25").json
    assert len(page["data"]) == 25 and page["has_more"] is False
    after = server.request("GET", f"/v1/files?after={ids[0]}").json
    assert after == {"object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False}


def test_order_asc_is_oldest_first(listed):
    server, ids = listed
    assert [file.id for file in server.client().files.list(order="asc", limit=7)] == ids


def test_the_purpose_filters(listed):
    server, ids = listed
    assert len(server.request("GET", "/v1/files?purpose=batch").json["data"]) == 25
    assert server.request("GET", "/v1/files?purpose=batch_output").json["data"] == []


@pytest.mark.parametrize("query", ["limit=0", "limit=-1", "limit=10001", "limit=abc", "order=sideways",
                                   "after=file-unknown"])
def test_a_wrong_question_is_refused_by_its_parameter(server, query):
    answer = server.request("GET", f"/v1/files?{query}")
    assert answer.status == 400, answer.text
    assert answer.error["param"] == query.split("=")[0]


def test_deleting_between_pages_neither_repeats_nor_loops(fresh_server):
    client = fresh_server.client()
    ids = [upload(client).id for _ in range(6)][::-1]
    seen = []
    for file in client.files.list(limit=2):
        seen.append(file.id)
        assert len(seen) <= 6
        if file.id == ids[1]:
            client.files.delete(ids[2])
    assert seen == [ids[0], ids[1], ids[3], ids[4], ids[5]]


def test_many_uploads_at_once_all_arrive(server):
    results = []
    contents = [harness.chat_lines(300, f"thread-{i}") for i in range(16)]

    def one(content):
        results.append((server.upload(content).json["id"], content))

    threads = [threading.Thread(target=one, args=(content,)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 16
    for file_id, content in results:
        assert server.content(file_id) == content
