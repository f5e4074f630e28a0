"""Multiple choice by likelihood, against a slow loop."""

import json
import math

import pytest
import torch

from trainables import miniature
from trainables.evaluators import MultipleChoice
from trainables.evaluators.multiple_choice import READERS, _is_right, _options

PIQA = [
    ("the wolf eats", ["deer", "the red lamp at the station"], 0),
    ("anna found the", ["blue", "red apple today"], 1),
    ("the nurse said that", ["she was sad", "he was sad"], 1),
]


def put_piqa(folder, rows=PIQA):
    (folder / "piqa").mkdir(exist_ok=True)
    lines = []
    for question, choices, answer in rows:
        options = [f"{letter}. {text}" for letter, text in zip("ABCD", choices, strict=False)]
        lines.append(
            {"question": question, "options": "\n".join(options), "answer": options[answer]}
        )
    (folder / "piqa" / "validation.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n")


def slow(model, oracle, items):
    """(accuracy, accuracy per character), one sentence and one token at a time."""
    right = right_norm = 0
    for question, choices, answer in items:
        scores = []
        for choice in choices:
            prefix, ids = model.encode([question, choice])
            assert model.encode([f"{question} {choice}"]) == [prefix + ids]
            scores.append(sum(oracle(model).log_probs(ids, prefix)))
        per_character = [score / len(choice) for score, choice in zip(scores, choices, strict=True)]
        right += max(range(len(scores)), key=scores.__getitem__) == answer
        right_norm += max(range(len(scores)), key=per_character.__getitem__) == answer
    return right / len(items), right_norm / len(items)


def test_the_accuracy_on_facts_is_that_of_the_slow_loop(model, oracle):
    items = [(q, [*others, answer], len(others)) for q, answer, others in miniature.facts()]
    found = MultipleChoice(task="miniature_facts", limit=15).measure(model, {})
    assert tuple(found.values()) == slow(model, oracle, items[:15])


def test_the_accuracy_on_piqa_is_that_of_the_slow_loop(model, oracle, own_cache):
    put_piqa(own_cache)
    items = [(f"Question: {question}\nAnswer:", *rest) for question, *rest in PIQA]
    found = MultipleChoice(task="piqa").measure(model, {})
    assert tuple(found.values()) == slow(model, oracle, items)
    assert list(found) == ["task/piqa/accuracy", "task/piqa/accuracy_norm"]


def test_likelihood_per_character_favours_long_alternatives(llama, own_cache):
    # The shorter one is likelier as a whole, the longer one per character.
    put_piqa(own_cache, [("the wolf eats", ["deer", "deer deer deer deer deer deer"], 1)] * 2)
    found = MultipleChoice(task="piqa").measure(llama, {})
    assert found["task/piqa/accuracy"] == 0.0
    assert found["task/piqa/accuracy_norm"] == 1.0


def test_a_character_counts_once_however_many_bytes_it_takes(llama, own_cache):
    # Unknown words all: equally likely as a whole, so the one of more characters wins per character.
    put_piqa(own_cache, [("the wolf eats", ["ééé", "abcde"], 1)])
    assert MultipleChoice(task="piqa").measure(llama, {})["task/piqa/accuracy_norm"] == 1.0


@pytest.mark.parametrize(
    ("scores", "answer", "right"),
    [
        ([-1.0, -2.0], 0, 1.0),
        ([-1.0, -2.0], 1, 0.0),
        ([-1.0, -1.0], 0, 1.0),
        ([-1.0, -1.0], 1, 0.0),
    ],
)
def test_the_first_of_the_likeliest_is_the_answer(scores, answer, right):
    assert _is_right(scores, answer) == right


def test_a_score_that_is_no_number_is_neither_right_nor_wrong():
    assert math.isnan(_is_right([math.nan, -1.0], 0))
    assert math.isnan(_is_right([-1.0, math.nan], 0))


def test_a_model_to_which_all_is_alike_is_not_right(model):
    with torch.no_grad():
        for weight in model.module.parameters():
            weight.zero_()
    found = MultipleChoice(task="miniature_facts").measure(model, {})
    assert found["task/miniature_facts/accuracy"] == 0


def test_options_are_read_with_their_letters_taken_off():
    row = {"options": "A. one\nB.  two. \nC. a. b", "answer": "B.  two."}
    assert _options(row) == ([" one", " two.", " a. b"], 1)


def test_the_limit_takes_the_first_items(llama, own_cache):
    put_piqa(own_cache)
    limited = MultipleChoice(task="piqa", limit=1).measure(llama, {})
    put_piqa(own_cache, PIQA[:1])
    assert MultipleChoice(task="piqa").measure(llama, {}) == limited


def test_the_worst_is_what_guessing_gives():
    for task, chance in {"piqa": 1 / 2, "openbookqa": 1 / 4, "miniature_facts": 1 / 4}.items():
        assert {m.worst for m in MultipleChoice(task=task).metrics("causal")} == {chance}


@pytest.mark.parametrize("task", list(READERS))
def test_every_task_that_can_be_asked_for_can_be_read(task):
    assert MultipleChoice(task=task).task in READERS


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("task", "num_items", "num_choices"), [("piqa", 1500, 2), ("openbookqa", 500, 4)]
)
def test_the_real_items_are_all_there(task, num_items, num_choices):
    items = READERS[task]()
    assert len(items) == num_items
    assert {len(item.choices) for item in items} == {num_choices}
    assert {item.answer for item in items} == set(range(num_choices))
    assert all(choice == " " + choice.strip() for item in items for choice in item.choices)
