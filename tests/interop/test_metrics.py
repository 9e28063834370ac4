"""What /metrics, the dashboard and the alert rules promise whoever watches Quarry.

Prometheus' own promtool reads the metrics, the rules and the configuration; Grafana's own schema, as its
Foundation SDK has it, reads the dashboard; prometheus_client parses the text. Numbers are compared with what the
server, its ledger and the sandbox say of the same work.
"""
import collections
import json
import pathlib
import re
import subprocess

import pytest
from prometheus_client.parser import text_string_to_metric_families

import exactness
import harness

DEPLOY = harness.REPOSITORY / "deploy"
RULES = DEPLOY / "prometheus" / "quarry.rules.yml"
DASHBOARD = DEPLOY / "grafana" / "quarry.json"
LINES = 120
REFUSED = 3
TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"


class Metrics:
    """One scrape: the samples, by name and labels."""

    def __init__(self, text):
        self.families = {family.name: family for family in text_string_to_metric_families(text)}
        self.samples = {(sample.name, tuple(sorted(sample.labels.items()))): sample.value
                        for family in self.families.values() for sample in family.samples}

    def names(self):
        return {name for name, _ in self.samples}

    def value(self, name, **labels):
        return self.samples.get((name, tuple(sorted(labels.items()))), 0)

    def by(self, name, *keep):
        """Sums of a metric's samples by these labels."""
        sums = collections.Counter()
        for (sample, labels), value in self.samples.items():
            if sample == name:
                labels = dict(labels)
                sums[tuple(labels[key] for key in keep)] += value
        return sums


def scrape(server, **request):
    answer = server.request("GET", "/metrics", key=None, **request)
    assert answer.status == 200, answer.text
    return Metrics(answer.text)


def promtool(*arguments, text=None, directory=None):
    done = subprocess.run(["promtool", *map(str, arguments)], input=text, capture_output=True, text=True,
                          cwd=directory, timeout=60)
    return done.returncode, done.stdout + done.stderr


class Ran:
    """A server that has run a batch of a job and one of calls on demand, and what was asked of it."""

    def __init__(self, directory):
        self.asked = collections.Counter()
        self.server = harness.Server(directory / "server")
        real = self.server.request

        def counted(method, path, *arguments, **options):
            answer = real(method, path, *arguments, **options)
            route = re.sub(r"/(file-|batch_)[^/]*", "/{id}", path.split("?")[0].removeprefix("/v1"))
            self.asked[(method, route, str(answer.status))] += 1
            return answer

        self.server.request = counted
        refused = [harness.chat_line(f"refused-{i}", n=2) for i in range(REFUSED)]
        self.content = harness.chat_lines(LINES) + harness.to_jsonl(refused)
        self.batches = [self.server.run_batch(self.content),
                        self.server.run_batch(harness.chat_lines(5, "few"))]
        self.results = self.server.content(self.batches[0]["output_file_id"])
        for path in ("/v1/nothing", "/v1/batches/batch_0", "/metricsandmore"):
            self.server.request("GET", path)
        self.server.request("PATCH", "/v1/files")
        self.server.request("BREW", "/v1/files")
        self.metrics = scrape(self.server)


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    run = Ran(tmp_path_factory.mktemp("ran"))
    yield run
    run.server.stop()


def test_promtool_has_nothing_to_say_of_the_metrics(ran):
    answer = ran.server.request("GET", "/metrics", key=None)
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    code, said = promtool("check", "metrics", text=answer.text)
    assert (code, said.strip()) == (0, "")


def test_requests_are_counted_by_route_and_code_and_never_by_path(ran):
    counted = {key: value for key, value in ran.metrics.by("quarry_http_requests_total", "method", "route", "code").items()
               if value}
    expected = collections.Counter()
    for (method, route, code), times in ran.asked.items():
        if (method, route) == ("BREW", "/files"):
            method = "other"
        if route in ("/nothing", "/metricsandmore"):
            route = "other"
        expected[(method, route, code)] += times
    del expected[("GET", "/metrics", "200")]  # this scrape was the last, or another test's is
    counted.pop(("GET", "/metrics", "200"), None)
    assert counted == dict(expected)
    timed = ran.metrics.by("quarry_http_request_seconds_count", "method", "route")
    assert timed[("POST", "/batches")] == 2


def test_bytes_are_counted_both_ways(ran):
    metrics = ran.metrics
    assert metrics.value("quarry_http_received_bytes_total") > len(ran.content)
    assert metrics.value("quarry_http_sent_bytes_total") > len(ran.results)
    assert metrics.by("quarry_http_stream_seconds_count", "route") == {("/files/{id}/content",): 1}


def test_nothing_is_in_flight_but_the_scrape(ran):
    assert ran.metrics.value("quarry_http_requests_in_flight") == 1


def test_lines_tokens_and_dollars_are_those_of_the_batches_to_the_last(ran):
    metrics, model = ran.metrics, harness.MODEL
    lines = metrics.by("quarry_lines_total", "model", "outcome")
    assert lines[(model, "succeeded")] == LINES + 5
    assert lines[(model, "failed")] == 0 == lines[(model, "unfinished")]
    assert lines[("other", "refused")] == REFUSED
    usage = [batch["usage"] for batch in ran.batches]
    tokens = metrics.by("quarry_tokens_total", "model", "kind")
    assert tokens[(model, "input")] == sum(one["input_tokens"] for one in usage) > 0
    assert tokens[(model, "output")] == sum(one["output_tokens"] for one in usage) > 0
    used = exactness.used(ran.server.records())
    assert tokens[(model, "input")] == used["input"] and tokens[(model, "output")] == used["output"]
    billed = sum(row["spend_nano_usd"] for batch in ran.batches for row in ran.server.spend(batch_id=batch["id"])
                 if row["call_type"] == "batch_success")
    assert round(metrics.value("quarry_spend_dollars_total", model=model) * 1e9) == billed > 0
    assert metrics.value("quarry_unpriced_jobs_total", model=model) == 0
    assert metrics.value("quarry_manifest_differences_total", model=model) == 0


def test_batches_and_jobs_are_counted_when_they_end_and_shown_while_they_are_open(ran):
    metrics = ran.metrics
    assert metrics.value("quarry_batches_created_total") == 2
    assert metrics.by("quarry_batches_ended_total", "status") == {
        ("completed",): 2, ("failed",): 0, ("expired",): 0, ("cancelled",): 0}
    jobs = metrics.by("quarry_jobs_ended_total", "kind", "state")
    assert jobs == {("bedrock", "Completed"): 1, ("direct", "Completed"): 1}
    assert set(metrics.by("quarry_batches", "status").values()) == {0}
    assert set(metrics.by("quarry_jobs", "kind", "state").values()) == {0}
    assert metrics.value("quarry_nearest_expiry_seconds") == float("inf")


def test_calls_to_aws_are_those_that_the_sandbox_saw(ran):
    """Both counted while neither moves: a look at AWS may come at any time."""
    def both():
        before = ran.server.records()["calls"]
        counted = scrape(ran.server).by("quarry_aws_requests_total", "operation")
        return before, counted, ran.server.records()["calls"]

    seen = []

    def still():
        seen[:] = both()
        return seen[0] == seen[2]

    harness.await_true(still)
    sandbox = collections.Counter()
    for operations in seen[0].values():
        sandbox.update(operations)
    assert {operation: count for (operation,), count in seen[1].items()} == dict(sandbox)
    assert sandbox["CreateModelInvocationJob"] == 1


def test_an_open_batch_is_in_the_gauges_of_the_database(tmp_path):
    server = harness.Server(tmp_path, job_seconds=3600)
    file = server.upload(harness.chat_lines(LINES))
    batch = server.request("POST", "/v1/batches", {"input_file_id": file.json["id"], "completion_window": "24h",
                                                   "endpoint": "/v1/chat/completions"}).json
    harness.await_true(lambda: server.records()["jobs"])
    server.wait(batch["id"], until={"in_progress"})
    metrics = scrape(server)  # the first: older ones would be shown for ten seconds
    assert metrics.value("quarry_batches", status="in_progress") == 1
    assert sum(metrics.by("quarry_jobs", "kind", "state").values()) == 1
    assert 23 * 3600 < metrics.value("quarry_nearest_expiry_seconds") <= 24 * 3600
    assert metrics.value("quarry_oldest_staged_job_seconds") == 0
    assert metrics.value("quarry_database_up") == 1 == metrics.value("quarry_serving")
    assert metrics.value("quarry_transfer_memory_limit_bytes", use="jobs") >= 32 << 20
    server.stop()


def test_throttled_calls_and_their_repeats_are_counted(tmp_path):
    server = harness.Server(tmp_path)
    server.set_faults([{"operation": "PutObject", "fault": "throttle", "count": 1}])
    batch = server.run_batch(harness.chat_lines(LINES))
    assert batch["status"] == "completed"
    metrics = scrape(server)
    [fault] = server.faults()
    assert fault["fired"] == 1
    by = metrics.by("quarry_aws_throttles_total", "operation")
    assert by[("PutObject",)] == 1
    assert metrics.by("quarry_aws_retries_total", "operation")[("PutObject",)] == 1
    assert metrics.by("quarry_aws_requests_total", "operation", "code")[("PutObject", "SlowDown")] == 1
    server.stop()


def test_no_key_and_no_word_of_a_client_is_in_the_metrics(ran):
    text = ran.server.request("GET", "/metrics", key=None).text
    for secret in (harness.KEY, "Hello world", "request-1", "file-", "batch_", "AKIA", "arn:"):
        assert secret not in text, secret


def test_metrics_need_a_key_where_the_config_says_so(tmp_path):
    sandbox = harness.Sandbox(tmp_path / "sandbox")
    config = harness.write_config(tmp_path / "config.yaml", sandbox)
    config.write_text(config.read_text() + "litellm_settings:\n  require_auth_for_metrics_endpoint: true\n")
    server = harness.Server(tmp_path / "server", config, sandbox=False)
    assert server.request("GET", "/metrics", key=None).status == 401
    assert server.request("GET", "/metrics", key="sk-wrong").status == 401
    answer = server.request("GET", "/metrics")
    assert answer.status == 200 and "quarry_http_requests_total" in answer.text
    assert server.request("HEAD", "/metrics").status == 200
    server.stop()
    sandbox.stop()


# --- the rules and the dashboard ---

NAME = re.compile(r"\b(?:quarry|process)_[a-z0-9_]+|\bup\b")


def names_in(expression):
    """The metrics of a PromQL expression."""
    return set(NAME.findall(re.sub(r'"[^"]*"', '""', expression)))


def rule_expressions():
    import yaml

    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def panels():
    dashboard = json.loads(DASHBOARD.read_text())
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def dashboard_expressions():
    return [target["expr"].replace("$__rate_interval", "5m").replace("$job", "quarry")
            for panel in panels() for target in panel["targets"]]


def test_promtool_takes_the_rules_their_tests_and_the_configuration(tmp_path):
    for arguments in (("check", "rules", RULES.name), ("check", "config", "prometheus.yml"),
                      ("test", "rules", "quarry_rules_test.yml")):
        code, said = promtool(*arguments, directory=RULES.parent)
        assert code == 0, said


def test_the_tests_of_the_rules_can_fail(tmp_path):
    for file in RULES.parent.iterdir():
        (tmp_path / file.name).write_text(file.read_text())
    broken = RULES.read_text().replace("> 600", "> 6000")
    assert broken != RULES.read_text()
    (tmp_path / RULES.name).write_text(broken)
    code, said = promtool("test", "rules", "quarry_rules_test.yml", directory=tmp_path)
    assert code != 0 and "QuarryWorkWaits" in said


def test_every_alert_says_what_is_wrong_and_what_to_do():
    alerts = [rule for rule in rule_expressions() if "alert" in rule]
    assert len(alerts) >= 13
    for rule in alerts:
        assert rule["labels"]["severity"] in ("warning", "critical"), rule["alert"]
        assert rule["annotations"]["summary"] and len(rule["annotations"]["runbook"]) > 60, rule["alert"]


def every_name_of(ran):
    """Also of metrics without a series yet: a server's table is in its documentation, which a test holds to it."""
    table = (harness.REPOSITORY / "docs" / "observability.md").read_text()
    types = dict(re.findall(r"^\| `([a-z_]+)` \| (counter|gauge|histogram) \|", table, re.MULTILINE))
    for name in ran.metrics.families:
        assert name in types or f"{name}_total" in types, name
    names = {"up"}
    for name, kind in types.items():
        names |= {f"{name}_{part}" for part in ("bucket", "sum", "count")} if kind == "histogram" else {name}
    return names


def test_rules_and_dashboard_speak_of_metrics_that_there_are(ran):
    known = every_name_of(ran)
    expressions = [rule["expr"] for rule in rule_expressions()] + dashboard_expressions()
    for expression in expressions:
        names = names_in(expression)
        assert names <= known, (names - known, expression)
    recorded = {rule["record"] for rule in rule_expressions() if "record" in rule}
    asked = set(re.findall(r"quarry:[a-z0-9_:]+", " ".join(expressions)))
    assert asked <= recorded


def test_every_metric_is_on_the_dashboard_or_said_not_to_be(ran):
    shown = {re.sub(r"_(bucket|sum|count)$", "", name) for one in dashboard_expressions() for name in names_in(one)}
    names = {re.sub(r"_(bucket|sum|count)$", "", name) for name in every_name_of(ran)}
    not_shown = {"quarry_census_timestamp_seconds", "process_start_time_seconds", "process_virtual_memory_bytes"}
    assert names - shown == not_shown


def test_the_dashboards_expressions_are_promql(tmp_path):
    rules = {"groups": [{"name": "panels", "rules": [
        {"record": f"panel:{i}", "expr": expression} for i, expression in enumerate(dashboard_expressions())]}]}
    (tmp_path / "panels.yml").write_text(json.dumps(rules))
    code, said = promtool("check", "rules", tmp_path / "panels.yml")
    assert code == 0, said


def lost_in_grafanas_schema(dashboard):
    """What of a dashboard Grafana's schema does not know, or has of another shape, as paths."""
    from grafana_foundation_sdk.cog import encoder, plugins
    from grafana_foundation_sdk.models import dashboard as schema

    plugins.register_default_plugins()
    back = json.loads(encoder.JSONEncoder(sort_keys=True).encode(schema.Dashboard.from_json(dashboard)))
    lost = []

    def compare(sent, kept, path):
        if isinstance(sent, dict) and isinstance(kept, dict):
            for key, value in sent.items():
                if key in kept:
                    compare(value, kept[key], f"{path}.{key}")
                else:
                    lost.append(f"{path}.{key}")
        elif isinstance(sent, list) and isinstance(kept, list) and len(sent) == len(kept):
            for i, (one, other) in enumerate(zip(sent, kept)):
                compare(one, other, f"{path}[{i}]")
        elif sent != kept:
            lost.append(path)

    compare(dashboard, back, "")
    return lost


def test_the_dashboard_is_one_of_grafanas_schema():
    dashboard = json.loads(DASHBOARD.read_text())
    assert lost_in_grafanas_schema(dashboard) == []
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids)
    titles = [panel["title"] for panel in dashboard["panels"] if panel["type"] == "row"]
    assert titles == ["Now", "Traffic", "Batches", "Money", "AWS", "Servers"]


def test_the_schema_sees_what_is_not_of_it():
    dashboard = json.loads(DASHBOARD.read_text())
    panel = next(i for i, panel in enumerate(dashboard["panels"]) if panel["type"] == "timeseries")
    dashboard["panels"][panel]["options"]["legend"]["placemnt"] = "bottom"
    dashboard["panels"][panel]["targets"][0]["query"] = "up"
    dashboard["tagz"] = []
    assert sorted(lost_in_grafanas_schema(dashboard)) == sorted(
        [".tagz", f".panels[{panel}].options.legend.placemnt", f".panels[{panel}].targets[0].query"])


def test_no_panel_covers_another():
    taken = {}
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        for y in range(at["y"], at["y"] + at["h"]):
            for x in range(at["x"], at["x"] + at["w"]):
                assert (x, y) not in taken, (panel["title"], taken.get((x, y)))
                taken[(x, y)] = panel["title"]


def test_every_panel_asks_the_data_source_that_is_chosen():
    for panel in panels():
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert all('job=~"$job"' in target["expr"] for target in panel["targets"]), panel["title"]


# --- traces ---

@pytest.mark.parametrize("header,taken", [
    (f"00-{TRACE}-{PARENT}-01", True),
    (f"cc-{TRACE}-{PARENT}-01-more", True),
    (f"00-{TRACE.upper()}-{PARENT}-01", False),
    (f"00-{'0' * 32}-{PARENT}-01", False),
    ("nonsense", False),
])
def test_a_trace_is_in_the_log_line_of_its_request(ran, header, taken):
    answer = ran.server.request("GET", "/v1/models", headers={"traceparent": header})
    assert answer.status == 200
    line = next(line for line in ran.server.log().splitlines() if answer.headers["x-request-id"] in line)
    assert (f"trace_id={TRACE}" in line) == taken, line
    if taken:
        span = re.search(r"span_id=([0-9a-f]{16})\b", line)[1]
        assert span != PARENT
    else:
        assert "span_id" not in line


def test_a_batch_is_found_from_the_trace_of_its_creation(ran):
    file = ran.server.upload(harness.chat_lines(2, "traced"))
    created = ran.server.request(
        "POST", "/v1/batches", {"input_file_id": file.json["id"], "endpoint": "/v1/chat/completions",
                                "completion_window": "24h"}, {"traceparent": f"00-{'a' * 32}-{PARENT}-00"})
    assert created.status == 200, created.text
    line = next(line for line in ran.server.log().splitlines()
                if "batch created" in line and created.json["id"] in line)
    assert f"trace_id={'a' * 32}" in line
    ran.server.wait(created.json["id"])


def test_no_trace_goes_to_aws(tmp_path):
    """To a server in AWS's place, which keeps what it was sent."""
    sandbox = harness.Sandbox(tmp_path / "sandbox")
    seen = []

    def pass_on(method, path, headers, body):
        seen.append({name.lower() for name in headers})
        return harness.passed_on(sandbox.ports["sandbox"], method, path, headers, body)

    aws = harness.FakeServer(pass_on)
    config = harness.write_config(tmp_path / "config.yaml", sandbox)
    config.write_text(config.read_text().replace(sandbox.url, aws.url))
    server = harness.Server(tmp_path / "server", config, sandbox=False)
    body, content_type = harness.form([("purpose", "batch"), ("file", "in.jsonl", harness.chat_lines(2))])
    answer = server.request("POST", "/v1/files", body, {
        "Content-Type": content_type, "traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "a=b"})
    assert answer.status == 200, answer.text
    assert seen and not any(names & {"traceparent", "tracestate"} for names in seen)
    server.stop()
    aws.close()
    sandbox.stop()
