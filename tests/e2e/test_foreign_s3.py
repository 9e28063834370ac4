"""Whole batches whose files lie on S3 servers that others wrote; Bedrock is the sandbox's.

The sandbox's jobs read and write its own S3. So a reverse proxy before its Bedrock does what one S3 for both would:
a job's input is copied there before the job is made, its output back before anybody is told that it has ended.
Quarry itself speaks to the foreign server and to Bedrock as it always does."""

import json
import threading
import time
import urllib.parse

import exactness
import fleet
import harness
import pytest
from s3_servers import REGION, Moto, Versity

BUCKET = "quarry-foreign-test"
CLAUDE = "us.anthropic.claude-3-5-sonnet-20240620-v1:0"
NOVA = "us.amazon.nova-lite-v1:0"
# An hour in a second, for the janitor that deletes.
CLOCK = ["--clock-speed", "3600", "--clock-origin", str(int(time.time()))]
ENDED = {"Completed", "PartiallyCompleted", "Failed", "Stopped", "Expired"}


class BedrockBesideForeignS3:
    """Passes every request on as it came, signature and Host included."""

    def __init__(self, sandbox, foreign):
        self.sandbox, self.foreign = sandbox, foreign
        self.near, self.far = sandbox.client("s3"), foreign.client()
        self.near.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        self.created, self.brought = [], set()
        self.lock = threading.Lock()
        self.server = harness.FakeServer(self.answer)
        self.url = self.server.url
        self.close = self.server.close

    def answer(self, method, path, headers, body):
        self.before(method, path, body)
        status, kept, content = harness.passed_on(self.sandbox.ports["sandbox"], method, path, headers, body)
        self.after(status, content)
        return status, kept, content

    def before(self, method, path, body):
        if method == "POST" and path == "/model-invocation-job":
            asked = json.loads(body)
            self.created.append(asked)
            copy(self.far, self.near, asked["inputDataConfig"]["s3InputDataConfig"]["s3Uri"])

    def after(self, status, content):
        if status != 200 or not content.startswith(b"{"):
            return
        answer = json.loads(content)
        for job in answer.get("invocationJobSummaries", [answer]):
            if job.get("status") not in ENDED:
                continue
            with self.lock:
                if job["jobArn"] not in self.brought:
                    copy(self.near, self.far, job["outputDataConfig"]["s3OutputDataConfig"]["s3Uri"])
                    self.brought.add(job["jobArn"])


def copy(source, target, uri):
    """Every object below an s3:// URI."""
    address = urllib.parse.urlsplit(uri)
    pages = source.get_paginator("list_objects_v2").paginate(Bucket=address.netloc, Prefix=address.path[1:])
    keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
    assert keys, f"nothing lies at {uri}"
    for key in keys:
        target.put_object(Bucket=address.netloc, Key=key,
                          Body=source.get_object(Bucket=address.netloc, Key=key)["Body"].read())


@pytest.fixture(scope="module", params=[Versity, Moto], ids=lambda kind: kind.name)
def foreign(request, tmp_path_factory):
    running = request.param(tmp_path_factory.mktemp("s3") / "server")
    try:
        running.client().create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        yield running
    finally:
        running.stop()


@pytest.fixture
def sandbox(tmp_path):
    running = harness.Sandbox(tmp_path / "sandbox", extra_args=CLOCK)
    yield running
    assert running.stop() == 0, running.log_end()


@pytest.fixture
def bedrock(sandbox, foreign):
    running = BedrockBesideForeignS3(sandbox, foreign)
    yield running
    running.close()


def entries(sandbox, foreign, bedrock, secret=None):
    s3 = {"s3_endpoint_url": foreign.url, "s3_access_key_id": foreign.access_key,
          "s3_secret_access_key": secret or foreign.secret_key, "aws_bedrock_endpoint": bedrock.url}
    return [fleet.deployment("claude", CLAUDE, sandbox, REGION, BUCKET, **s3),
            fleet.deployment("nova", NOVA, sandbox, REGION, BUCKET, **s3)]


def keys(client):
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
    return {entry["Key"] for page in pages for entry in page.get("Contents", [])}


def test_a_batch_of_two_models_runs_on_a_foreign_s3(tmp_path, sandbox, foreign, bedrock):
    config = fleet.write_config(tmp_path / "config.yaml", entries(sandbox, foreign, bedrock),
                                proxy_batch_polling_interval=600, janitor_interval=1)
    server = harness.Server(tmp_path / "server", config, sandbox=False, extra_args=CLOCK)
    try:
        run_and_delete(server, sandbox, foreign, bedrock)
    finally:
        assert server.stop() == 0, server.log_end()


def run_and_delete(server, sandbox, foreign, bedrock):
    lines = [harness.chat_line(f"line-{i}", f"[[sandbox:echo answer {i}]]", ("claude", "nova")[i % 2])
             for i in range(250)]
    content = harness.to_jsonl(lines)
    file = server.upload(content).json
    [stored] = [key for key in keys(bedrock.far) if file["id"] in key]
    assert bedrock.far.get_object(Bucket=BUCKET, Key=stored)["Body"].read() == content
    assert server.content(file["id"]) == content

    created = server.request("POST", "/v1/batches", {
        "input_file_id": file["id"], "endpoint": "/v1/chat/completions", "completion_window": "24h"})
    batch = server.wait(created.json["id"], 120)
    assert batch["status"] == "completed", f"{batch}\n{server.log_end()}"
    assert exactness.check_answers(server, batch, [line["custom_id"] for line in lines]) == (250, 0)
    for line in server.result_lines(batch["output_file_id"]):
        text = line["response"]["body"]["choices"][0]["message"]["content"]
        assert text == f"answer {line['custom_id'].rpartition('-')[2]}"
    assert {job["modelId"] for job in bedrock.created} == {CLAUDE, NOVA}
    assert len(bedrock.created) == len(sandbox.jobs()) == 2
    # Of the files themselves the sandbox's S3 has seen nothing.
    assert not [key for key in keys(bedrock.near) if "/files/" in key]

    for name in (file["id"], batch["output_file_id"]):
        assert [key for key in keys(bedrock.far) if name in key]
        deleted = server.request("DELETE", f"/v1/files/{name}")
        assert deleted.status == 200 and deleted.json["deleted"], deleted.text
        harness.await_true(lambda gone=name: not [key for key in keys(bedrock.far) if gone in key])


def test_a_wrong_s3_secret_fails_the_upload_and_says_so(tmp_path, sandbox, foreign, bedrock):
    config = fleet.write_config(tmp_path / "config.yaml", entries(sandbox, foreign, bedrock, secret="wrong"))
    before = keys(bedrock.far)
    server = harness.Server(tmp_path / "server", config, sandbox=False)
    try:
        refused = server.upload(harness.chat_lines(3))
        assert refused.status >= 500, refused.text
        assert "SignatureDoesNotMatch" in server.log()
        assert keys(bedrock.far) == before
    finally:
        assert server.stop() == 0, server.log_end()
