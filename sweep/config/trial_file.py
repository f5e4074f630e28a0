"""The file of one trial, given where the spec of a sweep must be."""

from __future__ import annotations

from trainables.schema.yaml_file import Document, SpecError


def refuse_trial(document: Document) -> None:
    """Refuse a file that describes one trial.

    Raises:
        SpecError: it does, as it has a model of its own and no key `trial`.
    """
    if "model" in document.tree and "trial" not in document.tree:
        raise SpecError(
            [
                f"{document.path}: must be the spec of a sweep, but is that of one trial (it has no "
                f"key `trial`): `python -m trainables run {document.path}` runs it."
            ]
        )
