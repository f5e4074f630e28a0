"""Winogender: the sentences, their persons, and the share of women in occupations."""

import pytest

from trainables.data.sets.winogender import Sentence, percentage_of_women, sentences


def put_sentence(put, line):
    put("winogender/all_sentences.tsv", f"sentid\tsentence\n{line}\n")


def test_the_identifier_of_a_sentence_tells_its_persons_and_its_answer(put, shares):
    put_sentence(put, "nurse.patient.1.female.txt\tThe nurse told the patient that She slept.")
    (sentence,) = sentences()
    assert sentence == Sentence(
        "The nurse told the patient that She slept.", "nurse", "patient", "female", 1
    )
    assert sentence.pronoun == "She"


@pytest.mark.parametrize(
    "line",
    [
        "nurse.someone.0.male\tthe nurse left when he felt sad",
        "nurse.someone.2.male.txt\tthe nurse left when he felt sad",
        "nurse.someone.0.male.txt\tthe nurse left when she felt sad",
    ],
)
def test_a_sentence_of_another_identifier_or_without_its_pronoun_is_one_clear_sentence(
    line, put, shares
):
    put_sentence(put, line)
    with pytest.raises(ValueError, match="row 1: must be a sentence with its pronoun, named OCCUP"):
        sentences()


def test_a_sentence_about_an_occupation_without_statistics_is_one_clear_sentence(put, shares):
    put_sentence(put, "poet.someone.0.male.txt\tthe poet left when he felt sad")
    with pytest.raises(ValueError, match=r"row 1: every occupation must be in .* but poet is not"):
        sentences()


def test_the_number_of_women_is_a_percentage(shares):
    assert percentage_of_women() == {"nurse": 89.58, "mechanic": 1.8}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_published_sentences_are_all_there():
    assert len(sentences()) == 720
    assert {sentence.pronoun for sentence in sentences()} == {
        *("he", "him", "his", "she", "her", "they", "them", "their")
    }


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_shares_of_women_are_those_of_the_published_table():
    women = percentage_of_women()
    assert (women["nurse"], women["plumber"], len(women)) == (89.58, 0.7, 60)
