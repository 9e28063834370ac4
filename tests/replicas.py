"""Several `quarry serve` on one PostgreSQL and one bucket, with one sandbox for AWS; and what the database says of
who is at which work."""

import concurrent.futures
import contextlib
import os
import subprocess
import time

import databases
import fleet
import harness

LEASE_SECONDS = 5
WAIT_SECONDS = 90  # generous: the machine may be busy


@contextlib.contextmanager
def postgres(directory=None):
    """The URL of a PostgreSQL that runs: the checkout's own, or one in this directory (at most 80 characters)."""
    program = harness.REPOSITORY / "scripts" / "postgres"
    environment = {**os.environ, **({"QUARRY_POSTGRES_DIR": str(directory)} if directory else {})}

    def ask(what):
        done = subprocess.run([program, what], env=environment, capture_output=True, text=True, timeout=180)
        assert done.returncode == 0, f"scripts/postgres {what}: {done.stderr}"
        return done.stdout.strip()

    url = ask("start")
    try:
        yield url, ask
    finally:
        ask("stop")


class Replicas:
    """servers: each with its own port and data directory, and one config. They start at the same moment."""

    def __init__(self, directory, sandbox, database_url, deployments, count=2, extra_args=(), **general):
        self.directory, self.sandbox, self.database_url = directory, sandbox, database_url
        self.extra_args = extra_args
        self.config = fleet.write_config(directory / "config.yaml", deployments, **{
            "proxy_batch_polling_interval": 1, "lease_seconds": LEASE_SECONDS, **general})
        with concurrent.futures.ThreadPoolExecutor(count) as pool:
            self.servers = list(pool.map(self._start, range(count)))

    def _start(self, number, port=0):
        return harness.Server(self.directory / f"replica{number}", self.config, sandbox=False, port=port,
                              environment={"DATABASE_URL": self.database_url}, extra_args=self.extra_args)

    def __getitem__(self, number):
        return self.servers[number]

    def start_again(self, server):
        """In its place, on its port and data. Returns the new one."""
        assert server.process.poll() is not None
        number = self.servers.index(server)
        self.servers[number] = self._start(number, server.port)
        return self.servers[number]

    def start_missing(self):
        for server in list(self.servers):
            if server.process.poll() is not None:
                self.start_again(server)

    def other(self, server):
        """One that runs, and is not this one."""
        return next(each for each in self.servers if each is not server and each.process.poll() is None)

    def stop(self):
        """All end well."""
        for server in self.servers:
            if server.process.poll() is None:
                assert server.stop() == 0, server.log_end()

    def kill(self):
        for server in self.servers:
            server.kill()

    # --- who is at what ---

    def rows(self, statement):
        return databases.psql(self.database_url, statement)

    def server_of(self, lease_owner):
        """The server that a lease names: "<host>:<process>:<mark>". None: it has been killed."""
        pid = int(lease_owner.rsplit(":", 2)[1])
        return next((server for server in self.servers if server.pid == pid), None)

    def holders(self, statement):
        """The leases' owners. NULL comes as an empty row."""
        return [row[0] for row in self.rows(statement) if row and row[0]]

    def holder(self, statement):
        """The server that holds the lease this SELECT gives; None while nobody does."""
        owners = self.holders(statement)
        return self.server_of(owners[0]) if owners else None

    def await_holder(self, statement):
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            server = self.holder(statement)
            if server:
                return server
            assert time.monotonic() < deadline, f"nobody has it: {statement}\n{self.servers[0].log_end()}"
            time.sleep(0.02)

    def seconds_until_taken_over(self, statement, from_server, gone):
        """How long until another than from_server has the lease, or gone() says that the work is over."""
        began = time.monotonic()
        while True:
            server = self.holder(statement)
            if (server and server is not from_server) or gone():
                return time.monotonic() - began
            assert time.monotonic() < began + WAIT_SECONDS, f"nobody took it over: {statement}"
            time.sleep(0.05)


def of_batch(batch_id):
    """Who plans or finishes it."""
    return f"SELECT lease_owner FROM batches WHERE id = '{batch_id}' AND phase <> 'done'"


def of_jobs(batch_id, condition):
    return f"SELECT lease_owner FROM jobs WHERE batch_id = '{batch_id}' AND lease_owner IS NOT NULL AND {condition}"


ROLE = "SELECT lease_owner FROM leases WHERE name = '{}'"
