"""Who is killed, and when: drawn from a seed while a sweep runs, until it has ended."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter

from sweep.driver.retries import MAX_DEATHS
from tests.faults.stage import Stage

HANGS = "server (SIGSTOP)"  # for a while: it takes requests and does not answer
# Of 20 kills so many: a driver costs its start, a node the seconds until it is missed.
VICTIMS = {
    "driver (SIGKILL)": 2,
    "driver (SIGTERM)": 1,
    "driver (SIGINT)": 1,
    "worker": 5,
    "node": 2,
    "server": 9,
    HANGS: 3,
}
# The longest time until one is killed, once it can be: a worker imports for seconds, then it trains.
LATEST_S = {"driver": 8.0, "worker": 2.5, "node": 3.0, "server": 0.5}
LONGEST_AWAY_S = 2.0  # before a node or a server is started again
LONGEST_HANG_S = 5.0


class Kills:
    """What was killed in sweep after sweep."""

    def __init__(self, stage: Stage, seed: int) -> None:
        self._stage = stage
        self._draw = random.Random(seed)
        self._victims: list[str] = []
        self.done: Counter[str] = Counter()
        self.hangs = 0
        self._back_at: dict[str, float] = {}  # when what was killed is started again
        self._deaths: Counter[int] = Counter()  # of trials, since the driver began

    def through(self, name: str, *start: object, most: int) -> int:
        """The sweep of this name from its start (words of the command) to its end, with at most so
        many kills; how many there were.
        """
        stage = self._stage
        deadline = time.monotonic() + 120 + 20 * most
        before = self.done.total()
        self._start_driver(*start)
        victim, at = "", 0.0
        while (status := self._driver.poll()) != 0:
            assert time.monotonic() < deadline, f"{name} did not end:\n{stage.driver_log()[-5000:]}"
            self._bring_back(time.monotonic())
            if status is not None:
                self._go_on(name, *start)
            elif victim and time.monotonic() >= at and self._can_die(victim, name):
                self._kill(victim, name)
                victim = ""
            elif not victim and self.done.total() - before < most:
                victim = self._next(name)
                latest = LATEST_S[victim.split()[0]] if victim else 0.0
                at = time.monotonic() + self._draw.uniform(0.0, latest)
            time.sleep(0.02)
        self._bring_back(float("inf"))
        stage.wait_for_server()
        return self.done.total() - before

    @property
    def _driver(self):
        assert self._stage.driver is not None
        return self._stage.driver

    def _start_driver(self, *words: object) -> None:
        self._stage.start_driver(*words)
        self._deaths.clear()

    def _go_on(self, name: str, *start: object) -> None:
        """As whoever looks after the sweep: resume it, or start it again if it had not begun."""
        if not self._stage.server_is_up():
            return  # the driver has said so, and would again
        log = self._stage.driver_log().splitlines()
        unknown = bool(log) and log[-1].startswith("no sweep named")
        known = (self._stage.home / name / "sweep.yaml").exists()
        self._start_driver(*(("resume", name) if known and not unknown else start))

    def _next(self, name: str) -> str:
        """The next in the deck that can die now, if any."""
        if not self._victims:
            self._victims = [victim for victim, times in VICTIMS.items() for _ in range(times)]
            self._draw.shuffle(self._victims)
        can = [victim for victim in self._victims if self._can_die(victim, name)]
        if not can:
            return ""
        self._victims.remove(can[0])
        return can[0]

    def _bring_back(self, now: float) -> None:
        for what, at in list(self._back_at.items()):
            if now >= at:
                del self._back_at[what]
                match what:
                    case "server":
                        self._stage.start_server()
                    case "node":
                        self._stage.add_node()
                    case _:
                        self._stage.signal_server(signal.SIGCONT)

    def _can_die(self, victim: str, name: str) -> bool:
        match victim:
            case "worker" | "node":
                running = running_trials(self._stage, name)
                spared = any(self._deaths[trial] == MAX_DEATHS for trial in running)
                lives = victim == "worker" or self._stage.node_is_up()
                return lives and bool(self._stage.workers()) and not spared
            case "server" | "server (SIGSTOP)":
                # In mid-sweep: a driver that finds none at its start only says so.
                up = HANGS not in self._back_at and self._stage.server_is_up()
                return up and bool(self._stage.workers())
            case _:
                return True

    def _kill(self, victim: str, name: str) -> None:
        stage = self._stage
        running = running_trials(stage, name)
        with (stage.folder / "kills.log").open("a") as log:
            print(f"{time.time():.1f} {name}: {victim}; running {sorted(running)}", file=log)
        away = time.monotonic() + self._draw.uniform(0.0, LONGEST_AWAY_S)
        match victim:
            case "worker":
                self._draw.choice(stage.workers()).kill()
            case "node":
                stage.kill_node()
                self._back_at["node"] = away
            case "server":
                stage.kill_server()
                self._back_at["server"] = away
            case _ if victim == HANGS:
                stage.signal_server(signal.SIGSTOP)
                now = time.monotonic()
                self._back_at[victim] = now + self._draw.uniform(0.0, LONGEST_HANG_S)
                self.hangs += 1
                return
            case _:
                self._driver.send_signal(signal.Signals[victim.split("(")[1].rstrip(")")])
                self._driver.wait(timeout=120)
        if victim in ("worker", "node"):
            self._deaths.update(running)
        self.done[victim] += 1


def running_trials(stage: Stage, name: str) -> set[int]:
    """Those that are begun and not ended: a death of a worker may count against any of them."""
    running = set()
    for entry in stage.journal(name):
        if entry["do"] == "open":
            running.add(entry["trial"])
        elif entry["do"] == "close":
            running.discard(entry["trial"])
    return running
