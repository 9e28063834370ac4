"""What a finished batch must be, held against the sandbox's own records: every line answered once,
no job twice, every token billed once."""

import collections
import json


def custom_ids(server, file_id):
    """custom_ids of a result file as they come, without holding the file's objects."""
    if file_id is None:
        return
    for line in server.content(file_id).splitlines():
        yield json.loads(line)["custom_id"]


def check_answers(server, batch, expected):
    """Each of the expected custom_ids is in exactly one of the two files, once. Returns the counts."""
    completed = list(custom_ids(server, batch["output_file_id"]))
    failed = list(custom_ids(server, batch["error_file_id"]))
    seen = collections.Counter(completed + failed)
    twice = [name for name, count in seen.items() if count > 1]
    assert not twice, f"{batch['id']}: answered more than once: {twice[:5]}"
    missing = set(expected) - seen.keys()
    assert not missing, f"{batch['id']}: never answered: {sorted(missing)[:5]} of {len(missing)}"
    foreign = seen.keys() - set(expected)
    assert not foreign, f"{batch['id']}: nobody asked for {sorted(foreign)[:5]}"
    counts = batch["request_counts"]
    assert counts["total"] == len(expected), batch
    assert counts["completed"] == len(completed), batch
    if batch["status"] == "completed":
        assert counts["failed"] == len(failed), batch
    return len(completed), len(failed)


def check_jobs(records):
    """Each job was started once: its name is made of batch, number and attempt alone."""
    names = collections.Counter(job["name"] for job in records["jobs"])
    twice = {name: count for name, count in names.items() if count > 1}
    assert not twice, f"started more than once: {twice}"


def spent(server, batch_ids):
    """Tokens that the ledger has for these batches, which must all have ended."""
    total = collections.Counter()
    for batch_id in batch_ids:
        rows = [row for row in server.spend(batch_id=batch_id) if row["call_type"] == "batch_success"]
        assert len(rows) == 1, f"{batch_id} is billed {len(rows)} times"
        total["input"] += rows[0]["prompt_tokens"]
        total["output"] += rows[0]["completion_tokens"]
    return total


def used(records):
    """Tokens that the sandbox counted: for jobs, and once for each different call on demand."""
    total = collections.Counter()
    for job in records["jobs"]:
        total["input"] += job["input_tokens"]
        total["output"] += job["output_tokens"]
    total["input"] += records["invocations"]["input_tokens"]
    total["output"] += records["invocations"]["output_tokens"]
    return total
