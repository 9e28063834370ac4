"""One mixed batch per endpoint with every model family that answers it, over the wire and back: as
OpenAI's own models read it, and each answer what its line asked for."""

import base64
import struct

import pytest
from openai.types import Completion, CreateEmbeddingResponse
from openai.types.chat import ChatCompletion
from openai.types.responses import Response

import harness

# Public name: Bedrock's model, what the family can do. "batch": it also runs as a Bedrock job.
TEXT_MODELS = {
    "claude": ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "batch tools image file reasoning usage"),
    "nova": ("us.amazon.nova-lite-v1:0", "batch tools image usage"),
    "nova-2": ("global.amazon.nova-2-lite-v1:0", "batch tools image usage"),
    "llama-3": ("meta.llama3-8b-instruct-v1:0", "usage"),
    "llama-3.1": ("us.meta.llama3-1-70b-instruct-v1:0", "batch tools usage"),
    "llama-4": ("us.meta.llama4-scout-17b-instruct-v1:0", "batch tools image usage"),
    "mistral-prompt": ("mistral.mistral-7b-instruct-v0:2", ""),
    "mistral-chat": ("mistral.mistral-large-2407-v1:0", "batch tools usage"),
    "titan-text": ("amazon.titan-text-express-v1", "usage"),
    "command-r": ("cohere.command-r-plus-v1:0", "tools"),
    "jamba": ("ai21.jamba-1-5-large-v1:0", "tools usage"),
    "gpt-oss": ("openai.gpt-oss-120b-1:0", "batch tools reasoning usage"),
    "qwen": ("qwen.qwen3-32b-v1:0", "batch tools usage"),
    "deepseek-v3": ("deepseek.v3-v1:0", "batch tools usage"),
    "deepseek-r1": ("us.deepseek.r1-v1:0", "reasoning"),
    "palmyra": ("us.writer.palmyra-x5-v1:0", "usage"),
    "claude-converse": ("us.anthropic.claude-3-7-sonnet-20250219-v1:0", "batch converse image usage"),
    "llama-converse": ("us.meta.llama3-3-70b-instruct-v1:0", "batch converse usage"),
}
# Public name: Bedrock's model, the length of its vectors, whether its answers say their usage.
EMBEDDING_MODELS = {
    "titan-v1": ("amazon.titan-embed-text-v1", 1536, True),
    "titan-v2": ("amazon.titan-embed-text-v2:0", 1024, True),
    "titan-image": ("amazon.titan-embed-image-v1", 1024, True),
    "cohere-v3": ("cohere.embed-multilingual-v3", 1024, False),
    "cohere-v4": ("cohere.embed-v4:0", 1536, False),
    "nova-embed": ("amazon.nova-2-multimodal-embeddings-v1:0", 3072, False),
}
TEXT = 'She said "naïve" — 東京\u2028und weiter\u0085\\ Ende 🙂'
PIXEL = ("data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAA"
         "AABJRU5ErkJggg==")
TOOL = {"name": "get_weather", "description": "The weather.", "parameters": {
    "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}


def can(model, what):
    return what in TEXT_MODELS[model][1].split()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    directory = tmp_path_factory.mktemp("families")
    models = {**TEXT_MODELS, **EMBEDDING_MODELS}
    entries = "".join(f"""\
  - model_name: {name}
    litellm_params:
      model: bedrock/{model[0]}
      s3_bucket_name: {harness.BUCKET}
      s3_region_name: {harness.REGION}
      aws_batch_role_arn: arn:aws:iam::123456789012:role/quarry-test
      bedrock_invocation: {"converse" if name.endswith("-converse") else "auto"}
""" for name, model in models.items())
    config = directory / "config.yaml"
    config.write_text(f"model_list:\n{entries}general_settings:\n  master_key: {harness.KEY}\n")
    running = harness.Server(directory / "server", config)
    yield running
    assert running.stop() == 0, running.log_end()


def run(server, endpoint, bodies):
    """Runs {custom_id: body} as one batch. Returns {custom_id: the body of its 200}."""
    lines = [{"custom_id": name, "method": "POST", "url": endpoint, "body": body} for name, body in bodies.items()]
    batch = server.run_batch(harness.to_jsonl(lines), endpoint=endpoint, timeout=120)
    failed = server.result_lines(batch["error_file_id"]) if batch["error_file_id"] else []
    assert not failed, failed[0]
    results = {line["custom_id"]: line["response"]["body"] for line in server.result_lines(batch["output_file_id"])}
    assert sorted(results) == sorted(bodies)
    assert batch["request_counts"] == {"total": len(bodies), "completed": len(bodies), "failed": 0}
    return results


def submitted_jobs(server):
    """How many jobs Bedrock has been given so far."""
    return server.log().count("job submitted")


def strictly(model, body):
    """As the SDK's own model reads it, with no value bent to its type."""
    import json

    return model.model_validate_json(json.dumps(body), strict=True)


def messages(text, **more):
    return {"messages": [{"role": "system", "content": "You are terse."}, {"role": "user", "content": text}],
            "max_tokens": 500, **more}


def echo(text):
    return f"[[sandbox:echo {text}]]"


def check_usage(model, body):
    """On demand AWS's headers say what the answer itself does not."""
    assert "usage_absent" not in body, model
    assert body["usage"]["total_tokens"] > 0, model


def test_chat_completions_come_back_from_every_family(server):
    bodies = {}
    for model in TEXT_MODELS:
        bodies[f"{model}/text"] = {"model": model, **messages(echo(TEXT))}
        bodies[f"{model}/turns"] = {"model": model, "max_tokens": 500, "messages": [
            {"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hello to you."},
            {"role": "user", "content": echo("Good bye.")}]}
        if can(model, "tools"):
            tools = [{"type": "function", "function": TOOL}]
            bodies[f"{model}/call"] = {"model": model, **messages(
                "[[sandbox:tool get_weather]] Oslo?", tools=tools)}
            bodies[f"{model}/result"] = {"model": model, "max_tokens": 500, "tools": tools, "messages": [
                {"role": "user", "content": "Weather in Oslo? " + echo("It rains.")},
                {"role": "assistant", "content": None, "tool_calls": [{
                    "id": "call_1", "type": "function",
                    "function": {"name": "get_weather", "arguments": '{"city": "Oslo"}'}}]},
                {"role": "tool", "tool_call_id": "call_1", "content": echo("It rains.")}]}
        if can(model, "image"):
            bodies[f"{model}/image"] = {"model": model, "max_tokens": 500, "messages": [{"role": "user", "content": [
                {"type": "text", "text": echo("A pixel.")}, {"type": "image_url", "image_url": {"url": PIXEL}}]}]}
        if can(model, "file"):
            pdf = "data:application/pdf;base64," + base64.b64encode(b"%PDF-1.4 test").decode()
            bodies[f"{model}/file"] = {"model": model, "max_tokens": 500, "messages": [{"role": "user", "content": [
                {"type": "file", "file": {"filename": "a.pdf", "file_data": pdf}},
                {"type": "text", "text": echo("A page.")}]}]}
        if can(model, "reasoning"):
            effort = {} if model == "deepseek-r1" else {"reasoning_effort": "low"}
            bodies[f"{model}/reasoning"] = {"model": model, **{**messages(
                "[[sandbox:reasoning I think so.]]" + echo("So it is.")), "max_tokens": 4000}, **effort}
    results = run(server, "/v1/chat/completions", bodies)
    for name, body in results.items():
        model, what = name.split("/")
        answer = strictly(ChatCompletion, body)
        choice = answer.choices[0]
        assert answer.model == model
        check_usage(model, body)
        if what == "call":
            assert choice.finish_reason == "tool_calls", name
            call = choice.message.tool_calls[0]
            assert call.id and call.function.name == "get_weather" and '"city"' in call.function.arguments, name
            continue
        assert choice.finish_reason == "stop", name
        if what == "result":  # the models that take it for a user's text say just that, others quote it
            assert "It rains." in choice.message.content, name
            continue
        wanted = {"text": TEXT, "turns": "Good bye.", "image": "A pixel.",
                  "file": "A page.", "reasoning": "So it is."}[what]
        assert choice.message.content == wanted, name
        if what == "reasoning":
            assert body["choices"][0]["message"]["reasoning_content"].strip() == "I think so.", name


def test_completions_come_back_from_every_family(server):
    bodies = {model: {"model": model, "prompt": [echo(TEXT), echo("Second.")], "max_tokens": 500}
              for model in TEXT_MODELS}
    for model, body in run(server, "/v1/completions", bodies).items():
        answer = strictly(Completion, body)
        assert answer.model == model
        assert [choice.text for choice in answer.choices] == [TEXT, "Second."], model
        assert [choice.index for choice in answer.choices] == [0, 1], model
        check_usage(model, body)


def test_responses_come_back_from_every_family(server):
    bodies = {}
    for model in TEXT_MODELS:
        bodies[f"{model}/text"] = {"model": model, "instructions": "You are terse.", "input": echo(TEXT),
                                   "max_output_tokens": 500}
        if can(model, "tools"):
            bodies[f"{model}/call"] = {"model": model, "input": "[[sandbox:tool get_weather]] Oslo?",
                                       "max_output_tokens": 500, "tools": [{"type": "function", **TOOL}]}
    for name, body in run(server, "/v1/responses", bodies).items():
        model, what = name.split("/")
        answer = strictly(Response, body)
        assert answer.model == model and answer.status == "completed", name
        assert body["usage"]["total_tokens"] > 0, name
        if what == "call":
            call = [item for item in answer.output if item.type == "function_call"][0]
            assert call.name == "get_weather" and call.call_id and '"city"' in call.arguments, name
        else:
            assert answer.output_text == TEXT, name


def test_embeddings_come_back_from_every_family(server):
    texts = ["one", TEXT, "one"]
    bodies = {}
    for model in EMBEDDING_MODELS:
        bodies[f"{model}/list"] = {"model": model, "input": texts}
        bodies[f"{model}/base64"] = {"model": model, "input": TEXT, "encoding_format": "base64"}
    results = run(server, "/v1/embeddings", bodies)
    for model, (_, length, _) in EMBEDDING_MODELS.items():
        answer = strictly(CreateEmbeddingResponse, results[f"{model}/list"])
        assert answer.model == model
        vectors = [item.embedding for item in answer.data]
        assert [len(vector) for vector in vectors] == [length] * 3, model
        assert vectors[0] == vectors[2] != vectors[1], model
        packed = base64.b64decode(results[f"{model}/base64"]["data"][0]["embedding"])
        assert list(struct.unpack(f"<{length}f", packed)) == pytest.approx(vectors[1], rel=1e-6), model
        assert results[f"{model}/list"]["usage"]["total_tokens"] > 0, model


def test_every_family_that_runs_as_jobs_answers_as_one(server):
    """A hundred lines of each, so that each model is a Bedrock job."""
    jobs = [model for model in TEXT_MODELS if can(model, "batch")]
    bodies = {f"{model}/{i}": {"model": model, **messages(echo(f"{TEXT} {i}"))} for model in jobs for i in range(100)}
    before = submitted_jobs(server)
    results = run(server, "/v1/chat/completions", bodies)
    for name, body in results.items():
        model, i = name.split("/")
        assert body["model"] == model
        assert body["choices"][0]["message"]["content"] == f"{TEXT} {i}", name
    assert submitted_jobs(server) - before == len(jobs)


def test_embedding_jobs_answer_in_order(server):
    jobs = ["titan-v2", "titan-image", "nova-embed"]
    bodies = {f"{model}/{i}": {"model": model, "input": [f"text {i}", "same"]} for model in jobs for i in range(60)}
    results = run(server, "/v1/embeddings", bodies)
    for model in jobs:
        same = {tuple(results[f"{model}/{i}"]["data"][1]["embedding"]) for i in range(60)}
        others = {tuple(results[f"{model}/{i}"]["data"][0]["embedding"]) for i in range(60)}
        assert len(same) == 1 and len(others) == 60, model
