"""`quarry keys` against a running server."""

import hashlib
import json
import re
import subprocess

import harness


def keys(server, *args, api_key=harness.KEY):
    """Runs it with the key in the environment, as an administrator would."""
    environment = {"PATH": harness.os.environ["PATH"], "HOME": str(server.directory)}
    if api_key:
        environment["LITELLM_MASTER_KEY"] = api_key
    return subprocess.run([harness.binary(), "keys", *args, "--url", server.url], env=environment,
                          capture_output=True, text=True, timeout=60, check=False)


def done(server, *args):
    ran = keys(server, *args)
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stdout + ran.stderr
    return ran.stdout


def test_a_keys_life_from_the_shell(server):
    made = keys(server, "generate", "--alias", "shell", "--user", "ann", "--models", harness.MODEL,
                "--max-budget", "2.5", "--budget-duration", "1mo", "--max-open-batches", "3")
    assert made.returncode == 0, made.stderr
    assert re.fullmatch(r"sk-[A-Za-z0-9_-]{22}\n", made.stdout)
    key = made.stdout.strip()
    assert "shown this once" in made.stderr and key not in made.stderr
    digest = hashlib.sha256(key.encode()).hexdigest()
    listed = done(server, "list", "--user", "ann")
    assert "shell" in listed and "$2.50" in listed and digest in listed and key not in listed
    assert server.request("GET", "/v1/models", key=key).status == 200
    info = json.loads(done(server, "info", digest, "--json"))["info"]
    assert (info["max_budget"], info["metadata"]) == (2.5, {"max_open_batches": 3})
    done(server, "update", key, "--max-budget", "none", "--models", "none")
    info = json.loads(done(server, "info", key, "--json"))["info"]
    assert (info["max_budget"], info["models"], info["key_alias"]) == (None, [], "shell")
    assert "true" in done(server, "block", digest)
    assert server.request("GET", "/v1/models", key=key).status == 401
    done(server, "unblock", digest)
    assert server.request("GET", "/v1/models", key=key).status == 200
    gone = keys(server, "delete", key, "sk-nobody-has-this-key-x")
    assert (gone.returncode, gone.stdout) == (1, "deleted: 1\n")
    assert gone.stderr == "quarry keys: there is no key 'sk-...ey-x'\n"
    assert server.request("GET", "/v1/models", key=key).status == 401


def test_teams_from_the_shell(server):
    done(server, "team", "new", "--id", "shell-team", "--alias", "Shell", "--max-budget", "5")
    key = json.loads(done(server, "generate", "--team", "shell-team", "--json"))["key"]
    shown = done(server, "team", "info", "shell-team")
    assert "Shell" in shown and f"sk-...{key[-4:]}" in shown
    done(server, "team", "update", "shell-team", "--rpm-limit", "100")
    assert "shell-team" in done(server, "team", "list")
    done(server, "team", "block", "shell-team")
    assert server.request("GET", "/v1/models", key=key).status == 401
    done(server, "team", "unblock", "shell-team")
    gone = keys(server, "team", "delete", "shell-team", "never-there")
    assert (gone.returncode, gone.stdout) == (1, "deleted: 1\n")
    assert gone.stderr == "quarry keys: there is no team 'never-there'\n"
    assert server.request("GET", "/v1/models", key=key).status == 401


def test_what_the_server_refuses_is_said_and_fails(server):
    ran = keys(server, "generate", "--max-budget", "-1")
    assert ran.returncode == 1
    assert "max_budget" in ran.stderr
    ran = keys(server, "info", "sk-nobody-has-this-key-x")
    assert ran.returncode == 1 and "404" in ran.stderr
    ran = keys(server, "list", api_key="")
    assert ran.returncode == 1 and "--api-key" in ran.stderr
    ran = keys(server, "generate", "--alias", "no limit", "--team", "", "--max-budget", "")
    assert ran.returncode == 2 and "--team" in ran.stderr
    assert "no limit" not in done(server, "list")
    ran = keys(server, "generate", "--metadata", "{broken")
    assert ran.returncode == 2 and "--metadata" in ran.stderr
