"""What fails for a reason that passes is tried again, what a deployment cannot run goes to the next one, and only what
nobody can run fails, in AWS's words."""

import pytest

from scenes import LINES, Scene, Scenes

CREATE = {"operation": "CreateModelInvocationJob"}
ONCE = {"retry_failed_records": 0}
PASSING = {"code": 429, "message": "Too many tokens, please wait.", "retryable": True}

# Why a deployment cannot run a job, as AWS says it when the job is created: status, code, message.
AT_CREATE = {
    "pass-role": (403, "AccessDeniedException",
                  "User: arn:aws:iam::123456789012:user/quarry is not authorized to perform: iam:PassRole on resource: "
                  "arn:aws:iam::123456789012:role/quarry-test because no identity-based policy allows the action"),
    "entitlement": (400, "ValidationException",
                    "Your account is not authorized to perform this action. Please create a support case"),
    "not-supported": (400, "ValidationException", "Batch inference is not supported for the requested model."),
    "bucket": (400, "ValidationException", "The S3 bucket does not exist or belongs to another account."),
    "kms": (400, "ValidationException", "The KMS key is not enabled."),
}
# And when the job is validated.
AT_VALIDATION = {
    "role": "Could not assume the batch role. Check its trust policy.",
    "s3-access": "Access denied reading the input: the role needs s3:GetObject.",
    "s3-region": "The bucket must be in the same region as the job.",
    "s3-kms": "The KMS key of the bucket may not be used by the role.",
    "account": "This account has no entitlement for batch inference. Create a support case.",
}
# Two jobs over two deployments of equal weight: the first deployment has one of them.
WEST_AND_EAST = [{"region": "us-west-2", "max_records_per_job": LINES},
                 {"region": "us-east-1", "max_records_per_job": LINES}]


def only_west(members):
    return {**members, "region": "us-west-2"}


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    every = [
        Scene("quota", faults=[("quota", {**CREATE, "count": 3})]),
        Scene("throttled", faults=[("throttle", {**CREATE, "count": 4})]),
        Scene("throttled-everywhere", deployments=[{"region": "eu-central-1"}], faults=[
            ("throttle", {"operation": "Bedrock", "region": "eu-central-1", "count": 12}),
            ("throttle", {"operation": "S3", "probability": 0.2, "count": 12})]),
        Scene("no-credentials", faults=[("expired_token", {**CREATE, "count": 4})]),
        Scene("nobody-can", faults=[("error", {**CREATE, **error(*AT_CREATE["entitlement"])})],
              deployments=WEST_AND_EAST),
        Scene("nobody-validates", faults=[("fail", {"message": AT_VALIDATION["role"]})], deployments=WEST_AND_EAST),
        Scene("failed-for-a-moment", faults=[("fail", {"at": "running", "message": "Internal error.", "count": 1})]),
        Scene("many-passing", lines=240, faults=[("record_errors", {"fraction": 0.5, "count": 1, **PASSING})]),
        Scene("few-passing", faults=[("record_errors", {"rows": 5, "count": 1, **PASSING})]),
        Scene("always-failing", lines=240, faults=[("record_errors", {"rows": 120, **PASSING})]),
        Scene("three-times", lines=240, faults=[("record_errors", {"rows": 120, "count": 3, **PASSING})],
              deployments=[{"retry_failed_records": 3}]),
        Scene("not-wanted", lines=240, faults=[("record_errors", {"fraction": 0.5, "count": 1, **PASSING})],
              deployments=[ONCE]),
        Scene("in-vain", lines=240, faults=[("record_errors", {
            "fraction": 0.5, "code": 400, "message": "malformed", "retryable": False})]),
    ]
    every += [Scene(name, lines=2 * LINES, deployments=WEST_AND_EAST,
                    faults=[("error", {**CREATE, **only_west(error(*what))})]) for name, what in AT_CREATE.items()]
    every += [Scene(name, lines=2 * LINES, deployments=WEST_AND_EAST, faults=[("fail", only_west({"message": what}))])
              for name, what in AT_VALIDATION.items()]
    # Backoff after a full quota is a quarter of a minute: a second of this clock.
    running = Scenes(tmp_path_factory.mktemp("moves"), every, job_seconds=10, speed=20).create_all()
    yield running
    running.stop()


def error(status, code, message):
    return {"status": status, "code": code, "message": message}


@pytest.mark.parametrize("name, fault", [
    ("quota", "quota"), ("throttled", "throttle"), ("throttled-everywhere", "throttle"),
    ("no-credentials", "expired_token")])
def test_a_full_or_busy_aws_and_credentials_that_ran_out_are_waited_for_and_fail_nothing(scenes, name, fault):
    end = scenes.end(name)
    end.check_echoes()
    assert end.counts == (LINES, 0)
    assert [job["records"] for job in scenes.jobs(name)] == [LINES]
    assert scenes.fired(name, fault) >= 3
    scenes.check_billed(name)


@pytest.mark.parametrize("name", AT_CREATE)
def test_a_job_that_a_deployment_may_not_start_runs_on_the_next(scenes, name):
    end = scenes.end(name)
    end.check_echoes()
    assert end.counts == (2 * LINES, 0)
    jobs = scenes.jobs(name)
    assert [(job["region"], job["records"]) for job in jobs] == [("us-east-1", LINES)] * 2
    assert scenes.fired(name, "error") == 1  # once refused for such a reason, never asked again
    scenes.check_billed(name)


@pytest.mark.parametrize("name", AT_VALIDATION)
def test_a_job_that_fails_validation_for_its_deployment_runs_on_the_next(scenes, name):
    end = scenes.end(name)
    end.check_echoes()
    assert end.counts == (2 * LINES, 0)
    jobs = scenes.jobs(name)
    ran = sorted((job["region"], job["status"]) for job in jobs)
    assert ran == [("us-east-1", "Completed"), ("us-east-1", "Completed"), ("us-west-2", "Failed")]
    assert end.batch["errors"] is None
    scenes.check_billed(name)


def test_what_nobody_may_start_fails_in_awss_words(scenes):
    end = scenes.end("nobody-can", "failed")
    message = AT_CREATE["entitlement"][2]
    assert end.batch["errors"]["data"] and all(message in entry["message"] for entry in end.batch["errors"]["data"])
    assert end.codes() == {"job_failed": LINES}
    assert all(message in line["error"]["message"] for line in end.errors.values())
    assert end.batch["output_file_id"] is None
    assert scenes.fired("nobody-can", "error") == 2  # each was asked
    assert scenes.jobs("nobody-can") == []


def test_what_nobody_validates_fails_in_awss_words(scenes):
    end = scenes.end("nobody-validates", "failed")
    assert [entry["message"] for entry in end.batch["errors"]["data"]] == [AT_VALIDATION["role"]]
    assert end.codes() == {"job_failed": LINES}
    assert sorted(job["region"] for job in scenes.jobs("nobody-validates")) == ["us-east-1", "us-west-2"]


def test_a_job_that_failed_for_a_moment_is_run_again(scenes):
    end = scenes.end("failed-for-a-moment")
    end.check_echoes()
    assert sorted(job["status"] for job in scenes.jobs("failed-for-a-moment")) == ["Completed", "Failed"]


def test_many_failed_records_are_run_again_as_a_job_of_them_alone(scenes):
    end = scenes.end("many-passing")
    end.check_echoes()
    assert end.counts == (240, 0)
    assert sorted(job["records"] for job in scenes.jobs("many-passing")) == [120, 240]
    scenes.check_billed("many-passing")


def test_few_failed_records_are_run_again_on_demand(scenes):
    end = scenes.end("few-passing")
    end.check_echoes()
    assert end.counts == (LINES, 0)
    assert [job["records"] for job in scenes.jobs("few-passing")] == [LINES]
    assert "left_for_another_try=5" in scenes.log_of("few-passing")


@pytest.mark.parametrize("name, jobs, failed", [
    ("always-failing", [240, 120], 120), ("three-times", [240, 120, 120, 120], 0), ("not-wanted", [240], 120)])
def test_failed_records_are_run_again_as_often_as_configured_once_by_default(scenes, name, jobs, failed):
    end = scenes.end(name)
    end.check_echoes()
    assert end.counts == (240 - failed, failed)
    assert end.codes() == ({429: failed} if failed else {})
    assert sorted((job["records"] for job in scenes.jobs(name)), reverse=True) == jobs
    for line in end.errors.values():
        assert line["response"]["body"]["error"]["message"] == PASSING["message"]
    scenes.check_billed(name)


def test_what_would_fail_again_is_not_run_again(scenes):
    end = scenes.end("in-vain")
    assert end.codes() == {400: 120}
    assert [job["records"] for job in scenes.jobs("in-vain")] == [240]
