"""`quarry doctor` against a sandbox whose account is planted with one fault at a time: it names the fault, says what mends
it, and finds nothing else wrong; and it leaves nothing behind."""

import json
import os
import re
import signal
import subprocess
import time

import pytest

import harness
from harness import BUCKET, REGION

ACCOUNT = "123456789012"
USER = "quarry"
KEY_ID = "AKIADOCTORTEST000001"
SECRET = "doctor-test-secret-key-00000000000000000001"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/quarry-test"
KMS_KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
CLAUDE = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
RUN_SECONDS = 120
USERS = {KEY_ID: {"secret": SECRET, "name": USER, "account": ACCOUNT}}


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    sandbox = harness.Sandbox(tmp_path_factory.mktemp("sandbox"))
    yield sandbox
    sandbox.stop()


@pytest.fixture(autouse=True)
def fresh(sandbox):
    plant(sandbox)
    sandbox.set_faults([])


def plant(sandbox, buckets=None, **account):
    """The account: one user, the bucket in the jobs' region, and what a test adds."""
    bucket = {"region": REGION, **(buckets or {}).get(BUCKET, {})}
    sandbox._control("PUT", "account", {"users": USERS, "buckets": {BUCKET: bucket}, **account})


def config(directory, name="claude", **params):
    """A config.yaml of one deployment; a parameter of None is left out."""
    params = {"model": f"bedrock/{CLAUDE}", "aws_region_name": REGION, "aws_access_key_id": KEY_ID,
              "aws_secret_access_key": SECRET, "s3_bucket_name": BUCKET, "aws_batch_role_arn": ROLE, **params}
    entry = {"model_name": name, "litellm_params": {k: v for k, v in params.items() if v is not None},
             "model_info": {"mode": "batch"}}
    return write(directory, [entry])


def write(directory, entries):
    path = directory / "config.yaml"
    path.write_text(json.dumps({"model_list": entries}))  # JSON is YAML
    return path


def environment(sandbox):
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "QUARRY_"))}
    return {**clean, "AWS_ENDPOINT_URL": sandbox.url, "AWS_EC2_METADATA_DISABLED": "true"}


def doctor(sandbox, path, *args, **more):
    return subprocess.run([harness.binary(), "doctor", "--config", str(path), *args], capture_output=True, text=True,
                          timeout=RUN_SECONDS, env={**environment(sandbox), **more})


def examined(sandbox, path, *args):
    """The rows of the only deployment, by name, and the exit code."""
    run = doctor(sandbox, path, "--json", *args)
    assert run.returncode in (0, 1), run.stderr
    report = json.loads(run.stdout)
    assert (run.returncode == 0) == report["ok"]
    assert SECRET not in run.stdout + run.stderr
    rows = {}
    for check in report["deployments"][0]["checks"]:
        rows.setdefault(check["check"], check)
    return rows


def failed(rows):
    return [name for name, row in rows.items() if row["outcome"] == "failed"]


def objects(sandbox):
    listed = sandbox.client("s3").list_objects_v2(Bucket=BUCKET)
    return [one["Key"] for one in listed.get("Contents", [])]


def denied(action, principal=f"user/{USER}"):
    return {"denied": [{"principal": principal, "action": action, "resource": ""}]}


def refused_create(code, message):
    return [{"fault": "error", "operation": "CreateModelInvocationJob", "status": 400, "code": code,
             "message": message}]


def failing_job(message):
    return [{"operation": "Job", "fault": "fail", "message": message}]


def allows(action):
    """What a remedy's statement must have in it."""
    return f'"{action}"'


# name: (parts of the account, configuration's parameters, fault script, the row that fails, what its remedy says).
FAULTS = {
    "wrong secret": ({}, {"aws_secret_access_key": "another" + SECRET}, [], "identity", "secret does not belong"),
    "unknown key": ({}, {"aws_access_key_id": "AKIANOBODY0000000001"}, [], "identity", "does not know this key"),
    "foreign role": ({}, {"aws_batch_role_arn": "arn:aws:iam::999999999999:role/quarry-test"}, [], "role account",
                     f"arn:aws:iam::{ACCOUNT}:role/quarry-test"),
    "missing bucket": ({}, {"s3_bucket_name": "quarry-no-such-bucket"}, [], "bucket",
                       "create-bucket --bucket quarry-no-such-bucket"),
    "bucket elsewhere": ({"buckets": {BUCKET: {"region": "eu-west-1"}}}, {}, [], "bucket", "aws_region_name: eu-west-1"),
    "wrong owner": ({}, {"s3_bucket_owner": "111111111111"}, [], "owner", "s3_bucket_owner"),
    "foreign bucket": ({"buckets": {BUCKET: {"owner": "222222222222"}}}, {}, [], "owner", "s3_bucket_owner"),
    "no write": (denied("s3:PutObject"), {}, [], "write", allows("s3:PutObject")),
    "no read": (denied("s3:GetObject"), {}, [], "read", allows("s3:GetObject")),
    "no list": (denied("s3:ListBucket"), {}, [], "list", allows("s3:ListBucket")),
    "no delete": (denied("s3:DeleteObject"), {}, [], "delete", allows("s3:DeleteObject")),
    "no abort": (denied("s3:AbortMultipartUpload"), {}, [], "multipart", allows("s3:AbortMultipartUpload")),
    "no list of uploads": (denied("s3:ListBucketMultipartUploads"), {}, [], "list uploads",
                           allows("s3:ListBucketMultipartUploads")),
    "key required": ({"buckets": {BUCKET: {"required_kms_key": KMS_KEY}}}, {}, [], "write", "s3_encryption_key_id"),
    "key disabled": ({"kms_keys": {KMS_KEY: {"state": "Disabled"}}}, {"s3_encryption_key_id": KMS_KEY}, [], "encryption",
                     "aws kms enable-key"),
    "key going": ({"kms_keys": {KMS_KEY: {"state": "PendingDeletion"}}}, {"s3_encryption_key_id": KMS_KEY}, [],
                  "encryption", "cancel-key-deletion"),
    "no such key": ({"kms_keys": {KMS_KEY: {}}}, {"s3_encryption_key_id": KMS_KEY[:-1] + "6"}, [], "encryption",
                    "no such key"),
    "no data key": (denied("kms:GenerateDataKey"), {"s3_encryption_key_id": KMS_KEY}, [], "encryption", KMS_KEY),
    "no decrypting": (denied("kms:Decrypt"), {"s3_encryption_key_id": KMS_KEY}, [], "encryption", KMS_KEY),
    "no list of jobs": (denied("bedrock:ListModelInvocationJobs"), {}, [], "list jobs",
                        allows("bedrock:ListModelInvocationJobs")),
    "no pass role": (denied("iam:PassRole"), {}, [], "pass role", '"iam:PassedToService": "bedrock.amazonaws.com"'),
    "no create": (denied("bedrock:CreateModelInvocationJob"), {}, [], "create jobs",
                  allows("bedrock:CreateModelInvocationJob")),
    "no tags": (denied("bedrock:TagResource"), {"bedrock_tags": [{"key": "team", "value": "ml"}]}, [], "create jobs",
                allows("bedrock:TagResource")),
    "no get": (denied("bedrock:GetModelInvocationJob"), {}, [], "watch jobs", allows("bedrock:GetModelInvocationJob")),
    "no stop": (denied("bedrock:StopModelInvocationJob"), {}, [], "stop jobs",
                allows("bedrock:StopModelInvocationJob")),
    "no batch": ({}, {}, refused_create("ValidationException",
                                        "Batch inference is not supported for the requested model."), "model",
                 "quarry models --batch-only"),
    "no entitlement": ({}, {}, refused_create("ValidationException",
                                              "Your account is not authorized to perform this action. Please create a "
                                              "support case"), "model", "support case"),
    "below the quota's minimum": ({}, {"min_records_per_job": 10}, [], "quotas", "min_records_per_job"),
    "role not assumed": ({}, {}, failing_job(f"Bedrock could not assume the role {ROLE}."), "batch role",
                         f"arn:aws:bedrock:{REGION}:{ACCOUNT}:model-invocation-job/*"),
    "role cannot list": ({}, {}, failing_job(f"Access to the S3 location was denied: s3://{BUCKET}/quarry/"), "batch role",
                         allows("s3:ListBucket")),
    "role cannot decrypt": ({}, {}, failing_job(f"The role is not authorized to perform: kms:Decrypt on {KMS_KEY}"),
                            "batch role", allows("kms:DescribeKey")),
}


def test_a_deployment_without_a_fault_is_fine_and_nothing_is_left(sandbox, tmp_path, capsys):
    began = time.monotonic()
    rows = examined(sandbox, config(tmp_path))
    took = time.monotonic() - began
    with capsys.disabled():
        print(f"\n  quarry doctor took {took:.1f} s in the sandbox, where a job lives for 0.3 s")
    assert failed(rows) == []
    fine = {name for name, row in rows.items() if row["outcome"] == "ok"}
    assert fine >= {"identity", "role account", "bucket", "write", "read", "list", "delete", "multipart", "list uploads",
                    "list jobs", "pass role", "create jobs", "model", "watch jobs", "batch role", "stop jobs"}
    assert f"arn:aws:iam::{ACCOUNT}:user/{USER}" in rows["identity"]["detail"]
    assert "InvokeModel" in rows["on demand"]["detail"]
    assert objects(sandbox) == []
    assert sandbox.client("s3").list_multipart_uploads(Bucket=BUCKET).get("Uploads", []) == []
    jobs = [job for job in sandbox.jobs() if job["jobName"].startswith("quarry-doctor-")]
    assert jobs and all(job["status"] in ("Failed", "Stopped", "Stopping") for job in jobs)
    assert took < 30


def test_with_a_key_an_owner_tags_and_a_second_bucket_all_is_checked(sandbox, tmp_path):
    sandbox.client("s3").create_bucket(Bucket="quarry-doctor-out",
                                       CreateBucketConfiguration={"LocationConstraint": REGION})
    rows = examined(sandbox, config(
        tmp_path, s3_output_bucket_name="quarry-doctor-out/answers", s3_encryption_key_id=KMS_KEY,
        s3_bucket_owner=ACCOUNT, bedrock_tags=[{"key": "team", "value": "ml"}], small_batch="reject"))
    assert failed(rows) == []
    assert {name for name, row in rows.items() if row["outcome"] == "ok"} >= {
        "owner", "encryption", "output bucket", "output owner", "output write", "output read", "output list",
        "output delete", "output encryption"}
    assert "on demand" not in rows


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_named_with_what_mends_it_and_nothing_else_is(sandbox, tmp_path, fault):
    account, params, script, row, remedy = FAULTS[fault]
    plant(sandbox, **account)
    sandbox.set_faults(script)
    rows = examined(sandbox, config(tmp_path, **params))
    assert failed(rows) == [row], {name: rows[name] for name in failed(rows)}
    assert remedy in json.dumps(rows[row]["remedy"], ensure_ascii=False), rows[row]
    assert rows[row]["detail"]
    for key in objects(sandbox):  # where the fault is that nothing can be deleted
        sandbox.client("s3").delete_object(Bucket=BUCKET, Key=key)


def test_an_ended_session_is_told_from_a_wrong_key(sandbox, tmp_path):
    plant(sandbox, session_seconds=0)
    session = sandbox.client("sts").assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/any", RoleSessionName="ended")
    keys = session["Credentials"]
    rows = examined(sandbox, config(tmp_path, aws_access_key_id=keys["AccessKeyId"],
                                    aws_secret_access_key=keys["SecretAccessKey"],
                                    aws_session_token=keys["SessionToken"]))
    assert failed(rows) == ["identity"]
    assert "the session has ended" in rows["identity"]["remedy"]["text"]
    assert keys["SessionToken"] not in json.dumps(rows)


def test_s3_keys_of_their_own_are_another_identity(sandbox, tmp_path):
    other = "AKIADOCTORTEST000002"
    plant(sandbox, users={**USERS, other: {"secret": SECRET, "name": "storage", "account": ACCOUNT}},
          **denied("s3:GetObject", "user/storage"))
    rows = examined(sandbox, config(tmp_path, s3_access_key_id=other, s3_secret_access_key=SECRET))
    assert rows["S3 identity"]["outcome"] == "ok" and "user/storage" in rows["S3 identity"]["detail"]
    assert failed(rows) == ["read"]
    assert rows["read"]["remedy"]["place"] == "the policy of user storage"


def test_one_deployment_that_fails_does_not_stop_the_others(sandbox, tmp_path):
    entries = [json.loads(config(tmp_path, name, **params).read_text())["model_list"][0]
               for name, params in [("broken", {"aws_secret_access_key": "wrong"}), ("fine", {}),
                                    ("gone", {"s3_bucket_name": "quarry-no-such-bucket"})]]
    run = doctor(sandbox, write(tmp_path, entries), "--json")
    assert run.returncode == 1, run.stderr
    reports = json.loads(run.stdout)["deployments"]
    assert [one["model_name"] for one in reports] == ["broken", "fine", "gone"]
    assert [sum(row["outcome"] == "failed" for row in one["checks"]) for one in reports] == [1, 0, 1]
    only = doctor(sandbox, tmp_path / "config.yaml", "--json", "--model", "fine")
    assert only.returncode == 0, only.stdout
    assert [one["model_name"] for one in json.loads(only.stdout)["deployments"]] == ["fine"]


def test_the_table_is_for_people(sandbox, tmp_path):
    plant(sandbox, **denied("iam:PassRole"))
    run = doctor(sandbox, config(tmp_path))
    assert run.returncode == 1
    assert "\x1b" not in run.stdout
    assert run.stdout.startswith(f"claude: {CLAUDE} in {REGION}, s3://{BUCKET}/quarry/ (config.yaml:")
    assert re.search(r"^  ✓ identity +arn:aws:iam::", run.stdout, re.MULTILINE)
    assert re.search(r"^  ✗ pass role +", run.stdout, re.MULTILINE)
    assert re.search(r"^      said: CreateModelInvocationJob .*AccessDeniedException", run.stdout, re.MULTILINE)
    statement = run.stdout[run.stdout.index(f"add to the policy of user {USER}:\n"):].split("\n", 1)[1]
    assert json.JSONDecoder().raw_decode(statement.strip())[0]["Resource"] == ROLE
    assert re.search(r"^1 of \d+ checks failed", run.stdout, re.MULTILINE)
    assert max(len(line) for line in run.stdout.splitlines() if '"' not in line) <= 140


def test_wildcards_are_checked_as_far_as_they_go(sandbox, tmp_path):
    path = config(tmp_path, "*", model="bedrock/*")
    rows = examined(sandbox, path)
    assert failed(rows) == []
    assert rows["write"]["outcome"] == "ok"
    assert rows["model"]["outcome"] == "not_checked" and "--model" in rows["model"]["detail"]
    rows = examined(sandbox, path, "--model", CLAUDE)
    assert rows["model"]["outcome"] == "ok"


def test_what_cannot_be_configured_ends_with_2(sandbox, tmp_path):
    assert doctor(sandbox, tmp_path / "missing.yaml").returncode == 2
    assert doctor(sandbox, config(tmp_path, s3_bucket_nmae="x")).returncode == 2
    unknown = doctor(sandbox, config(tmp_path), "--model", "nobody")
    assert unknown.returncode == 2 and "nobody" in unknown.stderr


def test_an_interrupted_doctor_takes_its_job_and_object_away(sandbox, tmp_path):
    sandbox.set_faults([{"operation": "Job", "fault": "stuck", "count": 1}])
    before = len(sandbox.jobs())
    process = subprocess.Popen(
        [harness.binary(), "doctor", "--config", str(config(tmp_path)), "--wait", "600"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(sandbox))
    try:
        deadline = time.monotonic() + 60
        while len(sandbox.jobs()) == before:
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 1
    assert "interrupted" in err
    assert objects(sandbox) == []
    assert sandbox.jobs()[0]["status"] in ("Stopping", "Stopped", "Failed")
