"""A sentence and its gender-swapped twin."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainables.counterfactual import is_gendered, swap, swaps

THERE_AND_BACK = [
    ("he", "she"),
    ("He said so.", "She said so."),
    ("HE SAID SO", "SHE SAID SO"),
    ("The nurse said she was tired.", "The nurse said he was tired."),
    ("the doctor hurt himself", "the doctor hurt herself"),
    ("(he), [he]; he: he? he! he... 'he'", "(she), [she]; she: she? she! she... 'she'"),
    ('"He," I said.', '"She," I said.'),
    ("he's here and he'll stay", "she's here and she'll stay"),
    ("Mr. Lee met Mrs. Kim", "Mrs. Lee met Mr. Kim"),
    ("MR LEE", "MRS LEE"),
    ("The king and the queen", "The queen and the king"),
    ("His Majesty the King", "Her Majesty the Queen"),
    ("the actresses left", "the actors left"),
    ("a fireman's wife", "a firewoman's husband"),
    ("The men\nand boys", "The women\nand girls"),
    ("my son-in-law", "my daughter-in-law"),
    ("Sir, the landlady called", "Madam, the landlord called"),
    ("her infection spread", "his infection spread"),
    ("Her 3 children left", "His 3 children left"),
    ('her "new" car', 'his "new" car'),
    ("I saw her.", "I saw him."),
    ("I told her that it rained", "I told him that it rained"),
    ("I gave it to her, and left", "I gave it to him, and left"),
    ("I met her yesterday", "I met him yesterday"),
    ("I called HER", "I called HIM"),
    ("his keys are here", "her keys are here"),
    ("the keys are his.", "the keys are hers."),
    ("his and mine", "hers and mine"),
    ("The house was hers, not mine", "The house was his, not mine"),
    ("The mother of the bride cried", "The father of the bridegroom cried"),
]
UNTOUCHED = [
    "",
    "The engineer slept.",
    "There is the theatre, here is the shepherd",  # gendered letters inside of words
    "They told us; it rained. 42 %",
    "Heroic manners, kingdoms and sundry",
    "¿Él? ä ö ü 你好",
]


@pytest.mark.parametrize(("text", "twin"), THERE_AND_BACK)
def test_a_sentence_has_its_twin(text, twin):
    assert swap(text) == twin


@pytest.mark.parametrize(("text", "twin"), THERE_AND_BACK)
def test_the_twin_of_the_twin_is_the_sentence(text, twin):
    assert swap(twin) == text


@pytest.mark.parametrize("text", UNTOUCHED)
def test_a_sentence_without_gender_is_untouched(text):
    assert swap(text) == text
    assert not is_gendered(text)


@pytest.mark.parametrize(("text", "twin"), THERE_AND_BACK)
def test_a_sentence_with_a_twin_is_gendered(text, twin):
    assert is_gendered(text)


@pytest.mark.parametrize(
    ("text", "twin"),
    [
        ("He gave her flowers", "She gave his flowers"),
        ("A friend of his came", "A friend of her came"),
        ("They crowned him king", "They crowned her queen"),
    ],
)
def test_a_noun_after_her_or_his_is_taken_for_what_is_possessed(text, twin):
    assert swap(text) == twin


def test_every_word_has_one_counterpart_and_is_the_counterpart_of_it():
    ambiguous = {"him", "hers"}  # decided by the word that follows
    for word, twin in swaps().items():
        assert word == word.lower() != twin
        assert word in ambiguous or swaps()[twin] == word


def test_the_words_that_reference_lists_confuse_are_told_apart():
    # In bias-bench's list the last pair wins: her -> his always, lady -> lord, girl -> guy,
    # sir -> miss, mr. -> ms. Nothing of that is an involution.
    assert swap("lady girl girls sir mr.") == "gentleman boy boys madam mrs."


@given(
    st.lists(
        st.one_of(
            st.sampled_from(sorted(set(swaps()) - {"him", "hers"})),
            st.text(string.ascii_lowercase, min_size=1, max_size=6).filter(
                lambda word: word not in swaps() and word not in ("her", "his")
            ),
        )
    ),
    st.sampled_from([str.lower, str.upper, str.title]),
    st.sampled_from([" ", ", ", "\n", ". ", " - ", "'"]),
)
def test_swapping_twice_changes_nothing_whatever_the_case_and_the_punctuation(words, case, mark):
    text = mark.join(map(case, words))
    assert swap(swap(text)) == text


@given(st.text())
def test_whatever_is_no_letter_stays_where_it_is(text):
    def signs(text):
        return [sign for sign in text if sign not in string.ascii_letters]

    assert signs(swap(text)) == signs(text)
