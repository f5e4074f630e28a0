"""Run a sweep while its parts are killed; a seed determines which parts, and when."""

from __future__ import annotations

import random
import re
import signal
import time
from collections import Counter

import psutil

from sweep.display.progress import TRIED_AGAIN
from sweep.driver.retries import MAX_RETRIES
from tests.faults.stage import Stage

HANGS = "server (SIGSTOP)"  # for a while, it takes requests and does not answer
# Number of kills of each victim among 20, and of hangs besides. The death of a driver costs the time
# of its start, that of a node the seconds until it is missed.
VICTIMS = {
    "driver (SIGKILL)": 2,
    "driver (SIGTERM)": 1,
    "driver (SIGINT)": 1,
    "worker": 5,
    "node": 2,
    "server": 9,
    HANGS: 3,
}
# The longest time to wait with a kill, once it is possible: a worker imports for seconds, then trains.
MAX_WAIT_S = {"driver": 8.0, "worker": 2.5, "node": 3.0, "server": 0.5}
MAX_AWAY_S = 2.0  # before a node or a server is started again
MAX_HANG_S = 5.0


class Kills:
    """Kills in sweep after sweep on one stage.

    done: number of kills of each victim.
    num_hangs: number of times that the server hung for a while.
    """

    def __init__(self, stage: Stage, seed: int) -> None:
        self._stage = stage
        self._draw = random.Random(seed)
        self._victims: list[str] = []
        self.done: Counter[str] = Counter()
        self.num_hangs = 0
        self._back_at: dict[str, float] = {}  # time at which a victim is started again
        self._deaths: Counter[int] = Counter()  # of each trial's process, since the driver began
        self._log_before = 0  # number of characters in the drivers' log when the driver began

    def run_sweep(self, name: str, *words: object, max_kills: int) -> int:
        """Run a sweep to its end while its parts are killed, and return the number of kills.

        name: of the sweep.
        words: the command `sweep WORDS…` that starts it.
        """
        stage = self._stage
        deadline = time.monotonic() + 120 + 20 * max_kills
        before = self.done.total()
        self._start_driver(*words)
        victim, kill_at = "", 0.0
        while (status := self._driver.poll()) != 0:
            assert time.monotonic() < deadline, f"{name} did not end:\n{stage.driver_log()[-5000:]}"
            self._bring_back(time.monotonic())
            if status is not None:
                self._go_on(name, *words)
            elif victim and time.monotonic() >= kill_at and self._can_die(victim, name):
                self._kill(victim, name)
                victim = ""
            elif not victim and self.done.total() - before < max_kills:
                victim = self._next_victim(name)
                max_wait_s = MAX_WAIT_S[victim.split()[0]] if victim else 0.0
                kill_at = time.monotonic() + self._draw.uniform(0.0, max_wait_s)
            time.sleep(0.02)
        self._bring_back(float("inf"))
        stage.wait_for_server()
        return self.done.total() - before

    @property
    def _driver(self):
        assert self._stage.driver is not None
        return self._stage.driver

    def _start_driver(self, *words: object) -> None:
        self._log_before = len(self._stage.driver_log())
        self._stage.start_driver(*words)
        self._deaths.clear()

    def _go_on(self, name: str, *words: object) -> None:
        """Resume a sweep whose driver has ended, or start it again if it had not begun."""
        if not self._stage.server_is_up():
            return  # the driver would only refuse to run
        log = self._stage.driver_log().splitlines()
        unknown = bool(log) and log[-1].startswith("no sweep named")
        folder = self._stage.home / name
        known = (folder / "sweep.yaml").exists()
        # Half of an earlier sweep was deleted, whose search goes first.
        known &= "--replace" not in words or (folder / "search.journal").exists()
        self._start_driver(*(("resume", name) if known and not unknown else words))

    def _next_victim(self, name: str) -> str:
        """Return the next victim of the shuffled deck that can be killed now, or ""."""
        if not self._victims:
            self._victims = [victim for victim, times in VICTIMS.items() for _ in range(times)]
            self._draw.shuffle(self._victims)
        candidates = [victim for victim in self._victims if self._can_die(victim, name)]
        if not candidates:
            return ""
        self._victims.remove(candidates[0])
        return candidates[0]

    def _bring_back(self, now: float) -> None:
        """Start the victims again whose time has come."""
        for victim, back_at in list(self._back_at.items()):
            if now >= back_at:
                del self._back_at[victim]
                match victim:
                    case "server":
                        self._stage.start_server()
                    case "node":
                        self._stage.add_node()
                    case _:
                        self._stage.signal_server(signal.SIGCONT)

    def _can_die(self, victim: str, name: str) -> bool:
        """Return whether the victim runs, and its death would not use up a trial's attempts."""
        stage = self._stage
        match victim:
            case "worker" | "node":
                # A process killed as its trial ends may count against the next one, whose run is not
                # open yet: the driver knows better.
                deaths = self._deaths | retries(stage.driver_log()[self._log_before :])
                _, ended = running_and_ended(stage, name)
                is_last_attempt = any(
                    times >= MAX_RETRIES for trial, times in deaths.items() if trial not in ended
                )
                is_up = victim == "worker" or stage.node_is_up()
                return is_up and bool(stage.workers()) and not is_last_attempt
            case "server" | "server (SIGSTOP)":
                # Only while trials run: a driver without a server at its start refuses to run.
                is_up = HANGS not in self._back_at and stage.server_is_up()
                return is_up and bool(stage.workers())
            case _:
                return True

    def _kill(self, victim: str, name: str) -> None:
        """Kill a victim, write it to kills.log, and note when it is to be started again.

        Nothing happens if the victim is a worker that has just ended.
        """
        stage = self._stage
        running, _ = running_and_ended(stage, name)  # the death may count against any of them
        now, killed_at = time.monotonic(), time.time()
        back_at = now + self._draw.uniform(0.0, MAX_AWAY_S)
        match victim:
            case "worker":
                try:
                    self._draw.choice(stage.workers()).kill()
                except (IndexError, psutil.NoSuchProcess):
                    return
            case "node":
                stage.kill_node()
                self._back_at["node"] = back_at
            case "server":
                stage.kill_server()
                self._back_at["server"] = back_at
            case _ if victim == HANGS:
                stage.signal_server(signal.SIGSTOP)
                self._back_at[victim] = now + self._draw.uniform(0.0, MAX_HANG_S)
                self.num_hangs += 1
            case _:
                self._driver.send_signal(signal.Signals[victim.split("(")[1].rstrip(")")])
                self._driver.wait(timeout=120)
        with (stage.folder / "kills.log").open("a") as log:
            print(f"{killed_at:.1f} {name}: {victim}; running {sorted(running)}", file=log)
        if victim in ("worker", "node"):
            self._deaths.update(running)
        if victim != HANGS:
            self.done[victim] += 1


def retries(log: str) -> Counter[int]:
    """Return how often each trial was tried again after a death, by its number, from a driver's log."""
    return Counter(
        int(number) for number in re.findall(rf"^(\d{{4}}) {TRIED_AGAIN}:", log, re.MULTILINE)
    )


def running_and_ended(stage: Stage, name: str) -> tuple[set[int], set[int]]:
    """Return the numbers of the trials whose runs are open, and of those that have ended."""
    running, ended = set(), set()
    for entry in stage.journal(name):
        if entry["do"] == "open":
            running.add(entry["trial"])
            ended.discard(entry["trial"])
        elif entry["do"] == "close":
            running.discard(entry["trial"])
            ended.add(entry["trial"])
    return running, ended
