"""What is read from the folder of a model, and which folders are refused."""

import json
import re
import shutil
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from trainables.assets.safe_files import POINTER
from trainables.models import miniature
from trainables.models.files.no_numbers import refuse_no_numbers
from trainables.models.fitness.laws import refuse_unfit
from trainables.models.folder import family_in, read_model
from trainables.models.language_model import LanguageModel
from trainables.scoring.likelihood import log_probs, queries_of

LFS = POINTER + b"v1\noid sha256:0123\nsize 12345\n"
TEXTS = ["the nurse said that she was tired", "the wolf eats deer"]


def copied(tmp_path):
    return Path(shutil.copytree(miniature.folder("miniature-llama"), tmp_path / "model"))


def likelihoods(model):
    return log_probs(
        model, [queries_of(model.tokenizer, ids) for ids in model.tokenizer.encode(TEXTS)]
    )


def test_weights_stay_as_they_were_read_whatever_is_written_into_their_file(tmp_path):
    folder = copied(tmp_path)
    _, intact = read_model(miniature.folder("miniature-llama"), "causal")
    _, module = read_model(folder, "causal")
    file = folder / "model.safetensors"
    with file.open("r+b") as weights:  # as `cp` does, the file stays the same one
        weights.seek(file.stat().st_size // 2)
        weights.write(bytes(file.stat().st_size // 2))
    for (name, now), (_, before) in zip(
        module.state_dict().items(), intact.state_dict().items(), strict=True
    ):
        assert torch.equal(now, before), name


def test_a_model_whose_padding_is_minus_one_has_none_and_is_measured_as_before(model, tmp_path):
    folder = Path(shutil.copytree(model.path, tmp_path / "model"))
    written = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(written | {"pad_token_id": -1}))
    without = LanguageModel(folder, model.family)
    refuse_unfit(without.module, model.family)
    assert likelihoods(without) == likelihoods(model)


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        (
            {"num_hidden_layers": 3},
            "must be those that its config.json describes, but 9 are missing",
        ),
        ({"vocab_size": 10}, "of another shape, model.embed_tokens.weight"),
        (
            {"model_type": "nonsense"},
            "knows, but the model_type in its config.json is 'nonsense': give",
        ),
        ({"num_hidden_layers": "two"}, "must hold a model that transformers can load, but"),
        (
            {"quantization_config": {"quant_method": "gptq", "bits": 4}},
            "must hold weights that can be trained, but they are quantised (gptq): give",
        ),
    ],
)
def test_a_folder_whose_parts_do_not_fit_is_refused(broken, sentence, tmp_path):
    folder = copied(tmp_path)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | broken))
    with pytest.raises(ValueError, match=re.escape(sentence)):
        LanguageModel(folder, "causal")


@pytest.mark.parametrize(
    ("name", "value", "is_refused"),
    [
        ("model.norm.weight", float("nan"), True),
        ("model.norm.weight", float("inf"), True),
        ("mask.bias", float("nan"), True),
        ("mask.bias", float("-inf"), False),  # as a mask that is kept as a buffer
    ],
)
def test_a_weight_that_is_no_number_is_refused(name, value, is_refused, tmp_path):
    folder = copied(tmp_path)
    weights = load_file(folder / "model.safetensors") | {"mask.bias": torch.zeros(4)}
    weights[name][1] = value
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    expected = pytest.raises(ValueError, match=f"but 1 of the .* of {re.escape(name)} in model.saf")
    with expected if is_refused else nullcontext():
        refuse_no_numbers(folder)


@pytest.mark.parametrize(
    "name",
    ["model.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json", "vocab.txt"],
)
def test_a_pointer_of_git_lfs_is_named_with_what_fetches_the_file(name, tmp_path):
    folder = copied(tmp_path)
    (folder / name).write_bytes(LFS)
    words = (
        f"{name}: must be the file itself, but is a Git LFS pointer to it: fetch it with `git lfs"
    )
    with pytest.raises(ValueError, match=words):
        read_model(folder, family_in(folder), weightless=True)


def test_a_pointer_that_nothing_reads_is_no_matter(tmp_path):
    folder = copied(tmp_path)
    for name in ("pytorch_model.bin", "other.safetensors"):
        (folder / name).write_bytes(LFS)
    read_model(folder, "causal", weightless=True)


@pytest.mark.parametrize("stray", ["other.safetensors", "model-1.safetensors"])
def test_weights_that_nothing_reads_are_not_judged(stray, tmp_path):
    folder = copied(tmp_path)
    save_file({"a.weight": torch.full((3,), float("nan"))}, folder / stray, {"format": "pt"})
    index = json.dumps({"weight_map": {"a.weight": stray}})
    (folder / "model.safetensors.index.json").write_text(index)
    refuse_no_numbers(folder)
    assert likelihoods(LanguageModel(folder, "causal"))


@pytest.mark.parametrize("file", ["model.safetensors", "tokenizer.json"])
def test_a_file_that_was_cut_short_is_one_sentence_about_its_folder(file, tmp_path):
    folder = copied(tmp_path)
    whole = (folder / file).read_bytes()
    (folder / file).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="must hold a model that transformers can load, but"):
        LanguageModel(folder, "causal")


@pytest.mark.parametrize(("name", "family"), list(miniature.MODELS.items()))
def test_a_model_of_the_other_family_is_one_clear_sentence(name, family):
    other_family = {"causal": "masked", "masked": "causal"}[family]
    with pytest.raises(ValueError, match=f"holds a {family} model: family must be '{family}'"):
        LanguageModel(miniature.folder(name), other_family)


def test_a_folder_without_a_model_is_one_clear_sentence(tmp_path):
    for folder in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(ValueError, match="must be the folder of a model") as caught:
            LanguageModel(folder, "causal")
        assert str(folder) in str(caught.value)
        assert "\n" not in str(caught.value)
    (tmp_path / "config.json").write_text("[1")
    (tmp_path / "model.safetensors").touch()
    with pytest.raises(ValueError, match="must be the folder of a model"):
        LanguageModel(tmp_path, "causal")


def test_code_in_a_models_folder_is_not_run(llama, tmp_path):
    llama.save(tmp_path)
    (tmp_path / "evil.py").write_text(f"open({str(tmp_path / 'made')!r}, 'w')\nclass Model: pass\n")
    config = json.loads((tmp_path / "config.json").read_text())
    config["auto_map"] = {"AutoModelForCausalLM": "evil.Model", "AutoConfig": "evil.Model"}
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert likelihoods(LanguageModel(tmp_path, "causal")) == likelihoods(llama)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    ("config", "family"),
    [
        ({"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2"}, "causal"),
        ({"architectures": ["BertLMHeadModel"], "model_type": "bert"}, "causal"),
        ({"architectures": ["BertForPreTraining"], "model_type": "bert"}, "masked"),
        ({"architectures": ["MPNetModel"], "model_type": "mpnet"}, "masked"),
        ({"model_type": "llama"}, "causal"),
        ({"model_type": "roberta"}, "masked"),
        ({"model_type": "roberta", "is_decoder": True}, "causal"),
    ],
    ids=str,
)
def test_the_family_is_that_of_the_class_that_transformers_loads(config, family, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert family_in(tmp_path) == family


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        (
            {"architectures": ["T5ForConditionalGeneration"], "model_type": "t5"},
            "a T5ForConditionalGeneration, an encoder-decoder: give another model.",
        ),
        (
            {"architectures": ["BartForConditionalGeneration"], "model_type": "bart"},
            "a BartForConditionalGeneration, an encoder-decoder: give another model.",
        ),
        ({"architectures": ["ViTModel"], "model_type": "vit"}, "a ViTModel: give another model."),
        (
            {"architectures": ["New"], "model_type": "new", "auto_map": {"AutoConfig": "new.New"}},
            "'new' and has code of its own, which is never run: give another model.",
        ),
        ({}, "the model_type in its config.json is None: give another model."),
    ],
    ids=str,
)
def test_another_kind_of_model_is_one_clear_sentence(config, sentence, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match=re.escape(sentence)) as caught:
        family_in(tmp_path)
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "family", "is_decoder"),
    [("BertLMHeadModel", "causal", "true"), ("BertForMaskedLM", "masked", "false")],
)
def test_a_bert_that_contradicts_its_family_is_one_clear_sentence(
    kind, family, is_decoder, tmp_path
):
    config = {"architectures": [kind], "model_type": "bert", "is_decoder": family == "masked"}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match=f"must say is_decoder: {is_decoder} for a {family} model"):
        read_model(tmp_path, family)


@pytest.mark.parametrize("written", [None, "[1", "[1]"])
def test_a_folder_of_no_known_family_is_one_clear_sentence(tmp_path, written):
    if written:
        (tmp_path / "config.json").write_text(written)
    with pytest.raises(ValueError, match="must be the folder of a model") as caught:
        family_in(tmp_path)
    assert str(tmp_path) in str(caught.value)


def test_a_model_without_weights_has_its_modules_and_is_looked_through(name, model, edited):
    _, module = read_model(model.path, model.family, weightless=True)
    shapes = {key: weight.shape for key, weight in model.module.named_parameters()}
    assert {key: weight.shape for key, weight in module.named_parameters()} == shapes
    assert {weight.device.type for weight in module.parameters()} == {"meta"}
    folder = edited(name, config={"num_hidden_layers": 3})
    with pytest.raises(ValueError, match="are missing or of another shape"):
        read_model(folder, model.family, weightless=True)


def test_weights_that_lack_a_head_are_one_sentence_with_what_they_have(bert, tmp_path):
    """As a body that was saved alone, or a model with the head of another task."""
    bert.save(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    other = {name.replace("cls.predictions.", "classifier."): w for name, w in weights.items()}
    save_file(other, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(
        ValueError, match=r"cls\.predictions.* the file has others, such as classif"
    ):
        read_model(tmp_path, "masked")


def test_a_model_is_read_in_fp32_with_its_tokenizer(name, model):
    tokenizer, module = read_model(model.path, model.family)
    assert {weight.dtype.is_floating_point for weight in module.parameters()} == {True}
    assert {str(weight.dtype) for weight in module.parameters()} == {"torch.float32"}
    assert len(tokenizer) == model.tokenizer.vocab_size
