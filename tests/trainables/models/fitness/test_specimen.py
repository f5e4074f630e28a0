"""What is tried of a model that is too large to be tried as it is."""

import pytest
import transformers

from tests.trainables.models.conftest import BERT
from tests.trainables.models.fitness.test_smaller import LARGE
from trainables.models.fitness.specimen import MAX_WEIGHTS, _copies, abilities_in


def test_the_weights_of_a_large_model_are_not_read(tmp_path):
    transformers.Gemma3TextConfig(**LARGE, architectures=["Gemma3ForCausalLM"]).save_pretrained(
        tmp_path
    )
    assert set(abilities_in(tmp_path, "causal", MAX_WEIGHTS + 1)) == {"layers", "bf16"}
    with pytest.raises(ValueError, match="must hold"):
        abilities_in(tmp_path, "causal", MAX_WEIGHTS)


def test_a_large_model_that_reads_padding_is_refused_by_its_copy(tmp_path):
    large = BERT | {"num_hidden_layers": 24, "embedding_size": 16, "head_ratio": 1}
    transformers.ConvBertConfig(**large).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="ConvBertForMaskedLM depend on the padding"):
        abilities_in(tmp_path, "masked", MAX_WEIGHTS + 1)


def test_copies_of_a_wide_model_have_narrow_mlps():
    wide = transformers.MistralConfig(
        **BERT | {"intermediate_size": 20_000_000, "num_key_value_heads": 2}
    )
    (module,) = _copies(wide, "causal")
    assert module.config.intermediate_size == 64
