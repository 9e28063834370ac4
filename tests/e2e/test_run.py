"""`quarry run`: from an input file to its results, and what it does when something is in the way."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import time

import pytest

import harness

SUMMARY = re.compile(
    r"^(?P<ok>[\d,]+) completed, (?P<bad>[\d,]+) failed\n"
    r"tokens:  (?P<input>[\d,]+) in \((?P<cached>[\d,]+) cached\), (?P<output>[\d,]+) out\n"
    r"cost:    (?P<cost>.+)\n"
    r"time:    .+\n"
    r"results: (?P<results>.+)\n")


def run(url, *args, timeout=120, **options):
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("OPENAI_", "QUARRY_"))}
    environment.update(options.pop("environment", {}))
    return subprocess.run(
        [harness.binary(), "run", *map(str, args), *(["--url", url] if url else [])],
        capture_output=True, text=True, timeout=timeout, env=environment, **options)


@pytest.mark.parametrize("count", [3, 500])
def test_one_command_from_prompts_to_answers(server, tmp_path, count):
    path = tmp_path / "prompts.jsonl"
    path.write_bytes(harness.chat_lines(count))
    done = run(server.url, path, "--api-key", server.key)
    assert done.returncode == 0, done.stderr
    summary = SUMMARY.match(done.stdout)
    assert summary, done.stdout
    assert (summary["ok"], summary["bad"]) == (str(count), "0")
    assert summary["results"] == str(tmp_path / "prompts.out.jsonl")

    lines = harness.parse_lines((tmp_path / "prompts.out.jsonl").read_bytes())
    assert sorted(line["custom_id"] for line in lines) == sorted(f"request-{i}" for i in range(count))
    harness.check_result_lines(lines)
    usage = [line["response"]["body"]["usage"] for line in lines]
    assert int(summary["input"].replace(",", "")) == sum(u["prompt_tokens"] for u in usage)
    assert int(summary["output"].replace(",", "")) == sum(u["completion_tokens"] for u in usage)
    batch_id = re.search(r"batch_\w+", done.stderr)[0]
    spend = server.spend(request_id=f"{batch_id}_batch_cost")[0]["spend"]
    assert float(summary["cost"].lstrip("$")) == pytest.approx(spend, abs=1e-6)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["prompts.jsonl", "prompts.out.jsonl"]


def test_the_model_option_stands_in_for_every_line(server, tmp_path):
    line = harness.chat_line("only")
    del line["body"]["model"]
    path = tmp_path / "in.jsonl"
    path.write_bytes(harness.to_jsonl([line]))
    done = run(None, path, "-m", harness.MODEL, "-o", tmp_path / "answers.jsonl",
               environment={"OPENAI_BASE_URL": f"{server.url}/v1", "OPENAI_API_KEY": server.key})
    assert done.returncode == 0, done.stderr
    assert len(harness.parse_lines((tmp_path / "answers.jsonl").read_bytes())) == 1


def test_in_a_pipe_progress_is_plain_lines_that_never_repeat(server, tmp_path):
    path = tmp_path / "in.jsonl"
    path.write_bytes(harness.chat_lines(150))
    done = run(server.url, path, "--api-key", server.key)
    lines = done.stderr.strip().split("\n")
    assert "\x1b" not in done.stderr and "\r" not in done.stderr
    assert lines[0] == "uploading"
    assert any(line.startswith("completed 150/150") for line in lines)
    assert all(a != b for a, b in zip(lines, lines[1:]))


def test_on_a_terminal_a_bar_is_redrawn_in_place(server, tmp_path):
    path = tmp_path / "in.jsonl"
    path.write_bytes(harness.chat_lines(150))
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [harness.binary(), "run", path, "--url", server.url, "--api-key", server.key],
        stdout=subprocess.PIPE, stderr=theirs)
    os.close(theirs)
    drawn = read_terminal(ours, lambda drawn: False)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0, drawn
    assert "\r\x1b[2K[" in drawn and "150/150" in drawn
    assert drawn.count("\n") <= 3  # the batch's id has a line; the bar has none
    assert SUMMARY.match(out.decode())


def read_terminal(ours, enough, timeout=60):
    """What was written to the terminal, until it is closed or enough(text)."""
    drawn, deadline = "", time.monotonic() + timeout
    while time.monotonic() < deadline and not enough(drawn):
        if not select.select([ours], [], [], 0.1)[0]:
            continue
        try:
            piece = os.read(ours, 65536)
        except OSError:  # closed on the other side
            break
        if not piece:
            break
        drawn += piece.decode(errors="replace")
    return drawn


@pytest.fixture
def slow_server(tmp_path):
    running = harness.Server(tmp_path / "slow", job_seconds=5)
    yield running
    assert running.stop() == 0


def test_ctrl_c_says_how_to_resume_and_that_works(slow_server, tmp_path):
    path, out = tmp_path / "in.jsonl", tmp_path / "my out.jsonl"
    path.write_bytes(harness.chat_lines(150))
    process = subprocess.Popen(
        [harness.binary(), "run", path, "-o", out, "--url", slow_server.url, "--api-key", slow_server.key],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    seen = ""
    while "\nbatch batch_" not in seen:
        seen += process.stderr.readline()
        assert process.poll() is None, seen
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=30)
    assert process.returncode == 130, stderr
    assert stdout == ""
    batch_id = re.search(r"batch_[0-9a-f]+", seen)[0]
    hint = f"quarry run --resume {batch_id} -o '{out}' --url {slow_server.url}"
    assert hint in stderr
    assert slow_server.batch(batch_id)["status"] in {"validating", "in_progress"}  # it goes on

    resumed = run(slow_server.url, "--resume", batch_id, "-o", out, "--api-key", slow_server.key)
    assert resumed.returncode == 0, resumed.stderr
    assert len(harness.parse_lines(out.read_bytes())) == 150
    assert len(slow_server.request("GET", "/v1/batches").json["data"]) == 1


def test_ctrl_c_during_the_upload_says_that_nothing_runs(tmp_path):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:
        path = tmp_path / "in.jsonl"
        path.write_bytes(harness.chat_lines(100))
        process = subprocess.Popen(
            [harness.binary(), "run", path, "--url", f"http://127.0.0.1:{listener.getsockname()[1]}"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        peer, _ = listener.accept()  # and never answers
        peer.recv(65536)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=30)
        peer.close()
    assert process.returncode == 130
    assert "nothing runs" in stderr


def test_it_waits_out_a_restart_of_the_server(tmp_path):
    sandbox = harness.Sandbox(tmp_path / "sandbox", job_seconds=3)
    config = harness.write_config(tmp_path / "config.yaml", sandbox)
    server = harness.Server(tmp_path / "server", config, sandbox=False)
    try:
        path = tmp_path / "in.jsonl"
        path.write_bytes(harness.chat_lines(150))
        process = subprocess.Popen(
            [harness.binary(), "run", path, "--url", server.url, "--api-key", server.key, "--poll-seconds", "0.1"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while "\nin_progress" not in (seen := server.log()) and "job submitted" not in seen:
            assert process.poll() is None
            time.sleep(0.01)
        server.kill()
        seen = ""
        while "trying again" not in seen:  # it has noticed
            seen += process.stderr.readline()
            assert process.poll() is None, seen
        server = harness.Server(tmp_path / "server", config, sandbox=False, port=server.port)
        stdout, stderr = process.communicate(timeout=60)
        assert process.returncode == 0, stderr
        assert stdout.startswith("150 completed, 0 failed\n")
    finally:
        server.stop()
        sandbox.stop()


# -- with a server whose answers are scripted --------------------------------------------------------

BATCH = {"id": "batch_1", "object": "batch", "status": "completed", "created_at": 1, "output_file_id": "file-out",
         "error_file_id": None, "errors": None, "request_counts": {"total": 2, "completed": 2, "failed": 0}}


class Script:
    """A batch server whose polls answer what they are told, in order; the last one again and again."""

    def __init__(self, polls, contents=None, creations=(200,)):
        self.polls, self.contents = list(polls), contents or {"file-out": b'{"a":1}\n{"b":2}\n'}
        self.creations = list(creations)
        self.server = harness.FakeServer(self.answer)

    def answer(self, method, path, headers, body):
        if (method, path) == ("POST", "/v1/files"):
            return 200, {"Content-Type": "application/json"}, b'{"id":"file-in"}'
        if (method, path) == ("POST", "/v1/batches"):
            status = self.creations.pop(0)
            if status != 200:
                return status, {"retry-after-ms": "10"}, b'{"error":{"message":"not now"}}'
            return 200, {"Content-Type": "application/json"}, json.dumps(BATCH | {"status": "validating"}).encode()
        if path == "/v1/batches/batch_1":
            poll = self.polls.pop(0) if len(self.polls) > 1 else self.polls[0]
            if isinstance(poll, int):
                return poll, {"retry-after-ms": "10"}, b'{"error":{"message":"later"}}'
            return 200, {"Content-Type": "application/json"}, json.dumps(BATCH | poll).encode()
        if path.endswith("/content"):
            return 200, {}, self.contents[path.split("/")[3]]
        return 404, {}, b"not here"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.close()


@pytest.fixture
def prompts(tmp_path):
    path = tmp_path / 'pro"mpts.jsonl'
    path.write_bytes(harness.chat_lines(2))
    return path


def test_the_upload_is_one_form_with_the_file_last_and_the_batch_has_null_metadata(prompts):
    with Script([{}]) as script:
        done = run(script.server.url, prompts, "-m", "claude", "--api-key", "sk-9")
    assert done.returncode == 0, done.stderr
    (method, path, headers, body), (_, _, create_headers, create), *_ = script.server.requests
    assert (method, path) == ("POST", "/v1/files")
    assert headers["Authorization"] == "Bearer sk-9" == create_headers["Authorization"]
    boundary = headers["Content-Type"].removeprefix("multipart/form-data; boundary=").encode()
    assert int(headers["Content-Length"]) == len(body)
    assert re.findall(rb'name="(\w+)"', body) == [b"purpose", b"target_model_names", b"file"]
    assert b'filename="pro%22mpts.jsonl"' in body
    assert body.endswith(b"\r\n\r\n" + prompts.read_bytes() + b"\r\n--" + boundary + b"--\r\n")
    assert json.loads(create) == {"input_file_id": "file-in", "endpoint": "/v1/chat/completions",
                                  "completion_window": "24h", "metadata": None}


def test_polling_survives_errors_of_the_server(prompts):
    with Script([429, 503, {"status": "in_progress"}, 500, {}]) as script:
        done = run(script.server.url, prompts)
    assert done.returncode == 0, done.stderr
    assert "later; trying again" in done.stderr
    assert prompts.with_suffix(".out.jsonl").read_bytes() == b'{"a":1}\n{"b":2}\n'


def test_a_repeated_creation_carries_the_same_idempotency_key(prompts):
    with Script([{}], creations=[503, 429, 200]) as script:
        done = run(script.server.url, prompts)
    assert done.returncode == 0, done.stderr
    keys = [headers["Idempotency-Key"] for _, path, headers, _ in script.server.requests if path == "/v1/batches"]
    assert len(keys) == 3 and len(set(keys)) == 1 and len(keys[0]) > 30


def test_a_creation_that_is_refused_is_not_repeated(prompts):
    with Script([{}], creations=[400]) as script:
        done = run(script.server.url, prompts)
    assert done.returncode == 1
    assert "HTTP 400: not now" in done.stderr
    assert [path for _, path, _, _ in script.server.requests] == ["/v1/files", "/v1/batches"]


def test_a_cost_that_the_server_does_not_know_is_said(prompts):
    with Script([{}]) as script:
        assert "cost:    not known\n" in run(script.server.url, prompts).stdout


def test_failed_lines_go_to_a_file_of_their_own_and_are_no_success(prompts, tmp_path):
    polls = [{"error_file_id": "file-err", "request_counts": {"total": 2, "completed": 1, "failed": 1}}]
    with Script(polls, {"file-out": b'{"a":1}\n', "file-err": b'{"b":2}\n'}) as script:
        done = run(script.server.url, prompts, "-o", tmp_path / "answers.jsonl")
    assert done.returncode == 1
    assert done.stdout.startswith("1 completed, 1 failed\n")
    assert f"errors:  {tmp_path / 'answers.errors.jsonl'} (1 line)\n" in done.stdout
    assert (tmp_path / "answers.jsonl").read_bytes() == b'{"a":1}\n'
    assert (tmp_path / "answers.errors.jsonl").read_bytes() == b'{"b":2}\n'


@pytest.mark.parametrize("status", ["expired", "cancelled"])
def test_a_batch_that_did_not_complete_is_no_success_but_its_results_are_kept(prompts, status):
    polls = [{"status": status, "request_counts": {"total": 2, "completed": 1, "failed": 0}}]
    with Script(polls, {"file-out": b'{"a":1}\n'}) as script:
        done = run(script.server.url, prompts)
    assert done.returncode == 1
    assert "1 completed, 0 failed, 1 not run" in done.stdout
    assert prompts.with_suffix(".out.jsonl").read_bytes() == b'{"a":1}\n'


def test_a_refused_upload_is_not_repeated(prompts):
    server = harness.FakeServer(lambda *_: (503, {}, b'{"error":{"message":"full"}}'))
    try:
        done = run(server.url, prompts)
    finally:
        server.close()
    assert done.returncode == 1
    assert "HTTP 503: full" in done.stderr
    assert len(server.requests) == 1


def test_no_server_is_said_at_once(prompts):
    done = run("http://127.0.0.1:1", prompts, timeout=30)
    assert done.returncode == 1
    assert "127.0.0.1" in done.stderr


def test_a_wrong_key_says_what_to_give(server, prompts):
    done = run(server.url, prompts, "--api-key", "sk-wrong")
    assert done.returncode == 1
    assert "HTTP 401" in done.stderr and "--api-key" in done.stderr
    assert "sk-wrong" not in done.stderr


@pytest.mark.parametrize("name", ["none.jsonl", "."])
def test_an_input_that_cannot_be_read_is_wrong_usage(tmp_path, name):
    done = run("http://127.0.0.1:1", tmp_path / name)
    assert done.returncode == 2
    assert str(tmp_path / name) in done.stderr and "hint:" in done.stderr


@pytest.mark.parametrize("name", ["no/such/directory.jsonl", "."])
def test_an_output_that_cannot_be_written_is_said_before_anything_is_sent(prompts, tmp_path, name):
    with Script([{}]) as script:
        done = run(script.server.url, prompts, "-o", tmp_path / name)
    assert done.returncode == 2
    assert "cannot write" in done.stderr and "hint:" in done.stderr
    assert script.server.requests == []
