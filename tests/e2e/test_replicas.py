"""Servers that share a database and a bucket: whatever one was at when it died, stopped or lost the database,
another finishes, once. Prints how long each take-over took."""

import collections
import concurrent.futures
import contextlib
import http.client
import os
import signal
import subprocess
import tempfile
import time

import pytest

import databases
import exactness
import fleet
import harness
import replicas
from replicas import ROLE, WAIT_SECONDS, of_batch, of_jobs

LINES = 300
SLOW = "slow_headers"
MODEL = "claude"
BEDROCK = "us.anthropic.claude-3-5-sonnet-20240620-v1:0"
CREATE = {"endpoint": "/v1/chat/completions", "completion_window": "24h"}
AT_ONCE = 4  # calls of a direct run


def entries(sandbox):
    return [fleet.deployment(MODEL, BEDROCK, sandbox, "us-west-2", harness.BUCKET, id="west",
                             direct_concurrency=AT_ONCE)]


@contextlib.contextmanager
def world_on(directory, database_url, count=2, job_seconds=1, **general):
    sandbox = harness.Sandbox(directory / "aws", job_seconds)
    world = None
    try:
        world = replicas.Replicas(directory, sandbox, database_url, entries(sandbox), count, **general)
        yield world
        world.stop()
    finally:
        if world:
            world.kill()
        sandbox.stop()


@pytest.fixture(scope="module")
def database():
    with replicas.postgres() as (url, _):
        yield url


@pytest.fixture(scope="module")
def shared(database, tmp_path_factory):
    with world_on(tmp_path_factory.mktemp("replicas"), databases.new_schema(database)) as world:
        yield world


@pytest.fixture(scope="module")
def alone(database, tmp_path_factory):
    """One server, whose leases outlast every test."""
    with world_on(tmp_path_factory.mktemp("alone"), databases.new_schema(database), 1, lease_seconds=600) as world:
        yield world


@pytest.fixture
def world(shared):
    shared.sandbox.set_faults([])
    shared.start_missing()
    return shared


def create(server, count=LINES, prefix="line", headers=None):
    content = harness.to_jsonl(harness.chat_line(f"{prefix}-{i}", f"{prefix}, question {i}", MODEL) for i in range(count))
    file = server.upload(content)
    assert file.status == 200, file.text
    made = server.request("POST", "/v1/batches", {"input_file_id": file.json["id"], **CREATE}, headers)
    assert made.status == 200, made.text
    return made.json["id"]


def check_whole(world, server, batch_id, count=LINES, prefix="line"):
    """Every line once, one job at AWS or none, and the ledger has what its answers used."""
    batch = server.wait(batch_id, WAIT_SECONDS)
    assert batch["status"] == "completed", f"{batch}\n{server.log_end()}"
    assert exactness.check_answers(server, batch, [f"{prefix}-{i}" for i in range(count)]) == (count, 0)
    records = world.sandbox.records()
    exactness.check_jobs(records)
    jobs = [job for job in records["jobs"] if batch_id.removeprefix("batch_") in job["name"]]
    assert len(jobs) == (0 if count < 100 else 1)
    usage = collections.Counter()
    for line in server.result_lines(batch["output_file_id"]):
        usage["input"] += line["response"]["body"]["usage"]["prompt_tokens"]
        usage["output"] += line["response"]["body"]["usage"]["completion_tokens"]
    assert exactness.spent(server, [batch_id]) == usage
    for job in jobs:
        assert usage == {"input": job["input_tokens"], "output": job["output_tokens"]}


# --- a server in the middle of a step ---

def slow(operation, seconds, **members):
    return {"operation": operation, "fault": SLOW, "seconds": seconds, **members}


class Step:
    """A step that the sandbox makes last: `faults`, and the SELECT of who has the lease meanwhile."""

    def __init__(self, name, faults, lease, count=LINES):
        self.name, self.faults, self.lease, self.count = name, faults, lease, count

    def __repr__(self):
        return self.name


STEPS = [
    Step("plans", [slow("PutObject", 3, match="jobs/"), slow("UploadPart", 3, match="jobs/")], of_batch),
    Step("submits", [slow("CreateModelInvocationJob", 4)],
         lambda batch_id: of_jobs(batch_id, "state = 'staged' AND aws_status = 'Submitting'")),
    Step("collects", [slow("GetObject", 3, match="results/")], lambda batch_id: of_jobs(batch_id, "state = 'ended'")),
    Step("runs directly", [slow("Runtime", 2)], lambda batch_id: of_jobs(batch_id, "kind = 'direct' AND state = 'running'"),
         count=20),
]


def catch(world, step, prefix):
    """Starts a batch, and waits until a server is in that step. Returns (batch id, server)."""
    world.sandbox.set_faults(step.faults)
    batch_id = create(world[0], step.count, prefix)
    harness.await_true(lambda: sum(fault["fired"] for fault in world.sandbox.faults()), WAIT_SECONDS)
    return batch_id, world.await_holder(step.lease(batch_id))


def is_past(world, step, batch_id):
    return lambda: not world.holders(step.lease(batch_id)) and \
        world.rows(f"SELECT phase FROM batches WHERE id = '{batch_id}'") == [("done",)]


@pytest.mark.parametrize("step", STEPS, ids=repr)
def test_what_a_killed_server_was_at_another_finishes(world, step):
    prefix = f"killed-{step}"
    batch_id, server = catch(world, step, prefix)
    server.kill()
    world.sandbox.set_faults([])
    seconds = world.seconds_until_taken_over(step.lease(batch_id), server, is_past(world, step, batch_id))
    print(f"\nkilled while it {step}: taken over after {seconds:.1f} s of a lease of {replicas.LEASE_SECONDS} s")
    check_whole(world, world.other(server), batch_id, step.count, prefix)


@pytest.mark.parametrize("step", STEPS, ids=repr)
def test_a_killed_server_that_is_started_again_in_its_place_goes_on_at_once(alone, step):
    prefix = f"again-{step}"
    batch_id, server = catch(alone, step, prefix)
    server.kill()
    alone.sandbox.set_faults([])
    check_whole(alone, alone.start_again(server), batch_id, step.count, prefix)


@pytest.mark.parametrize("step", STEPS, ids=repr)
def test_what_a_server_was_at_when_it_was_told_to_stop_another_finishes(world, step):
    prefix = f"stopped-{step}"
    repeated = world.sandbox.records()["invocations"]["repeated"]["calls"]
    batch_id, server = catch(world, step, prefix)
    began = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    world.sandbox.set_faults([])
    seconds = world.seconds_until_taken_over(step.lease(batch_id), server, is_past(world, step, batch_id))
    assert server.wait_for_end() == 0, server.log_end()
    print(f"\nstopped while it {step}: handed on after {seconds:.1f} s, gone after {time.monotonic() - began:.1f} s")
    check_whole(world, world.other(server), batch_id, step.count, prefix)
    # What it had asked for when it was told to stop was answered, and kept: nothing is paid for twice.
    assert world.sandbox.records()["invocations"]["repeated"]["calls"] == repeated


def test_another_watches_what_a_killed_server_watched(world):
    batch_id = create(world[0], prefix="watched")
    harness.await_true(lambda: [job for job in world.sandbox.jobs() if batch_id.removeprefix("batch_") in job["jobName"]],
                       WAIT_SECONDS)
    server = world.await_holder(ROLE.format("monitor"))
    server.kill()
    seconds = world.seconds_until_taken_over(ROLE.format("monitor"), server, lambda: False)
    print(f"\nkilled while it watched: taken over after {seconds:.1f} s of a lease of {replicas.LEASE_SECONDS} s")
    check_whole(world, world.other(server), batch_id, prefix="watched")


def test_another_watches_at_once_when_a_server_stops(world):
    server = world.await_holder(ROLE.format("monitor"))
    other = world.other(server)
    taken_over = other.log().count("another server's role is taken over")
    assert server.stop() == 0, server.log_end()
    assert world.await_holder(ROLE.format("monitor")) is other
    assert other.log().count("another server's role is taken over") == taken_over  # it was given up


def test_a_batch_whose_server_dies_while_it_ends_ends_once(world):
    """Its last transaction waits for a lock when the server is killed."""
    with subprocess.Popen(["psql", world.database_url, "--no-psqlrc", "--quiet"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True) as locker:
        batch_id = create(world[0], prefix="ended")
        harness.await_true(lambda: world.rows(f"SELECT state FROM jobs WHERE batch_id = '{batch_id}'"), WAIT_SECONDS)
        locker.stdin.write("BEGIN; LOCK TABLE spend_log IN EXCLUSIVE MODE; SELECT 'locked';\n")
        locker.stdin.flush()
        while "locked" not in locker.stdout.readline():
            pass
        harness.await_true(lambda: world.rows(
            f"SELECT status FROM batches WHERE id = '{batch_id}' AND status = 'finalizing' AND lease_owner IS NOT NULL"),
            WAIT_SECONDS)
        server = world.await_holder(of_batch(batch_id))
        server.kill()
        locker.stdin.close()
        phase = f"SELECT phase FROM batches WHERE id = '{batch_id}'"
        seconds = world.seconds_until_taken_over(of_batch(batch_id), server, lambda: world.rows(phase) == [("done",)])
        print(f"\nkilled while it finishes: taken over after {seconds:.1f} s of a lease of {replicas.LEASE_SECONDS} s")
    check_whole(world, world.other(server), batch_id, prefix="ended")


# --- stopping ---

def half_an_upload(server, content):
    """A connection on which half of a file's form has been sent. Returns (connection, the rest)."""
    body, content_type = harness.form([("purpose", "batch"), ("file", "in.jsonl", content)])
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.putrequest("POST", "/v1/files")
    connection.putheader("Authorization", f"Bearer {harness.KEY}")
    connection.putheader("Content-Type", content_type)
    connection.putheader("Content-Length", str(len(body)))
    connection.endheaders()
    connection.send(body[:len(body) // 2])
    return connection, body[len(body) // 2:]


def refuses_connections(server):
    try:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
        connection.connect()
    except OSError:
        return True
    connection.close()
    return False


def test_an_upload_that_runs_when_a_server_is_told_to_stop_may_end(world):
    server = world[0]
    content = harness.chat_lines(50_000)
    connection, rest = half_an_upload(server, content)
    server.process.send_signal(signal.SIGTERM)
    harness.await_true(lambda: refuses_connections(server), 10)
    connection.send(rest)
    response = connection.getresponse()
    answer = harness.parse_lines(response.read() + b"\n")[0]
    assert response.status == 200, answer
    connection.close()
    assert server.wait_for_end() == 0, server.log_end()
    assert world.other(server).content(answer["id"]) == content


def test_an_upload_that_does_not_end_is_cut_and_the_server_ends_in_time(world):
    server = world[0]
    connection, _ = half_an_upload(server, harness.chat_lines(1_000))
    assert server.stop() == 0, server.log_end()  # fails after 30 s
    with pytest.raises((OSError, http.client.HTTPException)):
        connection.getresponse()
    connection.close()


def test_a_second_signal_ends_it_at_once(world):
    server = world[0]
    connection, _ = half_an_upload(server, harness.chat_lines(1_000))
    server.process.send_signal(signal.SIGTERM)
    harness.await_true(lambda: refuses_connections(server), 10)
    assert server.stop() == -signal.SIGTERM
    connection.close()


# --- one service, whichever server answers ---

def test_what_one_took_another_gives(world):
    content = harness.chat_lines(2_000)
    file = world[0].upload(content).json
    assert world[1].content(file["id"]) == content
    assert world[1].request("GET", f"/v1/files/{file['id']}").json == file
    assert world[1].request("DELETE", f"/v1/files/{file['id']}").status == 200
    assert world[0].request("GET", f"/v1/files/{file['id']}").status == 404


def test_parts_of_an_upload_may_go_through_different_servers(world):
    parts = [harness.chat_lines(200, f"part{i}") for i in range(6)]
    content = b"".join(parts)
    upload = world[0].request("POST", "/v1/uploads", {
        "filename": "in.jsonl", "purpose": "batch", "bytes": len(content), "mime_type": "application/jsonl"}).json

    def send(number):
        body, content_type = harness.form([("data", "part", parts[number])])
        answer = world[number % 2].request(
            "POST", f"/v1/uploads/{upload['id']}/parts", body, {"Content-Type": content_type})
        assert answer.status == 200, answer.text
        return answer.json["id"]

    with concurrent.futures.ThreadPoolExecutor(len(parts)) as pool:
        ids = list(pool.map(send, range(len(parts))))
    done = world[1].request("POST", f"/v1/uploads/{upload['id']}/complete", {"part_ids": ids})
    assert done.status == 200, done.text
    assert world[0].content(done.json["file"]["id"]) == content


def test_a_creation_sent_to_both_at_once_makes_one_batch(world):
    file = world[0].upload(harness.to_jsonl(
        [harness.chat_line(f"raced-{i}", "raced", MODEL) for i in range(3)])).json["id"]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for number in range(10):
            def make(server, number=number):
                return server.request("POST", "/v1/batches", {"input_file_id": file, **CREATE},
                                      {"Idempotency-Key": f"raced-{number}"})

            answers = list(pool.map(make, world.servers * 4))
            assert {answer.status for answer in answers} == {200}, [answer.text for answer in answers]
            assert len({answer.json["id"] for answer in answers}) == 1
    made = [batch for batch in world[1].request("GET", "/v1/batches?limit=100").json["data"]
            if batch["input_file_id"] == file]
    assert len(made) == 10


def test_lists_are_the_same_everywhere(world):
    create(world[0], 3, "listed-0")
    create(world[1], 3, "listed-1")
    for path in ("/v1/batches?limit=100", "/v1/files?limit=1000"):
        def ids(server, path=path):
            return [row["id"] for row in server.request("GET", path).json["data"]]

        assert ids(world[0]) == ids(world[1])
        assert len(ids(world[0])) >= 2


def test_a_cancel_at_one_stops_what_runs_at_another(world):
    count = 60
    batch_id, server = catch(world, Step("is cancelled", [slow("Runtime", 2)], STEPS[-1].lease, count), "cancelled")
    answer = world.other(server).request("POST", f"/v1/batches/{batch_id}/cancel")
    assert answer.status == 200 and answer.json["status"] == "cancelling", answer.text
    batch = world.other(server).wait(batch_id, WAIT_SECONDS)
    assert batch["status"] == "cancelled", batch
    completed, failed = exactness.check_answers(server, batch, [f"cancelled-{i}" for i in range(count)])
    assert failed > 0  # it did not run to its end
    assert exactness.spent(server, [batch_id])["output"] > 0 or completed == 0


# --- the database ---

@contextlib.contextmanager
def own_postgres():
    with tempfile.TemporaryDirectory(prefix="quarry-pg-") as directory:
        os.chmod(directory, 0o755)  # run by root, it runs as another user
        with replicas.postgres(f"{directory}/pg") as running:
            yield running


def await_answers(world):
    harness.await_true(lambda: all(
        server.request("GET", "/v1/batches").status == 200 for server in world.servers), WAIT_SECONDS)


def test_a_database_that_restarts_and_one_that_is_away_for_a_while_lose_nothing(tmp_path):
    with own_postgres() as (url, ask):
        with world_on(tmp_path, url, job_seconds=2) as world:
            world.sandbox.set_faults([slow("Runtime", 1), slow("GetObject", 1, match="results/")])
            batches = {create(world[i % 2], count, f"away-{i}"): (count, f"away-{i}")
                       for i, count in enumerate((LINES, 20, LINES, 30))}
            harness.await_true(lambda: world.rows("SELECT 1 FROM direct_results LIMIT 1"), WAIT_SECONDS)
            ask("crash")
            ask("start")
            await_answers(world)
            ask("crash")
            away = time.monotonic()
            answer = world[0].request("GET", "/v1/batches")
            assert answer.status == 503, answer.text
            # What is under test is that it is away for longer than a lease and than a call waits.
            harness.await_true(lambda: time.monotonic() - away > 2 * replicas.LEASE_SECONDS, 60)
            ask("start")
            world.sandbox.set_faults([])
            await_answers(world)
            for batch_id, (count, prefix) in batches.items():
                check_whole(world, world[1], batch_id, count, prefix)
            # Nobody died: no answer that was paid for was lost with the database.
            print(f"\nasked again: {world.sandbox.records()['invocations']['repeated']['calls']} calls")


@contextlib.contextmanager
def holding(url, batch_id):
    """Somebody's transaction has the batch's row."""
    with subprocess.Popen(["psql", url, "--no-psqlrc", "--quiet", "--tuples-only", "--no-align"], text=True,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as session:
        session.stdin.write(f"BEGIN;\nSELECT 'held' FROM batches WHERE id = '{batch_id}' FOR UPDATE;\n")
        session.stdin.flush()
        assert session.stdout.readline().strip() == "held"
        yield
        session.stdin.close()  # it ends, and its transaction with it


def await_waiting(world, name, count):
    """Until so many transactions of the servers with this name wait for a row."""
    harness.await_true(lambda: len(world.rows(
        "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND state = 'active' "
        f"AND application_name = '{name}'")) >= count, WAIT_SECONDS)


def test_a_row_that_is_held_lets_no_lease_lapse(database, tmp_path):
    """All connections but one wait for it."""
    url = databases.new_schema(database) + "&application_name=test_held"
    with world_on(tmp_path, url, database_connection_pool_limit=3) as world:
        batch_id, server = catch(world, Step("is held", [slow("Runtime", 1)], STEPS[-1].lease, 20), "held")
        lease = STEPS[-1].lease(batch_id)

        def until_ms():
            return int(world.rows(f"SELECT lease_until_ms FROM jobs WHERE batch_id = '{batch_id}'")[0][0])

        with holding(url, batch_id):
            await_waiting(world, "test_held", 2)
            later = until_ms() + 2000 * replicas.LEASE_SECONDS
            harness.await_true(lambda: until_ms() > later or world.holder(lease) is not server, WAIT_SECONDS)
            assert world.holder(lease) is server, server.log_end()
            await_answers(world)
        check_whole(world, server, batch_id, 20, "held")
        assert "work is given up" not in server.log()
        assert world.sandbox.records()["invocations"]["repeated"]["calls"] == 0


def test_a_server_that_is_frozen_in_a_transaction_is_not_waited_for(database, tmp_path):
    url = databases.new_schema(database) + "&application_name=test_frozen"
    with world_on(tmp_path, url) as world:
        batch_id, server = catch(world, Step("is frozen", [slow("Runtime", 1)], STEPS[-1].lease, 40), "frozen")
        other = world.other(server)
        with holding(url, batch_id):
            await_waiting(world, "test_frozen", 1)
            server.process.send_signal(signal.SIGSTOP)
        try:  # what waited has the row now, and will say nothing more
            harness.await_true(lambda: other.request("POST", f"/v1/batches/{batch_id}/cancel").status == 200, 30)
            assert other.wait(batch_id, WAIT_SECONDS)["status"] == "cancelled"
        finally:
            server.process.send_signal(signal.SIGCONT)
        await_answers(world)


def test_two_servers_that_start_together_on_an_empty_database_both_serve(database, tmp_path):
    with world_on(tmp_path, databases.new_schema(database), count=3) as world:
        assert len(world.rows("SELECT version FROM schema_version")) == 1
        batch_id = create(world[0], 3)
        for server in world.servers:
            check_whole(world, server, batch_id, 3)
