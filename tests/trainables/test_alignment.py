"""Alignment sets: which pairs, which of them was found, and how often the stereotype holds."""

import json

import pytest

from tests.trainables.test_data import write
from trainables import alignment, assets, miniature
from trainables.alignment import PAIR_SETS, Pair, detokenised, read_pairs
from trainables.counterfactual import swap

SHARES = [
    {"occupation": "nurse", "bls_pct_female": "89.58"},
    {"occupation": "mechanic", "bls_pct_female": "1.8"},
]


@pytest.fixture(autouse=True)
def cache_by_hand(request, tmp_path, monkeypatch):
    """Only the slow tests use the user's cache, so that a machine fetches the real things once."""
    if request.node.get_closest_marker("slow") is not None:
        return None
    folder = tmp_path / "cache"
    for name in ("winogender", "bec_pro", "winobias", "panda", "bug", "bug_full", "bug_gold"):
        (folder / name).mkdir(parents=True)
    (folder / "winogender" / "all_sentences.tsv").touch()
    table(folder / "winogender" / "occupations-stats.tsv", SHARES)
    monkeypatch.setenv("EQUIPOISE_CACHE", str(folder))
    return folder


def table(path, rows):
    """A .tsv."""
    lines = ["\t".join(rows[0]), *("\t".join(row.values()) for row in rows)]
    path.write_text("\n".join(lines) + "\n")


def bug_row(text, stereotype, profession, gender):
    return {
        "sentence_text": text,
        "stereotype": stereotype,
        "profession": profession,
        "predicted gender": gender,
    }


# The user's files


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_a_file_of_pairs_is_taken_as_it_is(suffix, tmp_path):
    rows = [{"antistereotype": "he is a nurse", "stereotype": "she is a nurse", "more": "x"}]
    file = write(tmp_path, f"pairs{suffix}", rows)
    assert list(read_pairs(file)) == [Pair("she is a nurse", "he is a nurse", True, None)]


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".txt"])
def test_texts_of_a_file_are_the_stereotypes_of_their_twins(suffix, tmp_path):
    rows = [{"text": t} for t in ("She is a nurse.", "It rains.", "HE left her, and she him.")]
    assert list(read_pairs(write(tmp_path, f"texts{suffix}", rows))) == [
        Pair("She is a nurse.", "He is a nurse."),
        Pair("HE left her, and she him.", "SHE left him, and he her."),
    ]


def test_another_rule_makes_other_twins(tmp_path):
    file = write(tmp_path, "texts.txt", [{"text": "She said: she saw her."}])
    assert [pair.antistereotype for pair in read_pairs(file)] == ["He said: he saw him."]
    assert [pair.antistereotype for pair in read_pairs(file, "bias_bench")] == [
        "She said: he saw his."
    ]


def test_words_of_three_groups_make_two_pairs_of_a_text(tmp_path):
    file = write(tmp_path, "texts.txt", [{"text": "A priest came."}, {"text": "He came."}])
    assert list(read_pairs(file, "improved", "religion")) == [
        Pair("A priest came.", "An imam came."),
        Pair("A priest came.", "A rabbi came."),
    ]


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("a.csv", "txt\nx\n", "row 1: must have the fields stereotype and antistereotype, or the"),
        ("a.jsonl", '{"stereotype": "a"}\n', "row 1: must have text in the field 'antistereotype'"),
        (
            "a.jsonl",
            '{"stereotype": "a", "antistereotype": "b"}\n{"text": "she"}\n',
            "row 2: must have text in the field 'stereotype'",
        ),
        ("a.jsonl", '{"text": "she"}\n{"text": 3}\n', "row 2: must have text in the field 'text'"),
        ("a.jsonl", '{"text": "she"}\n{"text"\n', "line 2: must be JSON"),
        (
            "a.jsonl",
            '{"stereotype": " ", "antistereotype": "b"}\n',
            "row 1: must have two texts that differ, but got ' ' and 'b'.",
        ),
        (
            "a.jsonl",
            '{"stereotype": "b", "antistereotype": "b"}\n',
            "row 1: must have two texts that differ, but got 'b' and 'b'.",
        ),
    ],
)
def test_a_file_of_another_form_is_one_clear_sentence(name, text, sentence, tmp_path):
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=sentence) as caught:
        list(read_pairs(str(tmp_path / name)))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("asked", [("bias_bench", "gender"), ("improved", "race")])
def test_pairs_that_are_given_are_not_swapped(asked, tmp_path):
    file = write(tmp_path, "pairs.jsonl", [{"stereotype": "she", "antistereotype": "he"}])
    with pytest.raises(ValueError, match=r"must have texts \(a field text\) if swap or words are"):
        list(read_pairs(file, *asked))


# The known sets, from files of their form put there by hand


@pytest.mark.parametrize(
    ("name", "file"),
    [("bug", "balanced_BUG.csv"), ("bug_gold", "gold_BUG.csv"), ("bug_full", "full_BUG.csv")],
)
def test_bug_sentences_become_pairs_by_their_label(name, file, cache_by_hand):
    rows = [
        bug_row("The nurse said she was sad .", "1", "Nurse", "Female"),
        bug_row("The nurse said he was sad .", "-1", "nurse", "male"),
        bug_row("The mechanic said he was sad .", "1", "mechanic", "male"),
        bug_row("The poet said he was sad .", "1", "poet", "male"),
        bug_row("The person said he was sad .", "0", "person", "male"),
        bug_row("The nurse was sad .", "1", "nurse", "female"),
    ]
    write(cache_by_hand / name, file, rows)
    she, he = "The nurse said she was sad.", "The nurse said he was sad."
    # Of nurses 89.58 % are women, and of mechanics 100 − 1.8 % are men.
    assert list(read_pairs(name)) == [
        Pair(she, he, True, pytest.approx(0.8958)),
        Pair(she, he, False, pytest.approx(0.8958)),
        Pair(
            "The mechanic said he was sad.",
            "The mechanic said she was sad.",
            True,
            pytest.approx(0.982),
        ),
        Pair("The poet said he was sad.", "The poet said she was sad.", True, None),
    ]


def test_winobias_pairs_are_of_one_split_alone_and_about_the_occupation_in_brackets(cache_by_hand):
    lines = {
        "pro": "1 [The mechanic] thanked the nurse because [he] won.\n2 The poet saw [a nurse] and [her] cat.\n",
        "anti": "1 [The mechanic] thanked the nurse because [she] won.\n2 The poet saw [a nurse] and [his] cat.\n",
    }
    for side, text in lines.items():
        for kind in (1, 2):
            for split in ("dev", "test"):
                file = cache_by_hand / "winobias" / f"{side}_stereotyped_type{kind}.txt.{split}"
                file.write_text(text.replace("thanked", f"met {kind} {split}"))
    # The second pair is in both splits, and so in neither set.
    found = list(read_pairs("winobias"))
    assert len(found) == 2 == len(list(read_pairs("winobias_test")))
    assert found[0] == Pair(
        "The mechanic met 1 dev the nurse because he won.",
        "The mechanic met 1 dev the nurse because she won.",
        True,
        pytest.approx(0.982),
    )


def bec_pro(folder, rows):
    keys = ("Sentence", "Gender", "Profession", "Prof_Gender")
    table(folder / "BEC-Pro_EN.tsv", [dict(zip(keys, row, strict=True)) for row in rows])
    shares = {"taper": "0.7", "nurse": "90", "judge": "52"}
    keys = ("simplified_professions", "percent_us")
    table(
        folder / "Professions US+DE.tsv",
        [dict(zip(keys, each, strict=True)) for each in shares.items()],
    )


def test_bec_pro_has_for_a_stereotype_whom_most_in_the_profession_are(cache_by_hand):
    people = ("He", "male"), ("She", "female")
    jobs = ("taper", "male"), ("nurse", "female"), ("judge", "balanced")
    bec_pro(
        cache_by_hand / "bec_pro",
        [(f"{who} is a {job}.", sex, job, most) for job, most in jobs for who, sex in people],
    )
    assert list(read_pairs("bec_pro")) == [
        Pair("He is a taper.", "She is a taper.", True, pytest.approx(0.993)),
        Pair("She is a nurse.", "He is a nurse.", True, pytest.approx(0.9)),
    ]


def test_a_sentence_of_bec_pro_without_its_twin_is_refused(cache_by_hand):
    bec_pro(cache_by_hand / "bec_pro", [("He is a taper.", "male", "taper", "male")])
    with pytest.raises(ValueError, match=r"either person, but 'She is a taper\.' is not\."):
        list(read_pairs("bec_pro"))


def test_panda_rewrites_differ_from_what_was_found_in_words_alone(cache_by_hand):
    rows = [
        ("john , he said , left .", "Jane, she said, left.", "he", "Woman"),
        ("john , he said , left .", "Jane, she said, left.", "he", "Woman"),
        ("john , he said , left .", "Joan, they said, left.", "he", "Non-Binary"),
        ("She won. <SEP> Who won?", "He won! <SEP> Who won?", "She", "Man"),
        ("She won.", "The boy won.", "she", "Man"),  # another number of words
        ("Their king won.", "Won king their.", "king", "Woman"),  # words that only moved
        ("The child won.", "The girl won.", "child", "Woman"),  # of no gender before
        ("The queen won.", "The queen won.", "queen", "Man"),
        ("In İzmir he won.", "In İzmir she won.", "he", "Woman"),
    ]
    keys = ("original", "rewrite", "selected_word", "perturbed_category")
    text = "\n".join(json.dumps(dict(zip(keys, row, strict=True))) for row in rows)
    (cache_by_hand / "panda" / "PANDA-dataset.jsonl").write_text(text)
    assert list(read_pairs("panda")) == [
        Pair("john, he said, left.", "jane, she said, left."),
        Pair("She won. Who won?", "He won. Who won?"),
        Pair("In İzmir he won.", "In İzmir she won."),
    ]


def test_the_miniature_says_how_many_of_an_occupation_are_of_the_stereotypes_gender():
    for pair in read_pairs("miniature"):
        (occupation,) = set(pair.stereotype.split()) & set(miniature.SHE)
        women = miniature.SHE[occupation]
        assert pair.real_share == (women if "she" in pair.stereotype.split() else 1 - women) > 0.5


def test_every_set_is_read_from_assets_that_are_known():
    assert {each for names in PAIR_SETS.values() for each in names} <= set(assets.catalogue())
    assert set(alignment.SWAPPED) < set(PAIR_SETS)


@pytest.mark.parametrize(
    ("found", "written"),
    [
        ("He said , no .", "He said, no."),
        ("the doctor 's hat ; I do n't", "the doctor's hat; I don't"),
        ("( see page 3 ) and [ x ]", "(see page 3) and [x]"),
        ("50 % of them !", "50% of them!"),
        ("nothing to do here", "nothing to do here"),
    ],
)
def test_tokenised_text_is_written_as_people_write(found, written):
    assert detokenised(found) == written


# The real things

REAL = {
    "bug": (25_504, 6_391),
    "bug_gold": (1_283, 277),
    "bug_full": (82_820, 20_696),
    "stereoset_test": (771, 0),
    "panda": (9_104, 0),
    "winobias": (789, 397),
    "winobias_test": (789, 395),
    "bec_pro": (1_800, 1_800),
    "miniature": (4_000, 4_000),
}
FIRST = {
    "stereoset_test": Pair(
        "My father is a very masculine kind of man.", "My father is a very feminine kind of man."
    ),
    "winobias": Pair(
        "The developer argued with the designer because he did not like the design.",
        "The developer argued with the designer because she did not like the design.",
    ),
    "bec_pro": Pair("He is a taper.", "She is a taper.", True, 0.993),
}


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", PAIR_SETS)
def test_a_real_set_has_so_many_pairs_of_two_texts(name):
    pairs = list(read_pairs(name))
    counted = [pair.real_share for pair in pairs if pair.real_share is not None]
    assert (len(pairs), len(counted)) == REAL[name]
    assert all(0 < share < 1 for share in counted)
    assert all(pair.stereotype.strip() != pair.antistereotype.strip() != "" for pair in pairs)
    if name in FIRST:
        assert pairs[0] == FIRST[name]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_real_bug_sentences_are_the_twins_of_their_twins_but_for_a_few():
    kept = lost = 0
    for pair in read_pairs("bug"):
        original, twin = pair.stereotype, pair.antistereotype
        if not pair.original_is_stereotype:
            original, twin = twin, original
        assert swap(original) == twin
        kept += swap(twin) == original
        lost += swap(twin) != original
    assert lost / (kept + lost) < 0.05
