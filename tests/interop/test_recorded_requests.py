"""What `quarry serve` really sends to Bedrock and STS in its work: a proxy in front of the sandbox keeps every
request, and AWS's service models judge them."""

import collections
import json
import urllib.parse

import harness
import pytest
import service_model
from service_model import Request

ROLE = "arn:aws:iam::123456789012:role/quarry-gateway"
SERVICE_ROLE = "arn:aws:iam::123456789012:role/quarry-batch"
KMS_KEY = "arn:aws:kms:us-west-2:123456789012:key/12345678-1234-1234-1234-123456789012"
SUBNETS = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
GROUPS = ["sg-0123456789abcdef0"]
JOBS = 12  # one of each deployment with jobs, eight of "many", and the one that is stopped


class Recorder:
    """Hands every request on to the sandbox as it came, and keeps it."""

    def __init__(self, sandbox):
        self.port = sandbox.ports["sandbox"]
        self.requests = []
        self.server = harness.FakeServer(self._forward)
        self.url = self.server.url

    def _forward(self, method, path, headers, body):
        self.requests.append(Request(method, path, headers.items(), body))
        return harness.passed_on(self.port, method, path, headers, body)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    directory = tmp_path_factory.mktemp("recorded")
    sandbox = harness.Sandbox(directory / "sandbox", job_seconds=2)
    recorder = Recorder(sandbox)
    server = harness.Server(directory / "server", config=write_config(directory / "config.yaml", sandbox, recorder.url), sandbox=False,
                            environment={"AWS_ACCESS_KEY_ID": harness.ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": harness.SECRET_KEY})
    work(server)
    assert server.stop() == 0, server.log_end()
    assert sandbox.stop() == 0, sandbox.log_end()
    recorder.server.close()
    return [(request, service_model.read(request)) for request in recorder.requests]


def write_config(path, sandbox, recorder_url):
    common = {
        "aws_region_name": harness.REGION, "aws_role_name": ROLE, "aws_session_name": "quarry-test", "aws_sts_endpoint": recorder_url,
        "s3_bucket_name": harness.BUCKET, "s3_endpoint_url": sandbox.url, "aws_bedrock_endpoint": recorder_url,
        "aws_bedrock_runtime_endpoint": recorder_url, "aws_batch_role_arn": SERVICE_ROLE,
    }
    everything = {
        "bedrock_tags": [{"Key": "team", "Value": "ml"}, {"Key": "cost center", "Value": "a/b=c"}], "bedrock_vpc_config": {"subnet_ids": SUBNETS, "security_group_ids": GROUPS},
        "bedrock_timeout_hours": 72, "s3_encryption_key_id": KMS_KEY, "s3_bucket_owner": "123456789012",
    }
    models = {
        "plain": {"model": f"bedrock/{harness.BEDROCK_MODEL}"},
        "many": {"model": f"bedrock/{harness.BEDROCK_MODEL}", "max_records_per_job": 100},
        "everything": {"model": f"bedrock/{harness.BEDROCK_MODEL}", "bedrock_invocation": "converse", **everything},
        "profile": {"model": "bedrock/arn:aws:bedrock:us-west-2:123456789012:application-inference-profile/abcdefghij12",
                    "bedrock_model_family": "anthropic"},
        "converse": {"model": "bedrock/us.amazon.nova-lite-v1:0", "bedrock_invocation": "converse"},
        "embed": {"model": "bedrock/amazon.titan-embed-text-v2:0"},
    }
    document = {
        "model_list": [{"model_name": name, "litellm_params": {**common, **params}, "model_info": {"mode": "batch"}}
                       for name, params in models.items()],
        "general_settings": {"master_key": harness.KEY, "proxy_batch_polling_interval": 1},
    }
    path.write_text(json.dumps(document))
    return path


def chat(model, count):
    return harness.to_jsonl(harness.chat_line(f"{model}-{i}", f"Question {i} é", model=model) for i in range(count))


def embeddings(model, count):
    return harness.to_jsonl(
        {"custom_id": f"e{i}", "method": "POST", "url": "/v1/embeddings", "body": {"model": model, "input": f"text {i}"}}
        for i in range(count))


def work(server):
    """Jobs of both kinds, many at once, small batches that run on demand, and one that is stopped."""
    for model, lines in (("plain", 120), ("everything", 120), ("profile", 120), ("many", 800)):
        done = server.run_batch(chat(model, lines))
        assert (done["status"], done["request_counts"]["completed"]) == ("completed", lines), (done, server.log_end())
    for model in ("plain", "profile", "converse"):
        done = server.run_batch(chat(model, 3))
        assert (done["status"], done["request_counts"]["completed"]) == ("completed", 3), (done, server.log_end())
    done = server.run_batch(embeddings("embed", 2), endpoint="/v1/embeddings")
    assert (done["status"], done["request_counts"]["completed"]) == ("completed", 2), (done, server.log_end())
    file = server.upload(chat("plain", 120)).json["id"]
    created = server.request("POST", "/v1/batches", {
        "input_file_id": file, "endpoint": "/v1/chat/completions", "completion_window": "24h"}).json
    server.wait(created["id"], until={"in_progress"})
    server.request("POST", f"/v1/batches/{created['id']}/cancel")
    assert server.wait(created["id"])["status"] == "cancelled"


def of(recorded, operation):
    return [call.params for _, call in recorded if call.operation == operation]


def test_every_request_of_a_server_is_what_the_model_says(recorded, capsys):
    """That each could be read at all is the proof; here, that there were some of every kind."""
    counts = collections.Counter(call.operation for _, call in recorded)
    with capsys.disabled():
        print("\nvalidated:", dict(counts))
    assert set(counts) >= {"AssumeRole", "CreateModelInvocationJob", "ListModelInvocationJobs", "StopModelInvocationJob",
                           "GetModelInvocationJob", "InvokeModel", "Converse"}


def test_every_request_is_signed_as_the_role(recorded):
    for request, call in recorded:
        token = request.header("X-Amz-Security-Token")
        assert (token is None) == (call.operation == "AssumeRole")
        assert f"/{harness.REGION}/{service_model.SIGNING_NAMES[call.service]}/aws4_request" in request.header("Authorization")


def test_one_role_session_serves_all_deployments(recorded):
    assert of(recorded, "AssumeRole") == [{"RoleArn": ROLE, "RoleSessionName": "quarry-test"}]


def test_a_job_carries_what_its_deployment_says(recorded):
    by_type = collections.defaultdict(list)
    for job in of(recorded, "CreateModelInvocationJob"):
        by_type["everything" if "vpcConfig" in job else job["modelId"]].append(job)
    [job] = by_type.pop("everything")
    assert job["modelInvocationType"] == "Converse"
    assert job["timeoutDurationInHours"] == 72
    assert job["vpcConfig"] == {"subnetIds": SUBNETS, "securityGroupIds": GROUPS}
    tags = {tag["key"]: tag["value"] for tag in job["tags"]}
    assert {"team": "ml", "cost center": "a/b=c"}.items() <= tags.items()
    output = job["outputDataConfig"]["s3OutputDataConfig"]
    assert output["s3EncryptionKeyId"] == KMS_KEY
    assert output["s3BucketOwner"] == job["inputDataConfig"]["s3InputDataConfig"]["s3BucketOwner"] == "123456789012"
    assert [job["modelInvocationType"] for jobs in by_type.values() for job in jobs] == ["InvokeModel"] * (JOBS - 1)
    assert all(job["roleArn"] == SERVICE_ROLE for job in of(recorded, "CreateModelInvocationJob"))


def test_no_two_jobs_share_a_name_or_a_token(recorded):
    jobs = of(recorded, "CreateModelInvocationJob")
    assert len({job["jobName"] for job in jobs}) == len({job["clientRequestToken"] for job in jobs}) == len(jobs) == JOBS


def test_a_stopped_job_is_named_by_its_whole_arn(recorded):
    stopped = {params["jobIdentifier"] for params in of(recorded, "StopModelInvocationJob")}
    assert stopped and all(arn.startswith("arn:aws:bedrock:us-west-2:123456789012:model-invocation-job/") for arn in stopped)


def test_an_arn_is_one_segment_of_the_path(recorded):
    paths = {request.path for request, call in recorded if call.operation == "InvokeModel"}
    arn = "arn:aws:bedrock:us-west-2:123456789012:application-inference-profile/abcdefghij12"
    assert f"/model/{urllib.parse.quote(arn, safe='')}/invoke" in paths
    assert "/model/amazon.titan-embed-text-v2%3A0/invoke" in paths
