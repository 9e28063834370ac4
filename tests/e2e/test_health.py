"""Who asks how a server is gets an answer: at once, true, and without a name that is nobody's business."""
import socket
import threading

import harness

OTHER = "another-model"


def test_a_server_that_is_well_says_so(tmp_path):
    server = harness.Server(tmp_path)
    for path in ("/health/liveliness", "/health/liveness"):
        answer = server.request("GET", path, key=None)
        assert (answer.status, answer.json) == (200, "I'm alive!")
    ready = server.request("GET", "/health/readiness", key=None)
    assert ready.status == 200
    assert ready.json["status"] == "healthy" and ready.json["db"] == "connected"
    health = server.request("GET", "/health")
    assert health.status == 200 and health.json["status"] == "healthy", health.text
    assert [one["name"] for one in health.json["dependencies"]] == ["database"]
    assert {one["name"] for one in health.json["healthy_endpoints"]} == {"s3", "bedrock"}
    assert health.json["healthy_count"] == 2 and health.json["unhealthy_count"] == 0
    assert all(one["latency_ms"] >= 0 for one in health.json["healthy_endpoints"])
    server.stop()


def test_health_needs_a_key_and_the_others_need_none(tmp_path):
    server = harness.Server(tmp_path)
    assert server.request("GET", "/health", key=None).status == 401
    assert server.request("GET", "/health", key="sk-wrong").status == 401
    assert server.request("HEAD", "/health/readiness", key=None).status == 200
    assert server.request("POST", "/health/readiness", key=None).status in (401, 405)
    server.stop()


def test_a_virtual_key_learns_how_many_are_well_and_not_which_models_there_are(tmp_path):
    server = harness.Server(tmp_path)
    key = server.request("POST", "/key/generate", {"key_alias": "watcher"}).json["key"]
    health = server.request("GET", "/health", key=key)
    assert health.status == 200 and health.json["healthy_count"] == 2, health.text
    assert "healthy_endpoints" not in health.json and harness.MODEL not in health.text
    server.stop()


class AwsWithoutABucket:
    """A gateway with two entries, of which one's bucket is not there."""

    def __init__(self, directory):
        self.sandbox = harness.Sandbox(directory / "sandbox")
        config = harness.write_config(directory / "config.yaml", self.sandbox)
        head, entry = config.read_text().split("general_settings:")[0], None
        text = config.read_text()
        start, end = text.index("  - model_name"), text.index("general_settings:")
        entry = text[start:end]
        other = entry.replace(harness.MODEL, OTHER, 1).replace(
            f"s3_bucket_name: {harness.BUCKET}", "s3_bucket_name: no-such-bucket-here")
        config.write_text(head + other + text[end:])
        self.server = harness.Server(directory / "server", config, sandbox=False)

    def stop(self):
        self.server.stop()
        self.sandbox.stop()


def test_a_bucket_that_is_not_there_is_told_by_its_model_and_not_by_its_name(tmp_path):
    gateway = AwsWithoutABucket(tmp_path)
    health = gateway.server.request("GET", "/health")
    assert health.status == 200 and health.json["status"] == "unhealthy", health.text
    [bad] = health.json["unhealthy_endpoints"]
    assert (bad["name"], bad["model"], bad["error"]) == ("s3", OTHER, "it does not exist")
    assert health.json["healthy_count"] == 3
    for name in ("no-such-bucket", harness.BUCKET, harness.REGION, "arn:", harness.ACCESS_KEY, "127.0.0.1"):
        assert name not in health.text, name
    assert "no-such-bucket-here" in gateway.server.log()
    assert gateway.server.request("GET", "/health/readiness", key=None).status == 200
    gateway.stop()


def test_many_who_ask_at_once_are_one_question_to_aws(tmp_path):
    server = harness.Server(tmp_path)
    server.request("GET", "/health/liveliness")
    calls = lambda: sum(regions.get("HeadBucket", 0) for regions in server.records()["calls"].values())
    assert calls() == 0
    threads = [threading.Thread(target=server.request, args=("GET", "/health")) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert calls() == 1
    server.stop()


def test_aws_that_does_not_answer_leaves_the_server_ready(tmp_path):
    """Nothing listens where AWS should be."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    sandbox = harness.Sandbox(tmp_path / "sandbox")
    config = harness.write_config(tmp_path / "config.yaml", sandbox)
    config.write_text(config.read_text().replace(sandbox.url, f"http://127.0.0.1:{port}"))
    server = harness.Server(tmp_path / "server", config, sandbox=False)
    assert server.request("GET", "/health/readiness", key=None).status == 200
    health = server.request("GET", "/health").json
    assert health["status"] == "unhealthy" and health["unhealthy_count"] == 2
    assert {one["error"] for one in health["unhealthy_endpoints"]} <= {"it cannot be reached", "it did not answer in time"}
    server.stop()
    sandbox.stop()
