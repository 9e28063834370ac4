"""The expected results of tests/golden/<family>/*.openai.json as OpenAI's own Python SDK reads them, with its
models checked strictly: no member that is missing or of another type, and none that OpenAI does not have but
those that are named here."""

import array
import base64
import json
import pathlib

import pytest
from openai.types import Completion, CreateEmbeddingResponse
from openai.types.chat import ChatCompletion
from openai.types.responses import Response
from pydantic import BaseModel, ValidationError

GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "golden"
MODELS = {"chat": ChatCompletion, "completions": Completion, "responses": Response,
          "embeddings": CreateEmbeddingResponse}
# What the SDK's models do not have: reasoning as DeepSeek and LiteLLM give it, tokens written to a cache, that a
# model says nothing of usage; and store, which OpenAI sends all the same.
EXTENSIONS = {"reasoning_content", "cache_write_tokens", "usage_absent", "store"}


def results():
    paths = sorted(GOLDEN.glob("*/*.openai.json"))
    assert len(paths) > 100
    return [pytest.param(path, id=f"{path.parent.name}-{path.name.removesuffix('.openai.json')}") for path in paths]


def extensions(value):
    """The names of the members that the SDK's models do not have."""
    if isinstance(value, BaseModel):
        extra = value.model_extra or {}
        names = set(extra)
        for name in value.model_fields_set - names:
            names |= extensions(getattr(value, name))
        return names
    if isinstance(value, list):
        return set().union(*(extensions(item) for item in value))
    return set()


def as_the_sdk_has_it(body):
    """The SDK decodes vectors in base64 before it makes an object of them."""
    for item in body["data"]:
        if isinstance(item["embedding"], str):
            item["embedding"] = list(array.array("f", base64.b64decode(item["embedding"], validate=True)))
    return body


def parse(path, body):
    endpoint = path.name.split(".")[0]
    if endpoint == "embeddings":
        body = as_the_sdk_has_it(body)
    return MODELS[endpoint].model_validate_json(json.dumps(body), strict=True)


@pytest.mark.parametrize("path", results())
def test_openais_models_read_it(path):
    parsed = parse(path, json.loads(path.read_text()))
    assert extensions(parsed) <= EXTENSIONS
    usage = parsed.usage
    if usage is not None:
        counts = usage.model_dump()
        parts = ("prompt_tokens", "completion_tokens", "input_tokens", "output_tokens")
        assert usage.total_tokens == sum(counts.get(name, 0) for name in parts)


def test_a_result_that_is_not_openais_fails():
    path = GOLDEN / "anthropic" / "chat.least.openai.json"
    body = json.loads(path.read_text())
    parse(path, body)
    with pytest.raises(ValidationError):
        parse(path, {**body, "created": "now"})
    with pytest.raises(ValidationError):
        parse(path, {**body, "choices": [{**body["choices"][0], "finish_reason": "end_turn"}]})
    assert "stop_reason" in extensions(parse(path, {**body, "stop_reason": "end_turn"}))
