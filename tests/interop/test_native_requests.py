"""The expected bodies of tests/golden/<family>/*.bedrock.json against what others say of them: AWS's own
service model of Converse, and the types of the vendors' Python SDKs. A member that these do not know, or
that has another type, fails. What only Bedrock's native bodies have is named here, and nothing else is let
through."""

import base64
import inspect
import json
import pathlib
import re
import sys
from typing import Any, Literal

import botocore.session
import pytest
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming
from botocore.validate import ParamValidator
from cohere.base_client import BaseCohere
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming
from pydantic import BaseModel, ConfigDict, TypeAdapter, create_model
from typing_extensions import Required, TypedDict

GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "golden"
MODEL = "model"  # the native bodies name none, the SDKs' types want one


def cases(family, kind=lambda body: True):
    """Every record of the family's expected bodies, by its file's name."""
    found = []
    for path in sorted((GOLDEN / family).glob("*.bedrock.json")):
        body = json.loads(path.read_text())
        for index, record in enumerate(body if isinstance(body, list) else [body]):
            if kind(record):
                found.append(pytest.param(record, id=f"{path.name.removesuffix('.bedrock.json')}-{index}"))
    assert len(found) >= 5, f"{family} has hardly any expected bodies"
    return found


def plain(value):
    """Pydantic checks an Iterable when it is walked through: this walks, and gives what was known."""
    if isinstance(value, BaseModel):
        known = {name: getattr(value, name) for name in value.model_fields_set}
        known |= value.model_extra or {}
        aliases = {name: field.alias or name for name, field in type(value).model_fields.items()}
        return {aliases.get(name, name): plain(item) for name, item in known.items()}
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, str) or not hasattr(value, "__iter__"):
        return value
    return [plain(item) for item in value]


def check(adapter, body):
    """A TypedDict's unknown members are left out by pydantic: then the two differ."""
    assert plain(adapter.validate_python(body)) == body


# Converse, by AWS's service model.

CONVERSE = botocore.session.Session().get_service_model("bedrock-runtime").operation_model("Converse").input_shape


def limits(shape, value, place=""):
    """What botocore does not check of a value that has the right type: words, patterns and upper limits."""
    if getattr(shape, "is_document_type", False):
        return []
    if shape.type_name == "structure":
        return [fault for name, item in value.items()
                for fault in limits(shape.members[name], item, f"{place}.{name}")]
    if shape.type_name == "list":
        over = [f"{place}: too long"] if len(value) > shape.metadata.get("max", sys.maxsize) else []
        return over + [fault for index, item in enumerate(value)
                       for fault in limits(shape.member, item, f"{place}[{index}]")]
    if shape.type_name == "blob":
        return [] if base64.b64decode(value, validate=True) else [f"{place}: no bytes"]
    if shape.type_name == "string":
        faults = [] if len(value) <= shape.metadata.get("max", sys.maxsize) else [f"{place}: too long"]
        if shape.enum and value not in shape.enum:
            faults.append(f"{place}: {value} is none of {shape.enum}")
        pattern = shape.metadata.get("pattern")
        if pattern and not re.fullmatch(pattern, value, re.DOTALL):
            faults.append(f"{place}: {value} does not match {pattern}")
        return faults
    if shape.type_name in ("integer", "long", "float", "double"):
        return [] if value <= shape.metadata.get("max", sys.maxsize) else [f"{place}: too high"]
    return []


def check_converse(body):
    report = ParamValidator().validate({"modelId": MODEL, **body}, CONVERSE)
    assert not report.has_errors(), report.generate_report()
    assert limits(CONVERSE, body) == []
    roles = [message["role"] for message in body["messages"]]
    assert roles[0] == "user" and all(one != next_ for one, next_ in zip(roles, roles[1:]))


@pytest.mark.parametrize("body", cases("converse"))
def test_converse_bodies_are_what_the_service_model_says(body):
    check_converse(body)
    assert body.get("system") != [] and body.get("additionalModelRequestFields") != {}
    assert "toolConfig" not in body  # batches refuse it
    if "outputConfig" in body:
        schema = body["outputConfig"]["textFormat"]["structure"]["jsonSchema"]["schema"]
        assert isinstance(json.loads(schema), dict)


@pytest.mark.parametrize("body", cases("nova"))
def test_novas_bodies_are_converses_but_for_their_own_members(body):
    assert body.pop("schemaVersion") == "messages-v1"
    reasoning = body.pop("reasoningConfig", None)
    if reasoning is not None:
        assert set(reasoning) == {"type", "maxReasoningEffort"}
        assert reasoning["type"] == "enabled" and reasoning["maxReasoningEffort"] in ("low", "medium", "high")
    top_k = body.get("inferenceConfig", {}).pop("topK", 0)
    assert isinstance(top_k, int) and 0 <= top_k <= 128
    assert set(body) <= {"messages", "system", "inferenceConfig", "toolConfig"}
    check_converse(body)


def test_a_converse_body_with_a_foreign_member_fails():
    message = {"role": "user", "content": [{"text": "Hello"}]}
    check_converse({"messages": [message]})
    for wrong in ({"messages": [message], "max_tokens": 5},
                  {"messages": [{"role": "tool", "content": []}]},
                  {"messages": [message], "inferenceConfig": {"topK": 5}},
                  {"messages": [message], "inferenceConfig": {"temperature": 1.5}},
                  {"messages": [{"role": "user", "content": [{"toolUse": {
                      "toolUseId": "a|b", "name": "f", "input": {}}}]}]}):
        with pytest.raises(AssertionError):
            check_converse(wrong)


# Claude, by Anthropic's SDK.

class AnthropicBody(MessageCreateParamsNonStreaming, total=False):
    """Bedrock user guide, "Anthropic Claude Messages API". The newest SDK no longer knows the members of
    sampling, which older models still take."""

    anthropic_version: Required[Literal["bedrock-2023-05-31"]]
    anthropic_beta: list[str]
    temperature: float
    top_p: float
    top_k: int


ANTHROPIC = TypeAdapter(AnthropicBody)


@pytest.mark.parametrize("body", cases("anthropic"))
def test_claudes_bodies_have_the_types_of_anthropics_sdk(body):
    assert "model" not in body and "stream" not in body
    check(ANTHROPIC, {"model": MODEL, **body})


# OpenAI's own body, and Mistral's and Jamba's, by OpenAI's SDK.

class OpenWeightBody(CompletionCreateParamsNonStreaming, total=False):
    """What servers of open-weight models take beside it."""

    top_k: int
    min_p: float
    repetition_penalty: float
    chat_template_kwargs: dict[str, Any]


OPEN_WEIGHT = TypeAdapter(OpenWeightBody)
OPENAI = TypeAdapter(CompletionCreateParamsNonStreaming)


@pytest.mark.parametrize("body", cases("openai_shaped"))
def test_openai_shaped_bodies_have_the_types_of_openais_sdk(body):
    assert "model" not in body and "stream" not in body and "n" not in body
    check(OPEN_WEIGHT, {"model": MODEL, **body})


@pytest.mark.parametrize("body", cases("jamba"))
def test_jambas_bodies_have_the_types_of_openais_sdk(body):
    assert set(body) <= {"messages", "max_tokens", "temperature", "top_p", "stop", "frequency_penalty",
                         "presence_penalty", "tools", "response_format"}
    check(OPENAI, {"model": MODEL, **body})


@pytest.mark.parametrize("body", cases("mistral", lambda body: "messages" in body))
def test_mistrals_chat_bodies_are_openais_but_for_their_own_words(body):
    assert set(body) <= {"messages", "max_tokens", "temperature", "top_p", "stop", "tools", "tool_choice",
                         "response_format"}
    assert body.get("tool_choice", "auto") in ("auto", "any", "none")
    if body.get("tool_choice") == "any":
        body["tool_choice"] = "required"
    last = body["messages"][-1]
    assert last["role"] in ("user", "tool") or last.pop("prefix") is True
    for message in body["messages"]:
        ids = [call["id"] for call in message.get("tool_calls", [])] + [message.get("tool_call_id", "Ab3dEf7h9")]
        assert all(re.fullmatch("[a-zA-Z0-9]{9}", id_) for id_ in ids)
    check(OPENAI, {"model": MODEL, **body})


class MistralPrompt(TypedDict, total=False):
    """Bedrock user guide, "Mistral AI text completion"."""

    prompt: Required[str]
    max_tokens: int
    stop: list[str]
    temperature: float
    top_p: float
    top_k: int


MISTRAL_PROMPT = TypeAdapter(MistralPrompt)


@pytest.mark.parametrize("body", cases("mistral", lambda body: "messages" not in body))
def test_mistrals_prompts_are_in_its_template(body):
    check(MISTRAL_PROMPT, body)
    assert body["prompt"].startswith("<s>[INST] ") and "[/INST]" in body["prompt"]


def test_a_chat_body_with_a_foreign_member_fails():
    body = {"model": MODEL, "messages": [{"role": "user", "content": "Hello"}]}
    check(OPENAI, body)
    for wrong in ({**body, "max_gen_len": 5}, {**body, "temperature": "hot"},
                  {**body, "messages": [{"role": "user", "content": "Hello", "cache": True}]},
                  {**body, "messages": [{"role": "user", "content": [{"type": "text", "value": "Hello"}]}]}):
        with pytest.raises((AssertionError, ValueError)):
            check(OPENAI, wrong)


# Command R, by Cohere's SDK: the parameters of its first chat API.

def cohere_body():
    parameters = inspect.signature(BaseCohere.chat, eval_str=True).parameters.values()
    fields = {p.name: (p.annotation, ...) if p.name == "message" else (p.annotation, None)
              for p in parameters if p.name not in ("self", "request_options", "accepts")}
    return create_model("CommandBody", __config__=ConfigDict(extra="forbid", arbitrary_types_allowed=True,
                                                             protected_namespaces=()), **fields)


COMMAND = TypeAdapter(cohere_body())


def foreign(value, place="body"):
    """Members that Cohere's models let through though they do not know them."""
    if isinstance(value, BaseModel):
        here = [f"{place}.{name}" for name in value.model_extra or {}]
        return here + [fault for name in value.model_fields_set if name not in (value.model_extra or {})
                       for fault in foreign(getattr(value, name), f"{place}.{name}")]
    if isinstance(value, dict):
        return [fault for key, item in value.items() for fault in foreign(item, f"{place}.{key}")]
    if isinstance(value, (list, tuple)):
        return [fault for i, item in enumerate(value) for fault in foreign(item, f"{place}[{i}]")]
    return []


@pytest.mark.parametrize("body", cases("command_r"))
def test_commands_bodies_have_the_types_of_coheres_sdk(body):
    assert "model" not in body and "stream" not in body
    assert foreign(COMMAND.validate_python(body)) == []
