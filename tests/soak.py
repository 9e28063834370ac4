"""What soaks have in common: clients who ask until they are answered, and servers that die while batches come."""

import dataclasses
import http.client
import random
import threading
import time
from collections.abc import Callable


def ask(any_server, question, deadline):
    """What a patient client does: asks again until it is answered. `question` gets the server of the moment."""
    while True:
        try:
            answer = question(any_server())
            if answer.status < 500 and answer.status != 429:
                return answer
            why = f"{answer.status} {answer.text[:300]}"
        except (OSError, http.client.HTTPException) as error:
            why = repr(error)
        assert time.monotonic() < deadline, f"no answer in time: {why}"
        time.sleep(0.2)


@dataclasses.dataclass
class Soak:
    batches: int
    submit_seconds: float  # the batches come over this time
    kill_every: tuple[float, float]
    seed: int
    deadline: float
    submit: Callable  # number -> (batch id, custom_ids)
    ended: Callable   # batch id -> whether it has
    kill: Callable    # with a random.Random
    log_end: Callable
    kills_least: int = 4  # before the last third of the batches comes
    kills: int = 0

    def _submit_all(self, submitted, failures):
        began = time.monotonic()
        try:
            for number in range(self.batches):
                # Time is left for servers to die at any of their works; what is asserted does not depend on it.
                time.sleep(max(0, began + self.submit_seconds * number / self.batches - time.monotonic()))
                while number >= self.batches * 2 // 3 and self.kills < self.kills_least:
                    assert time.monotonic() < self.deadline, f"{self.kills} kills in all this time"
                    time.sleep(0.1)
                batch_id, names = self.submit(number)
                submitted[batch_id] = names
        except BaseException as error:  # to be raised where pytest sees it
            failures.append(error)

    def run(self):
        """Submits all, in a thread of their own, while servers are killed. Returns {batch id: custom_ids}."""
        submitted, failures, ended = {}, [], set()
        rng = random.Random(self.seed + 1)
        submitter = threading.Thread(target=self._submit_all, args=(submitted, failures))
        submitter.start()
        next_kill = time.monotonic() + rng.uniform(*self.kill_every)
        while submitter.is_alive() or len(ended) < len(submitted):
            assert not failures, failures
            assert time.monotonic() < self.deadline, \
                f"{len(ended)} of {len(submitted)} ended\n{self.log_end()}"
            if time.monotonic() > next_kill and self.kills < self.batches:
                self.kill(rng)
                self.kills += 1
                next_kill = time.monotonic() + rng.uniform(*self.kill_every)
            for batch_id in [each for each in list(submitted) if each not in ended]:
                if self.ended(batch_id):
                    ended.add(batch_id)
                if time.monotonic() > next_kill:
                    break
            time.sleep(0.1)
        submitter.join()
        assert not failures, failures
        return submitted
