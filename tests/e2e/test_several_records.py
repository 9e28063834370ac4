"""Lines that become several records: lists of inputs and of prompts, as Bedrock jobs and on demand."""

import base64
import re
import struct

import pytest

import harness

# Public name, Bedrock's model, further litellm_params. Titan embeds one text a record, Cohere 96 of them.
DEPLOYMENTS = [
    ("titan", "amazon.titan-embed-text-v2:0", ""),
    ("titan-v1", "amazon.titan-embed-text-v1", ""),  # cannot run as a batch job
    ("titan-v1-reject", "amazon.titan-embed-text-v1", "small_batch: reject"),
    ("cohere", "cohere.embed-english-v3", ""),  # on demand only, too
    ("nova", "amazon.nova-2-multimodal-embeddings-v1:0", ""),
    ("claude", "us.anthropic.claude-3-5-sonnet-20240620-v1:0", ""),
    ("claude-converse", "us.anthropic.claude-3-5-sonnet-20240620-v1:0", "bedrock_invocation: converse"),
]
TITAN_BATCH_USD, TITAN_USD = 0.01e-6, 0.02e-6  # a token; data/models.yaml


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    directory = tmp_path_factory.mktemp("several")
    entries = "".join(f"""\
  - model_name: {name}
    litellm_params:
      model: bedrock/{model}
      s3_bucket_name: {harness.BUCKET}
      s3_region_name: {harness.REGION}
      aws_batch_role_arn: arn:aws:iam::123456789012:role/quarry-test
      {more}
""" for name, model, more in DEPLOYMENTS)
    config = directory / "config.yaml"
    config.write_text(f"model_list:\n{entries}general_settings:\n  master_key: {harness.KEY}\n")
    running = harness.Server(directory / "server", config)
    yield running
    assert running.stop() == 0, running.log_end()


def embeddings_line(custom_id, inputs, model="titan", **body):
    return {"custom_id": custom_id, "method": "POST", "url": "/v1/embeddings",
            "body": {"model": model, "input": inputs, **body}}


def run(server, lines, endpoint="/v1/embeddings"):
    """The batch, its result lines and its error lines, by custom_id; each in exactly one of them."""
    batch = server.run_batch(harness.to_jsonl(lines), endpoint=endpoint)
    assert batch["status"] == "completed", batch
    results = server.result_lines(batch["output_file_id"]) if batch["output_file_id"] else []
    errors = server.result_lines(batch["error_file_id"]) if batch["error_file_id"] else []
    assert sorted(x["custom_id"] for x in results + errors) == sorted(x["custom_id"] for x in lines)
    counts = batch["request_counts"]
    assert (counts["total"], counts["completed"], counts["failed"]) == (len(lines), len(results), len(errors))
    return batch, {x["custom_id"]: x for x in results}, {x["custom_id"]: x for x in errors}


def cost(server, batch):
    return server.spend(request_id=f"{batch['id']}_batch_cost")[0]["spend"]


def submitted_records(server, batch):
    """The records of each Bedrock job of the batch."""
    found = re.findall(rf"job submitted.*batch_id=\"?{batch['id']}\"?.*records=(\d+)", server.log())
    return [int(count) for count in found]


def vectors(result):
    body = result["response"]["body"]
    assert body["object"] == "list"
    assert [item["index"] for item in body["data"]] == list(range(len(body["data"])))
    return [item["embedding"] for item in body["data"]]


def texts(line, count):
    return [f"text {i} of line {line}" for i in range(count)]


def floats(text):
    raw = base64.b64decode(text, validate=True)
    return list(struct.unpack(f"<{len(raw) // 4}f", raw))


@pytest.fixture(scope="module")
def as_a_job(server):
    """Few lines, but records enough for a Bedrock job; one line is a text alone."""
    lines = [embeddings_line(f"list-{i}", texts(i, 40), dimensions=256) for i in range(4)]
    lines.append(embeddings_line("base64", texts(0, 40), dimensions=256, encoding_format="base64"))
    lines.append(embeddings_line("one", "text 0 of line 0", dimensions=256))
    return lines, *run(server, lines)


def test_a_list_is_one_result_with_a_vector_for_each_input_in_order(as_a_job):
    lines, _, results, errors = as_a_job
    assert not errors
    for i in range(4):
        found = vectors(results[f"list-{i}"])
        assert len(found) == 40 and all(len(vector) == 256 for vector in found)
        assert len({tuple(vector) for vector in found}) == 40  # each its own text's
    assert vectors(results["one"]) == vectors(results["list-0"])[:1]
    assert results["list-0"]["response"]["body"]["model"] == "titan"


def test_few_lines_of_many_records_run_as_a_batch_job_at_its_price(server, as_a_job):
    _, batch, results, _ = as_a_job
    assert submitted_records(server, batch) == [201]
    tokens = sum(x["response"]["body"]["usage"]["prompt_tokens"] for x in results.values())
    assert batch["usage"]["input_tokens"] == tokens > 0
    assert cost(server, batch) == pytest.approx(tokens * TITAN_BATCH_USD, abs=1e-9)


def test_base64_is_the_same_vectors_as_little_endian_floats(as_a_job):
    _, _, results, _ = as_a_job
    for packed, plain in zip(vectors(results["base64"]), vectors(results["list-0"]), strict=True):
        assert floats(packed) == pytest.approx(plain, rel=1e-6)


def test_on_demand_gives_the_same_as_a_job(server, as_a_job):
    lines, _, job_results, _ = as_a_job
    few = [line for line in lines if line["custom_id"] in {"list-0", "one"}]
    few.append(embeddings_line("base64", texts(0, 40), dimensions=256, encoding_format="base64"))
    batch, results, _ = run(server, few)
    assert submitted_records(server, batch) == []
    for custom_id in ("list-0", "one", "base64"):
        assert vectors(results[custom_id]) == vectors(job_results[custom_id])
    tokens = sum(x["response"]["body"]["usage"]["prompt_tokens"] for x in results.values())
    assert cost(server, batch) == pytest.approx(tokens * TITAN_USD, abs=1e-9)


@pytest.mark.parametrize("count", [3, 120])
def test_one_bad_input_fails_its_line_and_is_named(server, count):
    bad = texts(0, count)
    bad[2] = "[[sandbox:error 400 no such text]]"
    batch, results, errors = run(server, [embeddings_line("bad", bad), embeddings_line("good", texts(1, count))])
    assert list(results) == ["good"]
    assert bool(submitted_records(server, batch)) == (count == 120)
    response = errors["bad"]["response"]
    assert response["status_code"] == 400
    assert response["body"]["error"]["message"].startswith("input[2]: ")
    # What ran of the bad line is billed too.
    good = results["good"]["response"]["body"]["usage"]["prompt_tokens"]
    assert good < batch["usage"]["input_tokens"] < 2 * good


def test_more_inputs_than_a_record_holds_are_one_result(server):
    _, results, errors = run(server, [embeddings_line("many", texts(0, 200), "cohere")])
    assert not errors
    found = vectors(results["many"])
    assert len({tuple(vector) for vector in found}) == len(found) == 200


def test_usage_that_answers_do_not_say_is_billed_by_what_aws_counts(server):
    # Nova's vectors come without tokens: the headers of direct calls tell them, and a job's manifest.
    lines = [embeddings_line(f"request-{i}", texts(i, 2), "nova") for i in range(60)]
    job, job_results, _ = run(server, lines)
    assert submitted_records(server, job) == [120]
    direct, direct_results, _ = run(server, lines[:20])
    assert submitted_records(server, direct) == []
    for custom_id, result in direct_results.items():
        assert vectors(result) == vectors(job_results[custom_id])
        assert result["response"]["body"]["usage"]["prompt_tokens"] > 0
        assert job_results[custom_id]["response"]["body"]["usage_absent"] is True
    said = sum(x["response"]["body"]["usage"]["prompt_tokens"] for x in direct_results.values())
    assert direct["usage"]["input_tokens"] == said
    assert job["usage"]["input_tokens"] > 2 * said
    assert cost(server, job) > 0 and cost(server, direct) > 0
    assert re.search(rf"the manifest's count is billed.*batch_id=\"?{job['id']}", server.log())


def test_a_model_without_batch_inference_runs_on_demand_however_many_lines(server):
    lines = [embeddings_line(f"request-{i}", f"text {i}", "titan-v1") for i in range(130)]
    batch, results, _ = run(server, lines)
    assert len(results) == 130
    assert submitted_records(server, batch) == []
    said = re.findall(rf"this model has no batch inference.*batch_id=\"?{batch['id']}", server.log())
    assert len(said) == 1


def test_a_model_without_batch_inference_fails_the_batch_where_on_demand_is_not_wanted(server):
    lines = [embeddings_line(f"request-{i}", f"text {i}", "titan-v1-reject") for i in range(130)]
    batch = server.run_batch(harness.to_jsonl(lines), endpoint="/v1/embeddings")
    assert batch["status"] == "failed"
    assert [error["code"] for error in batch["errors"]["data"]] == ["model_without_batch"]


def test_an_endpoint_that_the_model_does_not_answer_fails_the_lines_before_anything_runs(server):
    batch, results, errors = run(server, [embeddings_line("wrong", "text", "claude")])
    assert not results
    assert errors["wrong"]["response"]["status_code"] == 400
    assert batch["usage"]["total_tokens"] == 0


@pytest.mark.parametrize("model", ["claude", "claude-converse"])
@pytest.mark.parametrize("count", [2, 60])
def test_a_list_of_prompts_is_a_choice_for_each(server, model, count):
    lines = [{"custom_id": f"line-{n}", "method": "POST", "url": "/v1/completions", "body": {
        "model": model, "max_tokens": 50,
        "prompt": [f"[[sandbox:echo answer {i} of {n}]]" for i in range(count)]}} for n in range(2)]
    batch, results, errors = run(server, lines, "/v1/completions")
    assert not errors
    assert submitted_records(server, batch) == ([120] if count == 60 else [])
    for n in range(2):
        body = results[f"line-{n}"]["response"]["body"]
        assert body["object"] == "text_completion"
        assert [(c["index"], c["text"]) for c in body["choices"]] == [
            (i, f"answer {i} of {n}") for i in range(count)]
    assert batch["usage"]["output_tokens"] == sum(
        x["response"]["body"]["usage"]["completion_tokens"] for x in results.values())


@pytest.mark.parametrize("count", [2, 110])
def test_converse_answers_what_the_native_body_does(server, count):
    def ask(model):
        lines = [harness.chat_line(f"request-{i}", f"[[sandbox:echo answer {i}]]", model) for i in range(count)]
        _, results, errors = run(server, lines, "/v1/chat/completions")
        assert not errors
        harness.check_result_lines(results.values())
        return {k: x["response"]["body"]["choices"][0]["message"]["content"] for k, x in results.items()}

    assert ask("claude-converse") == ask("claude") == {f"request-{i}": f"answer {i}" for i in range(count)}
