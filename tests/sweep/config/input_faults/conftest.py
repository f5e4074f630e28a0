"""What tests of models share: folders of small models, and the faults of a trial with one."""

import json
import shutil

import pytest
import transformers

from sweep.config.input_faults.model_faults import model_faults
from trainables.config import TrialConfig
from trainables.models import miniature

SIZE = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "vocab_size": 400}
LLAMA = SIZE | {"intermediate_size": 8, "num_key_value_heads": 1, "pad_token_id": 0}


@pytest.fixture
def faults_of(tmp_path):
    """Return a function: class of transformers, settings, changes of a trial -> its faults.

    without: special tokens that the tokenizer has not.
    """

    def faults_of(kind, settings, without=(), **changes):
        is_masked = kind.endswith("MaskedLM")
        for file in ("tokenizer.json", "tokenizer_config.json"):
            shutil.copy(
                miniature.folder("miniature-bert" if is_masked else "miniature-llama") / file,
                tmp_path,
            )
        written = json.loads((tmp_path / "tokenizer_config.json").read_text())
        kept = {key: value for key, value in written.items() if key not in without}
        (tmp_path / "tokenizer_config.json").write_text(json.dumps(kept))
        made_by = getattr(transformers, kind)
        made_by(made_by.config_class(**settings)).save_pretrained(tmp_path)
        tree = {
            "model": {"path": str(tmp_path), "family": "masked" if is_masked else "causal"},
            "alignment": {"data": "miniature", "size": 8},
            "train": {"lr": 1e-3, "steps": 1},
            "evaluators": ["weights"],
        }
        return list(map(str, model_faults([TrialConfig.model_validate(tree | changes)])))

    return faults_of
