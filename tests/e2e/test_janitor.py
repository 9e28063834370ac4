"""What is no longer needed leaves the bucket, and nothing else does."""

import time

import pytest

import harness

LINES = harness.chat_lines(120)
KEPT = b"somebody's own"
# Seconds of the clock in one second: an hour a second while batches run, ten where only time has to pass.
BRISK, FAST = 3600, 36000


class Site:
    """An account with a bucket to look into, and servers whose janitors come every second."""

    def __init__(self, directory, speed):
        self.clock = ["--clock-speed", str(speed), "--clock-origin", str(int(time.time()))]
        self.directory = directory
        self.sandbox = harness.Sandbox(directory / "sandbox", extra_args=self.clock)
        self.config = harness.write_config(directory / "config.yaml", self.sandbox)
        self.config.write_text(
            self.config.read_text() + "  janitor_interval: 1\n  job_files_retention_hours: 6\n")
        self.s3 = self.sandbox.client("s3")
        self.servers = []

    def serve(self):
        server = harness.Server(self.directory / f"server-{len(self.servers)}", self.config, sandbox=False,
                                extra_args=self.clock)
        self.servers.append(server)
        return server

    def stop(self):
        for server in self.servers:
            assert server.stop() == 0, server.log_end()
        assert self.sandbox.stop() == 0, self.sandbox.log_end()


@pytest.fixture
def site(tmp_path, request):
    made = Site(tmp_path, request.param)
    yield made
    made.stop()


def at_speed(speed):
    return pytest.mark.parametrize("site", [speed], indirect=True)


def objects(s3, below=""):
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=harness.BUCKET, Prefix=f"quarry/{below}")
    return {entry["Key"].removeprefix("quarry/") for page in pages for entry in page.get("Contents", [])}


def clock_of(server):
    """What the server takes the time to be."""
    created = server.request("POST", "/v1/uploads", {
        "bytes": 1, "filename": "x", "mime_type": "txt", "purpose": "user_data"})
    return created.json["created_at"]


@at_speed(BRISK)
def test_jobs_leave_the_bucket_after_their_batch_and_files_when_they_are_deleted(site):
    server = site.serve()
    batch = server.run_batch(LINES)
    assert batch["status"] == "completed", batch
    files = {batch["input_file_id"], batch["output_file_id"]}
    assert objects(site.s3, f"jobs/{batch['id']}/") and objects(site.s3, f"results/{batch['id']}/")

    harness.await_true(lambda: not objects(site.s3, "jobs/") and not objects(site.s3, "results/"))
    assert {name.split("/")[1] for name in objects(site.s3, "files/")} == files
    assert len(server.result_lines(batch["output_file_id"])) == 120

    assert server.request("DELETE", f"/v1/files/{batch['input_file_id']}").status == 200
    harness.await_true(lambda: not objects(site.s3, f"files/{batch['input_file_id']}/"))
    assert len(server.result_lines(batch["output_file_id"])) == 120


@at_speed(BRISK)
def test_parts_of_uploads_that_came_to_nothing_go(site):
    server = site.serve()
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
    harness.await_true(lambda: objects(site.s3, "files/") == left)
    assert server.content(file.id) == LINES


@at_speed(FAST)
def test_what_no_row_refers_to_goes_and_what_is_not_ours_stays(site):
    s3 = site.s3
    for key in ["quarry/files/file-lost/0", "quarry/jobs/batch_lost/1/input.jsonl", "quarry/notes.txt", "files/x/0"]:
        s3.put_object(Bucket=harness.BUCKET, Key=key, Body=KEPT)
    abandoned = s3.create_multipart_upload(Bucket=harness.BUCKET, Key="quarry/files/file-cut/0")
    s3.upload_part(Bucket=harness.BUCKET, Key="quarry/files/file-cut/0", UploadId=abandoned["UploadId"],
                   PartNumber=1, Body=KEPT)
    foreign = s3.create_multipart_upload(Bucket=harness.BUCKET, Key="other/files/file-cut/0")
    server = site.serve()
    file = server.upload(LINES, fields=[("purpose", "user_data")]).json["id"]

    harness.await_true(lambda: objects(s3) == {"owner", "notes.txt", f"files/{file}/0"})
    assert server.content(file) == LINES
    assert s3.get_object(Bucket=harness.BUCKET, Key="files/x/0")["Body"].read() == KEPT

    def open_uploads():
        return [u["UploadId"] for u in s3.list_multipart_uploads(Bucket=harness.BUCKET).get("Uploads", [])]

    harness.await_true(lambda: open_uploads() == [foreign["UploadId"]])


@at_speed(FAST)
def test_a_prefix_of_another_database_is_not_judged(site):
    s3 = site.s3
    first = site.serve()
    file = first.upload(LINES, fields=[("purpose", "user_data")]).json["id"]
    harness.await_true(lambda: "owner" in objects(s3))
    # By mistake, another one with the same bucket and prefix, and a database of its own.
    second = site.serve()
    harness.await_true(lambda: "another Quarry's database owns this prefix" in second.log())
    assert first.stop() == 0
    own = second.upload(LINES, fields=[("purpose", "user_data")]).json["id"]
    assert second.request("DELETE", f"/v1/files/{own}").status == 200
    begun = objects(s3)
    # The other's file is an orphan to it from the third day on. What it knows to be its own goes.
    s3.put_object(Bucket=harness.BUCKET, Key="quarry/files/file-lost/0", Body=KEPT)
    harness.await_true(lambda: not any(own in name for name in objects(s3)))
    assert f"files/{own}/0" in begun
    began = clock_of(second)
    harness.await_true(lambda: clock_of(second) - began >= 4 * 86_400)
    assert {f"files/{file}/0", "files/file-lost/0"} <= objects(s3)
    assert second.log().count("another Quarry's database owns this prefix") == 1
