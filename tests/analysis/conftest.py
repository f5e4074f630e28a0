"""A real MLflow record, written to the contract of the sweeps' tracking."""

import json
import math
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest

from analysis.record.reader import read_sweep
from analysis.record.sweep import Sweep
from trainables.metrics.estimate import Items, distance, mean
from trainables.metrics.items_file import write
from trainables.metrics.metric import Metric
from trainables.metrics.names import fused_name

GAP = Metric("bias/stereoset/gap", "points", "lower", ideal=0, worst=50, about="distance from 50")
SCORE = Metric(
    "bias/crows_pairs/score", "percent", "nearer", ideal=50, worst=100, about="stereotypes"
)
RISE = Metric(
    "forgetting/general/nll_rise", "nats/token", "lower", ideal=0, worst=1, about="forgotten"
)
ACCURACY = Metric("task/piqa/accuracy", "share", "higher", ideal=1, worst=0.5, about="solved")
METRICS = [GAP, SCORE, RISE, ACCURACY]
BASE = {GAP.name: 12.0, SCORE.name: 62.0, RISE.name: 0.0, ACCURACY.name: 0.7}


# As the spec would say it: the number of steps and the model are the same for all.
SEARCHED = [
    *("objective", "objective.sides", "objective.weight", "regulariser", "regulariser.weight"),
    *("replay.ratio", "train.lr"),
]


def config(objective: str, regulariser: str, lr: float, **more: object) -> dict[str, object]:
    chosen = {"objective.name": objective, "regulariser.name": regulariser, "train.lr": lr}
    return chosen | {"model.path": "smollm2", "train.steps": 200} | more


def trial(number, state, values, params, failure="", recipe="", earlier=()):
    """A trial of a record; those of one recipe are replicates. earlier: values by step, before the end."""
    entry = {"number": number, "state": state, "end": values, "params": params, "earlier": earlier}
    return entry | {"failure": failure, "recipe": recipe}


def values(gap, rise, accuracy=0.7, score=55.0):
    return {GAP.name: gap, SCORE.name: score, RISE.name: rise, ACCURACY.name: accuracy}


# By hand: the front is 1, 2 and 4 (equal), 3, and 12 on the very bound of the constraint; 5 is
# dominated, and each of the others is kept from the front by something else.
CDA = config("cda", "none", 2e-5, **{"objective.sides": "two"})
KL = config(
    "likelihood_gap", "kl_to_base", 1e-4, **{"objective.weight": 0.5, "regulariser.weight": 0.03}
)
HAND = [
    trial(1, "complete", values(10, 0.01), CDA),
    trial(2, "complete", values(6, 0.05), KL),
    trial(3, "complete", values(2, 0.2), CDA | {"replay.ratio": 0.05}),
    trial(4, "complete", values(6, 0.05), KL | {"train.lr": 5e-5}),
    trial(5, "complete", values(8, 0.1), CDA),
    trial(6, "pruned", values(0, 0), CDA),
    trial(7, "failed", {}, CDA, failure="the loss is NaN at step 25"),
    trial(8, "complete", values(math.nan, 0), CDA),
    trial(9, "complete", values(1, 0.5), KL),
    trial(10, None, {}, CDA),
    trial(11, "complete", {RISE.name: 0.0}, CDA),
    trial(12, "complete", values(1.5, 0.3), KL),
    trial(13, "complete", values(0, math.inf), KL),
]


def fused(alpha, gap, rise, **errors):
    """Return the metrics that a trial logs of another α: its values, and standard errors of some."""
    metrics = {fused_name(name, alpha): value for name, value in values(gap, rise).items()}
    return metrics | {f"se/{fused_name(GAP.name, alpha)}": se for se in errors.values()}


# Three recipes of three seeds; seed 2 of the first diverged, and seed 1 of the second was stopped early.
# By hand: means (10, 0.1) of n = 2, (6, 0.2) of n = 2, (8, 0.3) of n = 3, which the second dominates. The
# items of each trial give its gap an error of 1 with 4 degrees of freedom; its rise is exact.
OF_GAP = {f"se/{GAP.name}": 1.0, f"df/{GAP.name}": 4.0}
SEEDS = [
    trial(
        number, state, values(gap, rise) | OF_GAP if state == "complete" else values(gap, rise),
        config(objective, "none", 1e-4, seed=seed), recipe=objective,
    )
    for number, objective, seed, state, gap, rise in [
        (0, "none", 0, "complete", 9.0, 0.1), (1, "cda", 0, "complete", 5.0, 0.2),
        (2, "dpo", 0, "complete", 8.0, 0.3), (3, "none", 1, "complete", 11.0, 0.1),
        (4, "cda", 1, "pruned", 0.5, 0.0), (5, "dpo", 1, "complete", 6.0, 0.3),
        (6, "none", 2, "failed", 0.0, 0.0), (7, "cda", 2, "complete", 7.0, 0.2),
        (8, "dpo", 2, "complete", 10.0, 0.3),
    ]
]  # fmt: skip
SHORTFALL = "cost/replay/shortfall"
ERRORS = {f"se/{GAP.name}": 1.0, f"se/{RISE.name}": 0.125}
AT_1, AT_HALF = CDA | {"fusion.alpha": 1.0}, CDA | {"fusion.alpha": 0.5}
# By hand, each gap and rise: candidates are 1, 1@0.25, 1@0.5, 2, 2@0.25, 4 and 5@0.25; 2@0.25 is
# dominated by 1@0.25. 1@0 is the base, 1@0.75 past the bound, 2@0.5 is 2 itself, 3 has failed.
FUSED = [
    trial(
        1,
        "complete",
        values(2, 0.25) | ERRORS | {SHORTFALL: 3.0} | fused(0, 12, 0) | fused(0.25, 9, 0.02, se=0.5)
        | fused(0.5, 5, 0.08) | fused(0.75, 3, 0.35),
        AT_1 | {"fusion.also": "0.0 0.25 0.5 0.75"},
    ),
    trial(
        2,
        "complete",
        values(4, 0.1) | fused(0.25, 10, 0.03) | fused(0.5, 4, 0.1),
        AT_HALF | {"fusion.also": "0.25 0.5"},
    ),
    trial(3, "failed", fused(0.25, 0, 0), AT_1 | {"fusion.also": "0.25"}, failure="it diverged"),
    trial(4, "complete", values(1, 0.3), AT_1),
    trial(5, "complete", values(math.nan, 0) | fused(0.25, 8, 0.05), AT_1),
]  # fmt: skip
TRIAL_YAML = """\
# trial 1 of the sweep fused
# its relative paths are from /somewhere
model:
  path: miniature-llama
alignment:
  data: miniature
train:
  lr: 2.0e-05
  steps: 200
evaluators:
- name: stereoset
fusion:
  alpha: 1.0
  also:
  - 0.0
  - 0.25
seed: 7
"""


# Results item by item of three trials: whether an answer was right, the term it is about, and NLLs.
RNG = np.random.default_rng(0)
RIGHT = {trial: RNG.random(80) < share for trial, share in ((1, 0.5), (2, 0.6), (3, 0.6))}
NLL = {trial: RNG.normal(2, 1, 40) for trial in (1, 2, 3)}
TERMS = [f"term {n // 8}" for n in range(80)]


def many(seed: int) -> list[dict]:
    """Trials along a plausible trade-off: less bias costs fluency; a regulariser helps."""
    rng = np.random.default_rng(seed)
    trials = []
    for number in range(1, 17):
        objective = ["cda", "dpo", "likelihood_gap"][number % 3]
        regulariser = ["none", "kl_to_base"][number % 2]
        strength, noise = rng.random(), rng.random(4)
        gap = 12 * (1 - strength) + 2 * noise[0]
        rise = 0.3 * strength**2 * (0.6 if regulariser != "none" else 1) + 0.05 * noise[1]
        params = config(objective, regulariser, float(f"{10 ** rng.uniform(-5, -4):.3g}"))
        end = values(gap, rise, 0.7 - 0.2 * rise - 0.02 * noise[2], 50 + 8 * (noise[3] - strength))
        trials.append(trial(number, "complete", end, params))
    return trials


def trial_text(name: str, number: int) -> str:
    return f"# trial {number} of {name}: ±0, as it ran\r\nseed: {number}\n"


def record(
    client, folder, name, *, goals, constraints, trials, status="FINISHED", text=None
) -> None:
    """Write one sweep as `sweep` does, with its artifacts beside the database."""
    from mlflow.entities import Metric as Point
    from mlflow.entities import Param, RunTag

    experiment = client.create_experiment(name, artifact_location=f"{folder}/{name}")
    parent = client.create_run(
        experiment, run_name=name, tags={"sweep.role": "sweep", "sweep.name": name}
    ).info.run_id
    declared = {
        "metrics": [metric.to_dict() for metric in METRICS],
        "goals": [goal.name for goal in goals],
        "searched": SEARCHED,
        "constraints": constraints,
    }
    now = int(time.time() * 1000)
    client.log_batch(parent, metrics=[Point(key, value, now, 0) for key, value in BASE.items()])
    texts = {parent: {"declarations.json": json.dumps(declared), "sweep.yaml": f"name: {name}\n"}}
    for entry in trials:
        number, state = entry["number"], entry["state"]
        tags = {"mlflow.parentRunId": parent, "sweep.role": "trial", "sweep.name": name}
        tags["sweep.trial"] = str(number)
        if entry["recipe"]:
            tags["fingerprint"] = entry["recipe"]
        run = client.create_run(experiment, tags=tags).info.run_id
        texts[run] = {"trial.yaml": text or trial_text(name, number)}
        steps = {
            0: BASE | {"progress": 0.0},
            **{
                step: row | {"progress": step / 200} for step, row in dict(entry["earlier"]).items()
            },
            200: entry["end"] | {"progress": 1.0, "system/cpu": 50.0},
        }
        client.log_batch(
            run,
            metrics=[
                Point(key, value, now, step)
                for step, row in steps.items()
                for key, value in row.items()
                if not (number == 11 and key == GAP.name)  # a goal that was never measured
            ],
            params=[Param(key, str(value)) for key, value in entry["params"].items()],
            tags=[RunTag("sweep.state", state)] if state else [],
        )
        if entry["failure"]:
            client.set_tag(run, "reason", entry["failure"])
        if state:
            client.set_terminated(run, "FAILED" if state == "failed" else "FINISHED")
    with tempfile.TemporaryDirectory() as desk:
        for run, files in texts.items():
            for file, text in files.items():
                path = Path(desk, file)
                path.write_bytes(text.encode())
                client.log_artifact(run, str(path))
    if status != "RUNNING":
        client.set_terminated(parent, status)
    else:  # its driver has given a sign of life that no test outlasts
        client.set_tag(parent, "sweep.alive", str(now + 3_600_000))


@pytest.fixture(scope="session")
def store(tmp_path_factory) -> str:
    """The address of a store with the sweeps hand, three and begun, and an experiment that is none."""
    from mlflow import MlflowClient

    folder = tmp_path_factory.mktemp("record")
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    client = MlflowClient(tracking_uri=uri)
    client.search_experiments()  # makes the file
    shutil.copy(folder / "mlflow.db", folder / "empty.db")
    client.create_run(client.create_experiment("notes"))
    bound = {RISE.name: {"max": 0.3}}
    record(client, folder, "hand", goals=[GAP, RISE], constraints=bound, trials=HAND)
    record(client, folder, "three", goals=[SCORE, RISE, ACCURACY], constraints={}, trials=many(0))
    record(client, folder, "begun", goals=[GAP, RISE], constraints={}, trials=[], status="RUNNING")
    return uri


@pytest.fixture(scope="session")
def fusing(tmp_path_factory) -> Sweep:
    """Two goals, and trials that were measured at other α as well; in a store of its own."""
    from mlflow import MlflowClient

    folder = tmp_path_factory.mktemp("fused")
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    record(
        MlflowClient(tracking_uri=uri),
        folder,
        "fused",
        goals=[GAP, RISE],
        constraints={RISE.name: {"max": 0.3}},
        trials=FUSED,
        text=TRIAL_YAML,
    )
    return read_sweep("fused", tracking_uri=uri)


# By hand: of gaps and rises at steps 50, 100 and 200, the front is 1:50, 0:50, 1:100@0.5, 0:100 and 0.
# Trials 0 and 2 are replicates, so that 0:50 and so on are their means; 3 was stopped early.
STEPS = [
    trial(
        number, state, end, CDA | {"seed": seed, "train.steps": 200}, recipe=recipe, earlier=earlier
    )
    for number, seed, recipe, state, end, earlier in [
        (0, 0, "cda", "complete", values(2, 0.2), {50: values(7, 0.03), 100: values(4, 0.1)}),
        (1, 0, "dpo", "complete", values(5, 0.4) | fused(0.5, 8, 0.3), {
            50: values(9, 0.01), 100: values(6, 0.2) | fused(0.5, 5, 0.05),
        }),
        (2, 1, "cda", "complete", values(2, 0.2), {50: values(7, 0.05), 100: values(4, 0.1)}),
        (3, 1, "dpo", "pruned", values(1, 0.1), {50: values(1, 0.0)}),
    ]
]  # fmt: skip


@pytest.fixture(scope="session")
def stepping(tmp_path_factory) -> Sweep:
    """Two goals, and trials that reported in mid-training; in a store of its own."""
    from mlflow import MlflowClient

    folder = tmp_path_factory.mktemp("steps")
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    goals = [GAP, RISE]
    client = MlflowClient(tracking_uri=uri)
    record(client, folder, "steps", goals=goals, constraints={}, trials=STEPS, text=TRIAL_YAML)
    return read_sweep("steps", tracking_uri=uri)


@pytest.fixture(scope="session")
def empty_store(store) -> str:
    """The address of a store in which nothing was ever recorded."""
    return store.replace("mlflow.db", "empty.db")


@pytest.fixture(scope="session")
def hand(store) -> Sweep:
    """Two goals and every way not to be on the front."""
    return read_sweep("hand", tracking_uri=store)


@pytest.fixture(scope="session")
def with_items(hand, tmp_path_factory) -> Sweep:
    """The sweep `hand` with the items of three trials; trial 3 was measured on fewer."""
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=hand.tracking_uri)
    run_ids = dict(zip(hand.trials["trial"], hand.trials["run_id"], strict=True))
    file = tmp_path_factory.mktemp("items") / "items.parquet"
    for trial in (1, 2, 3):
        measured = slice(0, 60 if trial == 3 else 80)
        right = RIGHT[trial][measured].astype(float)
        items = Items.of(range(80)[measured], TERMS[measured])
        score = mean(100 * right, items, of_decisions=True)
        estimates = {
            ACCURACY.name: mean(right, Items.of(range(80)[measured]), of_decisions=True),
            GAP.name: distance(score, 50),
            RISE.name: mean(NLL[trial], Items.of(range(40))),
        }
        write(estimates, file)
        client.log_artifact(run_ids[trial], str(file))
        if trial == 1:  # the base model has the very same
            client.log_artifact(hand.run_id, str(file))
    return hand


@pytest.fixture(scope="session")
def three(store) -> Sweep:
    """Three goals, one of them nearer to its ideal, one higher."""
    return read_sweep("three", tracking_uri=store)


@pytest.fixture(scope="session")
def seeds(tmp_path_factory) -> Sweep:
    """Two goals, and three recipes with replicates; in a store of its own."""
    from mlflow import MlflowClient

    folder = tmp_path_factory.mktemp("seeds")
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    goals = [GAP, RISE]
    record(
        MlflowClient(tracking_uri=uri), folder, "seeds", goals=goals, constraints={}, trials=SEEDS
    )
    return read_sweep("seeds", tracking_uri=uri)


@pytest.fixture(scope="session")
def begun(store) -> Sweep:
    """A sweep without trials."""
    return read_sweep("begun", tracking_uri=store)
