"""Talks to aws_probe (tests/probes): Quarry's AWS client, asked one line at a time."""

import json
import os
import subprocess
import threading

ANSWER_SECONDS = 60
# A variable of the machine's must not decide what a test sees.
AMBIENT = ("AWS_", "QUARRY_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")


def clean_environment(**variables):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(AMBIENT)}
    return {**kept, "AWS_EC2_METADATA_DISABLED": "true", **variables}


class Probe:
    """`aws_probe <arguments>`, running. Ends with the `with` block, and must end well."""

    def __init__(self, *arguments, environment):
        self.process = subprocess.Popen(
            [os.environ["QUARRY_AWS_PROBE"], *arguments], env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, line, times=1):
        """The answer to a line, which may be an object; with `times`, the answers to as many at once."""
        text = line if isinstance(line, str) else json.dumps(line)
        watchdog = threading.Timer(ANSWER_SECONDS, self.process.kill)
        watchdog.start()
        try:
            self.process.stdin.write(text + (f" *{times}" if times > 1 else "") + "\n")
            self.process.stdin.flush()
            answers = [self._answer(text) for _ in range(times)]
        finally:
            watchdog.cancel()
        return answers if times > 1 else answers[0]

    def _answer(self, line):
        answer = self.process.stdout.readline()
        assert answer, f"the probe gave no answer to {line}"
        return json.loads(answer)

    def __enter__(self):
        return self

    def __exit__(self, failed, *_):
        self.process.stdin.close()
        watchdog = threading.Timer(ANSWER_SECONDS, self.process.kill)
        watchdog.start()
        code = self.process.wait()
        watchdog.cancel()
        self.process.stdout.close()
        assert failed or code == 0, f"the probe ended with {code}"
