"""Faults of YAML files: one sentence each, with the place and a remedy."""

from itertools import count

import pytest
from pydantic import ValidationError

from tests.conformance import members
from tests.trainables.schema.conftest import TRIAL
from trainables.config import ReplayConfig, TrialConfig
from trainables.data.sets import ALIGNMENT_SETS
from trainables.objectives import AnyObjective
from trainables.schema.faults import MAX_SENTENCES, did_you_mean, dotted, fault_sentences

KNOWN = f"known: {', '.join(TrialConfig.model_fields)}"
OBJECTIVES = ", ".join(member.model_fields["name"].default for member in members(AnyObjective))


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            "train:",
            "trian: {}\ntrain:",
            f"4: trian is no known key ({KNOWN}); did you mean 'train'?",
        ),
        (
            "  lr:",
            "  seed: 3\n  lr:",
            "5: train.seed is no known key (known: lr, steps, batch_size, accumulation, "
            "stop_after, report_every, schedule, warmup, weight_decay, clip, dtype, zero_stage, offload, "
            "max_tokens).",
        ),
        (
            "alignment:",
            "objective: cdaa\nalignment:",
            f"2: objective must be one of {OBJECTIVES}, but got 'cdaa'; did you mean 'cda'?",
        ),
        (
            "alignment:",
            "objective: {name: xyz}\nalignment:",
            f"2: objective must be one of {OBJECTIVES}, but got 'xyz'.",
        ),
        (
            "alignment:",
            "objective: {name: cda, side: two}\nalignment:",
            "2: objective.side is no known key (known: name, sides); did you mean 'sides'?",
        ),
        (
            "alignment:",
            "objective: {sides: two}\nalignment:",
            "2: objective must have a name, as in {name: none}.",
        ),
        (
            "alignment:",
            "regulariser:\n  name: l2_to_base\n  weight: -1\nalignment:",
            "4: regulariser.weight must be greater than or equal to 0, but got -1.",
        ),
        (
            "steps: 4",
            'steps: "3"',
            "6: train.steps must be a whole number without quotes, but got '3'.",
        ),
        ("steps: 4", "steps: abc", "6: train.steps must be a whole number, but got 'abc'."),
        ("steps: 4", "steps: 4.5", "6: train.steps must be a whole number, but got 4.5."),
        ("steps: 4", "steps: true", "6: train.steps must be a whole number, but got True."),
        ("1e-3", '"1e-3"', "5: train.lr must be a number without quotes, but got '1e-3'."),
        ("1e-3", "on", "5: train.lr must be a number, but got 'on'."),
        ("1e-3", ".nan", "5: train.lr must be a finite number, but got nan."),
        ("  steps: 4\n", "", "4: train.steps must be given."),
        (
            "steps: 4",
            "steps: 4\n  dtype: fp16",
            "7: train.dtype must be 'fp32' or 'bf16', but got 'fp16'; did you mean 'bf16'?",
        ),
        (
            "steps: 4",
            "steps: 4\n  batch_size: 6\n  accumulation: 4",
            "4: train batch_size must be a multiple of accumulation, but got 6 and 4.",
        ),
        (
            "data: miniature",
            "data: bugs",
            f"3: alignment.data must name pairs that are known ({', '.join(ALIGNMENT_SETS)}) or a file "
            "whose name ends in .csv, .tsv, .jsonl, .json, .parquet or .txt (or in one of these and .gz), but got 'bugs'; did you mean 'bug'?",
        ),
        (
            "- stereoset",
            '- {name: perplexity, label: "x\\uD83D"}',
            "8: evaluators.0.label must have whole characters, but has half of a surrogate pair in "
            "'x\\ud83d'.",
        ),
        (
            "- stereoset",
            "- sterioset",
            "8: evaluators.0 must be one of stereoset, crows_pairs, winobias, winogender, bbq, "
            "seat, perplexity, kl, weights, multiple_choice, probe, finetune, harness, but got 'sterioset'; did you mean 'stereoset'?",
        ),
        (
            "task: piqa",
            "tasks: piqa",
            "9: evaluators.1.task must be given.",
        ),
        (
            "- stereoset",
            "- {name: multiple_choice, task: piqa}",
            "1: evaluators must measure different things, but two of them measure task/piqa/accuracy, task/piqa/accuracy_norm: "
            "give one of them a `label` if it has that key, rename a file of yours, or leave one out.",
        ),
    ],
)
def test_a_fault_is_one_sentence_with_its_line_and_its_place(old, new, sentence, refused):
    assert TRIAL.count(old) == 1
    sentences = refused(TRIAL.replace(old, new))
    assert sentences[0] == sentence
    assert len(sentences) == 1 + ("tasks" in new)


def test_a_wrong_item_does_not_make_its_list_too_short(refused):
    (fault,) = refused(TRIAL.split("evaluators:")[0] + "evaluators: [sterioset]\n")
    assert fault.startswith("7: evaluators.0 must be one of stereoset, ")


def test_an_empty_list_is_too_short(refused):
    (fault,) = refused(TRIAL.split("evaluators:")[0] + "evaluators: []\n")
    assert fault.startswith("7: evaluators ")
    assert "at least one entry" in fault


def test_all_faults_are_reported_together(refused):
    sentences = refused(TRIAL.replace("1e-3", "abc").replace("data: miniature", "data: x"))
    assert [sentence.split()[:2] for sentence in sentences] == [
        ["3:", "alignment.data"],
        ["5:", "train.lr"],
    ]


def test_a_place_is_written_with_dots():
    assert dotted(("evaluators", 0, "task")) == "evaluators.0.task"
    assert dotted(()) == ""


def test_a_misspelt_word_suggests_the_closest_known_one():
    assert did_you_mean("stpes", ["steps", "lr"]) == "; did you mean 'steps'?"
    assert did_you_mean("zzz", ["steps", "lr"]) == ""


def test_the_faults_of_a_tree_are_sentences_that_begin_with_their_places():
    tree = {"ratio": 0.1, "data": "miniature", "dta": 1}
    with pytest.raises(ValidationError) as raised:
        ReplayConfig.model_validate(tree)
    assert fault_sentences(raised.value, ReplayConfig, tree) == [
        "dta is no known key (known: data, ratio); did you mean 'data'?"
    ]


@pytest.mark.parametrize(
    ("key", "place"),
    [
        ("\x1b[2J\u202e", r"\x1b[2J\u202e"),
        ("a\nb\tc", r"a\nb\tc"),
        ("k" * 500, f"{'k' * 39}…{'k' * 39}"),
        ("\u2028", r"\u2028"),
    ],
)
def test_a_key_is_shown_in_one_line_in_short_and_without_control_characters(key, place):
    assert dotted(("a", key, 0)) == f"a.{place}.0"
    with pytest.raises(ValidationError) as raised:
        ReplayConfig.model_validate({"data": "miniature", key: 1})
    (sentence,) = fault_sentences(raised.value, ReplayConfig, {"data": "miniature", key: 1})
    assert sentence.startswith(f"{place} is no known key")


def test_no_more_sentences_are_made_than_are_told():
    tree = {"data": "miniature", **{f"k{number}": 1 for number in range(1000)}}
    with pytest.raises(ValidationError) as raised:
        ReplayConfig.model_validate(tree)
    assert len(fault_sentences(raised.value, ReplayConfig, tree)) == MAX_SENTENCES


@pytest.mark.parametrize(
    "value", [[1] * 10**5, "x" * 10**5, {"a": "x" * 10**6}, ["\x1b" * 10**5], [[[10**400]]]]
)
@pytest.mark.parametrize("key", ["data", "ratio"])
def test_a_long_value_is_shown_in_short(key, value):
    tree = {"data": "miniature", key: value}
    with pytest.raises(ValidationError) as raised:
        ReplayConfig.model_validate(tree)
    (sentence,) = fault_sentences(raised.value, ReplayConfig, tree)
    assert len(sentence) < 1200
    assert sentence.isprintable()


def test_a_list_that_is_too_long_is_one_sentence(refused):
    evaluators = "".join(f"  - {{name: perplexity, label: l{n}}}\n" for n in range(51))
    (fault,) = refused(TRIAL.split("  - stereoset")[0] + evaluators)
    assert fault == "7: evaluators must have at most 50 entries, but has 51."


def test_a_word_is_compared_with_the_known_ones_only_as_far_as_words_are_long():
    assert did_you_mean("x" * 10**6, ["x" * 10**6]) == ""
    assert did_you_mean("step7", (f"step{n}" for n in count())) == "; did you mean 'step7'?"
