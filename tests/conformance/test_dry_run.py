"""POST /v1/batches with "dry_run": true: what would become of the batch, and nothing becomes of it."""

import uuid

import openai
import pytest

import harness
from harness import chat_line, chat_lines, to_jsonl


@pytest.fixture(scope="module")
def aws(tmp_path_factory):
    running = harness.Sandbox(tmp_path_factory.mktemp("sandbox"))
    yield running
    assert running.stop() == 0, running.log_end()


@pytest.fixture(scope="module")
def gateway(aws, tmp_path_factory):
    directory = tmp_path_factory.mktemp("gateway")
    running = harness.Server(directory / "server", harness.write_config(directory / "config.yaml", aws), sandbox=False)
    yield running
    assert running.stop() == 0, running.log_end()


def objects(aws):
    """Every object that S3 has: (key, tag). Also what is under way."""
    s3 = aws.client("s3")
    assert s3.list_multipart_uploads(Bucket=harness.BUCKET).get("Uploads", []) == []
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=harness.BUCKET)
    return {(each["Key"], each["ETag"]) for page in pages for each in page.get("Contents", [])}


def dry_run(server, content, **changes):
    client = server.client()
    file = client.files.create(file=("in.jsonl", content), purpose="batch")
    body = {"input_file_id": file.id, "endpoint": "/v1/chat/completions", "completion_window": "24h", **changes}
    answer = client.batches.with_raw_response.create(**body, extra_body={"dry_run": True})
    assert answer.status_code == 200
    return file.id, answer.http_response.json()


def test_a_good_file_is_its_jobs_and_nothing_is_created(gateway, aws):
    client = gateway.client()
    file = client.files.create(file=("in.jsonl", chat_lines(150)), purpose="batch")
    before = objects(aws)
    batches = [batch.id for batch in client.batches.list()]
    spend = gateway.spend()
    key = {"Idempotency-Key": str(uuid.uuid4())}
    body = {"input_file_id": file.id, "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    run = client.batches.with_raw_response.create(
        **body, extra_body={"dry_run": True}, extra_headers=key).http_response.json()

    assert (run["object"], run["would"], run["input_file_id"]) == ("batch.dry_run", "complete_validation", file.id)
    assert run["request_counts"] == {"total": 150, "refused": 0}
    assert run["models"] == [{"model": harness.MODEL, "lines": 150, "refused": 0, "known": True}]
    [job] = run["jobs"]
    assert (job["kind"], job["model_id"], job["records"]) == ("batch", harness.BEDROCK_MODEL, 150)
    assert (job["region"], job["bucket"]) == (harness.REGION, harness.BUCKET)
    assert job["bytes"] > 150 * 50
    assert run["estimate"]["input_tokens"] > 0 and run["estimate"]["output_tokens_max"] > 0
    assert run["errors"] == {"object": "list", "data": [], "total": 0}

    assert objects(aws) == before
    assert [batch.id for batch in client.batches.list()] == batches
    assert aws.jobs() == []
    assert gateway.spend() == spend

    # The key and the body are as good as new: the real one is created.
    created = client.batches.create(**body, extra_headers=key)
    assert created.status == "validating" and created.id.startswith("batch_")
    assert gateway.wait(created.id)["status"] == "completed"
    [real] = aws.jobs()
    assert real["totalRecordCount"] == 150


def test_each_fault_is_named_as_the_batch_would_name_it(gateway, aws):
    lines = [chat_line("a"), b"{broken", chat_line("a"), chat_line("b", n=2), chat_line("c", model="gpt-4")]
    jobs = len(aws.jobs())
    _, run = dry_run(gateway, to_jsonl(lines))
    assert run["would"] == "fail"
    assert [(e["line"], e["code"], e["param"]) for e in run["errors"]["data"]] == [
        (2, "invalid_json_line", None), (3, "duplicate_custom_id", "custom_id"), (5, "model_not_found", "body.model")]
    [refused] = run["refused"]["data"]
    assert (refused["line"], refused["custom_id"], refused["param"]) == (4, "b", "body.n")
    assert run["request_counts"] == {"total": 5, "refused": 1}
    assert len(aws.jobs()) == jobs


def test_so_many_findings_are_listed_and_the_rest_counted(gateway):
    _, run = dry_run(gateway, to_jsonl([chat_line("a"), *[b"{"] * 1200]))
    assert len(run["errors"]["data"]) == 1000
    assert run["errors"]["total"] == 1200


def test_wrong_parameters_are_answered_as_creating_does(gateway):
    client = gateway.client()
    file = client.files.create(file=("in.jsonl", chat_lines(1)), purpose="batch")
    good = {"input_file_id": file.id, "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    for changes in ({"input_file_id": "file-00000000000000000000000000000000"}, {"endpoint": "/v1/images"},
                    {"completion_window": "1h"}):
        answers = []
        for extra in ({}, {"dry_run": True}):
            with pytest.raises(openai.APIStatusError) as refused:
                client.batches.create(**{**good, **changes}, extra_body=extra)
            answers.append((refused.value.status_code, refused.value.body))
        assert answers[0] == answers[1]


def test_what_is_no_boolean_is_refused_and_creates_nothing(gateway):
    client = gateway.client()
    file = client.files.create(file=("in.jsonl", chat_lines(1)), purpose="batch")
    batches = [batch.id for batch in client.batches.list()]
    with pytest.raises(openai.BadRequestError) as refused:
        client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h",
                              extra_body={"dry_run": "true"})
    assert refused.value.param == "dry_run"
    assert [batch.id for batch in client.batches.list()] == batches


def test_false_creates(gateway):
    client = gateway.client()
    file = client.files.create(file=("in.jsonl", chat_lines(1)), purpose="batch")
    created = client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h",
                                    extra_body={"dry_run": False})
    assert gateway.wait(created.id)["status"] == "completed"
