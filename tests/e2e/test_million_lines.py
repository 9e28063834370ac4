"""A batch of a million lines over three deployments in two regions, one of which is first busy and then
broken. QUARRY_LONG=1; without it, a hundredth of it."""

import collections
import json
import os
import re
import time

import exactness
import fleet
import harness

LONG = os.environ.get("QUARRY_LONG") == "1"
LINES = 1_000_000 if LONG else 10_000
RECORDS_PER_JOB = LINES // 20
MODEL = "claude"
BEDROCK_MODEL = "us.anthropic.claude-3-5-sonnet-20240620-v1:0"
MEMORY_BYTES = (96 << 20) + 16 * LINES
BUCKETS = {"steady-west": 2, "second-west": 1, "flapping-east": 1}


def entries(sandbox):
    where = {"steady-west": "us-west-2", "second-west": "us-west-2", "flapping-east": "us-east-1"}
    return [
        fleet.deployment(MODEL, BEDROCK_MODEL, sandbox, where[bucket], bucket, id=bucket, weight=weight,
                         max_records_per_job=RECORDS_PER_JOB)
        for bucket, weight in BUCKETS.items()
    ]


def write_lines(path):
    with open(path, "w", encoding="utf-8") as file:
        for i in range(LINES):
            file.write(json.dumps(harness.chat_line(f"line-{i}", f"Question number {i}", MODEL)) + "\n")


def upload(server, path):
    """A plain streaming upload: the file is longer than what a test should hold."""
    import http.client

    boundary = "quarry-million"
    head = (f"--{boundary}\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n"
            f"--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"in.jsonl\"\r\n\r\n").encode()
    tail = f"\r\n--{boundary}--\r\n".encode()
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=600)
    connection.putrequest("POST", "/v1/files")
    connection.putheader("Authorization", f"Bearer {harness.KEY}")
    connection.putheader("Content-Type", f"multipart/form-data; boundary={boundary}")
    connection.putheader("Content-Length", str(len(head) + path.stat().st_size + len(tail)))
    connection.endheaders()
    connection.send(head)
    with open(path, "rb") as file:
        while piece := file.read(1 << 20):
            connection.send(piece)
    connection.send(tail)
    answer = connection.getresponse()
    body = answer.read()
    assert answer.status == 200, body
    return json.loads(body)["id"]


def moments(log, message):
    """When the log says it, in seconds of the day."""
    found = re.findall(rf"^(?:\S*T)?(\d\d):(\d\d):(\d\d\.\d+)\S* .*{message}", log, re.MULTILINE)
    return [int(h) * 3600 + int(m) * 60 + float(s) for h, m, s in found]


def planned_jobs(sandbox, batch_id):
    """How many jobs of the plan each bucket got. A job that takes up another's lines has a number of its own."""
    s3 = sandbox.client("s3")
    planned = collections.Counter()
    for bucket in BUCKETS:
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="quarry/jobs/")
        for page in pages:
            for item in page.get("Contents", []):
                number = int(item["Key"].split("/")[-2].partition("-")[0])
                if item["Key"].endswith("/input.jsonl") and number < 1_000_000:
                    planned[bucket] += 1
    return planned


def test_a_batch_of_many_lines_completes_though_a_deployment_is_first_busy_and_then_broken(tmp_path):
    sandbox = harness.Sandbox(tmp_path / "aws", job_seconds=2)
    server = None
    try:
        deployments = entries(sandbox)
        fleet.make_buckets(sandbox, deployments)
        sandbox.set_faults([
            {"operation": "CreateModelInvocationJob", "region": "us-east-1", "fault": "throttle", "count": 6},
            {"operation": "CreateModelInvocationJob", "region": "us-east-1", "fault": "access_denied", "after": 8},
            {"operation": "Job", "region": "us-east-1", "fault": "fail", "at": "running",
             "message": "Internal error. Please try again."},
        ])
        config = fleet.write_config(tmp_path / "config.yaml", deployments, proxy_batch_polling_interval=1)
        server = harness.Server(tmp_path / "server", config, sandbox=False)
        path = tmp_path / "in.jsonl"
        write_lines(path)

        clock = time.monotonic
        began = clock()
        file_id = upload(server, path)
        uploaded = clock()
        peaks = [server.memory_peak_bytes()]
        created = server.request("POST", "/v1/batches", {
            "input_file_id": file_id, "endpoint": "/v1/chat/completions", "completion_window": "24h"})
        assert created.status == 200, created.text
        batch_id = created.json["id"]
        server.wait(batch_id, timeout=900, until={"in_progress"} | harness.TERMINAL)
        planned = clock()
        peaks.append(server.memory_peak_bytes())
        batch = server.wait(batch_id, timeout=1500)
        ended = clock()
        peak = server.memory_peak_bytes()

        assert batch["status"] == "completed", batch
        assert batch["request_counts"] == {"total": LINES, "completed": LINES, "failed": 0}, batch
        spread = planned_jobs(sandbox, batch_id)
        records = sandbox.records()
        statuses = collections.Counter((job["region"], job["status"]) for job in records["jobs"])
        exactness.check_jobs(records)

        downloading = clock()
        seen = bytearray(LINES)
        size = 0
        for line in server.content(batch["output_file_id"]).splitlines():
            size += len(line) + 1
            number = int(json.loads(line)["custom_id"].removeprefix("line-"))
            assert not seen[number], f"line-{number} is answered twice"
            seen[number] = 1
        assert all(seen), "a line was not answered"
        downloaded = clock()

        log = server.log()
        first, last = moments(log, "job submitted"), moments(log, "job collected")
        print(f"\n{LINES} lines, {path.stat().st_size >> 20} MiB in, {size >> 20} MiB out")
        print(f"upload {uploaded - began:.1f} s, planning {planned - uploaded:.1f} s, "
              f"jobs and collecting {ended - planned:.1f} s"
              + (f" (first job submitted to last collected {last[-1] - first[0]:.1f} s)" if first and last else "")
              + f", download and check {downloaded - downloading:.1f} s, all {ended - began:.1f} s")
        print(f"planned jobs {dict(spread)}, weights {BUCKETS}")
        print(f"jobs at AWS by region and end: {dict(statuses)}")
        print(f"memory: peak {peaks[0] / 2**20:.1f} MiB by the upload's end, {peaks[1] / 2**20:.1f} by the plan's, "
              f"{peak / 2**20:.1f} in all, of {MEMORY_BYTES / 2**20:.1f} MiB")
        weights = sum(BUCKETS.values())
        assert spread == {bucket: 20 * weight // weights for bucket, weight in BUCKETS.items()}
        assert statuses[("us-east-1", "Completed")] == 0
        assert peak <= MEMORY_BYTES
        assert exactness.spent(server, [batch_id]) == exactness.used(records)
    finally:
        if server:
            server.stop()
        sandbox.stop()
