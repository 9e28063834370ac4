"""The AWS CLI, and boto3 as it is without any setting, against the sandbox: what they send by default must work."""

import datetime
import hashlib
import io
import json
import os
import pathlib
import subprocess
import sys
import urllib.error
import urllib.request

import boto3
import harness
import pytest
from botocore.auth import SIGV4_TIMESTAMP, S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from fault_proxy import FaultProxy

MIB = 1 << 20
B = harness.BUCKET
ROLE = "arn:aws:iam::123456789012:role/batch"


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    running = harness.Sandbox(tmp_path_factory.mktemp("sandbox"))
    yield running
    assert running.stop() == 0, running.log_end()


@pytest.fixture(scope="module")
def s3(box):
    return box.client("s3")


class Cli:
    """`aws` with nothing but keys, a region and the sandbox's URL. It takes a second to start."""

    def __init__(self, directory, url):
        self.directory = directory
        clean = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
        self.environment = {**clean, "HOME": str(directory), "AWS_ACCESS_KEY_ID": harness.ACCESS_KEY,
                            "AWS_SECRET_ACCESS_KEY": harness.SECRET_KEY, "AWS_DEFAULT_REGION": harness.REGION,
                            "AWS_ENDPOINT_URL": url, "AWS_EC2_METADATA_DISABLED": "true"}

    def run(self, *arguments, **environment):
        program = pathlib.Path(sys.executable).parent / "aws"
        assert program.exists(), "the AWS CLI is missing: run scripts/setup --test"
        return subprocess.run([sys.executable, str(program), *map(str, arguments)], cwd=self.directory,
                              env={**self.environment, **environment}, capture_output=True, text=True, timeout=120)

    def __call__(self, *arguments, **environment):
        """Standard output."""
        ran = self.run(*arguments, **environment)
        assert ran.returncode == 0, f"aws {' '.join(map(str, arguments))}: {ran.stdout}{ran.stderr}"
        return ran.stdout

    def json(self, *arguments, **environment):
        return json.loads(self(*arguments, "--output", "json", **environment))

    def refused(self, *arguments, **environment):
        """Standard error."""
        ran = self.run(*arguments, **environment)
        assert ran.returncode != 0, ran.stdout
        return ran.stderr


@pytest.fixture
def aws(tmp_path, box):
    return Cli(tmp_path, box.url)


@pytest.mark.parametrize("size", [0, 1, 20 * MIB])
def test_a_file_is_copied_there_and_back(aws, s3, tmp_path, size):
    body = os.urandom(size)
    (tmp_path / "up").write_bytes(body)
    aws("s3", "cp", "up", f"s3://{B}/cp/{size}")
    head = s3.head_object(Bucket=B, Key=f"cp/{size}")
    assert head["ContentLength"] == size
    assert ("-" in head["ETag"]) == (size > 8 * MIB)  # by parts
    aws("s3", "cp", f"s3://{B}/cp/{size}", "down")
    assert (tmp_path / "down").read_bytes() == body


def test_a_pipe_is_copied_there_and_back(aws, s3, tmp_path):
    ran = subprocess.run([sys.executable, str(pathlib.Path(sys.executable).parent / "aws"), "s3", "cp", "-",
                          f"s3://{B}/piped"], input=b"from a pipe", env=aws.environment, capture_output=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    assert aws("s3", "cp", f"s3://{B}/piped", "-") == "from a pipe"


def test_a_bucket_and_a_folder_are_made_synced_listed_and_removed(aws, s3, tmp_path):
    aws("s3", "mb", "s3://made-by-the-cli")
    for name in ("a.txt", "b c.txt", "below/d+e.txt", "below/ü.txt"):
        (tmp_path / "folder" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "folder" / name).write_text(name)
    aws("s3", "sync", "folder", "s3://made-by-the-cli/to/")
    listed = aws("s3", "ls", "--recursive", "s3://made-by-the-cli/to/")
    for name in ("to/a.txt", "to/b c.txt", "to/below/d+e.txt", "to/below/ü.txt"):
        assert name in listed
    (tmp_path / "folder/a.txt").unlink()
    synced = aws("s3", "sync", "--delete", "folder", "s3://made-by-the-cli/to/")
    assert "delete: s3://made-by-the-cli/to/a.txt" in synced and "upload" not in synced
    aws("s3", "sync", "s3://made-by-the-cli/to/", "back")
    assert (tmp_path / "back/below/ü.txt").read_text() == "below/ü.txt"
    aws("s3", "mv", "s3://made-by-the-cli/to/b c.txt", "s3://made-by-the-cli/moved")
    assert s3.get_object(Bucket="made-by-the-cli", Key="moved")["Body"].read() == b"b c.txt"
    assert "BucketNotEmpty" in aws.refused("s3", "rb", "s3://made-by-the-cli")
    aws("s3", "rm", "--recursive", "s3://made-by-the-cli")
    aws("s3", "rb", "s3://made-by-the-cli")
    assert "made-by-the-cli" not in aws("s3", "ls")


def test_s3api_asks_for_each_operation(aws, tmp_path):
    def api(operation, *arguments):
        return aws.json("s3api", operation, "--bucket", B, *arguments)

    (tmp_path / "body").write_bytes(b"0123456789")
    put = api("put-object", "--key", "api/k", "--body", "body", "--metadata", "one=1")
    assert put["ETag"] == f'"{hashlib.md5(b"0123456789").hexdigest()}"'
    assert put["ChecksumCRC64NVME"] if "ChecksumCRC64NVME" in put else put["ChecksumCRC32"]
    head = api("head-object", "--key", "api/k")
    assert (head["ContentLength"], head["Metadata"]) == (10, {"one": "1"})
    got = api("get-object", "--key", "api/k", "--range", "bytes=2-4", "got")
    assert (got["ContentRange"], (tmp_path / "got").read_bytes()) == ("bytes 2-4/10", b"234")
    assert "PreconditionFailed" in aws.refused("s3api", "put-object", "--bucket", B, "--key", "api/k", "--body", "body",
                                               "--if-none-match", "*")
    assert [o["Key"] for o in api("list-objects-v2", "--prefix", "api/")["Contents"]] == ["api/k"]
    api("copy-object", "--key", "api/copy", "--copy-source", f"{B}/api/k")
    assert "LocationConstraint" in api("get-bucket-location")
    aws("s3api", "head-bucket", "--bucket", B)
    upload = api("create-multipart-upload", "--key", "api/parts")["UploadId"]
    which = ("--key", "api/parts", "--upload-id", upload)
    part = api("upload-part", *which, "--part-number", "1", "--body", "body")
    assert [p["PartNumber"] for p in api("list-parts", *which)["Parts"]] == [1]
    assert [u["UploadId"] for u in api("list-multipart-uploads", "--prefix", "api/")["Uploads"]] == [upload]
    made = api("complete-multipart-upload", *which, "--multipart-upload",
               json.dumps({"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}))
    assert made["ETag"].endswith('-1"')
    cancelled = api("create-multipart-upload", "--key", "api/cancelled")["UploadId"]
    aws("s3api", "abort-multipart-upload", "--bucket", B, "--key", "api/cancelled", "--upload-id", cancelled)
    gone = api("delete-objects", "--delete", json.dumps(
        {"Objects": [{"Key": key} for key in ("api/k", "api/copy", "api/parts")]}))
    assert len(gone["Deleted"]) == 3
    aws("s3api", "delete-object", "--bucket", B, "--key", "api/k")
    assert "(404)" in aws.refused("s3api", "head-object", "--bucket", B, "--key", "api/k")
    assert "SignatureDoesNotMatch" in aws.refused("s3", "ls", f"s3://{B}", AWS_SECRET_ACCESS_KEY="another")


def test_a_presigned_url_of_the_clis_is_good(aws, s3, tmp_path):
    s3.put_object(Bucket=B, Key="signed for", Body=b"anybody")
    (tmp_path / "config").write_text("[default]\ns3 =\n  signature_version = s3v4\n")
    url = aws("s3", "presign", f"s3://{B}/signed for", "--expires-in", "60", AWS_CONFIG_FILE=str(tmp_path / "config"))
    with urllib.request.urlopen(url.strip(), timeout=30) as answer:
        assert answer.read() == b"anybody"
    # Signature version 2, the CLI's default at endpoints that it does not know, S3 has left behind.
    old = aws("s3", "presign", f"s3://{B}/signed for", "--expires-in", "60").strip()
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(old, timeout=30)
    assert b"Please use AWS4-HMAC-SHA256" in refused.value.read()


def write_input(s3, key, count=100):
    body = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 10, "messages": [{"role": "user", "content": "hi"}]}
    lines = "".join(json.dumps({"recordId": f"r{n}", "modelInput": body}) + "\n" for n in range(count))
    s3.put_object(Bucket=B, Key=key, Body=lines.encode())


def test_bedrocks_jobs_are_made_looked_at_listed_and_stopped(box, aws, s3):
    write_input(s3, "cli/input.jsonl")

    def create(name):
        return aws.json(
            "bedrock", "create-model-invocation-job", "--job-name", name, "--role-arn", ROLE,
            "--model-id", harness.BEDROCK_MODEL,
            "--input-data-config", json.dumps({"s3InputDataConfig": {"s3Uri": f"s3://{B}/cli/input.jsonl"}}),
            "--output-data-config", json.dumps({"s3OutputDataConfig": {"s3Uri": f"s3://{B}/cli-out/"}}),
            "--tags", "key=team,value=ml", "--timeout-duration-in-hours", "48")["jobArn"]

    arn = create("from-the-cli")
    harness.await_true(lambda: box.client("bedrock").get_model_invocation_job(jobIdentifier=arn)["status"] == "Completed")
    job = aws.json("bedrock", "get-model-invocation-job", "--job-identifier", arn)
    assert (job["jobName"], job["status"], job["timeoutDurationInHours"]) == ("from-the-cli", "Completed", 48)
    datetime.datetime.fromisoformat(job["submitTime"])
    jobs = aws.json("bedrock", "list-model-invocation-jobs", "--name-contains", "from-the", "--status-equals", "Completed",
                    "--sort-order", "Descending", "--max-results", "5")["invocationJobSummaries"]
    assert [job["jobArn"] for job in jobs] == [arn]
    assert f"cli-out/{arn[-12:]}/input.jsonl.out" in aws("s3", "ls", "--recursive", f"s3://{B}/cli-out/")
    assert "ConflictException" in (said := aws.refused("bedrock", "stop-model-invocation-job", "--job-identifier", arn)) \
        or "ValidationException" in said
    assert "ResourceNotFoundException" in aws.refused(
        "bedrock", "get-model-invocation-job", "--job-identifier", arn[:-12] + "aaaaaaaaaaaa")


def test_a_job_at_work_is_stopped(tmp_path, aws, s3):
    slow = harness.Sandbox(tmp_path / "slow", job_seconds=600)
    try:
        write_input(slow.client("s3"), "input.jsonl")
        arn = slow.client("bedrock").create_model_invocation_job(
            jobName="to-stop", roleArn=ROLE, modelId=harness.BEDROCK_MODEL,
            inputDataConfig={"s3InputDataConfig": {"s3Uri": f"s3://{B}/input.jsonl"}},
            outputDataConfig={"s3OutputDataConfig": {"s3Uri": f"s3://{B}/out/"}})["jobArn"]
        aws("bedrock", "stop-model-invocation-job", "--job-identifier", arn, AWS_ENDPOINT_URL=slow.url)
        harness.await_true(lambda: slow.jobs()[0]["status"] in {"Stopping", "Stopped"})
    finally:
        assert slow.stop() == 0, slow.log_end()


def test_sts_says_who_one_is_and_gives_roles(aws):
    me = aws.json("sts", "get-caller-identity")
    assert me["Account"].isdigit() and len(me["Account"]) == 12
    role = aws.json("sts", "assume-role", "--role-arn", ROLE, "--role-session-name", "cli", "--duration-seconds", "900")
    given = role["Credentials"]
    assert role["AssumedRoleUser"]["Arn"] == "arn:aws:sts::123456789012:assumed-role/batch/cli"
    as_role = {"AWS_ACCESS_KEY_ID": given["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
               "AWS_SESSION_TOKEN": given["SessionToken"]}
    assert aws.json("sts", "get-caller-identity", **as_role)["Arn"] == role["AssumedRoleUser"]["Arn"]
    assert B in aws("s3", "ls", **as_role)
    aws("bedrock", "list-model-invocation-jobs", **as_role)
    stolen = {**as_role, "AWS_SESSION_TOKEN": "another"}
    assert "InvalidToken" in aws.refused("s3", "ls", **stolen)
    assert "UnrecognizedClientException" in aws.refused("bedrock", "list-model-invocation-jobs", **stolen)


# boto3 by default. Trailing checksums it sends over TLS alone; what else it can do is in test_sandbox_*.py.


@pytest.fixture(scope="module")
def over_tls(box, tmp_path_factory):
    """A client of the sandbox behind TLS, with nothing set but where that is."""
    directory = tmp_path_factory.mktemp("tls")
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem"],
        cwd=directory, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    with FaultProxy(box.url, tls=(directory / "cert.pem", directory / "key.pem")) as terminator:
        yield boto3.client("s3", endpoint_url=terminator.url, region_name=harness.REGION, verify=str(directory / "cert.pem"),
                           aws_access_key_id=harness.ACCESS_KEY, aws_secret_access_key=harness.SECRET_KEY)


@pytest.mark.parametrize("size", [0, 1, MIB, 3 * MIB + 7])
def test_a_stream_of_boto3s_has_its_checksum_behind_it(box, s3, over_tls, size):
    sent = []
    over_tls.meta.events.register_first("before-send.s3.PutObject", lambda request, **_: sent.append(dict(request.headers)))
    body = os.urandom(size)
    put = over_tls.put_object(Bucket=B, Key="trailing", Body=io.BytesIO(body))
    assert sent[-1]["X-Amz-Content-SHA256"] == b"STREAMING-UNSIGNED-PAYLOAD-TRAILER"
    assert put["ChecksumCRC32"] or put["ChecksumCRC64NVME"]
    assert over_tls.get_object(Bucket=B, Key="trailing")["Body"].read() == body
    assert "ContentEncoding" not in s3.head_object(Bucket=B, Key="trailing")


def test_boto3s_transfers_by_parts_work_over_tls(over_tls, tmp_path):
    body = os.urandom(20 * MIB + 3)
    (tmp_path / "up").write_bytes(body)
    over_tls.upload_file(str(tmp_path / "up"), B, "by parts")
    assert over_tls.head_object(Bucket=B, Key="by parts")["ETag"].endswith('-3"')
    over_tls.download_file(B, "by parts", str(tmp_path / "down"))
    assert (tmp_path / "down").read_bytes() == body


def chunk_signed(box, key, pieces, spoil=None):
    """A PUT whose every chunk is signed (STREAMING-AWS4-HMAC-SHA256-PAYLOAD), as the SDKs for Java and Go send it."""
    import http.client

    credentials = Credentials(harness.ACCESS_KEY, harness.SECRET_KEY)
    signer = S3SigV4Auth(credentials, "s3", harness.REGION)
    signer.payload = lambda _: "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
    request = AWSRequest("PUT", f"{box.url}/{B}/{key}", headers={
        "Content-Encoding": "aws-chunked", "X-Amz-Decoded-Content-Length": str(sum(map(len, pieces)))})
    signer.add_auth(request)
    headers = dict(request.headers.items())
    before = headers["Authorization"].rpartition("Signature=")[2]
    now = request.context["timestamp"]
    datetime.datetime.strptime(now, SIGV4_TIMESTAMP)
    scope = signer.credential_scope(request)
    body = b""
    for number, piece in enumerate([*pieces, b""]):
        to_sign = "\n".join(["AWS4-HMAC-SHA256-PAYLOAD", now, scope, before, hashlib.sha256(b"").hexdigest(),
                             hashlib.sha256(piece).hexdigest()])
        before = signer.signature(to_sign, request)
        if number == spoil:
            piece = piece[:-1] + b"!"
        body += f"{len(piece):x};chunk-signature={before}\r\n".encode() + piece + b"\r\n"
    connection = http.client.HTTPConnection("127.0.0.1", box.ports["sandbox"], timeout=30)
    try:
        connection.request("PUT", f"/{B}/{key}", body, {**headers, "Content-Length": str(len(body))})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_chunks_that_are_signed_one_by_one_are_checked_one_by_one(box, s3):
    pieces = [b"a" * 65536, b"b" * 65536, b"the end"]
    assert chunk_signed(box, "chunks", pieces)[0] == 200
    assert s3.get_object(Bucket=B, Key="chunks")["Body"].read() == b"".join(pieces)
    for spoiled in range(3):
        status, body = chunk_signed(box, "spoiled", pieces, spoiled)
        assert status == 403 and "SignatureDoesNotMatch" in body, (spoiled, status, body)


def test_boto3_by_itself_gets_over_a_throttle_an_error_and_a_broken_connection(box):
    s3, bedrock = box.client("s3"), box.client("bedrock")
    body = os.urandom(MIB)
    for kind in ("throttle", "internal", "unavailable", "reset_before", "reset_after"):
        box.set_faults([{"operation": "S3", "fault": kind, "count": 2}])
        try:
            s3.put_object(Bucket=B, Key=f"retried/{kind}", Body=io.BytesIO(body))
            assert s3.get_object(Bucket=B, Key=f"retried/{kind}")["Body"].read() == body
            assert sum(fault["fired"] for fault in box.faults()) == 2, kind
        finally:
            box.set_faults([])
    box.set_faults([{"operation": "Bedrock", "fault": "throttle", "count": 2}])
    try:
        bedrock.list_model_invocation_jobs()
        assert box.faults()[0]["fired"] == 2
    finally:
        box.set_faults([])
