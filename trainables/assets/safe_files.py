"""Which files of a model are read, and which could run code and are refused."""

from __future__ import annotations

from pathlib import Path

from trainables.assets.errors import AssetError

# Weights and what belongs to them, at the top of a repository: neither pickles nor code.
SAFE_FILES = ["*.safetensors", "*.json", "*.txt", "*.model", "*.jinja"]
PICKLES = (".bin", ".ckpt", ".pickle", ".pkl", ".pt", ".pth")  # weights that could run code


def refuse_pickles(path: Path) -> Path:
    model = (path / "config.json").is_file() and not any(path.glob("*.safetensors"))
    if model or (path.is_file() and path.suffix in PICKLES):
        raise AssetError(
            f"{path} has no safetensors weights, and pickled ones ({', '.join(PICKLES)}) "
            f"are never loaded because they can run code: give a folder that save_pretrained wrote."
        )
    return path
