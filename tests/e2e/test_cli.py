"""The program's own face: versions, help, exit codes, the sandbox command."""

import json
import subprocess

import pytest

import harness


def quarry(*args, **options):
    return subprocess.run([harness.binary(), *args], capture_output=True, text=True, timeout=30, **options)


def test_version_and_help_succeed():
    assert quarry("--version").stdout.startswith("quarry 0.")
    shown = quarry("--help")
    assert shown.returncode == 0
    assert "quarry serve --sandbox" in shown.stdout


@pytest.mark.parametrize("args", [(), ("nonsense",), ("serve",), ("serve", "--port", "x"), ("run",)])
def test_wrong_usage_exits_with_2(args):
    done = quarry(*args)
    assert done.returncode == 2
    assert done.stdout == "" and done.stderr


def test_a_config_with_mistakes_exits_with_2_and_names_line_and_key(tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text("model_list:\n  - model_name: m\n    litellm_params:\n      model: bedrock/x\n"
                      "    model_info:\n      mode: batch\n")
    done = quarry("--config", str(config), "--port", "0", "--data-dir", str(tmp_path / "data"))
    assert done.returncode == 2, done.stderr
    assert "config.yaml:" in done.stderr and "s3_bucket_name" in done.stderr


def test_a_config_that_is_not_there_exits_with_2(tmp_path):
    done = quarry("--config", str(tmp_path / "none.yaml"), "--data-dir", str(tmp_path))
    assert done.returncode == 2
    assert "none.yaml: No such file or directory\nhint: --config" in done.stderr
    done = quarry("--config", str(tmp_path), "--data-dir", str(tmp_path))
    assert done.returncode == 2
    assert f"{tmp_path}: Is a directory\nhint: --config" in done.stderr


@pytest.mark.parametrize("command", [("serve", "--sandbox"), ("sandbox",)])
def test_a_data_dir_that_cannot_be_used_is_named_with_the_reason(tmp_path, command):
    (tmp_path / "file").write_text("text")
    done = quarry(*command, "--port", "0", "--data-dir", str(tmp_path / "file"))
    assert done.returncode == 1
    assert f"{tmp_path / 'file'}: Not a directory\nhint: --data-dir" in done.stderr


def test_logs_are_json_when_asked(tmp_path):
    port = tmp_path / "port"
    process = subprocess.Popen(
        [harness.binary(), "serve", "--sandbox", "--port", "0", "--port-file", port, "--data-dir",
         tmp_path / "data", "--log-format", "json"], stderr=subprocess.PIPE, text=True)
    harness.await_true(port.exists)
    process.terminate()
    _, log = process.communicate(timeout=30)
    assert process.returncode == 0
    lines = [json.loads(line) for line in log.splitlines()]
    assert lines and all(isinstance(line, dict) for line in lines)


def test_the_sandbox_prints_how_to_use_it_and_serves_boto3(tmp_path):
    sandbox = harness.Sandbox(tmp_path / "sandbox")
    try:
        buckets = [bucket["Name"] for bucket in sandbox.client("s3").list_buckets()["Buckets"]]
        assert buckets == [harness.BUCKET]
        assert sandbox.jobs() == []
    finally:
        assert sandbox.stop() == 0
    printed = (tmp_path / "sandbox" / "stdout.log").read_text()
    assert f"aws --endpoint-url {sandbox.url} s3 ls" in printed
    assert harness.SECRET_KEY not in printed


def test_the_sandbox_keeps_its_objects_over_a_restart(tmp_path):
    first = harness.Sandbox(tmp_path / "sandbox")
    first.client("s3").put_object(Bucket=harness.BUCKET, Key="a/b", Body=b"kept")
    assert first.stop() == 0
    second = harness.Sandbox(tmp_path / "sandbox")
    try:
        assert second.client("s3").get_object(Bucket=harness.BUCKET, Key="a/b")["Body"].read() == b"kept"
    finally:
        assert second.stop() == 0


def test_a_sandbox_whose_data_another_has_in_use_does_not_start_and_touches_nothing(tmp_path):
    sandbox = harness.Sandbox(tmp_path)
    try:
        half_done = tmp_path / "data" / "tmp" / "half-done"
        half_done.write_text("an upload in flight")
        done = quarry("sandbox", "--port", "0", "--data-dir", str(tmp_path / "data"))
        assert done.returncode == 1
        assert f"the data directory {tmp_path / 'data'} is in use by another sandbox" in done.stderr
        assert "hint: --data-dir" in done.stderr
        assert half_done.read_text() == "an upload in flight"
    finally:
        sandbox.stop()


def test_serve_does_not_share_the_data_of_a_sandbox_that_runs(tmp_path):
    sandbox = harness.Sandbox(tmp_path)
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "sandbox").symlink_to(tmp_path / "data")
    try:
        done = quarry("serve", "--sandbox", "--port", "0", "--data-dir", str(tmp_path / "served"))
        assert done.returncode == 1
        assert "in use by another sandbox; hint: --data-dir" in done.stderr
    finally:
        sandbox.stop()


@pytest.mark.parametrize("name, rule", [("B_", "3 to 63"), ("My-bucket", "lower-case"), ("ab-", "end with"),
                                        ("a..b", "two dots"), ("10.0.0.1", "IP address")])
def test_a_bucket_that_s3_would_refuse_is_wrong_usage(tmp_path, name, rule):
    done = quarry("sandbox", "--port", "0", "--data-dir", str(tmp_path / "data"), "--bucket", name)
    assert done.returncode == 2
    assert name in done.stderr and rule in done.stderr
    assert not (tmp_path / "data").exists()
