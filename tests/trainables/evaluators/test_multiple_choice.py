"""Multiple choice by likelihood, against a slow loop."""

import hashlib
import json

import pytest
import torch
from pydantic import ValidationError

from trainables.data.sets import miniature
from trainables.data.sets.multiple_choice import NUM_CHOICES, READERS
from trainables.evaluators import MultipleChoice
from trainables.metrics import estimate

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
    """Return (accuracy, accuracy per character), one sentence and one token at a time."""
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
    values = measure(model, task="miniature_facts", limit=15)
    assert tuple(values.values()) == slow(model, oracle, items[:15])


def test_the_accuracy_on_piqa_is_that_of_the_slow_loop(model, oracle, own_cache):
    put_piqa(own_cache)
    items = [(f"Question: {question}\nAnswer:", *rest) for question, *rest in PIQA]
    values = measure(model, task="piqa")
    assert tuple(values.values()) == slow(model, oracle, items)
    assert list(values) == ["task/piqa/accuracy", "task/piqa/accuracy_norm"]


def test_likelihood_per_character_favours_long_alternatives(llama, own_cache):
    # The shorter alternative is likelier as a whole, the longer one per character.
    put_piqa(own_cache, [("the wolf eats", ["deer", "deer deer deer deer deer deer"], 1)] * 2)
    values = measure(llama, task="piqa")
    assert values["task/piqa/accuracy"] == 0.0
    assert values["task/piqa/accuracy_norm"] == 1.0


def test_a_character_counts_once_however_many_bytes_it_takes(llama, own_cache):
    # Both are unknown words, equally likely as a whole, so the longer one is likelier per character.
    put_piqa(own_cache, [("the wolf eats", ["ééé", "abcde"], 1)])
    assert measure(llama, task="piqa")["task/piqa/accuracy_norm"] == 1.0


def test_a_model_to_which_all_is_alike_is_not_right(model):
    with torch.no_grad():
        for weight in model.module.parameters():
            weight.zero_()
    values = measure(model, task="miniature_facts")
    assert values["task/miniature_facts/accuracy"] == 0


def test_hellaswag_is_measured_on_the_file_at_its_path(tmp_path, llama):
    row = {"activity_label": "a", "ctx_a": "b", "ctx_b": "c", "endings": ["d", "e"], "label": 0}
    path = tmp_path / "hellaswag_val.jsonl"
    path.write_text(json.dumps(row) + "\n")
    evaluator = MultipleChoice(task="hellaswag", path=str(path))
    assert [item.question for item in evaluator.items()] == ["a: b C"]
    assert len(evaluator.measure(llama, {})) == 2


@pytest.mark.parametrize("settings", [{"task": "hellaswag"}, {"task": "piqa", "path": "x.jsonl"}])
def test_only_hellaswag_has_a_path_and_must_have_one(settings):
    with pytest.raises(ValueError, match="task hellaswag must have a path, the file"):
        MultipleChoice.model_validate(settings)


def test_the_limit_takes_the_first_items(llama, own_cache):
    put_piqa(own_cache)
    limited = measure(llama, task="piqa", limit=1)
    put_piqa(own_cache, PIQA[:1])
    assert measure(llama, task="piqa") == limited


def test_the_worst_accuracy_is_that_of_guessing():
    for task, chance in {"piqa": 1 / 2, "openbookqa": 1 / 4, "miniature_facts": 1 / 4}.items():
        assert {m.worst for m in MultipleChoice(task=task).metrics("causal")} == {chance}


def test_every_task_has_a_reader_and_a_number_of_choices():
    assert {*READERS, "hellaswag"} == set(NUM_CHOICES)


@pytest.fixture
def animals(tmp_path):
    """The file of a user, whose items are those of PIQA here."""
    path = tmp_path / "my animals.csv"
    lines = [f"{question},{a},{b},{answer}" for question, (a, b), answer in PIQA]
    path.write_text("question,choice_1,choice_2,answer\n" + "\n".join(lines))
    return path


def test_a_file_is_measured_under_its_own_name(model, oracle, animals):
    items = [(f"Question: {question}\nAnswer:", *rest) for question, *rest in PIQA]
    values = measure(model, task=str(animals))
    assert tuple(values.values()) == slow(model, oracle, items)
    assert list(values) == ["task/my animals/accuracy", "task/my animals/accuracy_norm"]
    declared = MultipleChoice(task=str(animals)).metrics("causal")
    assert [metric.name for metric in declared] == list(values)
    assert {metric.worst for metric in declared} == {0.0}


def test_the_choices_of_a_file_may_continue_its_questions(model, oracle, animals):
    values = measure(model, task=str(animals), prompt="plain")
    assert tuple(values.values()) == slow(model, oracle, PIQA)


def test_a_file_has_its_own_digest_and_texts(animals):
    evaluator = MultipleChoice(task=str(animals), prompt="plain", limit=1)
    assert evaluator.data_digest() == hashlib.sha256(animals.read_bytes()).hexdigest()
    assert evaluator.texts() == [
        "the wolf eats",
        "the wolf eats deer",
        "the wolf eats the red lamp at the station",
    ]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            {"task": "pica"},
            r"must name a task that is known \(piqa, .* but got 'pica'; did you mean",
        ),
        ({"task": "items.txt"}, "must name a task that is known"),
        ({"task": "data/piqa.csv"}, "whose name is not that of a known task, .*: rename it"),
        ({"task": "hellaswag.jsonl.gz"}, "whose name is not that of a known task"),
        ({"task": "piqa", "prompt": "plain"}, "prompt must be left out for piqa"),
        ({"task": "a.csv", "path": "b.jsonl"}, "no other task may have one"),
    ],
)
def test_what_is_no_task_is_one_sentence(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        MultipleChoice.model_validate(settings)


def test_a_task_that_is_a_file_without_its_end_gets_the_file_as_its_suggestion(
    tmp_path, monkeypatch
):
    (tmp_path / "colours.csv").write_text("question,choices,answer\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValidationError) as caught:
        MultipleChoice(task="colours")
    assert (
        "or a file whose name ends in .csv, .tsv, .jsonl, .json or .parquet (or in one of these and "
        ".gz), with the fields question, choices and answer, but got 'colours'; did you mean "
        "'colours.csv'?"
    ) in str(caught.value)
