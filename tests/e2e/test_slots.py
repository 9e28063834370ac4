"""Jobs and the slots that they wait for: what AWS may have taken keeps its slot, and gives it back."""

import exactness
import fleet
import harness
import pytest

CLAUDE = "us.anthropic.claude-3-5-sonnet-20240620-v1:0"
CREATE = {"operation": "CreateModelInvocationJob"}


@pytest.fixture
def start(tmp_path):
    """start(faults, deployments) -> (sandbox, server); deployments: litellm_params of each."""
    running = []

    def begin(faults, *deployments, clock_speed=20):
        import time

        clock = ["--clock-speed", str(clock_speed), "--clock-origin", str(int(time.time()))]
        sandbox = harness.Sandbox(tmp_path / "aws", job_seconds=1, extra_args=clock)
        running.append(sandbox)
        entries = [
            fleet.deployment("claude", CLAUDE, sandbox, params.pop("region", harness.REGION), harness.BUCKET,
                             id=f"d{number}", s3_prefix=f"d{number}/", **params)
            for number, params in enumerate(deployments)
        ]
        for entry in entries:
            entry["litellm_params"]["s3_region_name"] = harness.REGION
        config = fleet.write_config(tmp_path / "config.yaml", entries, proxy_batch_polling_interval=5)
        sandbox.set_faults(faults)
        server = harness.Server(tmp_path / "server", config, sandbox=False, extra_args=clock)
        running.append(server)
        return sandbox, server

    yield begin
    for process in reversed(running):
        process.stop()


def lines(count):
    return harness.to_jsonl(harness.chat_line(f"r-{i}", f"Question {i}", "claude") for i in range(count))


def run(server, content, timeout=90):
    batch = server.run_batch(content, timeout=timeout)
    assert batch["status"] == "completed", batch
    assert batch["request_counts"]["failed"] == 0, batch
    return batch


@pytest.mark.parametrize("fault", ["unavailable", "reset_before", "reset_after", "expired_token"])
def test_the_only_slot_is_not_lost_to_a_job_whose_fate_is_not_known(start, fault):
    sandbox, server = start([{**CREATE, "fault": fault, "count": 3}], {"max_concurrent_jobs": 1})
    run(server, lines(100))
    exactness.check_jobs(sandbox.records())


def test_more_jobs_than_slots_all_run_after_a_time_in_which_none_could_be_started(start):
    sandbox, server = start([{**CREATE, "fault": "internal", "count": 12}],
                            {"max_concurrent_jobs": 3, "max_records_per_job": 100})
    run(server, lines(800))
    records = sandbox.records()
    exactness.check_jobs(records)
    assert [job["records"] for job in records["jobs"]] == [100] * 8


def test_a_job_that_was_taken_before_aws_throttled_is_not_run_elsewhere_too(start):
    throttled = [{**CREATE, "region": "us-west-2", "fault": "reset_after", "count": 1},
                 {**CREATE, "region": "us-west-2", "fault": "throttle", "count": 8}]
    sandbox, server = start(throttled, {"weight": 1_000_000}, {"region": "us-east-1"})
    batch = run(server, lines(100))
    records = sandbox.records()
    assert [job["region"] for job in records["jobs"]] == ["us-west-2"], records["jobs"]
    assert exactness.spent(server, [batch["id"]]) == exactness.used(records)


def test_a_job_that_aws_says_it_has_is_not_run_elsewhere_while_its_list_does_not_answer(start):
    faults = [{**CREATE, "region": "us-west-2", "fault": "reset_after", "count": 1},
              {**CREATE, "region": "us-west-2", "fault": "error", "status": 400, "code": "ConflictException",
               "message": "the name is in use"},
              {"operation": "ListModelInvocationJobs", "region": "us-west-2", "fault": "throttle", "count": 9}]
    sandbox, server = start(faults, {"weight": 1_000_000}, {"region": "us-east-1"})
    batch = run(server, lines(100))
    records = sandbox.records()
    assert [job["region"] for job in records["jobs"]] == ["us-west-2"], records["jobs"]
    assert exactness.spent(server, [batch["id"]]) == exactness.used(records)


def test_a_job_goes_where_there_is_room_and_is_not_handed_round_where_there_is_none(start):
    sandbox, server = start([{**CREATE, "fault": "throttle", "count": 40}], {}, {"region": "us-east-1"})
    batch = run(server, lines(100))
    records = sandbox.records()
    assert len(records["jobs"]) == 1
    hops = int(records["jobs"][0]["name"].split("-")[2]) // 1_000_000
    assert hops <= 4, records["jobs"]
    assert exactness.spent(server, [batch["id"]]) == exactness.used(records)


def test_a_batch_that_cannot_be_planned_is_cancelled_at_once(start):
    denied = [{"operation": "S3", "fault": "access_denied", "match": "d0/jobs/"}]
    _, server = start(denied, {}, clock_speed=1)
    file = server.upload(lines(120))
    created = server.request("POST", "/v1/batches", {
        "input_file_id": file.json["id"], "endpoint": "/v1/chat/completions", "completion_window": "24h"})
    harness.await_true(lambda: "batch step failed" in server.log())
    cancelled = server.request("POST", f"/v1/batches/{created.json['id']}/cancel")
    assert cancelled.status == 200, cancelled.text
    batch = server.wait(created.json["id"], timeout=20)
    assert batch["status"] == "cancelled" and batch["output_file_id"] is None, batch
