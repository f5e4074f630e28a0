"""A configuration like another one, of few blocks and words."""

import transformers

from trainables.models.fitness.smaller import smaller

LARGE = {
    "hidden_size": 32, "num_attention_heads": 2, "num_key_value_heads": 2, "num_hidden_layers": 12,
    "intermediate_size": 96, "vocab_size": 50_000, "head_dim": 16, "sliding_window": 16,
    "layer_types": [*["sliding_attention"] * 3, *["full_attention"] * 9],
    "pad_token_id": 49_999, "bos_token_id": 2, "max_position_embeddings": 128,
}  # fmt: skip


def test_a_copy_has_a_block_of_each_kind_and_few_words():
    config = transformers.Gemma3TextConfig(**LARGE)
    for shrinks_mlp, width in ((False, 96), (True, 64)):
        small = smaller(config, shrinks_mlp=shrinks_mlp)
        assert small.num_hidden_layers == 4
        assert small.layer_types == config.layer_types[:4]
        assert (small.vocab_size, small.pad_token_id, small.bos_token_id) == (1000, 999, 2)
        assert small.intermediate_size == width
        assert small.hidden_size == config.hidden_size
    assert config.num_hidden_layers == 12


def test_a_copy_has_two_blocks_where_no_list_names_kinds():
    small = smaller(transformers.GPT2Config(n_layer=12), shrinks_mlp=False)
    assert small.n_layer == 2
