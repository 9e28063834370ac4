"""The same files, environment and services, given to botocore and to Quarry: both are the same principal, or
neither is anybody. The sandbox is STS, the instance metadata, the container's endpoint and the SSO portal of both.

Not here, because no test can have it: a container's relative URI (its host is 169.254.170.2) and `aws login`."""

import dataclasses
import datetime
import hashlib
import json
import pathlib
import shlex
import subprocess
import sys
import threading
import time

import botocore.session
import harness
import pytest
from aws_probe import Probe, clean_environment

CAROL = ("AKIACAROL00000000001", "carol/secret+key=0000000000000000000000")
DAVE = ("AKIADAVE000000000001", "dave/secret+key=00000000000000000000000")
ELSEWHERE = ("AKIANOBODY0000000001", "nobody/secret+key=000000000000000000000")
ROLE = "arn:aws:iam::123456789012:role/"
WEB_TOKEN = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJwb2QifQ.c2ln"
SSO_TOKEN = "sso-access-token-1"
START_URL = "https://example.awsapps.com/start"
CONTAINER_TOKEN = "Bearer container/token=="
ACCOUNT = {
    "users": {CAROL[0]: {"secret": CAROL[1], "name": "carol", "account": "123456789012"},
              DAVE[0]: {"secret": DAVE[1], "name": "dave", "account": "123456789012"}},
    "roles": {f"{ROLE}external": {"external_id": "x-1"}, f"{ROLE}tagged": {"tags": {"team": "ml", "a b": "c=d"}},
              f"{ROLE}web": {"web_identity": [WEB_TOKEN]}, f"{ROLE}denied": {"denied": True}},
    "instance_role": "instance",
    "sso": {SSO_TOKEN: {"account_id": "123456789012", "role_name": "Reader"}},
}


@dataclasses.dataclass
class Case:
    name: str
    config: str = ""  # ~/.aws/config; {home} and {url} are filled in, as in all that follows
    credentials: str = ""  # ~/.aws/credentials
    env: dict = dataclasses.field(default_factory=dict)
    params: dict = dataclasses.field(default_factory=dict)  # litellm_params
    files: dict = dataclasses.field(default_factory=dict)  # below the home
    # What botocore is told in so many words: "profile", "keys", or "assume": an operation of STS and its arguments.
    boto: dict = dataclasses.field(default_factory=dict)
    account: dict = dataclasses.field(default_factory=dict)  # beside ACCOUNT
    session: str = ""  # the role session's name; "" = each its own
    region: str = "us-west-2"  # what both take it for; set by the environment where it says nothing else
    fails: str = ""  # what Quarry's error must name; "" = it works


def keys(pair, token=None, indent=""):
    lines = [f"aws_access_key_id = {pair[0]}", f"aws_secret_access_key = {pair[1]}"]
    return "".join(f"{indent}{line}\n" for line in lines + ([f"aws_session_token = {token}"] if token else []))


def env_keys(pair, **more):
    return {"AWS_ACCESS_KEY_ID": pair[0], "AWS_SECRET_ACCESS_KEY": pair[1], **more}


def process(document, code=0):
    """A credential_process that prints it."""
    script = f"import sys; print({json.dumps(document)!r}); sys.exit({code})"
    return f"credential_process = {sys.executable} -c {shlex.quote(script)}\n"


def in_hours(hours):
    moment = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=hours)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def sso_cache(key, token=SSO_TOKEN, hours=8):
    content = {"startUrl": START_URL, "region": "eu-west-1", "accessToken": token, "expiresAt": in_hours(hours)}
    return {f".aws/sso/cache/{hashlib.sha1(key.encode()).hexdigest()}.json": json.dumps(content)}


DOCUMENT = {"Version": 1, "AccessKeyId": CAROL[0], "SecretAccessKey": CAROL[1]}
CAROLS = "[carol]\n" + keys(CAROL)
SSO_PROFILE = "sso_account_id = 123456789012\nsso_role_name = Reader\n"
LEGACY_SSO = f"[default]\nsso_start_url = {START_URL}\nsso_region = eu-west-1\n{SSO_PROFILE}"
SESSION_SSO = f"[profile dev]\nsso_session = corp\n{SSO_PROFILE}[sso-session corp]\nsso_start_url = {START_URL}\nsso_region = eu-west-1\n"
BASE_ROLE = f"[default]\nrole_arn = {ROLE}base\n"
INSTANCE = {"AWS_EC2_METADATA_DISABLED": "false", "AWS_EC2_METADATA_SERVICE_ENDPOINT": "{url}"}
CONTAINER = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "{url}/_sandbox/container-credentials"}
WEB_FILE = {"token": WEB_TOKEN}
WEB_ENV = {"AWS_WEB_IDENTITY_TOKEN_FILE": "{home}/token", "AWS_ROLE_ARN": f"{ROLE}web"}
WEB_ARGUMENTS = {"RoleArn": f"{ROLE}web", "RoleSessionName": "named", "WebIdentityToken": WEB_TOKEN}
WEB_PARAMS = {"aws_role_name": f"{ROLE}web", "aws_session_name": "named"}

PLAIN = [
    Case("environment", env=env_keys(CAROL)),
    Case("environment-with-token", env=env_keys(ELSEWHERE, AWS_SESSION_TOKEN="t//+==")),
    Case("environment-with-the-old-token", env=env_keys(ELSEWHERE, AWS_SECURITY_TOKEN="old")),
    Case("environment-before-files", env=env_keys(CAROL), credentials="[default]\n" + keys(DAVE)),
    Case("environment-before-AWS_PROFILE", env=env_keys(DAVE, AWS_PROFILE="carol"), credentials=CAROLS),
    Case("empty-environment", env={"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, credentials="[default]\n" + keys(CAROL)),
    Case("named-profile-before-environment", env=env_keys(DAVE), credentials=CAROLS, params={"aws_profile_name": "carol"},
         boto={"profile": "carol"}),
    Case("named-profile-before-AWS_PROFILE", env={"AWS_PROFILE": "dave"}, credentials=CAROLS + "[dave]\n" + keys(DAVE),
         params={"aws_profile_name": "carol"}, boto={"profile": "carol"}),
    Case("default-profile", credentials="[default]\n" + keys(CAROL)),
    Case("profile-with-token", credentials="[default]\n" + keys(ELSEWHERE, "t//+==")),
    Case("profile-with-the-old-token", credentials="[default]\n" + keys(ELSEWHERE) + "aws_security_token = old\n"),
    Case("keys-in-the-config-file", config="[default]\n" + keys(CAROL)),
    Case("credentials-file-before-config-file", config="[default]\n" + keys(DAVE), credentials="[default]\n" + keys(CAROL)),
    Case("AWS_PROFILE", env={"AWS_PROFILE": "carol"}, credentials=CAROLS + "[default]\n" + keys(DAVE)),
    Case("AWS_DEFAULT_PROFILE", env={"AWS_DEFAULT_PROFILE": "carol"}, credentials=CAROLS + "[default]\n" + keys(DAVE)),
    Case("AWS_DEFAULT_PROFILE-and-AWS_PROFILE", env={"AWS_DEFAULT_PROFILE": "carol", "AWS_PROFILE": "default"},
         credentials=CAROLS + "[default]\n" + keys(DAVE)),
    Case("AWS_PROFILE-in-the-config-file", env={"AWS_PROFILE": "carol"}, config="[profile carol]\n" + keys(CAROL)),
    Case("files-elsewhere", files={"elsewhere/config": "[default]\nregion = eu-west-3\n", "elsewhere/keys": "[default]\n" + keys(CAROL)},
         env={"AWS_CONFIG_FILE": "{home}/elsewhere/config", "AWS_SHARED_CREDENTIALS_FILE": "~/elsewhere/keys"},
         credentials="[default]\n" + keys(DAVE), region="eu-west-3"),
    Case("credentials-file-that-is-not-there", env={"AWS_SHARED_CREDENTIALS_FILE": "{home}/none"}, config="[default]\n" + keys(CAROL)),
    Case("quoted-profile-name", config='[profile "my own"]\n' + keys(CAROL), env={"AWS_PROFILE": "my own"}),
    Case("profile-default", config="[profile default]\n" + keys(CAROL)),
    Case("odd-spelling", credentials="# c\n; c\n\n[default]\nAWS_ACCESS_KEY_ID:" + CAROL[0] + "\n  \naws_secret_access_key=" + CAROL[1] + "  \r\n"),
    Case("nested-values", config="[default]\ns3 =\n  max_concurrent_requests = 20\n  aws_access_key_id = nested\n" + keys(CAROL)),
    Case("region-of-the-profile", config="[profile carol]\nregion = ap-south-1\n", credentials=CAROLS, env={"AWS_PROFILE": "carol"},
         region="ap-south-1"),
    Case("region-of-the-named-profile", config="[profile carol]\nregion = ap-south-1\n[default]\nregion = eu-west-1\n", credentials=CAROLS,
         params={"aws_profile_name": "carol"}, boto={"profile": "carol"}, region="ap-south-1"),
    Case("region-of-the-environment", config="[default]\nregion = ap-south-1\n", credentials="[default]\n" + keys(CAROL),
         env={"AWS_DEFAULT_REGION": "eu-north-1"}, region="eu-north-1"),
    Case("keys-in-the-entry", env=env_keys(DAVE), params={"aws_access_key_id": CAROL[0], "aws_secret_access_key": CAROL[1]},
         boto={"keys": CAROL}),
    Case("keys-and-token-in-the-entry", boto={"keys": [*ELSEWHERE, "t//+=="]},
         params={"aws_access_key_id": ELSEWHERE[0], "aws_secret_access_key": ELSEWHERE[1], "aws_session_token": "t//+=="}),
]

ROLES = [
    Case("source_profile", config=BASE_ROLE + "source_profile = carol\n", credentials=CAROLS),
    Case("source_profile-in-the-config-file", config=BASE_ROLE + "source_profile = carol\n[profile carol]\n" + keys(CAROL)),
    Case("source_profile-of-itself", config=BASE_ROLE + "source_profile = default\n" + keys(CAROL)),
    Case("source_profile-of-a-role", credentials=CAROLS, env={"AWS_PROFILE": "last"},
         config=f"[profile last]\nrole_arn = {ROLE}last\nsource_profile = middle\n"
                f"[profile middle]\nrole_arn = {ROLE}middle\nsource_profile = carol\n"),
    Case("source_profile-of-three-roles", credentials=CAROLS, params={"aws_profile_name": "c"}, boto={"profile": "c"},
         config="".join(f"[profile {n}]\nrole_arn = {ROLE}{n}\nsource_profile = {s}\n" for n, s in (("c", "b"), ("b", "a"), ("a", "carol")))),
    Case("external-id-duration-and-session-name", credentials=CAROLS, session="named+=,.@-1",
         config=f"[default]\nrole_arn = {ROLE}external\nsource_profile = carol\nexternal_id = x-1\n"
                "duration_seconds = 900\nrole_session_name = named+=,.@-1\n"),
    Case("AWS_ROLE_SESSION_NAME-is-web-identitys", credentials=CAROLS, config=BASE_ROLE + "source_profile = carol\n",
         env={"AWS_ROLE_SESSION_NAME": "named"}),
    Case("environment-before-a-role", env=env_keys(DAVE), credentials=CAROLS, config=BASE_ROLE + "source_profile = carol\n"),
    Case("role-before-its-own-profiles-keys", credentials="[default]\n" + keys(DAVE) + CAROLS, config=BASE_ROLE + "source_profile = carol\n"),
    Case("credential_source-Environment", env=env_keys(CAROL), params={"aws_profile_name": "ours"}, boto={"profile": "ours"},
         config=f"[profile ours]\nrole_arn = {ROLE}base\ncredential_source = Environment\n"),
    Case("credential_source-EcsContainer", env=CONTAINER, config=BASE_ROLE + "credential_source = EcsContainer\n"),
    Case("credential_source-Ec2InstanceMetadata", env=INSTANCE, config=BASE_ROLE + "credential_source = Ec2InstanceMetadata\n"),
    Case("source_profile-of-a-process", config=BASE_ROLE + "source_profile = made\n[profile made]\n" + process(DOCUMENT)),
    Case("source_profile-of-a-web-identity", files=WEB_FILE,
         config=BASE_ROLE + f"source_profile = pod\n[profile pod]\nrole_arn = {ROLE}web\nweb_identity_token_file = {{home}}/token\n"),
    Case("source_profile-of-sso", files=sso_cache("corp"), config=BASE_ROLE + "source_profile = dev\n" + SESSION_SSO),
    Case("role-of-the-entry", env=env_keys(CAROL), session="named",
         params={"aws_role_name": f"{ROLE}external", "aws_session_name": "named", "aws_external_id": "x-1"},
         boto={"assume": ["assume_role", {"RoleArn": f"{ROLE}external", "RoleSessionName": "named", "ExternalId": "x-1"}]}),
    Case("role-of-the-entry-with-tags", env=env_keys(CAROL), session="named",
         params={"aws_role_name": f"{ROLE}tagged", "aws_session_name": "named",
                 "aws_session_tags": [{"Key": "team", "Value": "ml"}, {"Key": "a b", "Value": "c=d"}]},
         boto={"assume": ["assume_role", {"RoleArn": f"{ROLE}tagged", "RoleSessionName": "named",
                                          "Tags": [{"Key": "team", "Value": "ml"}, {"Key": "a b", "Value": "c=d"}]}]}),
    Case("role-of-the-entry-with-its-keys", env=env_keys(DAVE), session="named", boto={
        "keys": CAROL, "assume": ["assume_role", {"RoleArn": f"{ROLE}base", "RoleSessionName": "named"}]},
         params={"aws_role_name": f"{ROLE}base", "aws_session_name": "named",
                 "aws_access_key_id": CAROL[0], "aws_secret_access_key": CAROL[1]}),
    Case("role-of-the-entry-with-a-profile", env=env_keys(ELSEWHERE), credentials=CAROLS, session="named", boto={
        "profile": "carol", "assume": ["assume_role", {"RoleArn": f"{ROLE}base", "RoleSessionName": "named"}]},
         params={"aws_role_name": f"{ROLE}base", "aws_session_name": "named", "aws_profile_name": "carol"}),
    Case("role-of-another-partition", env=env_keys(CAROL), session="named",
         params={"aws_role_name": "arn:aws-us-gov:iam::210987654321:role/path/r", "aws_session_name": "named"},
         boto={"assume": ["assume_role", {"RoleArn": "arn:aws-us-gov:iam::210987654321:role/path/r", "RoleSessionName": "named"}]}),
]

PLACES = [
    Case("process", config="[default]\n" + process(DOCUMENT)),
    Case("process-with-an-end", config="[default]\n" + process(
        {"Version": 1, "AccessKeyId": ELSEWHERE[0], "SecretAccessKey": ELSEWHERE[1], "SessionToken": "t", "Expiration": in_hours(1)})),
    Case("process-with-more", config="[default]\n" + process({**DOCUMENT, "AccountId": "123456789012", "Extra": {"a": 1}, "SessionToken": None})),
    Case("process-of-the-credentials-file", credentials="[default]\n" + process(DOCUMENT)),
    Case("process-without-a-shell", files={"made.json": json.dumps(DOCUMENT)},
         config="[default]\ncredential_process = cat \"{home}/made.json\"\n"),
    Case("web-identity-of-the-environment", env=WEB_ENV, files=WEB_FILE),
    Case("web-identity-with-a-session-name", env={**WEB_ENV, "AWS_ROLE_SESSION_NAME": "named"}, files=WEB_FILE, session="named"),
    Case("web-identity-of-the-profile", files=WEB_FILE, session="ours",
         config=f"[default]\nrole_arn = {ROLE}web\nweb_identity_token_file = {{home}}/token\nrole_session_name = ours\n"),
    Case("web-identity-before-keys-of-a-profile", env=WEB_ENV, files=WEB_FILE, credentials="[default]\n" + keys(CAROL)),
    Case("role-of-a-profile-before-web-identity", env=WEB_ENV, files=WEB_FILE, credentials=CAROLS, config=BASE_ROLE + "source_profile = carol\n"),
    Case("web-identity-of-the-entry", params={**WEB_PARAMS, "aws_web_identity_token": WEB_TOKEN}, session="named",
         boto={"assume": ["assume_role_with_web_identity", WEB_ARGUMENTS]}),
    Case("web-identity-of-the-entry-in-a-file", params={**WEB_PARAMS, "aws_web_identity_token": "{home}/token"}, files=WEB_FILE,
         session="named", boto={"assume": ["assume_role_with_web_identity", WEB_ARGUMENTS]}),
    Case("web-identity-of-the-entry-by-oidc-file", params={**WEB_PARAMS, "aws_web_identity_token": "oidc/file/{home}/token"}, files=WEB_FILE,
         session="named", boto={"assume": ["assume_role_with_web_identity", WEB_ARGUMENTS]}),
    Case("web-identity-of-the-entry-by-oidc-env", params={**WEB_PARAMS, "aws_web_identity_token": "oidc/env/POD_TOKEN"},
         env={"POD_TOKEN": WEB_TOKEN}, session="named", boto={"assume": ["assume_role_with_web_identity", WEB_ARGUMENTS]}),
    Case("sso-old-form", config=LEGACY_SSO, files=sso_cache(START_URL)),
    Case("sso-session", config=SESSION_SSO, files=sso_cache("corp"), env={"AWS_PROFILE": "dev"}),
    Case("container", env=CONTAINER),
    Case("container-with-a-token", env={**CONTAINER, "AWS_CONTAINER_AUTHORIZATION_TOKEN": CONTAINER_TOKEN},
         account={"container_token": CONTAINER_TOKEN}),
    Case("container-with-a-token-file", files={"pod/token": CONTAINER_TOKEN}, account={"container_token": CONTAINER_TOKEN},
         env={**CONTAINER, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "{home}/pod/token", "AWS_CONTAINER_AUTHORIZATION_TOKEN": "wrong"}),
    Case("container-before-instance", env={**CONTAINER, **INSTANCE}),
    Case("instance-metadata", env=INSTANCE),
    Case("instance-metadata-after-files-without-keys", env=INSTANCE, config="[default]\nregion = us-west-2\n"),
]

FAILURES = [
    Case("nothing", fails="AWS_ACCESS_KEY_ID"),
    Case("half-a-pair-in-the-environment", env={"AWS_ACCESS_KEY_ID": CAROL[0]}, fails="AWS_SECRET_ACCESS_KEY"),
    Case("half-a-pair-in-the-credentials-file", credentials=f"[default]\naws_access_key_id = {CAROL[0]}\n", fails="aws_secret_access_key"),
    Case("half-a-pair-in-the-config-file", config=f"[default]\naws_access_key_id = {CAROL[0]}\n", fails="aws_secret_access_key"),
    Case("AWS_PROFILE-of-none", env={"AWS_PROFILE": "carl"}, credentials=CAROLS, fails="carl"),
    Case("named-profile-of-none", params={"aws_profile_name": "carl"}, boto={"profile": "carl"}, credentials=CAROLS, fails="carl"),
    Case("source_profile-of-none", config=BASE_ROLE + "source_profile = carl\n", credentials=CAROLS, fails="carl"),
    Case("source_profile-without-keys", config=BASE_ROLE + "source_profile = bare\n[profile bare]\nregion = us-west-2\n", fails="bare"),
    Case("source_profile-in-a-circle", fails="circles", env={"AWS_PROFILE": "a"},
         config=f"[profile a]\nrole_arn = {ROLE}a\nsource_profile = b\n[profile b]\nrole_arn = {ROLE}b\nsource_profile = a\n"),
    Case("source_profile-of-itself-without-keys", config=BASE_ROLE + "source_profile = default\n", fails="default"),
    Case("role-of-two-sources", config=BASE_ROLE + "source_profile = carol\ncredential_source = Environment\n",
         credentials=CAROLS, fails="credential_source"),
    Case("role-of-no-source", config=BASE_ROLE, fails="source_profile"),
    Case("credential_source-of-none", config=BASE_ROLE + "credential_source = Moon\n", fails="Moon"),
    Case("credential_source-without-keys", params={"aws_profile_name": "default"}, boto={"profile": "default"},
         config=BASE_ROLE + "credential_source = Environment\n", fails="Environment"),
    Case("role-denied", env=env_keys(CAROL), params={"aws_role_name": f"{ROLE}denied", "aws_session_name": "named"}, fails="AccessDenied",
         boto={"assume": ["assume_role", {"RoleArn": f"{ROLE}denied", "RoleSessionName": "named"}]}),
    Case("wrong-external-id", credentials=CAROLS, fails="AccessDenied",
         config=f"[default]\nrole_arn = {ROLE}external\nsource_profile = carol\nexternal_id = x-2\n"),
    Case("role-with-wrong-keys", config=BASE_ROLE + "source_profile = other\n", credentials="[other]\n" + keys(ELSEWHERE), fails="role/base"),
    Case("role-with-mfa", config=BASE_ROLE + "source_profile = carol\nmfa_serial = arn:aws:iam::123456789012:mfa/carol\n",
         credentials=CAROLS, fails="mfa"),
    Case("process-that-fails", config="[default]\n" + process(DOCUMENT, code=3), fails="3"),
    Case("process-that-is-not-there", config="[default]\ncredential_process = {home}/none\n", fails="none"),
    Case("process-of-another-version", config="[default]\n" + process({**DOCUMENT, "Version": 2}), fails="ersion"),
    Case("process-without-a-secret", config="[default]\n" + process({"Version": 1, "AccessKeyId": CAROL[0]}), fails="SecretAccessKey"),
    Case("process-without-json", config="[default]\ncredential_process = echo hello\n", fails="JSON"),
    Case("process-that-gives-expired-ones", config="[default]\n" + process({**DOCUMENT, "SessionToken": "t", "Expiration": in_hours(-1)}),
         fails="expired"),
    Case("web-identity-of-another", env=WEB_ENV, files={"token": "not.the.one"}, fails="InvalidIdentityToken"),
    Case("web-identity-without-its-file", env=WEB_ENV, fails="token"),
    Case("web-identity-without-a-role", env={"AWS_WEB_IDENTITY_TOKEN_FILE": "{home}/token"}, files=WEB_FILE, fails="AWS_ROLE_ARN"),
    Case("sso-expired", config=LEGACY_SSO, files=sso_cache(START_URL, hours=-1), fails="aws sso login"),
    Case("sso-session-expired", config=SESSION_SSO, files=sso_cache("corp", hours=-1), env={"AWS_PROFILE": "dev"}, fails="aws sso login"),
    Case("sso-never-signed-in", config=LEGACY_SSO, fails="aws sso login"),
    Case("sso-token-refused", config=LEGACY_SSO, files=sso_cache(START_URL, token="another"), fails="aws sso login"),
    Case("sso-half-configured", config=LEGACY_SSO.replace("sso_region = eu-west-1\n", ""), files=sso_cache(START_URL), fails="sso_region"),
    Case("sso-of-no-session", config=f"[default]\nsso_session = none\n{SSO_PROFILE}", fails="none"),
    Case("container-with-a-wrong-token", env={**CONTAINER, "AWS_CONTAINER_AUTHORIZATION_TOKEN": "wrong"},
         account={"container_token": CONTAINER_TOKEN}, fails="401"),
    Case("container-with-two-lines-of-token", env={**CONTAINER, "AWS_CONTAINER_AUTHORIZATION_TOKEN": "a\r\nX: b"}, fails="AWS_CONTAINER_AUTHORIZATION_TOKEN"),
    Case("container-at-a-foreign-host", env={"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://192.0.2.1/credentials"}, fails="AWS_CONTAINER_CREDENTIALS_FULL_URI"),
    Case("instance-without-a-role", env=INSTANCE, account={"instance_role": ""}, fails="instance metadata"),
]
# How the files may be written.
ODD_FILES = [
    Case("role-in-the-credentials-file", credentials=CAROLS + BASE_ROLE + "source_profile = carol\n"),
    Case("role-and-source-in-different-files", config=BASE_ROLE, credentials=CAROLS + "[default]\nsource_profile = carol\n"),
    Case("web-identity-in-the-credentials-file", files=WEB_FILE,
         credentials=f"[default]\nrole_arn = {ROLE}web\nweb_identity_token_file = {{home}}/token\n"),
    Case("sso-in-the-credentials-file", credentials=LEGACY_SSO, files=sso_cache(START_URL)),
    Case("region-in-the-credentials-file", credentials="[default]\nregion = eu-west-2\n" + keys(CAROL), region="eu-west-2"),
    Case("region-in-both-files", config="[default]\nregion = eu-west-1\n", credentials="[default]\nregion = eu-west-2\n" + keys(CAROL),
         region="eu-west-2"),
    Case("source_profile-with-a-role-and-keys", config=BASE_ROLE + f"source_profile = both\n[profile both]\nrole_arn = {ROLE}no\n"
                                                       "source_profile = none\n" + keys(CAROL)),
    Case("source_profile-with-a-role-and-keys-elsewhere", credentials="[both]\n" + keys(CAROL),
         config=BASE_ROLE + f"source_profile = both\n[profile both]\nrole_arn = {ROLE}no\nsource_profile = none\n"),
    Case("section-with-more-spaces", config="[profile   carol]\n" + keys(CAROL), env={"AWS_PROFILE": "carol"}),
    Case("single-quoted-profile-name", config="[profile 'my own']\n" + keys(CAROL), env={"AWS_PROFILE": "my own"}),
    Case("profile-default-and-default", config="[default]\n" + keys(DAVE) + "[profile default]\n" + keys(CAROL)),
    Case("section-DEFAULT", config="[DEFAULT]\n" + keys(DAVE) + "[default]\n" + keys(CAROL)),
    Case("comment-after-a-value", credentials="[default]\n" + keys((CAROL[0], CAROL[1] + " # not a comment"))),
    Case("value-with-an-equals-sign", credentials="[default]\n" + keys((ELSEWHERE[0], "a=b:c=d"))),
    Case("profile-keyword-in-the-credentials-file", credentials="[profile carol]\n" + keys(CAROL), env={"AWS_PROFILE": "profile carol"}),
    Case("web-identity-variable-empty", env={"AWS_WEB_IDENTITY_TOKEN_FILE": "", "AWS_ROLE_ARN": ""}, credentials="[default]\n" + keys(CAROL)),
    Case("process-with-an-offset", config="[default]\n" + process({**DOCUMENT, "SessionToken": "t", "Expiration": "2099-01-02T03:04:05+05:30"})),
    Case("metadata-disabled-in-capitals", env={**INSTANCE, "AWS_EC2_METADATA_DISABLED": "TRUE"}, fails="AWS_EC2_METADATA_DISABLED"),
    Case("container-token-file-that-is-not-there", env={**CONTAINER, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "{home}/none"}, fails="none"),
    Case("no-section", credentials=keys(CAROL), fails="credentials"),
    Case("no-key", credentials="[default]\nnothing here\n" + keys(CAROL), fails="credentials"),
    Case("broken-config-beside-good-keys", config="[default\nregion = us-west-2\n", credentials="[default]\n" + keys(CAROL), fails="config"),
    Case("sso-sessions-that-differ", config=SESSION_SSO.replace("sso_session = corp\n", "sso_session = corp\nsso_region = us-east-1\n"),
         files=sso_cache("corp"), env={"AWS_PROFILE": "dev"}, fails="sso_region"),
]
CASES = [*PLAIN, *ROLES, *PLACES, *ODD_FILES, *FAILURES]

# Where Quarry goes another way, knowingly: who is meant by each, "" = nobody.
DIFFERENCES = [
    # AWS's other SDKs let [profile default] win wherever it stands; botocore takes the last.
    (Case("default-after-profile-default", config="[profile default]\n" + keys(CAROL) + "[default]\n" + keys(DAVE)), DAVE[0], CAROL[0]),
    # Set to nothing is not set, as AWS's other SDKs have it.
    (Case("AWS_PROFILE-empty", env={"AWS_PROFILE": ""}, credentials="[default]\n" + keys(CAROL)), "", CAROL[0]),
    # What is written twice is one section, and its last value; Python's parser refuses the file.
    (Case("section-twice", credentials="[default]\n" + keys(DAVE) + "[default]\n" + keys(CAROL)), "", CAROL[0]),
    (Case("key-twice", credentials="[default]\n" + keys(DAVE) + keys(CAROL)), "", CAROL[0]),
    (Case("value-over-two-lines", config="[default]\nregion =\n  us-west-2\n" + keys(CAROL)), "", CAROL[0]),
    # botocore signs with nothing, which AWS refuses; Quarry says what is missing.
    (Case("empty-keys", credentials="[default]\naws_access_key_id =\naws_secret_access_key =\n"), "nothing", ""),
    # botocore leaves it out without a word, and the session is of another length than was asked for.
    (Case("duration-that-is-no-number", config=BASE_ROLE + "source_profile = carol\nduration_seconds = soon\n", credentials=CAROLS),
     "a session", ""),
]

# A process for each question, forked from one that has botocore loaded.
BOTO = """
import json, os, sys
import botocore.credentials, botocore.session, botocore.tokens

def answer(given):
    session = botocore.session.Session(profile=given.get("profile"))
    if "keys" in given:
        session.set_credentials(*given["keys"])
    if "assume" in given:
        operation, arguments = given["assume"]
        got = getattr(session.create_client("sts"), operation)(**arguments)["Credentials"]
        credentials = [got["AccessKeyId"], got["SecretAccessKey"], got["SessionToken"]]
    else:
        found = session.get_credentials()
        credentials = list(found.get_frozen_credentials()[:3]) if found else None
    return {"credentials": credentials, "region": session.get_config_variable("region")}

for line in sys.stdin:
    given = json.loads(line)
    child = os.fork()
    if child == 0:
        os.environ.clear()
        os.environ.update(given["env"])
        # Made of the home that there was when botocore was loaded.
        cache = os.path.expanduser(os.path.join("~", ".aws", "sso", "cache"))
        botocore.credentials.SSOProvider._SSO_TOKEN_CACHE_DIR = botocore.tokens.SSOTokenProvider._SSO_TOKEN_CACHE_DIR = cache
        sys.stdin = open(os.devnull)  # who asks for a code of MFA gets none
        try:
            print(json.dumps(answer(given)), flush=True)
        except (Exception, EOFError) as error:
            print(json.dumps({"credentials": None, "error": f"{type(error).__name__}: {error}"}), flush=True)
        os._exit(0)
    os.waitpid(child, 0)
"""


@pytest.fixture(scope="module")
def botocores():
    """Whom botocore takes a world for."""
    # A session of its own: no terminal to ask at.
    process = subprocess.Popen([sys.executable, "-c", BOTO], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               env=clean_environment(), start_new_session=True)

    def ask(case, world):
        watchdog = threading.Timer(120, process.kill)
        watchdog.start()
        process.stdin.write(json.dumps({**case.boto, "env": world.env}) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
        watchdog.cancel()
        return json.loads(line)

    yield ask
    process.stdin.close()
    assert process.wait(60) == 0
    process.stdout.close()


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    running = harness.Sandbox(tmp_path_factory.mktemp("sandbox"))
    yield running
    assert running.stop() == 0, running.log_end()


def filled(value, **places):
    if isinstance(value, str):
        for name, place in places.items():
            value = value.replace("{" + name + "}", place)
        return value
    if isinstance(value, dict):
        return {key: filled(item, **places) for key, item in value.items()}
    return value


class World:
    """A home with a case's files, and the environment that goes with it."""

    def __init__(self, case, home, box):
        home.mkdir()
        places = {"home": str(home), "url": box.url}
        for name, content in {".aws/config": case.config, ".aws/credentials": case.credentials, **case.files}.items():
            if content:
                (home / name).parent.mkdir(parents=True, exist_ok=True)
                (home / name).write_text(filled(content, **places), newline="")
        region = {} if case.region != "us-west-2" else {"AWS_DEFAULT_REGION": "us-west-2"}
        self.env = clean_environment(**{
            "HOME": str(home), "AWS_ENDPOINT_URL_STS": box.url, "AWS_ENDPOINT_URL_SSO": box.url, **region, **filled(case.env, **places)})
        self.config = home / "config.yaml"
        self.config.write_text(json.dumps({"model_list": [{"model_name": "m", "litellm_params": {
            "model": "bedrock/anthropic.claude-v2", "s3_bucket_name": "bucket", "aws_batch_role_arn": f"{ROLE}batch",
            "aws_bedrock_endpoint": box.url, **filled(case.params, **places)}, "model_info": {"mode": "batch"}}]}))

    def probe(self):
        return Probe("credentials", "--config", str(self.config), environment=self.env)


def principal(box, credentials, session):
    """Whom the sandbox takes them for, where it gave them; else the keys themselves."""
    if not credentials[0].startswith("ASIA"):
        return [part or "" for part in credentials]
    sts = botocore.session.Session().create_client(
        "sts", endpoint_url=box.url, region_name="us-west-2", aws_access_key_id=credentials[0],
        aws_secret_access_key=credentials[1], aws_session_token=credentials[2])
    who = sts.get_caller_identity()
    role, _, name = who["Arn"].rpartition("/")
    if session:
        assert name == session
    # The instance's, the container's and the portal's sessions are named by them, those of roles by whoever assumes.
    fixed = "instance" in role or "container" in role or "AWSReservedSSO" in role
    return [who["Account"], who["Arn"], who["UserId"]] if session or fixed else [who["Account"], role]


def test_the_table_is_as_long_as_promised():
    names = [case.name for case in CASES]
    assert len(names) == len(set(names))
    assert len(CASES) >= 25


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in CASES])
def test_quarry_is_whom_botocore_is(case, botocores, box, tmp_path):
    box._control("PUT", "account", {**ACCOUNT, **case.account})
    world = World(case, tmp_path / "home", box)
    theirs = botocores(case, world)
    with world.probe() as probe:
        ours = probe.ask("get")
    if case.fails:
        assert theirs["credentials"] is None, f"botocore has some: {theirs}"
        assert ours.get("code") in ("forbidden", "unavailable", "upstream", "invalid_request"), ours
        assert case.fails in ours["error"], ours
        return
    assert "error" not in ours, f"{ours}; botocore: {theirs}"
    assert theirs["credentials"] is not None, theirs
    mine = [ours["access_key_id"], ours["secret_access_key"], ours["session_token"]]
    assert principal(box, mine, case.session) == principal(box, theirs["credentials"], case.session)
    assert ours["region"] == case.region
    if "assume" not in case.boto:
        assert theirs["region"] == case.region


@pytest.mark.parametrize(("case", "botocore_is", "quarry_is"), [pytest.param(*row, id=row[0].name) for row in DIFFERENCES])
def test_a_known_difference_is_still_one(case, botocore_is, quarry_is, botocores, box, tmp_path):
    box._control("PUT", "account", ACCOUNT)
    world = World(case, tmp_path / "home", box)
    theirs = botocores(case, world)["credentials"]
    with world.probe() as probe:
        ours = probe.ask("get")
    if botocore_is == "a session":
        assert theirs[0].startswith("ASIA")
    else:
        assert (theirs[0] or "nothing" if theirs else "") == botocore_is
    assert ours.get("access_key_id", "") == quarry_is, ours


def test_no_failure_says_a_secret(box, tmp_path):
    """Their messages reach the log."""
    secrets = [CAROL[1], DAVE[1], ELSEWHERE[1], WEB_TOKEN, SSO_TOKEN, CONTAINER_TOKEN]
    for case in FAILURES:
        box._control("PUT", "account", {**ACCOUNT, **case.account})
        with World(case, tmp_path / case.name, box).probe() as probe:
            said = probe.ask("get")["error"]
        assert not [secret for secret in secrets if secret in said], said
        assert "hint" in said or case.fails, said


# --- Kept fresh ---------------------------------------------------------------------------------------------

ASSUMING = Case("assuming", config=BASE_ROLE + "source_profile = carol\n", credentials=CAROLS)
SOURCES = [
    (ASSUMING, "AssumeRole"),
    (Case("web", env=WEB_ENV, files=WEB_FILE), "AssumeRoleWithWebIdentity"),
    (Case("container", env=CONTAINER), "GetContainerCredentials"),
    (Case("instance", env=INSTANCE), "GetInstanceCredentials"),
    (Case("sso", config=LEGACY_SSO, files=sso_cache(START_URL)), "GetRoleCredentials"),
]


def calls(box, operation):
    return sum(of_region.get(operation, 0) for of_region in box.records()["calls"].values())


def fresh_world(case, box, tmp_path, **account):
    box._control("PUT", "account", {**ACCOUNT, **account})
    box.forget_calls()
    return World(case, tmp_path / "home", box)


@pytest.mark.parametrize(("case", "operation"), [pytest.param(*row, id=row[0].name) for row in SOURCES])
def test_a_hundred_calls_at_once_fetch_once(case, operation, box, tmp_path):
    with fresh_world(case, box, tmp_path).probe() as probe:
        answers = probe.ask("get", times=100)
    assert len({answer["access_key_id"] for answer in answers}) == 1
    assert calls(box, operation) == 1


@pytest.mark.parametrize(("case", "operation"), [pytest.param(*row, id=row[0].name) for row in SOURCES])
def test_credentials_are_renewed_before_they_end(case, operation, box, tmp_path):
    with fresh_world(case, box, tmp_path, session_seconds=6).probe() as probe:
        first = probe.ask("get")
        ends = datetime.datetime.fromisoformat(first["expires_at"])
        seen = [first["access_key_id"]]

        def renewed():
            got = probe.ask("get")
            assert datetime.datetime.fromisoformat(got["expires_at"]) > datetime.datetime.now(datetime.UTC), got
            if got["access_key_id"] != seen[-1]:
                seen.append(got["access_key_id"])
            return len(seen) == 2

        harness.await_true(renewed, timeout=30)
        assert datetime.datetime.now(datetime.UTC) < ends, "the first had ended"
        # What the second is for: the sandbox takes it.
        assert "arn" in probe.ask("who")
    assert calls(box, operation) in (2, 3)


def test_what_is_over_is_renewed_once_and_the_call_repeated(box, tmp_path):
    """AWS says that a token has expired before its time, to a hundred calls at once."""
    refused = set()
    used = []

    def answer(method, path, headers, body):
        key = headers["Authorization"].split("Credential=")[1].split("/")[0]
        used.append(key)
        if key in refused:
            message = json.dumps({"message": "The security token included in the request is expired"}).encode()
            return 403, {"x-amzn-ErrorType": "ExpiredTokenException"}, message
        return 200, {}, b'{"invocationJobSummaries": []}'

    bedrock = harness.FakeServer(answer)
    try:
        case = dataclasses.replace(ASSUMING, params={"aws_bedrock_endpoint": bedrock.url})
        with fresh_world(case, box, tmp_path, session_seconds=60).probe() as probe:
            assert probe.ask("jobs") == {"jobs": 0}
            old = used[0]
            refused.add(old)
            # For five seconds what has come is not renewed: calls that failed with the one before it may say so late.
            settled = time.monotonic() + 5.5
            harness.await_true(lambda: time.monotonic() > settled)
            used.clear()
            assert probe.ask("jobs", times=100) == [{"jobs": 0}] * 100
    finally:
        bedrock.close()
    assert set(used) == {old, next(key for key in used if key != old)}
    assert calls(box, "AssumeRole") == 2


def test_what_stays_over_is_an_error_after_one_renewal(box, tmp_path):
    def answer(method, path, headers, body):
        return 403, {"x-amzn-ErrorType": "ExpiredTokenException"}, b'{"message": "The security token included in the request is expired"}'

    bedrock = harness.FakeServer(answer)
    try:
        case = dataclasses.replace(ASSUMING, params={"aws_bedrock_endpoint": bedrock.url})
        with fresh_world(case, box, tmp_path).probe() as probe:
            got = probe.ask("jobs")
    finally:
        bedrock.close()
    assert got["code"] == "forbidden" and got["reason"] == "ExpiredTokenException", got
    assert len(bedrock.requests) == 2


def test_a_token_file_is_read_anew_for_each_fetch(box, tmp_path):
    """Kubernetes replaces it every hour."""
    case = Case("pod", files={"token": "first.token"}, env=WEB_ENV)
    account = {"roles": {f"{ROLE}web": {"web_identity": ["first.token", "second.token"]}}, "session_seconds": 4}
    world = fresh_world(case, box, tmp_path, **account)
    with world.probe() as probe:
        first = probe.ask("get")
        pathlib.Path(world.env["AWS_WEB_IDENTITY_TOKEN_FILE"]).write_text("second.token")
        box._control("PUT", "account", {**ACCOUNT, **account, "roles": {f"{ROLE}web": {"web_identity": ["second.token"]}}})
        harness.await_true(lambda: probe.ask("get")["access_key_id"] != first["access_key_id"], timeout=30)


def test_a_refusal_is_asked_for_again_when_it_is_mended(box, tmp_path):
    denied = {"roles": {f"{ROLE}base": {"denied": True}}}
    with fresh_world(ASSUMING, box, tmp_path, **denied).probe() as probe:
        answers = probe.ask("get", times=50)
        assert all("AccessDenied" in answer["error"] for answer in answers)
        assert calls(box, "AssumeRole") == 1, "those who ask at once are refused at once"
        box._control("PUT", "account", ACCOUNT)
        harness.await_true(lambda: "error" not in probe.ask("get"), timeout=30)
