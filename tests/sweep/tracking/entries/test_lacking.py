"""What a store lacks of what it had taken is told by names, ends and progress, and by settings' values."""

import pytest
from mlflow.entities import Metric, Param, Run, RunData, RunInfo, RunTag

from sweep.tracking.entries.kinds import Closed, Opened, Reported
from sweep.tracking.entries.lacking import what_lacks

LONG = "x" * 6001
OPENED = Opened(
    trial=0, at=1, tags={"seed": "0", "reason": ""}, params={"seed": "0", "lr": "0.1", "text": LONG}
)
ENTRIES = [
    OPENED,
    Reported(trial=0, at=2, step=0, metrics={"progress": 0.0, "loss": 1.0, "early": 1.0}),
    Reported(trial=0, at=3, step=1, metrics={"progress": 1.0, "loss": 0.5}),
    Closed(trial=0, at=4, status="FINISHED", tags={"sweep.state": "complete"}),
]
TAGS = {"sweep.trial": "0", "sweep.state": "complete", "seed": "0"}
PARAMS = {"seed": "0", "lr": "0.1", "text": LONG}
METRICS = {"progress": 1.0, "loss": 0.5, "early": 1.0}


def run(tags=TAGS, params=PARAMS, metrics=METRICS) -> Run:
    """A run that has these."""
    info = RunInfo("r", "1", "user", "FINISHED", 1, 2, "active")
    data = RunData(
        [Metric(name, value, 1, 1) for name, value in metrics.items()],
        [Param(*item) for item in params.items()],
        [RunTag(*item) for item in tags.items()],
    )
    return Run(info, data)


OWN = run({}, {}, {})


def without(tree, name):
    return {key: value for key, value in tree.items() if key != name}


def test_a_store_that_has_all_lacks_nothing_and_so_does_one_that_has_more():
    assert what_lacks(ENTRIES, [run()], OWN)[:2] == ([], {})
    more = run(TAGS | {"note": "mine"}, PARAMS | {"other": "1"}, METRICS | {"other": 1.0})
    assert what_lacks(ENTRIES, [more], OWN)[:2] == ([], {})


@pytest.mark.parametrize(
    "has",
    [
        *(run(params=without(PARAMS, name)) for name in PARAMS),
        *(run(metrics=without(METRICS, name)) for name in METRICS),
        *(run(tags=without(TAGS, name)) for name in ("sweep.state", "seed")),
        run(metrics=METRICS | {"progress": 0.5}),
        run(params=without(PARAMS, "seed") | {"seee": "0"}),
    ],
)
def test_a_setting_a_metric_a_tag_an_end_and_a_last_report_are_missed(has):
    assert what_lacks(ENTRIES, [has], OWN)[:2] == ([0], {})


def test_a_metric_of_the_sweep_is_missed():
    entries = [Reported(trial=None, at=1, step=0, metrics={"progress": 0.0, "loss": 1.0})]
    assert what_lacks(entries, [], run({}, {}, {"progress": 0.0, "loss": 1.0})).trials == []
    assert what_lacks(entries, [], run({}, {}, {"progress": 0.0})).trials == [None]


def test_the_last_value_of_a_metric_that_is_missed_comes_with_a_later_time():
    has = run(metrics=without(without(METRICS, "loss"), "early"))
    loss = Reported(trial=0, at=4, step=1, metrics={"loss": 0.5})
    early = Reported(trial=0, at=3, step=0, metrics={"early": 1.0})
    assert what_lacks(ENTRIES, [has], OWN).metrics == [loss, early]
    assert what_lacks(ENTRIES, [], OWN).metrics == [], "a run that is not there gets all again"


def test_a_setting_of_another_value_is_named_unless_a_server_has_cut_it():
    assert what_lacks(ENTRIES, [run(params=PARAMS | {"seed": "7"})], OWN)[:2] == ([], {0: ["seed"]})
    assert what_lacks(ENTRIES, [run(params=PARAMS | {"lr": "0."})], OWN).changed == {0: ["lr"]}
    assert what_lacks(ENTRIES, [run(params=PARAMS | {"text": LONG[:500]})], OWN).changed == {}
    changed = run(metrics=METRICS | {"loss": 9.0})
    assert what_lacks(ENTRIES, [changed], OWN)[:2] == ([], {}), "values of metrics are not compared"


def test_what_was_refused_is_not_expected():
    refused = [
        OPENED.model_copy(update={"params": {"seed": "0"}, "tags": {}}),
        Reported(trial=0, at=2, step=0, metrics={"early": 1.0}),
    ]
    has = run(params=without(PARAMS, "seed"), metrics=without(METRICS, "early"))
    assert what_lacks(ENTRIES, [has], OWN).trials == [0]
    assert what_lacks(ENTRIES, [has], OWN, refused).trials == []
    other_value = run(params=PARAMS | {"seed": "7"})
    assert what_lacks(ENTRIES, [other_value], OWN, refused)[:2] == ([], {})
