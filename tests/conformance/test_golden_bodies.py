"""The bodies that results are translated to (tests/golden, which the translators are held to) are what the OpenAI
package reads, strictly: no number as text, no member missing, no word that it does not know."""

import json
import pathlib

import pytest
from openai.types import Completion, CreateEmbeddingResponse
from openai.types.chat import ChatCompletion
from openai.types.responses import Response

GOLDEN = pathlib.Path(__file__).parents[1] / "golden"
MODELS = {"chat": ChatCompletion, "completions": Completion, "responses": Response, "embeddings": CreateEmbeddingResponse}

# OpenAI's OpenAPI document, "required" of Response; the package is content with less.
REQUIRED = {"id", "object", "created_at", "error", "incomplete_details", "instructions", "model", "tools", "output",
            "parallel_tool_calls", "metadata", "tool_choice", "temperature", "top_p"}
OURS = {"usage_absent"}  # where the model said nothing of its usage


def is_base64(file):  # which the package decodes before it reads the body
    return '"embedding": "' in file.read_text()


def bodies(endpoint):
    files = [file for file in sorted(GOLDEN.glob(f"*/{endpoint}.*.openai.json")) if not is_base64(file)]
    assert files, endpoint
    return [pytest.param(file, id=f"{file.parent.name}.{file.name.removesuffix('.openai.json')}") for file in files]


@pytest.mark.parametrize("file", [row for endpoint in MODELS for row in bodies(endpoint)])
def test_a_body_is_what_the_package_reads(file):
    MODELS[file.name.split(".")[0]].model_validate_json(file.read_text(), strict=True)


@pytest.mark.parametrize("file", bodies("responses"))
def test_a_response_is_whole(file):
    body = json.loads(file.read_text())
    assert body.keys() >= REQUIRED
    response = Response.model_validate(body)
    assert set(response.model_extra) - OURS == {"store"}
    ids = [item.id for item in response.output]
    assert len(set(ids)) == len(ids) > 0
    texts = [part["text"] for item in body["output"] if item["type"] == "message"
             for part in item["content"] if part["type"] == "output_text"]
    assert response.output_text == "".join(texts)
    assert (response.status == "incomplete") == (response.incomplete_details is not None)
