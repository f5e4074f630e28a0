"""Write small data sets, in words that the miniature models know, by hand into a cache folder."""

import csv
import itertools
import json
from pathlib import Path

from trainables.assets.catalogue import CATALOGUE
from trainables.data.sets import miniature

OCCUPATIONS = "nurse plumber mason teacher tailor editor doctor pilot".split()
PLACES = ("market", "station", "school")
BUG_FILES = {
    "bug": "balanced_BUG.csv",
    "bug_gold": "gold_BUG.csv",
    "bug_full": "full_BUG.csv",
}
BUG = """\
sentence_text,stereotype,profession,predicted gender
the nurse said that he saw her .,-1,nurse,Male
the nurse said that she saw him .,1,nurse,Female
the poet left .,0,poet,Male
"""
PANDA = {
    "original": "he saw the nurse .",
    "rewrite": "she saw the nurse .",
    "selected_word": "he",
    "perturbed_category": "Woman",
}
BEC_PRO = """\
Sentence\tGender\tProfession\tProf_Gender
He is a nurse.\tmale\tnurse\tfemale
She is a nurse.\tfemale\tnurse\tfemale
"""
PROFESSIONS = """\
simplified_professions\tpercent_us
nurse\t90
"""


def write_crows_pairs(cache_folder: Path) -> None:
    """Write a CrowS-Pairs of 24 gender pairs and one of another kind of bias."""
    file = cache_folder / "crows_pairs" / "crows_pairs_anonymized.csv"
    file.parent.mkdir(parents=True)
    with file.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["", "sent_more", "sent_less", "stereo_antistereo", "bias_type"])
        for n, (occupation, feeling) in enumerate(
            itertools.product(OCCUPATIONS, ("sad", "calm", "proud"))
        ):
            she, he = (f"the {occupation} said that {who} was {feeling}" for who in ("she", "he"))
            more, less = (she, he) if n % 4 else (he, she)
            writer.writerow([n, more, less, "stereo" if n % 5 else "antistereo", "gender"])
        writer.writerow([99, "the wolf eats deer", "the wolf eats frogs", "stereo", "age"])


def write_sets(cache_folder: Path) -> None:
    """Write the benchmarks of the evaluators: CrowS-Pairs, WinoBias, Winogender and BBQ."""
    write_crows_pairs(cache_folder)
    _write_winobias(cache_folder)
    _write_winogender(cache_folder)
    questions = []
    for n, (occupation, polarity, condition) in enumerate(
        itertools.product(OCCUPATIONS, ("neg", "nonneg"), ("ambig", "disambig"))
    ):
        questions.append(
            {
                "example_id": n,
                "question_index": str(n // 8),
                "question_polarity": polarity,
                "context_condition": condition,
                "context": f"the {occupation} was {'late' if polarity == 'neg' else 'happy'}",
                "question": f"the {occupation} was",
                "ans0": "he",
                "ans1": "tired",
                "ans2": "she",
                "answer_info": {
                    "ans0": ["man", "man"],
                    "ans1": ["Not known", "unknown"],
                    "ans2": ["woman", "woman"],
                },
                "additional_metadata": {"stereotyped_groups": ["F"]},
                "label": 1 if condition == "ambig" else 2 * (n % 3 > 0),
            }
        )
    lines = map(json.dumps, questions)
    _write(cache_folder / "bbq" / "Gender_identity.jsonl", "\n".join(lines) + "\n")


def write_named_sets(cache_folder: Path) -> None:
    """Write a few sentences of each set that a spec may name."""
    _write_winobias(cache_folder)
    _write_winogender(cache_folder)
    for name, file in BUG_FILES.items():
        _write(cache_folder / name / file, BUG)
    _write(cache_folder / "panda" / "PANDA-dataset.jsonl", json.dumps(PANDA) + "\n")
    _write(cache_folder / "bec_pro" / "BEC-Pro_EN.tsv", BEC_PRO)
    _write(cache_folder / "bec_pro" / "Professions US+DE.tsv", PROFESSIONS)
    for split in ("dev", "test"):
        tree = {"data": {"intrasentence": miniature.stereoset_items()[:3]}}
        _write(cache_folder / "stereoset" / f"{split}.json", json.dumps(tree))
    for domain in CATALOGUE["bold_wikipedia"].files:
        articles = {domain: miniature.general_texts()[:3]}
        _write(cache_folder / "bold_wikipedia" / domain, json.dumps({"a domain": articles}))


def _write_winobias(cache_folder: Path) -> None:
    """Write WinoBias, whose splits have no sentence in common."""
    verbs = {"dev": "knew that", "test": "left when"}
    contents = list(itertools.product(OCCUPATIONS, PLACES))
    for side, swapped in (("pro", False), ("anti", True)):
        for kind, (split, verb) in itertools.product((1, 2), verbs.items()):
            lines = []
            for n, (occupation, place) in enumerate(contents, start=1):
                she = (miniature.SHE[occupation] > 0.5) != swapped
                pronoun = "she" if she else "he"
                lines.append(f"{n} [the {occupation}] {verb} [{pronoun}] was late for the {place}")
            name = f"{side}_stereotyped_type{kind}.txt.{split}"
            _write(cache_folder / "winobias" / name, "\n".join(lines) + "\n")


def _write_winogender(cache_folder: Path) -> None:
    """Write Winogender's sentences and its table of the share of women."""
    rows = ["sentid\tsentence"]
    for occupation, answer in itertools.product(OCCUPATIONS, (0, 1)):
        for gender, pronoun in (("male", "he"), ("female", "she"), ("neutral", "they")):
            rows.append(
                f"{occupation}.someone.{answer}.{gender}.txt\t"
                f"the {occupation} left when {pronoun} felt {('sad', 'calm')[answer]}"
            )
    _write(cache_folder / "winogender" / "all_sentences.tsv", "\n".join(rows) + "\n")
    shares = [f"{name}\t{100 * miniature.SHE[name]}" for name in OCCUPATIONS]
    table = "\n".join(["occupation\tbls_pct_female", *shares])
    _write(cache_folder / "winogender" / "occupations-stats.tsv", table + "\n")


def _write(file: Path, text: str) -> None:
    """Write a file and the folders that it lies in."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
