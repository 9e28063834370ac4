"""Starts `quarry` as a user would, on free ports and in directories of its own, and talks to it.

Every wait has a deadline and watches for the thing itself: a port file, a batch's status. A server that
died is reported with the end of its log.
"""

import contextlib
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading
import time

import databases

# A proxy of the machine has no business between the tests and their own servers.
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost,0.0.0.0"

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
KEY = "sk-1234"
MODEL = "bedrock/batch-anthropic.claude-3-5-sonnet-20240620-v1:0"
BEDROCK_MODEL = "us.anthropic.claude-3-5-sonnet-20240620-v1:0"
BUCKET = "quarry-test"
REGION = "us-west-2"
ACCESS_KEY = "AKIAQUARRYTEST000001"
SECRET_KEY = "quarry-test-secret-key-0000000000000000001"

START_SECONDS = 30
STOP_SECONDS = 30
BATCH_SECONDS = 60
TERMINAL = {"completed", "failed", "expired", "cancelled"}


def binary():
    path = os.environ.get("QUARRY_BINARY")
    if not path:
        raise RuntimeError("QUARRY_BINARY is not set; it names the built `quarry` (ctest sets it)")
    return path


class Process:
    """One running `quarry`. Its standard output and error go to files in its directory."""

    def __init__(self, args, directory, port_files, environment=None):
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.log_path = directory / "stderr.log"
        for path in port_files.values():
            path.unlink(missing_ok=True)
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "QUARRY_", "DATABASE_"))}
        clean.update(environment or {})
        with open(self.log_path, "ab") as log, open(directory / "stdout.log", "ab") as out:
            self.process = subprocess.Popen(
                [binary(), *args], cwd=directory, env=clean, stdin=subprocess.DEVNULL,
                stdout=out, stderr=log)
        self.ports = {name: self._await_port(path) for name, path in port_files.items()}

    @property
    def pid(self):
        return self.process.pid

    def log(self):
        return self.log_path.read_text(errors="replace")

    def log_end(self):
        """The last of the log, for a failure's message; without the polls that went well."""
        lines = [line for line in self.log().splitlines() if not ("method=GET" in line and "status=200" in line)]
        return "\n".join(lines[-40:])

    def _await_port(self, path):
        deadline = time.monotonic() + START_SECONDS
        while not path.exists():
            if self.process.poll() is not None:
                raise RuntimeError(f"quarry ended with {self.process.returncode}:\n{self.log_end()}")
            if time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"quarry did not write {path}:\n{self.log_end()}")
            time.sleep(0.01)
        return int(path.read_text())

    def stop(self):
        """Asks it to stop, as a service manager does. Returns the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.wait_for_end()

    def wait_for_end(self):
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise RuntimeError(f"quarry did not stop on SIGTERM:\n{self.log_end()}") from None

    def kill(self):
        self.process.kill()
        self.process.wait()

    def memory_peak_bytes(self):
        """The most memory it has had resident, as the kernel counts it."""
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)[1]) * 1024


class SandboxControl:
    """The /_sandbox/ paths of a sandbox: in a process of its own, or in the server's."""

    def _control(self, method, path, body=None):
        """Returns what it answers, as an object; a refusal is an AssertionError that quotes it."""
        connection = http.client.HTTPConnection("127.0.0.1", self.ports["sandbox"], timeout=60)
        try:
            connection.request(method, f"/_sandbox/{path}", None if body is None else json.dumps(body))
            response = connection.getresponse()
            text = response.read().decode()
            assert response.status == 200, f"{method} /_sandbox/{path}: {response.status} {text}"
            return json.loads(text)
        finally:
            connection.close()

    def set_faults(self, faults, seed=1):
        """Replaces the fault script; [] ends all faults."""
        return self._control("PUT", "faults", {"seed": seed, "faults": faults})["faults"]

    def faults(self):
        """The faults in force, each with how often it "fired"."""
        return self._control("GET", "faults")["faults"]

    def set_account(self, **members):
        """Replaces what the account holds beside its root keys (docs/sandbox.md, Identities)."""
        return self._control("PUT", "account", members)

    def account(self):
        return self._control("GET", "account")

    def reset_account(self):
        """The root's keys alone; every session ends."""
        return self._control("DELETE", "account")

    def records(self):
        """What the sandbox has seen and would bill: "calls", "jobs", "invocations"."""
        return self._control("GET", "records")

    def forget_calls(self):
        self._control("DELETE", "records")


class Sandbox(SandboxControl, Process):
    """`quarry sandbox`, a local AWS in a process of its own."""

    def __init__(self, directory, job_seconds=0.3, extra_args=()):
        port_file = directory / "sandbox.port"
        super().__init__(
            ["sandbox", "--port", "0", "--port-file", str(port_file),
             "--data-dir", str(directory / "data"), "--job-seconds", str(job_seconds), "--bucket", BUCKET,
             *extra_args],
            directory, {"sandbox": port_file},
            {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY})
        self.url = f"http://127.0.0.1:{self.ports['sandbox']}"

    def client(self, service):
        import boto3

        return boto3.client(
            service, endpoint_url=self.url, region_name=REGION,
            aws_access_key_id=ACCESS_KEY, aws_secret_access_key=SECRET_KEY)

    def jobs(self):
        pages = self.client("bedrock").get_paginator("list_model_invocation_jobs").paginate()
        return [job for page in pages for job in page["invocationJobSummaries"]]


def write_config(path, sandbox):
    """A config.yaml that serves MODEL from a sandbox in another process."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"""\
model_list:
  - model_name: {MODEL}
    litellm_params:
      model: bedrock/{BEDROCK_MODEL}
      aws_region_name: {REGION}
      aws_access_key_id: {ACCESS_KEY}
      aws_secret_access_key: {SECRET_KEY}
      s3_bucket_name: {BUCKET}
      s3_region_name: {REGION}
      s3_access_key_id: {ACCESS_KEY}
      s3_secret_access_key: {SECRET_KEY}
      s3_endpoint_url: {sandbox.url}
      aws_bedrock_endpoint: {sandbox.url}
      aws_bedrock_runtime_endpoint: {sandbox.url}
      aws_batch_role_arn: arn:aws:iam::123456789012:role/quarry-test
    model_info:
      mode: batch
general_settings:
  master_key: {KEY}
  proxy_batch_polling_interval: 1
""")
    return path


def write_sandbox_config(path):
    """What `serve --sandbox` serves without a config.yaml. Without one it takes no DATABASE_URL either."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"""\
model_list:
  - model_name: {MODEL}
    litellm_params:
      model: bedrock/{BEDROCK_MODEL}
      aws_region_name: {REGION}
      s3_bucket_name: litellm-proxy
      s3_region_name: {REGION}
      aws_batch_role_arn: >-
        arn:aws:iam::888602223428:role/service-role/AmazonBedrockExecutionRoleForAgents_BB9HNW6V4CV
    model_info:
      mode: batch
general_settings:
  master_key: {KEY}
""")
    return path


class Server(SandboxControl, Process):
    """`quarry serve`: with a sandbox in the same process unless the config names one elsewhere."""

    def __init__(self, directory, config=None, sandbox=True, port=0, job_seconds=0.3, environment=None,
                 extra_args=()):
        port_file = directory / "server.port"
        port_files = {"server": port_file}
        environment = {**databases.environment_for(directory), **(environment or {})}
        if not config and "DATABASE_URL" in environment:
            config = write_sandbox_config(directory / "sandbox.yaml")
        args = ["serve", "--port", str(port), "--port-file", str(port_file),
                "--data-dir", str(directory / "data"), "--log-level", "debug"]
        if config:
            args += ["--config", str(config)]
        if sandbox:
            port_files["sandbox"] = directory / "sandbox.port"
            args += ["--sandbox", "--sandbox-port", "0", "--sandbox-port-file", str(port_files["sandbox"]),
                     "--job-seconds", str(job_seconds)]
        super().__init__([*args, *extra_args], directory, port_files, environment)
        self.port = self.ports["server"]
        self.url = f"http://127.0.0.1:{self.port}"
        self.key = KEY

    def client(self, **options):
        import openai

        defaults = {"base_url": f"{self.url}/v1", "api_key": self.key, "max_retries": 0}
        return openai.OpenAI(**{**defaults, **options})

    def request(self, method, path, body=None, headers=None, key=KEY):
        """One plain HTTP request. Returns an Answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            sent = dict(headers or {})
            if key:
                sent["Authorization"] = f"Bearer {key}"
            if isinstance(body, (dict, list)):
                body = json.dumps(body).encode()
                sent.setdefault("Content-Type", "application/json")
            connection.request(method, path, body, sent)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def exchange(self, data, timeout=30):
        """Sends raw bytes on a connection of its own; returns all that comes until it is closed."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as peer:
            peer.sendall(data)
            received = b""
            with contextlib.suppress(ConnectionResetError):
                while piece := peer.recv(65536):
                    received += piece
            return received

    def upload(self, content, filename="in.jsonl", fields=(("purpose", "batch"),)):
        """A form upload without any SDK; content is bytes. Returns an Answer."""
        body, content_type = form([*fields, ("file", filename, content)])
        return self.request("POST", "/v1/files", body, {"Content-Type": content_type})

    def run_batch(self, content, timeout=BATCH_SECONDS, **create):
        """Uploads, creates, waits for the end. Returns the batch."""
        file = self.upload(content)
        assert file.status == 200, file.text
        created = self.request("POST", "/v1/batches", {
            "input_file_id": file.json["id"], "endpoint": "/v1/chat/completions",
            "completion_window": "24h", **create})
        assert created.status == 200, created.text
        return self.wait(created.json["id"], timeout)

    def batch(self, batch_id):
        answer = self.request("GET", f"/v1/batches/{batch_id}")
        assert answer.status == 200, answer.text
        return answer.json

    def wait(self, batch_id, timeout=BATCH_SECONDS, until=TERMINAL):
        deadline = time.monotonic() + timeout
        while True:
            batch = self.batch(batch_id)
            if batch["status"] in until:
                return batch
            assert batch["status"] not in TERMINAL, f"ended before {until}: {batch}"
            assert time.monotonic() < deadline, f"not {until} after {timeout} s: {batch}\n{self.log_end()}"
            time.sleep(0.05)

    def content(self, file_id):
        answer = self.request("GET", f"/v1/files/{file_id}/content")
        assert answer.status == 200, answer.text
        return answer.body

    def result_lines(self, file_id):
        return parse_lines(self.content(file_id))

    def database_rows(self, statement):
        """What its database holds, as tuples of texts; also when it has ended."""
        return databases.rows(self.directory, statement)

    def spend(self, **query):
        import urllib.parse

        answer = self.request("GET", f"/spend/logs?{urllib.parse.urlencode(query)}")
        assert answer.status == 200, answer.text
        return answer.json


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def text(self):
        return self.body.decode(errors="replace")

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def error(self):
        """The error envelope's inside; the envelope itself is checked on the way."""
        assert self.headers["Content-Type"].startswith("application/json"), self.headers["Content-Type"]
        assert list(self.json) == ["error"], self.text
        error = self.json["error"]
        assert {"message", "type", "param", "code"} <= set(error), self.text
        assert isinstance(error["message"], str) and error["message"]
        assert isinstance(error["type"], str) and error["type"]
        assert error["code"] is None or isinstance(error["code"], str)
        assert error["param"] is None or isinstance(error["param"], str)
        return error


def form(parts, boundary="quarry-test-boundary", epilogue=b""):
    """multipart/form-data of (name, value) and (name, filename, bytes). Returns (body, content type)."""
    body = b""
    for part in parts:
        body += f"--{boundary}\r\nContent-Disposition: form-data; name=\"{part[0]}\"".encode()
        if len(part) == 3:
            body += f"; filename=\"{part[1]}\"\r\nContent-Type: application/octet-stream".encode()
        value = part[-1]
        body += b"\r\n\r\n" + (value.encode() if isinstance(value, str) else value) + b"\r\n"
    body += f"--{boundary}--\r\n".encode() + epilogue
    return body, f"multipart/form-data; boundary={boundary}"


def chat_line(custom_id, text="Hello world!", model=MODEL, url="/v1/chat/completions", method="POST", **body):
    """One line of a batch file, as an object."""
    return {"custom_id": custom_id, "method": method, "url": url,
            "body": {"model": model, "messages": [{"role": "user", "content": text}], "max_tokens": 100, **body}}


def to_jsonl(lines):
    """bytes stay as they are; objects are written as JSON; each gets its line's end."""
    return b"".join((line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in lines)


def chat_lines(count, prefix="request"):
    return to_jsonl(chat_line(f"{prefix}-{i}", f"Question {i}") for i in range(count))


def parse_lines(content):
    """The objects of a result file, held to its framing: every line ends, none is empty."""
    if not content:
        return []
    text = content.decode()
    assert text.endswith("\n")
    lines = text[:-1].split("\n")
    # Python's own line splitting must agree: consumers use it.
    assert lines == text.splitlines()
    return [json.loads(line) for line in lines]


def check_result_lines(lines):
    """What every successful line promises."""
    for line in lines:
        assert line["error"] is None, line
        assert line["id"].startswith("batch_req_"), line
        assert line["response"]["status_code"] == 200, line
        assert line["response"]["request_id"], line
        body = line["response"]["body"]
        assert body["object"] == "chat.completion", line
        assert body["id"].startswith("chatcmpl-"), line
        assert isinstance(body["created"], int)
        choice = body["choices"][0]
        assert choice["message"]["role"] == "assistant"
        assert choice["message"]["content"]
        assert choice["finish_reason"] in {"stop", "length"}
        usage = body["usage"]
        assert usage["prompt_tokens"] + usage["completion_tokens"] == usage["total_tokens"] > 0


class FakeServer:
    """Answers each HTTP request with what `answer(method, path, headers, body)` says; for `quarry run`."""

    def __init__(self, answer):
        import http.server

        requests = self.requests = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                requests.append((self.command, self.path, self.headers, body))
                status, headers, content = answer(self.command, self.path, self.headers, body)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_DELETE = handle_any

            def log_message(self, *_):
                pass

        class Listener(http.server.ThreadingHTTPServer):
            request_queue_size = 256  # a hundred connections at once are not to be dropped

        self.server = Listener(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def passed_on(port, method, path, headers, body):
    """For a FakeServer that stands before another server of this machine: its answer to the very same request, Host and
    all, for the signature is of the Host that was meant."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        response = connection.getresponse()
        of_a_hop = {"connection", "transfer-encoding", "content-length", "keep-alive"}
        kept = {name: value for name, value in response.getheaders() if name.lower() not in of_a_hop}
        return response.status, kept, response.read()
    finally:
        connection.close()


def await_true(condition, timeout=BATCH_SECONDS):
    """Waits until condition() holds, looking again and again; fails loudly after the deadline."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"not within {timeout} s"
        time.sleep(0.01)
