"""What AWS's own service models, as botocore carries them, say of an HTTP request: which operation it is, and
whether every member of it is where it must be, of the right type, within its bounds."""

import base64
import dataclasses
import datetime
import json
import re
import urllib.parse

import botocore.auth
import botocore.model
import botocore.session
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.serialize import create_serializer
from botocore.utils import parse_timestamp

SERVICES = ("bedrock", "bedrock-runtime", "sts", "service-quotas", "sso")
SIGNING_NAMES = {"bedrock": "bedrock", "bedrock-runtime": "bedrock", "sts": "sts", "service-quotas": "servicequotas"}
# What a request may carry that no operation's model names.
TRANSPORT_HEADERS = {"host", "user-agent", "content-length", "content-type", "accept", "accept-encoding",
                     "authorization", "x-amz-date", "x-amz-security-token", "connection"}


class Mismatch(AssertionError):
    """A request or an answer that the model does not allow."""


def expect(condition, message):
    if not condition:
        raise Mismatch(message)


class Model:
    """One service's model, as it is written: botocore's own classes leave patterns and bounds out."""

    def __init__(self, service):
        loader = botocore.session.Session().get_component("data_loader")
        self.service = service
        self.raw = loader.load_service_model(service, "service-2")
        self.shapes = self.raw["shapes"]
        self.protocol = self.raw["metadata"]["protocol"]
        self.client = botocore.model.ServiceModel(self.raw, service)

    def operation(self, name):
        return self.client.operation_model(name)

    def location_name(self, name, member):
        return member.get("locationName", name)

    def check(self, shape_name, value, path):
        """`value` is JSON's; where a member lies in an HTTP request is for those who read that."""
        shape = self.shapes[shape_name]
        kind = shape["type"]
        if shape.get("document"):
            return
        checks = {"structure": self._structure, "list": self._list, "map": self._map, "string": self._string,
                  "integer": self._number, "long": self._number, "double": self._number, "float": self._number,
                  "boolean": self._boolean, "blob": self._blob, "timestamp": self._timestamp}
        checks[kind](shape, value, path)

    def _structure(self, shape, value, path):
        expect(isinstance(value, dict), f"{path}: {value!r} is no structure")
        members = {self.location_name(name, member): member for name, member in shape["members"].items()}
        unknown = set(value) - set(members)
        expect(not unknown, f"{path}: the model does not know {sorted(unknown)}")
        for name in shape.get("required", []):
            expect(self.location_name(name, shape["members"][name]) in value, f"{path}: {name} is required")
        if shape.get("union"):
            expect(len(value) == 1, f"{path}: a union of {sorted(value)}")
        for name, item in value.items():
            self.check(members[name]["shape"], item, f"{path}.{name}")

    def _list(self, shape, value, path):
        expect(isinstance(value, list), f"{path}: {value!r} is no list")
        self._bounds(shape, len(value), f"{path}: a list of {len(value)}")
        for index, item in enumerate(value):
            self.check(shape["member"]["shape"], item, f"{path}[{index}]")

    def _map(self, shape, value, path):
        expect(isinstance(value, dict), f"{path}: {value!r} is no map")
        self._bounds(shape, len(value), f"{path}: a map of {len(value)}")
        for name, item in value.items():
            self.check(shape["key"]["shape"], name, f"{path} key")
            self.check(shape["value"]["shape"], item, f"{path}.{name}")

    def _string(self, shape, value, path):
        expect(isinstance(value, str), f"{path}: {value!r} is no string")
        self._bounds(shape, len(value), f"{path}: {value!r}, {len(value)} characters")
        if "enum" in shape:
            expect(value in shape["enum"], f"{path}: {value!r} is none of {shape['enum']}")
        if "pattern" in shape:
            expect(pattern(shape["pattern"]).fullmatch(value), f"{path}: {value!r} is not {shape['pattern']}")

    def _number(self, shape, value, path):
        kinds = int if shape["type"] in ("integer", "long") else (int, float)
        expect(isinstance(value, kinds) and not isinstance(value, bool), f"{path}: {value!r} is no {shape['type']}")
        self._bounds(shape, value, f"{path}: {value}")

    def _boolean(self, _, value, path):
        expect(isinstance(value, bool), f"{path}: {value!r} is no boolean")

    def _blob(self, shape, value, path):
        size = len(value) if isinstance(value, bytes) else len(base64.b64decode(value, validate=True))
        self._bounds(shape, size, f"{path}: {size} bytes")

    def _timestamp(self, shape, value, path):
        expect(shape.get("timestampFormat") == "iso8601", f"{path}: its format is not known here")
        expect(isinstance(value, str) and ISO8601.fullmatch(value), f"{path}: {value!r} is no ISO 8601 time")

    def _bounds(self, shape, size, what):
        expect(shape.get("min", size) <= size <= shape.get("max", size),
               f"{what}; {shape.get('min')} to {shape.get('max')} are allowed")


ISO8601 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z")


def pattern(text):
    # Java's classes of letters, digits and spaces: Python has them by other names.
    text = text.replace(r"\p{L}\p{Z}\p{N}", r"\w\s")
    flags = 0 if r"\s" in text and r"\w" in text else re.ASCII
    return re.compile(text, flags)


MODELS = {service: Model(service) for service in SERVICES}


@dataclasses.dataclass
class Request:
    method: str
    target: str  # path and query, as sent
    headers: list  # of (name, value)
    body: bytes

    def header(self, name):
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    @property
    def path(self):
        return self.target.partition("?")[0]

    @property
    def query(self):
        return urllib.parse.parse_qsl(self.target.partition("?")[2], keep_blank_values=True, strict_parsing="?" in self.target)


@dataclasses.dataclass
class Call:
    service: str
    operation: str
    params: dict


def template_match(template, path):
    """The labels of a URI template in a path as sent; None where it is another's."""
    parts = re.split(r"\{(\w+)(\+?)\}", template.partition("?")[0])
    text, names = re.escape(parts[0]), []
    for name, greedy, literal in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        text += ("(.+)" if greedy else "([^/]+)") + re.escape(literal)
        names.append(name)
    found = re.fullmatch(text, path)
    return dict(zip(names, found.groups(), strict=True)) if found else None


def find_operation(request):
    """(model, operation's name, labels); exactly one operation of all services must fit."""
    found = []
    if target := request.header("X-Amz-Target"):
        prefix, _, name = target.partition(".")
        model = MODELS["service-quotas"]
        expect(prefix == model.raw["metadata"]["targetPrefix"] and request.path == "/", f"{target} at {request.path}")
        return model, name, {}
    if request.path == "/":
        return MODELS["sts"], dict(form(request))["Action"], {}
    for model in MODELS.values():
        if model.protocol != "rest-json":
            continue
        for name, operation in model.raw["operations"].items():
            labels = template_match(operation["http"]["requestUri"], request.path)
            if operation["http"]["method"] == request.method and labels is not None:
                found.append((model, name, labels))
    expect(len(found) == 1, f"{request.method} {request.target}: {[(m.service, name) for m, name, _ in found]}")
    return found[0]


def form(request):
    return urllib.parse.parse_qsl(request.body.decode(), keep_blank_values=True, strict_parsing=True)


def typed(model, shape_name, text):
    """A value that HTTP carries as text, as JSON would carry it."""
    kind = model.shapes[shape_name]["type"]
    if kind in ("integer", "long"):
        expect(re.fullmatch(r"-?\d+", text), f"{text!r} is no {kind}")
        return int(text)
    if kind == "boolean":
        expect(text in ("true", "false"), f"{text!r} is no boolean")
        return text == "true"
    return text


def read_rest_json(model, name, labels, request):
    shape = model.operation(name).input_shape
    raw = model.shapes[shape.name]
    params, query, body_members = {}, request.query, {}
    for member_name, member in raw["members"].items():
        wire = model.location_name(member_name, member)
        location = member.get("location")
        if location == "uri":
            value = urllib.parse.unquote(labels[wire], errors="strict")
            # One segment, encoded once, and nothing but the unreserved left as it is.
            expect(labels[wire] == urllib.parse.quote(value, safe="-_.~"), f"{request.path}: {wire} is spelled oddly")
            params[member_name] = value
        elif location == "querystring":
            values = [value for key, value in query if key == wire]
            expect(len(values) <= 1, f"{request.target}: {wire} twice")
            query = [(key, value) for key, value in query if key != wire]
            if values:
                params[member_name] = typed(model, member["shape"], values[0])
        elif location == "header":
            if (value := request.header(wire)) is not None:
                params[member_name] = typed(model, member["shape"], value)
        else:
            body_members[wire] = member_name
    expect(not query, f"{request.target}: the model does not know {query}")
    if payload := raw.get("payload"):
        params[payload] = request.body
    elif body_members:
        expect(request.header("Content-Type") == "application/json", f"Content-Type: {request.header('Content-Type')}")
        body = json.loads(request.body)
        unknown = set(body) - set(body_members)
        expect(not unknown, f"{name}: the model does not know {sorted(unknown)}")
        params.update({body_members[wire]: value for wire, value in body.items()})
    else:
        expect(not request.body, f"{name} has no body, but {request.body!r}")
    known = {model.location_name(m, v).lower() for m, v in raw["members"].items() if v.get("location") == "header"}
    return params, known


def read_json(model, name, request):
    version = model.raw["metadata"]["jsonVersion"]
    content_type = request.header("Content-Type")
    expect(content_type == f"application/x-amz-json-{version}", f"Content-Type: {content_type}")
    expect(request.method == "POST" and "?" not in request.target, f"{request.method} {request.target}")
    return json.loads(request.body), {"x-amz-target"}


def read_query(model, name, request):
    """Lists of structures are `Name.member.1.Key`."""
    content_type = request.header("Content-Type")
    expect(content_type == "application/x-www-form-urlencoded; charset=utf-8", f"Content-Type: {content_type}")
    expect(request.method == "POST" and "?" not in request.target, f"{request.method} {request.target}")
    pairs = form(request)
    fields = dict(pairs)
    expect(len(fields) == len(pairs), f"a field twice: {pairs}")
    expect(fields.pop("Action") == name, "Action")
    expect(fields.pop("Version") == model.raw["metadata"]["apiVersion"], "Version")
    input_name = model.raw["operations"][name].get("input", {}).get("shape")
    members = model.shapes[input_name]["members"] if input_name else {}
    params, lists = {}, {}
    for key, value in fields.items():
        found = re.fullmatch(r"(\w+)\.member\.([1-9]\d*)\.(\w+)", key)
        if found:
            lists.setdefault(found[1], {}).setdefault(int(found[2]), {})[found[3]] = value
        else:
            expect(key in members, f"{name}: the model does not know {key}")
            params[key] = typed(model, members[key]["shape"], value)
    for key, items in lists.items():
        expect(sorted(items) == list(range(1, len(items) + 1)), f"{key}: {sorted(items)}")
        params[key] = [items[index] for index in sorted(items)]
    return params, set()


def read(request):
    """The request as the model has it: names, places, types, bounds, all checked. Raises Mismatch."""
    model, name, labels = find_operation(request)
    expect(name in model.raw["operations"], f"{model.service} has no {name}")
    if model.protocol == "rest-json":
        params, headers = read_rest_json(model, name, labels, request)
    elif model.protocol == "json":
        params, headers = read_json(model, name, request)
    else:
        params, headers = read_query(model, name, request)
    strange = {key.lower() for key, _ in request.headers} - TRANSPORT_HEADERS - headers
    expect(not strange, f"{name}: headers {sorted(strange)}")
    expect(len({key.lower() for key, _ in request.headers}) == len(request.headers), f"{name}: a header twice")
    input_name = model.raw["operations"][name].get("input", {}).get("shape")
    if input_name:
        model_names = {model.location_name(m, v): m for m, v in model.shapes[input_name]["members"].items()}
        model.check(input_name, {wire: params[m] for wire, m in model_names.items() if m in params}, name)
    compare_with_botocore(model, name, params, request)
    return Call(model.service, name, params)


def compare_with_botocore(model, name, params, request):
    """What botocore would send for the same parameters: the same path, query and body."""
    operation = model.operation(name)
    timestamps = {
        member for member, shape in (operation.input_shape.members if operation.input_shape else {}).items()
        if shape.type_name == "timestamp"}
    given = {key: parse_timestamp(value) if key in timestamps else value for key, value in params.items()}
    made = create_serializer(model.protocol).serialize_to_request(given, operation)
    expect(made["method"] == request.method, f"{name}: {request.method}")
    expect(made["url_path"] == request.path, f"{name}: {request.path}, but botocore sends {made['url_path']}")

    def plain(pairs):
        return {key: instant(value) if key in timestamps else str(value) for key, value in pairs}

    theirs = urllib.parse.parse_qsl(made["query_string"]) if isinstance(made["query_string"], str) else made["query_string"].items()
    expect(plain(theirs) == plain(request.query), f"{name}: {request.target}, but botocore sends {made['query_string']}")
    if isinstance(made["body"], dict):
        expect({key: str(value) for key, value in made["body"].items()} == dict(form(request)), f"{name}: {request.body}")
    elif request.header("Content-Type") and made["body"] and operation.input_shape.serialization.get("payload") is None:
        expect(json.loads(made["body"]) == json.loads(request.body), f"{name}: {request.body}, botocore: {made['body']}")
    else:
        body = made["body"].encode() if isinstance(made["body"], str) else made["body"]
        expect(body == request.body, f"{name}: {request.body}, botocore: {made['body']}")


def instant(text):
    return parse_timestamp(text).astimezone(datetime.UTC)


def check_signature(request, service, access_key, secret_key, token=None):
    """What the request's own words give, signed by botocore, is its signature."""
    authorization = request.header("Authorization")
    found = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, "
                         r"SignedHeaders=([^,]+), Signature=[0-9a-f]{64}", authorization or "")
    expect(found, f"Authorization: {authorization}")
    expect(found[1] == access_key and found[4] == SIGNING_NAMES[service], authorization)
    expect({"host", "x-amz-date"} <= set(found[5].split(";")), found[5])
    expect(request.header("X-Amz-Security-Token") == token, "X-Amz-Security-Token")
    copy = AWSRequest(request.method, f"http://{request.header('Host')}{request.target}", data=request.body)
    for name, value in request.headers:
        if name.lower() in found[5].split(";"):
            copy.headers.add_header(name, value)
    signer = botocore.auth.SigV4Auth(Credentials(access_key, secret_key), found[4], found[3])
    copy.context["timestamp"] = request.header("X-Amz-Date")
    signature = signer.signature(signer.string_to_sign(copy, signer.canonical_request(copy)), copy)
    expect(authorization.endswith(signature), f"signed wrongly: {authorization}")
