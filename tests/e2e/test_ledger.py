"""The ledger: who used what, at which price, for how much, held against the sandbox's own count."""

import csv
import datetime
import io
import itertools
import re

import fleet
import harness
import pytest
import tenants

CLAUDE = "us.anthropic.claude-3-5-sonnet-20240620-v1:0"
NOVA = "us.amazon.nova-lite-v1:0"
UNPRICED = "cohere.command-r-v1:0"
LINES = 120
END_SECONDS = 120
ONCE = {"retry_failed_records": 0}
NANO = 1_000_000_000


class Place:
    """`quick` and `cheap` run batch jobs of a second; `stuck` ones end only when they are stopped, `broken` ones
    fail half way, `late` ones have half of their rows in time; `own` has prices of its own."""

    def __init__(self, directory):
        self.sandbox = harness.Sandbox(directory / "sandbox", 0.5, ["--max-jobs-per-model", "0"])
        entries = [fleet.deployment(name, model, self.sandbox, harness.REGION, harness.BUCKET, id=name, **params)
                   for name, model, params in (
                       ("quick", CLAUDE, {}), ("cheap", NOVA, {}), ("stuck", CLAUDE, {"s3_prefix": "stuck/"}),
                       ("own", NOVA, {}), ("broken", CLAUDE, {"s3_prefix": "broken/", **ONCE}),
                       ("late", CLAUDE, {"s3_prefix": "late/", **ONCE}), ("unpriced", UNPRICED, {}))]
        entries[3]["model_info"].update(input_cost_per_token=4e-6, output_cost_per_token=8e-6,
                                        input_cost_per_token_batches=1e-6, output_cost_per_token_batches=3e-6)
        self.sandbox.set_faults([
            {"operation": "Job", "fault": "stuck", "match": "stuck/"},
            {"operation": "Job", "fault": "fail", "match": "broken/", "message": "Internal error.", "at": "running",
             "fraction": 0.5, "write_partial": True},
            {"operation": "Job", "fault": "partial", "match": "late/", "fraction": 0.5}])
        config = fleet.write_config(directory / "config.yaml", entries, proxy_batch_polling_interval=0.2)
        self.server = harness.Server(directory / "server", config, sandbox=False)

    def stop(self):
        assert self.server.stop() == 0, self.server.log_end()
        assert self.sandbox.stop() == 0


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    running = Place(tmp_path_factory.mktemp("ledger"))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def server(place):
    return place.server


NUMBERS = itertools.count()  # no two lines are the same: the sandbox counts a repeated call once


def lines(model, count):
    numbers = [next(NUMBERS) for _ in range(count)]
    return harness.to_jsonl(harness.chat_line(f"line-{n}", f"Question number {n}", model) for n in numbers)


def run(server, tenant, content, status="completed"):
    batch_id = tenant.batch(content)
    batch = server.wait(batch_id, END_SECONDS)
    assert batch["status"] == status, batch
    return batch


def rows_of(server, batch_id, key=harness.KEY):
    answer = server.request("GET", f"/spend/logs?batch_id={batch_id}", key=key)
    assert answer.status == 200, answer.text
    return {row["call_type"]: row for row in answer.json}


def report(server, key=harness.KEY, **query):
    parameters = "&".join(f"{name}={value}" for name, value in query.items())
    answer = server.request("GET", f"/global/spend/report?{parameters}", key=key)
    assert answer.status == 200, answer.text
    return answer.json


@pytest.fixture(scope="module")
def mixed(server):
    """(tenant, batch) of a batch of two models, one as a job and one on demand, of a key without a user or a team."""
    tenant = tenants.with_key(server, key_alias="mixed")
    return tenant, run(server, tenant, lines("quick", LINES) + lines("cheap", 7))


def test_a_batch_has_a_row_at_its_creation_and_one_at_its_end_in_litellms_shape(server, mixed):
    tenant, batch = mixed
    rows = rows_of(server, batch["id"])
    assert set(rows) == {"acreate_batch", "batch_success"}
    made, end = rows["acreate_batch"], rows["batch_success"]
    assert made["request_id"] == batch["id"] and made["spend"] == 0 and made["status"] == "success"
    assert end["request_id"] == f"{batch['id']}_batch_cost" and end["status"] == "success"
    assert end["batch_status"] == "completed"
    for row in (made, end):
        assert row["api_key"] == tenant.hash and row["user"] == "" and row["team_id"] is None
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d.*Z", row["startTime"])
    usage = batch["usage"]
    assert (end["prompt_tokens"], end["completion_tokens"], end["total_tokens"]) == (
        usage["input_tokens"], usage["output_tokens"], usage["total_tokens"])
    metadata = end["metadata"]
    assert metadata["batch_models"] == ["cheap", "quick"]
    assert metadata["batch_successful_requests"] == LINES + 7 and metadata["batch_failed_requests"] == 0
    breakdown = metadata["cost_breakdown"]
    assert breakdown["total_cost"] == end["spend"] > 0
    assert round((breakdown["input_cost"] + breakdown["output_cost"]) * NANO) == end["spend_nano_usd"]
    assert metadata["usage_object"]["total_tokens"] == usage["total_tokens"]


def test_the_cost_is_split_by_the_way_that_lines_ran_at_the_price_of_that_day(server, mixed):
    _, batch = mixed
    end = rows_of(server, batch["id"])["batch_success"]
    parts = {part["model"]: part for part in end["metadata"]["batch_cost"]}
    assert parts["quick"]["kind"] == "batch" and parts["cheap"]["kind"] == "on_demand"
    assert parts["quick"]["bedrock_model"] == CLAUDE and parts["quick"]["deployment"] == "quick"
    assert parts["quick"]["usd_per_million_tokens"]["input"] == "1.5"  # half of 3.00, AWS's price of this model
    assert sum(part["spend_nano_usd"] for part in parts.values()) == end["spend_nano_usd"]
    for part in parts.values():
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", part["price_date"])
        prices = part["usd_per_million_tokens"]
        exact = part["prompt_tokens"] * float(prices["input"]) + part["completion_tokens"] * float(prices["output"])
        assert abs(part["spend_nano_usd"] - exact * 1000) <= part["jobs"]
        assert part["input_cost_nano_usd"] + part["output_cost_nano_usd"] == part["spend_nano_usd"]
    assert sum(part["prompt_tokens"] for part in parts.values()) == end["prompt_tokens"]


def test_a_price_of_the_config_is_the_price_and_says_so(server):
    batch = run(server, tenants.master(server), lines("own", LINES))
    [part] = rows_of(server, batch["id"])["batch_success"]["metadata"]["batch_cost"]
    assert part["usd_per_million_tokens"]["input"] == "1" and part["usd_per_million_tokens"]["output"] == "3"
    assert part["price_source"] == "config.yaml" and part["price_date"] is None
    assert part["spend_nano_usd"] == part["prompt_tokens"] * 1000 + part["completion_tokens"] * 3000


def test_what_has_no_price_is_unpriced_and_never_nothing(server):
    tenant = tenants.with_key(server)
    batch = run(server, tenant, lines("unpriced", 3))
    end = rows_of(server, batch["id"])["batch_success"]
    assert end["spend"] is None and end["spend_nano_usd"] is None and end["unpriced"] is True
    [row] = server.request("GET", f"/spend/keys?api_key={tenant.hash}").json
    assert row["spend"] is None and row["unpriced_jobs"] == 1 and row["prompt_tokens"] > 0


def test_a_cancelled_batch_is_billed_for_what_had_run(server):
    tenant = tenants.with_key(server)
    batch_id = tenant.batch(lines("cheap", 5) + lines("stuck", LINES))
    harness.await_true(lambda: report(server, api_key=tenant.hash, group_by="model")["data"], END_SECONDS)
    known = report(server, api_key=tenant.hash, group_by="model")
    assert [row["model"] for row in known["data"]] == ["cheap"]  # known before the batch has ended
    server.request("POST", f"/v1/batches/{batch_id}/cancel")
    batch = server.wait(batch_id, END_SECONDS)
    end = rows_of(server, batch_id)["batch_success"]
    assert end["batch_status"] == batch["status"] == "cancelled"
    assert end["spend_nano_usd"] == known["total"]["spend_nano_usd"] > 0
    assert report(server, api_key=tenant.hash, group_by="key")["total"]["spend_nano_usd"] == end["spend_nano_usd"]


def test_a_batch_that_fails_validation_has_no_bill_and_its_creation_failed(server):
    batch = run(server, tenants.master(server), lines("quick", 2) + b"{}\n", "failed")
    rows = rows_of(server, batch["id"])
    assert set(rows) == {"acreate_batch"}
    assert rows["acreate_batch"]["status"] == "failure" and rows["acreate_batch"]["spend"] == 0


@pytest.mark.parametrize("model", ["broken", "late"])
def test_whatever_ran_of_a_batch_that_failed_or_expired_is_billed(server, model):
    tenant = tenants.with_key(server)
    batch_id = tenant.batch(lines(model, LINES))
    batch = server.wait(batch_id, END_SECONDS)
    assert 0 < batch["request_counts"]["completed"] < LINES
    used = [line["response"]["body"]["usage"] for line in server.result_lines(batch["output_file_id"])]
    end = rows_of(server, batch_id)["batch_success"]
    assert end["batch_status"] == batch["status"]
    assert end["prompt_tokens"] == sum(usage["prompt_tokens"] for usage in used) > 0
    assert end["completion_tokens"] == sum(usage["completion_tokens"] for usage in used)
    assert end["spend_nano_usd"] == end["prompt_tokens"] * 1500 + end["completion_tokens"] * 7500
    assert end["metadata"]["batch_successful_requests"] == batch["request_counts"]["completed"]


def test_a_key_sees_its_own_rows_and_its_teams_and_the_master_key_all(server, mixed):
    _, batch = mixed
    team_id = tenants.team(server, team_alias="readers")
    one, mate = (tenants.with_key(server, team_id=team_id) for _ in range(2))
    stranger = tenants.with_key(server)
    mine = run(server, one, lines("cheap", 2))["id"]
    for tenant in (one, mate):
        assert set(rows_of(server, mine, tenant.key)) == {"acreate_batch", "batch_success"}
        assert {row["team_id"] for row in report(server, tenant.key, group_by="team")["data"]} == {team_id}
    assert rows_of(server, mine, stranger.key) == {} and report(server, stranger.key)["data"] == []
    assert rows_of(server, batch["id"], one.key) == {}
    for path in ("/spend/logs", "/spend/keys", "/spend/models", "/spend/teams"):
        assert server.request("GET", path, key=stranger.key).json == []
    [row] = server.request("GET", f"/spend/teams?team_id={team_id}").json
    assert row["team_alias"] == "readers" and row["spend_nano_usd"] > 0


def test_sums_by_any_group_are_the_same_sum(server, mixed):
    tenant, _ = mixed
    whole = report(server, group_by="day")["total"]
    for group in ("day", "team", "key", "user", "owner", "model", "deployment", "key,model", "day,team,key,deployment"):
        data = report(server, group_by=group)
        assert data["total"] == whole
        assert sum(row["known_spend_nano_usd"] for row in data["data"]) == whole["known_spend_nano_usd"]
        assert sum(row["total_tokens"] for row in data["data"]) == whole["total_tokens"]
    [row] = [row for row in report(server, group_by="api_key")["data"] if row["api_key"] == tenant.hash]
    assert row["key_alias"] == "mixed"
    names = {row["model"] for row in server.request("GET", "/spend/models").json}
    assert {"quick", "cheap"} <= names


def test_pages_hold_every_row_once(server, mixed):
    whole = report(server, group_by="key,model")["data"]
    assert len(whole) > 3
    seen, offset = [], 0
    while True:
        page = report(server, group_by="key,model", limit=2, offset=offset)
        seen += page["data"]
        offset += 2
        if not page["has_more"]:
            break
    assert seen == whole
    keys = [row["api_key"] for row in server.request("GET", "/spend/keys").json]
    logs, after = [], ""
    while True:
        answer = server.request("GET", f"/spend/logs?limit=3&after={after}")
        logs += [row["request_id"] for row in answer.json]
        if answer.headers["x-has-more"] == "false":
            break
        after = logs[-1]
    assert len(logs) == len(set(logs)) == len(server.request("GET", "/spend/logs?limit=1000").json)
    for path, count, id_of in (("/spend/logs", len(logs), "request_id"), ("/spend/keys", len(keys), "api_key"),
                               ("/global/spend/report?group_by=key,model", len(whole), "api_key")):
        assert count > 1
        mark = "&" if "?" in path else "?"
        for limit, has_more in ((count - 1, "true"), (count, "false")):
            answer = server.request("GET", f"{path}{mark}limit={limit}&format=csv")
            assert answer.headers["x-has-more"] == has_more, (path, limit)
            rows = csv.DictReader(io.StringIO(answer.body.decode(), newline=""))
            assert len([row[id_of] for row in rows]) == limit


def test_dates_are_days_of_utc_with_the_last_one_whole(server, mixed):
    today = datetime.datetime.now(datetime.timezone.utc).date()
    day = datetime.timedelta(days=1)
    yesterday, tomorrow = today - day, today + day  # midnight may pass while this runs
    assert report(server, start_date=yesterday, end_date=tomorrow)["total"]["jobs"] > 0
    assert report(server, start_date=yesterday - day, end_date=yesterday - day)["total"]["jobs"] == 0
    assert report(server, start_date=f"{tomorrow + day}T00:00:00Z")["total"]["jobs"] == 0
    for name, value in (("start_date", "31.08.2026"), ("end_date", "2026-13-01"), ("start_date", "2026-01-01T9")):
        for path in ("/spend/logs", "/global/spend/report", "/spend/keys"):
            answer = server.request("GET", f"{path}?{name}={value}")
            assert answer.status == 400 and answer.error["param"] == name, answer.text
    answer = server.request("GET", "/global/spend/report?start_date=2026-02-02&end_date=2026-02-01")
    assert answer.status == 400 and answer.error["param"] == "end_date"
    answer = server.request("GET", "/global/spend/report?group_by=colour")
    assert answer.status == 400 and answer.error["param"] == "group_by"


def test_csv_says_what_json_says_and_runs_no_formula(server):
    tenant = tenants.with_key(server, key_alias='=HYPERLINK("http://x"),a')
    run(server, tenant, lines("cheap", 2))
    path = f"/spend/keys?api_key={tenant.hash}"
    [row] = server.request("GET", path).json
    for answer in (server.request("GET", path + "&format=csv"),
                   server.request("GET", path, headers={"Accept": "text/csv"})):
        assert answer.headers["Content-Type"].startswith("text/csv")
        [record] = csv.DictReader(io.StringIO(answer.body.decode(), newline=""))
        assert record["key_alias"] == "'" + row["key_alias"]
        assert int(record["spend_nano_usd"]) == row["spend_nano_usd"]
        assert float(record["spend"]) == row["spend"]
        assert re.fullmatch(r"\d+\.\d+", record["spend"]), "as a spreadsheet reads it"
        assert list(record) == list(row)
    logs = server.request("GET", "/spend/logs?format=csv")
    assert len(list(csv.DictReader(io.StringIO(logs.body.decode(), newline="")))) > 0
    assert server.request("GET", "/spend/logs?format=xml").status == 400
    assert re.search(r'"spend":\d+\.\d+,', server.request("GET", path).text)


def test_a_switch_is_read_as_fastapi_reads_it(server, mixed):
    whole = server.request("GET", "/spend/logs").json
    for value in ("true", "True", "1", "yes", "on"):
        assert "date" in server.request("GET", f"/spend/logs?summarize={value}").json[0], value
    for value in ("false", "FALSE", "0", "no", "off"):
        assert server.request("GET", f"/spend/logs?summarize={value}").json == whole, value
    answer = server.request("GET", "/spend/logs?summarize=maybe")
    assert answer.status == 400 and answer.error["param"] == "summarize"


def test_every_token_of_the_sandbox_is_somebodys(server, place):
    records = place.sandbox.records()
    jobs = [job for job in records["jobs"] if "/broken/" not in job["input_uri"]]  # counts nothing of a failed one
    used = {name: sum(job[name] for job in jobs) + records["invocations"][name]
            for name in ("input_tokens", "output_tokens")}
    models = [row for row in report(server, group_by="model")["data"] if row["model"] != "broken"]
    assert sum(row["prompt_tokens"] for row in models) == used["input_tokens"] > 0
    assert sum(row["completion_tokens"] for row in models) == used["output_tokens"] > 0
