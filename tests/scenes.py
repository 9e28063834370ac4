"""Many scenes of AWS's misbehaviour before one server and one sandbox. Each scene has a model_name and an S3 prefix
of its own, so that faults that name the prefix befall that scene alone, and all scenes run at the same time."""

import time

import exactness
import fleet
import harness

CLAUDE = "us.anthropic.claude-3-5-sonnet-20240620-v1:0"
NOVA = "us.amazon.nova-lite-v1:0"
TITAN = "amazon.titan-embed-text-v2:0"
LINES = 120
END_SECONDS = 150  # generous: the machine may be busy


def prefix(name):
    return f"scene-{name}/"


# What these ask for names no S3 object.
NOWHERE = {"Bedrock", "Runtime", "GetModelInvocationJob", "StopModelInvocationJob", "ListModelInvocationJobs",
           "InvokeModel", "Converse"}


def fault(name, kind, operation="Job", **members):
    """A fault that happens in this scene only: told by its prefix or, where a request names no object, by `region`,
    which must then be of this scene alone."""
    assert operation not in NOWHERE or "region" in members
    match = {} if operation in NOWHERE else {"match": prefix(name)}
    return {"operation": operation, "fault": kind, **match, **members}


def lines_of(name, count=LINES, **body):
    return [harness.chat_line(f"{name}-{i}", f"[[sandbox:echo answer {i}]]", name, **body) for i in range(count)]


class Scene:
    """lines: a number of chat lines, or the lines. faults: (kind, {members}) of fault(). deployments: their
    litellm_params, one by one; `model` is Bedrock's."""

    def __init__(self, name, lines=LINES, faults=(), deployments=({},), **create):
        self.name = name
        self.lines = lines_of(name, lines) if isinstance(lines, int) else lines
        self.ids = [line["custom_id"] for line in self.lines]
        self.faults = [fault(name, kind, **members) for kind, members in faults]
        self.deployments = deployments
        self.create = create
        self.batch_id = self.file_id = None

    def entries(self, sandbox):
        made = []
        for number, params in enumerate(self.deployments):
            params = {"model": CLAUDE, "region": harness.REGION, "id": f"{self.name}-{number}", **params}
            model, region = params.pop("model"), params.pop("region")
            entry = fleet.deployment(self.name, model, sandbox, region, harness.BUCKET,
                                     s3_prefix=prefix(self.name), **params)
            entry["litellm_params"]["s3_region_name"] = harness.REGION  # the bucket's own
            made.append(entry)
        return made


class Scenes:
    def __init__(self, directory, scenes, job_seconds=0.5, speed=1, sandbox_args=(), polling_seconds=0.2):
        clock = ["--clock-speed", str(speed), "--clock-origin", str(int(time.time()))]
        self.directory, self.clock = directory, clock
        self.by_name = {scene.name: scene for scene in scenes}
        assert len(self.by_name) == len(scenes)
        self.sandbox = harness.Sandbox(
            directory / "sandbox", job_seconds, [*clock, "--max-jobs-per-model", "0", *sandbox_args])
        self.sandbox.set_faults([fault for scene in scenes for fault in scene.faults])
        entries = [entry for scene in scenes for entry in scene.entries(self.sandbox)]
        self.config = fleet.write_config(directory / "config.yaml", entries,
                                         proxy_batch_polling_interval=polling_seconds * speed)
        self.server = None
        self.start_server()

    def start_server(self):
        """Again: on the same port and data."""
        port = self.server.port if self.server else 0
        self.server = harness.Server(self.directory / "server", self.config, sandbox=False, port=port,
                                     extra_args=self.clock)

    def create_all(self):
        for name in self.by_name:
            self.create(name)
        return self

    def create(self, name):
        scene = self.by_name[name]
        endpoint = scene.create.get("endpoint", "/v1/chat/completions")
        if scene.file_id is None:
            file = self.server.upload(harness.to_jsonl(scene.lines))
            assert file.status == 200, file.text
            scene.file_id = file.json["id"]
        created = self.server.request("POST", "/v1/batches", {
            "input_file_id": scene.file_id, "completion_window": "24h", **scene.create, "endpoint": endpoint})
        assert created.status == 200, created.text
        scene.batch_id = created.json["id"]
        return scene.batch_id

    def batch(self, name):
        return self.server.batch(self.by_name[name].batch_id)

    def end(self, name, status="completed"):
        """The batch once it has ended, with every line answered once. Returns an End."""
        scene = self.by_name[name]
        batch = self.server.wait(scene.batch_id, END_SECONDS)
        assert batch["status"] == status, f"{batch}\n{self.log_of(name)}"
        exactness.check_answers(self.server, batch, scene.ids)
        return End(self.server, batch)

    def jobs(self, name):
        """What the sandbox knows of the scene's jobs."""
        return [job for job in self.sandbox.records()["jobs"] if f"/{prefix(name)}" in job["input_uri"]]

    def log_of(self, name):
        """What the server said of the scene's batch."""
        return "\n".join(line for line in self.server.log().splitlines()
                         if self.by_name[name].batch_id in line and "method=" not in line)

    def objects(self, name, infix, suffix=""):
        """{key: bytes} of the scene's objects at S3."""
        s3 = self.sandbox.client("s3")
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=harness.BUCKET, Prefix=prefix(name) + infix)
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
        return {key: s3.get_object(Bucket=harness.BUCKET, Key=key)["Body"].read()
                for key in keys if key.endswith(suffix)}

    def fired(self, name, kind):
        """How often the scene's faults of that kind have happened."""
        script = [(scene.name, fault) for scene in self.by_name.values() for fault in scene.faults]
        return sum(now["fired"] for (owner, fault), now in zip(script, self.sandbox.faults(), strict=True)
                   if owner == name and fault["fault"] == kind)

    def check_billed(self, name):
        """The ledger has the batch once, with the tokens that the sandbox counted for its jobs."""
        spent = exactness.spent(self.server, [self.by_name[name].batch_id])
        jobs = self.jobs(name)
        assert spent["input"] == sum(job["input_tokens"] for job in jobs)
        assert spent["output"] == sum(job["output_tokens"] for job in jobs)
        return spent

    def stop(self):
        assert self.server.stop() == 0, self.server.log_end()
        assert self.sandbox.stop() == 0, self.sandbox.log_end()


class End:
    """What a client has of a batch that ended."""

    def __init__(self, server, batch):
        self.batch = batch
        self.counts = (batch["request_counts"]["completed"], batch["request_counts"]["failed"])
        self.results = _by_id(server, batch["output_file_id"])
        self.errors = _by_id(server, batch["error_file_id"])

    def codes(self):
        """How many error lines have each code: of lines that did not run a text, else the HTTP status."""
        found = {}
        for line in self.errors.values():
            assert (line["error"] is None) != (line["response"] is None), line
            code = line["error"]["code"] if line["error"] else line["response"]["status_code"]
            found[code] = found.get(code, 0) + 1
        return found

    def check_echoes(self):
        """Each result is the answer to its own line."""
        harness.check_result_lines(self.results.values())
        for name, line in self.results.items():
            text = line["response"]["body"]["choices"][0]["message"]["content"]
            assert text == f"answer {name.rpartition('-')[2]}", line


def _by_id(server, file_id):
    return {} if file_id is None else {line["custom_id"]: line for line in server.result_lines(file_id)}
