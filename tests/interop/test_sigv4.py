"""Requests of every kind, signed by Quarry and by botocore: the same canonical request, string to sign, headers
and Authorization. What botocore cannot sign as AWS reads it is not made here, and said where it is left out."""

import collections
import datetime
import hashlib
import json
import os
import random
import string
import subprocess

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

COUNT = 10_000
SEED = 20260102

UNRESERVED = string.ascii_letters + string.digits + "-._~"
# What RFC 3986 3.3 lets stand in a segment as it is.
SEGMENT = UNRESERVED + "!$&'()*+,;=:@"
SERVICES = ["s3", "bedrock", "sts"]
REGIONS = ["us-east-1", "eu-central-1", "us-gov-west-1", "cn-north-1", "eusc-de-east-1", "us-iso-east-1", "ap-southeast-7"]
HEADER_NAMES = [
    "Content-Type", "Accept", "Accept-Encoding", "If-None-Match", "If-Match", "Range", "Content-MD5", "Content-Length",
    "Cache-Control", "X-Amz-Meta-a", "x-amz-meta-b", "X-AMZ-META-C", "x-amz-tagging", "X-Amz-Server-Side-Encryption",
    "x-amz-server-side-encryption-aws-kms-key-id", "X-Amz-Expected-Bucket-Owner", "x-amz-checksum-crc32", "X-Amzn-Extra",
    "a", "Z", "x-1", "X-2_3", "amz-sdk-invocation-id", "amz-sdk-request", "x-amz", "x-amz-",
    # Those that neither signs.
    "User-Agent", "Connection", "Expect", "Keep-Alive", "TE", "Trailer", "Transfer-Encoding", "Upgrade", "Baggage",
    "Proxy-Authorization", "proxy-authenticate", "x-amzn-trace-id", "traceparent", "TraceState",
    # Not "Date": with it botocore sends no X-Amz-Date, which Quarry always does. Not other names that begin with
    # "proxy-": botocore signs them, though a proxy may take them away.
]
OUTSIDE_ASCII = ["é", "ü", "日本", "😀", "ß", "Ω"]


def escaped(random_, byte):
    return f"%{byte:02X}" if random_.random() < 0.8 else f"%{byte:02x}"


def segment(random_):
    kind = random_.random()
    if kind < 0.1:
        return ""
    if kind < 0.17:
        return random_.choice([".", "..", "...", "%2E", "%2e%2E", "~", "-"])
    if kind < 0.27:
        return "arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Amodel-invocation-job%2Fabcdefghijkl"
    out = ""
    for _ in range(random_.randint(1, 12)):
        out += random_.choice(SEGMENT) if random_.random() < 0.5 else escaped(random_, random_.randrange(256))
    return out


def path(random_):
    # Never empty: an HTTP request has none, and botocore's S3 signer would sign "" for "/".
    return "/" + "/".join(segment(random_) for _ in range(random_.randint(0, 6)))


def query_text(random_):
    """Spelled as AWS canonicalises it: capital hex digits, and nothing escaped that need not be. Any other
    spelling botocore signs as it stands, which AWS, who decodes first, refuses; Quarry signs the canonical one."""
    out = ""
    for _ in range(random_.randint(0, 8)):
        if random_.random() < 0.6:
            out += random_.choice(UNRESERVED)
        else:
            byte = random_.randrange(256)
            out += chr(byte) if chr(byte) in UNRESERVED else f"%{byte:02X}"
    return out


def query(random_):
    names = ["", "a", "A", "uploads", "prefix", "list-type", "X-Amz-Meta", "%C3%A9", "%26", *(query_text(random_) for _ in range(3))]
    pairs = []
    for _ in range(random_.choice([0, 0, 1, 2, 3, 6])):
        name = random_.choice(names)
        # A name alone; never an empty piece between two "&": botocore signs it as "=", of which AWS says nothing.
        if name and random_.random() < 0.2:
            pairs.append(name)
        else:
            pairs.append(f"{name}={query_text(random_)}")
    return "&".join(pairs)


def header_value(random_):
    # No control characters but the tab: no header holds them. White space outside of ASCII neither, which botocore
    # folds and AWS does not.
    pieces = [*" \t", "  ", " \t ", *string.ascii_letters, *string.digits, *string.punctuation, *OUTSIDE_ASCII]
    return "".join(random_.choice(pieces) for _ in range(random_.randint(0, 20)))


def headers(random_):
    out = []
    for _ in range(random_.choice([0, 1, 2, 4, 8])):
        name = random_.choice(HEADER_NAMES)
        out.append([name, header_value(random_)])
        if random_.random() < 0.2:
            respelled = random_.choice([name, name.lower(), name.upper(), name.title()])
            out.append([respelled, header_value(random_)])
    return out


def word(random_, alphabet, low, high):
    return "".join(random_.choice(alphabet) for _ in range(random_.randint(low, high)))


def make_request(random_):
    service = random_.choice(SERVICES)
    https = random_.random() < 0.8
    host = random_.choice([f"{service}.us-east-1.amazonaws.com", "bkt.s3.eu-west-1.amazonaws.com", "127.0.0.1", "[::1]", "localhost"])
    port = random_.choice(["", "", ":9000", ":8443"])
    body = random_.choice([b"", b"", random_.randbytes(random_.randint(1, 200))])
    given = headers(random_)
    unsigned = service == "s3" and https and random_.random() < 0.3
    hashed = hashlib.sha256(body).hexdigest()
    if service != "s3" and random_.random() < 0.1:
        given.append([random_.choice(["X-Amz-Content-SHA256", "x-amz-content-sha256"]), hashed])
    random_.shuffle(given)
    return {
        "scheme": "https" if https else "http",
        "host": host + port,
        "body": body,
        "method": random_.choice(["GET", "PUT", "POST", "HEAD", "DELETE", "PATCH", "OPTIONS"]),
        "path": path(random_),
        "query": query(random_),
        "headers": given,
        "payload_sha256": "UNSIGNED-PAYLOAD" if unsigned else hashed,
        "access_key_id": word(random_, string.ascii_uppercase + string.digits, 16, 32),
        "secret_access_key": word(random_, string.ascii_letters + string.digits + "/+=", 16, 60),
        "session_token": random_.choice(["", word(random_, string.ascii_letters + string.digits + "/+=", 20, 800)]),
        "region": random_.choice(REGIONS),
        "service": service,
        "path_rule": "as_is" if service == "s3" else "encode_again",
        "now": random_.randint(0, 4_102_444_799),
    }


def kept(signer):
    """The signer, with what it made on the way."""

    class Kept(signer):
        def canonical_request(self, request):
            self.canonical = super().canonical_request(request)
            return self.canonical

        def string_to_sign(self, request, canonical_request):
            self.to_sign = super().string_to_sign(request, canonical_request)
            return self.to_sign

    return Kept


SIGNERS = {service: kept(botocore.auth.S3SigV4Auth if service == "s3" else botocore.auth.SigV4Auth) for service in SERVICES}
UNSIGNED = Config(s3={"payload_signing_enabled": False})


def signed_by_botocore(made, monkeypatch):
    monkeypatch.setattr(botocore.auth, "get_current_datetime",
                        lambda: datetime.datetime.fromtimestamp(made["now"], datetime.UTC))
    url = f"{made['scheme']}://{made['host']}{made['path']}" + (f"?{made['query']}" if made["query"] else "")
    request = AWSRequest(made["method"], url, data=made["body"])
    for name, value in made["headers"]:
        request.headers.add_header(name, value)
    if made["payload_sha256"] == "UNSIGNED-PAYLOAD":
        request.context["client_config"] = UNSIGNED
    credentials = Credentials(made["access_key_id"], made["secret_access_key"], made["session_token"] or None)
    signer = SIGNERS[made["service"]](credentials, made["service"], made["region"])
    signer.add_auth(request)
    sent = sorted((name.lower(), value) for name, value in request.headers.items())
    return {"canonical_request": signer.canonical, "string_to_sign": signer.to_sign,
            "authorization": request.headers["Authorization"], "headers": sent}


def signed_by_quarry(requests):
    lines = []
    for made in requests:
        line = {key: value for key, value in made.items() if key not in ("scheme", "host", "body")}
        line["headers"] = [["Host", made["host"]], *made["headers"]]
        lines.append(json.dumps(line))
    ran = subprocess.run([os.environ["QUARRY_AWS_PROBE"], "sign"], input="\n".join(lines).encode() + b"\n",
                         stdout=subprocess.PIPE, check=True, timeout=120)
    out = [json.loads(line) for line in ran.stdout.splitlines()]
    assert len(out) == len(requests)
    for answer in out:
        # botocore leaves Host to its HTTP client, and signs it.
        answer["headers"] = sorted((name.lower(), value) for name, value in answer["headers"] if name.lower() != "host")
    return out


@pytest.fixture(scope="module")
def made():
    random_ = random.Random(SEED)
    return [make_request(random_) for _ in range(COUNT)]


def test_random_requests_are_signed_as_botocore_signs_them(made, monkeypatch, capsys):
    counts = collections.Counter()
    for request, ours in zip(made, signed_by_quarry(made), strict=True):
        theirs = signed_by_botocore(request, monkeypatch)
        for part in ("canonical_request", "string_to_sign", "authorization", "headers"):
            assert ours[part] == theirs[part], (part, request)
        counts[request["service"]] += 1
        counts["with a token"] += bool(request["session_token"])
        counts["UNSIGNED-PAYLOAD"] += request["payload_sha256"] == "UNSIGNED-PAYLOAD"
    with capsys.disabled():
        print(f"\nsigned alike: {sum(counts[service] for service in SERVICES)} requests;", dict(counts))


def test_the_random_requests_are_of_every_kind(made):
    """What the comparison is worth depends on it."""
    paths = [request["path"] for request in made]
    lists = [[name.lower() for name, _ in request["headers"]] for request in made]
    queries = [request["query"].split("&") for request in made if request["query"]]
    for byte in range(256):
        assert any(f"%{byte:02X}" in path for path in paths), byte
    for character in SEGMENT:
        assert any(character in path for path in paths), character
    assert sum("//" in path for path in paths) > 100
    assert sum("/../" in path for path in paths) > 30
    assert sum(len(names) > len(set(names)) for names in lists) > 100
    assert sum(len(pairs) > len({pair.split("=")[0] for pair in pairs}) for pairs in queries) > 100
    assert sum(any(pair.startswith("=") for pair in pairs) for pairs in queries) > 100
    assert sum(any("=" not in pair for pair in pairs) for pairs in queries) > 100
    assert {request["service"] for request in made} == set(SERVICES)
