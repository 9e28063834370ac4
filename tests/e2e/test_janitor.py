"""What is no longer needed leaves the bucket, and nothing else does. A day passes in 24 seconds."""

import pytest

import harness

SPEED = 3600
LINES = harness.chat_lines(120)
KEPT = b"somebody's own"


@pytest.fixture
def gateway(tmp_path):
    """A server whose janitor comes every second, and a bucket to look into."""
    clock = ["--clock-speed", str(SPEED)]
    sandbox = harness.Sandbox(tmp_path / "sandbox", extra_args=clock)
    config = harness.write_config(tmp_path / "config.yaml", sandbox)
    config.write_text(config.read_text() + "  janitor_interval: 1\n  job_files_retention_hours: 6\n")
    servers = []

    def start(**options):
        server = harness.Server(tmp_path / f"server-{len(servers)}", config, sandbox=False, extra_args=clock, **options)
        servers.append(server)
        return server

    start.sandbox = sandbox
    start.s3 = sandbox.client("s3")
    yield start
    for server in servers:
        if server.process.poll() is None:
            assert server.stop() == 0, server.log_end()
    assert sandbox.stop() == 0, sandbox.log_end()


def objects(s3, below=""):
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=harness.BUCKET, Prefix=f"quarry/{below}")
    return {entry["Key"].removeprefix("quarry/") for page in pages for entry in page.get("Contents", [])}


def test_jobs_leave_the_bucket_after_their_batch_and_files_when_they_are_deleted(gateway):
    server = gateway()
    batch = server.run_batch(LINES)
    assert batch["status"] == "completed", batch
    files = {batch["input_file_id"], batch["output_file_id"]}
    assert objects(gateway.s3, f"jobs/{batch['id']}/") and objects(gateway.s3, f"results/{batch['id']}/")

    harness.await_true(lambda: not objects(gateway.s3, "jobs/") and not objects(gateway.s3, "results/"))
    assert {name.split("/")[1] for name in objects(gateway.s3, "files/")} == files
    assert len(server.result_lines(batch["output_file_id"])) == 120

    assert server.request("DELETE", f"/v1/files/{batch['input_file_id']}").status == 200
    harness.await_true(lambda: not objects(gateway.s3, f"files/{batch['input_file_id']}/"))
    assert len(server.result_lines(batch["output_file_id"])) == 120


def test_parts_of_uploads_that_came_to_nothing_go(gateway):
    server = gateway()
    client = server.client()

    def begin():
        return client.uploads.create(bytes=len(LINES), filename="in.jsonl", mime_type="txt", purpose="batch")

    cancelled = begin()
    client.uploads.parts.create(cancelled.id, data=LINES)
    client.uploads.cancel(cancelled.id)
    completed = begin()
    client.uploads.parts.create(completed.id, data=b"not named")
    part = client.uploads.parts.create(completed.id, data=LINES)
    file = client.uploads.complete(completed.id, part_ids=[part.id]).file
    left = {f"files/{file.id}/{part.id}"}
    harness.await_true(lambda: objects(gateway.s3, "files/") == left)
    assert server.content(file.id) == LINES


def test_what_no_row_refers_to_goes_and_what_is_not_ours_stays(gateway):
    s3 = gateway.s3
    for key in ["quarry/files/file-lost/0", "quarry/jobs/batch_lost/1/input.jsonl", "quarry/notes.txt", "files/x/0"]:
        s3.put_object(Bucket=harness.BUCKET, Key=key, Body=KEPT)
    abandoned = s3.create_multipart_upload(Bucket=harness.BUCKET, Key="quarry/files/file-cut/0")
    s3.upload_part(Bucket=harness.BUCKET, Key="quarry/files/file-cut/0", UploadId=abandoned["UploadId"],
                   PartNumber=1, Body=KEPT)
    foreign = s3.create_multipart_upload(Bucket=harness.BUCKET, Key="other/files/file-cut/0")
    server = gateway()
    file = server.upload(LINES, fields=[("purpose", "user_data")]).json["id"]

    harness.await_true(lambda: objects(s3) == {"owner", "notes.txt", f"files/{file}/0"}, timeout=120)
    assert server.content(file) == LINES
    assert s3.get_object(Bucket=harness.BUCKET, Key="files/x/0")["Body"].read() == KEPT

    def open_uploads():
        return [u["UploadId"] for u in s3.list_multipart_uploads(Bucket=harness.BUCKET).get("Uploads", [])]

    harness.await_true(lambda: open_uploads() == [foreign["UploadId"]])


def test_a_prefix_of_another_database_is_not_judged(gateway):
    s3 = gateway.s3
    first = gateway()
    file = first.upload(LINES, fields=[("purpose", "user_data")]).json["id"]
    harness.await_true(lambda: "owner" in objects(s3))
    # By mistake, another one with the same bucket and prefix, and a database of its own.
    second = gateway()
    harness.await_true(lambda: "another Quarry's database owns this prefix" in second.log())
    assert first.stop() == 0
    own = second.upload(LINES, fields=[("purpose", "user_data")]).json["id"]
    assert second.request("DELETE", f"/v1/files/{own}").status == 200
    begun = objects(s3)
    # The other's file is an orphan to it from the third day on. What it knows to be its own goes.
    s3.put_object(Bucket=harness.BUCKET, Key="quarry/files/file-lost/0", Body=KEPT)
    harness.await_true(lambda: not any(own in name for name in objects(s3)))
    assert f"files/{own}/0" in begun
    harness.await_true(lambda: second_days_passed(second) >= 4, timeout=150)
    assert {f"files/{file}/0", "files/file-lost/0"} <= objects(s3)
    assert second.log().count("another Quarry's database owns this prefix") == 1


def second_days_passed(server, _first={}):
    """Days of the server's clock since the first call for it."""
    created = server.request("POST", "/v1/uploads", {
        "bytes": 1, "filename": "x", "mime_type": "txt", "purpose": "user_data"}).json["created_at"]
    return (created - _first.setdefault(server.pid, created)) / 86_400
