"""boto3 against the sandbox's models: every chat family by InvokeModel, Converse and batch job."""

import json

import boto3
import botocore.exceptions
import harness
import pytest
from botocore.config import Config

B = harness.BUCKET
ROLE = "arn:aws:iam::123456789012:role/batch"
ENDED = {"Completed", "Failed", "Stopped"}


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    running = harness.Sandbox(tmp_path_factory.mktemp("sandbox"))
    yield running
    assert running.stop() == 0, running.log()[-4000:]


@pytest.fixture(scope="module")
def runtime(box):
    return client(box, harness.SECRET_KEY)


def client(box, secret):
    return boto3.client("bedrock-runtime", endpoint_url=box.url, region_name=harness.REGION,
                        aws_access_key_id=harness.ACCESS_KEY, aws_secret_access_key=secret,
                        config=Config(retries={"max_attempts": 1}))


def refused(code, status, call, **arguments):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(**arguments)
    assert caught.value.response["Error"]["Code"] == code, caught.value.response
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    return caught.value.response["Error"]["Message"]


def said(text):
    return [{"role": "user", "content": [{"text": text}]}]


# The same question in each family's own shape, and where its answer is.
NATIVE = {
    "us.amazon.nova-lite-v1:0": (
        lambda t: {"messages": said(t)}, lambda b: b["output"]["message"]["content"][0]["text"]),
    "us.meta.llama3-1-8b-instruct-v1:0": (
        lambda t: {"prompt": "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\n" + t + "<|eot_id|>"
                             "<|start_header_id|>assistant<|end_header_id|>\n\n"}, lambda b: b["generation"]),
    "mistral.mixtral-8x7b-instruct-v0:1": (
        lambda t: {"prompt": f"<s>[INST] {t} [/INST]"}, lambda b: b["outputs"][0]["text"]),
    "mistral.mistral-large-2407-v1:0": (
        lambda t: {"messages": [{"role": "user", "content": t}]}, lambda b: b["choices"][0]["message"]["content"]),
    "amazon.titan-text-express-v1": (
        lambda t: {"inputText": t}, lambda b: b["results"][0]["outputText"]),
    "us.deepseek.r1-v1:0": (
        lambda t: {"prompt": f"<｜begin▁of▁sentence｜><｜User｜>{t}<｜Assistant｜>"}, lambda b: b["choices"][0]["text"]),
    "cohere.command-r-v1:0": (lambda t: {"message": t}, lambda b: b["text"]),
    "ai21.jamba-1-5-mini-v1:0": (
        lambda t: {"messages": [{"role": "user", "content": t}]}, lambda b: b["choices"][0]["message"]["content"]),
    "qwen.qwen3-32b-v1:0": (
        lambda t: {"messages": [{"role": "user", "content": t}]}, lambda b: b["choices"][0]["message"]["content"]),
}


@pytest.mark.parametrize("model", NATIVE)
def test_invoke_model_answers_in_the_familys_shape(runtime, model):
    write, read = NATIVE[model]
    answer = runtime.invoke_model(modelId=model, body=json.dumps(write("[[sandbox:echo it works]]")))
    assert read(json.loads(answer["body"].read())) == "it works"
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    assert int(headers["x-amzn-bedrock-input-token-count"]) > 0
    assert headers["x-amzn-bedrock-output-token-count"] == "2"
    assert int(headers["x-amzn-bedrock-invocation-latency"]) > 0


@pytest.mark.parametrize("model", NATIVE)
def test_a_job_answers_in_the_familys_shape_and_counts_its_tokens(box, model):
    write, read = NATIVE[model]
    key = f"models/{model.replace(':', '-')}/input.jsonl"
    records = [{"recordId": f"r{i}", "modelInput": write(f"[[sandbox:echo number {i:03}]]")} for i in range(100)]
    box.client("s3").put_object(Bucket=B, Key=key, Body="".join(json.dumps(r) + "\n" for r in records).encode())
    bedrock = box.client("bedrock")
    arn = bedrock.create_model_invocation_job(
        jobName="models", roleArn=ROLE, modelId=model,
        inputDataConfig={"s3InputDataConfig": {"s3Uri": f"s3://{B}/{key}"}},
        outputDataConfig={"s3OutputDataConfig": {"s3Uri": f"s3://{B}/out"}})["jobArn"]
    harness.await_true(lambda: bedrock.get_model_invocation_job(jobIdentifier=arn)["status"] in ENDED)

    def output(name):
        return box.client("s3").get_object(Bucket=B, Key=f"out/{arn[-12:]}/{name}")["Body"].read().decode()

    rows = [json.loads(line) for line in output("input.jsonl.out").splitlines()]
    assert {row["recordId"]: read(row["modelOutput"]) for row in rows} == {f"r{i}": f"number {i:03}" for i in range(100)}
    manifest = json.loads(output("manifest.json.out"))
    assert manifest["successRecordCount"] == 100
    assert manifest["inputTokenCount"] > 0 and manifest["outputTokenCount"] == 300


@pytest.mark.parametrize("model", [harness.BEDROCK_MODEL, *NATIVE])
def test_converse_answers_for_every_chat_model(runtime, model):
    answer = runtime.converse(modelId=model, messages=said("[[sandbox:echo it works]]"), inferenceConfig={"maxTokens": 50})
    assert answer["output"]["message"] == {"role": "assistant", "content": [{"text": "it works"}]}
    assert answer["stopReason"] == "end_turn" and answer["metrics"]["latencyMs"] >= 0
    usage = answer["usage"]
    assert usage["inputTokens"] + usage["outputTokens"] == usage["totalTokens"]


def test_converse_calls_tools_on_demand(runtime):
    tools = [{"toolSpec": {"name": "get_weather", "inputSchema": {"json": {
        "type": "object", "required": ["city"], "properties": {"city": {"type": "string"}}}}}}]
    for model in (harness.BEDROCK_MODEL, "us.amazon.nova-lite-v1:0"):
        answer = runtime.converse(modelId=model, messages=said("What is the weather in Paris?"),
                                  toolConfig={"tools": tools, "toolChoice": {"any": {}}})
        assert answer["stopReason"] == "tool_use"
        call = answer["output"]["message"]["content"][0]["toolUse"]
        assert (call["name"], call["input"]) == ("get_weather", {"city": "Paris"})


def test_converse_refuses_as_bedrock_does(box, runtime):
    model = "us.amazon.nova-lite-v1:0"
    assert refused("ThrottlingException", 429, runtime.converse, modelId=model,
                   messages=said("[[sandbox:error 429 slow down]]")) == "slow down"
    assert "model limit of 10000" in refused("ValidationException", 400, runtime.converse, modelId=model,
                                             messages=said("x"), inferenceConfig={"maxTokens": 10001})
    refused("ValidationException", 400, runtime.converse, modelId="no.such-model", messages=said("x"))
    refused("InvalidSignatureException", 403, client(box, "wrong").converse, modelId=model, messages=said("x"))
