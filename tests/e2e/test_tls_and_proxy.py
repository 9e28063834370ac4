"""Batches through TLS under a private CA, and through a proxy: what a company's network puts before AWS."""

import contextlib
import re
import signal
import socket
import subprocess

import exactness
import fleet
import harness
import pytest
from authority import Authority
from fault_proxy import FaultProxy
from s3_servers import listening_port

CLAUDE = "us.anthropic.claude-3-5-sonnet-20240620-v1:0"
NOVA = "us.amazon.nova-lite-v1:0"
NO_PROXIES = {name: "" for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy",
                                    "NO_PROXY", "no_proxy")}


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as one:
        return one.getsockname()[1]


class Tinyproxy:
    """Lets CONNECT through to the given ports alone."""

    def __init__(self, directory, ports):
        directory.mkdir()
        self.log_path = directory / "tinyproxy.log"
        allowed = "".join(f"ConnectPort {port}\n" for port in ports)
        for _ in range(20):  # it takes no port 0, and a free one may be taken meanwhile: then it ends
            port = free_port()
            (directory / "tinyproxy.conf").write_text(
                f'Port {port}\nListen 127.0.0.1\nTimeout 60\nLogFile "{self.log_path}"\nLogLevel Connect\n'
                f"MaxClients 100\nAllow 127.0.0.1\n{allowed}")
            self.process = subprocess.Popen(["tinyproxy", "-d", "-c", str(directory / "tinyproxy.conf")],
                                            stdin=subprocess.DEVNULL)
            harness.await_true(lambda: self.process.poll() is not None or listening_port(self.process))
            if self.process.poll() is None:
                break
        assert self.process.poll() is None, self.log()
        self.url = f"http://127.0.0.1:{port}"

    def log(self):
        return self.log_path.read_text() if self.log_path.exists() else ""

    def connects(self):
        """host:port of every CONNECT that it was asked for."""
        return re.findall(r"Request \(file descriptor \d+\): CONNECT (\S+) HTTP", self.log())

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("tls") / "authority")


@pytest.fixture
def secure(sandbox, authority):
    """TLS before the sandbox, twice: its S3 and its Bedrock are told apart by their ports."""
    with FaultProxy(sandbox.url, tls=authority.server) as s3, FaultProxy(sandbox.url, tls=authority.server) as bedrock:
        yield s3, bedrock


@pytest.fixture
def proxy(tmp_path, secure):
    running = Tinyproxy(tmp_path / "proxy", [terminator.port for terminator in secure])
    yield running
    running.stop()


@contextlib.contextmanager
def serving(directory, sandbox, s3_url, bedrock_url, environment):
    entries = [fleet.deployment(name, model, sandbox, harness.REGION, harness.BUCKET, s3_endpoint_url=s3_url,
                                aws_bedrock_endpoint=bedrock_url, aws_bedrock_runtime_endpoint=bedrock_url)
               for name, model in (("claude", CLAUDE), ("nova", NOVA))]
    config = fleet.write_config(directory / "config.yaml", entries, proxy_batch_polling_interval=1)
    server = harness.Server(directory / "server", config, sandbox=False, environment={**NO_PROXIES, **environment})
    try:
        yield server
    finally:
        assert server.stop() == 0, server.log_end()


def run_batch(server):
    lines = [harness.chat_line(f"line-{i}", f"Question {i}", ("claude", "nova")[i % 2]) for i in range(240)]
    batch = server.run_batch(harness.to_jsonl(lines))
    assert batch["status"] == "completed", f"{batch}\n{server.log_end()}"
    assert exactness.check_answers(server, batch, [line["custom_id"] for line in lines]) == (240, 0)


def refused_upload(server):
    """An upload that S3 can not take: what the client is told, and the log."""
    answer = server.upload(harness.chat_lines(3))
    assert answer.status in {500, 502, 503}, answer.text
    return answer.error["message"], server.log()


def test_a_batch_runs_through_a_proxy_and_tls_under_a_private_ca(tmp_path, sandbox, authority, secure, proxy):
    s3, bedrock = secure
    with serving(tmp_path, sandbox, s3.url, bedrock.url,
                 {"AWS_CA_BUNDLE": str(authority.bundle), "HTTPS_PROXY": proxy.url}) as server:
        run_batch(server)
    assert {job["status"] for job in sandbox.jobs()} == {"Completed"}
    # Each connection that reached TLS is one that the proxy was asked for.
    connects = proxy.connects()
    for terminator in secure:
        asked = connects.count(f"127.0.0.1:{terminator.port}")
        assert asked == terminator.connections > 0, (asked, terminator.connections)
    assert len(connects) == s3.connections + bedrock.connections


def test_hosts_of_no_proxy_are_reached_without_it(tmp_path, sandbox, authority, secure, proxy):
    s3, bedrock = secure
    with serving(tmp_path, sandbox, f"https://localhost:{s3.port}", bedrock.url,
                 {"AWS_CA_BUNDLE": str(authority.bundle), "HTTPS_PROXY": proxy.url,
                  "NO_PROXY": "example.com,127.0.0.1"}) as server:
        run_batch(server)
    assert s3.connections > 0 and bedrock.connections > 0
    assert set(proxy.connects()) == {f"localhost:{s3.port}"}


def test_tls_needs_no_proxy(tmp_path, sandbox, authority, secure):
    s3, bedrock = secure
    with serving(tmp_path, sandbox, s3.url, bedrock.url, {"AWS_CA_BUNDLE": str(authority.bundle)}) as server:
        run_batch(server)


def test_a_ca_that_is_not_trusted_is_named(tmp_path, sandbox, secure):
    s3, bedrock = secure
    with serving(tmp_path, sandbox, s3.url, bedrock.url, {}) as server:
        _, log = refused_upload(server)
    assert "certificate" in log, log[-3000:]
    assert re.search(r"(unable to get local issuer certificate|self.signed certificate)", log), log[-3000:]
    assert sandbox.client("s3").list_objects_v2(Bucket=harness.BUCKET)["KeyCount"] == 0


def test_a_certificate_for_another_host_is_named(tmp_path, sandbox, authority):
    with FaultProxy(sandbox.url, tls=authority.other_name) as s3:
        with serving(tmp_path, sandbox, s3.url, sandbox.url, {"AWS_CA_BUNDLE": str(authority.bundle)}) as server:
            _, log = refused_upload(server)
    assert re.search(r"(certificate|subject name).*(127\.0\.0\.1|match)", log), log[-3000:]


def test_a_ca_bundle_that_can_not_be_read_is_named(tmp_path, sandbox, secure):
    s3, bedrock = secure
    missing = tmp_path / "nowhere.pem"
    with serving(tmp_path, sandbox, s3.url, bedrock.url, {"AWS_CA_BUNDLE": str(missing)}) as server:
        _, log = refused_upload(server)
    assert str(missing) in log, log[-3000:]


def test_a_proxy_that_is_down_is_named(tmp_path, sandbox, authority, secure, proxy):
    s3, bedrock = secure
    proxy.stop()
    with serving(tmp_path, sandbox, s3.url, bedrock.url,
                 {"AWS_CA_BUNDLE": str(authority.bundle), "HTTPS_PROXY": proxy.url}) as server:
        _, log = refused_upload(server)
    assert proxy.url.rpartition(":")[2] in log and re.search(r"(?i)connect", log), log[-3000:]
    assert s3.connections == 0


def test_a_proxy_that_refuses_is_named(tmp_path, sandbox, authority, secure):
    s3, bedrock = secure
    strict = Tinyproxy(tmp_path / "strict", [bedrock.port])
    try:
        with serving(tmp_path, sandbox, s3.url, bedrock.url,
                     {"AWS_CA_BUNDLE": str(authority.bundle), "HTTPS_PROXY": strict.url}) as server:
            _, log = refused_upload(server)
    finally:
        strict.stop()
    assert re.search(r"CONNECT.*403", log), log[-3000:]
    assert s3.connections == 0
