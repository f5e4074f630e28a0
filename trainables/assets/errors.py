"""The errors that are raised when weights or data cannot be fetched."""

from __future__ import annotations


class Unavailable(Exception):
    """One source of an asset cannot give it; the message is the reason, for use in an AssetError."""


class AssetError(RuntimeError):
    """An asset cannot be had; the message has its name, each source tried, the reason, and a remedy."""
