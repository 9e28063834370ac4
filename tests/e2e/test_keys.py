"""Virtual keys and teams as LiteLLM's clients use them, and as the real OpenAI SDK meets them."""

import hashlib
import json
import re

import harness
import openai
import pytest
import tenants

OTHER = "another-model"
LINE = harness.chat_lines(1)


def post(server, path, body, key=harness.KEY):
    return server.request("POST", path, body, key=key)


def info(server, key):
    answer = server.request("GET", f"/key/info?key={key}")
    assert answer.status == 200, answer.text
    return answer.json["info"]


def refused(answer, status, param, code=None):
    assert answer.status == status, answer.text
    assert answer.error["param"] == param, answer.text
    if code:
        assert answer.error["code"] == code, answer.text
    return answer.error["message"]


def test_a_key_has_litellms_shape_and_works(server):
    made = post(server, "/key/generate", {
        "key_alias": "shape", "models": [harness.MODEL], "max_budget": 12.5, "budget_duration": "30d",
        "duration": "2mo", "metadata": {"purpose": "tests"}, "user_id": "ann", "rpm_limit": 1000,
        "tpm_limit": 5000, "max_parallel_requests": 3})
    assert made.status == 200, made.text
    key = made.json
    assert re.fullmatch(r"sk-[A-Za-z0-9_-]{22}", key["key"])
    digest = hashlib.sha256(key["key"].encode()).hexdigest()
    assert key["token"] == key["token_id"] == digest
    assert key["key_name"] == f"sk-...{key['key'][-4:]}"
    expected = {"key_alias": "shape", "models": [harness.MODEL], "max_budget": 12.5, "budget_duration": "30d",
                "metadata": {"purpose": "tests"}, "user_id": "ann", "team_id": None, "rpm_limit": 1000,
                "tpm_limit": 5000, "max_parallel_requests": 3, "blocked": False, "spend": 0}
    assert {name: key[name] for name in expected} == expected
    for time in ("expires", "budget_reset_at", "created_at", "updated_at"):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d.*Z", key[time]), key[time]
    assert key["expires"] > key["budget_reset_at"] > key["created_at"]
    assert "warnings" not in key
    # By its text, by its hash, and as itself.
    by_text, by_hash = info(server, key["key"]), info(server, digest)
    own = server.request("GET", "/key/info", key=key["key"]).json
    assert by_text == by_hash == own["info"]
    assert own["key"] == digest
    assert {name: by_text[name] for name in expected} == expected
    assert tenants.Tenant(server, key["key"]).batch()


def test_what_does_nothing_here_is_said_and_is_no_error(server):
    made = post(server, "/key/generate", {"send_invite_email": True, "guardrails": ["x"]})
    assert made.status == 200
    assert made.json["warnings"] == ["'send_invite_email' does nothing here", "'guardrails' does nothing here"]


@pytest.mark.parametrize(("body", "param"), [
    ({"max_budget": -1}, "max_budget"), ({"duration": "soon"}, "duration"), ({"models": "x"}, "models"),
    ({"team_id": "nobody"}, "team_id"), ({"key": "sk-short"}, "key"), ({"key": "no-prefix-at-all-here"}, "key"),
    ({"metadata": {"max_open_batches": 0}}, "metadata.max_open_batches"),
    ({"budget_duration": "1y"}, "budget_duration"), ({"rpm_limit": "3"}, "rpm_limit"),
    ({"key": harness.KEY + "-but-that-is-long-enough", "blocked": 1}, "blocked")])
def test_a_wrong_request_is_refused_by_the_name_of_its_member(server, body, param):
    message = refused(post(server, "/key/generate", body), 400, param)
    assert param.split(".")[0].split("_")[0] in message or "nobody" in message


def test_the_key_itself_is_told_once_and_kept_nowhere(fresh_server):
    server = fresh_server
    ann = tenants.with_key(server, user_id="ann", key_alias="secret")
    given = "sk-given-by-the-administrator-9f3a"
    assert post(server, "/key/generate", {"key": given}).status == 200
    ann.batch()
    texts = [ann.key, given]
    for path in ("/key/list", "/key/list?return_full_object=true", f"/key/info?key={ann.key}",
                 f"/key/info?key={ann.hash}", "/team/list", "/spend/logs", "/v1/batches", "/v1/files"):
        answer = server.request("GET", path)
        assert answer.status == 200, path
        assert not [text for text in texts if text in answer.text], path
    assert ann.key not in post(server, "/key/update", {"key": ann.key, "models": []}).text
    assert ann.key not in post(server, "/key/block", {"key": ann.key}).text
    assert ann.key not in ann.request("GET", "/v1/files").text, "nor in what a blocked key is told"
    files = [path for path in (server.directory).rglob("*") if path.is_file()]
    assert any(path.name.startswith("quarry.db") for path in files) or "postgres" in server.log()
    for path in files:
        content = path.read_bytes()
        assert not [text for text in texts if text.encode() in content], path
    assert server.stop() == 0
    assert not [text for text in texts if text in server.log()]


def test_an_alias_is_one_keys_alone(server):
    tenants.with_key(server, key_alias="only one")
    assert "'only one'" in refused(post(server, "/key/generate", {"key_alias": "only one"}), 400, "key_alias")


def test_an_update_changes_what_it_names_and_null_takes_away(server):
    tenant = tenants.with_key(server, models=["a"], max_budget=1, key_alias="before", rpm_limit=500,
                              metadata={"x": 1}, duration="1h")
    changed = post(server, "/key/update", {"key": tenant.key, "models": ["b"], "max_budget": None,
                                           "max_open_batches": 3, "duration": None})
    assert changed.status == 200, changed.text
    now = info(server, tenant.hash)
    assert (now["models"], now["max_budget"], now["key_alias"], now["rpm_limit"]) == (["b"], None, "before", 500)
    assert now["metadata"] == {"x": 1, "max_open_batches": 3}
    assert now["expires"] is None
    refused(post(server, "/key/update", {"key": "sk-nobody-has-this-key-x"}), 404, "key")
    refused(post(server, "/key/update", {"models": []}), 400, "key")


def test_numbers_are_written_as_people_write_them(server):
    metadata = {"ratio": 0.000441, "half": 0.5, "whole": 50.0, "count": 7, "huge": 1e300, "none": -0.0}
    tenant = tenants.with_key(server, max_budget=0.5, metadata=metadata)
    text = server.request("GET", f"/key/info?key={tenant.hash}").text
    assert '"spend":0.0,"max_budget":0.5,' in text
    written = json.dumps(metadata, separators=(",", ":"))
    assert f'"metadata":{written}' in text
    post(server, "/key/update", {"key": tenant.hash, "rpm_limit": 900})
    assert f'"metadata":{written}' in server.request("GET", f"/key/info?key={tenant.hash}").text


def test_a_key_that_is_given_a_user_keeps_what_it_made(server):
    tenant, other = tenants.with_key(server), tenants.with_key(server, user_id="new user")
    batch_id = tenant.batch()
    file_id = tenant.request("GET", f"/v1/batches/{batch_id}").json["input_file_id"]
    assert post(server, "/key/update", {"key": tenant.key, "user_id": "new user"}).status == 200
    theirs, mine = other.batch(), tenant.batch()
    assert tenant.request("GET", f"/v1/files/{file_id}/content").status == 200
    assert [one["id"] for one in tenant.request("GET", "/v1/batches").json["data"]] == [mine, theirs, batch_id]
    assert {row["batch_id"] for row in tenant.request("GET", "/spend/logs").json} == {mine, theirs, batch_id}
    assert other.request("GET", f"/v1/batches/{batch_id}").status == 404, "it was not the user's"
    assert [one["id"] for one in other.request("GET", "/v1/batches").json["data"]] == [mine, theirs]
    post(server, "/key/update", {"key": tenant.key, "user_id": "another"})
    assert tenant.request("GET", f"/v1/batches/{mine}").status == 404, "that is the first user's"
    assert tenant.request("GET", f"/v1/batches/{batch_id}").status == 200
    assert tenant.request("DELETE", f"/v1/files/{file_id}").status == 200


def test_a_key_that_has_expired_says_when(server):
    tenant = tenants.with_key(server, duration="1s")
    deadline = harness.time.monotonic() + 30
    while (answer := tenant.request("GET", "/v1/files")).status == 200:
        assert harness.time.monotonic() < deadline
        harness.time.sleep(0.05)
    assert answer.status == 401
    assert answer.error["code"] == "expired_key"
    assert info(server, tenant.hash)["expires"] in answer.error["message"]
    assert post(server, "/key/update", {"key": tenant.key, "duration": "1h"}).status == 200
    assert tenant.request("GET", "/v1/files").status == 200


def test_the_sdk_meets_a_wrong_a_blocked_and_a_deleted_key_as_authentication_errors(server):
    tenant = tenants.with_key(server)
    client = tenant.sdk()
    client.files.list()
    assert post(server, "/key/block", {"key": tenant.hash}).json["blocked"] is True
    with pytest.raises(openai.AuthenticationError, match="blocked") as error:
        client.files.list()
    assert error.value.code == "key_blocked"
    assert post(server, "/key/unblock", {"key": tenant.hash}).json["blocked"] is False
    client.files.list()
    deleted = post(server, "/key/delete", {"keys": [tenant.key, "sk-nobody-has-this-key-x"]})
    assert deleted.json == {"deleted_keys": [tenant.key], "deleted_count": 1,
                            "warnings": ["there is no key 'sk-...ey-x'"]}
    with pytest.raises(openai.AuthenticationError) as error:
        client.files.list()
    assert error.value.code == "invalid_api_key"
    refused(post(server, "/key/delete", {"keys": [tenant.key]}), 404, "keys")
    refused(post(server, "/key/delete", {"keys": [tenant.key, "zzz"]}), 400, "keys[1]")
    with pytest.raises(openai.AuthenticationError):
        server.client(api_key="sk-never-made-by-anybody").files.list()


def test_keys_are_deleted_by_alias_too(server):
    tenant = tenants.with_key(server, key_alias="to be deleted")
    deleted = post(server, "/key/delete", {"key_aliases": ["to be deleted"]})
    assert deleted.json["deleted_keys"] == ["to be deleted"]
    assert tenant.request("GET", "/v1/files").status == 401


def test_only_the_master_key_administers(server):
    tenant, other = tenants.with_key(server), tenants.with_key(server)
    for method, path, body in (
            ("POST", "/key/generate", {}), ("POST", "/key/update", {"key": tenant.key, "max_budget": 1}),
            ("POST", "/key/delete", {"keys": [other.key]}), ("POST", "/key/block", {"key": other.key}),
            ("POST", "/key/unblock", {"key": tenant.key}), ("GET", "/key/list", None),
            ("POST", "/team/new", {}), ("POST", "/team/update", {}), ("POST", "/team/delete", {"team_ids": ["x"]}),
            ("POST", "/team/block", {}), ("POST", "/team/unblock", {}), ("GET", "/team/info?team_id=x", None),
            ("GET", "/team/list", None)):
        answer = tenant.request(method, path, body)
        assert (answer.status, answer.error["code"]) == (403, "admin_only"), path
    with pytest.raises(openai.PermissionDeniedError):
        tenant.sdk().post("/key/generate", body={}, cast_to=object)
    # A key may look at itself, whichever way it names itself, and cannot tell others from none.
    assert tenant.request("GET", f"/key/info?key={tenant.key}").status == 200
    assert tenant.request("GET", f"/key/info?key={tenant.hash}").status == 200
    answers = {tenant.request("GET", f"/key/info?key={name}").text
               for name in (other.key, other.hash, "sk-nobody-has-this-key-x", "nonsense")}
    assert len(answers) == 1 and "admin_only" in answers.pop()
    assert other.request("GET", "/key/info").status == 200, "nothing was done to it"


def test_keys_are_listed_by_pages_and_filters(fresh_server):
    server = fresh_server
    team = tenants.team(server, team_alias="red")
    made = [tenants.with_key(server, user_id=f"user-{i % 2}", key_alias=f"alias-{i}") for i in range(5)]
    made.append(tenants.with_key(server, team_id=team))
    hashes = {tenant.hash for tenant in made}

    def listed(query=""):
        answer = server.request("GET", f"/key/list{query}")
        assert answer.status == 200, answer.text
        return answer.json

    assert set(listed()["keys"]) == hashes
    first, second = listed("?size=4"), listed("?size=4&page=2")
    assert (len(first["keys"]), len(second["keys"])) == (4, 2)
    assert set(first["keys"]) | set(second["keys"]) == hashes
    assert (second["total_count"], second["current_page"], second["total_pages"]) == (6, 2, 2)
    assert set(listed("?user_id=user-0")["keys"]) == {made[i].hash for i in (0, 2, 4)}
    assert listed(f"?team_id={team}")["keys"] == [made[5].hash]
    assert listed("?key_alias=alias-3")["keys"] == [made[3].hash]
    (whole,) = listed("?key_alias=alias-3&return_full_object=true")["keys"]
    assert whole == info(server, made[3].hash)
    assert whole["token"] == made[3].hash
    for form in ("True", "1", "yes"):
        assert listed(f"?key_alias=alias-3&return_full_object={form}")["keys"] == [whole]
    assert listed("?key_alias=alias-3&return_full_object=no")["keys"] == [made[3].hash]
    refused(server.request("GET", "/key/list?return_full_object=maybe"), 400, "return_full_object")
    for one in (made[2].hash, made[2].key):
        assert (listed(f"?key_hash={one}")["keys"], listed(f"?key_hash={one}")["total_count"]) == ([made[2].hash], 1)
    assert listed(f"?key_hash={made[2].hash}&user_id=user-1")["keys"] == []
    assert listed(f"?key_hash={'0' * 64}")["keys"] == []
    refused(server.request("GET", "/key/list?key_hash=reports"), 400, "key_hash")
    refused(server.request("GET", "/key/list?organization_id=one"), 400, "organization_id")
    assert len(listed("?sort_by=spend&sort_order=desc&organization_id=")["keys"]) == 6, "an empty one says nothing"
    refused(server.request("GET", "/key/list?size=0"), 400, "size")
    refused(server.request("GET", "/key/list?page=x"), 400, "page")


def test_teams_have_litellms_shape_and_go_with_their_keys(server):
    made = post(server, "/team/new", {"team_alias": "blue", "models": [harness.MODEL], "max_budget": 3,
                                      "metadata": {"cost_center": 7}, "blocked": False})
    assert made.status == 200, made.text
    team = made.json
    assert (team["team_alias"], team["models"], team["max_budget"]) == ("blue", [harness.MODEL], 3)
    tenant = tenants.with_key(server, team_id=team["team_id"])
    updated = post(server, "/team/update", {"team_id": team["team_id"], "max_budget": 4})
    assert (updated.json["team_id"], updated.json["data"]["max_budget"]) == (team["team_id"], 4)
    shown = server.request("GET", f"/team/info?team_id={team['team_id']}").json
    assert shown["team_info"]["metadata"] == {"cost_center": 7}
    assert [key["token"] for key in shown["keys"]] == [tenant.hash]
    assert team["team_id"] in {one["team_id"] for one in server.request("GET", "/team/list").json}
    assert post(server, "/team/block", {"team_id": team["team_id"]}).json["blocked"] is True
    answer = tenant.request("GET", "/v1/files")
    assert (answer.status, answer.error["code"]) == (401, "team_blocked")
    assert post(server, "/team/unblock", {"team_id": team["team_id"]}).status == 200
    assert tenant.request("GET", "/v1/files").status == 200
    deleted = post(server, "/team/delete", {"team_ids": ["gone", team["team_id"]]}).json
    assert deleted == {"deleted_teams": [team["team_id"]], "deleted_keys": [tenant.hash],
                       "warnings": ["there is no team 'gone'"]}
    assert tenant.request("GET", "/v1/files").status == 401
    refused(server.request("GET", f"/team/info?team_id={team['team_id']}"), 404, "team_id")
    refused(post(server, "/team/new", {"team_id": tenants.team(server)}), 400, "team_id")


def test_the_master_key_has_no_row_of_its_own(server):
    refused(server.request("GET", "/key/info"), 400, "key")
    refused(post(server, "/key/generate", {"key": harness.KEY}), 400, "key")


@pytest.fixture(scope="module")
def models_server(tmp_path_factory):
    """Two models, and a wildcard for more."""
    directory = tmp_path_factory.mktemp("models")
    config = directory / "config.yaml"
    entry = """\
  - model_name: {name}
    litellm_params:
      model: bedrock/{model}
      aws_region_name: us-west-2
      s3_bucket_name: quarry-test
      aws_batch_role_arn: arn:aws:iam::123456789012:role/quarry-test
"""
    config.write_text("model_list:\n" + "".join(
        entry.format(name=name, model=model) for name, model in (
            (harness.MODEL, harness.BEDROCK_MODEL), (OTHER, harness.BEDROCK_MODEL), ("any/*", "*")))
        + f"general_settings:\n  master_key: {harness.KEY}\n")
    server = harness.Server(directory / "server", config=config)
    yield server
    assert server.stop() == 0, server.log_end()


def test_a_file_that_names_a_model_beyond_the_keys_is_refused_before_anything_is_sent(models_server):
    server = models_server
    tenant = tenants.with_key(server, models=[harness.MODEL])
    assert tenant.batch(LINE)
    before = len(server.records()["jobs"]) + len(server.records()["invocations"])
    mixed = harness.to_jsonl([harness.chat_line("a"), harness.chat_line("b", model=OTHER),
                              harness.chat_line("c", model="unheard-of")])
    file_id = tenant.file(mixed)
    for more in ({}, {"dry_run": True}):
        message = refused(tenant.create(file_id, **more), 403, "input_file_id", "model_not_allowed")
        assert f"'{OTHER}', 'unheard-of'" in message
        assert harness.MODEL not in message
    with pytest.raises(openai.PermissionDeniedError) as error:
        tenant.sdk().batches.create(input_file_id=file_id, endpoint="/v1/chat/completions",
                                    completion_window="24h")
    assert error.value.code == "model_not_allowed"
    listed = tenant.request("GET", "/v1/batches").json["data"]
    assert len(listed) == 1, "nothing was created"
    server.wait(listed[0]["id"])
    after = len(server.records()["jobs"]) + len(server.records()["invocations"])
    assert after - before <= 1, "of the first batch alone"
    assert tenants.master(server).create(file_id).status == 200, "the master key may"


def test_a_model_named_twice_in_a_line_is_checked_as_it_runs(models_server):
    """JSON may repeat a member: whichever counts for the check counts for the run."""
    tenant = tenants.with_key(models_server, models=[harness.MODEL])
    line = json.dumps(harness.chat_line("twice"))
    member = f'"model": {json.dumps(harness.MODEL)}'
    assert member in line
    for twice in (f'{member}, "model": "{OTHER}"', f'"model": "{OTHER}", {member}'):
        created = tenant.create(tenant.file(line.replace(member, twice).encode() + b"\n"))
        if created.status == 403:
            continue
        assert created.status == 200, created.text
        batch = models_server.wait(created.json["id"])
        spent = models_server.request("GET", f"/spend/logs?batch_id={batch['id']}").text
        assert OTHER not in spent, spent


def test_more_models_than_a_scan_holds_are_refused_to_keys_that_may_not_use_all(models_server):
    lines = harness.to_jsonl(harness.chat_line(f"l{i}", model=f"any/model-{i}") for i in range(300))
    narrow = tenants.with_key(models_server, models=["any/*"])
    refused(narrow.create(narrow.file(lines)), 403, "input_file_id", "model_not_allowed")
    wide = tenants.with_key(models_server)
    assert wide.create(wide.file(lines)).status == 200


def test_the_models_of_an_upload_are_checked(models_server):
    tenant = tenants.with_key(models_server, models=[harness.MODEL])
    fields = (("purpose", "batch"), ("target_model_names", f"{harness.MODEL},{OTHER}"))
    assert OTHER in refused(tenant.upload(LINE, fields), 403, "target_model_names", "model_not_allowed")
    parts = {"filename": "a.jsonl", "purpose": "batch", "mime_type": "application/jsonl", "bytes": 1}
    refused(tenant.request("POST", "/v1/uploads", {**parts, "target_model_names": OTHER}),
            403, "target_model_names", "model_not_allowed")
    # What an upload names counts for all its lines, whoever sent it.
    foreign = tenants.with_key(models_server, team_id=tenants.team(models_server, team_id="shared"))
    narrow = tenants.with_key(models_server, team_id="shared", models=[harness.MODEL])
    file_id = foreign.upload(LINE, (("purpose", "batch"), ("target_model_names", OTHER))).json["id"]
    refused(narrow.create(file_id), 403, "input_file_id", "model_not_allowed")


def test_models_that_may_not_be_used_are_not_there(models_server):
    def listed(tenant):
        return [model.id for model in tenant.sdk().models.list()]

    everything = sorted([harness.MODEL, OTHER, "any/*"])
    assert sorted(listed(tenants.master(models_server))) == everything
    assert sorted(listed(tenants.with_key(models_server))) == everything
    assert sorted(listed(tenants.with_key(models_server, models=["all-proxy-models"]))) == everything
    narrow = tenants.with_key(models_server, models=[OTHER, "gone-model"])
    assert listed(narrow) == [OTHER]
    assert narrow.sdk().models.retrieve(OTHER).id == OTHER
    with pytest.raises(openai.NotFoundError):
        narrow.sdk().models.retrieve(harness.MODEL)
    hidden = narrow.request("GET", f"/v1/models/{harness.MODEL}")
    unknown = narrow.request("GET", "/v1/models/unknown")
    assert hidden.text.replace(harness.MODEL, "x") == unknown.text.replace("unknown", "x")
    team = tenants.team(models_server, models=[OTHER])
    assert listed(tenants.with_key(models_server, team_id=team, models=["all-team-models"])) == [OTHER]
    assert listed(tenants.with_key(models_server, team_id=team, models=[harness.MODEL])) == []
    # Of a wildcard, those that the key or its team names.
    claude, nova = f"any/{harness.BEDROCK_MODEL}", "any/amazon.nova-lite-v1:0"
    named = tenants.team(models_server, models=[claude, nova, "none/z"])
    assert sorted(listed(tenants.with_key(models_server, team_id=named))) == sorted([claude, nova])
    assert listed(tenants.with_key(models_server, team_id=named, models=["*nova*"])) == [nova]


def test_requests_a_minute_are_limited_and_lines_of_batches_are_not(server):
    tenant = tenants.with_key(server, rpm_limit=4)
    batch_id = tenant.batch(harness.chat_lines(20))  # two requests
    left = tenant.request("GET", f"/v1/batches/{batch_id}")
    assert left.headers["x-ratelimit-limit-requests"] == "4"
    assert left.headers["x-ratelimit-remaining-requests"] == "1"
    assert re.fullmatch(r"\d+s", left.headers["x-ratelimit-reset-requests"])
    assert tenant.request("GET", "/v1/files").status == 200
    over = tenant.request("GET", "/v1/files")
    assert over.status == 429
    assert over.error["code"] == "rate_limit_exceeded"
    assert 1 <= int(over.headers["Retry-After"]) <= 60
    with pytest.raises(openai.RateLimitError):
        tenant.sdk().files.list()
    assert server.wait(batch_id)["request_counts"]["completed"] == 20
    unlimited = server.request("GET", "/v1/files")
    refused_too = tenants.with_key(server, rpm_limit=4)
    for left, (status, method, path) in zip((3, 2, 1), ((404, "GET", "/v1/nothing"), (405, "PUT", "/v1/files"),
                                                        (403, "GET", "/key/list"))):
        answer = refused_too.request(method, path)
        assert answer.status == status, answer.text
        assert answer.headers["x-ratelimit-remaining-requests"] == str(left), path
    assert unlimited.status == 200 and "x-ratelimit-limit-requests" not in unlimited.headers


def test_a_teams_keys_share_its_requests_a_minute(server):
    team = tenants.team(server, rpm_limit=2)
    first, second = (tenants.with_key(server, team_id=team) for _ in range(2))
    assert [tenant.request("GET", "/v1/files").status for tenant in (first, second, first)] == [200, 200, 429]


def test_an_open_server_has_no_keys_and_says_what_to_set(tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text("""\
model_list:
  - model_name: m
    litellm_params:
      model: bedrock/us.anthropic.claude-3-5-sonnet-20240620-v1:0
      aws_region_name: us-west-2
      s3_bucket_name: quarry-test
      aws_batch_role_arn: arn:aws:iam::123456789012:role/quarry-test
""")
    server = harness.Server(tmp_path / "server", config=config)
    for method, path, body in (("POST", "/key/generate", {}), ("GET", "/key/list", None),
                               ("GET", "/key/info", None), ("POST", "/team/new", {})):
        answer = server.request(method, path, body, key=None)
        assert answer.status == 400, answer.text
        assert answer.error["code"] == "no_master_key"
        assert "general_settings.master_key" in answer.error["message"]
    assert server.request("GET", "/v1/files", key="anything").status == 200
    assert server.stop() == 0


def test_keys_outlive_the_server(tmp_path):
    server = harness.Server(tmp_path / "server")
    tenant = tenants.with_key(server, models=["a"])
    assert server.stop() == 0
    server = harness.Server(tmp_path / "server")
    assert server.request("GET", "/key/info", key=tenant.key).json["info"]["models"] == ["a"]
    assert server.stop() == 0
