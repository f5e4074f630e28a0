"""Counterfactual twins: of another gender, race or religion."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainables.data.counterfactual import (
    ONE_WAY,
    gender_counterparts,
    group_counterparts,
    swap,
    twins,
    word_list,
)

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
    ("his or her keys", "her or his keys"),
    ("one asks him or her", "one asks her or him"),
    ("his very first novel", "her very first novel"),
    ("his newly built house", "her newly built house"),
    ("I saw her only yesterday", "I saw him only yesterday"),
    ("it pleased her greatly.", "it pleased him greatly."),
    ("against his will", "against her will"),
    ("she hid it behind her back", "he hid it behind his back"),
    ("they called her back", "they called him back"),
    ("let her play here", "let him play here"),
    ("we saw her dancing", "we saw him dancing"),
    ("her training was over", "his training was over"),
    ("the play of her family", "the play of his family"),
    ("a lad and his godmother", "a lass and her godfather"),
    ("Senator Menéndez said that he left.", "Senator Menéndez said that she left."),
    ("Sadio Mané lost his ball.", "Sadio Mané lost her ball."),
    ("Her fiancé left", "His fiancée left"),
    ("THE PROTÉGÉES OF HIS SON", "THE PROTÉGÉS OF HER DAUGHTER"),
    ("he ate her éclair", "she ate his éclair"),  # the word after her is no end of the sentence
    ("Zoë saw her.", "Zoë saw him."),
    ("He hid “her” keys, «her» bag", "She hid “his” keys, «his» bag"),  # the noun after the quote
    ("*her* keys and [her] bag", "*his* keys and [his] bag"),
    ("“I saw her” Tom said", "“I saw him” Tom said"),  # the quote ends with it
    ('"It is hers" Ann said', '"It is his" Ann said'),
]
UNTOUCHED = [
    "",
    "The engineer slept.",
    "There is the theatre, here is the shepherd",  # gendered letters inside of words
    "They told us; it rained. 42 %",
    "Heroic manners, kingdoms and sundry",
    "¿Él? ä ö ü 你好",
    # gendered letters beside an accent, in its letter or as a mark after it, and beside other scripts
    "Menéndez, Mané, Méndez, Manéhe, éhe, Sîr, Kíng, Hé, Shé",
    "Mene\u0301ndez, Mane\u0301, he\u0301, he\u0327, \u0301he, men\u0308",
    "heж, жhe, 男he, heא, he\u0915\u093f",
    "wo\u00admen\u00adfolk, men\u00adhir, he\u200dro",
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


@pytest.mark.parametrize(
    ("text", "twin"),
    [
        ("He gave her flowers", "She gave his flowers"),
        ("It made her famous", "It made his famous"),
        ("A friend of his came", "A friend of her came"),
        ("They crowned him king", "They crowned her queen"),
    ],
)
def test_a_noun_after_her_or_his_is_taken_for_what_is_possessed(text, twin):
    assert swap(text) == twin


def test_every_word_but_the_one_way_ones_is_the_counterpart_of_its_counterpart():
    for word, twin in gender_counterparts().items():
        assert word == word.lower() != twin
        assert word in ONE_WAY or gender_counterparts()[twin] == word


def test_the_words_that_reference_lists_confuse_are_told_apart():
    # In bias-bench's list the last pair wins: her -> his always, lady -> lord, girl -> guy,
    # sir -> miss, mr. -> ms. Nothing of that is an involution.
    assert swap("lady girl girls sir mr.") == "gentleman boy boys madam mrs."


@given(
    st.lists(
        st.one_of(
            st.sampled_from(sorted(set(gender_counterparts()) - set(ONE_WAY))),
            st.text(string.ascii_lowercase, min_size=1, max_size=6).filter(
                lambda word: word not in gender_counterparts() and word not in ("her", "his")
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
def test_signs_other_than_letters_stay_where_they_are(text):
    def signs(text):
        return [sign for sign in text if sign not in string.ascii_letters]

    assert signs(swap(text)) == signs(text)


# Sentences as people write them, with every kind of ambiguous word.
REAL = """
The nurse said that she would call her mother before her shift.
He told his brother that the book on the table was hers.
"Give it to him," she whispered, and he did.
When the doctor finished, her patient thanked her warmly and left.
My uncle's wife met him at the station; he had lost his hat.
Mr. Brown, whose daughter is an actress, sold his house to her.
Was it his idea or hers? Nobody asked him.
She looked at herself in the mirror, then at his reflection.
The policewoman showed her badge and asked the boys to follow her.
Each candidate must bring his or her passport with him or her.
The queen gave up her throne, and her husband, the prince, left with her.
HER CAR WAS STOLEN, SO SHE CALLED HIM.
He is a widower; his sons, the eldest a monk, visit him every Sunday.
The engineer hurt himself because his gloves were torn.
A friend saw her leaving with her nephew, her niece and the waiter.
It was her own fault, her lawyer argued, and no fault of the landlord.
The stewardess (a mother of two) said they let her go home early.
I do not know whether he loves her, but his letters say so.
The hero of her novel is a king who loses his crown.
They elected her in 1998 and re-elected her twice.
We heard him singing in the garden while his sister was asleep.
The chairman thanked her for her patience and gave her the floor.
Her very first film was about him; his later ones did not.
Neither his father nor her aunt knew what had happened to him.
""".strip().splitlines()


@pytest.mark.parametrize("text", REAL)
def test_swapping_a_real_sentence_twice_changes_nothing(text):
    assert swap(text) != text
    assert swap(swap(text)) == text


NOUNS = st.sampled_from("keys|friend|very old house|new car|family|mother|king's crown".split("|"))
REST = st.sampled_from(". |, | and left|that it rained| again|!| with a smile".split("|"))
WHO = st.sampled_from("he|she|the king|a waitress|Mrs. Lee|MY SON|Boys".split("|"))
CLAUSES = st.one_of(
    st.builds("{} lost {} {}".format, WHO, st.sampled_from(["her", "his"]), NOUNS),
    st.builds("{} saw {}{}".format, WHO, st.sampled_from(["her", "him", "himself"]), REST),
    st.builds("{} took {}{}".format, WHO, st.sampled_from(["hers", "his"]), st.just(".")),
)


@given(
    st.lists(CLAUSES, min_size=1),
    st.sampled_from([str, str.upper, str.title]),
    st.sampled_from(["; ", "\n"]),
)
def test_swapping_pronouns_twice_changes_nothing_wherever_they_can_stand(clauses, case, mark):
    text = case(mark.join(clauses))
    assert swap(swap(text)) == text


@pytest.mark.parametrize(
    ("text", "twin"),
    [("ＨＥ ran", "SHE ran"), ("the ﬁancé ran", "the fiancée ran"), ("ﬁne", "ﬁne")],
)
def test_letters_of_another_width_and_ligatures_are_letters(text, twin):
    assert swap(text) == twin


def test_two_words_of_one_counterpart_come_back_as_one():
    assert swap("Ms. Lee, her mum and Mrs. Kim") == "Mr. Lee, his dad and Mr. Kim"
    assert swap(swap("Ms. Lee")) == "Mrs. Lee"


# race and religion


@pytest.mark.parametrize(
    ("words", "text", "expected"),
    [
        ("race", "Black people met.", ["White people met.", "Asian people met."]),
        (
            "race",
            "an Asian and a White man",
            ["a Black and an Asian man", "a White and a Black man"],
        ),
        ("race", "An African city; AFRICA", ["A European city; EUROPE", "An Asian city; ASIA"]),
        ("race", "the blackbird", []),
        (
            "religion",
            "Jews read the Torah",
            ["Christians read the Bible", "Muslims read the Quran"],
        ),
        ("religion", "an imam's mosque", ["a rabbi's synagogue", "a priest's church"]),
        ("religion", "He slept.", []),
        ("religion", "Señor Priesté, Jewé, Imam\u0301", []),
        ("race", "Blancé whiteé Éblack", []),
        ("race", "Éan Asian", ["Éan Black", "Éan White"]),  # no article
    ],
)
def test_a_text_has_a_twin_for_each_other_group(words, text, expected):
    assert twins(text, words=words) == expected


@pytest.mark.parametrize("words", ["race", "religion"])
def test_the_two_twins_undo_each_other_where_a_word_is_listed_once(words):
    rows = word_list(words)
    listed = [word for row in rows for word in row]
    for word in listed:
        row = next(row for row in rows if word in row)
        if all(listed.count(each) == 1 for each in row):
            once = group_counterparts(words, 1)[word]
            assert group_counterparts(words, 2)[once] == word


# the rule of bias-bench


def spelt_out(text, words, choices):
    """The rule as it is described, word by word and row by row.

    choices: for each column, the column of the counterpart.
    """
    twin = text.split()
    for place, word in enumerate(text.split()):
        for row in word_list(f"bias_bench_{words}"):
            for sign in ("", ".", ",", "?", "!", ";", ":"):
                for column, listed in enumerate(row):
                    if word == listed + sign:
                        twin[place] = row[choices[column]] + sign
    return " ".join(twin)


@given(
    st.sampled_from(["gender", "race", "religion"]),
    st.lists(
        st.one_of(
            st.sampled_from(
                sorted(
                    {
                        word
                        for words in ("gender", "race", "religion")
                        for row in word_list(f"bias_bench_{words}")
                        for word in row
                    }
                )
            ),
            st.sampled_from("the He HER cat, mr".split()),
        ),
        max_size=6,
    ),
    st.sampled_from([" ", "  ", ", ", "! ", '" ', "\n"]),
)
def test_the_rule_of_bias_bench_is_the_one_that_is_described(words, parts, mark):
    text = mark.join(parts)
    columns = [(1, 0)] if words == "gender" else [(1, 2, 0), (2, 0, 1)]
    expected = [spelt_out(text, words, choices) for choices in columns]
    expected = [twin for twin in expected if twin != " ".join(text.split())]
    assert twins(text, "bias_bench", words) == expected


@pytest.mark.parametrize(
    ("text", "twin"),
    [
        ("i met her and her cat", "i met his and his cat"),
        ("he told him", "she told her"),
        ("a lady, a girl and sir", "a lord, a guy and miss"),
        ("a guy met mr. lee", "a girl met ms. lee"),
        ("he  said:\nno", "she said: no"),
    ],
)
def test_the_rule_of_bias_bench_takes_the_last_pair(text, twin):
    assert twins(text, "bias_bench") == [twin]


@pytest.mark.parametrize("text", ["He slept", "HIS (his) 'his'", "two  spaces"])
def test_the_rule_of_bias_bench_sees_only_lower_case_and_no_other_signs(text):
    assert twins(text, "bias_bench") == []


@pytest.mark.parametrize(("words", "pairs"), [("gender", 57), ("race", 6), ("religion", 6)])
def test_the_lists_of_bias_bench_are_complete(words, pairs):
    rows = word_list(f"bias_bench_{words}")
    assert len(rows) == pairs
    assert {len(row) for row in rows} == {2 if words == "gender" else 3}
