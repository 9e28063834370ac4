"""Word of a batch's end: what a receiver gets, when, and who gets nothing."""

import base64
import json
import os
import secrets
import socket
import ssl
import subprocess
import sys
import threading
import time

import openai
import pytest
import standardwebhooks
from authority import Authority

import harness

SECRET = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
SECRET_OF_BATCHES = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
TOKEN = "query-" + secrets.token_hex(8)  # some receivers are known by their URL alone


class Receiver(harness.FakeServer):
    """What is sent to it, by path; `plan[path]` are the answers in turn, the last of them for ever: a status, a
    (status, headers), or an Event that the request waits for before it is answered with 200."""

    def __init__(self, plan=None, authority=None, host=None):
        self.plan = {path: list(answers) for path, answers in (plan or {}).items()}
        self.lock = threading.Lock()
        super().__init__(self.answer)
        if authority:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(*authority.server)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        port = self.server.server_port
        self.url = f"{'https' if authority else 'http'}://{host or '127.0.0.1'}:{port}"

    def answer(self, _method, path, _headers, _body):
        with self.lock:
            answers = self.plan.get(path.split("?")[0], [200])
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, threading.Event):
            answer.wait(60)
            answer = 200
        status, headers = answer if isinstance(answer, tuple) else (answer, {})
        return status, headers, b"thank you"

    def events(self, path=None, of=None):
        """(headers, body) of what came, in order."""
        return [(headers, body) for _, where, headers, body in list(self.requests)
                if path in (None, where.split("?")[0]) and of in (None, json.loads(body)["data"]["id"])]


def write_config(path, webhooks=(), **general):
    """A server whose models are the sandbox's own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    entry = {"model_name": harness.MODEL,
             "litellm_params": {"model": f"bedrock/{harness.BEDROCK_MODEL}", "aws_region_name": harness.REGION,
                                "s3_bucket_name": harness.BUCKET, "retry_failed_records": 0,
                                "aws_batch_role_arn": "arn:aws:iam::123456789012:role/quarry-test"},
             "model_info": {"mode": "batch"}}
    path.write_text(json.dumps({"model_list": [entry], "general_settings": {
        "master_key": harness.KEY, "webhooks": list(webhooks), **general}}))
    return path


def target(url, *events, secret=SECRET):
    return {"url": url, "secret": secret, **({"events": list(events)} if events else {})}


@pytest.fixture
def serve(tmp_path):
    """serve(webhooks…): a server; again: the same one, restarted on its data."""
    servers = []

    def start(*webhooks, extra_args=(), environment=None, **general):
        config = tmp_path / "config.yaml"
        if webhooks or general or not config.exists():
            write_config(config, webhooks, **{"webhook_allow_private_addresses": True, **general})
        port = servers[-1].port if servers else 0
        servers.append(harness.Server(tmp_path / "server", config, port=port, extra_args=extra_args,
                                      environment=environment))
        return servers[-1]

    yield start
    for server in servers[:-1]:
        assert server.process.poll() is not None
    assert servers[-1].stop() == 0, servers[-1].log_end()


@pytest.fixture
def receiver():
    made = []

    def make(plan=None, **options):
        made.append(Receiver(plan, **options))
        return made[-1]

    yield make
    for one in made:
        for answers in one.plan.values():
            for answer in answers:
                if isinstance(answer, threading.Event):
                    answer.set()
        one.close()


def bad_batch(server, **create):
    """One that fails at its validation: the quickest end there is."""
    batch = server.run_batch(b'{"custom_id": "no-body"}\n', **create)
    assert batch["status"] == "failed"
    return batch


def await_event(server, condition, timeout=60):
    try:
        harness.await_true(condition, timeout)
    except AssertionError:
        raise AssertionError(f"no event\n{server.log_end()}") from None


def unwrapped(event, secret=SECRET):
    """By OpenAI's SDK, and by the library of Standard Webhooks."""
    headers, body = event
    got = openai.OpenAI(api_key="unused").webhooks.unwrap(body, dict(headers), secret=secret)
    assert standardwebhooks.Webhook(secret).verify(body, dict(headers)) == json.loads(body)
    return got


def test_each_end_is_told_in_openais_words_and_signed(serve, receiver):
    hook = receiver()
    server = serve(target(f"{hook.url}/all?token={TOKEN}"), target(f"{hook.url}/bad", "batch.failed", "batch.expired"))
    completed = server.run_batch(harness.chat_lines(3))
    failed = bad_batch(server)
    file = server.upload(harness.chat_lines(3)).json["id"]
    created = server.request("POST", "/v1/batches", {
        "input_file_id": file, "endpoint": "/v1/chat/completions", "completion_window": "24h"}).json
    assert server.request("POST", f"/v1/batches/{created['id']}/cancel").status == 200
    cancelled = server.wait(created["id"])
    server.set_faults([{"operation": "Job", "fault": "expire"}])
    expired = server.run_batch(harness.chat_lines(120))

    ends = {"completed": completed, "failed": failed, "cancelled": cancelled, "expired": expired}
    assert {word: batch["status"] for word, batch in ends.items()} == {word: word for word in ends}
    await_event(server, lambda: len(hook.events("/all")) == 4 and len(hook.events("/bad")) == 2)
    for word, batch in ends.items():
        [(headers, body)] = hook.events("/all", batch["id"])
        event = unwrapped((headers, body))
        assert (event.type, event.object, event.data.id) == (f"batch.{word}", "event", batch["id"])
        assert type(event).__name__ == f"Batch{word.capitalize()}WebhookEvent"
        assert event.id.startswith("evt_")
        assert event.created_at == batch[f"{word}_at"]
        assert set(json.loads(body)) == {"id", "object", "created_at", "type", "data"}
        assert headers["Content-Type"] == "application/json"
        assert headers["webhook-id"].startswith("wh_")
        assert abs(int(headers["webhook-timestamp"]) - time.time()) < 120
    assert {json.loads(body)["type"] for _, body in hook.events("/bad")} == {"batch.failed", "batch.expired"}
    # One event, two receivers: two messages.
    [(to_one, body)] = hook.events("/all", failed["id"])
    [(to_other, same_body)] = hook.events("/bad", failed["id"])
    assert body == same_body and to_one["webhook-id"] != to_other["webhook-id"]

    with pytest.raises(openai.InvalidWebhookSignatureError):
        unwrapped((to_one, body.replace(b"batch.failed", b"batch.completed")))
    with pytest.raises(openai.InvalidWebhookSignatureError):
        unwrapped((to_one, body), SECRET_OF_BATCHES)
    with pytest.raises(openai.InvalidWebhookSignatureError):
        unwrapped(({**to_one, "webhook-id": to_other["webhook-id"]}, body))

    # Nothing that was delivered is sent again, and no secret is anywhere.
    assert server.stop() == 0
    assert len(hook.requests) == 6
    for secret in (SECRET.removeprefix("whsec_"), TOKEN):
        assert secret not in server.log()
    files = [path.read_bytes() for path in (server.directory / "data").rglob("*") if path.is_file()]
    assert files
    for secret in (SECRET.removeprefix("whsec_").encode(), base64.b64decode(SECRET.removeprefix("whsec_"))):
        assert not [content for content in files if secret in content]
    serve()


def test_what_does_not_arrive_comes_again_and_holds_up_nobody(serve, receiver):
    with socket.create_server(("127.0.0.1", 0)) as one:
        unused = one.getsockname()[1]
    hang = threading.Event()
    hook = receiver({"/flaky": [500, 200], "/slow": [hang, 200], "/gone": [410], "/busy": [(503, {"Retry-After": "1"}), 200],
                     "/moved": [(302, {"Location": "/private"}), 200], "/late": [429, 404, 200]})
    paths = ["/good", "/flaky", "/slow", "/gone", "/busy", "/moved", "/late"]
    server = serve(target(f"http://127.0.0.1:{unused}/dead"), *[target(hook.url + path) for path in paths])
    began = time.monotonic()
    batch = bad_batch(server)
    await_event(server, lambda: hook.events("/good"))
    # Far sooner than an attempt at /slow or /dead ends.
    assert not hook.events("/slow")[1:]
    assert time.monotonic() - began < 60
    await_event(server, lambda: all(len(hook.events(path)) >= 2 for path in ("/flaky", "/slow", "/busy", "/moved"))
                and len(hook.events("/late")) == 3, timeout=150)
    # No answer is waited for longer than an attempt may take; then the next is answered.
    await_event(server, lambda: server.log().count("webhook delivered") == 6)
    assert server.log().count("webhook given up") == 1  # /gone
    for path in paths:
        events = hook.events(path)
        assert len({headers["webhook-id"] for headers, _ in events}) == 1, path
        assert len({body for _, body in events}) == 1, path
        for event in events:
            assert unwrapped(event).data.id == batch["id"]
    assert len(hook.events("/gone")) == 1
    assert not hook.events("/private")
    # The signature is of each attempt.
    first, second = hook.events("/slow")
    assert first[0]["webhook-timestamp"] != second[0]["webhook-timestamp"]
    assert f"receiver=127.0.0.1:{unused}" in server.log() and "/dead" not in server.log()


def test_a_server_killed_in_the_middle_of_it_sends_it_again_under_the_same_id(serve, receiver):
    never = threading.Event()
    hook = receiver({"/x": [never, 200]})
    server = serve(target(f"{hook.url}/x"))
    batch = bad_batch(server)
    await_event(server, lambda: hook.events("/x"))
    server.kill()
    again = serve()
    await_event(again, lambda: len(hook.events("/x")) == 2)
    first, second = hook.events("/x")
    assert first[0]["webhook-id"] == second[0]["webhook-id"]
    assert first[1] == second[1]
    assert unwrapped(second).data.id == batch["id"]
    await_event(again, lambda: "webhook delivered" in again.log())


def test_a_server_that_stops_waits_for_no_receiver(serve, receiver):
    never = threading.Event()
    hook = receiver({"/x": [never, 200]})
    server = serve(target(f"{hook.url}/x"))
    bad_batch(server)
    await_event(server, lambda: hook.events("/x"))
    assert server.stop() == 0  # within STOP_SECONDS
    again = serve()
    await_event(again, lambda: "webhook delivered" in again.log())
    assert len({headers["webhook-id"] for headers, _ in hook.events("/x")}) == 1


def test_after_a_day_it_is_given_up(serve, receiver):
    hook = receiver({"/x": [500]})
    server = serve(target(f"{hook.url}/x"), extra_args=["--clock-speed", "14400"])  # a day in 6 s
    bad_batch(server)
    await_event(server, lambda: "webhook given up" in server.log())
    [given_up] = server.request("GET", "/webhooks").json["data"]
    assert given_up["given_up_at"] and given_up["next_attempt_at"] is None
    assert (given_up["last_error"], given_up["type"]) == ("it answered 500", "batch.failed")
    assert given_up["attempts"] == len(hook.events("/x"))
    assert "url" not in given_up
    tries = len(hook.events("/x"))
    assert tries >= 5
    assert len({headers["webhook-id"] for headers, _ in hook.events("/x")}) == 1
    for event in hook.events("/x"):
        unwrapped(event)  # the signature's time is the world's, not the sandbox's
    bad_batch(server)
    await_event(server, lambda: server.log().count("webhook given up") == 2)
    assert len({headers["webhook-id"] for headers, _ in hook.events("/x")}) == 2


def refusal(tmp_path, **general):
    config = write_config(tmp_path / "config.yaml", **general)
    ran = subprocess.run([harness.binary(), "serve", "--sandbox", "--port", "0", "--config", str(config),
                          "--data-dir", str(tmp_path / "data")], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 2, ran.stderr
    return ran.stderr


def test_no_private_address_is_called_unless_that_is_allowed(serve, receiver, tmp_path):
    # By its address it is refused at the start.
    for url in ("http://127.0.0.1:9/x", "http://localhost/x", "https://169.254.169.254/latest", "http://[::1]/x"):
        assert "not a public address" in refusal(tmp_path / "refused", webhooks=[target(url)])
    # By a name it is found out when it is connected to: this machine's own name is of no public address.
    name = socket.gethostname()
    hook = receiver(host=name)
    with socket.create_connection((name, hook.server.server_port), timeout=5):
        pass
    server = serve(target(f"{hook.url}/x"), webhook_allow_private_addresses=False)
    bad_batch(server)
    await_event(server, lambda: "its address is not a public one" in server.log())
    assert not hook.requests
    assert server.stop() == 0
    # The same, allowed: what was held back arrives.
    server = serve(target(f"{hook.url}/x"), webhook_allow_private_addresses=True)
    await_event(server, lambda: hook.events("/x"))


def test_a_batchs_own_url_is_called_where_that_is_allowed(serve, receiver, tmp_path):
    authority = Authority(tmp_path / "ca")
    mine = receiver(authority=authority)
    all_of_them = receiver()
    server = serve(target(f"{all_of_them.url}/x"), allow_batch_webhooks=True, webhook_secret=SECRET_OF_BATCHES,
                   environment={"REQUESTS_CA_BUNDLE": str(authority.bundle)})
    metadata = {"webhook_url": f"{mine.url}/mine?token={TOKEN}", "more": "of mine"}
    batch = bad_batch(server, metadata=metadata)
    assert batch["metadata"] == metadata
    other = bad_batch(server)
    await_event(server, lambda: len(all_of_them.events()) == 2 and mine.events("/mine"))
    [event] = mine.events()
    assert unwrapped(event, SECRET_OF_BATCHES).data.id == batch["id"]
    assert unwrapped(all_of_them.events(of=other["id"])[0]).data.id == other["id"]
    assert TOKEN not in server.log()


def test_a_batchs_url_that_may_not_be_called_is_refused_when_it_is_created(serve):
    server = serve(allow_batch_webhooks=True, webhook_secret=SECRET_OF_BATCHES, webhook_allow_private_addresses=False)
    file = server.upload(harness.chat_lines(1)).json["id"]

    def create(url):
        return server.request("POST", "/v1/batches", {
            "input_file_id": file, "endpoint": "/v1/chat/completions", "completion_window": "24h",
            "metadata": {"webhook_url": url}})

    for url, why in [("http://example.com/x", "must begin with https://"), ("https://127.0.0.1/x", "not a public"),
                     ("https://[::1]/x", "not a public"), ("https://169.254.169.254/x", "not a public"),
                     ("https://2130706433/", "unusual"), ("https://localhost/", "not a public"),
                     ("https://u:p@example.com/", "password"), ("nonsense", "must begin with https://"),
                     ("", "must begin with https://")]:
        refused = create(url)
        assert (refused.status, refused.error["param"]) == (400, "metadata.webhook_url"), url
        assert why in refused.error["message"], refused.text
    assert create("https://hooks.example.invalid/x").status == 200


def test_a_batchs_url_is_plain_metadata_where_it_is_not_allowed(serve, receiver):
    mine = receiver()
    all_of_them = receiver()
    server = serve(target(f"{all_of_them.url}/x"))
    batch = bad_batch(server, metadata={"webhook_url": f"{mine.url}/mine"})
    assert batch["metadata"] == {"webhook_url": f"{mine.url}/mine"}
    await_event(server, lambda: all_of_them.events())
    assert not mine.requests


def test_the_receiver_that_the_documentation_prints_works(serve, tmp_path):
    """docs/webhooks.md, as it is printed."""
    page = (harness.REPOSITORY / "docs" / "webhooks.md").read_text()
    program = page.split("```python\n")[1].split("```")[0]
    with socket.create_server(("127.0.0.1", 0)) as one:
        port = one.getsockname()[1]
    assert "8000" in program
    (tmp_path / "receiver.py").write_text(program.replace("8000", str(port)))
    output = tmp_path / "output"
    server = serve(target(f"http://127.0.0.1:{port}/"))
    with open(output, "wb") as out:
        process = subprocess.Popen([sys.executable, "-u", "receiver.py"], cwd=tmp_path, stdout=out, stderr=out, env={
            **os.environ, "OPENAI_WEBHOOK_SECRET": SECRET, "OPENAI_API_KEY": harness.KEY,
            "OPENAI_BASE_URL": f"{server.url}/v1"})
    try:
        def listens():
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        harness.await_true(lambda: listens() or process.poll() is not None)
        batch = server.run_batch(harness.chat_lines(2))
        await_event(server, lambda: batch["id"] in output.read_text())
        assert "2 lines completed" in output.read_text()
    finally:
        process.kill()
        process.wait()
