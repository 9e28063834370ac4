"""The Python example of LiteLLM's page runs unchanged."""

import os
import subprocess
import sys

import harness
import seed_page


def test_the_page_example_runs_with_only_the_port_replaced(server, tmp_path):
    seed_page.put_input(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", seed_page.example("complete_example.py", server.port)],
        cwd=tmp_path, capture_output=True, text=True, timeout=60, env=dict(os.environ))
    assert done.returncode == 0, done.stderr
    file_line, batch_line = done.stdout.strip().split("\n")
    assert file_line.startswith("FileObject(id='file-")
    assert "purpose='batch'" in file_line and f"filename='{seed_page.INPUT}'" in file_line
    assert batch_line.startswith("Batch(id='batch_")

    listed = server.request("GET", "/v1/batches").json["data"]
    assert f"id='{listed[0]['id']}'" in batch_line
    seed_page.check_finished(server, server.wait(listed[0]["id"]))


def test_its_results_come_back_through_the_sdk(server, tmp_path):
    """The page's workflow, steps 3 and 4: poll, then download."""
    client = server.client(base_url=server.url)  # as on the page: without /v1
    file = client.files.create(
        file=open(seed_page.SEED / seed_page.INPUT, "rb"), purpose="batch",
        extra_body={"target_model_names": harness.MODEL})
    batch = client.batches.create(
        input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h",
        metadata={"description": "Test batch job"})
    assert batch.status == "validating"
    server.wait(batch.id)
    batch = client.batches.retrieve(batch.id)
    assert batch.status == "completed"
    lines = harness.parse_lines(client.files.content(batch.output_file_id).content)
    assert {line["custom_id"] for line in lines} == seed_page.CUSTOM_IDS
    harness.check_result_lines(lines)
    usage = [line["response"]["body"]["usage"] for line in lines]
    assert batch.usage.input_tokens == sum(u["prompt_tokens"] for u in usage)
    assert batch.usage.output_tokens == sum(u["completion_tokens"] for u in usage)


def test_creation_and_cost_are_logged_as_the_page_says(server):
    """"Initial batch creation is logged as `acreate_batch`, final costs as `batch_success`"."""
    batch = server.run_batch((seed_page.SEED / seed_page.INPUT).read_bytes())
    assert batch["status"] == "completed", batch
    rows = [row for row in server.spend() if row["batch_id"] == batch["id"]]
    by_type = {row["call_type"]: row for row in rows}
    assert sorted(by_type) == ["acreate_batch", "batch_success"] and len(rows) == 2, rows
    final = by_type["batch_success"]
    assert final["request_id"] == f"{batch['id']}_batch_cost"
    assert final["spend"] > 0
    assert final["prompt_tokens"] == batch["usage"]["input_tokens"]
    assert final["completion_tokens"] == batch["usage"]["output_tokens"]
    assert final["total_tokens"] == batch["usage"]["total_tokens"]
    assert server.spend(request_id=final["request_id"]) == [final]
