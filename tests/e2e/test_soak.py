"""Many batches while AWS fails at every operation and the server is killed again and again: nothing is lost,
started twice or billed twice. QUARRY_LONG=1 for the long one; QUARRY_SOAK_SEED replays one."""

import collections
import math
import os
import random
import time

import exactness
import fleet
import harness
import soak

LONG = os.environ.get("QUARRY_LONG") == "1"
SEED = int(os.environ.get("QUARRY_SOAK_SEED", "20261122"))
BATCHES = 200 if LONG else 40
LINES_MAX = 60_000 if LONG else 6_000
SUBMIT_SECONDS = 240 if LONG else 20  # the batches come over this time
KILL_EVERY = (2.0, 6.0) if LONG else (1.5, 3.0)
END_SECONDS = 1200 if LONG else 240
RECORDS_PER_JOB = 20_000 if LONG else 1_000

CLAUDE, NOVA = "claude", "nova"
BEDROCK = {CLAUDE: "us.anthropic.claude-3-5-sonnet-20240620-v1:0", NOVA: "us.amazon.nova-lite-v1:0"}


def faults():
    """Something of everything, at every operation; each by its own chance. Only what leaves the sandbox's own
    account of answered records whole: a job that fails half way bills nobody."""
    everywhere = [
        {"operation": operation, "fault": fault, "probability": chance}
        for operation, chance in [("S3", 0.004), ("Bedrock", 0.03), ("Runtime", 0.02)]
        for fault in ("throttle", "internal", "unavailable", "reset_before", "reset_after")
    ]
    return everywhere + [
        {"operation": "GetObject", "fault": "truncated_body", "probability": 0.01},
        {"operation": "GetObject", "fault": "slow_headers", "seconds": 0.3, "probability": 0.01},
        {"operation": "CompleteMultipartUpload", "fault": "complete_error", "probability": 0.1},
        {"operation": "CreateModelInvocationJob", "fault": "quota", "probability": 0.1},
        {"operation": "CreateModelInvocationJob", "fault": "access_denied", "region": "us-east-1", "probability": 0.1},
        {"operation": "Job", "fault": "fail", "at": "validating", "message": "Could not assume role",
         "region": "us-east-1", "probability": 0.1},
        {"operation": "Job", "fault": "fail", "at": "running", "message": "Internal error. Please try again.",
         "probability": 0.05},
        {"operation": "Job", "fault": "record_errors", "fraction": 0.02, "code": 429, "message": "Too many tokens",
         "retryable": True, "probability": 0.3},
        {"operation": "Job", "fault": "record_errors", "fraction": 0.01, "code": 400, "message": "refused",
         "retryable": False, "probability": 0.2},
        {"operation": "Job", "fault": "missing_rows", "rows": 3, "probability": 0.05},
        {"operation": "Job", "fault": "duplicate_rows", "rows": 5, "probability": 0.2},
        {"operation": "Job", "fault": "unknown_rows", "rows": 2, "probability": 0.1},
        {"operation": "Job", "fault": "no_final_newline", "probability": 0.3},
        {"operation": "Job", "fault": "late_output", "seconds": 0.5, "probability": 0.1},
        {"operation": "Job", "fault": "no_counters", "probability": 0.2},
    ]


def entries(sandbox):
    limits = {"max_records_per_job": RECORDS_PER_JOB}
    return [
        fleet.deployment(CLAUDE, BEDROCK[CLAUDE], sandbox, "us-west-2", "soak-west", id="west", weight=2, **limits),
        fleet.deployment(CLAUDE, BEDROCK[CLAUDE], sandbox, "us-east-1", "soak-east", id="east", **limits),
        fleet.deployment(NOVA, BEDROCK[NOVA], sandbox, "us-west-2", "soak-west", id="nova", **limits),
    ]


class World:
    """The server, which is killed and started again on the same port and data, and whoever talks to it."""

    def __init__(self, directory, sandbox):
        self.directory = directory
        self.config = fleet.write_config(directory / "config.yaml", entries(sandbox), proxy_batch_polling_interval=1)
        self.server = harness.Server(directory / "server", self.config, sandbox=False)
        self.kills = 0

    def kill_and_restart(self):
        self.server.kill()
        self.kills += 1
        self.server = harness.Server(self.directory / "server", self.config, sandbox=False, port=self.server.port)

    def ask(self, question, deadline):
        return soak.ask(lambda: self.server, question, deadline)


def lines_of(rng, number):
    """Log-uniform: most batches are small, some are very long."""
    count = round(math.exp(rng.uniform(0, math.log(LINES_MAX))))
    models = rng.choice([[CLAUDE], [CLAUDE], [NOVA], [CLAUDE, NOVA]])
    return [harness.chat_line(f"{number}-{i}", f"Batch {number}, question {i}", rng.choice(models))
            for i in range(count)]


def submit(world, rng, number, deadline):
    lines = lines_of(rng, number)
    content = harness.to_jsonl(lines)
    file = world.ask(lambda server: server.upload(content), deadline)
    assert file.status == 200, file.text
    body = {"input_file_id": file.json["id"], "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    created = world.ask(
        lambda server: server.request("POST", "/v1/batches", body, {"Idempotency-Key": f"soak-{SEED}-{number}"}), deadline)
    assert created.status == 200, created.text
    return created.json["id"], [line["custom_id"] for line in lines]


def run(world, rng, deadline):
    def ended(batch_id):
        answer = world.ask(lambda server: server.request("GET", f"/v1/batches/{batch_id}"), deadline)
        return answer.json["status"] in harness.TERMINAL

    return soak.Soak(BATCHES, SUBMIT_SECONDS, KILL_EVERY, SEED, deadline,
                     submit=lambda number: submit(world, rng, number, deadline), ended=ended,
                     kill=lambda _: world.kill_and_restart(), log_end=lambda: world.server.log_end()).run()


def test_nothing_is_lost_started_twice_or_billed_twice_though_all_fails_and_the_server_is_killed(tmp_path):
    print(f"\nseed {SEED}: QUARRY_SOAK_SEED={SEED} replays it")
    rng = random.Random(SEED)
    began = time.monotonic()
    deadline = began + END_SECONDS
    sandbox = harness.Sandbox(tmp_path / "aws", job_seconds=1)
    world = None
    try:
        deployments = entries(sandbox)
        fleet.make_buckets(sandbox, deployments)
        sandbox.set_faults(faults(), seed=SEED)
        world = World(tmp_path, sandbox)
        submitted = run(world, rng, deadline)
        took = time.monotonic() - began

        fired = collections.Counter()
        for fault in sandbox.faults():
            fired[fault["fault"]] += fault["fired"]
        sandbox.set_faults([])
        records = sandbox.records()
        statuses = collections.Counter()
        completed = failed = 0
        for batch_id, names in submitted.items():
            batch = world.server.batch(batch_id)
            statuses[batch["status"]] += 1
            ok, bad = exactness.check_answers(world.server, batch, names)
            completed, failed = completed + ok, failed + bad
        exactness.check_jobs(records)
        ledger, counted = exactness.spent(world.server, submitted), exactness.used(records)
        lines = sum(map(len, submitted.values()))
        print(f"{len(submitted)} batches, {lines} lines in {took:.0f} s; the server was killed {world.kills} times")
        print(f"ends: {dict(statuses)}; lines completed {completed}, in error files {failed}")
        print(f"jobs at AWS: {dict(collections.Counter(job['status'] for job in records['jobs']))}, "
              f"on demand: {records['invocations']['distinct']} calls, "
              f"{records['invocations']['repeated']['calls']} of them repeated")
        print(f"faults that fired: {dict(fired)}")
        print(f"ledger {dict(ledger)}, the sandbox's count {dict(counted)}")
        assert len(submitted) == BATCHES
        assert sum(fired.values()) > BATCHES and world.kills >= 4
        assert ledger == counted
    finally:
        if world:
            world.server.kill()
        sandbox.stop()
