"""The four curl commands of LiteLLM's page run unchanged."""

import json
import subprocess

import harness
import seed_page


def run_example(name, server, directory, ids=None):
    command = seed_page.example(name, server.port)
    for written, real in (ids or {}).items():
        assert written in command
        command = command.replace(written, real)
    done = subprocess.run(["bash", "-c", command], cwd=directory, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_four_commands_run_with_only_port_and_ids_replaced(server, tmp_path):
    seed_page.put_input(tmp_path)
    file = run_example("upload_file.sh", server, tmp_path)
    assert file["object"] == "file" and file["status"] == "processed", file
    assert file["bytes"] == (tmp_path / seed_page.INPUT).stat().st_size

    created = run_example("create_batch.sh", server, tmp_path, {"file-abc123": file["id"]})
    assert created["object"] == "batch" and created["status"] == "validating", created
    assert created["input_file_id"] == file["id"]

    server.wait(created["id"])
    retrieved = run_example("retrieve_batch.sh", server, tmp_path, {"batch_abc123": created["id"]})
    seed_page.check_finished(server, retrieved)

    listed = run_example("list_batches.sh", server, tmp_path)
    assert listed["object"] == "list"
    assert listed["data"][0] == retrieved


def test_the_extra_body_field_of_the_upload_is_heeded(server):
    """The page's curl names the model in a form field `extra_body`; lines need not say it again."""
    line = harness.chat_line("only")
    del line["body"]["model"]
    for fields in ([("extra_body", json.dumps({"target_model_names": harness.MODEL}))],
                   [("extra_body[target_model_names]", harness.MODEL)],
                   [("target_model_names", harness.MODEL)],
                   [("target_model_names[]", harness.MODEL)]):
        file = server.upload(harness.to_jsonl([line]), fields=[("purpose", "batch"), *fields])
        assert file.status == 200, file.text
        batch = server.request("POST", "/v1/batches", {
            "input_file_id": file.json["id"], "endpoint": "/v1/chat/completions", "completion_window": "24h"})
        ended = server.wait(batch.json["id"])
        assert ended["status"] == "completed", (fields, ended)
        assert ended["request_counts"] == {"total": 1, "completed": 1, "failed": 0}
