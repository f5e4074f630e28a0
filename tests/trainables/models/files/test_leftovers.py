"""Weights that no place in a model takes."""

import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file

from trainables.chatter import held_back
from trainables.models.folder import read_model


@pytest.mark.parametrize("settings", [{"num_hidden_layers": 1}, {"num_hidden_layers": 0}], ids=str)
def test_layers_beyond_those_described_are_one_sentence(settings, folder, written):
    written(**settings)
    with pytest.raises(
        ValueError, match=r"must each have a place .* have none, model.layers.*for one"
    ):
        read_model(folder, "causal", weightless=True)


@pytest.mark.parametrize(
    "name",
    [
        "model.layers.0.self_attn.q_proj.bias",
        "model.layers.0.self_attn.q_proj.lora_A.weight",
        "model.layers.0.self_attn.q_norm.weight",
        "model.layers.0.mlp.experts.3.gate_proj.weight",
        "model.embed_tokens.scales",
        "model.norm.bias",
        "model.embed_positions.weight",
        "lm_head.bias",
        "layers.2.mlp.gate_proj.weight",
    ],
)
def test_a_weight_of_a_part_of_the_model_that_nothing_takes_is_one_sentence(
    name, folder, with_weights
):
    with_weights(**{name: torch.ones(64)})
    with pytest.raises(ValueError, match=f"but 1 has none, {name} for one: mend config.json"):
        read_model(folder, "causal", weightless=True)


@pytest.mark.parametrize(
    ("name", "tensor"),
    [
        ("score.weight", torch.ones(2, 64)),
        ("v_head.summary.weight", torch.ones(1, 64)),
        ("mtp.layers.0.norm.weight", torch.ones(64)),
        ("model.layers.0.self_attn.rotary_emb.inv_freq", torch.ones(8)),
        ("model.layers.0.self_attn.bias", torch.ones(1, 1, 64, 64)),
        ("model.layers.0.self_attn.mask", torch.ones(64, 64, dtype=torch.bool)),
        ("model.layers.0.self_attn.masked_bias", torch.tensor(-1e4)),
        ("model.vision_tower.layers.0.weight", torch.ones(64)),
        ("position_ids", torch.arange(64)),
    ],
)
def test_heads_of_other_tasks_and_what_is_no_weight_may_be_left_over(
    name, tensor, folder, with_weights
):
    with_weights(**{name: tensor})
    read_model(folder, "causal", weightless=True)


@pytest.mark.parametrize(("name", "is_told"), [("score.weight", True), ("mtp.norm.weight", False)])
def test_a_head_of_another_task_is_told_in_one_sentence_where_nobody_expects_it(
    name, is_told, folder, with_weights, caplog
):
    with_weights(**{name: torch.ones(2, 64)})
    for weightless in (True, False):
        with held_back():
            read_model(folder, "causal", weightless=weightless)
    told = [
        f"{folder} has 1 tensor that its model has no place for, {name} for one, as of another task: "
        "left out."
    ]
    assert [record.getMessage() for record in caplog.records] == told * is_told
    assert not any("LOAD REPORT" in text for text in caplog.messages)


def test_the_table_of_transformers_about_weights_is_not_shown(folder, with_weights):
    with_weights(**{"score.weight": torch.ones(2, 64)})
    code = (
        "import sys; from pathlib import Path; "
        "from trainables.models.language_model import LanguageModel; "
        "LanguageModel(Path(sys.argv[1]), 'causal')"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True
    )
    assert "REPORT" not in ended.stderr
    assert ended.stderr.count("has no place for, score.weight for one") == 1


def test_a_bert_may_come_with_its_pooler_and_its_second_head(bert, tmp_path):
    bert.save(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    more = {
        "bert.pooler.dense.weight": torch.ones(64, 64),
        "bert.pooler.dense.bias": torch.ones(64),
        "cls.seq_relationship.weight": torch.ones(2, 64),
        "cls.seq_relationship.bias": torch.ones(2),
        "bert.embeddings.position_ids": torch.arange(64)[None],
    }
    save_file(weights | more, tmp_path / "model.safetensors", {"format": "pt"})
    read_model(tmp_path, "masked", weightless=True)
    more = {"bert.encoder.layer.2.output.dense.bias": torch.ones(64)}
    save_file(weights | more, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(
        ValueError, match=r"but 1 has none, bert.encoder.layer.2.output.dense.bias for"
    ):
        read_model(tmp_path, "masked", weightless=True)
