"""A trial file, and the sentences by which a faulty one is refused."""

import pytest

from trainables.config import TrialConfig
from trainables.schema.yaml_file import SpecError, read, validate

TRIAL = """\
model: {path: miniature-llama}
alignment:
  data: miniature
train:
  lr: 1e-3
  steps: 4
evaluators:
  - stereoset
  - {name: multiple_choice, task: piqa}
"""


@pytest.fixture
def refused(tmp_path):
    """Return the sentences by which a trial file is refused, without the file's own path."""

    def sentences(text):
        file = tmp_path / "trial.yaml"
        file.write_text(text)
        with pytest.raises(SpecError) as caught:
            validate(TrialConfig, read(file))
        assert str(caught.value).splitlines() == caught.value.sentences
        assert all(sentence.startswith(str(file)) for sentence in caught.value.sentences)
        return [sentence.removeprefix(f"{file}:") for sentence in caught.value.sentences]

    return sentences
