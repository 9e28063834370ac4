"""The database of a server that a test starts: SQLite in its data directory, or, with QUARRY_TEST_POSTGRES
in the environment (scripts/postgres prints such a URL), a schema of that PostgreSQL for each directory,
dropped when Python ends.
"""

import atexit
import contextlib
import csv
import os
import sqlite3
import subprocess
import uuid

_schemas = {}  # by the server's directory


def server_url():
    """The PostgreSQL that tests use; None when they are on SQLite."""
    return os.environ.get("QUARRY_TEST_POSTGRES") or None


def psql(url, statement):
    """The rows of a statement, as tuples of texts."""
    done = subprocess.run(
        ["psql", url, "--no-psqlrc", "--quiet", "--csv", "--tuples-only", "--set=ON_ERROR_STOP=1"],
        input=f"SET client_min_messages = warning;\n{statement};\n", capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"{statement}: {done.stderr}"
    return [tuple(row) for row in csv.reader(done.stdout.splitlines())]


def new_schema(url):
    """Makes an empty schema and returns the URL whose tables are in it; it stays."""
    name = f"test_{uuid.uuid4().hex}"
    psql(url, f"CREATE SCHEMA {name}")
    return f"{url}{'&' if '?' in url else '?'}options=-csearch_path%3D{name}"


def environment_for(directory):
    """What tells a server with this directory which database is its own: the same one if it starts again."""
    url = server_url()
    if not url:
        return {}
    if directory not in _schemas:
        _schemas[directory] = new_schema(url)
        name = _schemas[directory].rpartition("%3D")[2]
        atexit.register(psql, url, f"DROP SCHEMA {name} CASCADE")
    return {"DATABASE_URL": _schemas[directory]}


def rows(directory, statement):
    """Reads the database of the server with this directory, whether it runs or not. Tuples of texts."""
    if directory in _schemas:
        return psql(_schemas[directory], statement)
    with contextlib.closing(sqlite3.connect(directory / "data" / "quarry.db", timeout=10)) as database:
        return [tuple("" if value is None else str(value) for value in row) for row in database.execute(statement)]
