"""How often a rule for gendered words gives the word that a person wrote in PANDA.

    python -m tests.benchmarks.swapping

A place of a text counts, once, where people replaced a gendered word by another one; the word of most
of them is the right one. The word of a rule is compared at this place alone, because people left the
words for other persons of the text as they were.
"""

from __future__ import annotations

from collections import Counter, defaultdict

from rich.console import Console
from rich.table import Table

from trainables.data.counterfactual import gendered_words, twins
from trainables.data.sources import read_pairs
from trainables.data.text import lower_case_words

RULES = ("improved", "bias_bench")
GENDERED = gendered_words("male") | gendered_words("female")
KINDS = {"her": {"his", "him"}, "his": {"her", "hers"}}


def main() -> None:
    written: dict[tuple[str, int], Counter[str]] = defaultdict(Counter)
    for pair in read_pairs("panda"):
        both = zip(
            lower_case_words(pair.stereotype), lower_case_words(pair.antistereotype), strict=True
        )
        for place, (before, after) in enumerate(both):
            if before != after and {before, after} <= GENDERED:
                written[pair.stereotype, place][after] += 1
    twin_words = {
        (text, rule): lower_case_words((twins(text, rule) or [text])[0])
        for text in {text for text, _ in written}
        for rule in RULES
    }
    num_places: Counter[str] = Counter()
    num_agreed: Counter[tuple[str, str]] = Counter()
    for (text, place), votes in written.items():
        before, after = lower_case_words(text)[place], votes.most_common(1)[0][0]
        kind = before if after in KINDS.get(before, ()) else "other words"
        num_places[kind] += 1
        for rule in RULES:
            num_agreed[kind, rule] += twin_words[text, rule][place] == after
    table = Table(title="share of places at which a rule has the word that a person wrote")
    for heading in ("word", "places", *RULES):
        table.add_column(heading, justify="left" if heading == "word" else "right")
    for kind in ("her", "his", "other words"):
        shares = (f"{num_agreed[kind, rule] / num_places[kind]:.1%}" for rule in RULES)
        table.add_row(kind, f"{num_places[kind]:,}", *shares)
    Console(width=80).print(table)


if __name__ == "__main__":
    main()
