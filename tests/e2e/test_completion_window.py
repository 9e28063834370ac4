"""A server that allows longer completion windows than OpenAI's one."""

import pytest

import harness


@pytest.fixture
def server(sandbox, tmp_path):
    config = harness.write_config(tmp_path / "config.yaml", sandbox)
    config.write_text(config.read_text() + "  max_completion_window: 72h\n")
    running = harness.Server(tmp_path / "server", config, sandbox=False)
    yield running
    assert running.stop() == 0, running.log_end()


def test_the_window_is_what_was_asked_for_up_to_what_is_allowed(server):
    file = server.upload(harness.chat_lines(2)).json["id"]

    def create(window):
        return server.request("POST", "/v1/batches", {
            "input_file_id": file, "endpoint": "/v1/chat/completions", "completion_window": window})

    for hours in (24, 25, 72):
        batch = create(f"{hours}h").json
        assert batch["completion_window"] == f"{hours}h"
        assert batch["expires_at"] - batch["created_at"] == hours * 3600
    for window in ("73h", "23h", "3d"):
        refused = create(window)
        assert (refused.status, refused.error["param"]) == (400, "completion_window")
        assert "'24h' to '72h'" in refused.error["message"]
