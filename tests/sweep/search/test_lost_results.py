"""What a record lacks of trials that the search knows, with Optuna's studies and MLflow's entities."""

import pytest

from sweep.config.check import load
from sweep.search.lost_results import lost_results
from sweep.search.searcher import ParetoSearch
from sweep.tracking.control_requests import Requests
from sweep.trial_request import TrialRequest
from tests.sweep.search.test_agreement import run, spec, study_and_runs  # noqa: F401
from tests.sweep.search.test_searcher import GAP, RISE, result, searcher


def whole(one):
    """A run with what the last report of a trial and its beginning leave."""
    more = run(
        one.data.tags["sweep.trial"], one.data.tags["sweep.state"], one.data.metrics | {"progress": 1.0},
        one.data.params,
    )  # fmt: skip
    more.data.tags["fingerprint"] = "f"
    return more


@pytest.fixture
def runs(study_and_runs):  # noqa: F811
    """The runs of two complete trials and a failed one, as an undamaged record has them."""
    return [whole(one) for one in study_and_runs[1]]


@pytest.fixture
def found(study_and_runs, spec, runs):  # noqa: F811
    """A function that returns what is lost, given which runs have items."""

    def find(has_items=lambda _: True, **numbers):
        return lost_results(study_and_runs[0], spec, runs, has_items, **numbers)

    return find


def test_nothing_is_lost_of_a_whole_record(found):
    assert found() == []


def test_a_complete_trial_without_its_last_report_has_lost_it(found, runs):
    runs[0].data.metrics["progress"] = 0.5
    del runs[1].data.metrics[GAP]
    one, other = found()
    assert (one.outcome.number, one.lacks, other.lacks) == (0, *["its last report"] * 2)
    assert one.values == {GAP: 1.5, RISE: 2.5}, "as the search has them"
    assert one.request.trial["train"]["steps"] == 2
    assert one.reason.startswith("the record lacks its last report")


def test_a_failed_trial_needs_no_report(found, runs):
    runs[2].data.metrics.clear()
    assert found() == []


def test_a_trial_whose_run_is_gone_has_lost_its_results_if_it_had_any(found, runs):
    del runs[1:]
    complete, failed = found()
    assert (complete.lacks, failed.lacks) == ("its last report", "")
    assert (complete.request.number, failed.request.number) == (1, 2)
    assert failed.values == {}


def test_a_trial_whose_run_a_user_has_deleted_has_lost_nothing(found, runs):
    del runs[1:]
    assert found(deleted={1, 2}) == []


def test_a_trial_that_has_lost_its_settings_alone_gets_them_from_the_search(found, runs):
    del runs[0].data.tags["fingerprint"]
    (loss,) = found()
    assert (loss.lacks, loss.values, loss.request.number) == ("", {}, 0)


def test_items_must_be_there(found):
    assert [loss.lacks for loss in found(lambda _: False)] == ["items.parquet"] * 2


def test_what_was_found_lost_before_is_not_found_again(found, runs):
    runs[0].data.metrics["progress"] = 0.5
    assert found()
    runs[0].data.tags["sweep.state"] = "lost"
    assert found() == []


def test_a_complete_trial_is_run_again_on_request_if_its_results_are_lost(tiny, tmp_path):
    sweep, _ = load(tiny)
    search, study, _ = searcher(sweep, tmp_path / "journal")
    for number in range(4):
        search.suggest(str(number))
        search.on_trial_complete(str(number), result(1.0, 1.0))
    requests = Requests(retried_trials=frozenset([1, 3]))
    search = ParetoSearch(sweep, study, search.metrics, print, lambda: requests, lost=[3])
    suggested = TrialRequest.of(search.suggest("again"))
    assert (suggested.number, suggested.retry_of) == (4, 3)
    assert search.num_to_run == 1, "it alone"
