"""Why an asset cannot be had."""

from __future__ import annotations


class Unavailable(Exception):
    """One source cannot give an asset; the text says why, to become a part of an AssetError."""


class AssetError(RuntimeError):
    """An asset cannot be had: which, where it was looked for, why that failed, what would help."""
