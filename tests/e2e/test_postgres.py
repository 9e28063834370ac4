"""A PostgreSQL that goes and comes back, under a server that works."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import threading

import pytest

import databases
import harness

LINES = 40
SCRIPT = pathlib.Path(harness.REPOSITORY) / "scripts" / "postgres"


class Postgres:
    """A server of a test's own (scripts/postgres), in a directory whose path a socket may have."""

    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="quarry-pg-")
        self.url = self.do("start")

    def do(self, what):
        done = subprocess.run([SCRIPT, what], capture_output=True, text=True, timeout=120,
                              env={**os.environ, "QUARRY_POSTGRES_DIR": self.directory})
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def close(self):
        self.do("stop")
        shutil.rmtree(self.directory)


@pytest.fixture(scope="module")
def postgres():
    running = Postgres()
    yield running
    running.close()


@pytest.fixture
def server(postgres, tmp_path):
    running = harness.Server(tmp_path / "server", job_seconds=2,
                             environment={"DATABASE_URL": databases.new_schema(postgres.url)})
    yield running
    assert running.stop() == 0, running.log_end()


def start_batch(server):
    file = server.upload(harness.chat_lines(LINES))
    created = server.request("POST", "/v1/batches", {
        "input_file_id": file.json["id"], "endpoint": "/v1/chat/completions", "completion_window": "24h"})
    assert created.status == 200, created.text
    return created.json["id"]


def check_batch(server, batch_id):
    batch = server.wait(batch_id)
    assert batch["status"] == "completed", batch
    assert batch["request_counts"] == {"total": LINES, "completed": LINES, "failed": 0}
    lines = server.result_lines(batch["output_file_id"])
    assert sorted(line["custom_id"] for line in lines) == sorted(f"request-{i}" for i in range(LINES))
    harness.check_result_lines(lines)


@pytest.mark.parametrize("how", ["stop", "crash"])
def test_a_batch_goes_on_when_the_database_is_back(postgres, server, how):
    batch_id = start_batch(server)
    server.wait(batch_id, until={"in_progress"})
    postgres.do(how)
    answer = server.request("GET", f"/v1/batches/{batch_id}")
    assert answer.status == 503, answer.text
    assert answer.error["message"] == "The server's database does not answer. Try again."
    harness.await_true(lambda: "the database cannot be reached  " in server.log(), 30)
    postgres.do("start")
    harness.await_true(lambda: server.request("GET", f"/v1/batches/{batch_id}").status == 200, 30)
    check_batch(server, batch_id)
    log = server.log()
    assert log.count("error the database cannot be reached  message=") == 1, log
    assert log.count("info  the database is back  ") == 1, log


def test_a_server_without_its_database_is_alive_and_not_ready_until_it_is_back(postgres, server):
    def readiness():
        return server.request("GET", "/health/readiness", key=None)

    assert readiness().status == 200
    postgres.do("stop")
    harness.await_true(lambda: readiness().status == 503, 30)
    answer = readiness().json
    assert (answer["status"], answer["db"]) == ("unhealthy", "not connected")
    assert answer["error"].startswith("the database did"), answer
    assert server.request("GET", "/health/liveliness", key=None).status == 200
    metrics = server.request("GET", "/metrics", key=None)
    assert metrics.status == 200 and "\nquarry_database_up 0\n" in metrics.text
    postgres.do("start")
    harness.await_true(lambda: readiness().status == 200, 30)


def test_a_short_absence_is_waited_for(postgres, server):
    """Requests that come while the database starts again are answered, only later."""
    batch_id = start_batch(server)
    for _ in range(3):
        postgres.do("stop")
        start = threading.Thread(target=postgres.do, args=("start",))
        start.start()
        answer = server.request("GET", f"/v1/batches/{batch_id}")
        start.join()
        assert answer.status == 200, answer.text
    check_batch(server, batch_id)


def test_the_log_names_the_database_and_never_its_password(postgres, tmp_path):
    url = databases.new_schema(postgres.url) + "&password=hunter2"
    running = harness.Server(tmp_path / "server", environment={"DATABASE_URL": url})
    batch_id = start_batch(running)
    check_batch(running, batch_id)
    assert running.stop() == 0, running.log_end()
    assert f'database="PostgreSQL, {postgres.directory}:5432, database postgres"' in running.log()
    assert "hunter2" not in running.log()


def test_a_server_whose_database_does_not_answer_ends_and_says_so(tmp_path):
    with pytest.raises(RuntimeError) as ended:
        harness.Server(tmp_path / "server", environment={
            "DATABASE_URL": "postgresql://me:hunter2@/quarry?host=/nowhere/at/all"})
    assert "cannot open PostgreSQL, /nowhere/at/all:5432, database quarry" in str(ended.value)
    assert "hunter2" not in str(ended.value)
