"""Who is killed, and when: drawn from a seed while a sweep runs, until it has ended."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter

import psutil

from sweep.retries import MOST_DEATHS
from tests.faults.stage import Stage

# A driver costs its start, a node the seconds until it is missed: the cheap ones come more often.
VICTIMS = {"driver": 4, "worker": 4, "node": 2, "server": 5}
DRIVER_SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)


class Kills:
    """At most `most` kills, all told, of as many sweeps as that takes."""

    def __init__(self, stage: Stage, seed: int, most: int) -> None:
        self._stage = stage
        self._draw = random.Random(seed)
        self.left = most
        self.done: Counter[str] = Counter()
        self._back_at: dict[str, float] = {}  # when what was killed is started again
        self._deaths: Counter[str] = Counter()  # of trials, since the driver began
        self._failed_starts = 0

    def through(self, name: str, *start: object, timeout: float) -> None:
        """The sweep of this name from its start (words of the command) to its end."""
        stage = self._stage
        stage.start_driver(*start)
        self._deaths.clear()
        deadline = time.monotonic() + timeout
        next_ = self._soon()
        while True:
            now = time.monotonic()
            assert now < deadline, f"{name} did not end:\n{stage.driver_log()[-5000:]}"
            self._bring_back(now)
            assert stage.driver is not None
            if stage.driver.poll() == 0:
                break
            if stage.driver.poll() is not None:
                self._go_on(name, *start)
            elif self.left and now > next_ and self._kill(name):
                self.left -= 1
                next_ = self._soon()
            time.sleep(0.02)
        self._bring_back(float("inf"))
        stage.wait_for_server()

    def _soon(self) -> float:
        return time.monotonic() + self._draw.uniform(0.2, 5.0)

    def _go_on(self, name: str, *start: object) -> None:
        """What whoever looks after the sweep does: resume it, or start it if it never began."""
        stage = self._stage
        if not stage.server_is_up():
            return  # it says so, and nobody would have it try again
        begun = "no sweep named" not in stage.driver_log().splitlines()[-1]
        known = (stage.home / name / "sweep.yaml").exists()
        stage.start_driver(*(("resume", name) if known and begun else start))
        self._deaths.clear()

    def _bring_back(self, now: float) -> None:
        for what, at in list(self._back_at.items()):
            if now >= at:
                del self._back_at[what]
                self._stage.start_server() if what == "server" else self._stage.add_node()

    def _kill(self, name: str) -> bool:
        """Whether anything could be."""
        stage = self._stage
        (what,) = self._draw.choices(list(VICTIMS), list(VICTIMS.values()))
        if what in ("worker", "node"):
            trials = self._running(name)
            if not stage.workers() or any(self._deaths[t] == MOST_DEATHS for t in trials):
                return False
        match what:
            case "driver":
                which = self._draw.choice(DRIVER_SIGNALS)
                assert stage.driver is not None
                stage.driver.send_signal(which)
                stage.driver.wait(timeout=120)
                what = f"driver ({which.name})"
            case "worker":
                try:
                    self._draw.choice(stage.workers()).kill()
                except psutil.NoSuchProcess:
                    return False
                self._deaths.update(trials)
            case "node":
                if what in self._back_at or not stage.node_is_up():
                    return False
                stage.kill_node()
                self._back_at[what] = time.monotonic() + self._draw.uniform(0.0, 2.0)
                self._deaths.update(trials)
            case "server":
                if what in self._back_at or not stage.server_is_up():
                    return False
                stage.kill_server()
                self._back_at[what] = time.monotonic() + self._draw.uniform(0.0, 3.0)
        self.done[what] += 1
        print(f"{time.monotonic():.1f} {what}; running {self._running(name)}", flush=True)
        return True

    def _running(self, name: str) -> set[str]:
        """Trials that a death may be counted against: those begun and not ended."""
        running = set()
        for entry in self._stage.journal(name):
            if entry["do"] == "open":
                running.add(str(entry["trial"]))
            elif entry["do"] == "close":
                running.discard(str(entry["trial"]))
        return running
