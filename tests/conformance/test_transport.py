"""What holds for every route: keys, errors, ids of requests, prefixes, and bytes that are no request."""

import os
import signal
import socket
import subprocess
import time

import openai
import pytest

import harness

ROUTES = [("GET", "/files"), ("GET", "/batches"), ("GET", "/files/file-x"), ("GET", "/batches/batch_x"),
          ("POST", "/files"), ("POST", "/batches"), ("POST", "/batches/batch_x/cancel"),
          ("DELETE", "/files/file-x"), ("GET", "/files/file-x/content")]


@pytest.mark.parametrize("method, path", ROUTES)
def test_without_a_key_nothing_is_served(server, method, path):
    answer = server.request(method, f"/v1{path}", key=None)
    assert answer.status == 401
    assert "API key" in answer.error["message"]


@pytest.mark.parametrize("method, path", ROUTES)
def test_a_wrong_key_is_refused_and_not_repeated_in_full(server, method, path):
    answer = server.request(method, f"/v1{path}", key="sk-wrong-and-long-key-9876")
    assert answer.status == 401
    assert answer.error["code"] == "invalid_api_key"
    assert "wrong-and-long" not in answer.text
    assert "wrong-and-long" not in server.log()


def test_a_wrong_key_is_the_sdks_authentication_error(server):
    with pytest.raises(openai.AuthenticationError) as failure:
        server.client(api_key="sk-nope-nope").files.list()
    assert failure.value.code == "invalid_api_key"


def test_the_azure_header_carries_a_key_too(server):
    assert server.request("GET", "/v1/files", headers={"api-key": harness.KEY}, key=None).status == 200


def test_spend_is_not_for_everyone(server):
    assert server.request("GET", "/spend/logs", key="sk-other").status == 401


def test_unknown_routes_are_not_found_in_json(server):
    for method, path in [("POST", "/v1/foo"), ("GET", "/"), ("GET", "/v1/files/a/b/c"), ("GET", "/v2/files")]:
        answer = server.request(method, path)
        assert answer.status == 404, (method, path)
        assert answer.error["message"] == f"Invalid URL ({method} {path})"
        assert answer.error["type"] == "invalid_request_error"


@pytest.mark.parametrize("method, path, allowed", [
    ("PUT", "/v1/batches", {"GET", "POST"}), ("DELETE", "/v1/batches/batch_x", {"GET"}),
    ("GET", "/v1/batches/batch_x/cancel", {"POST"}), ("PATCH", "/v1/files", {"GET", "POST"})])
def test_a_wrong_method_names_the_right_ones(server, method, path, allowed):
    answer = server.request(method, path)
    assert answer.status == 405
    assert answer.error["message"] == f"Not allowed to {method} on {path}."
    assert allowed <= {word.strip() for word in answer.headers["Allow"].split(",")}


def test_every_answer_has_a_request_id_of_its_own(server):
    ids = []
    for method, path, key in [("GET", "/v1/files", server.key), ("GET", "/v1/files/nope", server.key),
                              ("GET", "/v1/files", None), ("GET", "/nope", server.key),
                              ("PUT", "/v1/files", server.key), ("GET", "/health/liveliness", None)]:
        ids.append(server.request(method, path, key=key).headers["x-request-id"])
    assert all(ids) and len(set(ids)) == len(ids)
    with pytest.raises(openai.NotFoundError) as failure:
        server.client().files.retrieve("file-nope")
    assert failure.value.request_id.startswith("req_")


@pytest.mark.parametrize("prefix", ["", "/v1", "/openai/v1"])
@pytest.mark.parametrize("end", ["", "/"])
def test_all_prefixes_serve_the_same_with_and_without_a_last_slash(server, prefix, end):
    assert server.request("GET", f"{prefix}/files{end}").json["object"] == "list"
    assert server.request("GET", f"{prefix}/batches{end}").json["object"] == "list"
    body, content_type = harness.form([("purpose", "batch"), ("file", "in.jsonl", harness.chat_lines(1))])
    assert server.request("POST", f"{prefix}/files{end}", body, {"Content-Type": content_type}).status == 200


def test_health_needs_no_key(server):
    assert server.request("GET", "/health/liveliness", key=None).status == 200
    assert server.request("GET", "/health/readiness", key=None).status == 200


def test_answers_of_a_sandbox_say_so(server):
    assert server.request("GET", "/v1/files").headers["x-quarry-sandbox"] == "true"


@pytest.mark.parametrize("path", ["/v1/files/a%2Fb", "/v1/files/..%2F..%2Fetc%2Fpasswd", "/v1/files/%00",
                                  "/v1/files/" + "x" * 5000, "/v1/files/%zz", "/v1/files/file-%ff",
                                  "/v1/batches/..", "/v1/files/../../../etc/passwd"])
def test_strange_ids_find_nothing(server, path):
    answer = server.request("GET", path)
    assert answer.status in {400, 404}, answer.text
    assert "root:" not in answer.text
    assert answer.error["type"] == "invalid_request_error"


def test_a_stalled_upload_holds_up_nobody(server):
    body, content_type = harness.form([("purpose", "batch"), ("file", "in.jsonl", harness.chat_lines(100))])
    stalled = []
    try:
        for _ in range(50):
            peer = socket.create_connection(("127.0.0.1", server.port))
            peer.sendall(f"POST /v1/files HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {server.key}\r\n"
                         f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
                         + body[:200])
            stalled.append(peer)
        begun = time.monotonic()
        assert server.upload(harness.chat_lines(1)).status == 200
        assert time.monotonic() - begun < 5
    finally:
        for peer in stalled:
            peer.close()


def test_two_hundred_idle_connections_harm_nobody(server):
    idle = []
    try:
        for _ in range(200):
            peer = socket.create_connection(("127.0.0.1", server.port), timeout=10)
            peer.sendall(b"GET /health/liveliness HTTP/1.1\r\nHost: h\r\n\r\n")
            assert peer.recv(65536).startswith(b"HTTP/1.1 200")
            idle.append(peer)
        assert server.request("GET", "/v1/files").status == 200
        for peer in idle:  # each still serves its next request
            peer.sendall(b"GET /health/liveliness HTTP/1.1\r\nHost: h\r\n\r\n")
            assert peer.recv(65536).startswith(b"HTTP/1.1 200")
    finally:
        for peer in idle:
            peer.close()


def test_a_header_section_over_64_kib_is_431(server):
    received = server.exchange(b"GET /v1/files HTTP/1.1\r\nHost: h\r\nX-Big: " + b"x" * 70_000 + b"\r\n\r\n")
    assert received.startswith(b"HTTP/1.1 431"), received[:200]


@pytest.mark.parametrize("head", [
    b"Content-Length: 5\r\nContent-Length: 6\r\n",
    b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
    b"Content-Length: -1\r\n",
    b"Content-Length: 5x\r\n",
    b"Transfer-Encoding: gzip\r\n",
])
def test_an_ambiguous_length_is_refused_and_the_connection_closed(server, head):
    received = server.exchange(b"POST /v1/batches HTTP/1.1\r\nHost: h\r\n" + head
                               + b"\r\nhelloGET /health/liveliness HTTP/1.1\r\nHost: h\r\n\r\n")
    assert received.startswith((b"HTTP/1.1 400", b"HTTP/1.1 501")), received[:200]
    assert received.count(b"HTTP/1.1 ") == 1


def test_what_is_no_http_is_refused(server):
    assert server.exchange(b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n").startswith(b"HTTP/1.1 400")


def test_cancel_needs_neither_body_nor_length(server):
    for extra in ["", "Content-Length: 0\r\n", "Content-Type: application/json\r\nContent-Length: 0\r\n"]:
        received = server.exchange(
            f"POST /v1/batches/batch_x/cancel HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {server.key}\r\n"
            f"Connection: close\r\n{extra}\r\n".encode())
        assert received.startswith(b"HTTP/1.1 404"), received[:200]


def test_sdk_headers_are_tolerated(server):
    headers = {"x-stainless-lang": "js", "x-stainless-retry-count": "0", "sec-fetch-mode": "cors",
               "accept-language": "*", "accept-encoding": "gzip, deflate", "content-type": "application/json",
               "OpenAI-Organization": "org-x", "OpenAI-Project": "proj"}
    assert server.request("GET", "/v1/files", headers=headers).status == 200


def test_sigterm_during_an_upload_leaves_no_half_file(tmp_path):
    server = harness.Server(tmp_path / "server")
    body, content_type = harness.form([("purpose", "batch"), ("file", "in.jsonl", harness.chat_lines(1000))])
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as peer:
        peer.sendall(f"POST /v1/files HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {server.key}\r\n"
                     f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
                     + body[:-100])
        os.kill(server.pid, signal.SIGTERM)
        received = b""
        try:
            while piece := peer.recv(65536):
                received += piece
        except ConnectionResetError:
            pass
        assert not received.startswith(b"HTTP/1.1 200")
    assert server.wait_for_end() == 0
    again = harness.Server(tmp_path / "server")
    try:
        assert again.request("GET", "/v1/files").json["data"] == []
    finally:
        assert again.stop() == 0


def test_a_port_that_is_taken_is_said(server, tmp_path):
    done = subprocess.run(
        [harness.binary(), "serve", "--sandbox", "--port", str(server.port), "--data-dir", str(tmp_path)],
        capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert str(server.port) in done.stderr
