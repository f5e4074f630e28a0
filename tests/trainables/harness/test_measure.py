"""Measuring a task: what it declares and does not give, repeats, and what the trial before has left."""

import pytest

from trainables.harness import folder
from trainables.harness.measure import measure
from trainables.metrics import estimate


def test_a_second_model_gets_no_answers_of_the_first(llama, own_task):
    own_task()
    first = estimate.values(measure(llama, "mine", None, None))
    assert estimate.values(measure(llama, "mine", None, None)) == first


def test_a_task_may_repeat_its_requests(llama, own_task):
    own_task(
        output_type="generate_until", repeats=3, metric_list=[{"metric": "exact_match"}],
        doc_to_choice=None, doc_to_target="{{choices[label]}}",
        generation_kwargs={"until": ["\n"], "max_gen_toks": 1},
        filter_list=[{"name": "vote", "filter": [{"function": "majority_vote"}, {"function": "take_first"}]}],
    )  # fmt: skip
    assert estimate.values(measure(llama, "mine", None, None)) == {"task/mine/exact_match": 1.0}


def test_metrics_by_code_beside_the_yaml_are_measured(llama, own_task, tmp_path):
    (tmp_path / "code.py").write_text(
        "def judge(doc, results):\n"
        "    (first, _), (second, _) = results\n"
        "    return {'margin': first - second, 'unused': 1}\n"
    )
    own_task(metric_list=[{"metric": "margin", "aggregation": "mean", "higher_is_better": True}])
    with (tmp_path / "mine.yaml").open("a") as stream:
        stream.write("process_results: !function code.judge\n")
    folder.use(tmp_path)
    measured = measure(llama, "mine", None, None)
    assert list(measured) == ["task/mine/margin"]
    right, wrong = measured["task/mine/margin"].outcomes_I
    assert right > 0 > wrong


def test_results_of_which_the_metric_cannot_be_computed_are_one_sentence(llama, own_task, tmp_path):
    (tmp_path / "code.py").write_text(
        "def judge(doc, results):\n    return {'f1': (2, doc['label'])}\n"
    )
    own_task(metric_list=[{"metric": "f1"}])
    with (tmp_path / "mine.yaml").open("a") as stream:
        stream.write("process_results: !function code.judge\n")
    folder.use(tmp_path)
    sentence = r"the task mine .* must have results of which f1 can be computed, but: ValueError: "
    with pytest.raises(ValueError, match=sentence) as raised:
        measure(llama, "mine", None, None)
    assert "\n" not in str(raised.value)


def test_a_metric_that_is_declared_and_not_given_is_one_sentence(llama, own_task, tmp_path):
    (tmp_path / "code.py").write_text("def judge(doc, results):\n    return {'other': 1}\n")
    own_task(metric_list=[{"metric": "margin", "aggregation": "mean", "higher_is_better": True}])
    with (tmp_path / "mine.yaml").open("a") as stream:
        stream.write("process_results: !function code.judge\n")
    folder.use(tmp_path)
    sentence = r"the task mine must give the metrics that its YAML lists, but gives no margin"
    with pytest.raises(ValueError, match=sentence):
        measure(llama, "mine", None, None)


def test_nothing_is_printed(llama, capfd):
    measure(llama, "mini_animals", None, 3)
    measure(llama, "mini_pronouns", None, 3)
    assert capfd.readouterr() == ("", "")
