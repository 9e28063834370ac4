"""A file with mistakes fails before anything is paid for, and each mistake is named by line."""

import json

import harness
from harness import chat_line


def test_four_bad_lines_are_four_errors_with_line_code_and_param(server):
    nonsense = b'{"custom_id": "broken", '
    no_body = chat_line("no-body")
    del no_body["body"]
    lines = [chat_line("request-0"), nonsense, chat_line("request-2", url="/v1/embeddings"),
             chat_line("request-0"), chat_line("request-4"), no_body]
    batch = server.run_batch(harness.to_jsonl(lines))
    assert batch["status"] == "failed", batch
    assert [(e["line"], e["code"], e["param"]) for e in batch["errors"]["data"]] == [
        (2, "invalid_json_line", None),
        (3, "invalid_url", "url"),
        (4, "duplicate_custom_id", "custom_id"),
        (6, "missing_required_parameter", "body"),
    ]
    assert batch["output_file_id"] is None and batch["error_file_id"] is None
    rows = [row for row in server.spend() if row["batch_id"] == batch["id"]]
    assert "batch_success" not in {row["call_type"] for row in rows}


def test_no_job_of_a_bad_file_reaches_bedrock(sandbox, tmp_path):
    server = harness.Server(
        tmp_path / "server", harness.write_config(tmp_path / "config.yaml", sandbox), sandbox=False)
    try:
        lines = [*(chat_line(f"request-{i}") for i in range(200)), chat_line("request-7")]
        batch = server.run_batch(harness.to_jsonl(lines))
        assert [(e["line"], e["code"]) for e in batch["errors"]["data"]] == [(201, "duplicate_custom_id")]
        assert sandbox.jobs() == []
    finally:
        assert server.stop() == 0


def test_run_prints_each_error_with_its_line(server, tmp_path):
    import subprocess

    path = tmp_path / "bad.jsonl"
    path.write_bytes(harness.to_jsonl([chat_line("a"), b"{nonsense", chat_line("a")]))
    done = subprocess.run(
        [harness.binary(), "run", path, "--url", server.url, "--api-key", server.key],
        capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "line 2: invalid_json_line: " in done.stderr
    assert "line 3: duplicate_custom_id: " in done.stderr
    assert not (tmp_path / "bad.out.jsonl").exists()
    assert json.dumps("nonsense") not in done.stderr
