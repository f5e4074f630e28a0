"""What no trial could do with its model is one sentence before anything starts."""

import json
import shutil

import pytest
import transformers

from sweep.config.preflight import DoNotFit, prepare
from tests.sweep.config.input_faults.conftest import LLAMA, SIZE
from trainables.models import miniature

XGLM = {
    "d_model": 16, "ffn_dim": 8, "num_layers": 2, "attention_heads": 2, "vocab_size": 400,
    "max_position_embeddings": 128,
}  # fmt: skip
GEMMA3N = LLAMA | {
    "num_hidden_layers": 4, "head_dim": 8, "vocab_size_per_layer_input": 400,
    "hidden_size_per_layer_input": 8, "num_kv_shared_layers": 1, "altup_num_inputs": 2,
    "laurel_rank": 4, "intermediate_size": [8] * 4, "activation_sparsity_pattern": [0.0] * 4,
    "layer_types": ["sliding_attention", "full_attention"] * 2,
}  # fmt: skip
NYSTROM = SIZE | {"intermediate_size": 8, "num_landmarks": 8, "segment_means_seq_len": 64}


def test_a_start_that_the_tokenizer_lacks_is_refused(spec_with):
    for setting, sentence in {
        "start: <x>": "trial.model.start must be auto, none, or a token that the tokenizer has ",
        "format: chat": "trial.model.format must be plain where the tokenizer has no chat template",
    }.items():
        with pytest.raises(DoNotFit) as caught:
            prepare(spec_with({"-llama}": f"-llama, {setting}}}"}))
        assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ("{name: lora, targets: [query]}", r"trial.parameters.targets must be .*'query'\."),
        (
            "{name: freeze, first_blocks: 2, embeddings: true, head: true}",
            "trial.parameters.first_blocks .* at most 1 for .* nothing is left to train",
        ),
        ("{name: freeze, first_blocks: 3}", "trial.parameters.first_blocks .* the 2 blocks of"),
    ],
)
def test_parameters_that_the_model_does_not_have_are_one_sentence(parameters, sentence, spec_with):
    with pytest.raises(DoNotFit, match=sentence):
        prepare(spec_with({"size: 50}": f"size: 50}}\n  parameters: {parameters}"}))


@pytest.mark.parametrize(
    ("kind", "settings", "sentence"),
    [
        ("XLNetLMHeadModel", {"d_model": 16, "n_layer": 2, "n_head": 2, "vocab_size": 400},
         "the predictions of this XLNetLMHeadModel depend on what follows"),
        ("NystromformerForMaskedLM", NYSTROM, "this NystromformerForMaskedLM fails at texts of"),
        ("YosoForMaskedLM", SIZE | {"intermediate_size": 8},
         "the predictions of this YosoForMaskedLM depend on the padding after the text"),
        ("XLMRobertaForMaskedLM", SIZE | {"intermediate_size": 8}, None),
        ("MambaForCausalLM",
         {"hidden_size": 16, "num_hidden_layers": 2, "vocab_size": 400, "state_size": 4}, None),
    ],
    ids=str,
)  # fmt: skip
def test_a_model_that_would_be_measured_wrongly_is_one_sentence(
    kind, settings, sentence, faults_of
):
    faults = faults_of(kind, settings, parameters={"name": "lora", "rank": 2})
    if sentence is None:
        assert faults == []
        return
    (fault,) = faults
    assert fault.startswith("trial.model.path: a ")
    assert sentence in fault


@pytest.mark.parametrize(
    ("kind", "settings", "changes", "sentence"),
    [
        ("XGLMForCausalLM", XGLM, {"train": {"lr": 1e-3, "steps": 1, "dtype": "bf16"}},
         "trial.train.dtype must be fp32 for "),
        ("Gemma3nForCausalLM", GEMMA3N, {"objective": "orthogonal"},
         "trial.objective.name must be of an objective that reads no hidden states, as "),
    ],
    ids=str,
)  # fmt: skip
def test_what_a_model_is_not_able_to_do_is_one_sentence(
    kind, settings, changes, sentence, faults_of
):
    (fault,) = faults_of(kind, settings, **changes)
    assert fault.startswith(sentence)
    assert faults_of(kind, settings) == []


def test_an_evaluator_that_starts_as_the_harness_needs_bos_or_eos(faults_of):
    evaluators = ["crows_pairs", {"name": "crows_pairs", "start": "first"}]
    for without, is_refused in ((("bos_token", "eos_token"), True), (("bos_token",), False)):
        faults = faults_of("LlamaForCausalLM", LLAMA, without, evaluators=evaluators)
        assert len(faults) == is_refused
        assert all(
            fault.startswith("trial.evaluators: crows_pairs must be left") for fault in faults
        )
    no_end = ("bos_token", "eos_token")
    assert faults_of("LlamaForCausalLM", LLAMA, no_end, evaluators=["winogender"]) == []


def test_a_chat_template_that_refuses_a_user_is_a_fault_of_a_chat_alone(faults_of, tmp_path):
    (tmp_path / "chat_template.jinja").write_text("{{ raise_exception('needs a system turn') }}")
    assert faults_of("LlamaForCausalLM", LLAMA) == []
    chat = {"path": str(tmp_path), "family": "causal", "format": "chat"}
    (fault,) = faults_of("LlamaForCausalLM", LLAMA, model=chat)
    assert fault.startswith("trial.model.format must be plain, ")
    assert fault.endswith("but got 'chat': needs a system turn.")


def test_a_chat_template_without_end_is_one_fault_of_the_model(faults_of, tmp_path):
    loops = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
    (tmp_path / "chat_template.jinja").write_text(loops)
    (fault,) = faults_of("LlamaForCausalLM", LLAMA)
    assert fault.startswith("trial.model.path: the chat template must write its turns within 1 s, ")


@pytest.fixture
def folder_with(tmp_path):
    """folder_with(kind, **settings): the folder of an untrained model of a class of transformers."""

    def write(kind, **settings):
        folder = tmp_path / kind
        for file in ("tokenizer.json", "tokenizer_config.json"):
            folder.mkdir(exist_ok=True)
            shutil.copy(miniature.folder("miniature-bert") / file, folder)
        made_by = getattr(transformers, kind)
        size = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
        made_by(made_by.config_class(**size | {"vocab_size": 300} | settings)).save_pretrained(
            folder
        )
        return folder

    return write


@pytest.mark.parametrize(
    ("kind", "family", "settings", "sentence"),
    [
        ("T5ForConditionalGeneration", "causal", {"d_ff": 8}, "an encoder-decoder: give another"),
        ("BertLMHeadModel", "causal", {}, "must say is_decoder: true for a causal model"),
        (
            "BertForSequenceClassification",
            "masked",
            {},
            "are missing or of another shape, cls.pred",
        ),
        ("ElectraForPreTraining", "masked", {}, "the file has others, such as discriminator_pred"),
        ("BertForMaskedLM", "causal", {}, "trial.model.family must be masked, as .* is a masked"),
        (
            "BertForMaskedLM",
            "masked",
            {"vocab_size": 40},
            "must know no more tokens than the model",
        ),
        ("LlamaForCausalLM", "causal", {"intermediate_size": 8}, None),
        ("BloomForCausalLM", "causal", {}, None),
    ],
)
def test_a_model_that_no_trial_could_use_is_one_sentence(
    kind, family, settings, sentence, folder_with, spec_with
):
    folder = folder_with(kind, **settings)
    spec = spec_with({"path: miniature-llama": f"path: {folder}, family: {family}"})
    if sentence is None:
        prepare(spec)
        return
    with pytest.raises(DoNotFit, match=sentence) as caught:
        prepare(spec)
    (fault,) = str(caught.value).splitlines()
    assert fault.startswith("trial.model.")
    assert str(folder) in fault


def test_blocks_that_share_their_weights_cannot_be_frozen_one_by_one(folder_with, spec_with):
    folder = folder_with("AlbertForMaskedLM", embedding_size=8, intermediate_size=8)
    for frozen, is_refused in (("first_blocks: 1", True), ("attention: true", False)):
        spec = spec_with(
            {
                "path: miniature-llama": f"path: {folder}, family: masked",
                "size: 50}": f"size: 50}}\n  parameters: {{name: freeze, {frozen}}}",
            }
        )
        if is_refused:
            with pytest.raises(DoNotFit, match="first_blocks and last_blocks must be left out"):
                prepare(spec)
        else:
            prepare(spec)


def test_an_objective_whose_words_the_tokenizer_cuts_is_one_sentence(folder_with, spec_with):
    folder = folder_with("BertForMaskedLM", intermediate_size=8)
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    vocabulary = tokenizer["model"]["vocab"]
    vocabulary["sheep"] = vocabulary.pop("she")  # no other word of the list is known
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    replaced = {"path: miniature-llama": f"path: {folder}, family: masked"}
    prepare(spec_with(replaced))
    with pytest.raises(
        DoNotFit, match=r"^trial\.objective equalising needs gendered words that are"
    ):
        prepare(spec_with(replaced | {"- none": "- equalising"}))
