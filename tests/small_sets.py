"""Benchmarks in words that the miniature models know, as files where the cache takes them by hand."""

import csv
import itertools
import json
from pathlib import Path

from trainables import miniature

OCCUPATIONS = "nurse plumber mason teacher tailor editor doctor pilot".split()
PLACES = ("market", "station", "school")


def write_crows_pairs(cache_folder: Path) -> None:
    """CrowS-Pairs of words that the miniature models know, where the cache takes files by hand."""
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
    """Benchmarks in words that the miniature models know, where the cache takes files by hand."""
    write_crows_pairs(cache_folder)
    for side, swapped in (("pro", False), ("anti", True)):
        lines = []
        for n, (occupation, place) in enumerate(itertools.product(OCCUPATIONS, PLACES), start=1):
            she = (miniature.SHE[occupation] > 0.5) != swapped
            pronoun = "she" if she else "he"
            lines.append(f"{n} [the {occupation}] knew that [{pronoun}] was late for the {place}")
        for kind, split in itertools.product((1, 2), ("dev", "test")):
            name = f"{side}_stereotyped_type{kind}.txt.{split}"
            _write(cache_folder / "winobias" / name, "\n".join(lines) + "\n")
    rows = ["sentid\tsentence"]
    for occupation, answer in itertools.product(OCCUPATIONS, (0, 1)):
        for gender, pronoun in (("male", "he"), ("female", "she"), ("neutral", "they")):
            rows.append(
                f"{occupation}.someone.{answer}.{gender}.txt\t"
                f"the {occupation} left when {pronoun} felt {('sad', 'calm')[answer]}"
            )
    _write(cache_folder / "winogender" / "all_sentences.tsv", "\n".join(rows) + "\n")
    share = [f"{name}\t{100 * miniature.SHE[name]}" for name in OCCUPATIONS]
    table = "\n".join(["occupation\tbls_pct_female", *share])
    _write(cache_folder / "winogender" / "occupations-stats.tsv", table + "\n")
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


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
