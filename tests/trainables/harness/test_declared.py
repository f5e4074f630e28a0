"""Metrics as the YAML of a task declares them, and tasks that cannot be measured."""

import pytest

from trainables.harness import folder
from trainables.harness.declared import describe


def declared(name):
    """Return (unit, better, ideal, worst) of each metric of a task by its name."""
    metrics = [measured.declared for measured in describe(name).measured]
    return {m.name: (m.unit, m.better, m.ideal, m.worst) for m in metrics}


def test_known_metrics_have_their_units_and_ranges():
    assert declared("mini_capitals") == {
        "task/mini_capitals/acc": ("share", "higher", 1.0, 0.0),
        "task/mini_capitals/acc_norm": ("share", "higher", 1.0, 0.0),
        "task/mini_capitals/exact_match": ("share", "higher", 1.0, 0.0),
        "task/mini_capitals/brier_score": ("", "lower", 0.0, 2.0),
    }


def test_the_worst_share_is_chance_where_the_yaml_lists_the_alternatives():
    assert declared("mini_pronouns")["task/mini_pronouns/acc"] == ("share", "higher", 1.0, 0.5)


def test_a_task_that_lists_no_metrics_has_those_of_its_output_type():
    assert declared("mini_passages") == {
        "task/mini_passages/word_perplexity": ("", "lower", 1.0, 1e5),
        "task/mini_passages/byte_perplexity": ("", "lower", 1.0, 256.0),
        "task/mini_passages/bits_per_byte": ("bits/byte", "lower", 0.0, 8.0),
    }


def test_a_metric_of_several_filters_has_one_name_for_each():
    assert list(declared("mini_animals")) == [
        "task/mini_animals/exact_match_whole",
        "task/mini_animals/exact_match_first-word",
        "task/mini_animals/chrf_whole",
        "task/mini_animals/chrf_first-word",
    ]


def test_a_group_has_what_it_averages():
    assert list(declared("mini_choices")) == ["task/mini_choices/acc"]


def test_the_direction_is_that_of_the_yaml(own_task):
    own_task(metric_list=[{"metric": "acc", "higher_is_better": False}])
    assert declared("mine") == {"task/mine/acc": ("share", "lower", 0.0, 1.0)}


def test_a_share_of_stereotypes_is_ideal_at_one_half(own_task):
    own_task(
        process_results="of its own",
        metric_list=[{"metric": "pct_stereotype", "higher_is_better": False}],
    )
    assert declared("mine") == {"task/mine/pct_stereotype": ("share", "nearer", 0.5, 1.0)}


def test_an_unknown_metric_says_that_its_range_is_assumed(own_task):
    own_task(
        process_results="of its own", metric_list=[{"metric": "mean@2", "higher_is_better": True}]
    )
    (measured,) = describe("mine").measured
    assert measured.declared.name == "task/mine/mean_at_2"
    assert (measured.declared.ideal, measured.declared.worst) == (1.0, 0.0)
    assert measured.declared.about == "mean@2 of mine, whose range is taken as 0 to 1"


def test_a_metric_that_is_a_function_has_its_name(own_task, tmp_path):
    (tmp_path / "code.py").write_text("raise SystemExit('this code was run')\n")
    own_task(metric_list=[])
    text = (
        (tmp_path / "mine.yaml")
        .read_text()
        .replace(
            "metric_list: []",
            "metric_list: [{metric: !function code.politeness, higher_is_better: true}]",
        )
    )
    (tmp_path / "mine.yaml").write_text(text)
    folder.use(tmp_path)
    assert list(declared("mine")) == ["task/mine/politeness"]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"class": "task.Mine"}, "mine is a Python class, whose metrics no YAML declares"),
        ({"unsafe_code": True}, "mine runs code that the model has written"),
        ({"doc_to_image": "picture"}, "mine shows images or plays sounds"),
        ({"output_type": "multiple"}, "mine has the output_type 'multiple'"),
        ({"metric_list": [{"metric": "rouge"}]}, "rouge of mine is none of its metrics"),
        ({"metric_list": [{"metric": "accu"}]}, "none of its metrics; did you mean 'acc'"),
        (
            {"metric_list": [{"metric": "acc", "hf_evaluate": True}]},
            "acc of mine is code of the Hugging Face Hub",
        ),
        (
            {"metric_list": [{"metric": "grace"}], "process_results": "own"},
            "must be a task that says whether a higher grace is better",
        ),
        (
            {
                "metric_list": [{"metric": "acc_drop", "higher_is_better": True}],
                "process_results": "own",
            },
            "must be a task whose metrics do not end in _rise or _drop, .* mine has acc_drop",
        ),
        (
            {"metric_list": [{"metric": "bypass"}]},
            "must be a task with a metric, but mine has none",
        ),
    ],
    ids=str,
)
def test_a_task_that_cannot_be_measured_is_refused_with_the_reason(own_task, changes, sentence):
    own_task(**changes)
    with pytest.raises(ValueError, match=sentence):
        describe("mine")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "does not say it: take one evaluator for each of one, two"),
        ("aggregate_metric_list: [{metric: f1}]", "none of both has f1"),
        (
            "aggregate_metric_list: [{metric: acc, aggregation: median}]",
            "both does so by code of its own",
        ),
    ],
)
def test_a_group_that_cannot_be_averaged_is_refused_with_the_reason(
    own_task, tmp_path, text, sentence
):
    own_task("one")
    own_task("two")
    (tmp_path / "both.yaml").write_text(f"group: both\ntask: [one, two]\n{text}\n")
    folder.use(tmp_path)
    with pytest.raises(ValueError, match=sentence):
        describe("both")


@pytest.mark.timeout(180)  # the first time the thousands of tasks are listed
@pytest.mark.parametrize(
    ("task", "metrics"),
    [
        ("arc_easy", ["acc", "acc_norm"]),
        ("toxigen", ["acc", "acc_norm"]),
        ("wmdp", ["acc"]),
        ("blimp", ["acc"]),
        ("truthfulqa_mc1", ["acc"]),
        ("realtoxicityprompts", ["score", "perspective_api_toxicity_score"]),
        ("ethics_cm", ["acc"]),
        ("cola", ["mcc"]),
        ("wikitext", ["word_perplexity", "byte_perplexity", "bits_per_byte"]),
        ("gsm8k", ["exact_match_strict-match", "exact_match_flexible-extract"]),
        ("crows_pairs_english", ["likelihood_diff", "pct_stereotype"]),
    ],
)
def test_the_metrics_of_well_known_tasks_are_declared_without_their_data(task, metrics):
    assert list(declared(task)) == [f"task/{task}/{metric}" for metric in metrics]


@pytest.mark.timeout(180)
@pytest.mark.parametrize("task", ["humaneval", "squadv2", "mmmu_val_art"])
def test_tasks_of_the_package_that_cannot_be_measured_are_refused(task):
    with pytest.raises(ValueError, match=f"must be a task that can be measured here, but {task} "):
        describe(task)
