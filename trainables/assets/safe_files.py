"""The files of a model that are safe to read; pickled ones and pointers to files are refused."""

from __future__ import annotations

from pathlib import Path

from trainables.assets.errors import AssetError

# Weights, configs and tokenizers at the top of a repository: neither pickles nor code.
SAFE_FILES = ["*.safetensors", "*.json", "*.txt", "*.model", "*.jinja"]
# How a pointer of Git LFS begins, which a clone has in place of a large file that was not fetched.
POINTER = b"version https://git-lfs.github.com/spec/"
PICKLES = (".bin", ".ckpt", ".pickle", ".pkl", ".pt", ".pth")  # loading these can run code


def refuse_pickles(path: Path) -> Path:
    """Return the path of a file or folder unchanged, unless it has no weights that are safe to load.

    Raises:
        AssetError: it is a model's folder without safetensors, or a pickled file.
    """
    lacks_safetensors = (path / "config.json").is_file() and not any(path.glob("*.safetensors"))
    files = [path] if path.is_file() else path.glob("*") if lacks_safetensors else []
    has_pickles = any(file.suffix in PICKLES for file in files)
    if lacks_safetensors and not has_pickles:
        raise AssetError(
            f"{path} must have its weights beside its config.json, in files named *.safetensors, but "
            f"has none: give a folder that save_pretrained wrote."
        )
    if has_pickles:
        raise AssetError(
            f"{path} has no safetensors weights, and pickled ones ({', '.join(PICKLES)}) "
            f"are never loaded because they can run code: give a folder that save_pretrained wrote."
        )
    return path


def refuse_pointer(file: Path, name: object) -> None:
    """Refuse a file that only says where its contents are.

    name: of the file, for the sentence.

    Raises:
        ValueError: it is a pointer of Git LFS.
        OSError: it cannot be read.
    """
    with file.open("rb") as stream:
        if stream.read(len(POINTER)) == POINTER:
            raise ValueError(
                f"{name}: must be the file itself, but is a Git LFS pointer to it: fetch it with "
                f"`git lfs pull`."
            )
