"""The two miniature models, configurations around them, and processes of their own."""

import gc
import json
import os
import shutil
import string
import subprocess
import sys
from functools import cache as cache_calls
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.decoders import WordPiece as WordPieceDecoder
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from transformers import (
    AutoModelForCausalLM,
    AutoModelForMaskedLM,
    AutoTokenizer,
    BertConfig,
    BertForMaskedLM,
    PreTrainedTokenizerFast,
)

from tests.conformance import harness_tasks
from trainables.assets import cache
from trainables.config import TrialConfig
from trainables.models import miniature
from trainables.models.language_model import LanguageModel

ROOT = Path(__file__).parents[2]

torch.set_num_threads(1)  # more are slower on models this small

EVALUATORS = [
    {"name": "stereoset", "data": "miniature", "limit": 30},
    {"name": "perplexity", "data": "miniature", "limit": 20},
    {"name": "multiple_choice", "task": "miniature_facts", "limit": 15},
]


def pytest_collection_finish(session):
    """Pretrain the miniature models before any test's time limit runs; they are cached."""
    if not session.config.option.collectonly:
        fixtures = {name for item in session.items for name in getattr(item, "fixturenames", ())}
        if fixtures & {"llama", "bert", "model", "own_cache", "configure", "main", "process"}:
            for name in miniature.MODELS:
                miniature.folder(name)


@pytest.fixture
def nested():
    """A function that makes so many folders of one name in one another, taken away at the end."""
    tops = []

    def make(folder, name, depth):
        tops.append(folder / name)
        place = folder
        for _ in range(depth):
            place = place / name
            place.mkdir()

    yield make
    subprocess.run(["rm", "-rf", *tops], check=True)  # shutil.rmtree fails at so many


@pytest.fixture(scope="session")
def loaded():
    return {
        name: LanguageModel(miniature.folder(name), family)
        for name, family in miniature.MODELS.items()
    }


@pytest.fixture
def llama(loaded):
    loaded["miniature-llama"].reset("fp32")
    return loaded["miniature-llama"]


@pytest.fixture
def bert(loaded):
    loaded["miniature-bert"].reset("fp32")
    return loaded["miniature-bert"]


@pytest.fixture(params=list(miniature.MODELS))
def name(request):
    return request.param


@pytest.fixture
def model(name, loaded):
    """Return each miniature model in turn, at its base weights in fp32."""
    loaded[name].reset("fp32")
    return loaded[name]


@pytest.fixture(scope="session")
def configure():
    """Return a function that builds a small trial of a miniature model, with changes."""

    def build(name="miniature-llama", *, train=(), **changes):
        tree = {
            "model": {"path": name, "family": miniature.MODELS[name]},
            "alignment": {"data": "miniature", "size": 64},
            "train": {"lr": 1e-3, "steps": 6, "batch_size": 8} | dict(train),
            "evaluators": EVALUATORS,
        }
        return TrialConfig.model_validate(tree | changes)

    return build


@pytest.fixture
def tasks():
    """Tasks of lm-evaluation-harness are found in tests/harness_tasks, too."""
    with harness_tasks():
        yield


class Oracle:
    """A slow reference: the model of a folder through transformers, one sentence and token at a time."""

    def __init__(self, folder, family):
        kind = {"causal": AutoModelForCausalLM, "masked": AutoModelForMaskedLM}[family]
        self.family = family
        self.module = kind.from_pretrained(folder, attn_implementation="eager").eval()
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        bos = self.tokenizer.bos_token
        # SmolLM2's BOS marks the turns of its chat.
        start = "<|endoftext|>" if bos == "<|im_start|>" else bos
        self.start = start and self.tokenizer.convert_tokens_to_ids(start)

    @torch.no_grad()
    def predicted(self, read, place):
        """Return log p of every token of the vocabulary at one place of the ids that are read."""
        return self.module(torch.tensor([read])).logits[0, place].double().log_softmax(-1)

    def at_mask(self, ids, place, masked=()):
        """Return log p of the token at a place, which is masked together with the places `masked`."""
        tokens = self.tokenizer
        read = [tokens.mask_token_id if t in (place, *masked) else ids[t] for t in range(len(ids))]
        read = [tokens.cls_token_id, *read, tokens.sep_token_id]
        return float(self.predicted(read, place + 1)[ids[place]])

    def log_probs(self, ids, prefix=()):
        """Return log p of each token: after those before it (causal), or masked alone (masked)."""
        ids, before = [*prefix, *ids], len(prefix)
        if self.family == "masked":
            return [self.at_mask(ids, t) for t in range(before, len(ids))]
        return [
            float(self.predicted([self.start, *ids[:t]], -1)[ids[t]])
            for t in range(before, len(ids))
        ]

    def log_probs_start_first(self, ids):
        """Return log p of each token as bias-bench reads a text: the first alone after the start."""
        before = [[self.start], *(ids[:t] for t in range(1, len(ids)))]
        return [
            float(self.predicted(read, -1)[token]) for read, token in zip(before, ids, strict=True)
        ]


@pytest.fixture(scope="session")
def oracle():
    """Return a function from a LanguageModel to the Oracle of its folder."""

    @cache_calls
    def of(folder, family):
        return Oracle(folder, family)

    return lambda model: of(model.path, model.family)


@pytest.fixture(scope="session")
def pieces_bert(tmp_path_factory):
    """Return an untrained BERT whose tokenizer cuts words into pieces, with predictions far apart."""
    pieces = list("[PAD] [UNK] [CLS] [SEP] [MASK] the nurse said that was . , '".split())
    pieces += list(string.ascii_lowercase) + [f"##{letter}" for letter in string.ascii_lowercase]
    tokenizer = Tokenizer(
        WordPiece({piece: n for n, piece in enumerate(pieces)}, unk_token="[UNK]")
    )
    tokenizer.normalizer = BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = BertPreTokenizer()
    tokenizer.decoder = WordPieceDecoder()
    special = {
        f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")
    }
    folder = tmp_path_factory.mktemp("pieces-bert")
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(pieces),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=256,
        initializer_range=0.3,
    )
    BertForMaskedLM(config).save_pretrained(folder)
    return LanguageModel(folder, "masked")


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    """Set a cache folder that holds the miniature models alone; return it."""
    folder = tmp_path / "cache"
    for name in miniature.MODELS:
        built = miniature.folder(name)
        shutil.copytree(built, folder / built.relative_to(cache.cache_dir()))
    monkeypatch.setenv("EQUIPOISE_CACHE", str(folder))
    return folder


@pytest.fixture
def edited(tmp_path):
    """Return a function that copies a miniature's folder, with changes to config and weights."""

    def edit(name, *, config=(), noise=0.0, seed=0):
        from safetensors.torch import load_file, save_file

        folder = tmp_path / f"{name}-edited"
        shutil.copytree(miniature.folder(name), folder)
        settings = json.loads((folder / "config.json").read_text()) | dict(config)
        (folder / "config.json").write_text(json.dumps(settings))
        if noise:
            generator = torch.Generator().manual_seed(seed)
            weights = {
                key: value + noise * torch.randn(value.shape, generator=generator)
                for key, value in load_file(folder / "model.safetensors").items()
            }
            save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
        return folder

    return edit


@pytest.fixture
def new_objects():
    """Return a function: name of a class -> its objects made by this test that are still alive."""
    gc.collect()
    gc.freeze()  # what was there before is left out, which saves most of the time

    def alive(name):
        gc.collect()
        return [
            thing
            for thing in gc.get_objects()
            if any(kind.__name__ == name for kind in type(thing).__mro__)
        ]

    yield alive
    gc.unfreeze()


@pytest.fixture(scope="session")
def python():
    """Return a function that runs Python in a process of its own: (exit status, output, errors)."""

    def run(*arguments, cwd=ROOT, **environment):
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        done = subprocess.run(
            [sys.executable, *map(str, arguments)],
            cwd=cwd,
            env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": path} | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        return done.returncode, done.stdout, done.stderr

    return run


@pytest.fixture
def modules_after(python):
    """Return a function: statement -> top-level modules that are loaded after it in a fresh process."""

    def loaded_by(statement):
        status, output, errors = python("-c", f"{statement}\nimport sys; print(*sys.modules)")
        assert status == 0, errors
        return {name.split(".")[0] for name in output.split()}

    return loaded_by
