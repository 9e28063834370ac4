"""The config.yaml of LiteLLM's page serves unchanged, keys from the environment as it says."""

import shutil

import harness
import seed_page

KEYS = {"AWS_ACCESS_KEY_ID": harness.ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": harness.SECRET_KEY}


def test_the_page_config_serves_its_model_from_the_sandbox(tmp_path):
    config = tmp_path / "config.yaml"
    shutil.copy(seed_page.SEED / "config.yaml", config)
    server = harness.Server(tmp_path / "server", config=config, environment=KEYS)
    try:
        batch = server.run_batch((seed_page.SEED / seed_page.INPUT).read_bytes(),
                                 metadata={"description": "Test batch job"})
        seed_page.check_finished(server, batch)
    finally:
        assert server.stop() == 0
    assert harness.SECRET_KEY not in server.log()


def test_a_key_of_the_environment_that_is_missing_is_said_by_name(tmp_path):
    config = tmp_path / "config.yaml"
    shutil.copy(seed_page.SEED / "config.yaml", config)
    try:
        harness.Server(tmp_path / "server", config=config, sandbox=False).stop()
    except RuntimeError as failure:
        assert "quarry ended with 2" in str(failure)
        assert "AWS_ACCESS_KEY_ID" in str(failure)
    else:
        raise AssertionError("served without keys")
