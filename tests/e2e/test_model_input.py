"""What is written for Bedrock to read: what clients send in OpenAI's words is in the model's own, and what the model
would refuse is refused here, before a token is paid for. Each case is one that other gateways got wrong."""

import pytest

import fleet
import harness

CLAUDE = "us.anthropic.claude-3-5-sonnet-20240620-v1:0"
# Public names are aliases that say nothing of the family.
MODELS = {
    "night-shift": CLAUDE,
    "strict": "us.anthropic.claude-haiku-4-5-20251001-v1:0",
    "newest": "us.anthropic.claude-opus-5",
    "pictures": "us.amazon.nova-lite-v1:0",
    "nova-micro": "us.amazon.nova-micro-v1:0",
    "llama": "us.meta.llama3-3-70b-instruct-v1:0",
    "scout": "us.meta.llama4-scout-17b-instruct-v1:0",
    "vectors": "amazon.titan-embed-text-v2:0",
    "talk": "us.meta.llama3-3-70b-instruct-v1:0",
}
CONVERSE = {"talk"}
PIXEL = ("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
TOOL = {"type": "function", "function": {"name": "get_weather", "parameters": {
    "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}


class Desk:
    """One server before one sandbox, and what a batch became on its way."""

    def __init__(self, directory):
        self.sandbox = harness.Sandbox(directory / "sandbox")
        entries = []
        for name, model in MODELS.items():
            extra = {"bedrock_invocation": "converse"} if name in CONVERSE else {}
            entries.append(fleet.deployment(name, model, self.sandbox, harness.REGION, harness.BUCKET, **extra))
        config = fleet.write_config(directory / "config.yaml", entries, proxy_batch_polling_interval=0.2)
        self.server = harness.Server(directory / "server", config, sandbox=False)
        self.s3 = self.sandbox.client("s3")

    def run(self, body, endpoint="/v1/chat/completions", copies=1):
        """(modelInput of the first record or None, the line's answer or error)."""
        lines = [{"custom_id": f"line-{i}", "method": "POST", "url": endpoint, "body": body} for i in range(copies)]
        batch = self.server.run_batch(harness.to_jsonl(lines), endpoint=endpoint)
        found = self.s3.list_objects_v2(Bucket=harness.BUCKET, Prefix=f"quarry/jobs/{batch['id']}/")
        keys = [entry["Key"] for entry in found.get("Contents", []) if entry["Key"].endswith("/input.jsonl")]
        written = [record for key in keys for record in harness.parse_lines(
            self.s3.get_object(Bucket=harness.BUCKET, Key=key)["Body"].read())]
        answers = [line for name in ("output_file_id", "error_file_id") if batch.get(name)
                   for line in self.server.result_lines(batch[name])]
        assert len(answers) == copies, batch
        return (written[0]["modelInput"] if written else None), answers[0]

    def accepted(self, body, **more):
        written, answer = self.run(body, **more)
        assert answer["error"] is None and answer["response"]["status_code"] == 200, answer
        return written

    def refused(self, body, **more):
        """The words of the refusal; nothing may have been written for Bedrock."""
        self.sandbox.forget_calls()
        written, answer = self.run(body, **more)
        assert written is None, "a line that would fail was sent to Bedrock"
        assert not self.sandbox.records()["invocations"]["calls"]
        return answer["response"]["body"]["error"] if answer["response"] else answer["error"]


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    running = Desk(tmp_path_factory.mktemp("desk"))
    yield running
    assert running.server.stop() == 0, running.server.log_end()
    assert running.sandbox.stop() == 0


def chat(model, text="Hello", **body):
    return {"model": model, "messages": [{"role": "user", "content": text}], "max_tokens": 16, **body}


def test_members_that_are_openais_alone_stay_out_of_the_models_input(desk):
    body = chat("night-shift", user="carol", metadata={"team": "ml"}, stream=False, store=False, n=1)
    written = desk.accepted(body)
    assert sorted(written) == ["anthropic_version", "max_tokens", "messages"]


def test_a_batch_is_translated_for_the_model_behind_the_alias(desk):
    written = desk.accepted(chat("night-shift"))
    assert written["anthropic_version"] == "bedrock-2023-05-31"
    assert written["messages"][0]["role"] == "user"
    assert "model" not in written


def test_a_picture_for_nova_is_in_novas_words(desk):
    written = desk.accepted({"model": "pictures", "max_tokens": 50, "messages": [{"role": "user", "content": [
        {"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}]}]})
    assert written["inferenceConfig"]["maxTokens"] == 50
    image = next(block["image"] for block in written["messages"][0]["content"] if "image" in block)
    assert image == {"format": "png", "source": {"bytes": PIXEL}}


@pytest.mark.parametrize("system", ["Be brief.", [{"type": "text", "text": "Be brief."}]])
def test_a_system_prompt_is_wrapped_once(desk, system):
    messages = [{"role": "system", "content": system}, {"role": "user", "content": "Hello"}]
    nova = desk.accepted({"model": "pictures", "max_tokens": 16, "messages": messages})
    assert nova["system"] == [{"text": "Be brief."}]
    claude = desk.accepted({"model": "night-shift", "max_tokens": 16, "messages": messages})
    assert claude["system"] in ("Be brief.", [{"type": "text", "text": "Be brief."}])


def test_llama_is_spoken_to_as_bedrocks_llama(desk):
    written = desk.accepted(chat("llama"))
    assert written["max_gen_len"] == 16
    assert "<|start_header_id|>user<|end_header_id|>" in written["prompt"]
    assert "parameters" not in written and "inputs" not in written


def test_completions_and_responses_lines_are_not_emptied(desk):
    completion = desk.accepted({"model": "night-shift", "prompt": "Say hello", "max_tokens": 16},
                               endpoint="/v1/completions")
    assert "Say hello" in str(completion["messages"])
    response = desk.accepted({"model": "night-shift", "input": "Say hello", "max_output_tokens": 16},
                             endpoint="/v1/responses")
    assert "Say hello" in str(response["messages"])


def test_an_embeddings_line_is_no_chat_and_a_chat_line_no_embedding(desk):
    written = desk.accepted({"model": "vectors", "input": "a text"}, endpoint="/v1/embeddings")
    assert written["inputText"] == "a text"
    assert desk.refused(chat("vectors"))["param"] == "url"
    assert desk.refused({"model": "night-shift", "input": "a text"}, endpoint="/v1/embeddings")["param"] == "url"


def test_what_every_record_would_fail_for_is_refused_before_it_is_paid_for(desk):
    both = desk.refused(chat("strict", temperature=0.5, top_p=0.5))
    assert both["param"] in ("body.temperature", "body.top_p"), both
    either = desk.refused(chat("newest", temperature=0.5))
    assert either["param"] == "body.temperature", either


@pytest.mark.parametrize(("model", "ceiling"), [("scout", 8192), ("nova-micro", 10000)])
def test_more_tokens_than_the_model_has_are_refused(desk, model, ceiling):
    desk.accepted(chat(model, max_tokens=ceiling))
    error = desk.refused(chat(model, max_tokens=ceiling + 1))
    assert error["param"] == "body.max_tokens" and str(ceiling) in error["message"], error


def test_tools_go_to_a_job_of_the_models_own_format(desk):
    written, answer = desk.run(chat("night-shift", "[[sandbox:tool get_weather]]", tools=[TOOL]), copies=100)
    assert written["tools"][0]["name"] == "get_weather"
    assert answer["response"]["body"]["choices"][0]["finish_reason"] == "tool_calls"
    jobs = desk.sandbox.jobs()
    assert {job["modelInvocationType"] for job in jobs} == {"InvokeModel"}


def test_tools_are_refused_up_front_where_jobs_are_set_to_converse(desk):
    """AWS fails every record of a Converse job that has tools."""
    error = desk.refused(chat("talk", "[[sandbox:tool get_weather]]", tools=[TOOL]), copies=100)
    assert "tools" in error["message"], error
