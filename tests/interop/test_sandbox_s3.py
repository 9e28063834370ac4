"""boto3 against the sandbox's S3: what AWS's own SDK sends must work, and what S3 refuses must be refused."""

import base64
import hashlib
import http.client
import io
import os
import threading
import urllib.parse
import urllib.request
import zlib

import boto3
import botocore.exceptions
import harness
import pytest
from boto3.s3.transfer import TransferConfig
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

MIB = 1 << 20
B = harness.BUCKET


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    running = harness.Sandbox(tmp_path_factory.mktemp("sandbox"))
    yield running
    assert running.stop() == 0, running.log()[-4000:]


@pytest.fixture(scope="module")
def s3(box):
    return box.client("s3")


def client(box, service="s3", secret=harness.SECRET_KEY, access=harness.ACCESS_KEY, token=None, **config):
    return boto3.client(service, endpoint_url=box.url, region_name=harness.REGION, aws_access_key_id=access,
                        aws_secret_access_key=secret, aws_session_token=token,
                        config=Config(retries={"max_attempts": 1}, **config))


def refused(code, status, call, **arguments):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(**arguments)
    assert caught.value.response["Error"]["Code"] == code, caught.value.response
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    return caught.value.response


def signed(box, method, path, body=b"", headers=None, payload_hash=None):
    """One request signed by botocore but sent byte for byte as given. Returns (status, headers, body)."""
    request = AWSRequest(method, box.url + path, headers=dict(headers or {}), data=body)
    signer = S3SigV4Auth(Credentials(harness.ACCESS_KEY, harness.SECRET_KEY), "s3", harness.REGION)
    if payload_hash:
        signer.payload = lambda _: payload_hash
    signer.add_auth(request)
    return sent(box, method, path, body, dict(request.headers.items()))


def sent(box, method, path, body, headers):
    address = urllib.parse.urlsplit(box.url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=30)
    try:
        connection.putrequest(method, path, skip_host="Host" in headers, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        if "Content-Length" not in headers and "Transfer-Encoding" not in headers and body:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


def test_buckets_are_made_listed_and_deleted(s3):
    s3.create_bucket(Bucket="made-here", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    assert {"made-here", B} <= {b["Name"] for b in s3.list_buckets()["Buckets"]}
    assert s3.head_bucket(Bucket="made-here")["ResponseMetadata"]["HTTPHeaders"]["x-amz-bucket-region"] == "eu-west-1"
    assert s3.get_bucket_location(Bucket="made-here")["LocationConstraint"] == "eu-west-1"
    refused("BucketAlreadyOwnedByYou", 409, s3.create_bucket, Bucket="made-here")
    s3.put_object(Bucket="made-here", Key="k", Body=b"")
    refused("BucketNotEmpty", 409, s3.delete_bucket, Bucket="made-here")
    s3.delete_object(Bucket="made-here", Key="k")
    s3.delete_bucket(Bucket="made-here")
    refused("404", 404, s3.head_bucket, Bucket="made-here")
    refused("NoSuchBucket", 404, s3.delete_bucket, Bucket="made-here")
    refused("NoSuchBucket", 404, s3.list_objects_v2, Bucket="made-here")


def test_a_bucket_has_no_name_that_another_path_needs(box, s3):
    refused("InvalidBucketName", 400, s3.create_bucket, Bucket="192.168.0.1")
    port = urllib.parse.urlsplit(box.url).port
    request = AWSRequest("PUT", f"http://model.localhost:{port}/")
    S3SigV4Auth(Credentials(harness.ACCESS_KEY, harness.SECRET_KEY), "s3", harness.REGION).add_auth(request)
    status, _, body = sent(box, "PUT", "/", b"", {**dict(request.headers.items()), "Host": f"model.localhost:{port}"})
    assert status == 400 and b"<Code>InvalidBucketName</Code>" in body


@pytest.mark.parametrize("key", ["plain", "a/b", "a", "a//b", "a b+c=d&e?f#g%41", "ünïcode/☃.jsonl", "./x", "../y",
                                 "UPPER@x~-_.!*'()", "x" * 1024, "trailing/"])
def test_a_key_is_kept_byte_for_byte(s3, key):
    s3.put_object(Bucket=B, Key=key, Body=key.encode())
    assert s3.get_object(Bucket=B, Key=key)["Body"].read() == key.encode()
    assert key in [o["Key"] for o in s3.list_objects_v2(Bucket=B, Prefix=key)["Contents"]]
    s3.delete_object(Bucket=B, Key=key)
    refused("NoSuchKey", 404, s3.get_object, Bucket=B, Key=key)


def test_an_object_keeps_its_headers(s3):
    s3.put_object(Bucket=B, Key="meta", Body=b"{}\n", ContentType="application/jsonl", ContentEncoding="identity",
                  CacheControl="no-store", Metadata={"one": "1", "two": "zwei"})
    head = s3.head_object(Bucket=B, Key="meta")
    assert head["ContentLength"] == 3
    assert head["ETag"] == f'"{hashlib.md5(b"{}" + bytes([10])).hexdigest()}"'
    assert head["ContentType"] == "application/jsonl"
    assert head["ContentEncoding"] == "identity"
    assert head["CacheControl"] == "no-store"
    assert head["Metadata"] == {"one": "1", "two": "zwei"}
    assert head["ServerSideEncryption"] == "AES256"
    assert "x-amz-request-id" in head["ResponseMetadata"]["HTTPHeaders"]
    s3.put_object(Bucket=B, Key="meta", Body=b"")
    assert s3.head_object(Bucket=B, Key="meta")["ContentType"] == "binary/octet-stream"
    assert s3.get_object(Bucket=B, Key="meta")["Body"].read() == b""


@pytest.mark.parametrize("asked,first,last", [("bytes=0-0", 0, 0), ("bytes=2-4", 2, 4), ("bytes=7-", 7, 9),
                                              ("bytes=-3", 7, 9), ("bytes=5-500", 5, 9), ("bytes=-100", 0, 9)])
def test_a_range_is_answered_exactly(s3, asked, first, last):
    s3.put_object(Bucket=B, Key="ten", Body=b"0123456789")
    answer = s3.get_object(Bucket=B, Key="ten", Range=asked)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 206
    assert answer["ContentRange"] == f"bytes {first}-{last}/10"
    assert answer["Body"].read() == b"0123456789"[first:last + 1]


def test_a_range_past_the_end_is_refused_and_a_strange_one_ignored(s3):
    s3.put_object(Bucket=B, Key="ten", Body=b"0123456789")
    response = refused("InvalidRange", 416, s3.get_object, Bucket=B, Key="ten", Range="bytes=10-")
    assert response["Error"]["ActualObjectSize"] == "10"
    for strange in ("bytes=5-2", "lines=1-2", "bytes=0-1,4-5"):
        assert s3.get_object(Bucket=B, Key="ten", Range=strange)["Body"].read() == b"0123456789"


def test_conditions_on_reading(s3):
    etag = s3.put_object(Bucket=B, Key="cond", Body=b"x")["ETag"]
    assert s3.get_object(Bucket=B, Key="cond", IfMatch=etag)["Body"].read() == b"x"
    refused("PreconditionFailed", 412, s3.get_object, Bucket=B, Key="cond", IfMatch='"other"')
    refused("304", 304, s3.get_object, Bucket=B, Key="cond", IfNoneMatch=etag)
    assert s3.get_object(Bucket=B, Key="cond", IfNoneMatch='"other"')["Body"].read() == b"x"


def test_only_one_writer_creates_a_key(s3):
    s3.put_object(Bucket=B, Key="once", Body=b"first", IfNoneMatch="*")
    refused("PreconditionFailed", 412, s3.put_object, Bucket=B, Key="once", Body=b"second", IfNoneMatch="*")
    assert s3.get_object(Bucket=B, Key="once")["Body"].read() == b"first"
    s3.delete_object(Bucket=B, Key="race")
    won = []

    def write(number):
        try:
            s3.put_object(Bucket=B, Key="race", Body=str(number).encode() * MIB, IfNoneMatch="*")
            won.append(number)
        except botocore.exceptions.ClientError as error:
            assert error.response["Error"]["Code"] == "PreconditionFailed"

    threads = [threading.Thread(target=write, args=(n,)) for n in range(6)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert len(won) == 1
    assert s3.get_object(Bucket=B, Key="race", Range="bytes=0-0")["Body"].read() == str(won[0]).encode()


def test_if_match_replaces_only_the_version_it_names(s3):
    etag = s3.put_object(Bucket=B, Key="cas", Body=b"1")["ETag"]
    s3.put_object(Bucket=B, Key="cas", Body=b"2", IfMatch=etag)
    refused("PreconditionFailed", 412, s3.put_object, Bucket=B, Key="cas", Body=b"3", IfMatch=etag)
    refused("NoSuchKey", 404, s3.put_object, Bucket=B, Key="cas-absent", Body=b"3", IfMatch=etag)


def test_a_reader_keeps_the_version_it_opened(s3):
    s3.put_object(Bucket=B, Key="replaced", Body=b"a" * (24 * MIB))
    old = s3.get_object(Bucket=B, Key="replaced")["Body"]
    assert old.read(1) == b"a"
    s3.put_object(Bucket=B, Key="replaced", Body=b"b")
    rest = old.read()
    assert len(rest) == 24 * MIB - 1 and set(rest) == {ord("a")}
    assert s3.get_object(Bucket=B, Key="replaced")["Body"].read() == b"b"


def test_listing_pages_in_binary_order(s3):
    keys = sorted([f"list/{i:03}" for i in range(25)] + ["list/a b", "list/é", "list/+", "list/&<>"],
                  key=lambda k: k.encode())
    for key in keys:
        s3.put_object(Bucket=B, Key=key, Body=b"")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=B, Prefix="list/", PaginationConfig={"PageSize": 7})
    pages = list(pages)
    assert [o["Key"] for page in pages for o in page["Contents"]] == keys
    assert [page["KeyCount"] for page in pages] == [7, 7, 7, 7, 1]
    after = s3.list_objects_v2(Bucket=B, Prefix="list/", StartAfter=keys[20])
    assert [o["Key"] for o in after["Contents"]] == keys[21:]
    old = s3.get_paginator("list_objects").paginate(Bucket=B, Prefix="list/", PaginationConfig={"PageSize": 4})
    assert [o["Key"] for page in old for o in page["Contents"]] == keys
    assert s3.list_objects_v2(Bucket=B, Prefix="list/", MaxKeys=0)["KeyCount"] == 0


def test_a_delimiter_rolls_keys_up(s3):
    for key in ["tree/a/1", "tree/a/2", "tree/b/1", "tree/c", "tree/d/1", "tree/d/2/3"]:
        s3.put_object(Bucket=B, Key=key, Body=b"")
    page = s3.list_objects_v2(Bucket=B, Prefix="tree/", Delimiter="/")
    assert [p["Prefix"] for p in page["CommonPrefixes"]] == ["tree/a/", "tree/b/", "tree/d/"]
    assert [o["Key"] for o in page["Contents"]] == ["tree/c"]
    for method in ("list_objects_v2", "list_objects"):
        seen = []
        for page in s3.get_paginator(method).paginate(Bucket=B, Prefix="tree/", Delimiter="/",
                                                      PaginationConfig={"PageSize": 1}):
            seen += [p["Prefix"] for p in page.get("CommonPrefixes", [])] + [o["Key"] for o in page.get("Contents", [])]
        assert seen == ["tree/a/", "tree/b/", "tree/c", "tree/d/"]


def test_many_keys_are_deleted_at_once(s3):
    for key in ("del/1", "del/2", "del/<&>"):
        s3.put_object(Bucket=B, Key=key, Body=b"")
    answer = s3.delete_objects(Bucket=B, Delete={"Objects": [{"Key": k} for k in ("del/1", "del/<&>", "del/absent")]})
    assert {d["Key"] for d in answer["Deleted"]} == {"del/1", "del/<&>", "del/absent"}
    assert [o["Key"] for o in s3.list_objects_v2(Bucket=B, Prefix="del/")["Contents"]] == ["del/2"]
    quiet = s3.delete_objects(Bucket=B, Delete={"Objects": [{"Key": "del/2"}], "Quiet": True})
    assert "Deleted" not in quiet and "Errors" not in quiet


def test_delete_objects_needs_a_digest_of_its_body(box):
    body = b"<Delete><Object><Key>x</Key></Object></Delete>"
    status, _, answer = signed(box, "POST", f"/{B}?delete", body)
    assert status == 400 and b"<Code>InvalidRequest</Code>" in answer


def test_a_copy_has_the_bytes_and_the_headers(s3):
    s3.put_object(Bucket=B, Key="copy from", Body=b"copied", ContentType="text/x", Metadata={"m": "1"})
    s3.copy_object(Bucket=B, Key="copy-to", CopySource={"Bucket": B, "Key": "copy from"})
    got = s3.get_object(Bucket=B, Key="copy-to")
    assert (got["Body"].read(), got["ContentType"], got["Metadata"]) == (b"copied", "text/x", {"m": "1"})
    s3.copy_object(Bucket=B, Key="copy-to", CopySource=f"{B}/copy from", MetadataDirective="REPLACE", Metadata={"n": "2"})
    assert s3.head_object(Bucket=B, Key="copy-to")["Metadata"] == {"n": "2"}
    refused("NoSuchKey", 404, s3.copy_object, Bucket=B, Key="y", CopySource=f"{B}/absent")


def test_a_multipart_upload_is_one_object(s3):
    parts = [os.urandom(5 * MIB), os.urandom(6 * MIB), b"the end"]
    upload = s3.create_multipart_upload(Bucket=B, Key="multi", ContentType="application/x", Metadata={"k": "v"})
    done = []
    for number, part in enumerate(parts, 1):
        answer = s3.upload_part(Bucket=B, Key="multi", UploadId=upload["UploadId"], PartNumber=number, Body=part)
        assert answer["ETag"] == f'"{hashlib.md5(part).hexdigest()}"'
        done.append({"PartNumber": number, "ETag": answer["ETag"]})
    assert [u["UploadId"] for u in s3.list_multipart_uploads(Bucket=B)["Uploads"]] == [upload["UploadId"]]
    listed = s3.list_parts(Bucket=B, Key="multi", UploadId=upload["UploadId"], MaxParts=2)
    assert [p["Size"] for p in listed["Parts"]] == [5 * MIB, 6 * MIB] and listed["IsTruncated"]
    refused("NoSuchKey", 404, s3.get_object, Bucket=B, Key="multi")
    answer = s3.complete_multipart_upload(Bucket=B, Key="multi", UploadId=upload["UploadId"],
                                          MultipartUpload={"Parts": done})
    digests = b"".join(hashlib.md5(part).digest() for part in parts)
    assert answer["ETag"] == f'"{hashlib.md5(digests).hexdigest()}-3"'
    got = s3.get_object(Bucket=B, Key="multi")
    assert got["Body"].read() == b"".join(parts)
    assert (got["ContentType"], got["Metadata"]) == ("application/x", {"k": "v"})
    across = s3.get_object(Bucket=B, Key="multi", Range=f"bytes={5 * MIB - 2}-{5 * MIB + 1}")["Body"].read()
    assert across == parts[0][-2:] + parts[1][:2]
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=B)


def test_a_repeated_complete_gives_the_same_answer(s3):
    upload = s3.create_multipart_upload(Bucket=B, Key="again")["UploadId"]
    etag = s3.upload_part(Bucket=B, Key="again", UploadId=upload, PartNumber=1, Body=b"x")["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
    first = s3.complete_multipart_upload(Bucket=B, Key="again", UploadId=upload, MultipartUpload=parts)
    second = s3.complete_multipart_upload(Bucket=B, Key="again", UploadId=upload, MultipartUpload=parts)
    assert first["ETag"] == second["ETag"]


def test_what_complete_refuses(s3):
    upload = s3.create_multipart_upload(Bucket=B, Key="bad")["UploadId"]
    etags = [s3.upload_part(Bucket=B, Key="bad", UploadId=upload, PartNumber=n, Body=b"small")["ETag"] for n in (1, 2)]

    def complete(*parts):
        return {"Bucket": B, "Key": "bad", "UploadId": upload,
                "MultipartUpload": {"Parts": [{"PartNumber": n, "ETag": e} for n, e in parts]}}

    call = s3.complete_multipart_upload
    refused("InvalidPartOrder", 400, call, **complete((2, etags[1]), (1, etags[0])))
    refused("InvalidPart", 400, call, **complete((1, '"00000000000000000000000000000000"')))
    refused("InvalidPart", 400, call, **complete((7, etags[0])))
    small = refused("EntityTooSmall", 400, call, **complete((1, etags[0]), (2, etags[1])))
    assert small["Error"]["MinSizeAllowed"] == str(5 * MIB)
    s3.abort_multipart_upload(Bucket=B, Key="bad", UploadId=upload)
    refused("NoSuchUpload", 404, call, **complete((1, etags[0])))
    refused("NoSuchUpload", 404, s3.upload_part, Bucket=B, Key="bad", UploadId=upload, PartNumber=1, Body=b"")
    refused("NoSuchUpload", 404, s3.abort_multipart_upload, Bucket=B, Key="bad", UploadId=upload)
    refused("InvalidArgument", 400, s3.upload_part, Bucket=B, Key="bad", UploadId=upload, PartNumber=10001, Body=b"")


def test_the_sdks_own_transfers_work(s3, tmp_path):
    content = os.urandom(20 * MIB + 17)
    config = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB, max_concurrency=4)
    s3.upload_fileobj(io.BytesIO(content), B, "transfer", Config=config)
    assert s3.head_object(Bucket=B, Key="transfer")["ETag"].endswith('-5"')
    target = tmp_path / "got"
    s3.download_file(B, "transfer", str(target), Config=config)
    assert target.read_bytes() == content


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA1", "SHA256"])
def test_a_checksum_is_verified_stored_and_given_back(s3, algorithm):
    put = s3.put_object(Bucket=B, Key="sum", Body=b"hello world\n", ChecksumAlgorithm=algorithm)
    got = s3.get_object(Bucket=B, Key="sum", ChecksumMode="ENABLED")
    field = f"Checksum{algorithm}"
    assert got["Body"].read() == b"hello world\n"
    assert put[field] == got[field]
    if algorithm == "CRC32":
        assert got[field] == base64.b64encode(zlib.crc32(b"hello world\n").to_bytes(4, "big")).decode()
    refused("BadDigest", 400, s3.put_object, Bucket=B, Key="bad-sum", Body=b"other", **{field: put[field]})
    refused("NoSuchKey", 404, s3.get_object, Bucket=B, Key="bad-sum")


def test_content_md5_is_verified(s3):
    right = base64.b64encode(hashlib.md5(b"x").digest()).decode()
    s3.put_object(Bucket=B, Key="md5", Body=b"x", ContentMD5=right)
    refused("BadDigest", 400, s3.put_object, Bucket=B, Key="md5", Body=b"y", ContentMD5=right)
    refused("InvalidDigest", 400, s3.put_object, Bucket=B, Key="md5", Body=b"y", ContentMD5="eA==")


def test_a_body_that_is_not_what_was_signed_is_refused(box, s3):
    status, _, body = signed(box, "PUT", f"/{B}/tampered", b"evil", payload_hash=hashlib.sha256(b"good").hexdigest())
    assert status == 400 and b"<Code>XAmzContentSHA256Mismatch</Code>" in body
    refused("NoSuchKey", 404, s3.get_object, Bucket=B, Key="tampered")
    status, _, body = signed(box, "PUT", f"/{B}/tampered", b"free", payload_hash="UNSIGNED-PAYLOAD")
    assert status == 200, body


def test_an_aws_chunked_body_with_a_trailer_is_unwrapped(box, s3):
    def put(key, checksum):
        body = b"5\r\nhello\r\n6\r\n world\r\n0\r\nx-amz-checksum-crc32:" + checksum + b"\r\n\r\n"
        return signed(box, "PUT", f"/{B}/{key}", body, payload_hash="STREAMING-UNSIGNED-PAYLOAD-TRAILER", headers={
            "Content-Encoding": "aws-chunked", "X-Amz-Decoded-Content-Length": "11",
            "X-Amz-Trailer": "x-amz-checksum-crc32", "Content-Length": str(len(body))})

    right = base64.b64encode(zlib.crc32(b"hello world").to_bytes(4, "big"))
    status, headers, body = put("chunked", right)
    assert status == 200, body
    assert headers["x-amz-checksum-crc32"] == right.decode()
    got = s3.get_object(Bucket=B, Key="chunked")
    assert got["Body"].read() == b"hello world"
    assert "ContentEncoding" not in got
    status, _, body = put("chunked-bad", b"AAAAAA==")
    assert status == 400 and b"<Code>BadDigest</Code>" in body


def test_a_body_of_unknown_length_is_refused(box):
    status, _, body = signed(box, "PUT", f"/{B}/x", b"1\r\na\r\n0\r\n\r\n", payload_hash="UNSIGNED-PAYLOAD",
                             headers={"Transfer-Encoding": "chunked"})
    assert status == 411 and b"<Code>MissingContentLength</Code>" in body


def test_the_wrong_secret_key_token_or_time_is_refused(box):
    refused("SignatureDoesNotMatch", 403, client(box, secret="wrong").list_buckets)
    refused("SignatureDoesNotMatch", 403, client(box, secret="wrong").put_object, Bucket=B, Key="k", Body=b"x" * MIB)
    refused("InvalidAccessKeyId", 403, client(box, access="AKIAUNKNOWN000000000").list_buckets)
    refused("InvalidToken", 400, client(box, token="made-up").list_buckets)
    status, _, body = sent(box, "GET", f"/{B}/k", b"", {"Host": urllib.parse.urlsplit(box.url).netloc})
    assert status == 403 and b"<Code>AccessDenied</Code>" in body
    late = AWSRequest("GET", f"{box.url}/{B}")
    auth = S3SigV4Auth(Credentials(harness.ACCESS_KEY, harness.SECRET_KEY), "s3", harness.REGION)
    late.context["timestamp"] = "20200102T030405Z"
    late.headers["X-Amz-Date"] = "20200102T030405Z"
    late.headers["X-Amz-Content-SHA256"] = "UNSIGNED-PAYLOAD"
    auth._inject_signature_to_request(late, auth.signature(auth.string_to_sign(late, auth.canonical_request(late)), late))
    status, _, body = sent(box, "GET", f"/{B}", b"", {**dict(late.headers.items()), "Host": urllib.parse.urlsplit(box.url).netloc})
    assert status == 403 and b"<Code>RequestTimeTooSkewed</Code>" in body


def test_presigned_urls_read_and_write(box, s3):
    signer = client(box, signature_version="s3v4")
    url = signer.generate_presigned_url("put_object", Params={"Bucket": B, "Key": "pre signed"}, ExpiresIn=60)
    with urllib.request.urlopen(urllib.request.Request(url, data=b"by url", method="PUT")) as answer:
        assert answer.status == 200
    url = signer.generate_presigned_url("get_object", ExpiresIn=60, Params={
        "Bucket": B, "Key": "pre signed", "ResponseContentType": "text/special"})
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == b"by url"
        assert answer.headers["Content-Type"] == "text/special"
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(url.replace("Signature=", "Signature=0"))
    assert caught.value.code == 403 and b"SignatureDoesNotMatch" in caught.value.read()


def test_the_bucket_may_be_in_the_host_name(box):
    port = urllib.parse.urlsplit(box.url).port
    status, _, _ = signed(box, "PUT", f"/{B}/by-path", b"1")
    assert status == 200
    for host in (f"{B}.localhost:{port}", f"{B}.s3.us-west-2.amazonaws.com"):
        request = AWSRequest("GET", f"http://{host}/by-path")
        S3SigV4Auth(Credentials(harness.ACCESS_KEY, harness.SECRET_KEY), "s3", harness.REGION).add_auth(request)
        status, _, body = sent(box, "GET", "/by-path", b"", {**dict(request.headers.items()), "Host": host})
        assert (status, body) == (200, b"1")


def test_another_owner_and_unknown_subresources_are_refused(s3):
    s3.put_object(Bucket=B, Key="owned", Body=b"x", ExpectedBucketOwner="123456789012")
    refused("AccessDenied", 403, s3.get_object, Bucket=B, Key="owned", ExpectedBucketOwner="000000000000")
    refused("NotImplemented", 501, s3.get_object_acl, Bucket=B, Key="owned")
    assert s3.get_object(Bucket=B, Key="owned")["Body"].read() == b"x"


def test_objects_and_uploads_survive_a_restart(tmp_path):
    first = harness.Sandbox(tmp_path / "box")
    s3 = first.client("s3")
    s3.put_object(Bucket=B, Key="keep/é me", Body=b"kept", Metadata={"a": "b"})
    s3.put_object(Bucket=B, Key="k" * 1000, Body=b"long")
    upload = s3.create_multipart_upload(Bucket=B, Key="part")["UploadId"]
    etag = s3.upload_part(Bucket=B, Key="part", UploadId=upload, PartNumber=1, Body=b"p1")["ETag"]
    first.kill()
    second = harness.Sandbox(tmp_path / "box")
    s3 = second.client("s3")
    got = s3.get_object(Bucket=B, Key="keep/é me")
    assert (got["Body"].read(), got["Metadata"]) == (b"kept", {"a": "b"})
    assert s3.get_object(Bucket=B, Key="k" * 1000)["Body"].read() == b"long"
    s3.complete_multipart_upload(Bucket=B, Key="part", UploadId=upload,
                                 MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
    assert s3.get_object(Bucket=B, Key="part")["Body"].read() == b"p1"
    assert second.stop() == 0


def test_health_needs_no_signature(box):
    status, headers, body = sent(box, "GET", "/_sandbox/health", b"", {"Host": "x"})
    assert (status, body) == (200, b'{"status":"ok"}')
    assert headers["Content-Type"] == "application/json"


def crc32_of(data):
    return base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()


def test_a_full_object_checksum_is_that_of_the_whole(s3):
    parts = [os.urandom(5 * MIB), os.urandom(5 * MIB + 3), b"end"]
    whole = b"".join(parts)

    def upload(**complete):
        made = s3.create_multipart_upload(Bucket=B, Key="full", ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")
        done = [{"PartNumber": n, "ETag": s3.upload_part(Bucket=B, Key="full", UploadId=made["UploadId"], PartNumber=n,
                                                         Body=part)["ETag"]} for n, part in enumerate(parts, 1)]
        return s3.complete_multipart_upload(Bucket=B, Key="full", UploadId=made["UploadId"],
                                            MultipartUpload={"Parts": done}, **complete)

    answer = upload(ChecksumCRC32=crc32_of(whole))
    assert (answer["ChecksumCRC32"], answer["ChecksumType"]) == (crc32_of(whole), "FULL_OBJECT")
    head = s3.head_object(Bucket=B, Key="full", ChecksumMode="ENABLED")
    assert (head["ChecksumCRC32"], head["ChecksumType"]) == (crc32_of(whole), "FULL_OBJECT")
    refused("BadDigest", 400, upload, ChecksumCRC32=crc32_of(whole + b"x"))


def test_a_composite_upload_is_completed_with_every_parts_checksum(s3):
    made = s3.create_multipart_upload(Bucket=B, Key="comp", ChecksumAlgorithm="CRC32")
    where = {"Bucket": B, "Key": "comp", "UploadId": made["UploadId"]}
    part = s3.upload_part(PartNumber=1, Body=b"part", **where)
    assert part["ChecksumCRC32"] == crc32_of(b"part")
    refused("InvalidRequest", 400, s3.upload_part, PartNumber=2, Body=b"x", ChecksumAlgorithm="SHA256", **where)
    bare = {"PartNumber": 1, "ETag": part["ETag"]}
    refused("InvalidRequest", 400, s3.complete_multipart_upload, MultipartUpload={"Parts": [bare]}, **where)
    refused("InvalidPart", 400, s3.complete_multipart_upload,
            MultipartUpload={"Parts": [{**bare, "ChecksumCRC32": crc32_of(b"other")}]}, **where)
    answer = s3.complete_multipart_upload(
        MultipartUpload={"Parts": [{**bare, "ChecksumCRC32": part["ChecksumCRC32"]}]}, **where)
    assert answer["ChecksumType"] == "COMPOSITE" and answer["ChecksumCRC32"].endswith("-1")
    refused("InvalidRequest", 400, s3.create_multipart_upload, Bucket=B, Key="comp", ChecksumAlgorithm="SHA256",
            ChecksumType="FULL_OBJECT")
