"""Quarry's S3 client against servers that others wrote, which verify signatures, and against the sandbox. What it wrote,
boto3 reads there; what boto3 can do there, it can do."""

import hashlib
import os
import string
from concurrent.futures import ThreadPoolExecutor

import botocore.exceptions
import pytest
from fault_proxy import FaultProxy
from s3_servers import Moto, Probe, SandboxS3, Versity

MIB = 1 << 20
LONG = os.environ.get("QUARRY_LONG") == "1"
PART = 8 * MIB  # what Quarry's own parts have
BUCKET = "quarry-s3-test"


@pytest.fixture(scope="module", params=[Versity, Moto, SandboxS3], ids=lambda kind: kind.name)
def server(request, tmp_path_factory):
    running = request.param(tmp_path_factory.mktemp("s3") / "server")
    try:
        running.client().create_bucket(Bucket=BUCKET,
                                       CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="module")
def s3(server):
    return server.client()


@pytest.fixture(scope="module")
def probe(server):
    with Probe(server, BUCKET, seconds=900) as running:
        yield running


@pytest.fixture(scope="module")
def proxy(server):
    with FaultProxy(server.url) as running:
        yield running


@pytest.fixture
def through(server, proxy):
    """A client that reaches the server by the proxy, with no connection from before."""
    proxy.reset()
    with Probe(server, BUCKET, url=proxy.url) as running:
        yield running


def boto_digest(s3, key):
    """(size, SHA-256) of an object as boto3 reads it, never whole in memory."""
    digest, size = hashlib.sha256(), 0
    for piece in s3.get_object(Bucket=BUCKET, Key=key)["Body"].iter_chunks(MIB):
        digest.update(piece)
        size += len(piece)
    return size, digest.hexdigest()


def check_object(s3, probe, key, size, sha256):
    assert boto_digest(s3, key) == (size, sha256)
    read = probe.ok("download", key=key)
    assert (read["size"], read["sha256"]) == (size, sha256)
    assert probe.ok("head", key=key)["size"] == size
    assert [(o["key"], o["size"]) for o in probe.ok("list", prefix=key)["objects"]] == [(key, size)]


def tag(part):
    return [part["number"], part["etag"], part["crc32"]]


def open_uploads(s3):
    return s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])


SIZES = [0, 1, 5 * MIB - 1, 5 * MIB, 5 * MIB + 1, PART - 1, PART, PART + 1, 2 * PART, 2 * PART + 1, 100 * MIB]


@pytest.mark.parametrize("size", SIZES)
def test_an_object_of_any_size_is_read_back_by_us_and_by_boto3(s3, probe, size):
    key = f"sizes/{size}"
    made = probe.ok("upload", key=key, bytes=size, seed=size)
    assert made["size"] == size
    check_object(s3, probe, key, size, made["sha256"])
    assert open_uploads(s3) == []
    probe.ok("delete", key=key)


def test_a_gibibyte_is_read_back_by_us_and_by_boto3(server, s3, probe):
    made = probe.ok("upload", key="gibibyte", bytes=1 << 30, seed=7)
    if server.name == "moto" and not LONG:
        # It reads the whole object for each range that is asked for. So three of the 128 are.
        assert boto_digest(s3, "gibibyte") == (1 << 30, made["sha256"])
        for offset in (0, 77 * PART, (1 << 30) - PART):
            asked = f"bytes={offset}-{offset + PART - 1}"
            theirs = s3.get_object(Bucket=BUCKET, Key="gibibyte", Range=asked)["Body"].read()
            ours = probe.ok("get_range", key="gibibyte", offset=offset, length=PART)
            assert ours["sha256"] == hashlib.sha256(theirs).hexdigest()
    else:
        check_object(s3, probe, "gibibyte", 1 << 30, made["sha256"])
    probe.ok("delete", key="gibibyte")


def test_the_parts_of_an_object_are_read_where_they_lie(s3, probe):
    body = bytes(range(256)) * 64
    s3.put_object(Bucket=BUCKET, Key="ranges", Body=body)
    etag = probe.ok("head", key="ranges")["etag"]
    for offset, length in [(0, 1), (1, 2), (255, 257), (len(body) - 1, 1), (len(body) - 1, 100), (0, 2 * len(body))]:
        read = probe.ok("get_range", key="ranges", offset=offset, length=length, if_match=etag)
        assert read["sha256"] == hashlib.sha256(body[offset:offset + length]).hexdigest()
        assert (read["object_size"], read["etag"]) == (len(body), etag)
    part = probe.ok("download", key="ranges", offset=1000, length=5000)
    assert part["sha256"] == hashlib.sha256(body[1000:6000]).hexdigest()
    changed = probe.fails("get_range", key="ranges", offset=0, length=10, if_match="0" * 32)
    assert (changed["code"], changed["reason"]) == ("conflict", "PreconditionFailed")


# All that ASCII prints, each among others; then what servers and clients like to tidy up.
KEYS = [f"ascii/x{character}y" for character in string.printable[:95]] + [
    "/first", "last/", "a//b", "a///b", "./x", "../y", "x/./y", "x/../y", "x/..", "..", ".", "...", " ", "a /b ", "%2F",
    "%", "%zz", "a%20b", "+", "a+b c", "ünï/çødé/☃", "e\u0301 is not \u00e9", "\u00e9", "\U0001f600", "日本語/ファイル.jsonl",
    "?list-type=2", "key?uploads", "#", "&amp;<>\"'", "\\", "tab\there", "line\nbreak", "\x7f", "~-_.!*'()",
    "/".join(["long" * 50] * 5),
]


def outcome(call):
    """None, or the error's code, as boto3 has it."""
    try:
        call()
    except botocore.exceptions.ClientError as error:
        return error.response["Error"]["Code"]
    return None


def boto_keys(s3, prefix):
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
    return [entry["Key"] for page in pages for entry in page.get("Contents", [])]


@pytest.mark.parametrize("key", KEYS)
def test_a_key_means_to_us_what_it_means_to_boto3(s3, probe, key):
    body = f"the bytes of {key}"
    theirs = outcome(lambda: s3.put_object(Bucket=BUCKET, Key=key, Body=body.encode()))
    if theirs is None:
        assert s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == body.encode()
        s3.delete_object(Bucket=BUCKET, Key=key)
    ours = probe("put", key=key, text=body)
    if theirs is not None:
        assert not ours["ok"] and (ours["reason"] == theirs or f"HTTP {theirs}" in ours["message"]), ours
        return
    assert ours["ok"], ours
    digest = hashlib.sha256(body.encode()).hexdigest()
    assert boto_digest(s3, key) == (len(body.encode()), digest)
    assert probe.ok("download", key=key)["sha256"] == digest
    # A server may show a key otherwise than it was given: then both see that.
    first = key[:3]
    assert [o["key"] for o in probe.ok("list", prefix=first)["objects"]] == boto_keys(s3, first)
    upload = probe.ok("create_multipart", key=key)["upload_id"]
    assert upload in [u["upload_id"] for u in probe.ok("list_multiparts", prefix="")["uploads"]]
    part = probe.ok("upload_part", key=key, upload_id=upload, number=1, text="in parts")
    probe.ok("complete_multipart", key=key, upload_id=upload, parts=[tag(part)])
    assert s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == b"in parts"
    probe.ok("delete", key=key)
    assert probe.fails("head", key=key)["code"] == "not_found"


def test_a_listing_goes_on_over_pages(s3, probe):
    keys = sorted((f"pages/{number:04} +&<{number % 7}>%é" for number in range(1003)), key=str.encode)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda key: s3.put_object(Bucket=BUCKET, Key=key, Body=b""), keys))
    listed = probe.ok("list", prefix="pages/")
    assert [o["key"] for o in listed["objects"]] == keys
    assert listed["pages"] == 2
    assert probe.ok("list", prefix="pages/0999")["pages"] == 1
    assert probe.ok("list", prefix="none/")["objects"] == []
    for start in range(0, len(keys), 1000):
        s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": key} for key in keys[start:start + 1000]]})


def test_only_a_new_key_is_made_by_put_new(s3, probe):
    assert probe.ok("put_new", key="new", text="first")["etag"]
    refused = probe.fails("put_new", key="new", text="second")
    assert (refused["code"], refused["reason"]) == ("conflict", "PreconditionFailed")
    assert s3.get_object(Bucket=BUCKET, Key="new")["Body"].read() == b"first"
    probe.ok("delete", key="new")
    probe.ok("delete", key="new")
    probe.ok("put_new", key="new", text="third")


def test_an_aborted_upload_leaves_nothing(server, s3, probe):
    upload = probe.ok("create_multipart", key="aborted")["upload_id"]
    for number in (1, 2):
        probe.ok("upload_part", key="aborted", upload_id=upload, number=number, bytes=5 * MIB, seed=number)
    assert [u["upload_id"] for u in probe.ok("list_multiparts", prefix="abort")["uploads"]] == [upload]
    probe.ok("abort_multipart", key="aborted", upload_id=upload)
    probe.ok("abort_multipart", key="aborted", upload_id=upload)
    assert open_uploads(s3) == probe.ok("list_multiparts", prefix="")["uploads"] == []
    assert probe.fails("head", key="aborted")["code"] == "not_found"
    gone = probe.fails("upload_part", key="aborted", upload_id=upload, number=1, text="late")
    if server.name != "moto":  # whose own answer to that is a 500
        assert (gone["code"], gone["reason"]) == ("not_found", "NoSuchUpload")


def test_parts_that_are_not_the_uploads_own_are_refused(s3, probe):
    upload = probe.ok("create_multipart", key="parts")["upload_id"]
    small = [probe.ok("upload_part", key="parts", upload_id=upload, number=n, text="small") for n in (1, 2)]
    for parts, reason in [([[1, "0" * 32, small[0]["crc32"]]], "InvalidPart"),
                          ([tag(part) for part in small], "EntityTooSmall")]:
        refused = probe.fails("complete_multipart", key="parts", upload_id=upload, parts=parts)
        assert refused["reason"] == reason, refused
    probe.ok("abort_multipart", key="parts", upload_id=upload)


def test_what_is_not_there_is_not_found(s3, server, probe):
    for op, more in [("head", {}), ("download", {}), ("get_range", {"offset": 0, "length": 1})]:
        assert probe.fails(op, key="absent", **more)["code"] == "not_found", op
    assert probe.ok("bucket_region")["region"] == "us-west-2"
    with Probe(server, "quarry-no-such-bucket") as elsewhere:
        for op in ("put", "list", "bucket_region"):
            refused = elsewhere.fails(op, key="k", prefix="", text="x")
            if op == "bucket_region":  # a HEAD, whose answer has no body
                assert refused["code"] == "not_found", refused
            else:
                assert refused["reason"] == "NoSuchBucket", refused
    probe.ok("delete", key="absent")


def test_a_wrong_secret_is_refused_whoever_signs(server, s3, probe):
    probe.ok("put", key="kept", text="kept")
    forger = server.client(aws_secret_access_key="a secret of somebody else's")
    assert outcome(lambda: forger.put_object(Bucket=BUCKET, Key="kept", Body=b"x")) == "SignatureDoesNotMatch"
    with Probe(server, BUCKET, secret_key="a secret of somebody else's") as ours:
        for op, more in [("put", {"text": "x"}), ("put_new", {"text": "x"}), ("list", {"prefix": ""}), ("delete", {}),
                         ("create_multipart", {}), ("download", {}), ("upload", {"bytes": 2 * PART, "seed": 1})]:
            refused = ours.fails(op, key="kept", **more)
            assert (refused["code"], refused["reason"]) == ("forbidden", "SignatureDoesNotMatch"), (op, refused)
        assert ours.fails("head", key="kept")["code"] == "forbidden"
    assert s3.get_object(Bucket=BUCKET, Key="kept")["Body"].read() == b"kept"
    assert open_uploads(s3) == []


def test_an_unknown_key_is_refused_in_the_servers_words(server, probe):
    stranger = server.client(aws_access_key_id="AKIANOBODY0000000001")
    theirs = outcome(lambda: stranger.put_object(Bucket=BUCKET, Key="strange", Body=b"x"))
    assert theirs in {"InvalidAccessKeyId", "XAdminUserNotFound"}
    with Probe(server, BUCKET, access_key="AKIANOBODY0000000001") as ours:
        assert ours.fails("put", key="strange", text="x")["reason"] == theirs
    assert probe.fails("head", key="strange")["code"] == "not_found"


@pytest.mark.parametrize("kind", ["cut", "reset"])
def test_a_connection_that_breaks_in_a_put_costs_nothing(s3, probe, proxy, through, kind):
    proxy.add(kind, after=MIB)
    made = through.ok("put", key="broken put", bytes=4 * MIB, seed=3)
    assert proxy.fired == 1
    check_object(s3, probe, "broken put", 4 * MIB, made["sha256"])


@pytest.mark.parametrize("kind", ["cut", "reset"])
def test_connections_that_break_in_parts_cost_nothing(s3, probe, proxy, through, kind):
    proxy.add(kind, after=3 * MIB)
    proxy.add(kind, after=21 * MIB)
    made = through.ok("upload", key="broken parts", bytes=3 * PART + 5, seed=4)
    assert proxy.fired == 2
    check_object(s3, probe, "broken parts", 3 * PART + 5, made["sha256"])
    assert open_uploads(s3) == []


def test_a_lost_answer_changes_nothing(s3, probe, proxy, through):
    def lose_the_answer():
        through("head", key="lost")  # so that it is a connection from the pool that is cut
        proxy.reset()
        proxy.add("cut", direction="down")

    probe.ok("delete", key="lost")
    lose_the_answer()
    through.ok("put_new", key="lost", text="the one")
    assert proxy.fired == 1
    lose_the_answer()
    assert through.fails("put_new", key="lost", text="another")["code"] == "conflict"
    assert s3.get_object(Bucket=BUCKET, Key="lost")["Body"].read() == b"the one"
    lose_the_answer()
    through.ok("put", key="lost", text="put again")
    assert s3.get_object(Bucket=BUCKET, Key="lost")["Body"].read() == b"put again"
    lose_the_answer()
    assert len(through.ok("list", prefix="lost")["objects"]) == 1
    lose_the_answer()
    through.ok("delete", key="lost")
    assert proxy.fired == 1
    assert probe.fails("head", key="lost")["code"] == "not_found"


def test_a_lost_answer_to_each_step_of_an_upload_changes_nothing(s3, probe, proxy, through):
    proxy.add("cut", direction="down")
    upload = through.ok("create_multipart", key="lost steps")["upload_id"]
    parts = []
    for number, size in ((1, 5 * MIB), (2, MIB)):
        proxy.add("cut", direction="down")
        part = through.ok("upload_part", key="lost steps", upload_id=upload, number=number, bytes=size, seed=number)
        parts.append(tag(part))
    through("head", key="lost steps")  # so that it is a connection from the pool that is cut
    proxy.add("cut", direction="down")
    through.ok("complete_multipart", key="lost steps", upload_id=upload, parts=parts)
    assert proxy.fired == 4
    size, digest = boto_digest(s3, "lost steps")
    assert size == 6 * MIB
    assert probe.ok("download", key="lost steps")["sha256"] == digest
    for left in open_uploads(s3):  # of the create whose answer nobody got
        assert left["UploadId"] != upload
        proxy.add("cut", direction="down")
        through.ok("abort_multipart", key="lost steps", upload_id=left["UploadId"])
    assert open_uploads(s3) == []


def test_an_upload_that_can_not_be_done_leaves_nothing(s3, probe, proxy, through):
    proxy.add("reset", after=4 * MIB, times=100)  # no part gets through
    failed = through.fails("upload", key="never", bytes=3 * PART, seed=5)
    assert failed["code"] == "unavailable", failed
    assert proxy.fired >= 3
    assert open_uploads(s3) == []
    assert probe.fails("head", key="never")["code"] == "not_found"


@pytest.fixture(scope="module")
def large(probe):
    """An object of three windows and a bit."""
    made = probe.ok("upload", key="large", bytes=3 * PART + 77, seed=6)
    return {"key": "large", "size": 3 * PART + 77, "sha256": made["sha256"]}


@pytest.mark.parametrize("kind", ["cut", "reset"])
def test_connections_that_break_in_a_download_cost_nothing(proxy, through, large, kind):
    for after in (MIB, 5 * MIB, 13 * MIB, 22 * MIB):
        proxy.add(kind, after=after, direction="down")
    read = through.ok("download", key=large["key"])
    assert (read["size"], read["sha256"]) == (large["size"], large["sha256"])
    assert proxy.fired == 4


def test_a_cut_download_goes_on_at_the_byte_where_it_stopped(proxy, through, large):
    for after in (7 * MIB, 14 * MIB, 23 * MIB):
        proxy.add("cut", after=after, direction="down")
    read = through.ok("download", key=large["key"])
    assert (read["size"], read["sha256"]) == (large["size"], large["sha256"])
    assert proxy.fired == 3
    assert proxy.bytes["down"] < large["size"] + MIB, "it was read again from a window's start"


def test_a_slow_download_is_waited_for(proxy, through, large):
    proxy.add("slow", direction="down", rate=4 * MIB)
    read = through.ok("download", key=large["key"], offset=MIB, length=6 * MIB)
    assert read["size"] == 6 * MIB
    assert proxy.fired == 1


def test_a_stalled_connection_ends_with_the_deadline(server, proxy, large):
    proxy.reset()
    proxy.add("stall", after=MIB, direction="down", times=100)
    with Probe(server, BUCKET, url=proxy.url, seconds=3) as hasty:
        assert hasty.fails("download", key=large["key"])["code"] in {"deadline_exceeded", "unavailable"}
        proxy.reset()
        assert hasty.ok("download", key=large["key"])["sha256"] == large["sha256"]


def test_nobody_there_is_said_clearly(server):
    gone = FaultProxy(server.url)
    gone.close()
    with Probe(server, BUCKET, url=gone.url, seconds=20) as ours:
        failed = ours.fails("head", key="k")
    assert failed["code"] == "unavailable", failed
    assert str(gone.port) in failed["message"] and "connect" in failed["message"].lower(), failed
