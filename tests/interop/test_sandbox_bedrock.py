"""boto3 against the sandbox's Bedrock: batch inference jobs and InvokeModel as AWS speaks them."""

import datetime
import http.client
import json
import re
import urllib.parse

import boto3
import botocore.exceptions
import harness
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

B = harness.BUCKET
ROLE = "arn:aws:iam::123456789012:role/batch"
MODEL = harness.BEDROCK_MODEL
ENDED = {"Completed", "Failed", "Stopped"}


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    running = harness.Sandbox(tmp_path_factory.mktemp("sandbox"))
    yield running
    assert running.stop() == 0, running.log()[-4000:]


@pytest.fixture
def slow(tmp_path):
    """Jobs here stay in progress until they are stopped."""
    running = harness.Sandbox(tmp_path / "slow", job_seconds=600)
    yield running
    assert running.stop() == 0, running.log()[-4000:]


@pytest.fixture(scope="module")
def bedrock(box):
    return box.client("bedrock")


@pytest.fixture(scope="module")
def runtime(box):
    return box.client("bedrock-runtime")


def body_of(text="Hello world!", **more):
    return {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 200,
            "messages": [{"role": "user", "content": text}], **more}


def record(index, text=None, **more):
    return {"recordId": f"r{index:010}", "modelInput": body_of(text or f"Question {index}", **more)}


def put_records(box, key, records):
    lines = "".join((r if isinstance(r, str) else json.dumps(r, ensure_ascii=False)) + "\n" for r in records)
    box.client("s3").put_object(Bucket=B, Key=key, Body=lines.encode())


def job_request(key, **more):
    return {"jobName": "job-" + re.sub("[^a-z0-9]", "-", key)[:40], "roleArn": ROLE, "modelId": MODEL,
            "inputDataConfig": {"s3InputDataConfig": {"s3Uri": f"s3://{B}/{key}"}},
            "outputDataConfig": {"s3OutputDataConfig": {"s3Uri": f"s3://{B}/out"}}, **more}


def create(box, key, **more):
    return box.client("bedrock").create_model_invocation_job(**job_request(key, **more))["jobArn"]


def wait(box, arn):
    job = {}

    def ended():
        job.update(box.client("bedrock").get_model_invocation_job(jobIdentifier=arn))
        return job["status"] in ENDED

    harness.await_true(ended)
    return job


def output(box, arn, name):
    s3 = box.client("s3")
    got = s3.get_object(Bucket=B, Key=f"out/{arn[-12:]}/{name}")
    return got["Body"].read().decode()


def rows(box, arn, name="input.jsonl.out"):
    text = output(box, arn, name)
    assert text.endswith("\n")
    return [json.loads(line) for line in text[:-1].split("\n")]


def refused(code, status, call, **arguments):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(**arguments)
    assert caught.value.response["Error"]["Code"] == code, caught.value.response
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    return caught.value.response["Error"]["Message"]


def client(box, service="bedrock", secret=harness.SECRET_KEY, access=harness.ACCESS_KEY, validate=True, **more):
    return boto3.client(service, endpoint_url=box.url, region_name=more.pop("region", harness.REGION),
                        aws_access_key_id=access, aws_secret_access_key=secret, **more,
                        config=Config(retries={"max_attempts": 1}, parameter_validation=validate))


def signed(box, method, path, body=b""):
    request = AWSRequest(method, box.url + path, data=body, headers={"Content-Type": "application/json"} if body else {})
    SigV4Auth(Credentials(harness.ACCESS_KEY, harness.SECRET_KEY), "bedrock", harness.REGION).add_auth(request)
    address = urllib.parse.urlsplit(box.url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=30)
    try:
        connection.request(method, path, body, dict(request.headers.items()))
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


def test_a_job_completes_with_shuffled_records_and_a_manifest(box):
    records = [record(i, f"Question {i}: é \u2028 \u0085 \"quoted\"?") for i in range(150)]
    put_records(box, "done/input.jsonl", records)
    arn = create(box, "done/input.jsonl", timeoutDurationInHours=48, tags=[{"key": "a", "value": "b"}])
    assert re.fullmatch(r"arn:aws:bedrock:us-west-2:123456789012:model-invocation-job/[a-z0-9]{12}", arn)
    job = wait(box, arn)
    assert job["status"] == "Completed" and "message" not in job
    assert [job[f"{c}RecordCount"] for c in ("total", "processed", "success", "error")] == [150, 150, 150, 0]
    assert job["endTime"] >= job["submitTime"]
    assert job["jobExpirationTime"] - job["submitTime"] == datetime.timedelta(hours=48)
    assert job["outputDataConfig"] == {"s3OutputDataConfig": {"s3Uri": f"s3://{B}/out"}}
    got = rows(box, arn)
    ids = [row["recordId"] for row in got]
    assert sorted(ids) == [r["recordId"] for r in records]
    assert ids != sorted(ids)
    # Not a shuffle of neighbours only: something moved across half the file.
    assert max(abs(int(i[1:]) - at) for at, i in enumerate(ids)) > 75
    sent = {r["recordId"]: r["modelInput"] for r in records}
    for row in got:
        assert row["modelInput"] == sent[row["recordId"]]
        answer = row["modelOutput"]
        assert (answer["type"], answer["role"], answer["stop_reason"]) == ("message", "assistant", "end_turn")
        assert answer["content"][0]["text"]
    manifest = json.loads(output(box, arn, "manifest.json.out"))
    assert manifest == {"totalRecordCount": 150, "processedRecordCount": 150, "successRecordCount": 150, "errorRecordCount": 0,
                        "inputTokenCount": sum(r["modelOutput"]["usage"]["input_tokens"] for r in got),
                        "outputTokenCount": sum(r["modelOutput"]["usage"]["output_tokens"] for r in got)}


def test_model_input_is_echoed_as_it_was_written(box):
    odd = '{"recordId": "odd", "extra": [1, {"modelInput": 2}], "modelInput":  {"max_tokens": 1e1,  "b\\u00e9": "\\/" } }'
    put_records(box, "raw/input.jsonl", [odd] + [record(i) for i in range(99)])
    arn = create(box, "raw/input.jsonl")
    assert wait(box, arn)["errorRecordCount"] == 1
    assert '"modelInput":{"max_tokens": 1e1,  "b\\u00e9": "\\/" },' in output(box, arn, "input.jsonl.out")


def test_bad_records_become_error_rows_and_the_job_completes(box):
    bad = [{"recordId": "no-input"}, {"recordId": "no-version", "modelInput": {"max_tokens": 1}},
           record(1, "please [[sandbox:error 429 slow down]]"), record(2, "[[sandbox:error 500 boom]]"),
           record(3, foo=1), {"modelInput": body_of("an id is made for me")}]
    put_records(box, "bad/input.jsonl", bad + [record(i) for i in range(10, 110)])
    arn = create(box, "bad/input.jsonl")
    job = wait(box, arn)
    assert (job["status"], job["successRecordCount"], job["errorRecordCount"]) == ("Completed", 101, 5)
    errors = {row["recordId"]: row["error"] for row in rows(box, arn) if "error" in row}
    assert errors["r0000000001"] == {"errorCode": 429, "errorMessage": "slow down", "expired": False, "retryable": True}
    assert errors["r0000000002"] == {"errorCode": 500, "errorMessage": "boom", "expired": False, "retryable": True}
    assert errors["r0000000003"] == {"errorCode": 400, "errorMessage": "foo: Extra inputs are not permitted",
                                     "expired": False, "retryable": False}
    assert errors["no-version"]["errorMessage"] == "anthropic_version: Field required"
    assert errors["no-input"]["errorCode"] == 400
    made = [row for row in rows(box, arn) if row["modelInput"] == body_of("an id is made for me")]
    assert len(made) == 1 and re.fullmatch("[A-Za-z0-9]{11}", made[0]["recordId"])


def test_a_folder_gives_one_output_for_each_file(box):
    put_records(box, "many/a.jsonl", [record(i) for i in range(70)])
    put_records(box, "many/b.jsonl", [record(i) for i in range(70, 130)])
    box.client("s3").put_object(Bucket=B, Key="many/readme.txt", Body=b"not this one")
    arn = create(box, "many/")
    assert wait(box, arn)["totalRecordCount"] == 130
    assert len(rows(box, arn, "a.jsonl.out")) == 70 and len(rows(box, arn, "b.jsonl.out")) == 60
    assert json.loads(output(box, arn, "manifest.json.out"))["totalRecordCount"] == 130


def test_too_few_records_fail_the_job(box):
    put_records(box, "few/input.jsonl", [record(1), record(2)])
    arn = create(box, "few/input.jsonl")
    job = wait(box, arn)
    assert job["status"] == "Failed"
    assert job["message"] == f"Batch job {arn} contains less records (2) than the required minimum of: 100"
    assert job["totalRecordCount"] == 0
    assert "Contents" not in box.client("s3").list_objects_v2(Bucket=B, Prefix=f"out/{arn[-12:]}/")


@pytest.mark.parametrize("key,content,said", [
    ("absent/input.jsonl", None, "no .jsonl file was found"),
    ("named/input.json", b"{}\n" * 100, "does not end in .jsonl"),
    ("broken/input.jsonl", b"{}\n" * 99 + b"{\n", "line 100 is not a JSON object"),
    ("array/input.jsonl", b"[]\n" * 100, "line 1 is not a JSON object"),
    ("bucket", None, "does not exist")])
def test_what_validating_finds_fails_the_job(box, key, content, said):
    request = job_request(key)
    if content:
        box.client("s3").put_object(Bucket=B, Key=key, Body=content)
    if key == "bucket":
        request["inputDataConfig"]["s3InputDataConfig"]["s3Uri"] = "s3://no-such-bucket/x.jsonl"
    job = wait(box, box.client("bedrock").create_model_invocation_job(**request)["jobArn"])
    assert job["status"] == "Failed" and said in job["message"], job


def test_counters_grow_while_in_progress_and_a_stop_keeps_what_was_done(tmp_path):
    box = harness.Sandbox(tmp_path / "box", job_seconds=8)
    put_records(box, "stop/input.jsonl", [record(i) for i in range(1000)])
    bedrock = box.client("bedrock")
    arn = create(box, "stop/input.jsonl")
    seen = []

    def moving():
        job = bedrock.get_model_invocation_job(jobIdentifier=arn)
        if not seen or seen[-1] != (job["status"], job["processedRecordCount"]):
            seen.append((job["status"], job["processedRecordCount"]))
        return len([s for s in seen if s[0] == "InProgress"]) >= 3

    harness.await_true(moving)
    bedrock.stop_model_invocation_job(jobIdentifier=arn)
    assert bedrock.get_model_invocation_job(jobIdentifier=arn)["status"] in ("Stopping", "Stopped")
    job = wait(box, arn)
    assert job["status"] == "Stopped"
    order = ["Submitted", "Validating", "Scheduled", "InProgress"]
    assert [order.index(s) for s, _ in seen] == sorted(order.index(s) for s, _ in seen)
    counts = [n for s, n in seen if s == "InProgress"]
    assert counts == sorted(counts) and counts[-1] > 0
    assert 0 < job["processedRecordCount"] < 1000
    assert len(rows(box, arn)) == job["processedRecordCount"]
    assert json.loads(output(box, arn, "manifest.json.out"))["processedRecordCount"] == job["processedRecordCount"]
    message = refused("ConflictException", 400, bedrock.stop_model_invocation_job, jobIdentifier=arn)
    assert "Stopped" in message
    assert box.stop() == 0


def test_a_job_goes_on_after_a_crash(tmp_path):
    first = harness.Sandbox(tmp_path / "box", job_seconds=600)
    put_records(first, "crash/input.jsonl", [record(i) for i in range(100)])
    arn = create(first, "crash/input.jsonl")
    first.kill()
    second = harness.Sandbox(tmp_path / "box", job_seconds=0)
    job = wait(second, arn)
    assert (job["status"], job["successRecordCount"]) == ("Completed", 100)
    assert second.stop() == 0


def test_a_token_makes_one_job(box, bedrock):
    request = job_request("token/input.jsonl", clientRequestToken="token-1")
    arn = bedrock.create_model_invocation_job(**request)["jobArn"]
    assert bedrock.create_model_invocation_job(**request)["jobArn"] == arn
    refused("ConflictException", 400, client(box).create_model_invocation_job, **{**request, "jobName": "other"})
    assert wait(box, arn)["clientRequestToken"] == "token-1"


@pytest.mark.parametrize("change,where,constraint", [
    ({"jobName": "under_score"}, "jobName", "regular expression pattern: [a-zA-Z0-9]{1,63}"),
    ({"jobName": "-dash"}, "jobName", "regular expression"),
    ({"jobName": "x" * 64}, "jobName", "length less than or equal to 63"),
    ({"jobName": None}, "jobName", "must not be null"),
    ({"roleArn": "arn:aws:iam::1:role/x"}, "roleArn", "regular expression"),
    ({"modelId": "us.openai.gpt-5.6-sol"}, "modelId", "regular expression"),
    ({"clientRequestToken": "with_underscore"}, "clientRequestToken", "regular expression"),
    ({"timeoutDurationInHours": 23}, "timeoutDurationInHours", "value greater than or equal to 24"),
    ({"timeoutDurationInHours": 169}, "timeoutDurationInHours", "value less than or equal to 168"),
    ({"modelInvocationType": "Other"}, "modelInvocationType", "enum value set: [InvokeModel, Converse]"),
    ({"inputDataConfig": {"s3InputDataConfig": {"s3Uri": "s3://bucket/with space"}}},
     "inputDataConfig.s3InputDataConfig.s3Uri", "regular expression"),
    ({"inputDataConfig": {"s3InputDataConfig": {"s3Uri": "s3://bucket/v1:0/x.jsonl"}}},
     "inputDataConfig.s3InputDataConfig.s3Uri", "regular expression"),
    ({"outputDataConfig": {"s3OutputDataConfig": {"s3Uri": "s3://bucket//x"}}},
     "outputDataConfig.s3OutputDataConfig.s3Uri", "regular expression"),
    ({"outputDataConfig": {}}, "outputDataConfig", "exactly one"),
    ({"tags": [{"key": "a*", "value": ""}]}, "tags.1.member.key", "regular expression"),
    ({"vpcConfig": {"subnetIds": [], "securityGroupIds": ["sg-1"]}}, "vpcConfig.subnetIds", "length greater"),
])
def test_what_create_refuses(box, change, where, constraint):
    request = {k: v for k, v in {**job_request("x/input.jsonl", clientRequestToken="t"), **change}.items() if v is not None}
    status, headers, body = signed(box, "POST", "/model-invocation-job", json.dumps(request).encode())
    assert status == 400 and headers["x-amzn-ErrorType"].split(":")[0] == "ValidationException"
    assert headers["x-amzn-RequestId"]
    message = json.loads(body)["message"]
    assert message.startswith("1 validation error detected: Value ")
    assert f"at '{where}' failed to satisfy constraint: Member" in message and constraint in message


def test_all_that_is_wrong_is_named_at_once(box):
    message = json.loads(signed(box, "POST", "/model-invocation-job", b"{}")[2])["message"]
    assert message.startswith("5 validation errors detected: Value null at 'jobName' failed to satisfy constraint: "
                              "Member must not be null; ")


def test_a_model_without_batch_is_refused(bedrock):
    message = refused("ValidationException", 400, bedrock.create_model_invocation_job,
                      **job_request("x/input.jsonl", modelId="amazon.nova-canvas-v1:0"))
    assert message == "Batch inference is not supported for the requested model."


def test_only_a_jobs_arn_names_it(box, bedrock):
    arn = create(box, "named.jsonl")
    assert wait(box, arn)["jobArn"] == arn
    assert refused("ValidationException", 400, bedrock.get_model_invocation_job,
                   jobIdentifier=arn[-12:]) == "The provided ARN is invalid"
    refused("ResourceNotFoundException", 404, bedrock.get_model_invocation_job, jobIdentifier=arn[:-12] + "aaaaaaaaaaaa")
    refused("ResourceNotFoundException", 404, client(box, region="eu-west-1").get_model_invocation_job, jobIdentifier=arn)
    once = urllib.parse.quote(arn, safe="")
    status, _, body = signed(box, "GET", f"/model-invocation-job/{once}")
    assert status == 200 and json.loads(body)["jobArn"] == arn
    twice = urllib.parse.quote(once, safe="")
    status, _, body = signed(box, "GET", f"/model-invocation-job/{twice}")
    assert (status, json.loads(body)["message"]) == (400, "The provided ARN is invalid")
    status, headers, _ = signed(box, "GET", f"/model-invocation-job/{arn}")
    assert status == 404 and headers["x-amzn-ErrorType"].startswith("UnknownOperationException")


def test_jobs_are_listed_with_filters_and_pages(slow):
    bedrock = slow.client("bedrock")
    arns = [create(slow, f"list/{i}.jsonl") for i in range(5)]
    bedrock.stop_model_invocation_job(jobIdentifier=arns[2])
    everything = bedrock.list_model_invocation_jobs()["invocationJobSummaries"]
    assert {j["jobArn"] for j in everything} == set(arns)
    times = [j["submitTime"] for j in everything]
    assert times == sorted(times, reverse=True)
    oldest_first = bedrock.list_model_invocation_jobs(sortOrder="Ascending")["invocationJobSummaries"]
    assert [j["jobArn"] for j in oldest_first] == [j["jobArn"] for j in everything][::-1]
    pages = bedrock.get_paginator("list_model_invocation_jobs").paginate(PaginationConfig={"PageSize": 2})
    pages = [[j["jobArn"] for j in page["invocationJobSummaries"]] for page in pages]
    assert [len(p) for p in pages] == [2, 2, 1] and sum(pages, []) == [j["jobArn"] for j in everything]
    stopping = bedrock.list_model_invocation_jobs(statusEquals="Stopping")["invocationJobSummaries"]
    assert [j["jobArn"] for j in stopping] == [arns[2]]
    named = bedrock.list_model_invocation_jobs(nameContains="list-3")["invocationJobSummaries"]
    assert [j["jobArn"] for j in named] == [arns[3]]
    middle = times[2]
    after = bedrock.list_model_invocation_jobs(submitTimeAfter=middle)["invocationJobSummaries"]
    before = bedrock.list_model_invocation_jobs(submitTimeBefore=middle)["invocationJobSummaries"]
    assert all(j["submitTime"] > middle for j in after) and all(j["submitTime"] < middle for j in before)
    assert len(after) + len(before) + times.count(middle) == 5
    for bad in ({"statusEquals": "Done"}, {"maxResults": 1001}, {"sortOrder": "Up"}, {"nextToken": "???"}):
        refused("ValidationException", 400, client(slow, validate=False).list_model_invocation_jobs, **bad)


def test_invoke_model_answers_in_claudes_shape(runtime):
    def ask(text="Hello world!", **more):
        answer = runtime.invoke_model(modelId=MODEL, body=json.dumps(body_of(text, **more)))
        body = json.loads(answer["body"].read())
        headers = answer["ResponseMetadata"]["HTTPHeaders"]
        assert int(headers["x-amzn-bedrock-output-token-count"]) == body["usage"]["output_tokens"]
        return body

    hello = ask(system="You are a helpful assistant.")
    assert hello["id"].startswith("msg_bdrk_") and hello["model"].startswith("claude-3-5-sonnet")
    assert re.match("(Hello|Hi)", hello["content"][0]["text"])
    assert ask(system="You are a helpful assistant.") == hello
    assert ask(system="You are an unhelpful assistant.")["content"] != hello["content"]
    cut = ask("Tell me about the moon", max_tokens=3)
    assert cut["stop_reason"] == "max_tokens" and cut["usage"]["output_tokens"] == 3
    assert len(cut["content"][0]["text"]) <= 12
    word = ask("Tell me about the moon")["content"][0]["text"].split(" ")[2]
    stopped = ask("Tell me about the moon", stop_sequences=["never said", word])
    assert (stopped["stop_reason"], stopped["stop_sequence"]) == ("stop_sequence", word)
    assert word not in stopped["content"][0]["text"]
    tool = {"name": "get_weather", "input_schema": {"type": "object", "required": ["city", "unit"], "properties": {
        "city": {"type": "string"}, "unit": {"enum": ["c", "f"]}, "days": {"type": "integer"}}}}
    called = ask("What is the weather in Paris?", tools=[tool], tool_choice={"type": "any"})
    assert called["stop_reason"] == "tool_use"
    assert called["content"][0]["type"] == "tool_use" and called["content"][0]["name"] == "get_weather"
    assert called["content"][0]["input"]["city"] == "Paris"
    assert called["content"][0]["input"]["unit"] in ("c", "f") and len(called["content"][0]["input"]) == 2


@pytest.mark.parametrize("body,message", [
    ({"max_tokens": 1, "messages": []}, "anthropic_version: Field required"),
    ({**body_of(), "max_tokens": 0}, "max_tokens: Input should be greater than or equal to 1"),
    ({k: v for k, v in body_of().items() if k != "max_tokens"}, "max_tokens: Field required"),
    (body_of(messages=[]), "messages: at least one message is required"),
    (body_of(messages=[{"role": "assistant", "content": "x"}]), 'messages: first message must use the "user" role'),
    (body_of([{"type": "text", "text": ""}]), "messages: text content blocks must be non-empty"),
    (body_of(temperature=1.5), "temperature: range: 0..1"),
    (body_of(model="x"), "model: Extra inputs are not permitted"),
    (body_of(stop_sequences=[" "]), "stop_sequences: each stop sequence must contain non-whitespace"),
])
def test_what_the_model_refuses(runtime, body, message):
    assert refused("ValidationException", 400, runtime.invoke_model, modelId=MODEL, body=json.dumps(body)) == message


@pytest.mark.parametrize("code,name", [(400, "ValidationException"), (429, "ThrottlingException"),
                                       (500, "InternalServerException"), (503, "ServiceUnavailableException"),
                                       (424, "ModelErrorException")])
def test_an_error_can_be_asked_for(box, code, name):
    runtime = client(box, "bedrock-runtime")
    text = f"please fail: [[sandbox:error {code} as asked]]"
    assert refused(name, code, runtime.invoke_model, modelId=MODEL, body=json.dumps(body_of(text))) == "as asked"


def test_an_unknown_model_is_refused(runtime):
    refused("ValidationException", 400, runtime.invoke_model, modelId="no.such-model", body=b"{}")


def test_signatures_are_verified(box):
    refused("InvalidSignatureException", 403, client(box, secret="wrong").list_model_invocation_jobs)
    refused("InvalidSignatureException", 403, client(box, "bedrock-runtime", secret="wrong").invoke_model,
            modelId=MODEL, body=json.dumps(body_of()))
    refused("UnrecognizedClientException", 403, client(box, access="AKIAUNKNOWN000000000").list_model_invocation_jobs)
    refused("UnrecognizedClientException", 403, client(box, aws_session_token="made-up").list_model_invocation_jobs)
    address = urllib.parse.urlsplit(box.url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=30)
    connection.request("GET", "/model-invocation-jobs")
    response = connection.getresponse()
    assert response.status == 403
    assert response.headers["x-amzn-ErrorType"].startswith("MissingAuthenticationTokenException")
    connection.close()


def test_converse_jobs_answer_in_converses_shape(box):
    def converse(i, **more):
        return {"recordId": f"c{i}", "modelInput": {"messages": [{"role": "user", "content": [{"text": f"Question {i}"}]}],
                                                    "inferenceConfig": {"maxTokens": 300}, **more}}

    put_records(box, "converse/input.jsonl", [converse(i) for i in range(100)] + [converse(100, toolConfig={"tools": []})])
    arn = create(box, "converse/input.jsonl", modelInvocationType="Converse")
    job = wait(box, arn)
    assert (job["successRecordCount"], job["errorRecordCount"]) == (100, 1)
    for row in rows(box, arn):
        if row["recordId"] == "c100":
            assert row["error"]["errorCode"] == 400
            continue
        block = row["modelOutput"]["output"]["message"]["content"][0]
        assert block["text"] and block["toolUse"] is None
        assert row["modelOutput"]["stopReason"] == "end_turn"
        usage = row["modelOutput"]["usage"]
        assert usage["inputTokens"] + usage["outputTokens"] == usage["totalTokens"]
