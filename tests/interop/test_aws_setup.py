"""docs/aws-setup.md and deploy/aws/quarry-batch.yaml: what is copied from them is valid, says the same in both places,
allows every call that Quarry makes, and names only actions that AWS has."""

import json
import re

import botocore.session
import pytest
import yaml

import harness

DOC = (harness.REPOSITORY / "docs/aws-setup.md").read_text()
TEMPLATE = harness.REPOSITORY / "deploy/aws/quarry-batch.yaml"

# Every operation that Quarry calls with an identity of its own, and the right that AWS asks for it. GetCallerIdentity
# needs none; AssumeRole is of the identity before.
CALLS = {
    ("bedrock", "CreateModelInvocationJob"): "bedrock:CreateModelInvocationJob",
    ("bedrock", "GetModelInvocationJob"): "bedrock:GetModelInvocationJob",
    ("bedrock", "ListModelInvocationJobs"): "bedrock:ListModelInvocationJobs",
    ("bedrock", "StopModelInvocationJob"): "bedrock:StopModelInvocationJob",
    ("bedrock", "TagResource"): "bedrock:TagResource",
    ("bedrock-runtime", "InvokeModel"): "bedrock:InvokeModel",
    ("bedrock-runtime", "Converse"): "bedrock:InvokeModel",
    ("s3", "GetObject"): "s3:GetObject",
    ("s3", "HeadObject"): "s3:GetObject",
    ("s3", "PutObject"): "s3:PutObject",
    ("s3", "CreateMultipartUpload"): "s3:PutObject",
    ("s3", "UploadPart"): "s3:PutObject",
    ("s3", "CompleteMultipartUpload"): "s3:PutObject",
    ("s3", "AbortMultipartUpload"): "s3:AbortMultipartUpload",
    ("s3", "ListMultipartUploads"): "s3:ListBucketMultipartUploads",
    ("s3", "ListObjectsV2"): "s3:ListBucket",
    ("s3", "HeadBucket"): "s3:ListBucket",
    ("s3", "DeleteObject"): "s3:DeleteObject",
    ("service-quotas", "ListServiceQuotas"): "servicequotas:ListServiceQuotas",
}
# The rest of what its requests take: the role that is passed, the key that S3 uses in the caller's name.
BESIDE_CALLS = {"iam:PassRole"}
KEY_ACTIONS = {"kms:GenerateDataKey", "kms:Decrypt"}
# Rights that are no operation of their own, or of another service's model.
NO_OPERATIONS = {"iam:PassRole", "s3:ListBucket", "s3:ListBucketMultipartUploads", "sts:TagSession", "s3:*", "kms:*"}
MODELS = {"bedrock": ("bedrock", "bedrock-runtime"), "servicequotas": ("service-quotas",)}


def blocks():
    """(label, parsed) of each JSON block; the label is the comment before it."""
    found = re.findall(r"(?:<!-- (.*?) -->\n)?```json\n(.*?)```", DOC, re.DOTALL)
    return [(label, json.loads(text)) for label, text in found]


def labelled(label):
    matching = [block for name, block in blocks() if name == label]
    assert matching, f"no block is labelled {label!r}"
    return matching[0]


def statements(block):
    return block.get("Statement", [block] if "Effect" in block else [])


def actions(statement):
    action = statement["Action"]
    return set([action] if isinstance(action, str) else action)


def actions_of(policy):
    return set().union(*(actions(statement) for statement in statements(policy)))


class Loader(yaml.SafeLoader):
    """CloudFormation's functions, as plain objects."""


def _function(loader, suffix, node):
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    return {suffix: value}


Loader.add_multi_constructor("!", _function)


def template():
    return yaml.load(TEMPLATE.read_text(), Loader)


def policy_in_template(resource, with_key):
    """The statements of a resource's policy, with its conditions resolved."""
    properties = template()["Resources"][resource]["Properties"]
    document = properties.get("PolicyDocument") or properties["Policies"][0]["PolicyDocument"]
    chosen = []
    for statement in document["Statement"]:
        if "If" in statement:
            condition, yes, no = statement["If"]
            assert condition == "HasKey"
            statement = yes if with_key else no
        if "Effect" in statement:
            chosen.append(statement)
    return {"Statement": chosen}


def test_every_block_is_json_and_every_block_but_settings_is_a_policy():
    labels = [label for label, _ in blocks()]
    assert len(labels) >= 10
    assert all(labels), "a JSON block without a comment that says what it is"
    for label, block in blocks():
        assert label == "lifecycle" or statements(block), label


@pytest.mark.parametrize("label,block", blocks(), ids=lambda value: value if isinstance(value, str) else "")
def test_statements_have_the_members_that_iam_insists_on(label, block):
    in_a_principals_policy = label.startswith(("policy: caller", "policy: batch role", "statement: caller",
                                               "statement: batch role"))
    for statement in statements(block):
        assert statement["Effect"] in ("Allow", "Deny")
        assert re.fullmatch(r"[0-9A-Za-z]+", statement["Sid"])
        assert actions(statement)
        if in_a_principals_policy:
            assert "Principal" not in statement and "Resource" in statement
        else:
            assert "Principal" in statement
            assert ("Resource" in statement) == (not label.startswith("policy: trust"))
    if "Statement" in block:
        assert block["Version"] == "2012-10-17"


def test_the_callers_policy_allows_every_call_and_nothing_else():
    session = botocore.session.get_session()
    for service, operation in CALLS:
        assert operation in session.get_service_model(service).operation_names, (service, operation)
    assert actions_of(labelled("policy: caller")) == set(CALLS.values()) | BESIDE_CALLS
    assert actions_of(labelled("statement: caller")) == KEY_ACTIONS


def test_the_calls_listed_here_are_those_in_the_source():
    """An operation that Quarry calls is a name in quotes in the clients' source."""
    source = "".join(path.read_text() for path in (harness.REPOSITORY / "src/aws").glob("*.cc")
                     if not path.name.endswith("_test.cc"))
    for service, operation in CALLS:
        if operation == "TagResource":  # part of CreateModelInvocationJob
            continue
        assert f'"{operation}"' in source, (service, operation)
    session = botocore.session.get_session()
    listed = {operation for _, operation in CALLS}
    for service in ("bedrock", "bedrock-runtime", "s3", "service-quotas"):
        for operation in session.get_service_model(service).operation_names:
            if f'"{operation}"' in source:
                assert operation in listed, f"{operation} is called, and no policy is checked for it"


@pytest.mark.parametrize("label,block", blocks(), ids=lambda value: value if isinstance(value, str) else "")
def test_actions_are_aws_s_own(label, block):
    session = botocore.session.get_session()
    for statement in statements(block):
        for action in actions(statement) - NO_OPERATIONS:
            service, name = action.split(":")
            models = MODELS.get(service, (service,))
            assert any(name in session.get_service_model(model).operation_names for model in models), action


def test_pass_role_is_for_bedrock_alone_and_names_the_role():
    passes = [s for s in statements(labelled("policy: caller")) if "iam:PassRole" in actions(s)]
    assert [s["Condition"] for s in passes] == [{"StringEquals": {"iam:PassedToService": "bedrock.amazonaws.com"}}]
    assert passes[0]["Resource"].endswith(":role/quarry-batch")


def test_the_batch_role_may_use_profiles_and_lists_and_is_trusted_to_this_account_alone():
    policy = labelled("policy: batch role")
    assert actions_of(policy) == {"s3:GetObject", "s3:PutObject", "s3:ListBucket", "bedrock:InvokeModel"}
    invoke = next(s for s in policy["Statement"] if "bedrock:InvokeModel" in actions(s))
    kinds = {arn.split(":", 5)[5].split("/")[0] for arn in invoke["Resource"]}
    assert kinds == {"inference-profile", "application-inference-profile", "foundation-model"}
    assert actions_of(labelled("statement: batch role")) == {"kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey"}
    trust = labelled("policy: trust")["Statement"][0]
    assert trust["Principal"] == {"Service": "bedrock.amazonaws.com"}
    assert trust["Condition"]["StringEquals"] == {"aws:SourceAccount": "123456789012"}
    assert trust["Condition"]["ArnEquals"]["aws:SourceArn"].endswith(":model-invocation-job/*")


def test_the_template_gives_what_the_page_gives():
    assert actions_of(policy_in_template("QuarryPolicy", False)) == actions_of(labelled("policy: caller"))
    assert actions_of(policy_in_template("QuarryPolicy", True)) == actions_of(labelled("policy: caller")) | KEY_ACTIONS
    role = labelled("policy: batch role")
    assert actions_of(policy_in_template("BatchRole", False)) == actions_of(role)
    assert actions_of(policy_in_template("BatchRole", True)) == actions_of(role) | actions_of(
        labelled("statement: batch role"))
    trust = template()["Resources"]["BatchRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"][0]
    assert trust["Principal"] == {"Service": "bedrock.amazonaws.com"}
    assert set(trust["Condition"]) == {"StringEquals", "ArnEquals"}


def test_the_template_refers_only_to_what_it_has():
    whole = template()
    known = set(whole["Parameters"]) | set(whole["Resources"]) | {
        "AWS::Partition", "AWS::Region", "AWS::AccountId", "AWS::NoValue"}
    used_conditions, used_parameters = set(), set()

    def walk(node):
        if isinstance(node, dict):
            for key, value in node.items():
                if key == "Ref":
                    assert value in known, value
                    used_parameters.add(value)
                elif key == "GetAtt":
                    assert value.split(".")[0] in whole["Resources"], value
                elif key == "Sub":
                    names = set(re.findall(r"\$\{([^}]+)\}", value))
                    assert names <= known, names - known
                    used_parameters.update(names)
                elif key == "Condition" and isinstance(value, str):
                    used_conditions.add(value)
                elif key == "If":
                    used_conditions.add(value[0])
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk({"Conditions": whole["Conditions"], "Resources": whole["Resources"], "Outputs": whole["Outputs"]})
    assert used_conditions == set(whole["Conditions"])
    assert set(whole["Parameters"]) <= used_parameters
    groups = whole["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert {name for group in groups for name in group["Parameters"]} == set(whole["Parameters"])


def test_the_page_names_the_templates_parameters():
    for name in template()["Parameters"]:
        assert f"`{name}`" in DOC, name


def test_the_trust_of_pods_is_json_once_its_names_are_filled_in():
    text = template()["Resources"]["QuarryPodRole"]["Properties"]["AssumeRolePolicyDocument"]["Sub"]
    filled = re.sub(r"\$\{[^}]+\}", "x", text)
    assert actions_of(json.loads(filled)) == {"sts:AssumeRoleWithWebIdentity"}


def test_lifecycle_rules_spare_the_users_files():
    rules = labelled("lifecycle")["Rules"]
    expiring = {rule["Filter"]["Prefix"] for rule in rules if "Expiration" in rule}
    assert expiring == {"quarry/jobs/", "quarry/results/", "quarry/doctor/"}
    assert any("AbortIncompleteMultipartUpload" in rule and rule["Filter"]["Prefix"] == "quarry/" for rule in rules)
    in_template = template()["Resources"]["Bucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    assert [rule["Id"] for rule in in_template] == [rule["ID"] for rule in rules]
