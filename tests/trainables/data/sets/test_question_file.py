"""A user's file of multiple-choice items: question, choices and answer."""

import json

import pytest

from tests.trainables.data.test_rows import write
from trainables.data.sets.multiple_choice import Item
from trainables.data.sets.question_file import question_items

CAT = {"question": "What does a cat eat?", "choices": ["mice", "stones"], "answer": "mice"}


def items(folder, prompt="question", **changes):
    (folder / "a.jsonl").write_text(json.dumps(CAT | changes))
    return question_items(str(folder / "a.jsonl"), prompt)


@pytest.mark.parametrize("kind", [".jsonl", ".json", ".parquet"])
def test_lists_of_choices_are_read_from_every_kind_that_has_lists(kind, tmp_path):
    file = write(tmp_path / f"a{kind}", [CAT])
    place = {".jsonl": "line 1", ".json": "object 1", ".parquet": "row 1"}[kind]
    assert question_items(file, "question") == [
        Item(
            "Question: What does a cat eat?\nAnswer:",
            [" mice", " stones"],
            0,
            where=f"{file}, {place}",
        )
    ]


@pytest.mark.parametrize("kind", [".csv", ".tsv", ".jsonl", ".parquet"])
def test_choices_may_be_columns_of_which_the_last_may_be_blank(kind, tmp_path):
    rows = [
        {"answer": "2", "choice_2": "b ", "choice_10": "c", "choice_1": "a", "question": "q"},
        {"answer": "1", "choice_2": "b", "choice_10": "", "choice_1": "a", "question": "r"},
    ]
    file = write(tmp_path / f"a{kind}", rows)
    one, other = question_items(file, "plain")
    assert one[:3] == ("q", [" a", " b", " c"], 2)
    assert other[:3] == ("r", [" a", " b"], 1)


def test_a_table_may_have_choices_as_a_list_of_json(tmp_path):
    file = write(tmp_path / "a.csv", [CAT | {"choices": json.dumps(CAT["choices"])}])
    (item,) = question_items(file, "plain")
    assert item[:3] == (CAT["question"], [" mice", " stones"], 0)


@pytest.mark.parametrize(
    ("prompt", "changes", "text"),
    [
        ("question", {}, "Question: What does a cat eat?\nAnswer:"),
        ("question", {"passage": "Cats. "}, "Cats.\nQuestion: What does a cat eat?\nAnswer:"),
        ("plain", {"question": " A cat eats"}, "A cat eats"),
        ("plain", {"question": "A cat eats", "passage": "Cats."}, "Cats.\nA cat eats"),
        ("plain", {"question": "A cat eats", "passage": " "}, "A cat eats"),
        ("plain", {"question": "A cat eats", "passage": None}, "A cat eats"),
    ],
)
def test_the_prompt_is_the_one_that_is_documented(prompt, changes, text, tmp_path):
    (item,) = items(tmp_path, prompt, **changes)
    assert item.question == text
    assert item.about == ((changes.get("passage") or "").strip() or None)


@pytest.mark.parametrize(
    ("choices", "answer", "place"),
    [
        (["mice", "stones"], "stones", 1),
        (["mice", "stones"], "B", 1),
        (["mice", "stones"], 1, 1),
        (["mice", "stones"], "1", 1),
        (["mice", "stones"], 1.0, 1),
        (["no", "yes"], "yes", 1),
        (["False", "True"], True, 1),
        (["7", "8"], 8, 1),
        (["7", "8"], "0", 0),
        (["0", "1"], 1, 1),  # both readings mean the same choice
        (["A", "B"], "B", 1),
        (["the  caf\u00e9", "tea"], "the cafe\u0301", 0),  # as people read it
    ],
)
def test_an_answer_is_the_text_the_letter_or_the_number_of_a_choice(
    choices, answer, place, tmp_path
):
    (item,) = items(tmp_path, choices=choices, answer=answer)
    assert item.answer == place


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"choices": ["the mice", "the  mice"]}, "every choice must have words and differ from the others"),
        ({"choices": ["mice", "mice\u200b"]}, "every choice must have words and differ from the others"),
        ({"answer": "birds"}, "the answer must be the text of the right choice, .* 'birds' is none of them"),
        ({"answer": 2}, "its number counted from 0, but 2 is none of them"),
        ({"answer": -1}, "but -1 is none of them"),
        ({"answer": "C"}, "but 'C' is none of them"),
        ({"answer": "a"}, "but 'a' is none of them"),
        ({"answer": 0.5}, "must have text in the field 'answer', but got 0.5"),
        ({"answer": None}, "must have text in the field 'answer', but got None"),
        ({"answer": ["mice"]}, "must have text in the field 'answer', but got"),
        ({"choices": ["1", "2", "3"], "answer": 2}, "but 2 could mean two of them"),
        ({"choices": ["1", "2", "3"], "answer": "2"}, "but '2' could mean two of them"),
        ({"choices": ["B", "A"], "answer": "A"}, "but 'A' could mean two of them"),
        ({"choices": ["b", "a"], "answer": "A"}, "but 'A' could mean two of them"),
        ({"choices": ["mice"]}, r"must have two or more choices, a list of texts, in a table as JSON .* \['mice'\]"),
        ({"choices": []}, "must have two or more choices, .* but got none"),
        ({"choices": None}, "must have two or more choices, .* but got none"),
        ({"choices": "mice|stones"}, "must have two or more choices, .* but got 'mice|stones'"),
        ({"choices": "['mice', 'stones']"}, "must have two or more choices, .* but got "),
        ({"choices": {"text": ["mice"]}}, "must have two or more choices, .* but got {'text'"),
        ({"choices": ["mice", 3]}, "must have text in every choice, but got 3"),
        ({"choices": ["mice", " "]}, "every choice must have words and differ from the others"),
        ({"choices": ["mice", " mice"]}, "every choice must have words and differ from the others"),
        ({"choices": ["mice", "\ud83d"]}, "must have sound text in every choice"),
        ({"question": " "}, "must have text in the field 'question', but it is blank"),
        ({"question": 3}, "must have text in the field 'question', but got 3"),
        ({"passage": 3}, "must have text in the field 'passage', but got 3"),
    ],
)  # fmt: skip
def test_an_item_of_another_form_is_one_sentence_with_its_line(changes, sentence, tmp_path):
    with pytest.raises(ValueError, match=sentence) as caught:
        items(tmp_path, **changes)
    assert f"{tmp_path}/a.jsonl, line 1: " in str(caught.value)
    assert str(caught.value).isprintable()
