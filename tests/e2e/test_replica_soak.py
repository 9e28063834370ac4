"""Three servers on one PostgreSQL, killed with -9 at random while AWS fails at every operation: every line is
answered once, and the ledger has, for each key and each model, what the sandbox would bill, to the last token.
QUARRY_LONG=1 for the long one; QUARRY_SOAK_SEED replays one."""

import collections
import concurrent.futures
import math
import os
import random
import time

import pytest

import databases
import exactness
import fleet
import harness
import replicas
import soak
import test_soak

LONG = os.environ.get("QUARRY_LONG") == "1"
SEED = int(os.environ.get("QUARRY_SOAK_SEED", "20261123"))
BATCHES = 150 if LONG else 24
LINES_MAX = 30_000 if LONG else 3_000
SUBMIT_SECONDS = 300 if LONG else 30  # the batches come over this time
KILL_EVERY = (3.0, 8.0) if LONG else (3.0, 6.0)
END_SECONDS = 1500 if LONG else 420
RECORDS_PER_JOB = 10_000 if LONG else 800
SERVERS = 3
WATCH = replicas.ROLE.format("monitor")

# A key has models of its own, so that the sandbox's count of a model is the count of its key.
MODELS = {
    "anna": {"anna-claude": "us.anthropic.claude-3-5-sonnet-20240620-v1:0", "anna-nova": "us.amazon.nova-lite-v1:0"},
    "bert": {"bert-claude": "us.anthropic.claude-3-haiku-20240307-v1:0", "bert-nova": "us.amazon.nova-micro-v1:0"},
    "cleo": {"cleo-claude": "us.anthropic.claude-3-5-haiku-20241022-v1:0", "cleo-nova": "us.amazon.nova-pro-v1:0"},
}
# Whole nano-dollars a token: no sum depends on where it is rounded.
NANO_USD = {"input_cost_per_token": 2_000, "output_cost_per_token": 10_000,
            "input_cost_per_token_batches": 1_000, "output_cost_per_token_batches": 5_000}


def entries(sandbox):
    prices = {name: nano / 1e9 for name, nano in NANO_USD.items()}
    made = []
    for user, models in MODELS.items():
        for name, model in models.items():
            regions = ("us-west-2", "us-east-1") if name.endswith("claude") else ("us-west-2",)
            for region in regions:
                entry = fleet.deployment(name, model, sandbox, region, f"soak-{region}", id=f"{name}-{region}",
                                         max_records_per_job=RECORDS_PER_JOB)
                entry["model_info"].update(prices)
                made.append(entry)
    return made


class World(replicas.Replicas):
    """The servers, of which one or another is killed and started again, and the keys of those who use them."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.kills = 0
        self.keys = {}
        for user, models in MODELS.items():
            made = self[0].request("POST", "/key/generate", {"user_id": user, "models": list(models)})
            assert made.status == 200, made.text
            self.keys[user] = made.json["key"]

    def kill_and_restart(self, rng):
        """Each third time it is who watches the jobs, and it stays away until another does: one that is started
        again in its place goes on with its own work."""
        if self.kills % 3 == 0:
            server = self.await_holder(WATCH)
            server.kill()
            self.seconds_until_taken_over(WATCH, server, gone=lambda: False)
        else:
            server = rng.choice(self.servers)
            server.kill()
        self.kills += 1
        self.start_again(server)

    def ask(self, question, deadline):
        """As behind a load balancer."""
        rng = random.Random()
        return soak.ask(lambda: rng.choice(self.servers), question, deadline)


def lines_of(rng, user, number):
    """Log-uniform: most batches are small, some are long."""
    count = round(math.exp(rng.uniform(0, math.log(LINES_MAX))))
    names = list(MODELS[user])
    models = rng.choice([names[:1], names[1:], names])
    return [harness.chat_line(f"{number}-{i}", f"Batch {number}, question {i}", rng.choice(models))
            for i in range(count)]


def submit(world, rng, number, deadline):
    user = list(MODELS)[number % len(MODELS)]
    lines = lines_of(rng, user, number)
    body, content_type = harness.form([("purpose", "batch"), ("file", "in.jsonl", harness.to_jsonl(lines))])
    file = world.ask(lambda server: server.request("POST", "/v1/files", body, {"Content-Type": content_type},
                                                   world.keys[user]), deadline)
    assert file.status == 200, file.text
    create = {"input_file_id": file.json["id"], "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    created = world.ask(lambda server: server.request("POST", "/v1/batches", create, {
        "Idempotency-Key": f"soak-{SEED}-{number}"}, world.keys[user]), deadline)
    assert created.status == 200, created.text
    return created.json["id"], [line["custom_id"] for line in lines]


def looks(world, batch_id, deadline):
    """The batch as four clients see it that ask at the same moment."""
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        return list(pool.map(lambda _: world.ask(
            lambda server: server.request("GET", f"/v1/batches/{batch_id}"), deadline).json, range(4)))


def run(world, rng, deadline):
    def ended(batch_id):
        return all(batch["status"] in harness.TERMINAL for batch in looks(world, batch_id, deadline))

    return soak.Soak(BATCHES, SUBMIT_SECONDS, KILL_EVERY, SEED, deadline,
                     submit=lambda number: submit(world, rng, number, deadline), ended=ended,
                     kill=world.kill_and_restart, log_end=lambda: world[0].log_end()).run()


def billed_by_aws(records):
    """Bedrock's model id -> tokens and nano-dollars, by the sandbox's own count."""
    total = collections.defaultdict(collections.Counter)
    for job in records["jobs"]:
        total[job["model"]].update({
            "input": job["input_tokens"], "output": job["output_tokens"],
            "nano_usd": job["input_tokens"] * NANO_USD["input_cost_per_token_batches"]
            + job["output_tokens"] * NANO_USD["output_cost_per_token_batches"]})
    for model, calls in records["invocations_by_model"].items():
        total[model].update({
            "input": calls["input_tokens"], "output": calls["output_tokens"],
            "nano_usd": calls["input_tokens"] * NANO_USD["input_cost_per_token"]
            + calls["output_tokens"] * NANO_USD["output_cost_per_token"]})
    return {model: dict(+counter) for model, counter in total.items()}


def ledger(world, table, group, where="TRUE"):
    rows = world.rows(f"SELECT {group}, SUM(input_tokens), SUM(output_tokens), SUM(cost_nano_usd) FROM {table} "
                      f"WHERE {where} GROUP BY {group}")
    return {name: dict(+collections.Counter(input=int(i), output=int(o), nano_usd=int(n))) for name, i, o, n in rows}


def check_money(world, records):
    aws = billed_by_aws(records)
    by_model = ledger(world, "job_costs", "model_id")
    assert by_model == aws
    hashes = dict(world.rows("SELECT user_id, key_hash FROM api_keys"))
    by_key = {}
    for user, models in MODELS.items():
        of_user = collections.Counter()
        for model in models.values():
            of_user.update(aws.get(model, {}))
        by_key[hashes[user]] = dict(+of_user)
    assert ledger(world, "job_costs", "key_hash") == by_key
    assert ledger(world, "spend_log", "key_hash", "call_type = 'batch_success'") == by_key
    assert world.rows("SELECT batch_id FROM spend_log WHERE call_type = 'batch_success' GROUP BY batch_id "
                      "HAVING COUNT(*) <> 1") == []
    assert world.rows("SELECT COUNT(*) FROM spend_log WHERE call_type = 'batch_success'") == [(str(BATCHES),)]
    assert world.rows("SELECT batch_id, party, party_id FROM reservations") == []
    print(f"ledger by model {by_model}")


@pytest.fixture
def world(tmp_path):
    sandbox = harness.Sandbox(tmp_path / "aws", job_seconds=1)
    running = None
    try:
        fleet.make_buckets(sandbox, entries(sandbox))
        with replicas.postgres() as (url, _):
            running = World(tmp_path, sandbox, databases.new_schema(url), entries(sandbox), SERVERS)
            yield running
            running.kill()
    finally:
        if running:
            running.kill()
        sandbox.stop()


def test_three_servers_that_are_killed_lose_nothing_repeat_nothing_and_bill_each_key_what_aws_does(world):
    print(f"\nseed {SEED}: QUARRY_SOAK_SEED={SEED} replays it")
    began = time.monotonic()
    deadline = began + END_SECONDS
    world.sandbox.set_faults(test_soak.faults(), seed=SEED)
    submitted = run(world, random.Random(SEED), deadline)
    took = time.monotonic() - began
    fired = sum(fault["fired"] for fault in world.sandbox.faults())
    world.sandbox.set_faults([])
    records = world.sandbox.records()
    statuses = collections.Counter()
    completed = failed = 0
    for batch_id, names in submitted.items():
        batch = world[0].batch(batch_id)
        statuses[batch["status"]] += 1
        ok, bad = exactness.check_answers(world[0], batch, names)
        completed, failed = completed + ok, failed + bad
    takeovers = sum(server.log().count("is taken over") for server in world.servers)
    print(f"{len(submitted)} batches, {sum(map(len, submitted.values()))} lines in {took:.0f} s; {world.kills} kills, "
          f"{takeovers} take-overs, {fired} faults; ends: {dict(statuses)}; lines completed {completed}, "
          f"in error files {failed}; {records['invocations']['distinct']} calls on demand, "
          f"{records['invocations']['repeated']['calls']} of them repeated")
    exactness.check_jobs(records)
    check_money(world, records)
    assert len(submitted) == BATCHES
    assert fired > BATCHES and world.kills >= 4 and takeovers > 0
