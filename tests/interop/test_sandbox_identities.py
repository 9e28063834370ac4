"""boto3's ways to credentials against the sandbox's, and what its account denies to whom."""

import datetime
import http.client
import json
import re
import time
import zlib

import boto3
import botocore.exceptions
import botocore.session
import harness
import pytest
from botocore.config import Config
from botocore.credentials import ContainerProvider, InstanceMetadataProvider
from botocore.utils import ContainerMetadataFetcher, InstanceMetadataFetcher

B = harness.BUCKET
ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/batch"
KEY = f"arn:aws:kms:us-west-2:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
OTHER_KEY = f"arn:aws:kms:us-west-2:{ACCOUNT}:key/99999999-2222-3333-4444-555555555555"


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    box = harness.Sandbox(tmp_path_factory.mktemp("sandbox"), job_seconds=0.1)
    yield box
    assert box.stop() == 0, box.log()[-4000:]


@pytest.fixture
def box(running):
    yield running
    running.reset_account()
    running.set_faults([])


def client(box, service, access=harness.ACCESS_KEY, secret=harness.SECRET_KEY, token=None,
           region=harness.REGION, **config):
    return boto3.client(service, endpoint_url=box.url, region_name=region, aws_access_key_id=access,
                        aws_secret_access_key=secret, aws_session_token=token,
                        config=Config(retries={"total_max_attempts": 1}, **config))


def with_session(box, service, credentials, **more):
    return client(box, service, credentials["AccessKeyId"], credentials["SecretAccessKey"],
                  credentials["SessionToken"], **more)


def refused(code, status, call, **arguments):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(**arguments)
    assert caught.value.response["Error"]["Code"] == code, caught.value.response
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    return caught.value.response["Error"]["Message"]


def assume(box, role=ROLE, **more):
    return client(box, "sts").assume_role(RoleArn=role, RoleSessionName="sess", **more)["Credentials"]


def plain(box, method, path, headers=None, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", box.ports["sandbox"], timeout=20)
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read().decode()
    finally:
        connection.close()


def records_of(count=100):
    body = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 20, "messages": [{"role": "user", "content": "hi"}]}
    return "".join(json.dumps({"recordId": f"r{i:010}", "modelInput": body}) + "\n" for i in range(count)).encode()


def job_request(key, bucket=B, **more):
    request = {"jobName": "job-" + re.sub("[^a-z0-9]", "-", key), "roleArn": ROLE, "modelId": harness.BEDROCK_MODEL,
               "inputDataConfig": {"s3InputDataConfig": {"s3Uri": f"s3://{bucket}/{key}"}},
               "outputDataConfig": {"s3OutputDataConfig": {"s3Uri": f"s3://{bucket}/out/"}}}
    request.update(more)
    return request


def run_job(box, bedrock=None, **request):
    bedrock = bedrock or client(box, "bedrock")
    arn = bedrock.create_model_invocation_job(**request)["jobArn"]
    job = {}

    def ended():
        job.update(bedrock.get_model_invocation_job(jobIdentifier=arn))
        return job["status"] in {"Completed", "Failed", "Stopped"}

    harness.await_true(ended)
    return job


# --- STS

def test_the_root_and_a_user_are_told_who_they_are(box):
    box.set_account(users={"AKIACAROL": {"secret": "carols", "name": "carol", "account": "210987654321"}})
    root = client(box, "sts").get_caller_identity()
    assert (root["Account"], root["Arn"]) == (ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root")
    carol = client(box, "sts", "AKIACAROL", "carols").get_caller_identity()
    assert (carol["Account"], carol["Arn"]) == ("210987654321", "arn:aws:iam::210987654321:user/carol")
    assert carol["UserId"].startswith("AIDA")


def test_an_assumed_role_works_for_every_service(box):
    answer = client(box, "sts").assume_role(RoleArn=ROLE, RoleSessionName="sess", DurationSeconds=900)
    credentials = answer["Credentials"]
    assert credentials["AccessKeyId"].startswith("ASIA")
    left = credentials["Expiration"] - datetime.datetime.now(datetime.timezone.utc)
    assert datetime.timedelta(seconds=880) < left <= datetime.timedelta(seconds=900)
    arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/batch/sess"
    assert answer["AssumedRoleUser"]["Arn"] == arn
    assert with_session(box, "sts", credentials).get_caller_identity()["Arn"] == arn
    with_session(box, "s3", credentials).put_object(Bucket=B, Key="by-role", Body=b"x")
    assert with_session(box, "bedrock", credentials).list_model_invocation_jobs()["invocationJobSummaries"] is not None
    assert with_session(box, "service-quotas", credentials).list_service_quotas(ServiceCode="bedrock")["Quotas"]


def test_a_session_needs_its_own_token(box):
    one, other = assume(box), assume(box)
    swapped = dict(one, SessionToken=other["SessionToken"])
    refused("InvalidToken", 400, with_session(box, "s3", swapped).list_objects_v2, Bucket=B)
    refused("UnrecognizedClientException", 403, with_session(box, "bedrock", swapped).list_model_invocation_jobs)
    refused("InvalidClientTokenId", 403, with_session(box, "sts", swapped).get_caller_identity)
    bare = client(box, "s3", one["AccessKeyId"], one["SecretAccessKey"])
    refused("InvalidAccessKeyId", 403, bare.list_objects_v2, Bucket=B)
    bare = client(box, "bedrock", one["AccessKeyId"], one["SecretAccessKey"])
    refused("UnrecognizedClientException", 403, bare.list_model_invocation_jobs)


def test_a_session_that_is_over_is_expired_everywhere(box):
    box.set_account(session_seconds=1)
    credentials = assume(box, DurationSeconds=3600)
    s3 = with_session(box, "s3", credentials)
    url = s3.generate_presigned_url("list_objects_v2", {"Bucket": B}, ExpiresIn=600)
    s3.list_objects_v2(Bucket=B)

    def over():
        try:
            s3.list_objects_v2(Bucket=B)
        except botocore.exceptions.ClientError:
            return True
        return False

    harness.await_true(over)
    refused("ExpiredToken", 400, s3.list_objects_v2, Bucket=B)
    refused("ExpiredTokenException", 403, with_session(box, "bedrock", credentials).list_model_invocation_jobs)
    refused("ExpiredToken", 403, with_session(box, "sts", credentials).get_caller_identity)
    if "X-Amz-Security-Token" in url:
        status, _, body = plain(box, "GET", url.removeprefix(box.url))
        assert (status, "<Code>ExpiredToken</Code>" in body) == (400, True), body


def test_a_reset_ends_every_session(box):
    credentials = assume(box)
    box.reset_account()
    refused("InvalidAccessKeyId", 403, with_session(box, "s3", credentials).list_objects_v2, Bucket=B)


def test_a_trust_policy_asks_for_its_external_id_and_its_tags(box):
    box.set_account(roles={ROLE: {"external_id": "x1", "tags": {"team": "ml"}}})
    sts = client(box, "sts")
    good = {"RoleArn": ROLE, "RoleSessionName": "sess", "ExternalId": "x1", "Tags": [{"Key": "team", "Value": "ml"}]}
    assert sts.assume_role(**good)
    for wrong in ({"ExternalId": "x2"}, {"Tags": [{"Key": "team", "Value": "web"}]}, {"Tags": []}):
        message = refused("AccessDenied", 403, sts.assume_role, **{**good, **wrong})
        assert message == (f"User: arn:aws:iam::{ACCOUNT}:root is not authorized to perform: sts:AssumeRole "
                           f"on resource: {ROLE}")
    box.set_account(roles={ROLE: {"denied": True}})
    refused("AccessDenied", 403, sts.assume_role, **good)
    assert assume(box, f"arn:aws:iam::{ACCOUNT}:role/path/of/another")["AccessKeyId"]


@pytest.mark.parametrize("wrong, part", [
    ({"DurationSeconds": 899}, "'899' at 'durationSeconds' failed to satisfy constraint: Member must have value greater"),
    ({"DurationSeconds": 43201}, "Member must have value less than or equal to 43200"),
    ({"RoleSessionName": "with space"}, "'roleSessionName' failed to satisfy constraint: Member must satisfy regular"),
    ({"RoleSessionName": "n" * 65}, "Member must have length less than or equal to 64"),
    ({"RoleArn": "arn:aws:s3:::no-role-at-all"}, "arn:aws:s3:::no-role-at-all is invalid"),
])
def test_sts_validates_as_its_model_says(box, wrong, part):
    sts = client(box, "sts", parameter_validation=False)
    asked = {"RoleArn": ROLE, "RoleSessionName": "sess", **wrong}
    assert part in refused("ValidationError", 400, sts.assume_role, **asked)


def test_a_chain_of_roles_lasts_an_hour_at_most(box):
    sts = with_session(box, "sts", assume(box))
    asked = {"RoleArn": ROLE, "RoleSessionName": "next"}
    refused("ValidationError", 400, sts.assume_role, DurationSeconds=3601, **asked)
    assert sts.assume_role(DurationSeconds=3600, **asked)["AssumedRoleUser"]["Arn"].endswith("/next")


def test_a_session_token_is_for_long_term_keys(box):
    credentials = client(box, "sts").get_session_token()["Credentials"]
    session = with_session(box, "sts", credentials)
    assert session.get_caller_identity()["Arn"] == f"arn:aws:iam::{ACCOUNT}:root"
    refused("AccessDenied", 403, session.get_session_token)


def test_a_web_identity_needs_no_signature_but_a_token_that_is_trusted(box):
    box.set_account(roles={ROLE: {"web_identity": ["good-token"]}})
    sts = boto3.client("sts", endpoint_url=box.url, region_name=harness.REGION)
    asked = {"RoleArn": ROLE, "RoleSessionName": "web"}
    answer = sts.assume_role_with_web_identity(WebIdentityToken="good-token", **asked)
    assert with_session(box, "sts", answer["Credentials"]).get_caller_identity()["Arn"].endswith("batch/web")
    refused("InvalidIdentityToken", 400, sts.assume_role_with_web_identity, WebIdentityToken="bad-token", **asked)
    box.set_account(roles={ROLE: {"web_identity": ["good-token"], "denied": True}})
    refused("AccessDenied", 403, sts.assume_role_with_web_identity, WebIdentityToken="good-token", **asked)


def test_sts_verifies_what_is_signed(box):
    refused("SignatureDoesNotMatch", 403, client(box, "sts", secret="wrong").get_caller_identity)
    refused("InvalidClientTokenId", 403, client(box, "sts", access="AKIANOBODY").get_caller_identity)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    status, _, body = plain(box, "POST", "/", form, "Action=GetCallerIdentity&Version=2011-06-15")
    assert status == 403 and "<Code>MissingAuthenticationToken</Code>" in body
    status, _, body = plain(box, "POST", "/", form, "Action=Nonsense&Version=2011-06-15")
    assert status in (400, 403) and "<ErrorResponse" in body


# --- botocore's own providers

def provider_session(monkeypatch, box, **environment):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", box.url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", harness.REGION)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    for name, value in environment.items():
        monkeypatch.setenv(name, str(value))
    return botocore.session.get_session()


def who(box, session):
    found = session.get_credentials().get_frozen_credentials()
    return client(box, "sts", found.access_key, found.secret_key, found.token).get_caller_identity()["Arn"]


def test_botocore_assumes_the_role_of_a_profile(box, monkeypatch, tmp_path):
    box.set_account(roles={ROLE: {"external_id": "x1"}})
    config = tmp_path / "config"
    config.write_text(f"[profile base]\naws_access_key_id={harness.ACCESS_KEY}\n"
                      f"aws_secret_access_key={harness.SECRET_KEY}\n"
                      f"[profile job]\nrole_arn={ROLE}\nsource_profile=base\nexternal_id=x1\nrole_session_name=of-profile\n")
    session = provider_session(monkeypatch, box, AWS_CONFIG_FILE=config)
    session.set_config_variable("profile", "job")
    assert who(box, session) == f"arn:aws:sts::{ACCOUNT}:assumed-role/batch/of-profile"


def test_botocore_takes_a_web_identity_from_a_file(box, monkeypatch, tmp_path):
    (tmp_path / "token").write_text("good-token")
    box.set_account(roles={ROLE: {"web_identity": ["good-token"]}})
    session = provider_session(monkeypatch, box, AWS_CONFIG_FILE=tmp_path / "none", AWS_ROLE_ARN=ROLE,
                               AWS_ROLE_SESSION_NAME="irsa", AWS_WEB_IDENTITY_TOKEN_FILE=tmp_path / "token")
    assert who(box, session).endswith("assumed-role/batch/irsa")


def test_botocore_reads_instance_metadata(box, monkeypatch, tmp_path):
    box.set_account(instance_role="worker")
    session = provider_session(monkeypatch, box, AWS_CONFIG_FILE=tmp_path / "none", AWS_EC2_METADATA_DISABLED="false",
                               AWS_EC2_METADATA_SERVICE_ENDPOINT=box.url)
    assert who(box, session) == f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/i-0123456789abcdef0"
    fetcher = InstanceMetadataFetcher(base_url=box.url + "/", timeout=5, num_attempts=1)
    assert InstanceMetadataProvider(iam_role_fetcher=fetcher).load().access_key.startswith("ASIA")
    box.set_account(instance_role="")
    assert InstanceMetadataProvider(iam_role_fetcher=fetcher).load() is None


def test_metadata_insists_on_a_token_unless_told_otherwise(box):
    box.set_account(instance_role="worker", region="eu-west-1")
    path = "/latest/meta-data/iam/security-credentials/"
    assert plain(box, "GET", path)[0] == 401
    assert plain(box, "PUT", "/latest/api/token")[0] == 400
    ttl = {"x-aws-ec2-metadata-token-ttl-seconds": "60"}
    assert plain(box, "PUT", "/latest/api/token", {**ttl, "X-Forwarded-For": "10.0.0.1"})[0] == 403
    status, headers, token = plain(box, "PUT", "/latest/api/token", ttl)
    assert (status, headers["x-aws-ec2-metadata-token-ttl-seconds"]) == (200, "60")
    holding = {"x-aws-ec2-metadata-token": token}
    assert plain(box, "GET", path, holding)[2] == "worker"
    assert plain(box, "GET", path, {"x-aws-ec2-metadata-token": token + "x"})[0] == 401
    assert plain(box, "GET", path + "another", holding)[0] == 404
    given = json.loads(plain(box, "GET", path + "worker", holding)[2])
    assert given["Code"] == "Success" and given["Expiration"].endswith("Z")
    assert json.loads(plain(box, "GET", path + "worker", holding)[2])["AccessKeyId"] == given["AccessKeyId"]
    assert plain(box, "GET", "/latest/meta-data/placement/region", holding)[2] == "eu-west-1"
    document = json.loads(plain(box, "GET", "/latest/dynamic/instance-identity/document", holding)[2])
    assert (document["region"], document["accountId"]) == ("eu-west-1", ACCOUNT)
    box.set_account(instance_role="worker", imds_v1=True)
    assert plain(box, "GET", path)[2] == "worker"


def test_botocore_reads_the_container_endpoint(box, monkeypatch, tmp_path):
    box.set_account(container_token="Bearer pod")
    url = f"{box.url}/_sandbox/container-credentials"
    environment = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": url, "AWS_CONTAINER_AUTHORIZATION_TOKEN": "Bearer pod"}
    session = provider_session(monkeypatch, box, AWS_CONFIG_FILE=tmp_path / "none", **environment)
    assert who(box, session).startswith(f"arn:aws:sts::{ACCOUNT}:assumed-role/container/")
    wrong = {**environment, "AWS_CONTAINER_AUTHORIZATION_TOKEN": "Bearer other"}
    provider = ContainerProvider(wrong, ContainerMetadataFetcher(sleep=lambda _: None))
    with pytest.raises(botocore.exceptions.CredentialRetrievalError):
        provider.load()


def test_botocore_reads_the_sso_portal(box):
    box.set_account(sso={"portal-token": {"account_id": "210987654321", "role_name": "Analyst"}})
    sso = boto3.client("sso", endpoint_url=box.url, region_name=harness.REGION)
    given = sso.get_role_credentials(roleName="Analyst", accountId="210987654321", accessToken="portal-token")["roleCredentials"]
    arn = client(box, "sts", given["accessKeyId"], given["secretAccessKey"], given["sessionToken"]).get_caller_identity()["Arn"]
    assert arn.startswith("arn:aws:sts::210987654321:assumed-role/AWSReservedSSO_Analyst_")
    assert given["expiration"] > time.time() * 1000
    refused("UnauthorizedException", 401, sso.get_role_credentials, roleName="Analyst", accountId="210987654321", accessToken="no")
    refused("ForbiddenException", 403, sso.get_role_credentials, roleName="Admin", accountId="210987654321",
            accessToken="portal-token")


def test_faults_happen_to_sts_and_to_metadata_too(box):
    box.set_faults([{"operation": "STS", "fault": "throttle", "count": 1},
                    {"operation": "GetMetadataToken", "fault": "reset_before", "count": 1}])
    refused("Throttling", 400, client(box, "sts").get_caller_identity)
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        plain(box, "PUT", "/latest/api/token", {"x-aws-ec2-metadata-token-ttl-seconds": "60"})
    assert box.records()["calls"][harness.REGION]["GetCallerIdentity"] >= 1


# --- the account document

@pytest.mark.parametrize("document, why", [
    ({"rolls": {}}, "an account has no member 'rolls'"),
    ({"roles": {ROLE: {"externalid": "x"}}}, f"roles['{ROLE}'] has no member 'externalid'"),
    ({"roles": {"batch": {}}}, "'roles' must be named by ARNs of roles"),
    ({"users": {"AKIA": {}}}, "'users['AKIA'].secret' must be given"),
    ({"kms_keys": {KEY: {"state": "Lost"}}}, "must be one of Enabled, Disabled, PendingDeletion"),
    ({"session_seconds": -1}, "'session_seconds' must be a whole number"),
    ({"denied": [{"principal": "x"}]}, "'denied[0].action' must be given"),
    ({"buckets": {"b": {"owner": "12"}}}, "must be 12 digits"),
])
def test_an_account_that_is_not_understood_is_refused_by_name(box, document, why):
    box.set_account(instance_role="kept")
    status, _, body = plain(box, "PUT", "/_sandbox/account", body=json.dumps(document))
    assert status == 400 and why in json.loads(body)["error"], body
    assert box.account() == {"instance_role": "kept"}


# --- who may do what

def test_a_denied_action_is_refused_in_each_services_words(box):
    box.set_account(denied=[{"principal": "assumed-role/batch", "action": "s3:PutObject", "resource": "secret/"},
                            {"principal": "assumed-role/batch", "action": "bedrock:*"},
                            {"action": "servicequotas:ListServiceQuotas"}])
    session = assume(box)
    who_asks = f"arn:aws:sts::{ACCOUNT}:assumed-role/batch/sess"
    s3 = with_session(box, "s3", session)
    s3.put_object(Bucket=B, Key="open/x", Body=b"1")
    message = refused("AccessDenied", 403, s3.put_object, Bucket=B, Key="secret/x", Body=b"1")
    assert message == (f"User: {who_asks} is not authorized to perform: s3:PutObject on resource: "
                       f'"arn:aws:s3:::{B}/secret/x" because no identity-based policy allows the s3:PutObject action')
    client(box, "s3").put_object(Bucket=B, Key="secret/x", Body=b"1")
    message = refused("AccessDeniedException", 403, with_session(box, "bedrock", session).list_model_invocation_jobs)
    assert message == (f"User: {who_asks} is not authorized to perform: bedrock:ListModelInvocationJobs on resource: "
                       f"arn:aws:bedrock:{harness.REGION}:{ACCOUNT}:* because no identity-based policy allows the "
                       "bedrock:ListModelInvocationJobs action")
    refused("AccessDeniedException", 403, with_session(box, "bedrock-runtime", session).invoke_model,
            modelId=harness.BEDROCK_MODEL, body=b"{}")
    refused("AccessDeniedException", 403, client(box, "service-quotas").list_service_quotas, ServiceCode="bedrock")


def test_without_list_a_missing_object_is_a_denial(box):
    s3 = client(box, "s3")
    refused("NoSuchKey", 404, s3.get_object, Bucket=B, Key="nowhere")
    box.set_account(denied=[{"action": "s3:ListBucket", "resource": B}])
    refused("AccessDenied", 403, s3.get_object, Bucket=B, Key="nowhere")
    refused("AccessDenied", 403, s3.list_objects_v2, Bucket=B)
    refused("403", 403, s3.head_object, Bucket=B, Key="nowhere")


def test_deleting_many_tells_of_each_that_is_denied(box):
    s3 = client(box, "s3")
    for key in ("keep/a", "drop/b"):
        s3.put_object(Bucket=B, Key=key, Body=b"1")
    box.set_account(denied=[{"action": "s3:DeleteObject", "resource": "/keep/"}])
    answer = s3.delete_objects(Bucket=B, Delete={"Objects": [{"Key": "keep/a"}, {"Key": "drop/b"}]})
    assert [d["Key"] for d in answer["Deleted"]] == ["drop/b"]
    assert [(e["Key"], e["Code"]) for e in answer["Errors"]] == [("keep/a", "AccessDenied")]


def test_creating_a_job_is_asked_about_in_awss_order(box):
    bedrock = client(box, "bedrock")
    wrong = job_request("none.jsonl", roleArn="arn:aws:iam::999999999999:role/theirs", modelId="made.up-model-v1:0",
                        tags=[{"key": "a", "value": "b"}])
    denied = [{"action": a} for a in ("iam:PassRole", "bedrock:CreateModelInvocationJob", "bedrock:TagResource")]
    box.set_account(denied=denied)
    message = refused("AccessDeniedException", 403, bedrock.create_model_invocation_job, **wrong)
    assert message == "Cross-account pass role is not allowed."
    wrong["roleArn"] = ROLE
    message = refused("AccessDeniedException", 403, bedrock.create_model_invocation_job, **wrong)
    assert message == (f"User: arn:aws:iam::{ACCOUNT}:root is not authorized to perform: iam:PassRole on resource: {ROLE} "
                       "because no identity-based policy allows the iam:PassRole action")
    for action in ("bedrock:CreateModelInvocationJob", "bedrock:TagResource"):
        denied.pop(0)
        box.set_account(denied=denied)
        assert action in refused("AccessDeniedException", 403, bedrock.create_model_invocation_job, **wrong)
    box.set_account()
    message = refused("ValidationException", 400, bedrock.create_model_invocation_job, **wrong)
    assert message == "Batch inference is not supported for the requested model."


def test_jobs_of_another_account_are_not_seen(box):
    box.set_account(users={"AKIATHEM": {"secret": "theirs", "name": "them", "account": "210987654321"}},
                    buckets={B: {"owner": ACCOUNT}})
    arn = client(box, "bedrock").create_model_invocation_job(**job_request("none.jsonl"))["jobArn"]
    them = client(box, "bedrock", "AKIATHEM", "theirs")
    assert them.list_model_invocation_jobs()["invocationJobSummaries"] == []
    refused("ResourceNotFoundException", 404, them.get_model_invocation_job, jobIdentifier=arn)


# --- owners, regions, keys

def test_a_bucket_is_its_owners(box):
    s3 = client(box, "s3")
    s3.put_object(Bucket=B, Key="owned", Body=b"1", ExpectedBucketOwner=ACCOUNT)
    box.set_account(buckets={B: {"owner": "210987654321"}})
    s3.get_object(Bucket=B, Key="owned", ExpectedBucketOwner="210987654321")
    for call, more in ((s3.get_object, {"Key": "owned"}), (s3.put_object, {"Key": "owned", "Body": b"2"}),
                       (s3.list_objects_v2, {}), (s3.delete_object, {"Key": "owned"}),
                       (s3.create_multipart_upload, {"Key": "owned"})):
        assert refused("AccessDenied", 403, call, Bucket=B, ExpectedBucketOwner=ACCOUNT, **more) == "Access Denied"


def test_a_job_names_the_owners_of_its_buckets(box):
    box.set_account(buckets={B: {"owner": "210987654321"}})
    bedrock = client(box, "bedrock")
    assert "not owned by" in refused("ValidationException", 400, bedrock.create_model_invocation_job,
                                     **job_request("in.jsonl"))
    request = job_request("none.jsonl")
    request["inputDataConfig"]["s3InputDataConfig"]["s3BucketOwner"] = "210987654321"
    assert "not owned by" in refused("ValidationException", 400, bedrock.create_model_invocation_job, **request)
    request["outputDataConfig"]["s3OutputDataConfig"]["s3BucketOwner"] = "210987654321"
    assert bedrock.create_model_invocation_job(**request)["jobArn"]


def test_a_bucket_of_another_region_redirects(box):
    box.set_account(buckets={B: {"region": "eu-west-1"}})
    there = client(box, "s3", region="eu-west-1")
    there.put_object(Bucket=B, Key="moved", Body=b"1")
    status, headers, body = signed_get(box, f"/{B}/moved", "us-west-2")
    assert (status, headers["x-amz-bucket-region"]) == (301, "eu-west-1")
    assert "<Code>PermanentRedirect</Code>" in body and f"<Endpoint>{B}.s3.eu-west-1.amazonaws.com</Endpoint>" in body
    assert there.head_bucket(Bucket=B)["BucketRegion"] == "eu-west-1"
    assert there.get_bucket_location(Bucket=B)["LocationConstraint"] == "eu-west-1"


def signed_get(box, path, region, token=None):
    from botocore.auth import S3SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    request = AWSRequest("GET", box.url + path)
    S3SigV4Auth(Credentials(harness.ACCESS_KEY, harness.SECRET_KEY, token), "s3", region).add_auth(request)
    return plain(box, "GET", path, dict(request.headers.items()))


def test_a_job_needs_its_buckets_in_its_region(box):
    client(box, "s3").put_object(Bucket=B, Key="near.jsonl", Body=records_of())
    box.set_account(buckets={B: {"region": "eu-west-1"}})
    job = run_job(box, **job_request("near.jsonl"))
    assert job["status"] == "Failed" and f"{B} is in region eu-west-1, but the batch job runs in us-west-2" in job["message"]
    job = run_job(box, client(box, "bedrock", region="eu-west-1"), **job_request("near.jsonl"))
    assert job["status"] == "Completed"


def test_a_key_must_be_known_enabled_and_allowed(box):
    s3 = client(box, "s3")
    encrypted = {"Bucket": B, "Key": "enc", "ServerSideEncryption": "aws:kms", "SSEKMSKeyId": KEY}
    box.set_account(kms_keys={KEY: {}})
    assert s3.put_object(Body=b"1", **encrypted)["SSEKMSKeyId"] == KEY
    assert s3.get_object(Bucket=B, Key="enc")["Body"].read() == b"1"
    refused("KMS.NotFoundException", 400, s3.put_object, Body=b"1", **{**encrypted, "SSEKMSKeyId": OTHER_KEY})
    box.set_account(kms_keys={KEY: {"state": "Disabled"}})
    refused("KMS.DisabledException", 400, s3.put_object, Body=b"1", **encrypted)
    refused("KMS.DisabledException", 400, s3.get_object, Bucket=B, Key="enc")
    s3.head_object(Bucket=B, Key="enc")
    box.set_account(kms_keys={KEY: {"denied": ["kms:GenerateDataKey"]}})
    message = refused("AccessDenied", 403, s3.put_object, Body=b"1", **encrypted)
    assert f"is not authorized to perform: kms:GenerateDataKey on resource: {KEY} because" in message
    refused("AccessDenied", 403, s3.create_multipart_upload, **encrypted)
    assert s3.get_object(Bucket=B, Key="enc")
    box.set_account(kms_keys={KEY: {"denied": ["kms:Decrypt"]}})
    assert "kms:Decrypt" in refused("AccessDenied", 403, s3.get_object, Bucket=B, Key="enc")
    upload = s3.create_multipart_upload(**encrypted)["UploadId"]
    refused("AccessDenied", 403, s3.upload_part, Bucket=B, Key="enc", UploadId=upload, PartNumber=1, Body=b"1")


def test_a_bucket_may_insist_on_a_key(box):
    box.set_account(buckets={B: {"required_kms_key": KEY}})
    s3 = client(box, "s3")
    right = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": KEY}
    s3.put_object(Bucket=B, Key="must", Body=b"1", BucketKeyEnabled=True, **right)
    for wrong in ({}, {"ServerSideEncryption": "aws:kms"}, {**right, "SSEKMSKeyId": OTHER_KEY}):
        message = refused("AccessDenied", 403, s3.put_object, Bucket=B, Key="must", Body=b"1", **wrong)
        assert "s3:PutObject" in message and "explicit deny in a resource-based policy" in message
    refused("AccessDenied", 403, s3.create_multipart_upload, Bucket=B, Key="must")


def test_a_job_writes_under_its_key_or_fails(box):
    s3 = client(box, "s3")
    s3.put_object(Bucket=B, Key="kms.jsonl", Body=records_of())
    request = job_request("kms.jsonl")
    request["outputDataConfig"]["s3OutputDataConfig"]["s3EncryptionKeyId"] = KEY
    box.set_account(kms_keys={KEY: {}})
    job = run_job(box, **request)
    assert job["status"] == "Completed"
    folder = f"out/{job['jobArn'].rsplit('/', 1)[1]}/"
    for name in ("kms.jsonl.out", "manifest.json.out"):
        head = s3.head_object(Bucket=B, Key=folder + name)
        assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", KEY)
    box.set_account(kms_keys={KEY: {"denied": ["kms:GenerateDataKey"]}})
    job = run_job(box, **request)
    assert job["status"] == "Failed" and "kms:GenerateDataKey" in job["message"] and "assumed-role/batch/" in job["message"]
    box.set_account(kms_keys={OTHER_KEY: {}})
    assert "does not exist" in run_job(box, **request)["message"]


@pytest.mark.parametrize("account, part", [
    ({"roles": {ROLE: {"denied": True}}}, "could not assume the role"),
    ({"denied": [{"principal": "role/batch", "action": "s3:GetObject"}]}, "s3:GetObject"),
    ({"denied": [{"principal": "role/batch", "action": "s3:ListBucket"}]}, "s3:ListBucket"),
    ({"denied": [{"principal": "role/batch", "action": "s3:PutObject", "resource": "/out/"}]}, "s3:PutObject"),
])
def test_a_job_whose_role_may_not_fails_when_validated(box, account, part):
    client(box, "s3").put_object(Bucket=B, Key="role.jsonl", Body=records_of())
    box.set_account(**account)
    job = run_job(box, **job_request("role.jsonl"))
    assert job["status"] == "Failed" and part in job["message"], job


# --- API keys

def test_an_api_key_is_taken_in_place_of_a_signature(box):
    """botocore sends one over TLS only, so this is sent by hand."""
    box.set_account(bearer_tokens=["bedrock-key"], region="eu-west-1")
    holding = {"Authorization": "Bearer bedrock-key", "Content-Type": "application/json"}
    status, _, body = plain(box, "POST", "/model-invocation-job", holding, json.dumps(job_request("none.jsonl")))
    assert status == 200 and json.loads(body)["jobArn"].startswith(f"arn:aws:bedrock:eu-west-1:{ACCOUNT}:"), body
    assert plain(box, "GET", "/model-invocation-jobs", holding)[0] == 200
    status, headers, body = plain(box, "GET", "/model-invocation-jobs", {"Authorization": "Bearer another"})
    assert (status, headers["x-amzn-ErrorType"].split(":")[0]) == (403, "AccessDeniedException")
    assert "API Key" in json.loads(body)["message"]
    assert plain(box, "GET", f"/{B}?list-type=2", holding)[0] == 400, "S3 takes none"


# --- quotas, models, tags

def test_service_quotas_are_listed_by_awss_names(box):
    pages = client(box, "service-quotas").get_paginator("list_service_quotas").paginate(
        ServiceCode="bedrock", PaginationConfig={"PageSize": 50})
    quotas = {quota["QuotaName"]: quota for page in pages for quota in page["Quotas"]}
    assert quotas["Minimum number of records per batch inference job for Claude Haiku 4.5"]["Value"] == 100
    assert quotas["Records per batch inference job for Nova Micro V1.0"]["Value"] == 50000
    jobs = quotas["Sum of in-progress and newly submitted batch inference jobs using a base model for Claude Haiku 4.5"]
    assert (jobs["Value"], jobs["Adjustable"]) == (20, True)
    code = jobs["QuotaCode"]
    assert client(box, "service-quotas").get_service_quota(ServiceCode="bedrock", QuotaCode=code)["Quota"] == jobs
    refused("NoSuchResourceException", 400, client(box, "service-quotas").list_service_quotas, ServiceCode="nothing")


def test_models_and_profiles_are_described(box):
    bedrock = client(box, "bedrock")
    details = bedrock.get_foundation_model(modelIdentifier="amazon.nova-lite-v1:0")["modelDetails"]
    assert (details["modelId"], details["modelLifecycle"]["status"]) == ("amazon.nova-lite-v1:0", "ACTIVE")
    refused("ResourceNotFoundException", 404, bedrock.get_foundation_model, modelIdentifier="made.up-v1:0")
    refused("ValidationException", 400, bedrock.get_foundation_model, modelIdentifier="us.amazon.nova-lite-v1:0")
    profile = bedrock.get_inference_profile(inferenceProfileIdentifier="us.amazon.nova-lite-v1:0")
    assert (profile["status"], profile["type"]) == ("ACTIVE", "SYSTEM_DEFINED")
    assert profile["models"][0]["modelArn"].endswith("foundation-model/amazon.nova-lite-v1:0")
    refused("ResourceNotFoundException", 404, bedrock.get_inference_profile, inferenceProfileIdentifier="amazon.nova-lite-v1:0")
    pages = bedrock.get_paginator("list_inference_profiles").paginate(PaginationConfig={"PageSize": 7})
    ids = [p["inferenceProfileId"] for page in pages for p in page["inferenceProfileSummaries"]]
    assert len(ids) == len(set(ids)) > 7 and "us.anthropic.claude-haiku-4-5-20251001-v1:0" in ids


def test_tags_of_a_job_are_kept_and_changed(box):
    bedrock = client(box, "bedrock")
    arn = bedrock.create_model_invocation_job(
        **job_request("none.jsonl", tags=[{"key": "team", "value": "ml"}, {"key": "old", "value": "1"}]))["jobArn"]
    bedrock.tag_resource(resourceARN=arn, tags=[{"key": "team", "value": "web"}, {"key": "new", "value": "2"}])
    bedrock.untag_resource(resourceARN=arn, tagKeys=["old"])
    tags = {t["key"]: t["value"] for t in bedrock.list_tags_for_resource(resourceARN=arn)["tags"]}
    assert tags == {"team": "web", "new": "2"}
    refused("TooManyTagsException", 400, bedrock.tag_resource, resourceARN=arn,
            tags=[{"key": f"k{i}", "value": ""} for i in range(49)])
    refused("ResourceNotFoundException", 404, bedrock.list_tags_for_resource, resourceARN=arn[:-1] + "_")
