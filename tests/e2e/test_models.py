"""`quarry models`, and a configuration whose models nobody knows."""

import json
import subprocess

import harness

CONFIG = """\
model_list:
  - model_name: mine
    litellm_params:
      model: bedrock/{model}
      s3_bucket_name: my-bucket
      s3_region_name: us-west-2
      aws_batch_role_arn: arn:aws:iam::123456789012:role/batch
{info}
models:
  - id: vendor.new-v1:0
    family: openai_shaped
    batch: true
    batch_prices: {{ input: "0.0175", output: "0.07" }}
"""
ARN = "arn:aws:bedrock:us-west-2:123456789012:application-inference-profile/abc123def456"


def quarry(*args):
    return subprocess.run([harness.binary(), *args], capture_output=True, text=True, timeout=30)


def listed(*args):
    done = quarry("models", "--json", *args)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["data"]


def test_the_table_names_a_model_and_its_exact_price():
    done = quarry("models", "NOVA-MICRO")
    assert done.returncode == 0
    row = [line for line in done.stdout.splitlines() if line.startswith("amazon.nova-micro-v1:0 ")]
    assert len(row) == 1 and "0.0175 / 0.07" in row[0] and "0.035 / 0.14" in row[0]


def test_batch_only_leaves_out_what_runs_on_demand_only():
    ids = {model["id"]: model for model in listed()}
    batch = {model["id"] for model in listed("--batch-only")}
    assert batch == {name for name, model in ids.items() if model["batch"]}
    assert "anthropic.claude-opus-4-8" in ids and "anthropic.claude-opus-4-8" not in batch


def test_a_profile_that_costs_something_else_is_in_the_json():
    by_id = {model["id"]: model for model in listed()}
    haiku = by_id["anthropic.claude-haiku-4-5-20251001-v1:0"]
    assert haiku["on_demand"]["input"] == "1"
    assert haiku["profile_prices"]["us"]["on_demand"]["input"] == "1.1"
    assert by_id["deepseek.v3.2"]["profile_prices"]["eu"]["on_demand"] == {
        "input": "0.74", "output": "2.22", "cache_read": "0.74", "cache_write": "0.74"}
    assert by_id["cohere.command-r-v1:0"]["on_demand"] is None


def test_no_match_fails_and_says_so():
    done = quarry("models", "no-such-model")
    assert done.returncode == 1
    assert done.stdout == "" and "no-such-model" in done.stderr


def test_a_config_adds_its_models_and_shows_what_its_deployments_run(tmp_path):
    config = tmp_path / "config.yaml"
    info = ("    model_info: {base_model: us.amazon.nova-lite-v1:0, input_cost_per_token: 3e-06, "
            "output_cost_per_token: 1.5e-05}")
    config.write_text(CONFIG.format(model=ARN, info=info))
    first, *rest = listed("--config", str(config))
    assert (first["object"], first["model_name"], first["model_id"]) == ("deployment", "mine", ARN)
    assert first["family"] == "nova" and first["on_demand"]["input"] == "3"
    assert first["batch_prices"]["output"] == "7.5"
    new = [model for model in rest if model["id"] == "vendor.new-v1:0"]
    assert new[0]["batch_prices"]["input"] == "0.0175"


def test_a_model_that_nobody_knows_stops_the_start_with_line_and_advice(tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG.format(model=ARN, info=""))
    for command in (["models", "--config", str(config)],
                    ["serve", "--config", str(config), "--port", "0", "--data-dir", str(tmp_path / "data")]):
        done = quarry(*command)
        assert done.returncode == 2, done.stderr
        assert "config.yaml:2: model_list[0].litellm_params.model" in done.stderr
        assert "model_info.base_model" in done.stderr and "bedrock_model_family" in done.stderr


def test_a_mistake_in_the_models_section_is_named_with_its_line(tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG.format(model="us.amazon.nova-lite-v1:0", info="").replace("family: openai_shaped",
                                                                                       "family: openai"))
    done = quarry("models", "--config", str(config))
    assert done.returncode == 2
    assert "config.yaml:11: models[0].family: vendor.new-v1:0: family knows no 'openai'" in done.stderr
