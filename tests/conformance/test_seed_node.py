"""The page's workflow through OpenAI's SDK for Node."""

import json
import os
import subprocess

import pytest

import harness
import seed_page

NODE = harness.REPOSITORY / "tests" / "node"


@pytest.fixture(scope="module")
def result(server, tmp_path_factory):
    if not (NODE / "node_modules" / "openai").is_dir():
        pytest.fail("the openai package for Node is missing: run scripts/setup --test")
    done = subprocess.run(
        ["node", NODE / "seed.mjs", seed_page.SEED / seed_page.INPUT], capture_output=True, text=True,
        timeout=240, env={**os.environ, "QUARRY_URL": f"{server.url}/v1", "QUARRY_KEY": server.key,
                          "QUARRY_MODEL": harness.MODEL})
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("way", ["streamed", "buffered", "nested"])
def test_every_way_of_uploading_keeps_the_bytes(result, way):
    file = result[way]
    assert file["status"] == "processed"
    assert file["bytes"] == (seed_page.SEED / seed_page.INPUT).stat().st_size
    assert file["purpose"] == "batch"


def test_names_and_expiry_arrive_as_the_user_wrote_them(result):
    assert result["streamed"]["filename"] == seed_page.INPUT
    assert result["buffered"]["filename"] == 'ü "q".jsonl'
    assert result["buffered"]["expires_at"] == result["buffered"]["created_at"] + 3600
    assert result["streamed"]["expires_at"] == result["streamed"]["created_at"] + 30 * 24 * 3600


def test_every_batch_completes_and_its_output_is_openais(result):
    order = ["validating", "in_progress", "finalizing", "completed"]
    for run in result["batches"]:
        assert run["batch"]["status"] == "completed", run["batch"]
        assert run["statuses"] == [s for s in order if s in run["statuses"]]
        assert run["contentType"] == "application/octet-stream"
        lines = harness.parse_lines(run["output"].encode())
        assert {line["custom_id"] for line in lines} == seed_page.CUSTOM_IDS and len(lines) == 2
        harness.check_result_lines(lines)


def test_paging_walks_every_file_and_batch_once_newest_first(result):
    uploaded = [result[way]["id"] for way in ("nested", "buffered", "streamed")]
    assert result["listed"] == uploaded
    assert result["listedBatches"] == [run["batch"]["id"] for run in reversed(result["batches"])]


def test_errors_are_the_sdks_own_classes(result):
    assert result["deleted"] == {"id": result["nested"]["id"], "object": "file", "deleted": True}
    missing = result["missing"]
    assert missing["notFound"] and missing["status"] == 404
    assert missing["message"] == f"No such File object: {result['nested']['id']}"
    assert missing["param"] == "id"
    assert missing["requestID"].startswith("req_")
    assert result["conflict"] == {"name": "ConflictError", "status": 409}
