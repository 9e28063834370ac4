"""Who reaches what: every tenant on every route, with ids of every kind.

What must come is computed from one rule, `sees`: the master key sees all, a key what its user made, what
its team's keys made, and without a user what it made itself. What is not seen is answered as what does not
exist, byte for byte.
"""

import base64
import itertools
import json
import urllib.parse

import harness
import pytest
import tenants

LINE = harness.chat_lines(1)
# Ids that nothing has: as LiteLLM encodes its own, as AWS names things, and others.
STRANGE = {
    "litellm": "file-" + base64.urlsafe_b64encode(
        b"litellm_proxy:application/json;unified_id,c4843482;target_model_names,claude").decode().rstrip("="),
    "litellm_batch": "batch_" + base64.urlsafe_b64encode(
        b"litellm:arn:aws:bedrock:us-west-2:123456789012:model-invocation-job/abc;model,claude").decode(),
    "arn": "arn:aws:bedrock:us-west-2:123456789012:model-invocation-job/abcdefghijkl",
    "s3_uri": f"s3://{harness.BUCKET}/quarry/files/x/0",
    "long": "file-" + "a" * 300,
    "dots": "..",
    "quoted": "file-'; DROP TABLE files; --",
}


def sees(viewer, owner):
    return (viewer.name == "master" or viewer.name == owner.name
            or (viewer.user is not None and viewer.user == owner.user)
            or (viewer.team is not None and viewer.team == owner.team))


class World:
    """Tenants, and what each of them has made: a file, a batch that has ended, an upload under way."""

    def __init__(self, server):
        self.server = server
        red = tenants.team(server, team_id="red")
        self.tenants = {
            "ann": tenants.with_key(server, user_id="ann"),
            "ann_again": tenants.with_key(server, user_id="ann"),
            "bob": tenants.with_key(server, user_id="bob"),
            "tina": tenants.with_key(server, user_id="tina", team_id=red),
            "tom": tenants.with_key(server, team_id=red),
            "lone": tenants.with_key(server),
            "master": tenants.master(server),
        }
        for name, tenant in self.tenants.items():
            tenant.name = name
            tenant.batch_id = tenant.batch()
            tenant.upload_id, tenant.part_id = tenant.pending_upload(LINE)
        for tenant in self.tenants.values():
            tenant.ended = server.wait(tenant.batch_id)
            assert tenant.ended["status"] == "completed", tenant.ended
            tenant.file_id = tenant.ended["input_file_id"]
            tenant.output_id = tenant.ended["output_file_id"]

    def pairs(self):
        return itertools.product(self.tenants.values(), repeat=2)


@pytest.fixture(scope="module")
def world(server):
    return World(server)


def quoted(name):
    return urllib.parse.quote(name, safe="")


def every_character_quoted(name):
    return "".join(f"%{byte:02X}" for byte in name.encode())


# What a viewer asks with somebody's id. Each: (method, path, body) of an id as it stands in a path, and raw.
READS = {
    "file": {
        "get": lambda path, raw: ("GET", f"/v1/files/{path}", None),
        "content": lambda path, raw: ("GET", f"/v1/files/{path}/content", None),
        "list after": lambda path, raw: ("GET", f"/v1/files?after={quoted(raw)}", None),
        "dry run": lambda path, raw: ("POST", "/v1/batches", {
            "input_file_id": raw, "endpoint": "/v1/chat/completions", "completion_window": "24h",
            "dry_run": True}),
    },
    "batch": {
        "get": lambda path, raw: ("GET", f"/v1/batches/{path}", None),
        "list after": lambda path, raw: ("GET", f"/v1/batches?after={quoted(raw)}", None),
    },
}
WRITES = {
    "file": {
        "delete": lambda path, raw: ("DELETE", f"/v1/files/{path}", None),
        "create": lambda path, raw: ("POST", "/v1/batches", {
            "input_file_id": raw, "endpoint": "/v1/chat/completions", "completion_window": "24h"}),
    },
    "batch": {"cancel": lambda path, raw: ("POST", f"/v1/batches/{path}/cancel", None)},
    "upload": {
        "complete": lambda path, raw: ("POST", f"/v1/uploads/{path}/complete", {"part_ids": ["part_x"]}),
        "cancel": lambda path, raw: ("POST", f"/v1/uploads/{path}/cancel", None),
    },
}
UNKNOWN = {"file": "file-" + "0" * 32, "batch": "batch_" + "0" * 32, "upload": "upload_" + "0" * 32}
# Of what is not there.
REFUSED = {"list after": 400}


def ids_of(tenant):
    return {"file": [tenant.file_id, tenant.output_id], "batch": [tenant.batch_id],
            "upload": [tenant.upload_id]}


def ask(viewer, call, identifier, spelling=quoted):
    return viewer.request(*call(spelling(identifier), identifier))


def told(answer, identifier):
    """What an answer says, but for the id that was asked for and what differs from request to request."""
    changing = {"date", "x-request-id", "openai-processing-ms", "content-length"}
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return (answer.status, {name: value for name, value in headers.items() if name not in changing},
            answer.text.replace(json.dumps(identifier)[1:-1], "<the id>"))


def expect_hidden(viewer, route, kind, call, identifier, spelling=quoted):
    """Answered as an id that nothing has."""
    unknown = ask(viewer, call, UNKNOWN[kind], spelling)
    assert unknown.status == REFUSED.get(route, 404), (route, unknown.text)
    hidden = ask(viewer, call, identifier, spelling)
    assert told(hidden, identifier) == told(unknown, UNKNOWN[kind]), (viewer.name, route, identifier)


def expect_shown(viewer, route, call, identifier, spelling=quoted):
    answer = ask(viewer, call, identifier, spelling)
    assert answer.status == 200, (viewer.name, route, identifier, answer.text)


def test_what_is_seen_can_be_read_and_the_rest_does_not_exist(world):
    table = []
    for viewer, owner in world.pairs():
        row = []
        for kind, routes in READS.items():
            for (route, call), identifier in itertools.product(routes.items(), ids_of(owner)[kind]):
                if route == "dry run" and identifier == owner.output_id:
                    continue  # no batch's input, whoever asks
                for spelling in (quoted, every_character_quoted):
                    if sees(viewer, owner):
                        expect_shown(viewer, route, call, identifier, spelling)
                    else:
                        expect_hidden(viewer, route, kind, call, identifier, spelling)
            row.append(f"{kind}: {'seen' if sees(viewer, owner) else '404'}")
        table.append(f"{viewer.name:10} {owner.name:10} {', '.join(row)}")
    print("\nviewer     owner\n" + "\n".join(table))


def test_what_is_not_seen_cannot_be_changed(world):
    for viewer, owner in world.pairs():
        if sees(viewer, owner):
            continue
        for kind, routes in WRITES.items():
            for (route, call), identifier in itertools.product(routes.items(), ids_of(owner)[kind]):
                expect_hidden(viewer, route, kind, call, identifier)
        unknown = viewer.part(UNKNOWN["upload"])
        hidden = viewer.part(owner.upload_id)
        assert unknown.status == 404
        assert told(hidden, owner.upload_id) == told(unknown, UNKNOWN["upload"])
    for owner in world.tenants.values():
        assert owner.request("GET", f"/v1/files/{owner.file_id}").status == 200
        assert owner.batch_id == owner.request("GET", f"/v1/batches/{owner.batch_id}").json["id"]
        assert owner.part(owner.upload_id).status == 200, "still pending"


def test_what_is_seen_can_be_changed(world):
    for viewer, owner in world.pairs():
        if not sees(viewer, owner):
            continue
        assert viewer.request("DELETE", f"/v1/files/{owner.file(LINE)}").status == 200
        upload_id, part_id = owner.pending_upload(LINE)
        completed = viewer.request("POST", f"/v1/uploads/{upload_id}/complete", {"part_ids": [part_id]})
        assert completed.status == 200, completed.text
        assert owner.request("GET", f"/v1/files/{completed.json['file']['id']}").status == 200
        upload_id, _ = owner.pending_upload(LINE)
        assert viewer.part(upload_id).status == 200
        assert viewer.request("POST", f"/v1/uploads/{upload_id}/cancel").status == 200
        # It has ended: known, and beyond cancelling.
        assert viewer.request("POST", f"/v1/batches/{owner.batch_id}/cancel").status == 409


def test_a_batch_of_anothers_file_belongs_to_who_made_the_batch(world):
    tina, tom, ann = (world.tenants[name] for name in ("tina", "tom", "ann"))
    created = tom.create(tina.file_id)
    assert created.status == 200, created.text
    assert tina.request("GET", f"/v1/batches/{created.json['id']}").status == 200
    assert ann.request("GET", f"/v1/batches/{created.json['id']}").status == 404


@pytest.mark.parametrize("name", STRANGE)
def test_ids_of_other_systems_are_nobodys(world, name):
    """Of no tenant, and not of the master key either: no id leads around the database."""
    identifier = STRANGE[name]
    for viewer in world.tenants.values():
        for routes in (READS, WRITES):
            for kind, calls in routes.items():
                for route, call in calls.items():
                    expect_hidden(viewer, route, kind, call, identifier)
        # As it is: what holds slashes is no path of ours, percent-encoded or not.
        for path in ("files", "batches"):
            answer = viewer.request("GET", f"/v1/{path}/{identifier.replace(' ', '%20')}")
            assert answer.status == 404, answer.text


def test_lists_hold_what_is_seen_and_nothing_else(fresh_server):
    world = World(fresh_server)
    for viewer in world.tenants.values():
        seen = [owner for owner in world.tenants.values() if sees(viewer, owner)]
        listed = viewer.request("GET", "/v1/batches?limit=100").json["data"]
        assert {batch["id"] for batch in listed} == {owner.batch_id for owner in seen}, viewer.name
        # Every row is the batch as its owner has it, with no id but ours.
        assert {batch["id"]: batch for batch in listed} == {owner.batch_id: owner.ended for owner in seen}
        files = viewer.request("GET", "/v1/files").json["data"]
        assert {file["id"] for file in files} == {file_id for owner in seen
                                                  for file_id in (owner.file_id, owner.output_id)}
        pages, after = [], ""
        while True:
            page = viewer.request("GET", f"/v1/files?limit=2{after}").json
            pages += [file["id"] for file in page["data"]]
            if not page["has_more"]:
                break
            after = f"&after={pages[-1]}"
        assert pages == [file["id"] for file in files], "page by page it is the same"
        spent = {row["batch_id"] for row in viewer.request("GET", "/spend/logs?limit=1000").json}
        assert spent == {owner.batch_id for owner in seen}, viewer.name


def test_spend_cannot_be_asked_for_by_anothers_ids(world):
    ann, bob = world.tenants["ann"], world.tenants["bob"]
    for query in (f"batch_id={bob.batch_id}", f"request_id={bob.batch_id}_batch_cost",
                  f"request_id={bob.batch_id}", f"api_key={bob.hash}", "user_id=bob"):
        answer = ann.request("GET", f"/spend/logs?{query}")
        rows = answer.json if answer.status == 200 else []
        assert bob.batch_id not in {row["batch_id"] for row in rows}, query
    assert ann.request("GET", f"/spend/logs?batch_id={ann.batch_id}").json
    unknown, hidden = "batch_" + "0" * 32, bob.batch_id
    answers = [told(ann.request("GET", f"/spend/logs?after={row}"), row) for row in (unknown, hidden)]
    assert answers[0][0] == 400
    assert answers[0] == answers[1]


@pytest.mark.parametrize("route", ["/spend/logs", "/spend/keys", "/spend/models", "/spend/teams",
                                   "/global/spend/report?group_by=key",
                                   "/global/spend/report?group_by=user,team"])
def test_no_view_of_the_ledger_names_anothers_keys_users_or_batches(world, route):
    for viewer in world.tenants.values():
        mark = "&" if "?" in route else "?"
        for form in ("json", "csv"):
            answer = viewer.request("GET", f"{route}{mark}format={form}")
            assert answer.status == 200, (viewer.name, route, answer.text)
            for owner in world.tenants.values():
                if not sees(viewer, owner):
                    named = [word for word in (getattr(owner, "info") and owner.hash, owner.batch_id)
                             if word and word in answer.text]
                    named += [owner.user] if owner.user and f'"{owner.user}"' in answer.text else []
                    assert not named, (viewer.name, owner.name, route, answer.text)


def test_parts_of_anothers_upload_are_unknown_parts(world):
    ann, bob = world.tenants["ann"], world.tenants["bob"]

    def complete(part_id):
        return ann.request("POST", f"/v1/uploads/{ann.upload_id}/complete", {"part_ids": [part_id]})

    unknown = "part_" + "0" * 32
    assert complete(unknown).status == 400
    assert told(complete(bob.part_id), bob.part_id) == told(complete(unknown), unknown)


def test_an_idempotency_key_is_its_owners(world):
    made = {}
    for name in ("ann", "bob", "tina", "tom", "lone", "master"):
        tenant = world.tenants[name]
        headers = {"Idempotency-Key": "the same for all"}
        first, again = (tenant.create(tenant.file_id, headers) for _ in range(2))
        assert first.status == 200, first.text
        assert again.json["id"] == first.json["id"]
        made[name] = first.json["id"]
    assert len(set(made.values())) == len(made)
    again = world.tenants["ann_again"].create(
        world.tenants["ann"].file_id, {"Idempotency-Key": "the same for all"})
    assert again.json["id"] == made["ann"], "another key of the same user is the same owner"


def test_ids_fit_into_64_characters_that_need_no_escaping(world):
    for tenant in world.tenants.values():
        for identifier in (*ids_of(tenant)["file"], tenant.batch_id, tenant.upload_id, tenant.part_id):
            assert len(identifier) <= 64
            assert identifier == quoted(identifier)
            assert "." not in identifier and identifier == identifier.strip()


def test_no_answer_holds_a_name_of_aws(world):
    """From the first answer on: the ids of results are ours before there are any."""
    ann = world.tenants["ann"]
    batch_id = ann.batch()
    seen = []
    while True:
        batch = ann.request("GET", f"/v1/batches/{batch_id}").json
        seen += [json.dumps(batch), ann.request("GET", "/v1/batches").text]
        if batch["status"] in harness.TERMINAL:
            break
    seen += [ann.request("GET", "/v1/files").text, ann.request("GET", "/spend/logs").text]
    for text in seen:
        for word in ("s3:", "arn:", harness.BUCKET, "quarry/"):
            assert word not in text, text


def test_a_key_without_user_and_team_pays_for_itself(world):
    lone = world.tenants["lone"]
    rows = lone.request("GET", f"/spend/logs?request_id={lone.batch_id}_batch_cost").json
    assert [row["batch_id"] for row in rows] == [lone.batch_id]
    assert rows[0]["spend"] > 0
    info = lone.request("GET", "/key/info").json["info"]
    assert info["spend"] >= rows[0]["spend"] - 1e-9
    assert info["user_id"] is None and info["team_id"] is None


def test_a_key_that_is_deleted_leaves_what_its_user_made(world):
    first = tenants.with_key(world.server, user_id="carl")
    file_id = first.file(LINE)
    deleted = world.server.request("POST", "/key/delete", {"keys": [first.key]})
    assert deleted.status == 200, deleted.text
    assert first.request("GET", f"/v1/files/{file_id}").status == 401
    again = tenants.with_key(world.server, user_id="carl")
    assert again.request("GET", f"/v1/files/{file_id}").status == 200
