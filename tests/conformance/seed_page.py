"""The examples of LiteLLM's page, and what must come out of each."""

import pathlib
import shutil

import harness

SEED = pathlib.Path(__file__).parent / "seed"
INPUT = "bedrock_batch_completions.jsonl"
CUSTOM_IDS = {"request-1", "request-2"}


def example(name, port):
    """The example's text with only the port replaced."""
    text = (SEED / name).read_text()
    assert ":4000" in text
    return text.replace(":4000", f":{port}")


def put_input(directory):
    shutil.copy(SEED / INPUT, directory)


def check_finished(server, batch):
    """The batch that the page's example created has run, and its results are OpenAI's."""
    assert batch["status"] == "completed", batch
    assert batch["metadata"] == {"description": "Test batch job"}
    assert batch["request_counts"] == {"total": 2, "completed": 2, "failed": 0}
    assert batch["error_file_id"] is None
    lines = server.result_lines(batch["output_file_id"])
    assert {line["custom_id"] for line in lines} == CUSTOM_IDS
    assert len(lines) == 2
    harness.check_result_lines(lines)
