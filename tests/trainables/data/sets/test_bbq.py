"""BBQ: rows that are questions, and errors for others."""

import pytest

from trainables.data.sets.bbq import FIELDS, questions

FILE = "bbq/Gender_identity.jsonl"
QUESTION = dict.fromkeys(FIELDS, "x") | {
    "answer_info": {"ans0": ["man"], "ans1": ["unknown"], "ans2": ["woman"]},
    "additional_metadata": {"stereotyped_groups": ["F"]},
    "label": 1,
}


def test_rows_are_questions_as_they_are_published(put):
    put(FILE, [QUESTION, QUESTION | {"label": 2}])
    assert list(questions()) == [QUESTION, QUESTION | {"label": 2}]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        *(({"label": label}, "question 2: label must be 0, 1 or 2") for label in ("2", 3, True)),
        ({"label": None}, "line 2: must have .* but lacks label"),
        ({"answer_info": {"ans0": []}}, "question 2, answer_info: must have .* lacks ans1, ans2"),
        ({"additional_metadata": {}}, "question 2, additional_metadata: must have .* lacks stereo"),
    ],
)
def test_a_row_of_another_form_is_one_clear_sentence(change, sentence, put):
    put(FILE, [QUESTION, QUESTION | change])
    with pytest.raises(ValueError, match=sentence):
        list(questions())


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_published_questions_are_all_there():
    assert sum(1 for _ in questions()) == 5_672
