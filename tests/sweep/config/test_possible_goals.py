"""What can be a goal: against what a trial really declares, and what `sweep check` accepts."""

from typing import get_args

import pytest

from sweep.config import possible_goals
from sweep.config.check import check
from tests.sweep.conftest import SPECS, TINY
from trainables.evaluators import AnyEvaluator
from trainables.metrics.metric import Metric
from trainables.schema.yaml_file import SpecError, read


@pytest.fixture
def of_text(tmp_path):
    """A function from the text of a spec to its possible goals."""

    def of_text(text):
        (tmp_path / "spec.yaml").write_text(text)
        return possible_goals.of_spec(read(tmp_path / "spec.yaml"))

    return of_text


@pytest.mark.parametrize("path", sorted(SPECS.glob("*.yaml")), ids=lambda path: path.stem)
def test_of_a_shipped_spec_they_are_the_metrics_that_every_trial_reports(path):
    document = read(path)
    goals = {goal.metric.name: goal.metric for goal in possible_goals.of_spec(document)}
    spec = check(document)
    reported = {name: m for name, m in spec.metrics().items() if not name.startswith("fusion/")}
    assert goals == reported
    assert set(spec.goals) <= goals.keys()


def test_each_metric_is_named_with_its_evaluator_and_those_of_several_with_none(of_text):
    by_name = {goal.metric.name: goal.evaluator for goal in of_text(TINY)}
    assert by_name["bias/miniature/gap"] == "stereoset"
    assert by_name["forgetting/general/nll_rise"] == "perplexity"
    assert by_name["forgetting/selective/selectivity_rise"] == possible_goals.FROM_SEVERAL
    assert "cost/replay/shortfall" not in by_name
    replayed = TINY.replace("objective:", "replay: {data: miniature, ratio: 0.1}\n  objective:")
    assert "cost/replay/shortfall" in {goal.metric.name for goal in of_text(replayed)}


def test_a_draft_without_goals_budget_and_evaluators_has_those_of_every_evaluator(of_text):
    draft = "name: draft\ntrial:\n  model: {path: miniature-bert, family: masked}\n"
    goals = of_text(draft)
    (union, *_) = get_args(AnyEvaluator)
    names = {evaluator.model_fields["name"].default for evaluator in get_args(union)}
    assert {goal.evaluator for goal in goals} - {possible_goals.FROM_SEVERAL} == (
        names - {"harness"}
    )
    assert possible_goals.without_example("causal") == {"harness": ["task"]}
    assert possible_goals.without_example("masked") == {}
    metrics = {goal.metric.name for goal in goals}
    assert {"bias/crows_pll/gap", "task/piqa/accuracy", "task/DATA/probe_accuracy"} <= metrics
    assert "bias/crows_lmeval/gap" not in metrics, "of causal models"
    assert "cost/replay/shortfall" not in metrics, "nothing is replayed"


def test_of_a_family_they_are_all_that_its_models_can_be_measured_by():
    names = [goal.metric.name for goal in possible_goals.of_family("causal")]
    assert {"bias/crows_lmeval/gap", "cost/replay/shortfall"} <= set(names)
    assert len(names) == len(set(names))
    assert all(isinstance(goal.metric, Metric) for goal in possible_goals.of_family("masked"))


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (TINY, "name: x\n", r":1: trial must be a mapping with a model\."),
        ("model: {path: miniature-llama}", "", r":2: trial\.model must be given\."),
        ("name: stereoset", "name: stereset", r":11: trial\.evaluators\.0 must be one of"),
        ("limit: 40", "limit: many", r":11: trial\.evaluators\.0\.limit must be a whole number"),
    ],
)
def test_a_fault_of_model_or_evaluators_is_a_sentence_with_its_line(of_text, old, new, sentence):
    with pytest.raises(SpecError, match=sentence):
        of_text(TINY.replace(old, new))


@pytest.mark.parametrize("trial", ["{choice: [{model: {path: a}}]}", "{int: [1, 2]}", "[]"])
def test_a_trial_that_is_no_mapping_is_a_sentence(of_text, trial):
    with pytest.raises(SpecError, match=r":2: trial must be a mapping with a model\."):
        of_text(f"name: x\ntrial: {trial}\n")


def test_a_space_that_is_too_large_is_a_sentence(of_text):
    options = list(range(1, 9000))
    with pytest.raises(
        SpecError, match=r":9: trial\.train\.steps must leave at most \d+ trials to check"
    ):
        of_text(TINY.replace("steps: 2", f"steps: {{choice: {options}}}"))


def test_faults_elsewhere_do_not_matter(of_text):
    faulty = TINY.replace("steps: 2", "steps: two").replace(
        "loguniform: [1, 100]", "loguniform: [100, 1]"
    )
    assert of_text(faulty) == of_text(TINY)
