"""Money: reserved at creation, replaced by what it was, never above the budget, back with the next period."""

import concurrent.futures
import re
import time

import fleet
import harness
import pytest
import tenants

CLAUDE = "us.anthropic.claude-3-5-sonnet-20240620-v1:0"
UNPRICED = "cohere.command-r-v1:0"
CUSTOM = f"arn:aws:bedrock:{harness.REGION}:123456789012:custom-model/x"
LINES = 120
AT_ONCE = 50
END_SECONDS = 120
NANO = 1_000_000_000


class Place:
    """A server before a sandbox; `slow` jobs end only when they are stopped, `fast` lines run on demand."""

    def __init__(self, directory, clock=()):
        self.directory = directory
        self.sandbox = harness.Sandbox(directory / "sandbox", 0.5, ["--max-jobs-per-model", "0", *clock])
        self.sandbox.set_faults([{"operation": "Job", "fault": "stuck"}])
        entries = [fleet.deployment("slow", CLAUDE, self.sandbox, harness.REGION, harness.BUCKET, id="slow"),
                   fleet.deployment("fast", CLAUDE, self.sandbox, harness.REGION, harness.BUCKET, id="fast"),
                   fleet.deployment("unpriced", UNPRICED, self.sandbox, harness.REGION, harness.BUCKET, id="unpriced"),
                   fleet.deployment("half", CUSTOM, self.sandbox, harness.REGION, harness.BUCKET, id="half",
                                    bedrock_model_family="anthropic")]
        entries[-1]["model_info"].update(input_cost_per_token_batches=1e-6, output_cost_per_token_batches=1e-6)
        self.config = fleet.write_config(directory / "config.yaml", entries, proxy_batch_polling_interval=0.2)
        self.server = harness.Server(directory / "server", self.config, sandbox=False, extra_args=clock)

    def stop(self):
        assert self.server.stop() == 0, self.server.log_end()
        assert self.sandbox.stop() == 0


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    place = Place(tmp_path_factory.mktemp("budgets"))
    yield place.server
    place.stop()


def lines(model, count, **body):
    return harness.to_jsonl(harness.chat_line(f"line-{i}", f"Question number {i}", model, **body)
                            for i in range(count))


def held(server, tenant):
    [row] = server.database_rows("SELECT COUNT(*), COALESCE(SUM(nano_usd), 0) FROM reservations "
                                 f"WHERE party_id = '{tenant.hash}'")
    return int(row[0]), int(row[1])


def spent(server, tenant):
    rows = server.request("GET", f"/spend/keys?api_key={tenant.hash}").json
    return sum(row["spend_nano_usd"] for row in rows)


def price_of(server, content):
    """What a batch of it reserves."""
    tenant = tenants.with_key(server)
    batch_id = tenant.batch(content)
    count, nano_usd = held(server, tenant)
    assert count == 1 and nano_usd > 0
    cancel(server, [batch_id])
    return nano_usd


def cancel(server, batch_ids):
    for batch_id in batch_ids:
        server.request("POST", f"/v1/batches/{batch_id}/cancel")
    for batch_id in batch_ids:
        assert server.wait(batch_id, END_SECONDS)["status"] == "cancelled"


def create_at_once(askers, count=AT_ONCE):
    def create(number):
        tenant, file_id = askers[number % len(askers)]
        return tenant.create(file_id, metadata={"number": str(number)})

    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        answers = list(pool.map(create, range(count)))
    return ([answer.json["id"] for answer in answers if answer.status == 200],
            [answer for answer in answers if answer.status != 200])


def test_reservations_of_many_at_once_never_exceed_a_budget(running):
    content = lines("slow", LINES)
    each = price_of(running, content)
    room = 6
    budget = (room * each + each // 2) / NANO
    tenant = tenants.with_key(running, max_budget=budget)
    made, refused = create_at_once([(tenant, tenant.file(content))])
    assert len(made) == room
    assert held(running, tenant) == (room, room * each)
    for answer in refused:
        assert answer.status == 400, answer.text
        assert answer.error["type"] == answer.error["code"] == "budget_exceeded"
        assert "$" in answer.error["message"]
    cancel(running, made)
    assert held(running, tenant) == (0, 0)
    assert spent(running, tenant) == 0


def test_a_teams_budget_is_that_of_all_its_keys(running):
    content = lines("slow", LINES)
    each = price_of(running, content)
    team_id = tenants.team(running, max_budget=(3 * each) / NANO)
    members = [tenants.with_key(running, team_id=team_id) for _ in range(2)]
    made, refused = create_at_once([(member, member.file(content)) for member in members], 20)
    assert len(made) == 3
    assert all("the team" in answer.error["message"] for answer in refused)
    cancel(running, made)


def test_a_reservation_becomes_what_the_batch_really_cost(running):
    content = lines("fast", 5, max_tokens=1000)  # 5,000 tokens at 15 USD a million: 0.075
    tenant = tenants.with_key(running, max_budget=0.1)
    for _ in range(4):
        batch_id = tenant.batch(content)
        assert running.wait(batch_id, END_SECONDS)["status"] == "completed"
    assert held(running, tenant) == (0, 0)
    rows = [row for row in running.spend(api_key=tenant.key) if row["call_type"] == "batch_success"]
    assert len(rows) == 4
    assert spent(running, tenant) == sum(row["spend_nano_usd"] for row in rows) > 0


def test_a_model_without_a_price_is_refused_under_a_budget_only(running):
    content = lines("unpriced", 3)
    rich = tenants.with_key(running, max_budget=1000)
    answer = rich.create(rich.file(content))
    assert answer.status == 400, answer.text
    assert "'unpriced'" in answer.error["message"]
    assert "model_info.input_cost_per_token_batches" in answer.error["message"]
    free = tenants.with_key(running)
    assert free.create(free.file(content)).status == 200


def test_a_model_that_may_run_on_demand_needs_that_price_too(running):
    rich = tenants.with_key(running, max_budget=1000)
    answer = rich.create(rich.file(lines("half", LINES)))
    assert answer.status == 400 and answer.error["code"] == "model_without_price", answer.text


def test_lines_that_are_refused_make_no_batch_cost_more_than_it_reserved(running):
    """One of a hundred is refused, so the others are too few for a job and run on demand."""
    batch = [harness.chat_line(f"line-{i}", "Question", "fast", max_tokens=180) for i in range(100)]
    batch[0]["body"]["temperature"] = 99
    content = harness.to_jsonl(batch)
    poor = tenants.with_key(running, max_budget=0.001)
    refused = poor.create(poor.file(content))
    assert refused.status == 400, refused.text
    reserved = round(float(re.search(r"may cost \$([0-9.]+),", refused.error["message"])[1]) * NANO)
    tenant = tenants.with_key(running, max_budget=reserved / NANO)
    batch_id = tenant.batch(content)
    done = running.wait(batch_id, END_SECONDS)
    assert done["status"] == "completed" and done["request_counts"]["failed"] == 1, done
    on_demand = 99 * 180 * 15_000
    assert reserved > on_demand
    assert 0 < spent(running, tenant) <= reserved


def test_what_a_budget_has_spent_counts_until_its_period_ends(tmp_path):
    origin = int(time.time())
    place = Place(tmp_path, ["--clock-speed", "1", "--clock-origin", str(origin)])
    content = lines("fast", 5)
    tenant = tenants.with_key(place.server, max_budget=0.02, budget_duration="7d")
    file_id = tenant.file(content)
    refused = None
    for _ in range(200):
        answer = tenant.create(file_id)
        if answer.status != 200:
            refused = answer
            break
        place.server.wait(answer.json["id"], END_SECONDS)
    assert refused is not None and refused.error["code"] == "budget_exceeded", refused
    assert "until" in refused.error["message"]
    place.server.kill()
    # Eight days later.
    later = ["--clock-speed", "2", "--clock-origin", str(int(time.time()) - 8 * 86_400)]
    server = harness.Server(place.directory / "server", place.config, sandbox=False, port=place.server.port,
                            extra_args=later)
    tenant.server = place.server = server
    assert tenant.create(file_id).status == 200
    place.stop()
