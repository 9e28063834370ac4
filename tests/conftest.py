import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import harness


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """One `quarry serve --sandbox` for all tests of a file."""
    running = harness.Server(tmp_path_factory.mktemp("server"))
    yield running
    assert running.stop() == 0, running.log_end()


@pytest.fixture
def client(server):
    return server.client()


@pytest.fixture
def fresh_server(tmp_path):
    """A server that no other test has used."""
    running = harness.Server(tmp_path / "server")
    yield running
    assert running.stop() == 0, running.log_end()


@pytest.fixture
def sandbox(tmp_path):
    """A local AWS in a process of its own."""
    running = harness.Sandbox(tmp_path / "sandbox")
    yield running
    assert running.stop() == 0, running.log_end()
