"""Many deployments in one config.yaml, all of one sandbox."""

import json

from harness import ACCESS_KEY, KEY, SECRET_KEY


def deployment(model_name, model, sandbox, region, bucket, **params):
    """One entry of model_list; params go into litellm_params, `id` into model_info."""
    info = {"mode": "batch"}
    if "id" in params:
        info["id"] = params.pop("id")
    return {
        "model_name": model_name,
        "litellm_params": {
            "model": f"bedrock/{model}",
            "aws_region_name": region,
            "aws_access_key_id": ACCESS_KEY,
            "aws_secret_access_key": SECRET_KEY,
            "s3_bucket_name": bucket,
            "s3_region_name": region,
            "s3_endpoint_url": sandbox.url,
            "aws_bedrock_endpoint": sandbox.url,
            "aws_bedrock_runtime_endpoint": sandbox.url,
            "aws_batch_role_arn": "arn:aws:iam::123456789012:role/quarry-test",
            **params,
        },
        "model_info": info,
    }


def write_config(path, deployments, **general):
    """YAML is a superset of JSON. Makes nothing else: see make_buckets."""
    path.parent.mkdir(parents=True, exist_ok=True)
    general = {"master_key": KEY, **general}
    path.write_text(json.dumps({"model_list": deployments, "general_settings": general}, indent=1))
    return path


def make_buckets(sandbox, deployments):
    s3 = sandbox.client("s3")
    for bucket in sorted({entry["litellm_params"]["s3_bucket_name"] for entry in deployments}):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
