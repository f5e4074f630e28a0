"""What a trial is aligned on: pairs of a stereotype and its twin, from known sets or the user's file.

Which of the two was found, and how often the stereotype holds among real people, is said with each.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Literal, NamedTuple

from trainables import assets, miniature
from trainables.counterfactual import Rule, Words, gendered, in_case_of, swap, twins
from trainables.occupations import share_of_women
from trainables.records import records, rows_of, text_of

# Each set, and the assets that it is read from.
PAIR_SETS: dict[str, tuple[str, ...]] = {
    "bug": ("bug", "winogender"),
    "bug_gold": ("bug_gold", "winogender"),
    "bug_full": ("bug_full", "winogender"),
    "stereoset_test": ("stereoset",),
    "panda": ("panda",),
    "winobias": ("winobias", "winogender"),
    "winobias_test": ("winobias", "winogender"),
    "bec_pro": ("bec_pro",),
    "miniature": (),
}
# Of these we make the twins ourselves, as of a user's texts; the others come with both sentences.
SWAPPED = ("bug", "bug_gold", "bug_full")


class Pair(NamedTuple):
    """Two sentences that differ in a group.

    original_is_stereotype: the stereotype is the text that was found, its opposite the twin.
    real_share: of the people in the occupation that the pair is about, the share who are of the
        stereotype's gender; None where it is about no occupation that is counted.
    """

    stereotype: str
    antistereotype: str
    original_is_stereotype: bool = True
    real_share: float | None = None


def read_pairs(name: str, rule: Rule = "improved", words: Words = "gender") -> Iterator[Pair]:
    """The pairs of a set or of a file; rule and words are for twins that are made by swapping.

    A file has pairs (.jsonl, .csv, with the fields stereotype and antistereotype) or texts (a field
    text, or a .txt with one a line). A text is taken for the stereotype, as CDA does with what it
    finds, and has its twins by swapping; one without any word to swap is left out.

    Raises:
        ValueError: a row lacks what it needs, or pairs that are given should be swapped.
        trainables.cache.AssetError: the set cannot be had.
    """
    if name == "miniature":
        return (Pair(*found) for found in miniature.pairs())
    if name in SWAPPED:
        return _bug(name, rule)
    if name == "stereoset_test":
        return _stereoset()
    if name == "panda":
        return _panda()
    if name in ("winobias", "winobias_test"):
        return _winobias("test" if name == "winobias_test" else "dev")
    if name == "bec_pro":
        return _bec_pro()
    return _file(name, rule, words)


def _bug(name: str, rule: Rule) -> Iterator[Pair]:
    """BUG (Levy et al. 2021, arXiv 2109.03858): real sentences that tie an occupation to a pronoun.

    Its column `stereotype` is 1 (stereotypical), -1 (anti-stereotypical) or 0 (neither: left out).
    """
    women = share_of_women()
    fields = ("sentence_text", "stereotype", "profession", "predicted gender")
    for row in records(assets.resolve(name), *fields):
        if row["stereotype"] not in ("1", "-1"):
            continue
        fits = row["stereotype"] == "1"
        female = (row["predicted gender"].lower() == "female") == fits
        share = _share(women.get(row["profession"].lower()), female)
        original = detokenised(row["sentence_text"])
        for twin in twins(original, rule):
            yield Pair(original, twin, True, share) if fits else Pair(twin, original, False, share)


def _stereoset() -> Iterator[Pair]:
    """StereoSet's test split, of which the dev split is measured: no target term is in both."""
    from trainables.evaluators.stereoset import StereoSet

    for item in StereoSet(split="test").items():
        text = {sentence["gold_label"]: sentence["sentence"] for sentence in item["sentences"]}
        yield Pair(text["stereotype"], text["anti-stereotype"])


def _panda() -> Iterator[Pair]:
    """PANDA (Qian et al. 2022, arXiv 2205.12586): texts that people rewrote for another gender.

    Those in which a word for a man was to become one for a woman, or the reverse, and which have the
    same number of words, each replaced in its place; names too. Case and punctuation stay those of
    the text found, so that a pair differs in words alone. Nobody said which of the two is the
    stereotype: it is the text found.
    """
    others = {"Woman": gendered("male"), "Man": gendered("female")}
    seen = set()
    fields = ("original", "rewrite", "selected_word", "perturbed_category")
    for row in records(assets.resolve("panda"), *fields):
        if row["selected_word"].lower() not in others.get(row["perturbed_category"], ()):
            continue
        texts = (re.sub("<(SEP|br)>", " ", row[field]) for field in fields[:2])
        found, rewrite = (detokenised(" ".join(text.split())) for text in texts)
        before, after = (words_of(text) for text in (found, rewrite))
        if len(before) != len(after):
            continue
        replaced = sum(one != other for one, other in zip(before, after, strict=True))
        # Words that had only moved would differ in more places than there are other words.
        if replaced == (Counter(before) - Counter(after)).total() > 0:
            twin = _with_words(found, iter(after))
            if (found, twin) not in seen:
                yield Pair(found, twin)
            seen.add((found, twin))


def normalised(text: str) -> str:
    """Its words alone: without case, punctuation, and how they are set apart.

    >>> normalised("The  nurse said , ' No . '") == normalised("the nurse said: 'no!'")
    True
    """
    return " ".join(re.findall(r"\w+", text.casefold())) or text.strip()


def words_of(text: str) -> list[str]:
    """Its words, put into lower case one by one: İ becomes two signs, one of which ends a word."""
    return [word.lower() for word in re.findall(r"\w+", text)]


def _with_words(text: str, words: Iterator[str]) -> str:
    return re.sub(r"\w+", lambda word: in_case_of(word.group(), next(words)), text)


def _winobias(split: Literal["dev", "test"]) -> Iterator[Pair]:
    """WinoBias (Zhao et al. 2018, arXiv 1804.06876), both types: with the stereotype and against.

    The published dev and test split share three pairs, which neither has here, so that one may be
    measured on after learning the other.
    """
    from trainables.evaluators.winobias import WinoBias, marked

    def pairs(kind: Literal[1, 2], split: Literal["dev", "test"]) -> list[tuple[str, str]]:
        return WinoBias(type=kind, split=split).items()

    kinds: tuple[Literal[1, 2], ...] = (1, 2)
    others = {
        normalised(text)
        for kind in kinds
        for pair in pairs(kind, "test" if split == "dev" else "dev")
        for text in pair
    }
    women = share_of_women()
    for kind in kinds:
        lines = marked(f"pro_stereotyped_type{kind}.txt.{split}")
        for line, (pro, anti) in zip(lines, pairs(kind, split), strict=True):
            if others.isdisjoint((normalised(pro), normalised(anti))):
                occupation, *pronouns = re.findall(r"\[(?:the |an? )?(.*?)\]", line.lower())
                female = bool({"she", "her", "hers"}.intersection(pronouns))
                yield Pair(pro, anti, True, _share(women.get(occupation.strip()), female))


def _bec_pro() -> Iterator[Pair]:
    """BEC-Pro, English (Bartl et al. 2020, 2020.gebnlp-1.1): people and professions in templates.

    The stereotype is the person whose gender most have who work in the profession, as its column
    Prof_Gender says; professions in balance are left out. Shares are those of its own table.
    """
    folder = assets.resolve("bec_pro")
    table = records(folder / "Professions US+DE.tsv", "simplified_professions", "percent_us")
    women = {row["simplified_professions"]: float(row["percent_us"]) for row in table}
    file = folder / "BEC-Pro_EN.tsv"
    rows = list(records(file, "Sentence", "Gender", "Profession", "Prof_Gender"))
    about_women = {row["Sentence"] for row in rows if row["Gender"] == "female"}
    for row in rows:
        if row["Gender"] != "male" or row["Prof_Gender"] == "balanced":
            continue
        man, woman = row["Sentence"], swap(row["Sentence"])
        if woman not in about_women:
            raise ValueError(
                f"{file}: every sentence must be there with either person, but {woman!r} is not."
            )
        female = row["Prof_Gender"] == "female"
        share = _share(women.get(row["Profession"]), female)
        yield Pair(woman, man, True, share) if female else Pair(man, woman, True, share)


def _file(name: str, rule: Rule, words: Words) -> Iterator[Pair]:
    given = None
    for number, row in enumerate(rows_of(name), start=1):
        if given is None:
            given = "stereotype" in row or "antistereotype" in row
            if not given and "text" not in row:
                raise ValueError(
                    f"{name}, row 1: must have the fields stereotype and antistereotype, or the "
                    f"field text whose twin is made by swapping, but has {', '.join(row)[:80]}."
                )
            if given and (rule, words) != ("improved", "gender"):
                raise ValueError(
                    f"{name} must have texts (a field text) if swap or words are set, but has pairs "
                    f"that are given, and got swap: {rule}, words: {words}: leave them out."
                )
        if given:
            more, less = (
                text_of(row, key, name, number) for key in ("stereotype", "antistereotype")
            )
            if more == less or not (more.strip() and less.strip()):
                raise ValueError(
                    f"{name}, row {number}: must have two texts that differ, but got {more!r:.80} "
                    f"and {less!r:.80}."
                )
            yield Pair(more, less)
        else:
            text = text_of(row, "text", name, number)
            yield from (Pair(text, twin) for twin in twins(text, rule, words))


def detokenised(text: str) -> str:
    """`He said , " no " .` as people write it, near enough: spaces before punctuation go."""
    text = re.sub(r"\s+([.,;:!?%)\]]|'(?:s|re|ve|ll|d|m|t)\b|n't\b)", r"\1", text.strip())
    return re.sub(r"([(\[])\s+", r"\1", text)


def _share(percentage_of_women: float | None, female: bool) -> float | None:
    """The share of the stereotype's gender, from 0 to 1."""
    if percentage_of_women is None:
        return None
    return (percentage_of_women if female else 100 - percentage_of_women) / 100
