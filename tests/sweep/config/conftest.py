"""Specs that are refused."""

from pathlib import Path

import pytest

from sweep.config.check import load
from trainables.schema.yaml_file import SpecError


def refusal(tmp_path: Path, text: str) -> list[str]:
    """The sentences with which a spec of this text is refused, each from `:LINE: ` on."""
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(SpecError) as caught:
        load(path)
    return [sentence.removeprefix(str(path)) for sentence in caught.value.sentences]
