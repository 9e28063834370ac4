"""A job is asked for once and found again, whatever becomes of the answer and of the server that asked."""

import pytest

import harness
from scenes import END_SECONDS, LINES, Scene, Scenes

CREATE = {"operation": "CreateModelInvocationJob"}
CONFLICT = {**CREATE, "status": 400, "code": "ConflictException", "message": "A job of this name is known."}


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    running = Scenes(tmp_path_factory.mktemp("starting"), [
        Scene("answer-lost", faults=[("reset_after", {**CREATE, "count": 1})]),
        Scene("every-answer-lost", faults=[("reset_after", {**CREATE, "count": 4})]),
        Scene("answer-cut", faults=[("truncated_body", {**CREATE, "count": 1})]),
        Scene("answer-cut-by-reset", faults=[("truncated_body", {**CREATE, "count": 1, "reset": True})]),
        Scene("told-of-a-conflict", faults=[("error", {**CONFLICT, "count": 1})]),
        Scene("never-arrived", faults=[("reset_before", {**CREATE, "count": 4})]),
        Scene("failed-at-aws", faults=[("internal", {**CREATE, "count": 2}), ("unavailable", {**CREATE, "count": 2})]),
    ]).create_all()
    yield running
    running.stop()


def check_one_job(scenes, name):
    end = scenes.end(name)
    end.check_echoes()
    assert end.counts == (LINES, 0)
    [job] = scenes.jobs(name)
    assert job["records"] == LINES
    scenes.check_billed(name)


@pytest.mark.parametrize("name", ["answer-lost", "every-answer-lost", "answer-cut", "answer-cut-by-reset"])
def test_a_job_that_aws_took_is_not_started_again_when_the_answer_is_lost(scenes, name):
    check_one_job(scenes, name)
    assert scenes.fired(name, scenes.by_name[name].faults[0]["fault"]) > 0


def test_a_job_that_aws_says_it_has_but_does_not_is_asked_for_again(scenes):
    check_one_job(scenes, "told-of-a-conflict")
    assert scenes.fired("told-of-a-conflict", "error") == 1


@pytest.mark.parametrize("name", ["never-arrived", "failed-at-aws"])
def test_a_job_that_aws_did_not_take_is_asked_for_again(scenes, name):
    check_one_job(scenes, name)


@pytest.fixture
def alone(tmp_path):
    """start(faults): scenes of one, whose server may be killed."""
    running = []

    def start(faults=(), **options):
        running.append(Scenes(tmp_path, [Scene("killed", faults=faults)], **options))
        return running[-1]

    yield start
    running[0].stop()


def job_rows(scenes):
    """(n, state, aws_status) of all jobs in the server's database."""
    return scenes.server.database_rows("SELECT n, state, aws_status FROM jobs")


@pytest.mark.parametrize("how, fault", [
    ("took the job and its answer was lost", ("reset_after", CREATE)),
    ("took the job and is about to answer", ("slow_headers", {**CREATE, "seconds": 5})),
])
def test_a_job_is_found_again_after_a_kill_when_aws(alone, how, fault):
    scenes = alone([fault])
    scenes.create("killed")
    harness.await_true(lambda: scenes.jobs("killed"), END_SECONDS)
    scenes.server.kill()
    [(_, state, aws_status)] = job_rows(scenes)
    assert (state, aws_status) == ("staged", "Submitting")  # what it is going to do was written first
    scenes.sandbox.set_faults([])
    scenes.start_server()
    check_one_job(scenes, "killed")


def test_a_kill_before_aws_has_the_job_loses_nothing(alone):
    scenes = alone([("reset_before", CREATE)])
    scenes.create("killed")
    harness.await_true(lambda: scenes.fired("killed", "reset_before") > 0, END_SECONDS)
    scenes.server.kill()
    assert len(job_rows(scenes)) == 1 and scenes.jobs("killed") == []
    scenes.sandbox.set_faults([])
    scenes.start_server()
    check_one_job(scenes, "killed")


def test_a_batch_is_known_from_the_moment_that_its_creation_is_answered(alone):
    scenes = alone()
    batch_id = scenes.create("killed")
    scenes.server.kill()
    scenes.start_server()
    assert scenes.server.batch(batch_id)["status"] in {"validating", "in_progress", "finalizing", "completed"}
    check_one_job(scenes, "killed")


def test_a_second_batch_of_the_same_file_is_a_job_of_its_own(alone):
    scenes = alone()
    scenes.create("killed")
    first = scenes.end("killed")
    scenes.create("killed")
    second = scenes.end("killed")
    assert first.batch["id"] != second.batch["id"]
    assert first.batch["input_file_id"] == second.batch["input_file_id"]
    for end in (first, second):
        end.check_echoes()
        assert end.counts == (LINES, 0)
    assert first.batch["output_file_id"] != second.batch["output_file_id"]
    bedrock = scenes.sandbox.client("bedrock")
    jobs = [bedrock.get_model_invocation_job(jobIdentifier=job["arn"]) for job in scenes.jobs("killed")]
    assert len(jobs) == 2
    for member in ("jobName", "clientRequestToken"):
        assert len({job[member] for job in jobs}) == 2, member
    assert all(len(job["jobName"]) <= 63 for job in jobs)
    for end in (first, second):
        rows = [row for row in scenes.server.spend(batch_id=end.batch["id"]) if row["call_type"] == "batch_success"]
        assert len(rows) == 1
