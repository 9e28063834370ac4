"""The memory of `quarry serve` does not depend on the size of files: 96 MiB and 16 bytes a line.

The sandbox runs in a process of its own, so that only the gateway is measured. QUARRY_LONG=1 uploads
1 GiB instead of 256 MiB.
"""

import http.client
import json
import os

import pytest

import harness

BASE_BYTES = 96 << 20
BYTES_A_LINE = 16
UPLOAD_BYTES = (1024 if os.environ.get("QUARRY_LONG") else 256) << 20
PART_BYTES = 64 << 20
BATCH_LINES = 100_000


@pytest.fixture
def server(sandbox, tmp_path):
    config = harness.write_config(tmp_path / "config.yaml", sandbox)
    running = harness.Server(tmp_path / "server", config, sandbox=False)
    yield running
    assert running.stop() == 0


def upload_generated(server, pieces, total):
    """A form upload whose file is never held here either. Returns the file's object."""
    boundary = "quarry-test-boundary"
    head = (f"--{boundary}\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n"
            f"--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"big.jsonl\"\r\n"
            f"Content-Type: application/octet-stream\r\n\r\n").encode()
    tail = f"\r\n--{boundary}--\r\n".encode()
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=250)
    connection.putrequest("POST", "/v1/files")
    connection.putheader("Authorization", f"Bearer {server.key}")
    connection.putheader("Content-Type", f"multipart/form-data; boundary={boundary}")
    connection.putheader("Content-Length", str(len(head) + total + len(tail)))
    connection.endheaders(head)
    for piece in pieces:
        connection.send(piece)
    connection.send(tail)
    response = connection.getresponse()
    body = response.read()
    assert response.status == 200, body
    return json.loads(body)


def long_line(index, text):
    return json.dumps(harness.chat_line(f"request-{index:09}", text)).encode() + b"\n"


def check_memory(server, lines, what):
    peak = server.memory_peak_bytes()
    limit = BASE_BYTES + BYTES_A_LINE * lines
    print(f"{what}: peak {peak / 2**20:.1f} MiB of {limit / 2**20:.1f} MiB")
    assert peak <= limit


def test_an_upload_of_any_size_takes_no_more_memory(server):
    text = "lorem ipsum dolor sit amet " * 300
    count = UPLOAD_BYTES // len(long_line(0, text)) + 1
    total = count * len(long_line(0, text))
    before = server.memory_peak_bytes()
    file = upload_generated(server, (long_line(i, text) for i in range(count)), total)
    assert file["bytes"] == total
    print(f"idle: {before / 2**20:.1f} MiB")
    check_memory(server, count, f"upload of {total >> 20} MiB, {count} lines")


def test_a_download_of_any_size_takes_no_more_memory(server):
    text = "lorem ipsum dolor sit amet " * 300
    count = (UPLOAD_BYTES // 4) // len(long_line(0, text))
    total = count * len(long_line(0, text))
    file = upload_generated(server, (long_line(i, text) for i in range(count)), total)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=250)
    connection.request("GET", f"/v1/files/{file['id']}/content",
                       headers={"Authorization": f"Bearer {server.key}"})
    response = connection.getresponse()
    received = 0
    while piece := response.read(1 << 20):
        received += len(piece)
    assert received == total
    check_memory(server, count, f"upload and download of {total >> 20} MiB")


def test_an_upload_in_parts_of_any_size_takes_no_more_memory(server):
    """Parts of 64 MB one after another, cut without regard to lines; completing scans them all."""
    text = "lorem ipsum dolor sit amet " * 300
    count = UPLOAD_BYTES // len(long_line(0, text)) + 1
    total = count * len(long_line(0, text))
    created = server.request("POST", "/v1/uploads", {
        "bytes": total, "filename": "big.jsonl", "mime_type": "txt", "purpose": "batch"})
    path = f"/v1/uploads/{created.json['id']}"
    part_ids = []

    def send(content):
        body, content_type = harness.form([("data", "part", bytes(content))])
        part = server.request("POST", f"{path}/parts", body, {"Content-Type": content_type})
        assert part.status == 200, part.text
        part_ids.append(part.json["id"])

    held = bytearray()
    for i in range(count):
        held += long_line(i, text)
        if len(held) >= PART_BYTES:
            send(held[:PART_BYTES])
            del held[:PART_BYTES]
    send(held)
    done = server.request("POST", f"{path}/complete", {"part_ids": part_ids})
    assert done.status == 200, done.text
    assert done.json["file"]["bytes"] == total
    check_memory(server, count, f"upload of {total >> 20} MiB in {len(part_ids)} parts, {count} lines")


def test_a_batch_of_100000_lines_takes_no_more_memory(server):
    total = sum(len(long_line(i, "Question")) for i in range(BATCH_LINES))
    file = upload_generated(server, (long_line(i, "Question") for i in range(BATCH_LINES)), total)
    created = server.request("POST", "/v1/batches", {
        "input_file_id": file["id"], "endpoint": "/v1/chat/completions", "completion_window": "24h"})
    batch = server.wait(created.json["id"], timeout=240)
    assert batch["status"] == "completed", batch
    assert batch["request_counts"] == {"total": BATCH_LINES, "completed": BATCH_LINES, "failed": 0}
    check_memory(server, BATCH_LINES, f"batch of {BATCH_LINES} lines, from upload to results")


def test_result_lines_of_any_length_take_no_more_memory(sandbox, tmp_path):
    # Each line's result has 2048 vectors of 1024 numbers: 25 MB that come in any order.
    lines, inputs = 4, 2048
    config = harness.write_config(tmp_path / "config.yaml", sandbox)
    config.write_text(config.read_text().replace(harness.BEDROCK_MODEL, "amazon.titan-embed-text-v2:0"))
    running = harness.Server(tmp_path / "server", config, sandbox=False)
    batch = running.run_batch(harness.to_jsonl(
        {"custom_id": f"request-{i}", "method": "POST", "url": "/v1/embeddings",
         "body": {"model": harness.MODEL, "input": [f"text {n} of line {i}" for n in range(inputs)]}}
        for i in range(lines)), timeout=240, endpoint="/v1/embeddings")
    assert batch["status"] == "completed", batch
    assert batch["request_counts"] == {"total": lines, "completed": lines, "failed": 0}
    size = running.request("GET", f"/v1/files/{batch['output_file_id']}").json["bytes"]
    assert size > lines * (20 << 20)
    check_memory(running, lines * inputs, f"{lines} result lines of {size // lines >> 20} MiB each")
    assert running.stop() == 0
