"""Every scripted fault of the sandbox, driven once: by boto3, and by raw HTTP where boto3 would hide it."""

import http.client
import json
import socket
import time
import urllib.parse
import urllib.request

import boto3
import botocore.exceptions
import harness
import pytest
import test_sandbox_bedrock as bedrock_tests
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

B = harness.BUCKET
RECORDS = 120


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    running = harness.Sandbox(tmp_path_factory.mktemp("sandbox"), job_seconds=0.2)
    bedrock_tests.put_records(running, "in/input.jsonl", [bedrock_tests.record(i) for i in range(RECORDS)])
    yield running
    assert running.stop() == 0, running.log()[-4000:]


@pytest.fixture(autouse=True)
def no_faults_left(box):
    yield
    box.set_faults([])


def client(box, service, region=harness.REGION, attempts=1, **more):
    """Tries once, unless told otherwise."""
    return boto3.client(service, endpoint_url=box.url, region_name=region, aws_access_key_id=harness.ACCESS_KEY,
                        aws_secret_access_key=harness.SECRET_KEY,
                        config=Config(retries={"total_max_attempts": attempts, "mode": "standard"}, **more))


def create(box, name="fault", **more):
    request = bedrock_tests.job_request("in/input.jsonl", **more)
    return client(box, "bedrock").create_model_invocation_job(**{**request, "jobName": name})["jobArn"]


def ended(box, arn):
    bedrock = client(box, "bedrock")
    job = {}

    def over():
        job.update(bedrock.get_model_invocation_job(jobIdentifier=arn))
        return job["status"] in {"Completed", "PartiallyCompleted", "Failed", "Stopped", "Expired"}

    harness.await_true(over)
    return job


def run_job(box, *faults):
    """Runs one job with these faults. Returns (job, raw output or None, manifest or None)."""
    box.set_faults([{"operation": "Job", **fault} for fault in faults])
    arn = create(box)
    return ended(box, arn), stored(box, arn, "input.jsonl.out"), manifest_of(box, arn)


def stored(box, arn, name):
    try:
        return client(box, "s3").get_object(Bucket=B, Key=f"out/{arn[-12:]}/{name}")["Body"].read()
    except botocore.exceptions.ClientError as error:
        assert error.response["Error"]["Code"] == "NoSuchKey"
        return None


def manifest_of(box, arn):
    text = stored(box, arn, "manifest.json.out")
    return None if text is None else json.loads(text)


def rows_of(output):
    return [json.loads(line) for line in output.decode().split("\n") if line]


def ids_of(rows):
    return sorted(row["recordId"] for row in rows)


def record_ids(numbers):
    return [f"r{i:010}" for i in numbers]


def recorded(box, arn):
    return next(job for job in box.records()["jobs"] if job["arn"] == arn)


def signed(box, service, method, path, body=b"", headers=None):
    """Headers of a signed request."""
    auth = {"s3": S3SigV4Auth, "bedrock": SigV4Auth}[service]
    request = AWSRequest(method, box.url + path, data=body, headers=headers or {})
    auth(Credentials(harness.ACCESS_KEY, harness.SECRET_KEY), service, harness.REGION).add_auth(request)
    return dict(request.headers.items())


def ask(box, service, method, path, body=b"", headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", box.ports["sandbox"], timeout=30)
    try:
        connection.request(method, path, body or None, signed(box, service, method, path, body, headers))
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


# --- The script itself ---

def put_script(box, text):
    connection = http.client.HTTPConnection("127.0.0.1", box.ports["sandbox"], timeout=30)
    try:
        connection.request("PUT", "/_sandbox/faults", text)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


@pytest.mark.parametrize("text, named", [
    ("{", "not JSON"),
    ('{"faults": [], "sead": 1}', "sead"),
    ('{"faults": [{"operation": "PutObjekt", "fault": "throttle"}]}', "PutObjekt"),
    ('{"faults": [{"operation": "PutObject", "fault": "thwart"}]}', "thwart"),
    ('{"faults": [{"operation": "PutObject", "fault": "throttle", "times": 3}]}', "times"),
    ('{"faults": [{"operation": "PutObject", "fault": "throttle"}, {"operation": "Job", "fault": "throttle"}]}',
     "faults[1]"),
    ('{"faults": [{"operation": "PutObject", "fault": "throttle", "probability": 2}]}', "probability"),
    ('{"faults": [{"operation": "GetObject", "fault": "slow_body"}]}', "bytes_per_second"),
])
def test_a_wrong_script_is_refused_with_what_is_wrong_and_changes_nothing(box, text, named):
    before = box.set_faults([{"operation": "PutObject", "fault": "throttle", "match": "never"}])
    status, answer = put_script(box, text)
    assert status == 400
    assert named in answer["error"]
    assert box.faults() == before


def test_a_wrong_script_file_ends_the_sandbox_with_exit_code_2(tmp_path):
    script = tmp_path / "faults.json"
    script.write_text('{"faults": [{"operation": "Job", "fault": "explode"}]}')
    with pytest.raises(RuntimeError, match="ended with 2"):
        harness.Sandbox(tmp_path / "box", extra_args=["--faults", str(script)])
    log = (tmp_path / "box" / "stderr.log").read_text()
    assert "faults.json" in log and "explode" in log


def test_a_script_file_is_in_force_from_the_start(tmp_path):
    script = tmp_path / "faults.json"
    script.write_text('{"seed": 3, "faults": [{"operation": "ListBuckets", "fault": "internal", "count": 1}]}')
    box = harness.Sandbox(tmp_path / "box", extra_args=["--faults", str(script)])
    with pytest.raises(botocore.exceptions.ClientError, match="InternalError"):
        client(box, "s3").list_buckets()
    client(box, "s3").list_buckets()
    assert box.faults() == [
        {"operation": "ListBuckets", "fault": "internal", "count": 1, "matched": 2, "fired": 1}]
    assert box.stop() == 0


def test_delete_ends_all_faults(box):
    box.set_faults([{"operation": "*", "fault": "internal"}])
    request = urllib.request.Request(f"{box.url}/_sandbox/faults", method="DELETE")
    assert json.load(urllib.request.urlopen(request)) == {"seed": 0, "faults": []}
    client(box, "s3").list_buckets()


def outcomes(call, times):
    """"1" for each time the call failed."""
    text = ""
    for _ in range(times):
        try:
            call()
            text += "0"
        except botocore.exceptions.ClientError:
            text += "1"
    return text


@pytest.mark.parametrize("limits, expected", [
    ({}, "1111"), ({"count": 2}, "1100"), ({"after": 1}, "0111"), ({"count": 1, "after": 2}, "0010"),
    ({"match": "another-bucket"}, "0000"), ({"match": "test/in/"}, "1111"),
    ({"region": harness.REGION}, "1111"), ({"region": "eu-west-1"}, "0000"),
])
def test_how_often_and_to_what_a_fault_happens(box, limits, expected):
    box.set_faults([{"operation": "HeadObject", "fault": "throttle", **limits}])
    s3 = client(box, "s3")
    assert outcomes(lambda: s3.head_object(Bucket=B, Key="in/input.jsonl"), 4) == expected


def test_a_probability_is_the_same_for_the_same_seed(box):
    s3 = client(box, "s3")

    def run(seed):
        box.set_faults([{"operation": "S3", "fault": "internal", "probability": 0.5}], seed=seed)
        return outcomes(lambda: s3.head_bucket(Bucket=B), 40)

    first = run(7)
    assert 8 <= first.count("1") <= 32
    assert run(7) == first
    assert run(8) != first


def test_bedrock_requests_are_matched_by_their_body_job_and_model(box):
    arn = create(box, "needle-job")
    ended(box, arn)
    bedrock = client(box, "bedrock")
    box.set_faults([{"operation": "Bedrock", "fault": "internal", "match": "needle"}])
    assert outcomes(lambda: create(box, "hay"), 1) == "0"
    assert outcomes(lambda: create(box, "needle-2"), 1) == "1"
    assert outcomes(lambda: bedrock.get_model_invocation_job(jobIdentifier=arn), 1) == "1"
    box.set_faults([{"operation": "Runtime", "fault": "internal", "match": "haiku"}])
    runtime = client(box, "bedrock-runtime")
    body = json.dumps(bedrock_tests.body_of())
    assert outcomes(lambda: runtime.invoke_model(modelId="anthropic.claude-3-haiku-20240307-v1:0", body=body), 1) == "1"
    assert outcomes(lambda: runtime.invoke_model(modelId=harness.BEDROCK_MODEL, body=body), 1) == "0"


# --- Faults of requests ---

def s3_call(box):
    client(box, "s3").get_object(Bucket=B, Key="in/input.jsonl")["Body"].read()


def bedrock_call(box):
    client(box, "bedrock").list_model_invocation_jobs(maxResults=1)


def runtime_call(box):
    client(box, "bedrock-runtime").invoke_model(
        modelId=harness.BEDROCK_MODEL, body=json.dumps(bedrock_tests.body_of("Hello")))


CALLS = {"S3": s3_call, "Bedrock": bedrock_call, "Runtime": runtime_call}


@pytest.mark.parametrize("operation, fault, status, code", [
    ("S3", {"fault": "throttle"}, 503, "SlowDown"),
    ("Bedrock", {"fault": "throttle"}, 429, "ThrottlingException"),
    ("Runtime", {"fault": "throttle"}, 429, "ThrottlingException"),
    ("S3", {"fault": "internal"}, 500, "InternalError"),
    ("Bedrock", {"fault": "internal"}, 500, "InternalServerException"),
    ("S3", {"fault": "unavailable"}, 503, "ServiceUnavailable"),
    ("Runtime", {"fault": "unavailable"}, 503, "ServiceUnavailableException"),
    ("S3", {"fault": "error", "status": 400, "code": "InvalidTag", "message": "no such tag"}, 400, "InvalidTag"),
    ("Bedrock", {"fault": "error", "status": 400, "code": "ValidationException", "message": "no entitlement"},
     400, "ValidationException"),
    ("Bedrock", {"fault": "quota"}, 400, "ServiceQuotaExceededException"),
    ("S3", {"fault": "access_denied"}, 403, "AccessDenied"),
    ("Bedrock", {"fault": "access_denied", "message": "not authorized to perform: iam:PassRole"},
     403, "AccessDeniedException"),
    ("S3", {"fault": "expired_token"}, 400, "ExpiredToken"),
    ("Bedrock", {"fault": "expired_token"}, 403, "ExpiredTokenException"),
    ("S3", {"fault": "conflict"}, 409, "ConditionalRequestConflict"),
    ("S3", {"fault": "precondition"}, 412, "PreconditionFailed"),
    ("Bedrock", {"fault": "throttle", "error_form": "plain"}, 429, "ThrottlingException"),
    ("Bedrock", {"fault": "throttle", "error_form": "type_suffix"}, 429, "ThrottlingException"),
    ("Bedrock", {"fault": "throttle", "error_form": "body_type"}, 429, "com.amazon.bedrock#ThrottlingException"),
    ("Bedrock", {"fault": "throttle", "error_form": "Message"}, 429, "ThrottlingException"),
])
def test_a_refusal_is_what_the_service_would_say(box, operation, fault, status, code):
    box.set_faults([{"operation": operation, "count": 1, **fault}])
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        CALLS[operation](box)
    error = caught.value.response
    assert error["ResponseMetadata"]["HTTPStatusCode"] == status
    assert error["Error"]["Code"].removeprefix("com.amazon.bedrock#") == code.removeprefix("com.amazon.bedrock#")
    assert error["Error"]["Message"]
    if "message" in fault:
        assert error["Error"]["Message"] == fault["message"]
    CALLS[operation](box)
    assert box.faults()[0]["fired"] == 1


@pytest.mark.parametrize("form, header, members", [
    ("type_suffix", "ThrottlingException:http://", {"message"}), ("plain", "ThrottlingException", {"message"}),
    ("body_type", None, {"__type", "message"}), ("Message", "ThrottlingException:http://", {"Message"}),
])
def test_the_forms_of_an_error(box, form, header, members):
    box.set_faults([{"operation": "Bedrock", "fault": "throttle", "error_form": form}])
    status, headers, body = ask(box, "bedrock", "GET", "/model-invocation-jobs")
    assert status == 429
    assert set(json.loads(body)) == members
    given = headers.get("x-amzn-ErrorType")
    assert given is None if header is None else given.startswith(header)
    assert form != "plain" or given == "ThrottlingException"


def test_a_redirect_names_the_buckets_region(box):
    box.set_faults([{"operation": "GetObject", "fault": "redirect", "bucket_region": "eu-west-3"}])
    status, headers, body = ask(box, "s3", "GET", f"/{B}/in/input.jsonl")
    assert status == 301
    assert headers["x-amz-bucket-region"] == "eu-west-3"
    assert b"<Code>PermanentRedirect</Code>" in body


def cut(call):
    with pytest.raises((botocore.exceptions.HTTPClientError, botocore.exceptions.ConnectionError)):
        call()


def test_a_connection_cut_before_the_effect_leaves_none(box):
    box.set_faults([{"operation": "PutObject", "fault": "reset_before"}])
    s3 = client(box, "s3")
    cut(lambda: s3.put_object(Bucket=B, Key="cut/before", Body=b"x"))
    assert s3.list_objects_v2(Bucket=B, Prefix="cut/before")["KeyCount"] == 0


def test_a_connection_cut_after_the_effect_leaves_the_effect(box):
    box.set_faults([{"operation": "PutObject", "fault": "reset_after"},
                    {"operation": "CreateModelInvocationJob", "fault": "reset_after", "count": 1}])
    s3 = client(box, "s3")
    cut(lambda: s3.put_object(Bucket=B, Key="cut/after", Body=b"x"))
    assert s3.list_objects_v2(Bucket=B, Prefix="cut/after")["KeyCount"] == 1
    token = "cut-after-the-effect"
    cut(lambda: create(box, "cut-after", clientRequestToken=token))
    arn = create(box, "cut-after", clientRequestToken=token)
    named = [job for job in box.jobs() if job["jobName"] == "cut-after"]
    assert [job["jobArn"] for job in named] == [arn]


def test_slow_headers_come_late(box):
    box.set_faults([{"operation": "HeadObject", "fault": "slow_headers", "seconds": 0.4}])
    began = time.monotonic()
    client(box, "s3").head_object(Bucket=B, Key="in/input.jsonl")
    assert time.monotonic() - began >= 0.4


def test_a_slow_body_comes_at_its_pace(box):
    client(box, "s3").put_object(Bucket=B, Key="slow", Body=b"x" * 4000)
    box.set_faults([{"operation": "GetObject", "fault": "slow_body", "bytes_per_second": 8000}])
    began = time.monotonic()
    assert client(box, "s3").get_object(Bucket=B, Key="slow")["Body"].read() == b"x" * 4000
    assert 0.4 <= time.monotonic() - began < 10


def raw(box, path):
    """The head and what comes of the body of a GET until the connection ends, and whether it was reset."""
    request = f"GET {path} HTTP/1.1\r\n"
    request += "".join(f"{name}: {value}\r\n" for name, value in signed(
        box, "s3", "GET", path, headers={"Host": urllib.parse.urlsplit(box.url).netloc}).items())
    received, reset = b"", False
    with socket.create_connection(("127.0.0.1", box.ports["sandbox"]), timeout=30) as peer:
        peer.sendall(request.encode() + b"\r\n")
        try:
            while piece := peer.recv(65536):
                received += piece
        except ConnectionResetError:
            reset = True
    head, _, body = received.partition(b"\r\n\r\n")
    return head.decode(), body, reset


def test_a_truncated_body_ends_half_way_below_its_length(box):
    client(box, "s3").put_object(Bucket=B, Key="cut/body", Body=b"x" * 5000)
    box.set_faults([{"operation": "GetObject", "fault": "truncated_body"}])
    head, body, reset = raw(box, f"/{B}/cut/body")
    assert "Content-Length: 5000" in head
    assert len(body) == 2500 and not reset


def test_a_truncated_body_may_end_in_a_reset(box):
    client(box, "s3").put_object(Bucket=B, Key="cut/body", Body=b"x" * 5000)
    box.set_faults([{"operation": "GetObject", "fault": "truncated_body", "reset": True}])
    _, body, reset = raw(box, f"/{B}/cut/body")
    assert len(body) < 5000 and reset


@pytest.mark.parametrize("operation, path, code", [
    ("S3", f"/{B}/in/input.jsonl", b"RequestTimeTooSkewed"), ("Bedrock", "/model-invocation-jobs", b"Signature")])
def test_a_clock_that_is_off_refuses_who_does_not_follow_its_date(box, operation, path, code):
    box.set_faults([{"operation": operation, "fault": "clock_skew", "seconds": 7200}])
    service = "s3" if operation == "S3" else "bedrock"
    status, headers, body = ask(box, service, "GET", path)
    assert status == 403 and code in body, body
    told = time.mktime(time.strptime(headers["Date"], "%a, %d %b %Y %H:%M:%S GMT"))
    assert abs(told - time.mktime(time.gmtime()) - 7200) < 60


def test_complete_may_answer_200_and_be_an_error(box):
    s3 = client(box, "s3")
    upload = s3.create_multipart_upload(Bucket=B, Key="multi")["UploadId"]
    part = s3.upload_part(Bucket=B, Key="multi", UploadId=upload, PartNumber=1, Body=b"x")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    box.set_faults([{"operation": "CompleteMultipartUpload", "fault": "complete_error", "count": 1}])
    path = f"/{B}/multi?uploadId={urllib.parse.quote(upload)}"
    body = (f"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{part['ETag']}</ETag></Part>"
            "</CompleteMultipartUpload>").encode()
    status, _, answer = ask(box, "s3", "POST", path, body)
    assert status == 200 and b"<Error><Code>InternalError</Code>" in answer
    assert s3.list_objects_v2(Bucket=B, Prefix="multi")["KeyCount"] == 0
    s3.complete_multipart_upload(Bucket=B, Key="multi", UploadId=upload, MultipartUpload=parts)


# --- Faults of jobs ---

def test_a_job_fails_in_validation_with_its_message(box):
    job, output, manifest = run_job(box, {"fault": "fail", "message": "no role"})
    assert (job["status"], job["message"]) == ("Failed", "no role")
    assert output is None and manifest is None
    assert job["totalRecordCount"] == 0


@pytest.mark.parametrize("write_partial", [False, True])
def test_a_job_fails_while_it_runs_and_is_not_billed(box, write_partial):
    job, output, manifest = run_job(
        box, {"fault": "fail", "at": "running", "fraction": 0.25, "write_partial": write_partial})
    assert job["status"] == "Failed"
    assert job["processedRecordCount"] == RECORDS / 4
    assert manifest is None
    assert len(rows_of(output)) == RECORDS / 4 if write_partial else output is None
    seen = recorded(box, job["jobArn"])
    assert (seen["input_tokens"], seen["output_tokens"]) == (0, 0)


def test_every_record_of_a_completed_job_may_be_an_error(box):
    job, output, manifest = run_job(box, {"fault": "all_records_error", "code": 400, "message": "bad shape"})
    assert job["status"] == "Completed"
    assert (job["successRecordCount"], job["errorRecordCount"]) == (0, RECORDS)
    assert {json.dumps(row["error"]) for row in rows_of(output)} == {json.dumps(
        {"errorCode": 400, "errorMessage": "bad shape", "expired": False, "retryable": False})}
    assert (manifest["errorRecordCount"], manifest["inputTokenCount"]) == (RECORDS, 0)


def test_some_records_fail_the_same_ones_each_time(box):
    fault = {"fault": "record_errors", "rows": 3, "code": 503, "message": "try again", "retryable": True}
    _, first, _ = run_job(box, fault)
    _, second, _ = run_job(box, fault)
    for output in (first, second):
        failed = [row for row in rows_of(output) if "error" in row]
        assert ids_of(failed) == record_ids(range(3))
        assert failed[0]["error"] == {"errorCode": 503, "errorMessage": "try again", "expired": False, "retryable": True}


def test_a_share_of_the_records_fails(box):
    job, output, _ = run_job(box, {"fault": "record_errors", "fraction": 0.1, "code": 429})
    assert job["errorRecordCount"] == RECORDS / 10 == sum("error" in row for row in rows_of(output))


@pytest.mark.parametrize("expired_rows", [False, True])
def test_a_job_completes_in_part(box, expired_rows):
    job, output, manifest = run_job(box, {"fault": "partial", "fraction": 0.5, "expired_rows": expired_rows})
    assert job["status"] == "PartiallyCompleted"
    assert (job["totalRecordCount"], job["processedRecordCount"]) == (RECORDS, RECORDS / 2)
    assert manifest["processedRecordCount"] == RECORDS / 2
    rows = rows_of(output)
    expired = [row for row in rows if row.get("error", {}).get("expired")]
    assert len(rows) == (RECORDS if expired_rows else RECORDS / 2)
    assert len(expired) == (RECORDS / 2 if expired_rows else 0)
    if expired_rows:
        assert ids_of(rows) == record_ids(range(RECORDS))
    assert recorded(box, job["jobArn"])["output_tokens"] == manifest["outputTokenCount"] > 0


def test_a_job_expires_before_it_begins(box):
    job, output, manifest = run_job(box, {"fault": "expire"})
    assert job["status"] == "Expired"
    assert output is None and manifest is None
    assert recorded(box, job["jobArn"])["input_tokens"] == 0


def test_somebody_else_stops_a_job(box):
    job, output, manifest = run_job(box, {"fault": "stop", "fraction": 0.5})
    assert job["status"] == "Stopped"
    assert len(rows_of(output)) == manifest["processedRecordCount"] == RECORDS / 2
    assert recorded(box, job["jobArn"])["output_tokens"] == manifest["outputTokenCount"] > 0


def test_a_job_without_a_manifest(box):
    job, output, manifest = run_job(box, {"fault": "no_manifest"})
    assert job["status"] == "Completed"
    assert len(rows_of(output)) == RECORDS and manifest is None


def test_a_manifest_that_disagrees_with_the_rows(box):
    job, output, manifest = run_job(box, {"fault": "manifest_disagrees", "tokens": 1000, "records": -5})
    assert len(rows_of(output)) == job["totalRecordCount"] == RECORDS
    assert manifest["totalRecordCount"] == manifest["successRecordCount"] == RECORDS - 5
    assert manifest["outputTokenCount"] == recorded(box, job["jobArn"])["output_tokens"] + 1000


def test_rows_are_missing_doubled_unknown_and_unreadable(box):
    _, output, manifest = run_job(
        box, {"fault": "missing_rows", "rows": 2}, {"fault": "duplicate_rows", "rows": 3},
        {"fault": "unreadable_rows", "rows": 4}, {"fault": "unknown_rows", "rows": 5})
    lines = output.decode().split("\n")[:-1]
    ids, unreadable = [], 0
    for line in lines:
        try:
            ids.append(json.loads(line)["recordId"])
        except json.JSONDecodeError:
            unreadable += 1
    assert unreadable == 4
    unknown = [i for i in ids if i.startswith("unknown")]
    assert len(set(unknown)) == 5
    assert sorted(set(ids) - set(unknown)) == record_ids(range(2, 5)) + record_ids(range(9, RECORDS))
    assert sorted(i for i in set(ids) if ids.count(i) == 2) == record_ids(range(2, 5))
    assert manifest["successRecordCount"] == RECORDS


def test_output_without_its_last_newline(box):
    _, output, _ = run_job(box, {"fault": "no_final_newline"})
    assert output.endswith(b"}") and len(rows_of(output)) == RECORDS


def test_a_huge_row(box):
    _, output, _ = run_job(box, {"fault": "huge_row", "bytes": 3_000_000})
    sizes = sorted(len(line) for line in output.split(b"\n"))
    assert sizes[-1] > 3_000_000 > 100_000 > sizes[-2]
    assert len(rows_of(output)) == RECORDS


def test_empty_missing_and_truncated_output(box):
    job, output, manifest = run_job(box, {"fault": "empty_output"})
    assert (job["status"], output, manifest["successRecordCount"]) == ("Completed", b"", RECORDS)
    job, output, manifest = run_job(box, {"fault": "no_output"})
    assert (job["status"], output, manifest["successRecordCount"]) == ("Completed", None, RECORDS)
    assert recorded(box, job["jobArn"])["output_tokens"] == 0
    job, output, _ = run_job(box, {"fault": "truncated_output"})
    lines = output.decode().split("\n")
    assert job["status"] == "Completed" and 1 < len(lines) < RECORDS
    with pytest.raises(json.JSONDecodeError):
        json.loads(lines[-1])


def test_a_job_without_counters(box):
    job, _, manifest = run_job(box, {"fault": "no_counters"})
    assert not [name for name in job if name.endswith("RecordCount")]
    listed = next(summary for summary in box.jobs() if summary["jobArn"] == job["jobArn"])
    assert not [name for name in listed if name.endswith("RecordCount")]
    assert manifest["totalRecordCount"] == RECORDS


def test_a_job_vanishes_and_is_still_recorded(box):
    box.set_faults([{"operation": "Job", "fault": "vanish", "from": "Scheduled"}])
    arn = create(box, "vanishing")
    bedrock = client(box, "bedrock")

    def gone():
        try:
            bedrock.get_model_invocation_job(jobIdentifier=arn)
            return False
        except bedrock.exceptions.ResourceNotFoundException:
            return True

    harness.await_true(gone)
    assert arn not in [job["jobArn"] for job in box.jobs()]
    with pytest.raises(bedrock.exceptions.ResourceNotFoundException):
        bedrock.stop_model_invocation_job(jobIdentifier=arn)
    harness.await_true(lambda: recorded(box, arn)["status"] == "Completed")
    assert len(rows_of(stored(box, arn, "input.jsonl.out"))) == RECORDS


def test_output_comes_after_the_status(box):
    job, output, _ = run_job(box, {"fault": "late_output", "seconds": 1})
    assert job["status"] == "Completed" and output is None
    harness.await_true(lambda: stored(box, job["jobArn"], "manifest.json.out") is not None)
    assert len(rows_of(stored(box, job["jobArn"], "input.jsonl.out"))) == RECORDS


def test_output_shows_in_part_while_the_job_runs(tmp_path):
    box = harness.Sandbox(tmp_path, job_seconds=4)
    bedrock_tests.put_records(box, "in/input.jsonl", [bedrock_tests.record(i) for i in range(RECORDS)])
    box.set_faults([{"operation": "Job", "fault": "early_output"}])
    arn = create(box)
    harness.await_true(lambda: stored(box, arn, "input.jsonl.out") is not None)
    early = stored(box, arn, "input.jsonl.out")
    job = client(box, "bedrock").get_model_invocation_job(jobIdentifier=arn)
    assert job["status"] == "InProgress" and manifest_of(box, arn) is None
    assert RECORDS / 2 <= len(rows_of(early)) < RECORDS
    assert ended(box, arn)["status"] == "Completed"
    assert len(rows_of(stored(box, arn, "input.jsonl.out"))) == RECORDS
    assert box.stop() == 0


def test_a_fault_of_a_job_outlives_a_restart(tmp_path):
    box = harness.Sandbox(tmp_path, job_seconds=600)
    bedrock_tests.put_records(box, "in/input.jsonl", [bedrock_tests.record(i) for i in range(RECORDS)])
    box.set_faults([{"operation": "Job", "fault": "all_records_error"}])
    arn = create(box)
    box.kill()
    box = harness.Sandbox(tmp_path, job_seconds=0.2)
    assert ended(box, arn)["errorRecordCount"] == RECORDS
    assert box.stop() == 0


# --- The clock, the quota, the records ---

def test_a_fast_clock_runs_jobs_and_times_in_its_own_seconds(tmp_path):
    origin = int(time.time())
    box = harness.Sandbox(tmp_path, job_seconds=3600,
                          extra_args=["--clock-speed", "36000", "--clock-origin", str(origin)])
    bedrock_tests.put_records(box, "in/input.jsonl", [bedrock_tests.record(i) for i in range(RECORDS)])
    job = ended(box, create(box))
    took = (job["endTime"] - job["submitTime"]).total_seconds()
    assert job["status"] == "Completed"
    assert 3600 <= took
    assert job["submitTime"].timestamp() > origin
    assert (job["jobExpirationTime"] - job["submitTime"]).total_seconds() == 24 * 3600
    assert box.stop() == 0


def test_a_job_that_does_not_begin_in_time_expires_and_one_that_has_is_completed_in_part(tmp_path):
    box = harness.Sandbox(tmp_path, job_seconds=7 * 24 * 3600, extra_args=["--clock-speed", "43200"])
    bedrock_tests.put_records(box, "in/input.jsonl", [bedrock_tests.record(i) for i in range(RECORDS)])
    box.set_faults([{"operation": "Job", "fault": "stuck", "match": "stuck"}])
    stuck, late, begun = create(box, "stuck"), create(box, "late"), create(box, "begun", timeoutDurationInHours=72)
    for arn in (stuck, late):
        job = ended(box, arn)
        assert job["status"] == "Expired"
        assert (job["endTime"] - job["submitTime"]).total_seconds() >= 24 * 3600
        assert stored(box, arn, "input.jsonl.out") is None
    job = ended(box, begun)
    assert job["status"] == "PartiallyCompleted"
    assert 0 < job["processedRecordCount"] < RECORDS
    rows = rows_of(stored(box, begun, "input.jsonl.out"))
    assert ids_of(rows) == record_ids(range(RECORDS))
    assert sum(row.get("error", {}).get("expired", False) for row in rows) == RECORDS - job["processedRecordCount"]
    assert box.stop() == 0


def test_a_quota_of_jobs_counts_by_model_and_region_and_lets_a_known_token_pass(tmp_path):
    box = harness.Sandbox(tmp_path, job_seconds=600, extra_args=["--max-jobs-per-model", "2"])
    bedrock_tests.put_records(box, "in/input.jsonl", [bedrock_tests.record(i) for i in range(RECORDS)])
    first = create(box, "one", clientRequestToken="one")
    create(box, "two")
    bedrock_tests.refused("ServiceQuotaExceededException", 400, lambda: create(box, "three"))
    assert create(box, "one", clientRequestToken="one") == first
    create(box, "four", modelId="us.amazon.nova-lite-v1:0")
    request = bedrock_tests.job_request("in/input.jsonl")
    client(box, "bedrock", region="eu-west-1").create_model_invocation_job(**request)
    client(box, "bedrock").stop_model_invocation_job(jobIdentifier=first)
    assert box.stop() == 0
    box = harness.Sandbox(tmp_path, job_seconds=0.2, extra_args=["--max-jobs-per-model", "2"])
    assert ended(box, first)["status"] == "Stopped"
    create(box, "five")
    assert box.stop() == 0


def test_fewer_records_will_do_where_told_so(tmp_path):
    box = harness.Sandbox(tmp_path, job_seconds=0.1, extra_args=["--min-records", "1"])
    bedrock_tests.put_records(box, "in/input.jsonl", [bedrock_tests.record(0)])
    assert ended(box, create(box))["status"] == "Completed"
    assert box.stop() == 0


def test_a_job_takes_its_records_pace(tmp_path):
    box = harness.Sandbox(tmp_path, job_seconds=0.1, extra_args=["--records-per-second", "100"])
    bedrock_tests.put_records(box, "in/input.jsonl", [bedrock_tests.record(i) for i in range(RECORDS)])
    job = ended(box, create(box))
    assert (job["endTime"] - job["submitTime"]).total_seconds() >= 1.2
    assert box.stop() == 0


def test_records_count_calls_and_tell_a_repeated_invocation(tmp_path):
    box = harness.Sandbox(tmp_path)
    runtime = client(box, "bedrock-runtime")

    def invoke(text):
        body = json.dumps(bedrock_tests.body_of(text))
        answer = runtime.invoke_model(modelId=harness.BEDROCK_MODEL, body=body)
        counts = answer["ResponseMetadata"]["HTTPHeaders"]
        return tuple(int(counts[f"x-amzn-bedrock-{side}-token-count"]) for side in ("input", "output"))

    first, second = invoke("one"), invoke("two")
    box.set_faults([{"operation": "InvokeModel", "fault": "throttle", "match": "three"},
                    {"operation": "InvokeModel", "fault": "reset_after", "match": "one"}])
    with pytest.raises(botocore.exceptions.ClientError):
        invoke("three")
    cut(lambda: invoke("one"))
    seen = box.records()
    assert seen["calls"] == {harness.REGION: {"InvokeModel": 4}}
    assert seen["jobs"] == []
    assert seen["invocations"] == {
        "calls": 3, "distinct": 2, "input_tokens": first[0] + second[0], "output_tokens": first[1] + second[1],
        "repeated": {"calls": 1, "input_tokens": first[0], "output_tokens": first[1]}}
    box.forget_calls()
    assert box.records()["calls"] == {} and box.records()["invocations"]["calls"] == 0
    assert box.stop() == 0


def test_records_of_a_job_are_what_its_manifest_says(box):
    job, _, manifest = run_job(box)
    seen = recorded(box, job["jobArn"])
    assert seen == {"arn": job["jobArn"], "name": "fault", "region": harness.REGION, "model": harness.BEDROCK_MODEL,
                    "status": "Completed", "records": RECORDS, "success": RECORDS, "error": 0,
                    "input_tokens": manifest["inputTokenCount"], "output_tokens": manifest["outputTokenCount"],
                    "input_uri": f"s3://{B}/in/input.jsonl"}
