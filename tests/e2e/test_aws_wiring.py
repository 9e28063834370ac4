"""What config.yaml says of credentials, roles, keys, buckets and regions is what every call is made with: the upload,
the job, the looks at it, its end, the results, the deletion. The sandbox's account refuses everything else."""

import json

import pytest

import exactness
import fleet
import harness

CLAUDE = "us.anthropic.claude-3-5-sonnet-20240620-v1:0"
OWN, AMBIENT = ("AKIADEPLOYMENT000001", "deployment-secret"), ("AKIAAMBIENT000000001", "ambient-secret")
ROLE = "arn:aws:iam::123456789012:role/gateway"
BATCH_ROLE = "arn:aws:iam::123456789012:role/quarry-test"
KMS_KEY = f"arn:aws:kms:{harness.REGION}:123456789012:key/11111111-2222-3333-4444-555555555555"
OTHER_BUCKET = "quarry-results"
USERS = {OWN[0]: {"secret": OWN[1], "name": "deployment"}, AMBIENT[0]: {"secret": AMBIENT[1], "name": "ambient"}}
AMBIENT_ENVIRONMENT = {"AWS_ACCESS_KEY_ID": AMBIENT[0], "AWS_SECRET_ACCESS_KEY": AMBIENT[1]}
EVERYTHING = [{"principal": "user/ambient", "action": "s3:"}, {"principal": "user/ambient", "action": "bedrock:"}]


def account(denied=EVERYTHING, **more):
    return {"users": USERS, "denied": denied, **more}


class World:
    """A sandbox with an account, and a server with one or more deployments before it."""

    def __init__(self, directory, document, deployments, environment=None, job_seconds=0.3, general=None):
        self.directory = directory
        self.sandbox = harness.Sandbox(directory / "sandbox", job_seconds, ["--bucket", OTHER_BUCKET])
        self.sandbox._control("PUT", "account", document)
        entries = []
        for params in deployments:
            params = dict(params)
            entry = fleet.deployment("claude", params.pop("model", CLAUDE), self.sandbox,
                                     params.pop("region", harness.REGION), harness.BUCKET,
                                     **{"aws_sts_endpoint": self.sandbox.url, **params})
            entry["litellm_params"]["s3_region_name"] = harness.REGION
            for name, value in list(entry["litellm_params"].items()):
                if value is None:
                    del entry["litellm_params"][name]
            entries.append(entry)
        self.config = fleet.write_config(directory / "config.yaml", entries,
                                         **{"proxy_batch_polling_interval": 0.2, **(general or {})})
        self.environment = environment or {}
        self.start()

    def start(self):
        self.server = harness.Server(self.directory / "server", self.config, sandbox=False,
                                     environment=self.environment)

    def run(self, count=120):
        """A whole life: upload, batch, results, deletion; every line answered. Returns the batch."""
        lines = [harness.chat_line(f"line-{i}", f"[[sandbox:echo answer {i}]]", "claude") for i in range(count)]
        batch = self.server.run_batch(harness.to_jsonl(lines))
        assert batch["status"] == "completed", f"{batch}\n{self.server.log_end()}"
        exactness.check_answers(self.server, batch, [line["custom_id"] for line in lines])
        answer = self.server.request("DELETE", f"/v1/files/{batch['input_file_id']}")
        assert answer.status == 200, answer.text
        return batch

    def cancel(self):
        """A batch that is stopped while its job runs."""
        before = len(self.sandbox.records()["jobs"])
        file = self.server.upload(harness.to_jsonl(
            [harness.chat_line(f"line-{i}", model="claude") for i in range(120)]))
        assert file.status == 200, file.text
        batch = self.server.request("POST", "/v1/batches", {
            "input_file_id": file.json["id"], "endpoint": "/v1/chat/completions", "completion_window": "24h"}).json
        harness.await_true(lambda: len(self.sandbox.records()["jobs"]) > before)
        self.server.request("POST", f"/v1/batches/{batch['id']}/cancel")
        assert self.server.wait(batch["id"])["status"] == "cancelled"

    def failure(self, count=120):
        """A batch that ends as failed: its first error."""
        lines = [harness.chat_line(f"line-{i}", model="claude") for i in range(count)]
        batch = self.server.run_batch(harness.to_jsonl(lines))
        assert batch["status"] == "failed", batch
        return batch["errors"]["data"][0]

    def stop(self):
        assert self.server.stop() == 0, self.server.log_end()
        assert self.sandbox.stop() == 0, self.sandbox.log_end()


@pytest.fixture
def world(tmp_path):
    made = []

    def make(document, *deployments, **more):
        made.append(World(tmp_path / f"world-{len(made)}", document, deployments or ({},), **more))
        return made[-1]

    yield make
    for one in made:
        one.stop()


KEYS = {"aws_access_key_id": OWN[0], "aws_secret_access_key": OWN[1]}


def test_the_deployments_keys_sign_everything_whatever_the_process_has(world):
    running = world(account(), KEYS, environment=AMBIENT_ENVIRONMENT, job_seconds=2)
    running.run()
    running.cancel()
    running.run(count=3)  # on demand
    assert AMBIENT[0] not in running.sandbox.log()


def test_the_deployments_profile_signs_everything_whatever_the_process_has(world, tmp_path):
    profiles = tmp_path / "aws-config"
    profiles.write_text(f"[profile night]\naws_access_key_id = {OWN[0]}\naws_secret_access_key = {OWN[1]}\n")
    nobody = {"aws_access_key_id": None, "aws_secret_access_key": None}
    running = world(account(), {**nobody, "aws_profile_name": "night"},
                    environment={**AMBIENT_ENVIRONMENT, "AWS_CONFIG_FILE": str(profiles)})
    running.run()


def test_a_role_is_taken_on_by_every_call_with_its_tags_and_external_id(world):
    base_may_only_ask_sts = [{"principal": "user/deployment", "action": "s3:"},
                             {"principal": "user/deployment", "action": "bedrock:"}]
    running = world(
        account(EVERYTHING + base_may_only_ask_sts,
                roles={ROLE: {"external_id": "ext-1", "tags": {"team": "ml"}}}),
        {**KEYS, "aws_role_name": ROLE, "aws_external_id": "ext-1", "aws_session_name": "nightly",
         "aws_session_tags": [{"key": "team", "value": "ml"}]},
        environment=AMBIENT_ENVIRONMENT, job_seconds=2)
    running.run()
    running.cancel()
    running.run(count=3)


def test_a_role_that_is_not_given_is_said_so_with_its_name(world):
    running = world(account(roles={ROLE: {"external_id": "another"}}),
                    {**KEYS, "aws_role_name": ROLE, "aws_external_id": "ext-1"})
    answer = running.server.upload(harness.chat_lines(2))
    assert answer.status >= 500, answer.text
    assert ROLE in running.server.log() and "sts:AssumeRole" in running.server.log()


def test_sessions_that_expire_under_way_are_renewed(world):
    """Each session is over after a second or two; a batch takes longer."""
    running = world(account(session_seconds=2, roles={ROLE: {}}), {**KEYS, "aws_role_name": ROLE},
                    job_seconds=5)
    running.run()


def test_a_bucket_that_insists_on_a_key_gets_it_on_what_we_write_and_on_what_jobs_write(world):
    document = account(buckets={harness.BUCKET: {"required_kms_key": KMS_KEY}}, kms_keys={KMS_KEY: {}})
    running = world(document, {**KEYS, "s3_encryption_key_id": KMS_KEY})
    batch = running.run()
    s3 = running.sandbox.client("s3")
    found = s3.list_objects_v2(Bucket=harness.BUCKET, Prefix="quarry/")["Contents"]
    outputs = [entry["Key"] for entry in found if entry["Key"].endswith(".jsonl.out")]
    assert outputs, "the job's own output"
    for key in outputs:
        head = s3.head_object(Bucket=harness.BUCKET, Key=key)
        assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", KMS_KEY)
    assert batch["output_file_id"]


def test_a_bucket_that_insists_on_a_key_is_named_where_none_is_set(world):
    running = world(account(buckets={harness.BUCKET: {"required_kms_key": KMS_KEY}}), KEYS)
    answer = running.server.upload(harness.chat_lines(2))
    assert answer.status >= 500, answer.text
    assert "s3_encryption_key_id" in running.server.log()


def test_a_key_that_may_not_be_used_is_named_with_the_permission(world):
    running = world(account(kms_keys={KMS_KEY: {"denied": ["kms:GenerateDataKey"]}}),
                    {**KEYS, "s3_encryption_key_id": KMS_KEY})
    answer = running.server.upload(harness.chat_lines(2))
    assert answer.status >= 500, answer.text
    assert "kms:GenerateDataKey" in running.server.log()


def test_jobs_may_write_to_a_bucket_of_their_own(world):
    running = world(account(), {**KEYS, "s3_output_bucket_name": f"{OTHER_BUCKET}/of/batches"})
    running.run()
    s3 = running.sandbox.client("s3")
    theirs = s3.list_objects_v2(Bucket=OTHER_BUCKET)["Contents"]
    assert any(entry["Key"].startswith("of/batches/results/") for entry in theirs)
    ours = s3.list_objects_v2(Bucket=harness.BUCKET)["Contents"]
    assert not any(entry["Key"].endswith(".jsonl.out") for entry in ours)


def test_what_jobs_write_elsewhere_is_swept_there(world):
    running = world(account(), {**KEYS, "s3_output_bucket_name": OTHER_BUCKET},
                    general={"job_files_retention_hours": 0, "janitor_interval": 1})
    running.run()
    s3 = running.sandbox.client("s3")
    harness.await_true(lambda: not any("/results/" in entry["Key"] for entry in
                                       s3.list_objects_v2(Bucket=OTHER_BUCKET).get("Contents", [])))


def test_a_bucket_in_another_region_is_told_at_the_start(world):
    running = world(account(buckets={harness.BUCKET: {"region": "eu-central-1"}}), KEYS)
    harness.await_true(lambda: "eu-central-1" in running.server.log())
    said = next(line for line in running.server.log().splitlines() if "eu-central-1" in line)
    assert harness.BUCKET in said and harness.REGION in said, said
    answer = running.server.upload(harness.chat_lines(2))
    assert answer.status >= 500, answer.text


def test_a_bucket_of_another_owner_is_refused_where_the_owner_is_named(world):
    running = world(account(buckets={harness.BUCKET: {"owner": "999999999999"}}),
                    {**KEYS, "s3_bucket_owner": "123456789012"})
    answer = running.server.upload(harness.chat_lines(2))
    assert answer.status >= 500, answer.text
    assert "s3_bucket_owner" in running.server.log()


def test_jobs_carry_their_tags_owners_network_and_time(world):
    running = world(account(), {
        **KEYS, "bedrock_tags": [{"key": "cost-centre", "value": "42"}], "bedrock_timeout_hours": 36,
        "s3_bucket_owner": "123456789012",
        "bedrock_vpc_config": {"subnet_ids": ["subnet-0a"], "security_group_ids": ["sg-0b"]}})
    running.run()
    bedrock = running.sandbox.client("bedrock")
    summary = bedrock.list_model_invocation_jobs()["invocationJobSummaries"][0]
    job = bedrock.get_model_invocation_job(jobIdentifier=summary["jobArn"])
    assert job["timeoutDurationInHours"] == 36
    assert job["vpcConfig"] == {"subnetIds": ["subnet-0a"], "securityGroupIds": ["sg-0b"]}
    assert job["inputDataConfig"]["s3InputDataConfig"]["s3BucketOwner"] == "123456789012"
    assert job["outputDataConfig"]["s3OutputDataConfig"]["s3BucketOwner"] == "123456789012"
    tags = bedrock.list_tags_for_resource(resourceARN=summary["jobArn"])["tags"]
    assert tags == [{"key": "cost-centre", "value": "42"}]


def test_a_batch_stays_with_the_deployment_that_has_its_job(world):
    """Two regions behind one name; after a restart with the entries the other way round each job is still found."""
    running = world(account(), {**KEYS, "id": "west"}, {**KEYS, "region": "us-east-1", "id": "east"},
                    job_seconds=3)
    lines = [harness.chat_line(f"line-{i}", f"[[sandbox:echo answer {i}]]", "claude") for i in range(120)]
    file = running.server.upload(harness.to_jsonl(lines)).json
    batch = running.server.request("POST", "/v1/batches", {
        "input_file_id": file["id"], "endpoint": "/v1/chat/completions", "completion_window": "24h"}).json
    harness.await_true(lambda: running.sandbox.records()["jobs"])
    assert running.server.stop() == 0
    text = running.config.read_text()
    document = json.loads(text)
    document["model_list"].reverse()
    running.config.write_text(json.dumps(document))
    running.start()
    ended = running.server.wait(batch["id"])
    exactness.check_answers(running.server, ended, [line["custom_id"] for line in lines])
    assert len(running.sandbox.records()["jobs"]) == 1, "no job was made twice"


def test_a_missing_pass_role_fails_the_batch_with_the_permission_and_leaves_nothing_staged(world):
    running = world(account(EVERYTHING + [{"principal": "user/deployment", "action": "iam:PassRole"}]), KEYS,
                    general={"job_files_retention_hours": 0, "janitor_interval": 1})
    error = running.failure()
    assert "iam:PassRole" in error["message"] and "iam:PassedToService" in error["message"], error
    assert BATCH_ROLE not in error["message"], "clients see no ARNs"
    assert f"allow iam:PassRole on {BATCH_ROLE}" in running.server.log()
    s3 = running.sandbox.client("s3")
    harness.await_true(lambda: not any("/jobs/" in entry["Key"] for entry in
                                       s3.list_objects_v2(Bucket=harness.BUCKET).get("Contents", [])))


def test_an_account_without_batch_is_no_fault_of_the_lines(world):
    running = world(account(), KEYS)
    words = "Your account is not authorized to perform this action. Please create a support case."
    running.sandbox.set_faults([{"operation": "CreateModelInvocationJob", "fault": "error", "status": 400,
                                 "code": "ValidationException", "message": words}])
    error = running.failure()
    assert words in error["message"], error
    assert running.sandbox.faults()[0]["fired"] == 1, "it is not asked again what will not change"


def test_an_api_key_speaks_for_bedrock_and_keys_for_s3(world):
    running = world(account(bearer_tokens=["bedrock-api-key-1"]), {**KEYS, "api_key": "bedrock-api-key-1"})
    running.run()
    assert "bedrock-api-key-1" not in running.server.log()
