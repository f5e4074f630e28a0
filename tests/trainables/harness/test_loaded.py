"""Tasks with their data: items, requests, texts, digests."""

import json

import pytest

from trainables.assets.errors import AssetError
from trainables.harness.loaded import digest, load, texts


def test_data_beside_the_yaml_are_found_from_any_folder(own_task, tmp_path, monkeypatch):
    own_task()
    monkeypatch.chdir(tmp_path.parent)
    (loaded,) = load("mine", None, None)
    assert [doc["text"] for _, doc in loaded.docs] == ["the wolf eats", "the heron eats"]
    requests = [request.arguments for request in loaded.task.instances]
    assert requests[:2] == [("the wolf eats", " deer"), ("the wolf eats", " frogs")]


def test_data_in_the_folder_of_the_command_are_found_as_by_the_harness(
    own_task, tmp_path, monkeypatch
):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    row = {"text": "the otter eats", "choices": ["fish", "hay"], "label": 0}
    (elsewhere / "others.jsonl").write_text(json.dumps(row) + "\n")
    own_task(dataset_kwargs={"data_files": {"test": ["others.jsonl"]}})
    monkeypatch.chdir(elsewhere)
    (loaded,) = load("mine", None, None)
    assert [doc["text"] for _, doc in loaded.docs] == ["the otter eats"]


def test_examples_come_from_the_training_split_and_are_the_same_each_time():
    contexts = [
        [request.arguments[0] for request in load("mini_pronouns", number, limit)[0].task.instances]
        for number, limit in ((None, None), (2, None), (0, None), (2, 5))
    ]
    usual, two, none, few = contexts
    assert usual == two
    assert usual[: len(few)] == few
    assert all(context.count("smiled because") == 3 for context in usual)
    assert all(context.count("smiled because") == 1 for context in none)


def test_texts_are_those_of_the_fields_and_each_question_with_each_answer(own_task):
    own_task()
    assert texts(load("mine", None, None)) == [
        *("the wolf eats", "the wolf eats deer", "the wolf eats frogs"),
        *("the heron eats", "the heron eats deer", "the heron eats frogs"),
    ]


def test_the_lines_of_a_passage_are_texts_too(own_task, tmp_path):
    (tmp_path / "rows.jsonl").write_text('{"text": "the wolf eats.\\nword\\nthe otter eats."}\n')
    own_task(
        output_type="loglikelihood_rolling", doc_to_text="", doc_to_target="text",
        doc_to_choice=None, metric_list=None,
    )  # fmt: skip
    found = texts(load("mine", None, None))
    assert found == ["the wolf eats.\nword\nthe otter eats.", "the wolf eats.", "the otter eats."]


def test_the_digest_differs_with_the_examples_and_the_limit():
    digests = {
        digest(load("mini_pronouns", *settings), "")
        for settings in ((None, None), (0, None), (1, None), (None, 5))
    }
    assert len(digests) == 4


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"dataset_kwargs": {"data_files": {"test": "absent.jsonl"}}}, "absent.jsonl"),
        ({"doc_to_text": "{{question}}"}, "'question' is undefined"),
        ({"test_split": "validation"}, "validation"),
    ],
)
def test_data_that_do_not_fit_are_one_sentence(own_task, changes, reason):
    own_task(**changes)
    with pytest.raises(AssetError, match=reason) as raised:
        load("mine", None, None)
    assert "the task mine of lm-evaluation-harness must have data" in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("target", "given"),
    [("lable", "'lable'"), ("{{[label, 5]}}", r"\[0, 5\]"), ("-1", "'-1'")],
)
def test_a_right_answer_that_is_no_choice_is_refused_with_what_the_yaml_gives(
    target, given, own_task
):
    own_task(doc_to_target=target)
    sentence = f"among the choices of each item, but 2 of 2 have none, .* mine.yaml gives {given}"
    with pytest.raises(AssetError, match=sentence):
        load("mine", None, None)


def test_one_item_without_a_right_answer_is_named(own_task):
    own_task(doc_to_target="{{[label * 2]}}")
    with pytest.raises(AssetError, match=r"1 of 2 have none, the first is item 2: .* gives \[2\]"):
        load("mine", None, None)


def test_f1_is_for_two_choices(own_task):
    own_task(metric_list=[{"metric": "f1"}])
    assert load("mine", None, None)
    own_task(metric_list=[{"metric": "f1"}], doc_to_choice='["deer", "frogs", "bread"]')
    sentence = "must have two choices an item where mine.yaml lists the metric f1, but item 1 has 3"
    with pytest.raises(AssetError, match=sentence):
        load("mine", None, None)
    own_task(metric_list=[{"metric": "mcc"}], doc_to_choice='["deer", "frogs", "bread"]')
    assert load("mine", None, None)


@pytest.mark.parametrize("target", ["label", "{{choices[label]}}", "{{[label]}}"])
def test_a_right_answer_is_a_number_a_text_or_a_list(target, own_task):
    own_task(doc_to_target=target)
    assert len(load("mine", None, None)[0].docs) == 2
