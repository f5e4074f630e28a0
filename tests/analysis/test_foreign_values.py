"""Whatever a store has in place of what a sweep wrote: no reader fails but with a sentence."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from analysis.record.candidate import Candidate
from analysis.record.reader import list_sweeps, read_sweep, read_trial_yaml
from analysis.stats.paired import compare
from analysis.views import compare_table, front_files, front_table, sweeps_table
from analysis.views.status import summary
from analysis.views.status import table as status_table
from tests.analysis.conftest import GAP, RISE, SEEDS, record
from trainables.metrics.estimate import Items, mean
from trainables.metrics.items_file import write

pytestmark = pytest.mark.timeout(300)  # whichever test is the first makes the store


@pytest.fixture(scope="module")
def recorded(tmp_path_factory) -> Path:
    """A database with the sweeps `seeds`, trials 0 and 1 of which have items, and `other`."""
    from mlflow import MlflowClient

    folder = tmp_path_factory.mktemp("recorded")
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    client = MlflowClient(uri)
    bound = {RISE.name: {"max": 0.9}}
    record(client, folder, "seeds", goals=[GAP, RISE], constraints=bound, trials=SEEDS)
    record(client, folder, "other", goals=[GAP, RISE], constraints={}, trials=[])
    sweep = read_sweep("seeds", tracking_uri=uri)
    for run_id in sweep.trials["run_id"][:2]:
        items = Items.of(range(9))
        write({GAP.name: mean(np.arange(9.0), items)}, folder / "items.parquet")
        client.log_artifact(run_id, str(folder / "items.parquet"))
    return folder / "mlflow.db"


OF_SWEEP = "run_uuid = (SELECT run_uuid FROM tags WHERE key = 'sweep.role' AND value = 'sweep' AND run_uuid IN (SELECT run_uuid FROM tags WHERE key = 'sweep.name' AND value = 'seeds'))"
OF_TRIAL = "run_uuid = (SELECT run_uuid FROM tags WHERE key = 'sweep.trial' AND value = '1')"
TEXTS = {
    "nothing": "", "a blank": " ", "a word": "x", "digits of others": "٣", "a power": "²", "below zero": "-1",
    "digits": "9" * 5000, "nineteen digits": "9" * 19, "a million letters": "x" * 10**6, "lines": "a\nb\r\nc", "markup": "[red]x[/] [/]",
    "an escape": "\x1b[31mx\x1b]0;title\x07", "an empty sign": "a\x00b", "a bidi sign": "\u202ex", "no number": "nan",
    "infinite": "inf", "true": "True", "JSON": "[" * 5000, "a verb": "stop", "a verb of digits": f"stop {'9' * 5000}",
}  # fmt: skip
TAGS = {
    OF_SWEEP: [
        "sweep.role", "sweep.name", "sweep.state", "sweep.alive", "sweep.asked", "sweep.hears_from",
        "sweep.cancel_trials", "sweep.retry_trials", "sweep.rerun_trials", "sweep.retry.1", "sweep.retry.x",
        "sweep.retry.٣", f"sweep.retry.{'9' * 5000}", "sweep.rerun.1.x", "sweep.rerun.", "sweep.cancel.²",
        "mlflow.source.git.commit", "model.start", "evaluator.kl", "digest.m", "mlflow.runName",
    ],
    OF_TRIAL: [
        "sweep.trial", "sweep.role", "sweep.state", "mlflow.parentRunId", "reason", "fingerprint", "seed",
        "replay", "sweep.retry_of", "sweep.replicate_of", "sweep.space_version", "on_front", "sweep.deepspeed",
    ],
}  # fmt: skip
NUMBERS = ["NaN", 1e308, -1e308, 1.7976931348623157e308, 1e-320, -1.0, 0.0, 1e15, 5e-324]
NAMES = [
    "trial", "state", "failure", "run_id", "recipe", "seconds", "progress", "alpha", "replicates", "trials",
    "repeats", "failed_seeds", "feasible", "front", "loses_to_base", "se/", "df/", "fusion/", "fusion/x/bias/a/b", "fusion/nan/bias/stereoset/gap",
    "fusion/inf/bias/stereoset/gap", "fusion/-1/bias/stereoset/gap", "fusion/0.5/bias/stereoset/gap", "fusion/0.50/bias/stereoset/gap", "fusion/1e400/bias/stereoset/gap",
    "fusion/0.5/", "se/se/bias/stereoset/gap", "df/bias/stereoset/gap", "se/fusion/0.5/bias/stereoset/gap", "objective.name", "train.lr", "seed", "fusion.alpha", "fusion.also",
    "bias/stereoset/gap", "a\nb", "[/]", "\x1b[31m", "x" * 250, "front/size", "train/loss", "",
]  # fmt: skip


SENTENCES = (
    "its list of runs must be what the sweep wrote", "declarations.json of sweep seeds", "sweep seeds has no ",
    "items.parquet of trial", "trial.yaml of trial", "sqlite:///",
)  # fmt: skip


def tagged(where, name, text):
    """The statements by which a run has a tag with this text."""
    insert = "INSERT OR REPLACE INTO tags (key, value, run_uuid) SELECT ?, ?, run_uuid FROM runs"
    return [(f"{insert} WHERE {where}", (name, text))]


def measured(where, name, value):
    """The statements by which a run has a metric of this value."""
    is_nan = value == "NaN"
    row = (name, 0.0 if is_nan else value, int(is_nan))
    return [
        (f"DELETE FROM latest_metrics WHERE key = ? AND {where}", (name,)),
        ("INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) "
         f"SELECT ?, ?, 1, 9223372036854775807, ?, run_uuid FROM runs WHERE {where}", row),
    ]  # fmt: skip


def set_to(where, name, text):
    """The statements by which a run has a parameter with this text."""
    return [
        (f"DELETE FROM params WHERE key = ? AND {where}", (name,)),
        (f"INSERT INTO params (key, value, run_uuid) SELECT ?, ?, run_uuid FROM runs WHERE {where}", (name, text)),
    ]  # fmt: skip


TAGGED = [
    (where, name, text)
    for where, names in TAGS.items()
    for number, name in enumerate(names)
    for text in list(TEXTS.values())[number % 4 :: 4]
]
GONE = [(where, name) for where, names in TAGS.items() for name in names]
TIMES = [None, 0, -1, 2**62, -(2**62)]
PLACES = [
    None,
    "",
    "x",
    "file:///proc/self/mem",
    "http://[",
    "file://other/x",
    "x" * 5000,
    "a\x00b",
]
BY_KIND = {
    "tags of other texts": [tagged(*case) for case in TAGGED],
    "tags that are gone": [[(f"DELETE FROM tags WHERE key = ? AND {w}", (n,))] for w, n in GONE],
    "metrics of other values": [
        measured(where, name, value)
        for where in TAGS
        for name in (GAP.name, f"se/{GAP.name}", f"df/{GAP.name}", "progress")
        for value in NUMBERS
    ],
    "metrics of other names": [measured(OF_TRIAL, name, 0.5) for name in NAMES],
    "parameters of other names": [set_to(OF_TRIAL, name, "0.5") for name in NAMES],
    "parameters of other texts": [
        set_to(OF_TRIAL, name, text)
        for name in ("train.lr", "fusion.alpha")
        for text in TEXTS.values()
    ],
    "runs of other times and places": [
        [(f"UPDATE runs SET {column} = ? WHERE {where}", (value,))]
        for where in TAGS
        for column, values in {
            "start_time": TIMES,
            "end_time": TIMES,
            "artifact_uri": PLACES,
        }.items()
        for value in values
    ],
}


def shown(table) -> str:
    """A table as a terminal of 80 columns has it."""
    console = Console(width=80, file=None, record=True, quiet=False)
    with console.capture() as captured:
        console.print(table)
    return captured.get()


def read_all(uri: str) -> None:
    """Read a sweep as `status`, `front` and `compare` do."""
    sweep = read_sweep("seeds", tracking_uri=uri)
    shown(status_table(summary(sweep)))
    shown(front_table.table(sweep, every=True))
    front_files.to_json(sweep, every=True)
    front_files.to_csv(sweep, every=True)
    read_trial_yaml(sweep, Candidate(0))
    comparison = compare_table.goals_first(sweep, compare(sweep, Candidate(0), Candidate(1)))
    shown(compare_table.table(sweep, comparison, "0", "1"))
    compare_table.to_json(comparison)


@pytest.mark.long
@pytest.mark.parametrize("kind", BY_KIND)
def test_no_reader_fails_but_with_a_sentence_and_no_sweep_hides_another(kind, recorded, tmp_path):
    num_read = 0
    for statements in BY_KIND[kind]:
        file = Path(shutil.copy(recorded, tmp_path))
        with closing(sqlite3.connect(file)) as database, database:
            for statement, values in statements:
                database.execute(statement, values)
        uri = f"sqlite:///{file}"
        listed = list_sweeps(tracking_uri=uri)
        assert "other" in shown(sweeps_table.table(listed)), statements
        said = ""
        try:
            read_all(uri)
            num_read += 1
        except ValueError as error:
            said = str(error)
        assert not said or (said.startswith(SENTENCES) and "\n" not in said), (statements, said)
    assert num_read > len(BY_KIND[kind]) / 2, "most change nothing that must be there"


@pytest.mark.parametrize(
    "statements",
    [
        [(f"DELETE FROM tags WHERE key = 'sweep.name' AND {OF_SWEEP}", ())],
        tagged(OF_SWEEP, "sweep.state", "9" * 5000),
        tagged(OF_TRIAL, "sweep.trial", "x"),
        [(f"UPDATE runs SET start_time = NULL WHERE {OF_SWEEP}", ())],
        [(f"UPDATE runs SET start_time = {2**62} WHERE {OF_SWEEP}", ())],
        [(f"UPDATE runs SET artifact_uri = '{'x' * 5000}' WHERE {OF_SWEEP}", ())],
    ],
    ids=["no name", "a long state", "no number", "no time", "no such time", "no place"],
)
def test_one_sweep_of_somebody_else_does_not_hide_the_others(statements, recorded, tmp_path):
    file = Path(shutil.copy(recorded, tmp_path))
    with closing(sqlite3.connect(file)) as database, database:
        for statement, values in statements:
            database.execute(statement, values)
    listed = list_sweeps(tracking_uri=f"sqlite:///{file}")
    assert "other" in shown(sweeps_table.table(listed))


@pytest.mark.parametrize(
    "statements",
    [
        measured(OF_TRIAL, GAP.name, 1e308),
        measured(OF_TRIAL, f"df/{GAP.name}", -1.0),
        measured(OF_TRIAL, "trials", 0.5),
        measured(OF_TRIAL, "fusion/x/bias/a/b", 0.5),
        measured(OF_TRIAL, "train.lr", 0.5),
        set_to(OF_TRIAL, "state", "0.5"),
        set_to(OF_TRIAL, "fusion/0.5/bias/stereoset/gap", "0.5"),
        set_to(OF_TRIAL, "fusion.alpha", "9" * 19),
        [(f"UPDATE runs SET start_time = NULL WHERE {OF_TRIAL}", ())],
    ],
    ids=lambda statements: str(statements[-1][1])[:40],
)
def test_a_trial_of_other_numbers_and_names_is_read(statements, recorded, tmp_path):
    file = Path(shutil.copy(recorded, tmp_path))
    with closing(sqlite3.connect(file)) as database, database:
        for statement, values in statements:
            database.execute(statement, values)
    read_all(f"sqlite:///{file}")
