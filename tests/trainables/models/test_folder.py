"""What is read from the folder of a model, and which folders are refused."""

import json
import re
import shutil
from pathlib import Path

import pytest

from trainables.models import miniature
from trainables.models.folder import family_in, linear_in, read_architecture, read_model
from trainables.models.language_model import LanguageModel
from trainables.scoring.likelihood import log_probs, queries_of

TEXTS = ["the nurse said that she was tired", "the wolf eats deer"]


def copied(tmp_path):
    return Path(shutil.copytree(miniature.folder("miniature-llama"), tmp_path / "model"))


def likelihoods(model):
    return log_probs(
        model, [queries_of(model.tokenizer, ids) for ids in model.tokenizer.encode(TEXTS)]
    )


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (
            {"num_hidden_layers": 3},
            "must be those that its config.json describes, but 9 are missing",
        ),
        ({"vocab_size": 10}, "of another shape, model.embed_tokens.weight"),
        ({"model_type": "nonsense"}, "must hold a model that transformers can load, but"),
    ],
)
def test_a_folder_whose_parts_do_not_fit_is_refused(broken, said, tmp_path):
    folder = copied(tmp_path)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | broken))
    with pytest.raises(ValueError, match=re.escape(said)):
        LanguageModel(folder, "causal")


@pytest.mark.parametrize("file", ["model.safetensors", "tokenizer.json"])
def test_a_file_that_was_cut_short_is_one_sentence_about_its_folder(file, tmp_path):
    folder = copied(tmp_path)
    whole = (folder / file).read_bytes()
    (folder / file).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="must hold a model that transformers can load, but"):
        LanguageModel(folder, "causal")


@pytest.mark.parametrize(("name", "family"), list(miniature.MODELS.items()))
def test_a_model_of_the_other_family_is_one_clear_sentence(name, family):
    other = {"causal": "masked", "masked": "causal"}[family]
    with pytest.raises(ValueError, match=f"holds a {family} model: family must be '{family}'"):
        LanguageModel(miniature.folder(name), other)


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


def test_an_architecture_that_tells_no_family_has_none(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"architectures": ["GPT2LMHeadModel"]}))
    assert family_in(tmp_path) is None


@pytest.mark.parametrize("written", [None, "[1", "[1]"])
def test_a_folder_of_no_known_family_is_one_clear_sentence(tmp_path, written):
    if written:
        (tmp_path / "config.json").write_text(written)
    with pytest.raises(ValueError, match="must be the folder of a model") as caught:
        family_in(tmp_path)
    assert str(tmp_path) in str(caught.value)


def test_an_architecture_has_the_modules_of_the_model_and_no_weights(name, model):
    module = read_architecture(miniature.folder(name))
    shapes = {key: weight.shape for key, weight in model.module.named_parameters()}
    assert {key: weight.shape for key, weight in module.named_parameters()} == shapes
    assert {weight.device.type for weight in module.parameters()} == {"meta"}
    assert linear_in(module) == model.linear_modules


def test_the_vocabulary_head_is_no_linear_module_of_a_llama(llama):
    names = linear_in(llama.module)
    assert len(names) == 7 * 2, "four of attention and three of the MLP, in two blocks"
    assert "lm_head" not in names


def test_a_model_is_read_in_fp32_with_its_tokenizer(name, model):
    tokenizer, module = read_model(model.path, model.family)
    assert {weight.dtype.is_floating_point for weight in module.parameters()} == {True}
    assert {str(weight.dtype) for weight in module.parameters()} == {"torch.float32"}
    assert len(tokenizer) == model.tokenizer.vocab_size
