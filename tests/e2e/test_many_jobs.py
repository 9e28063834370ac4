"""Ten thousand jobs open at once, in four regions: watching them costs AWS at most one call a second.

Server and sandbox share a clock that runs fast, so that hours of watching pass in seconds. Calls are
counted by the sandbox, and a second is one of that clock.
"""

import os
import time

import harness
import pytest

REGIONS = ("us-east-1", "us-west-2", "eu-west-1", "ap-northeast-1")
LONG = bool(os.environ.get("QUARRY_LONG"))
JOBS = 10_000 if LONG else 1_000
LINES = 500  # of a batch; each is a job of its own
CLOCK_SPEED = 100
WATCHED_SECONDS = 2 * 3600
SUBMIT_TIMEOUT = 1200 if LONG else 120
SLOTS = 1000  # the most that a deployment may be given
DEPLOYMENTS_A_REGION = JOBS // len(REGIONS) // SLOTS + 1
WATCHING = ("GetModelInvocationJob", "ListModelInvocationJobs")


CLOCK = ["--clock-speed", str(CLOCK_SPEED), "--clock-origin", str(int(time.time()))]


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    running = harness.Sandbox(tmp_path_factory.mktemp("sandbox"), job_seconds=7 * 24 * 3600,
                              extra_args=[*CLOCK, "--min-records", "1", "--max-jobs-per-model", "0"])
    yield running
    running.kill()


@pytest.fixture(scope="module")
def server(tmp_path_factory, sandbox):
    """Says nothing of how often jobs are looked at: that is the server's own choice."""
    directory = tmp_path_factory.mktemp("many_jobs")
    config = directory / "config.yaml"
    config.write_text("model_list:\n" + "".join(f"""\
  - model_name: {harness.MODEL}
    litellm_params:
      model: bedrock/{harness.BEDROCK_MODEL}
      aws_region_name: {region}
      aws_access_key_id: {harness.ACCESS_KEY}
      aws_secret_access_key: {harness.SECRET_KEY}
      s3_bucket_name: {harness.BUCKET}
      s3_region_name: {region}
      s3_endpoint_url: {sandbox.url}
      aws_bedrock_endpoint: {sandbox.url}
      aws_bedrock_runtime_endpoint: {sandbox.url}
      aws_batch_role_arn: arn:aws:iam::123456789012:role/quarry-test
      min_records_per_job: 1
      max_records_per_job: 1
      max_concurrent_jobs: {SLOTS}
      s3_prefix: d{number}/
    model_info:
      mode: batch
""" for region in REGIONS for number in range(DEPLOYMENTS_A_REGION)) + f"general_settings:\n  master_key: {harness.KEY}\n")
    running = harness.Server(directory / "server", config, sandbox=False, extra_args=CLOCK)
    yield running
    running.kill()


@pytest.fixture(scope="module")
def batches(server, sandbox):
    """The ids of the batches, once AWS has all of their jobs."""
    ids = []
    for n in range(JOBS // LINES):
        file = server.upload(harness.chat_lines(LINES, f"batch-{n}"))
        created = server.request("POST", "/v1/batches", {
            "input_file_id": file.json["id"], "endpoint": "/v1/chat/completions", "completion_window": "24h"})
        assert created.status == 200, created.text
        ids.append(created.json["id"])
    began = time.monotonic()
    while len(sandbox.records()["jobs"]) < JOBS:
        assert time.monotonic() - began < SUBMIT_TIMEOUT, (
            f"{len(sandbox.records()['jobs'])} of {JOBS} jobs submitted after {SUBMIT_TIMEOUT} s\n{server.log_end()}")
        time.sleep(0.5)
    print(f"{JOBS} jobs submitted in {time.monotonic() - began:.1f} s")
    return ids


def watching_calls(sandbox):
    calls = sandbox.records()["calls"]
    return {region: {name: calls.get(region, {}).get(name, 0) for name in WATCHING} for region in REGIONS}


def test_thousands_of_open_jobs_cost_at_most_one_call_a_second(sandbox, batches):
    sandbox.forget_calls()
    began = time.monotonic()
    time.sleep(WATCHED_SECONDS / CLOCK_SPEED)
    calls = watching_calls(sandbox)
    seconds = (time.monotonic() - began) * CLOCK_SPEED
    jobs = sandbox.records()["jobs"]
    assert len(jobs) == JOBS
    assert {job["status"] for job in jobs} <= {"Submitted", "Validating", "Scheduled", "InProgress"}
    for region in REGIONS:
        assert len([job for job in jobs if job["region"] == region]) >= JOBS / len(REGIONS) / 2
        # Each is watched all the time: an old job at least every two minutes.
        assert sum(calls[region].values()) >= seconds / 120, calls
    total = sum(sum(of_region.values()) for of_region in calls.values())
    print(f"{JOBS} open jobs: {total} calls in {seconds:.0f} s, {total / seconds:.3f} a second: {calls}")
    assert total <= seconds


def test_one_batch_of_thousands_of_jobs_is_stopped_at_once(server, sandbox, batches):
    cancelled = server.request("POST", f"/v1/batches/{batches[0]}/cancel")
    assert cancelled.status == 200, cancelled.text

    def stopped():
        return sum(job["status"] in ("Stopping", "Stopped") for job in sandbox.records()["jobs"])

    harness.await_true(lambda: stopped() >= LINES)
    assert stopped() == LINES
    assert {server.batch(other)["status"] for other in batches[1:]} == {"in_progress"}
