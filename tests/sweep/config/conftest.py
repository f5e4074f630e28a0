"""Specs that are refused."""

from pathlib import Path

import pytest

from sweep.config.check import check, load
from tests.sweep.conftest import TINY
from trainables.schema.yaml_file import SpecError, read


def refusal(tmp_path: Path, text: str) -> list[str]:
    """The sentences with which a spec of this text is refused, each from `:LINE: ` on."""
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(SpecError) as caught:
        load(path)
    return [sentence.removeprefix(str(path)) for sentence in caught.value.sentences]


@pytest.fixture
def spec_with(tmp_path):
    """spec_with({old: new}): the tiny spec with these replacements."""

    def spec_with(replaced):
        text = TINY
        for old, new in replaced.items():
            assert old in text
            text = text.replace(old, new)
        (tmp_path / "spec.yaml").write_text(text)
        return check(read(tmp_path / "spec.yaml"))

    return spec_with
