"""Quarry's AWS clients against AWS's own service models, which botocore carries: every request that they can make
is of its operation's shape, and every answer and error of that shape is understood as botocore understands it."""

import datetime
import hashlib
import itertools
import json

import harness
import pytest
import service_model
from aws_probe import Probe, clean_environment
from botocore.parsers import create_parser
from service_model import MODELS, Call, Request

ACCESS_KEY = "AKIDEXAMPLE"
SECRET_KEY = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
TOKEN = "FwoGZXIvYXdzEXAMPLETOKEN//+=="
KEYS = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}
PARTITIONS = ["aws", "aws-us-gov", "aws-cn", "aws-eusc", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f"]


class Capture:
    """Answers every request with `reply`, or with the first of `before`, and keeps it."""

    def __init__(self):
        self.reply, self.before = (200, {}, b"{}"), []
        self.server = harness.FakeServer(lambda *_: self.before.pop(0) if self.before else self.reply)
        self.url = self.server.url

    def take(self):
        taken = [Request(method, path, headers.items(), body) for method, path, headers, body in self.server.requests]
        self.server.requests.clear()
        return taken


@pytest.fixture(scope="module")
def capture():
    running = Capture()
    yield running
    running.server.close()


@pytest.fixture(scope="module")
def probe(capture):
    with Probe("bedrock", "--endpoint", capture.url, environment=clean_environment(**KEYS)) as running:
        yield running


@pytest.fixture(autouse=True)
def forget(capture):
    capture.take()


def answers(capture, body, status=200, **headers):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    capture.reply = (status, {"Content-Type": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}}, content)


# --- What is sent -------------------------------------------------------------------------------------------


def job_arn(partition="aws"):
    return f"arn:{partition}:bedrock:us-gov-west-1:123456789012:model-invocation-job/abcdefghij12"


MINIMAL_JOB = {
    "job_name": "q", "client_request_token": "q1", "role_arn": "arn:aws:iam::123456789012:role/r", "model_id": "anthropic.claude-v2",
    "input_s3_uri": "s3://bucket/in.jsonl", "output_s3_uri": "s3://bucket/out/",
}
MINIMAL_PARAMS = {
    "jobName": "q", "clientRequestToken": "q1", "roleArn": "arn:aws:iam::123456789012:role/r", "modelId": "anthropic.claude-v2",
    "modelInvocationType": "InvokeModel",
    "inputDataConfig": {"s3InputDataConfig": {"s3Uri": "s3://bucket/in.jsonl", "s3InputFormat": "JSONL"}},
    "outputDataConfig": {"s3OutputDataConfig": {"s3Uri": "s3://bucket/out/"}},
    "timeoutDurationInHours": 24,
}
LONG_NAME = "quarry-" + "a1" * 25 + "-b.c+d"
MAXIMAL_JOB = {
    "job_name": LONG_NAME, "client_request_token": "a" * 256, "role_arn": "arn:aws-us-gov:iam::123456789012:role/path/to/r+=,.@-_",
    "model_id": "arn:aws-us-gov:bedrock:us-gov-west-1:123456789012:application-inference-profile/abc123",
    "invocation_type": "Converse",
    "input_s3_uri": "s3://a.bucket-1/quarry/jobs/batch_(1)/'2'!_*/input.jsonl", "output_s3_uri": "s3://a.bucket-1/quarry/results/",
    "output_kms_key_id": "arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/12345678-1234-1234-1234-123456789012",
    "bucket_owner": "123456789012", "timeout_hours": 168,
    "tags": [[f"key {i}._:/=+@-", "" if i == 0 else f"value {i}._:/=+@-"] for i in range(200)],
    "subnet_ids": [f"subnet-{i:017x}" for i in range(16)], "security_group_ids": [f"sg-{i:017x}" for i in range(5)],
}
MAXIMAL_PARAMS = {
    "jobName": LONG_NAME, "clientRequestToken": "a" * 256, "roleArn": MAXIMAL_JOB["role_arn"], "modelId": MAXIMAL_JOB["model_id"],
    "modelInvocationType": "Converse",
    "inputDataConfig": {"s3InputDataConfig": {
        "s3Uri": MAXIMAL_JOB["input_s3_uri"], "s3InputFormat": "JSONL", "s3BucketOwner": "123456789012"}},
    "outputDataConfig": {"s3OutputDataConfig": {
        "s3Uri": MAXIMAL_JOB["output_s3_uri"], "s3EncryptionKeyId": MAXIMAL_JOB["output_kms_key_id"], "s3BucketOwner": "123456789012"}},
    "timeoutDurationInHours": 168,
    "vpcConfig": {"subnetIds": MAXIMAL_JOB["subnet_ids"], "securityGroupIds": MAXIMAL_JOB["security_group_ids"]},
    "tags": [{"key": key, "value": value} for key, value in MAXIMAL_JOB["tags"]],
}
NEWEST_FIRST = {"sortBy": "CreationTime", "sortOrder": "Descending"}
PAGE_TOKEN = "a+/=&?%#é\"'~" + "x" * 2000
RUNTIME_MODELS = [
    "anthropic.claude-3-5-sonnet-20240620-v1:0", "us.anthropic.claude-3-5-sonnet-20240620-v1:0", "global.minimax.minimax-m2.1",
    "arn:aws:bedrock:us-east-1::foundation-model/amazon.titan-embed-text-v2:0",
    "arn:aws-us-gov:bedrock:us-gov-west-1:123456789012:inference-profile/us-gov.anthropic.claude-3-5-sonnet-20240620-v1:0",
    "arn:aws-eusc:bedrock:eusc-de-east-1:123456789012:application-inference-profile/a1b2",
    "arn:aws:bedrock:us-east-1:123456789012:provisioned-model/abcdefghij12",
    "arn:aws:bedrock:us-east-1:123456789012:imported-model/abcdefghij12",
    "arn:aws:bedrock:us-east-1:123456789012:custom-model-deployment/abcdefghij12",
]
JSON_BODY = {"contentType": "application/json", "accept": "application/json"}


def message(text):
    return {"messages": [{"role": "user", "content": [{"text": text}]}]}


def bedrock_calls():
    yield "create-minimal", {"call": "create_job", **MINIMAL_JOB}, "bedrock", "CreateModelInvocationJob", MINIMAL_PARAMS
    yield "create-maximal", {"call": "create_job", **MAXIMAL_JOB}, "bedrock", "CreateModelInvocationJob", MAXIMAL_PARAMS
    for partition in PARTITIONS:
        role = f"arn:{partition}:iam::123456789012:role/r"
        model = f"arn:{partition}:bedrock:us-iso-east-1::foundation-model/anthropic.claude-3-haiku-20240307-v1:0"
        yield (f"create-{partition}", {"call": "create_job", **MINIMAL_JOB, "role_arn": role, "model_id": model},
               "bedrock", "CreateModelInvocationJob", {**MINIMAL_PARAMS, "roleArn": role, "modelId": model})
        for call, operation in (("get_job", "GetModelInvocationJob"), ("stop_job", "StopModelInvocationJob")):
            yield (f"{call}-{partition}", {"call": call, "job_arn": job_arn(partition)},
                   "bedrock", operation, {"jobIdentifier": job_arn(partition)})
    yield "list-minimal", {"call": "list_jobs"}, "bedrock", "ListModelInvocationJobs", {"maxResults": 100, **NEWEST_FIRST}
    yield ("list-maximal",
           {"call": "list_jobs", "name_contains": LONG_NAME, "status": "PartiallyCompleted", "max_results": 1000,
            "submitted_after": "2026-01-02T03:04:05.678+00:00", "next_token": PAGE_TOKEN},
           "bedrock", "ListModelInvocationJobs",
           {"nameContains": LONG_NAME, "statusEquals": "PartiallyCompleted", "maxResults": 1000,
            "submitTimeAfter": "2026-01-02T03:04:05.678Z", "nextToken": PAGE_TOKEN, **NEWEST_FIRST})
    for asked, sent in ((-1, 1), (0, 1), (1, 1), (1001, 1000)):
        yield (f"list-{asked}", {"call": "list_jobs", "max_results": asked}, "bedrock", "ListModelInvocationJobs",
               {"maxResults": sent, **NEWEST_FIRST})
    for status in MODELS["bedrock"].shapes["ModelInvocationJobStatus"]["enum"]:
        yield (f"list-{status}", {"call": "list_jobs", "status": status}, "bedrock", "ListModelInvocationJobs",
               {"statusEquals": status, "maxResults": 100, **NEWEST_FIRST})


def runtime_calls():
    for model in RUNTIME_MODELS:
        yield (f"invoke-{model}", {"call": "invoke_model", "model_id": model, "body": '{"inputText":"hi"}'},
               "bedrock-runtime", "InvokeModel", {"modelId": model, "body": b'{"inputText":"hi"}', **JSON_BODY})
        yield (f"converse-{model}", {"call": "converse", "model_id": model, "body": json.dumps(message("hi"))},
               "bedrock-runtime", "Converse", {"modelId": model, **message("hi")})
    # More than is hashed on the event loop.
    large = message("é" * 100_000)
    yield ("invoke-large", {"call": "invoke_model", "model_id": "m", "body": json.dumps(large)},
           "bedrock-runtime", "InvokeModel", {"modelId": "m", "body": json.dumps(large).encode(), **JSON_BODY})
    yield ("converse-large", {"call": "converse", "model_id": "m", "body": json.dumps(large)},
           "bedrock-runtime", "Converse", {"modelId": "m", **large})


def other_calls():
    role = {"role_arn": "arn:aws-cn:iam::123456789012:role/p/r", "session_name": "quarry+=,.@-_"}
    params = {"RoleArn": role["role_arn"], "RoleSessionName": role["session_name"]}
    yield "who", {"call": "caller_identity"}, "sts", "GetCallerIdentity", {}
    yield "role-minimal", {"call": "assume_role", **role}, "sts", "AssumeRole", params
    tags = [[f"key {i}", f"value _.:/=+-@ é {i}"] for i in range(50)]
    yield ("role-maximal",
           {"call": "assume_role", **role, "external_id": "a+=,.@:/-b", "duration_seconds": 43200, "tags": tags},
           "sts", "AssumeRole",
           {**params, "ExternalId": "a+=,.@:/-b", "DurationSeconds": 43200, "Tags": [{"Key": k, "Value": v} for k, v in tags]})
    yield ("web-minimal", {"call": "assume_role_with_web_identity", **role, "token": "eyJ.e30.x-_="},
           "sts", "AssumeRoleWithWebIdentity", {**params, "WebIdentityToken": "eyJ.e30.x-_="})
    yield ("web-maximal", {"call": "assume_role_with_web_identity", **role, "token": "x+/&=%" * 3000, "duration_seconds": 900},
           "sts", "AssumeRoleWithWebIdentity", {**params, "WebIdentityToken": "x+/&=%" * 3000, "DurationSeconds": 900})
    yield ("quotas", {"call": "list_quotas", "service_code": "bedrock"},
           "service-quotas", "ListServiceQuotas", {"ServiceCode": "bedrock", "MaxResults": 100})


CALLS = [pytest.param(*rest, id=name) for name, *rest in itertools.chain(bedrock_calls(), runtime_calls(), other_calls())]


@pytest.mark.parametrize(("line", "service", "operation", "params"), CALLS)
def test_a_request_is_what_the_model_says(capture, probe, line, service, operation, params):
    answers(capture, {})
    probe.ask(line)
    [request] = capture.take()
    assert service_model.read(request) == Call(service, operation, params)
    if operation == "AssumeRoleWithWebIdentity":
        assert request.header("Authorization") is None
    else:
        service_model.check_signature(request, service, ACCESS_KEY, SECRET_KEY)


def test_a_session_token_is_sent_and_signed(capture):
    answers(capture, {})
    environment = clean_environment(**KEYS, AWS_SESSION_TOKEN=TOKEN)
    with Probe("bedrock", "--endpoint", capture.url, environment=environment) as session:
        for call in ("list_jobs", "caller_identity"):
            session.ask({"call": call})
    for request in capture.take():
        call = service_model.read(request)
        service_model.check_signature(request, call.service, ACCESS_KEY, SECRET_KEY, TOKEN)


def test_an_api_key_is_sent_instead_of_a_signature(capture):
    answers(capture, {})
    with Probe("bedrock", "--endpoint", capture.url, "--api-key", "ABSK+key/=", environment=clean_environment()) as bearer:
        bearer.ask({"call": "create_job", **MINIMAL_JOB})
        bearer.ask({"call": "invoke_model", "model_id": "m", "body": "{}"})
    requests = capture.take()
    assert [service_model.read(request).operation for request in requests] == ["CreateModelInvocationJob", "InvokeModel"]
    for request in requests:
        assert request.header("Authorization") == "Bearer ABSK+key/="
        assert request.header("X-Amz-Date") is None


def test_the_next_page_of_quotas_is_asked_for_by_its_token(capture, probe):
    answers(capture, {"Quotas": [{"QuotaCode": "L-2", "Value": 2}]})
    capture.before = [(200, {}, json.dumps({"NextToken": "bmV4dA==", "Quotas": [{"QuotaCode": "L-1", "Value": 1}]}).encode())]
    assert [quota["code"] for quota in probe.ask({"call": "list_quotas", "service_code": "bedrock"})["quotas"]] == ["L-1", "L-2"]
    assert [service_model.read(request).params for request in capture.take()] == [
        {"ServiceCode": "bedrock", "MaxResults": 100}, {"ServiceCode": "bedrock", "MaxResults": 100, "NextToken": "bmV4dA=="}]


ROLE = "arn:aws:iam::123456789012:role/r"
PROFILES = {
    "AssumeRole": ("sts", f"[default]\nrole_arn = {ROLE}\nsource_profile = base\nexternal_id = x-1\nduration_seconds = 900\n"
                          f"[profile base]\naws_access_key_id = {ACCESS_KEY}\naws_secret_access_key = {SECRET_KEY}\n",
                   {"RoleArn": ROLE, "ExternalId": "x-1", "DurationSeconds": 900}),
    "AssumeRoleWithWebIdentity": ("sts", f"[default]\nrole_arn = {ROLE}\nweb_identity_token_file = HOME/token\n",
                                  {"RoleArn": ROLE, "WebIdentityToken": "eyJ.e30.x"}),
    "GetRoleCredentials": ("sso", "[default]\nsso_session = s\nsso_account_id = 123456789012\nsso_role_name = Power User+&=/\n"
                                  "[sso-session s]\nsso_start_url = https://x.awsapps.com/start\nsso_region = eu-west-1\n",
                           {"accountId": "123456789012", "roleName": "Power User+&=/", "accessToken": "access/token+=="}),
}


@pytest.mark.parametrize("operation", PROFILES)
def test_what_credentials_are_asked_for_with_is_what_the_model_says(capture, tmp_path, operation):
    service, profiles, params = PROFILES[operation]
    (tmp_path / "config").write_text(profiles.replace("HOME", str(tmp_path)))
    (tmp_path / "token").write_text("eyJ.e30.x\n")
    cache = tmp_path / ".aws/sso/cache"
    cache.mkdir(parents=True)
    (cache / f"{hashlib.sha1(b's').hexdigest()}.json").write_text(
        json.dumps({"accessToken": "access/token+==", "expiresAt": "2099-01-01T00:00:00Z"}))
    (tmp_path / "quarry.yaml").write_text(json.dumps({"model_list": [{"model_name": "m", "litellm_params": {
        "model": "bedrock/anthropic.claude-v2", "s3_bucket_name": "b-1", "aws_batch_role_arn": ROLE}, "model_info": {"mode": "batch"}}]}))
    if service == "sso":
        answers(capture, {"roleCredentials": {"accessKeyId": "ASIAEXAMPLE", "secretAccessKey": "s", "sessionToken": "t",
                                              "expiration": 4_070_908_800_000, "aNewMember": 1}, "another": None})
    else:
        answers(capture, sts_answer(operation, {"Credentials": {**SESSION, "Expiration": "2099-01-01T00:00:00Z"}}))
    environment = clean_environment(HOME=str(tmp_path), AWS_CONFIG_FILE=str(tmp_path / "config"), AWS_DEFAULT_REGION="us-west-2",
                                    AWS_ENDPOINT_URL_STS=capture.url, AWS_ENDPOINT_URL_SSO=capture.url)
    with Probe("credentials", "--config", str(tmp_path / "quarry.yaml"), environment=environment) as asking:
        got = asking.ask("get")
    assert (got["access_key_id"], got["expires_at"]) == ("ASIAEXAMPLE", "2099-01-01T00:00:00.000Z")
    [request] = capture.take()
    call = service_model.read(request)
    call.params.pop("RoleSessionName", None)  # made up
    assert call == Call(service, operation, params)
    if operation == "AssumeRole":
        service_model.check_signature(request, service, ACCESS_KEY, SECRET_KEY)
    else:
        assert request.header("Authorization") is None


# --- What comes back ----------------------------------------------------------------------------------------

# A value for each shape with a pattern; the model checks them.
EXAMPLES = {
    "ModelInvocationJobArn": job_arn("aws-us-gov"), "ModelInvocationJobName": "quarry-1", "ModelId": "anthropic.claude-v2",
    "RoleArn": "arn:aws-us-gov:iam::123456789012:role/r", "ModelInvocationIdempotencyToken": "a1", "PaginationToken": "next/+==",
    "S3Uri": "s3://bucket/key.jsonl", "AccountId": "123456789012", "KmsKeyId": "12345678-1234-1234-1234-123456789012",
    "SubnetId": "subnet-1", "SecurityGroupId": "sg-1", "NextToken": "bmV4dA==", "QuotaCode": "L-1", "ServiceCode": "bedrock",
}
TIMES = ["2026-01-02T03:04:05Z", *(f"2026-01-02T03:04:05.{'123456789'[:digits]}Z" for digits in range(1, 10)),
         "2026-01-02T03:04:05+00:00", "2026-01-02T08:34:05.5+05:30", "2026-01-01T19:04:05.999-08:00", "2028-02-29T23:59:59.999999Z"]


class Sample:
    """A value of an output shape, as AWS might write it in JSON."""

    def __init__(self, model, members="all", strange=False, nulls=False, time=TIMES[4], items=2, enum=0, **fixed):
        self.model, self.members, self.strange, self.nulls = model, members, strange, nulls
        self.time, self.items, self.enum, self.fixed = time, items, enum, fixed

    def of(self, shape_name):
        shape = self.model.shapes[shape_name]
        kind = shape["type"]
        if kind == "structure":
            return self.structure(shape)
        if kind == "list":
            count = max(shape.get("min", 0), min(self.items, shape.get("max", self.items)))
            return [self.of(shape["member"]["shape"]) for _ in range(count)]
        if kind == "string":
            if "enum" in shape:
                return shape["enum"][self.enum % len(shape["enum"])]
            return EXAMPLES.get(shape_name, "plain")
        if kind in ("integer", "long"):
            return shape.get("max", 9_007_199_254_740_993)  # not a double's
        return {"timestamp": self.time, "boolean": True, "double": 12.5, "map": {}}[kind]

    def structure(self, shape):
        members = shape["members"]
        if shape.get("union"):  # exactly one, whatever else is left out or added
            name, member = next(iter(members.items()))
            return {self.model.location_name(name, member): self.of(member["shape"])}
        required = set(shape.get("required", [])) | set(self.fixed.get("beside_required", []))
        out = {}
        for name, member in members.items():
            wire = self.model.location_name(name, member)
            if self.members == "all" and not (self.nulls and name not in required) or name in required:
                out[wire] = self.of(member["shape"])
            elif self.nulls:
                out[wire] = None
        if self.strange:
            out |= {"aNewMember": {"deep": [1, None, {"x": "y"}]}, "another": None, "Status": 7}
        return out


def understood_by_botocore(service, operation, body, headers=None, status=200):
    model = MODELS[service]
    response = {"headers": {k.lower(): v for k, v in (headers or {}).items()}, "status_code": status, "body": body}
    return create_parser(model.protocol).parse(response, model.operation(operation).output_shape)


def milliseconds(moment):
    return int((moment - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)) / datetime.timedelta(milliseconds=1))


TEXTS = ["jobArn", "jobName", "modelId", "clientRequestToken", "status", "message"]
COUNTS = ["totalRecordCount", "processedRecordCount", "successRecordCount", "errorRecordCount"]
MOMENTS = ["submitTime", "endTime", "jobExpirationTime"]


def job_of(parsed):
    """botocore's job, as the probe prints Quarry's."""
    out = {name: parsed.get(name, "") for name in TEXTS}
    out |= {name: parsed[name] for name in COUNTS if name in parsed}
    return out | {name: milliseconds(parsed[name]) for name in MOMENTS if name in parsed}


# Bedrock has never been seen to leave a job's status out, and its model does not ask for it.
WITH_STATUS = {"beside_required": ["status"]}


def variants():
    yield "all", {}
    yield "required", {"members": "required", **WITH_STATUS}
    yield "nulls", {"nulls": True, **WITH_STATUS}
    yield "strange", {"strange": True}
    yield "strange-required", {"members": "required", "strange": True, **WITH_STATUS}
    yield "no-items", {"items": 0}
    yield "many-items", {"items": 1000}
    for time in TIMES:
        yield f"time-{time}", {"time": time}
    for enum in range(len(MODELS["bedrock"].shapes["ModelInvocationJobStatus"]["enum"])):
        yield f"status-{enum}", {"enum": enum}


VARIANTS = [pytest.param(options, id=name) for name, options in variants()]


def sample(service, operation, options):
    """The answer of an operation, and, where it is plain, held to the model itself."""
    model = MODELS[service]
    shape = model.raw["operations"][operation]["output"]["shape"]
    made = Sample(model, **options).of(shape)
    if not options.get("strange") and not options.get("nulls") and "Z" in options.get("time", "Z") and options.get("items", 2) < 1000:
        model.check(shape, made, operation)
    return made


@pytest.mark.parametrize("options", VARIANTS)
def test_a_job_is_read_as_botocore_reads_it(capture, probe, options):
    body = json.dumps(sample("bedrock", "GetModelInvocationJob", options)).encode()
    answers(capture, body)
    assert probe.ask({"call": "get_job", "job_arn": job_arn()}) == job_of(
        understood_by_botocore("bedrock", "GetModelInvocationJob", body))


@pytest.mark.parametrize("options", VARIANTS)
def test_a_page_of_jobs_is_read_as_botocore_reads_it(capture, probe, options):
    body = json.dumps(sample("bedrock", "ListModelInvocationJobs", options)).encode()
    answers(capture, body)
    theirs = understood_by_botocore("bedrock", "ListModelInvocationJobs", body)
    assert probe.ask({"call": "list_jobs"}) == {
        "jobs": [job_of(job) for job in theirs.get("invocationJobSummaries", [])], "next_token": theirs.get("nextToken", "")}


def test_a_job_without_a_status_is_refused_by_name(capture, probe):
    answers(capture, {"jobArn": job_arn(), "modelId": "m"})
    answer = probe.ask({"call": "get_job", "job_arn": job_arn()})
    assert answer["code"] == "corrupt"
    assert "status" in answer["error"]


@pytest.mark.parametrize("partition", PARTITIONS)
def test_a_created_jobs_arn_comes_back(capture, probe, partition):
    for more in ({}, {"aNewMember": [1, {"x": None}]}):
        answers(capture, {"jobArn": job_arn(partition), **more})
        assert probe.ask({"call": "create_job", **MINIMAL_JOB}) == {"jobArn": job_arn(partition)}


@pytest.mark.parametrize("body", [b"", b"{}", b'{"aNewMember": 1}'])
def test_a_stopped_job_needs_no_words(capture, probe, body):
    answers(capture, body)
    assert probe.ask({"call": "stop_job", "job_arn": job_arn()}) == {}


@pytest.mark.parametrize("call", ["invoke_model", "converse"])
def test_an_answer_of_a_model_is_handed_on_as_it_is(capture, probe, call):
    body = ' {"output":{"é":"\\u2028 x"}, "n":1.50}\n'
    answers(capture, body.encode(), X_Amzn_Bedrock_Input_Token_Count="12", X_Amzn_Bedrock_Output_Token_Count="0")
    assert probe.ask({"call": call, "model_id": "m", "body": '{"messages":[]}'}) == {
        "status": 200, "body": body, "error_name": "", "input_tokens": 12, "output_tokens": 0}


@pytest.mark.parametrize("options", [{}, {"members": "required"}, {"nulls": True}, {"strange": True}, {"items": 0}])
def test_quotas_are_read_as_botocore_reads_them(capture, probe, options):
    # In epoch seconds, as JSON 1.1 has its times; Quarry reads none of them. The last page has no token.
    page = Sample(MODELS["service-quotas"], time=1767323045.5, **options).of("ListServiceQuotasResponse")
    page.setdefault("Quotas", [])
    page.pop("NextToken", None)
    if page["Quotas"] is None:
        page["Quotas"] = []
    body = json.dumps(page).encode()
    answers(capture, body)
    theirs = understood_by_botocore("service-quotas", "ListServiceQuotas", body)["Quotas"]
    assert probe.ask({"call": "list_quotas", "service_code": "bedrock"}) == {"quotas": [
        {"code": quota.get("QuotaCode", ""), "name": quota.get("QuotaName", ""), "value": quota["Value"],
         "adjustable": quota.get("Adjustable", False)} for quota in theirs if "Value" in quota]}


def xml(name, value):
    if isinstance(value, dict):
        return f"<{name}>" + "".join(xml(key, item) for key, item in value.items()) + f"</{name}>"
    if isinstance(value, list):
        return f"<{name}>" + "".join(xml("member", item) for item in value) + f"</{name}>"
    text = str(value).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f"<{name}>{text}</{name}>"


def sts_answer(operation, result, spaced=False, namespace=True, declared=False):
    attribute = ' xmlns="https://sts.amazonaws.com/doc/2011-06-15/"' if namespace else ""
    body = xml(f"{operation}Result", result) + xml("ResponseMetadata", {"RequestId": "c6104cbe-af31-11e0-8154-cbc7ccf896c7"})
    text = f"<{operation}Response{attribute}>{body}</{operation}Response>"
    if spaced:
        text = text.replace("><", ">\n  <")
    return (('<?xml version="1.0" encoding="UTF-8"?>\n' if declared else "") + text).encode()


SESSION = {"AccessKeyId": "ASIAEXAMPLE", "SecretAccessKey": "s/+=&<>x", "SessionToken": "t//+=="}
FORMS = [{}, {"spaced": True}, {"namespace": False}, {"declared": True, "spaced": True}]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("call", "operation"), [("assume_role", "AssumeRole"),
                                                 ("assume_role_with_web_identity", "AssumeRoleWithWebIdentity")])
def test_a_roles_session_is_read_as_botocore_reads_it(capture, probe, call, operation, form):
    everything = Sample(MODELS["sts"], strange=True).of(MODELS["sts"].raw["operations"][operation]["output"]["shape"])
    for more in ({}, everything):
        for time in TIMES:
            result = {**more, "Credentials": {**SESSION, "Expiration": time}}
            body = sts_answer(operation, {key: value for key, value in result.items() if value is not None}, **form)
            answers(capture, body)
            theirs = understood_by_botocore("sts", operation, body)["Credentials"]
            assert probe.ask({"call": call, "role_arn": "arn:aws:iam::123456789012:role/r", "session_name": "s", "token": "t"}) == {
                "access_key_id": theirs["AccessKeyId"], "secret_access_key": theirs["SecretAccessKey"],
                "session_token": theirs["SessionToken"], "expires_at": milliseconds(theirs["Expiration"])}


@pytest.mark.parametrize("form", FORMS)
def test_a_callers_identity_is_read_as_botocore_reads_it(capture, probe, form):
    identity = {"UserId": "AROA:s", "Account": "123456789012", "Arn": "arn:aws:sts::123456789012:assumed-role/r/s&é"}
    body = sts_answer("GetCallerIdentity", {**identity, "ANewMember": "x"}, **form)
    answers(capture, body)
    theirs = understood_by_botocore("sts", "GetCallerIdentity", body)
    assert probe.ask({"call": "caller_identity"}) == {
        "account": theirs["Account"], "arn": theirs["Arn"], "user_id": theirs["UserId"]}


@pytest.mark.parametrize("missing", ["AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"])
def test_half_a_session_is_none(capture, probe, missing):
    half = {name: value for name, value in {**SESSION, "Expiration": TIMES[0]}.items() if name != missing}
    answers(capture, sts_answer("AssumeRole", {"Credentials": half}))
    answer = probe.ask({"call": "assume_role", "role_arn": "arn:aws:iam::123456789012:role/r", "session_name": "s"})
    assert answer["code"] == "corrupt", answer


# --- Errors -------------------------------------------------------------------------------------------------

CODES = {
    "AccessDeniedException": "forbidden", "ResourceNotFoundException": "not_found", "ValidationException": "invalid_request",
    "ConflictException": "conflict", "InternalServerException": "unavailable", "ServiceUnavailableException": "unavailable",
    "ServiceQuotaExceededException": "throttled", "ThrottlingException": "throttled", "ModelNotReadyException": "throttled",
    "TooManyRequestsException": "throttled", "ServiceException": "unavailable",
    "NoSuchResourceException": "upstream", "IllegalArgumentException": "upstream", "InvalidPaginationTokenException": "upstream",
}
# Of the input itself: an answer to the line, not a failure of the deployment.
REFUSALS = {"ValidationException", "ModelErrorException", "ModelTimeoutException"}
OPERATIONS = {
    "create_job": ("bedrock", "CreateModelInvocationJob", MINIMAL_JOB), "get_job": ("bedrock", "GetModelInvocationJob", {"job_arn": job_arn()}),
    "list_jobs": ("bedrock", "ListModelInvocationJobs", {}), "stop_job": ("bedrock", "StopModelInvocationJob", {"job_arn": job_arn()}),
    "invoke_model": ("bedrock-runtime", "InvokeModel", {"model_id": "m", "body": "{}"}),
    "converse": ("bedrock-runtime", "Converse", {"model_id": "m", "body": '{"messages":[]}'}),
    "list_quotas": ("service-quotas", "ListServiceQuotas", {"service_code": "bedrock"}),
}
TEXT = 'why: "é" <&> 5%'


def encodings(name):
    """How AWS's services say an error's name and words."""
    suffix = "http://internal.amazon.com/coral/com.amazonaws.bedrock/"
    yield {"x-amzn-ErrorType": name}, {"message": TEXT}
    yield {"X-Amzn-Errortype": f"{name}:{suffix}"}, {"Message": TEXT}
    yield {"x-amzn-errortype": f"com.amazonaws.bedrock#{name}:{suffix}"}, {"message": TEXT, "code": "Another", "__type": "Another"}
    yield {}, {"__type": name, "message": TEXT}
    yield {}, {"__type": f"com.amazonaws.bedrock#{name}", "Message": TEXT}
    yield {}, {"code": name, "message": TEXT}
    yield {}, {"Code": f"{name}:{suffix}", "Message": TEXT, "aNewMember": {"x": None}}


def modelled_errors():
    for call, (service, operation, arguments) in OPERATIONS.items():
        for error in MODELS[service].operation(operation).error_shapes:
            yield pytest.param({"call": call, **arguments}, service, operation, error, id=f"{call}-{error.name}")


def status_of(service, shape):
    # JSON 1.1 tells apart only whose fault it is.
    fault = MODELS[service].shapes[shape.name].get("fault")
    return shape.metadata.get("error", {}).get("httpStatusCode", 500 if fault else 400)


@pytest.mark.parametrize(("line", "service", "operation", "shape"), list(modelled_errors()))
def test_an_error_is_known_however_it_is_said(capture, probe, line, service, operation, shape):
    status = status_of(service, shape)
    for headers, body in encodings(shape.name):
        content = json.dumps(body).encode()
        answers(capture, content, status, **headers, x_amzn_RequestId="request-1")
        got = probe.ask(line)
        if MODELS[service].protocol == "rest-json":
            theirs = understood_by_botocore(service, operation, content, headers, status)["Error"]
            assert theirs["Code"] == shape.name and theirs["Message"] == TEXT  # the test's own encoding is one
        if service == "bedrock-runtime" and shape.name in REFUSALS:
            assert got == {"status": status, "body": TEXT, "error_name": shape.name}
            continue
        assert got["reason"] == shape.name
        assert got["code"] == CODES[shape.name], got
        assert TEXT in got["error"] and "request-1" in got["error"] and str(status) in got["error"]
        sent = capture.take()
        assert sent and all(service_model.read(request).service == service for request in sent)
        assert len(sent) == 1 or line["call"] != "create_job", "what may start a job is asked once"


STS_CODES = {"ExpiredTokenException": "forbidden", "InvalidIdentityToken": "forbidden", "IDPRejectedClaim": "forbidden",
             "RegionDisabledException": "forbidden", "IDPCommunicationError": "unavailable",
             "MalformedPolicyDocument": "invalid_request", "PackedPolicyTooLarge": "invalid_request"}


def sts_errors():
    for call, operation in (("assume_role", "AssumeRole"), ("assume_role_with_web_identity", "AssumeRoleWithWebIdentity")):
        for error in MODELS["sts"].operation(operation).error_shapes:
            yield pytest.param(call, operation, error.metadata["error"]["code"], status_of("sts", error), id=f"{call}-{error.name}")
    yield pytest.param("caller_identity", "GetCallerIdentity", "InvalidClientTokenId", 403, id="who-InvalidClientTokenId")
    yield pytest.param("caller_identity", "GetCallerIdentity", "SignatureDoesNotMatch", 403, id="who-SignatureDoesNotMatch")


@pytest.mark.parametrize(("call", "operation", "code", "status"), list(sts_errors()))
def test_an_error_of_sts_is_known(capture, probe, call, operation, code, status):
    error = xml("Error", {"Type": "Sender", "Code": code, "Message": TEXT}) + xml("RequestId", "request-1")
    for attribute in (' xmlns="https://sts.amazonaws.com/doc/2011-06-15/"', ""):
        content = f"<ErrorResponse{attribute}>{error}</ErrorResponse>".encode()
        answers(capture, content, status)
        theirs = understood_by_botocore("sts", operation, content, status=status)["Error"]
        assert theirs["Code"] == code and theirs["Message"] == TEXT
        got = probe.ask({"call": call, "role_arn": "arn:aws:iam::123456789012:role/r", "session_name": "s", "token": "t"})
        assert got["reason"] == code
        assert got["code"] == STS_CODES.get(code, "forbidden"), got
        assert TEXT in got["error"] and "request-1" in got["error"]


@pytest.mark.parametrize("line", [{"call": call, **rest[2]} for call, rest in OPERATIONS.items()] + [{"call": "caller_identity"}],
                         ids=lambda line: line["call"])
@pytest.mark.parametrize("body", [b"", b"<html><body>502 Bad Gateway</body></html>", b"[]", b'{"message": 7}', b"\xff\xfe"])
def test_what_is_no_error_of_awss_is_still_a_failure(capture, probe, line, body):
    answers(capture, body, 502)
    got = probe.ask(line)
    assert got["code"] == "unavailable", got
    assert "502" in got["error"]


# --- The check itself ---------------------------------------------------------------------------------------


def plain_request(method="POST", target="/model-invocation-job", body=None, **headers):
    content = b"" if body is None else json.dumps(body).encode()
    return Request(method, target, list({"Content-Type": "application/json", **headers}.items()), content)


def job_with(**members):
    return {**MINIMAL_PARAMS, **members}


MISTAKES = {
    "raw-arn": plain_request("GET", f"/model-invocation-job/{job_arn()}"),
    "arn-encoded-twice": plain_request("GET", "/model-invocation-job/arn%253Aaws"),
    "needless-escape": plain_request("GET", "/model-invocation-job/%61bcdefghij12"),
    "another-method": plain_request("PUT", body=MINIMAL_PARAMS),
    "another-path": plain_request(target="/model-invocation-job/", body=MINIMAL_PARAMS),
    "another-content-type": plain_request(body=MINIMAL_PARAMS, **{"Content-Type": "text/plain"}),
    "unknown-header": plain_request(body=MINIMAL_PARAMS, **{"x-amz-strange": "1"}),
    "unknown-member": plain_request(body=job_with(strange=1)),
    "missing-member": plain_request(body={key: value for key, value in MINIMAL_PARAMS.items() if key != "roleArn"}),
    "null-member": plain_request(body=job_with(vpcConfig=None)),
    "pattern": plain_request(body=job_with(jobName="under_score")),
    "length": plain_request(body=job_with(clientRequestToken="a" * 257)),
    "range": plain_request(body=job_with(timeoutDurationInHours=23)),
    "type": plain_request(body=job_with(timeoutDurationInHours="24")),
    "enum": plain_request(body=job_with(modelInvocationType="Batch")),
    "list-size": plain_request(body=job_with(vpcConfig={"subnetIds": [], "securityGroupIds": ["sg-1"]})),
    "empty-union": plain_request(body=job_with(inputDataConfig={})),
    "uri": plain_request(body=job_with(outputDataConfig={"s3OutputDataConfig": {"s3Uri": "s3://bucket/a b/"}})),
    "unknown-query": plain_request("GET", "/model-invocation-jobs?pageSize=1"),
    "query-twice": plain_request("GET", "/model-invocation-jobs?maxResults=1&maxResults=1"),
    "query-type": plain_request("GET", "/model-invocation-jobs?maxResults=many"),
    "query-time": plain_request("GET", "/model-invocation-jobs?submitTimeAfter=1767323045"),
    "body-of-a-get": plain_request("GET", "/model-invocation-jobs", body={}),
}


@pytest.mark.parametrize("request_", [pytest.param(request, id=name) for name, request in MISTAKES.items()])
def test_a_mistake_is_seen(request_):
    with pytest.raises(service_model.Mismatch):
        service_model.read(request_)


def test_no_mistake_is_seen_where_there_is_none():
    """What the mistakes above are made of."""
    assert service_model.read(plain_request(body=MINIMAL_PARAMS)).operation == "CreateModelInvocationJob"
    assert service_model.read(plain_request("GET", "/model-invocation-job/abcdefghij12")).params == {"jobIdentifier": "abcdefghij12"}
    assert service_model.read(plain_request("GET", "/model-invocation-jobs?maxResults=1")).params == {"maxResults": 1}
