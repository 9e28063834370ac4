"""S3 servers that others wrote, started on loopback. Both verify signatures: versitygw with code of its own in Go,
moto with botocore's. scripts/setup --test installs them."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
import urllib.request

import harness

REGION = "us-west-2"
START_SECONDS = 60


def listening_port(process):
    """The one port that a process listens on, as the kernel says: it asked for port 0."""
    for descriptor in pathlib.Path(f"/proc/{process.pid}/fd").iterdir():
        try:
            target = os.readlink(descriptor)
        except OSError:
            continue  # closed meanwhile
        if target.startswith("socket:["):
            inode = target[len("socket:["):-1]
            for line in pathlib.Path(f"/proc/{process.pid}/net/tcp").read_text().splitlines()[1:]:
                fields = line.split()
                if fields[9] == inode and fields[3] == "0A":  # TCP_LISTEN
                    return int(fields[1].partition(":")[2], 16)
    return None


class ForeignServer:
    """One running server. Its objects are in a directory of its own."""

    def __init__(self, directory, command, environment):
        directory.mkdir(parents=True)
        self.directory = directory
        self.log_path = directory / "server.log"
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "QUARRY_", "VGW_"))}
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(command, cwd=directory, env={**clean, **environment},
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + START_SECONDS
        while (port := listening_port(self.process)) is None:
            assert self.process.poll() is None, f"{command[0]} ended:\n{self.log_end()}"
            assert time.monotonic() < deadline, f"{command[0]} does not listen:\n{self.log_end()}"
            time.sleep(0.01)
        self.url = f"http://127.0.0.1:{port}"

    def log_end(self):
        return self.log_path.read_text(errors="replace")[-4000:]

    def client(self, service="s3", url=None, **options):
        import boto3

        return boto3.client(service, **{
            "endpoint_url": url or self.url, "region_name": REGION, "aws_access_key_id": self.access_key,
            "aws_secret_access_key": self.secret_key, **options})

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)


class Versity(ForeignServer):
    """Versity's S3 gateway before a directory."""

    name = "versitygw"

    def __init__(self, directory):
        self.access_key, self.secret_key = "AKIAVERSITYTEST00001", "versity-test-secret-key-000000000000001"
        program = harness.REPOSITORY / ".cache/servers/versitygw"
        assert program.exists(), "versitygw is missing: run scripts/setup --test"
        objects = directory / "objects"
        super().__init__(directory, [
            "sh", "-c", 'mkdir objects && exec "$0" "$@"',
            str(program), "--port", "127.0.0.1:0", "--region", REGION, "--quiet", "--keep-alive", "posix", str(objects)],
            {"ROOT_ACCESS_KEY": self.access_key, "ROOT_SECRET_KEY": self.secret_key})


class Moto(ForeignServer):
    """moto, which checks signatures once a user has been made."""

    name = "moto"

    def __init__(self, directory):
        # Three calls without a check: those that make the user.
        super().__init__(directory, [sys.executable, "-m", "moto.server", "--host", "127.0.0.1", "--port", "0"],
                         {"INITIAL_NO_AUTH_ACTION_COUNT": "3", "TMPDIR": str(directory)})
        self.access_key, self.secret_key = "nobody", "nothing"
        iam = self.client("iam")
        iam.create_user(UserName="quarry")
        iam.put_user_policy(UserName="quarry", PolicyName="all", PolicyDocument=
                            '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}')
        key = iam.create_access_key(UserName="quarry")["AccessKey"]
        self.access_key, self.secret_key = key["AccessKeyId"], key["SecretAccessKey"]


class SandboxS3:
    """Quarry's own sandbox, with the same members."""

    name = "sandbox"

    def __init__(self, directory):
        self.directory = directory
        self.sandbox = harness.Sandbox(directory)
        self.url = self.sandbox.url
        self.access_key, self.secret_key = harness.ACCESS_KEY, harness.SECRET_KEY

    client = ForeignServer.client

    def log_end(self):
        return self.sandbox.log_end()

    def stop(self):
        assert self.sandbox.stop() == 0, self.log_end()
        shutil.rmtree(self.directory, ignore_errors=True)


def probe_binary():
    beside = pathlib.Path(harness.binary()).parent / "s3_probe"
    path = pathlib.Path(os.environ.get("QUARRY_S3_PROBE", beside))
    assert path.exists(), f"{path} is missing: it is built with the tests"
    return path


class Probe:
    """Quarry's own S3 client: probe("head", key="a") asks it, and gives its answer, an object."""

    def __init__(self, server, bucket, *options, url=None, access_key=None, secret_key=None, seconds=120):
        self.bucket = bucket
        self.process = subprocess.Popen(
            [str(probe_binary()), "--endpoint", url or server.url, "--region", REGION,
             "--key-id", access_key or server.access_key, "--seconds", str(seconds), *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={"S3_PROBE_SECRET": secret_key or server.secret_key, "NO_PROXY": "*"})

    def __call__(self, op, **command):
        print(json.dumps({"op": op, "bucket": self.bucket, **command}), file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        assert answer, f"s3_probe ended: {self.process.wait()}"
        return json.loads(answer)

    def ok(self, op, **command):
        answer = self(op, **command)
        assert answer["ok"], f"{op} {command}: {answer}"
        return answer

    def fails(self, op, **command):
        answer = self(op, **command)
        assert not answer["ok"], f"{op} {command}: {answer}"
        return answer

    def stop(self):
        self.process.stdin.close()
        self.process.stdout.close()
        assert self.process.wait(30) == 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
