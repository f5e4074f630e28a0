"""BBQ: questions about gender, each with a context that answers it or leaves it open."""

from collections.abc import Iterator
from typing import Any

from trainables.assets import resolve
from trainables.data.rows import checked_row, read_rows
from trainables.schema.text.shown import as_value

FIELDS = (
    *("example_id", "question_index", "question_polarity", "context_condition", "context"),
    *("question", "ans0", "ans1", "ans2", "answer_info", "additional_metadata", "label"),
)


def questions() -> Iterator[dict[str, Any]]:
    """Yield the rows of the authors' file for the category Gender_identity, with FIELDS as keys.

    Source: Parrish et al. 2022 (arXiv 2110.08193).

    Raises:
        ValueError: a row lacks a field, or its label is not 0, 1 or 2.
        trainables.assets.errors.AssetError: the file cannot be fetched.
    """
    path = resolve.resolve("bbq")
    for number, row in enumerate(read_rows(path, *FIELDS), start=1):
        where = f"{path}, question {number}"
        checked_row(row["answer_info"], ("ans0", "ans1", "ans2"), f"{where}, answer_info")
        metadata = row["additional_metadata"]
        checked_row(metadata, ("stereotyped_groups",), f"{where}, additional_metadata")
        if row["label"] not in (0, 1, 2) or isinstance(row["label"], bool):
            raise ValueError(
                f"{where}: label must be 0, 1 or 2, the right one of three answers, but got "
                f"{as_value(row['label'])}."
            )
        yield row
