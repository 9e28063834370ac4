"""What keys, teams and models may have at a time, to the last token and file, and that all of it is given back."""

import concurrent.futures
import datetime
import re

import fleet
import harness
import pytest
import tenants

CLAUDE = "us.anthropic.claude-3-5-sonnet-20240620-v1:0"
LINES = 120  # a job of its own, which stays open
AT_ONCE = 50
END_SECONDS = 120


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """A server whose jobs end only when they are stopped."""
    directory = tmp_path_factory.mktemp("limits")
    sandbox = harness.Sandbox(directory / "sandbox", 0.5, ["--max-jobs-per-model", "0"])
    sandbox.set_faults([{"operation": "Job", "fault": "stuck"}])
    entries = [fleet.deployment(name, CLAUDE, sandbox, harness.REGION, harness.BUCKET, id=name)
               for name in ("slow", "narrow", "any-*")]
    entries[1]["model_info"]["batch_enqueued_token_limit"] = 3 * tokens_of(lines("narrow"))
    entries[1]["model_info"]["max_batch_file_records"] = LINES
    entries[2]["model_info"]["max_open_batches"] = 1
    entries[2]["model_info"]["max_batch_file_records"] = LINES
    config = fleet.write_config(directory / "config.yaml", entries, proxy_batch_polling_interval=0.2)
    server = harness.Server(directory / "server", config, sandbox=False)
    yield server
    assert server.stop() == 0, server.log_end()
    assert sandbox.stop() == 0


def lines(model="slow", count=LINES, **body):
    return [harness.chat_line(f"line-{i}", f"Question number {i}", model, **body) for i in range(count)]


def tokens_of(batch):
    """As docs/limits.md has it, for Claude."""
    text = sum(len("user") + len(line["body"]["messages"][0]["content"]) for line in batch)
    return -(-text * 10 // 35) + 5 * len(batch) + sum(line["body"]["max_tokens"] for line in batch)


def held(server, party_id):
    """(batches, tokens, nano-dollars) of the party's open batches, by the database."""
    [row] = server.database_rows(
        "SELECT COUNT(*), COALESCE(SUM(tokens), 0), COALESCE(SUM(nano_usd), 0) FROM reservations "
        f"WHERE party_id = '{party_id}'")
    return tuple(int(value) for value in row)


def create_at_once(tenant, file_id, count=AT_ONCE):
    def create(number):
        return tenant.create(file_id, metadata={"number": str(number)})

    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        answers = list(pool.map(create, range(count)))
    made = [answer.json["id"] for answer in answers if answer.status == 200]
    return made, [answer for answer in answers if answer.status != 200]


def cancel_all(server, batch_ids):
    for batch_id in batch_ids:
        assert server.request("POST", f"/v1/batches/{batch_id}/cancel").status == 200
    for batch_id in batch_ids:
        assert server.wait(batch_id, END_SECONDS)["status"] == "cancelled"


def test_enqueued_tokens_are_never_more_than_the_limit_however_many_ask_at_once(running):
    each = tokens_of(lines())
    room = 7
    tenant = tenants.with_key(running, metadata={"batch_enqueued_token_limit": room * each + each - 1})
    file_id = tenant.file(harness.to_jsonl(lines()))
    made, refused = create_at_once(tenant, file_id)
    assert len(made) == room
    assert held(running, tenant.hash) == (room, room * each, held(running, tenant.hash)[2])
    for answer in refused:
        assert answer.status == 429, answer.text
        assert answer.error["code"] == "token_limit_exceeded"
        assert int(answer.headers["Retry-After"]) > 0
        for figure in (each, room * each, room * each + each - 1):
            assert str(figure) in answer.error["message"]
    # What ends makes room for as much.
    cancel_all(running, made[:2])
    assert held(running, tenant.hash)[:2] == (room - 2, (room - 2) * each)
    again, _ = create_at_once(tenant, file_id, 5)
    assert len(again) == 2
    cancel_all(running, [*made[2:], *again])
    assert held(running, tenant.hash) == (0, 0, 0)


def test_open_batches_are_counted_for_a_whole_team(running):
    team_id = tenants.team(running, metadata={"max_open_batches": 4})
    one, other = (tenants.with_key(running, team_id=team_id) for _ in range(2))
    file_id = one.file(harness.to_jsonl(lines()))
    made, refused = create_at_once(one, file_id, 10)
    assert len(made) == 4
    assert {answer.error["code"] for answer in refused} == {"batch_limit_exceeded"}
    assert other.create(file_id).status == 429
    cancel_all(running, made)
    assert other.create(file_id).status == 200
    cancel_all(running, [batch["id"] for batch in other.request("GET", "/v1/batches").json["data"]
                         if batch["status"] not in harness.TERMINAL])


def test_a_models_limit_holds_for_everybody(running):
    made, refused = create_at_once(tenants.master(running), tenants.master(running).file(
        harness.to_jsonl(lines("narrow"))), 8)
    assert len(made) == 3
    assert all("the model 'narrow'" in answer.error["message"] for answer in refused)
    cancel_all(running, made)
    assert held(running, "narrow") == (0, 0, 0)


def test_invented_names_of_a_wildcard_share_its_limits(running):
    tenant = tenants.master(running)
    made = tenant.create(tenant.file(harness.to_jsonl(lines("any-a"))))
    assert made.status == 200, made.text
    answer = tenant.create(tenant.file(harness.to_jsonl(lines("any-b"))))
    assert answer.status == 429 and "the model 'any-*'" in answer.error["message"], answer.text
    both = [*lines("any-a", 1), *lines("any-b", LINES)]
    for number, line in enumerate(both):
        line["custom_id"] = f"line-{number}"
    many = tenant.upload(harness.to_jsonl(both))
    assert many.status == 400 and f"{LINES + 1} lines" in many.error["message"], many.text
    cancel_all(running, [made.json["id"]])


@pytest.mark.parametrize("endpoint, request_of, dropped", [
    ("/v1/chat/completions", {"messages": [{"role": "user", "content": "a"}]}, {"max_output_tokens": 1}),
    ("/v1/completions", {"prompt": ["a"] * 1000, "max_tokens": 10}, {"input": "x"}),
])
def test_what_the_endpoint_drops_lowers_no_reservation(running, endpoint, request_of, dropped):
    def reserved(body):
        tenant = tenants.with_key(running, metadata={"batch_enqueued_token_limit": 1})
        line = {"custom_id": "one", "method": "POST", "url": endpoint, "body": {"model": "slow", **body}}
        answer = tenant.create(tenant.file(harness.to_jsonl([line])), endpoint=endpoint)
        return int(re.search(r"about (\d+) tokens", answer.error["message"])[1])

    assert reserved({**request_of, **dropped}) == reserved(request_of)


def test_a_batch_that_can_never_fit_is_told_so(running):
    tenant = tenants.with_key(running, metadata={"batch_enqueued_token_limit": tokens_of(lines()) - 1})
    answer = tenant.create(tenant.file(harness.to_jsonl(lines())))
    assert answer.status == 400, answer.text
    assert answer.error["code"] == "token_limit_exceeded"
    assert "can never fit" in answer.error["message"]


def test_a_repeat_reserves_nothing_twice_and_is_never_refused(running):
    each = tokens_of(lines())
    tenant = tenants.with_key(running, metadata={"batch_enqueued_token_limit": each})
    file_id = tenant.file(harness.to_jsonl(lines()))
    first = tenant.create(file_id, {"Idempotency-Key": "once"})
    assert first.status == 200, first.text
    again = tenant.create(file_id, {"Idempotency-Key": "once"})
    assert again.status == 200 and again.json["id"] == first.json["id"]
    assert held(running, tenant.hash)[:2] == (1, each)
    # Nor for what became of the file and of the key since.
    assert tenant.request("DELETE", f"/v1/files/{file_id}").status == 200
    running.request("POST", "/key/update", {"key": tenant.key, "models": ["narrow"]})
    late = tenant.create(file_id, {"Idempotency-Key": "once"})
    assert late.status == 200 and late.json["id"] == first.json["id"], late.text
    assert tenant.create(file_id, {"Idempotency-Key": "once"}, metadata={"another": "body"}).status == 409
    assert tenant.create(file_id, {"Idempotency-Key": "twice"}).status == 404
    cancel_all(running, [first.json["id"]])


def test_a_batch_that_fails_validation_gives_back_what_it_held(running):
    tenant = tenants.with_key(running)
    batch_id = tenant.batch(harness.to_jsonl([*lines(count=3), b"{}"]))
    assert running.wait(batch_id)["status"] == "failed"
    assert held(running, tenant.hash) == (0, 0, 0)


@pytest.mark.parametrize("body, endpoint", [
    ({"prompt": ["abcd" * 10, "efgh" * 10], "max_tokens": 50}, "/v1/completions"),
    ({"input": ["abcd" * 10] * 2}, "/v1/embeddings"),
    ({"input": "abcd" * 20}, "/v1/embeddings"),
    ({"prompt": "abcd" * 20, "max_tokens": 100}, "/v1/completions"),
])
def test_prompts_and_inputs_count_in_every_form(running, body, endpoint):
    tenant = tenants.with_key(running, metadata={"batch_enqueued_token_limit": 1})
    line = {"custom_id": "one", "method": "POST", "url": endpoint, "body": {"model": "slow", **body}}
    answer = tenant.create(tenant.file(harness.to_jsonl([line])), endpoint=endpoint)
    if endpoint == "/v1/embeddings":  # Claude embeds nothing: the batch is made, and fails its line
        assert answer.status == 200
        return
    asked = int(re.search(r"about (\d+) tokens", answer.error["message"])[1])
    assert asked >= 100 + 80 * 10 // 35


def test_files_of_a_day_are_counted_and_the_day_ends_at_midnight_utc(running):
    tenant = tenants.with_key(running, metadata={"max_batch_file_uploads_per_day": 3})
    content = harness.to_jsonl(lines(count=1))
    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: tenant.upload(content), range(10)))
    assert sorted(answer.status for answer in answers) == [200] * 3 + [429] * 7
    refused = next(answer for answer in answers if answer.status == 429)
    assert refused.error["code"] == "file_limit_exceeded"
    assert refused.headers["x-should-retry"] == "false" or int(refused.headers["Retry-After"]) <= 60
    now = datetime.datetime.now(datetime.timezone.utc)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + datetime.timedelta(days=1)
    assert abs(int(refused.headers["Retry-After"]) - (midnight - now).total_seconds()) < 120
    # One that was deleted was sent all the same; a completed upload is a file too.
    kept = next(answer for answer in answers if answer.status == 200)
    assert tenant.request("DELETE", f"/v1/files/{kept.json['id']}").status == 200
    assert tenant.upload(content).status == 429
    upload_id, part_id = tenant.pending_upload(content)
    answer = tenant.request("POST", f"/v1/uploads/{upload_id}/complete", {"part_ids": [part_id]})
    assert answer.status == 429, answer.text


def test_bytes_and_lines_of_a_file_hold_for_both_ways_of_sending_one(running):
    tenant = tenants.with_key(running, metadata={"max_batch_file_size_mb": 1, "max_batch_file_records": 5})
    assert tenant.upload(harness.to_jsonl(lines(count=5))).status == 200
    many = tenant.upload(harness.to_jsonl(lines(count=6)))
    assert many.status == 400, many.text
    assert many.error["code"] == "file_limit_exceeded" and "6 lines" in many.error["message"]
    large = tenant.upload(harness.to_jsonl(lines(count=1)) + b" " * (1 << 20))
    assert large.status == 413, large.text
    upload_id, part_id = tenant.pending_upload(harness.to_jsonl(lines(count=6)))
    answer = tenant.request("POST", f"/v1/uploads/{upload_id}/complete", {"part_ids": [part_id]})
    assert answer.status == 400 and answer.error["code"] == "file_limit_exceeded"
    assert tenant.request("POST", "/v1/uploads", {
        "filename": "a", "purpose": "batch", "mime_type": "text/plain", "bytes": (1 << 20) + 1}).status == 413


def test_lines_of_a_model_in_a_file_are_limited(running):
    everybody = tenants.master(running)
    assert everybody.upload(harness.to_jsonl(lines("narrow"))).status == 200
    answer = everybody.upload(harness.to_jsonl(lines("narrow", LINES + 1)))
    assert answer.status == 400 and "the model 'narrow'" in answer.error["message"]
    # To a key that may not use it, it is not there, whichever way the file comes.
    other = tenants.with_key(running, models=["slow"])
    many = harness.to_jsonl(lines("narrow", LINES + 1))
    file_id = other.file(many)
    assert other.create(file_id).error["code"] == "model_not_allowed"
    upload_id, part_id = other.pending_upload(many)
    done = other.request("POST", f"/v1/uploads/{upload_id}/complete", {"part_ids": [part_id]})
    assert done.status == 200, done.text
    assert everybody.upload(harness.to_jsonl(lines("slow", LINES + 1))).status == 200
