"""A small search space with every kind of domain, and searches of it whose goals trade off."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sweep.config.spec import Bound, Budget, Search, SweepSpec
from sweep.search.searcher import ParetoSearch
from sweep.search.study import open_study
from sweep.tracking.control_requests import Requests
from sweep.workers.result import TrialResult
from trainables.metrics.metric import Metric

Config = dict[str, Any]

WEIGHT, RANK, RATE, LR = (1, 100), (1, 4), (0, 1), (1e-5, 1e-2)
STEPS = [2, 4, 8]
SPACE = {
    "kind": {
        "choice": [
            "none",
            {"name": "gap", "weight": {"loguniform": [*WEIGHT]}, "rank": {"int": [*RANK]}},
            {"name": "drop", "rate": {"uniform": [*RATE]}},
        ]
    },
    "train": {"lr": {"loguniform": [*LR]}, "steps": {"choice": STEPS}},
    "batch": 4,
}
POINTS = 42  # with both ends of each range as a choice: (1 + 2·2 + 2) kinds · 2 lr · 3 steps

A, B, C = "bias/laws/a", "task/laws/b", "cost/laws/c"  # goals
BOUNDED = "forgetting/laws/d"  # a metric that is constrained, and no goal
METRICS = {
    A: Metric(A, "nats", "lower", ideal=0.0, worst=1e3, about="any"),
    B: Metric(B, "nats", "higher", ideal=1e3, worst=-1e3, about="any"),
    C: Metric(C, "nats", "lower", ideal=0.0, worst=1e3, about="any"),
    BOUNDED: Metric(BOUNDED, "nats", "lower", ideal=0.0, worst=1e3, about="any"),
}


def space_of(sampler: Any) -> dict[str, Any]:
    """SPACE, or for a sampler without ranges SPACE with a choice of both ends for each range."""
    if not any(sampler.faults(SPACE)):
        return SPACE
    (none, gap, drop), train = SPACE["kind"]["choice"], SPACE["train"]
    gap = gap | {"weight": {"choice": [*WEIGHT]}, "rank": {"choice": [*RANK]}}
    kind = {"choice": [none, gap, drop | {"rate": {"choice": [*RATE]}}]}
    return SPACE | {"kind": kind, "train": train | {"lr": {"choice": [*LR]}}}


def spec_of(sampler: Any, num_goals: int = 2, num_trials: int | None = 100) -> SweepSpec:
    """A sweep over SPACE with one constraint; of a grid at most all POINTS."""
    num_trials = min(num_trials, POINTS) if num_trials and sampler.is_exhaustive else num_trials
    return SweepSpec(
        name="laws",
        trial=space_of(sampler),
        goals=[A, B, C][:num_goals],
        constraints={BOUNDED: Bound(max=1.0)},
        search=Search(sampler=sampler),
        budget=Budget(trials=num_trials),
    )


class Sweep:
    """A search in a folder, one trial at a time.

    A second one in the same folder goes on from the journal of the first.
    """

    def __init__(
        self, spec: SweepSpec, folder: str, requests: Callable[[], Requests] = Requests
    ) -> None:
        self.spec = spec
        self.study = open_study(Path(folder, "journal"), spec)
        self.search = ParetoSearch(spec, self.study, METRICS, lambda outcome: None, requests)

    def suggest(self) -> Config:
        """The configuration of the next trial."""
        config = self.search.suggest("trial")
        assert isinstance(config, dict), f"a suggestion, not {config}"
        return config

    def tell(self, config: Config, state: str = "complete", bounded: float = 0.0) -> None:
        """End a trial in this state, with this value of the constrained metric."""
        metrics = metrics_of(config["trial"]) | {BOUNDED: bounded}
        result = TrialResult(step=1, progress=0.5 if state == "pruned" else 1.0, metrics=metrics)
        self.search.on_trial_complete("trial", result.for_tune(), error=state == "failed")

    def run(self, num: int, states: Sequence[str] = ("complete",), bounded: float = 0.0) -> list:
        """Suggest and end `num` trials, which end in these states in turn; return their configurations."""
        configs = []
        for number in range(num):
            configs.append(self.suggest())
            self.tell(configs[-1], states[number % len(states)], bounded)
        return configs


def metrics_of(trial: Any) -> dict[str, float]:
    """The goals of a trial, which trade off: the best lr for `a` is not the best for `b`."""
    lr = math.log10(trial["train"]["lr"])
    kind = trial["kind"] if isinstance(trial["kind"], dict) else {}
    strength = math.log10(kind.get("weight", 1)) + kind.get("rate", 0) + kind.get("rank", 0) / 4
    a, b = (lr + 3) ** 2 + strength, strength - (lr + 4) ** 2
    return {A: a, B: b, C: abs(a - b) / trial["train"]["steps"]}


def check_suggestion(config: Config, params: dict[str, Any], sampler: Any) -> None:
    """Assert that a suggestion has the chosen branch alone, and values in their domains and types."""
    trial = config["trial"]
    kind, train = trial["kind"], trial["train"]
    name = kind if isinstance(kind, str) else kind["name"]
    keys_in_branch = {"none": [], "gap": ["weight", "rank"], "drop": ["rate"]}[name]
    assert trial.keys() == SPACE.keys()
    assert trial["batch"] == 4
    assert train.keys() == {"lr", "steps"}
    assert kind == "none" if name == "none" else kind.keys() == {"name", *keys_in_branch}
    inside = {f"kind.{name}.{key}": kind[key] for key in keys_in_branch}
    assert params == {"kind": name, "train.lr": train["lr"], "train.steps": train["steps"]} | inside

    assert train["steps"] in STEPS
    assert type(train["steps"]) is int
    for key, (low, high) in {"lr": LR, "weight": WEIGHT, "rate": RATE}.items():
        if key in (values := train if key == "lr" else kind):
            assert low <= values[key] <= high
            assert type(values[key]) is float or sampler.is_exhaustive
    if name == "gap":
        assert kind["rank"] in range(RANK[0], RANK[1] + 1)
        assert type(kind["rank"]) is int


def check_all(sweep: Sweep, configs: list[Config], sampler: Any) -> None:
    """Assert the same of several suggestions of a sweep."""
    trials = sweep.study.get_trials(deepcopy=False)
    for config in configs:
        check_suggestion(config, trials[config["number"]].params, sampler)
