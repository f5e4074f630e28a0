"""Leave out of a text what is a secret for its own shape: private keys, and those of services."""

from __future__ import annotations

import re

from trainables.schema.text.addresses import HIDDEN
from trainables.schema.text.secrets.names import OF_HEADER

# As services give them out, and as GitHub's and Hugging Face's scanners know them. By a mark without
# which, in small letters, a text has none: to look for the mark takes a tenth of the time.
SHAPES = {
    "hf_": r"hf_[A-Za-z0-9]{20,}", "api_org_": r"api_org_[A-Za-z0-9]{30,}",
    "akia": r"AKIA[0-9A-Z]{16}", "asia": r"ASIA[0-9A-Z]{16}",
    "gh": r"gh[pousr]_[A-Za-z0-9]{20,}", "github_pat_": r"github_pat_\w{20,}",
    "gl": r"gl[a-z]{2,5}-[A-Za-z0-9][\w-]{15,}", "sk-": r"sk-[\w-]{20,}",
    "k_live_": r"[rs]k_live_[A-Za-z0-9]{10,}", "k_test_": r"[rs]k_test_[A-Za-z0-9]{10,}",
    "whsec_": r"whsec_[A-Za-z0-9+/]{20,}=*", "xox": r"xox[a-z](?:\.xox[a-z])?-[\w-]{10,}",
    "xapp-": r"xapp-\d-[\w-]{10,}", "aiza": r"AIza[\w-]{30,}", "ya29.": r"ya29\.[\w-]{20,}",
    "gocspx-": r"GOCSPX-[\w-]{20,}", "npm_": r"npm_[A-Za-z0-9]{30,}", "pypi-": r"pypi-Ag[\w-]{16,}",
    "dckr_": r"dckr_[po]at_[\w-]{20,}", "eyj": r"eyJ[\w-]{10,500}\.[\w-]{10,}\.[\w-]{10,}",
    "dapi": r"dapi[0-9a-f]{32}", ":aa": r"\d{8,10}:AA[\w-]{33}", "_v1_": r"do[oprt]_v1_[0-9a-f]{40,}",
    "sg.": r"SG\.[\w-]{16,}\.[\w-]{16,}", "shp": r"shp[a-z]{2}_[0-9a-fA-F]{32}",
    "r8_": r"r8_[A-Za-z0-9]{30,}", "gsk_": r"gsk_[A-Za-z0-9]{30,}", "nvapi-": r"nvapi-[\w-]{40,}",
    "glsa_": r"glsa_[A-Za-z0-9]{32}_\w{8}", "sntry": r"sntry[su]_[\w+/=-]{30,}",
    "hv": r"hv[sbr]\.[\w-]{20,}", "age-secret-key-1": r"AGE-SECRET-KEY-1[0-9A-Z]{50,}",
    "pul-": r"pul-[0-9a-f]{40}", "lin_api_": r"lin_api_[A-Za-z0-9]{30,}",
    "ntn_": r"ntn_[A-Za-z0-9]{30,}", "wandb_v": r"wandb_v\d_\w{40,}",
    # Few words of prose hold a digit, or a capital behind a small letter.
    **{
        word: rf"(?i:{word}) +(?=[\w.~+/-]{{0,200}}?(?:\d|=|[a-z][A-Z]))[\w.~+/-]{{8,}}=*"
        for word in ("bearer", "basic")
    },
}  # fmt: skip
# Also behind the end of a line within a repr.
KNOWN = {mark: re.compile(rf"(?:\b|(?<=\\[nrt])){shape}") for mark, shape in SHAPES.items()}
PRIVATE = r"[A-Z0-9 ]{0,60}PRIVATE KEY(?: BLOCK)? ?-{4,5}"
PRIVATE_KEY = re.compile(
    rf"-{{4,5}} ?BEGIN {PRIVATE}.*?(?:-{{4,5}} ?END {PRIVATE}|\Z)|"
    r"(?<=Private-Lines: )\d{1,4}\r?\n(?:[+ -]?[A-Za-z0-9/=][A-Za-z0-9+/=]*(?:\r?\n|\Z)){1,400}",
    re.DOTALL,
)
# A header of a request; its value may have several words.
HEADER = re.compile(
    rf"(?i)(?<![\w-])({OF_HEADER})"
    r"([ \t]*:[ \t]*)[^\s\"'`][^\"'`\n]*"
)
# As long as the secret of a key of AWS, which has no sign of its own; a commit has small letters alone.
AWS_SECRET = re.compile(
    r"(?:(?<![\w/+=\\-])|(?<=\\[nrt]))(?![0-9a-f]{40})[A-Za-z0-9/+]{40}(?![\w/+=-])"
)
# A change of the kind of letter, but for the begin of a word, as of SweepSpec.
TURN = re.compile(r"(?<=[a-z])[A-Z]|(?<=[A-Z]{2})[a-z]|(?<=[A-Za-z])\d|(?<=\d)[A-Za-z]")
MIN_TURNS = 0.25  # a letter; a third to a half of random ones, and less than a fifth of words


def without_shapes(text: str) -> str:
    """Return a text with `***` for what is a secret wherever it stands.

    >>> without_shapes("xoxb-1234567890-abc is refused")
    '*** is refused'
    """
    small = text.lower()
    text = AWS_SECRET.sub(lambda word: HIDDEN if looks_random(word[0]) else word[0], text)
    for mark, shape in KNOWN.items():
        if mark in small:
            text = shape.sub(HIDDEN, text)
    return text


def without_private_keys(text: str) -> str:
    """Return a text with `***` for its private keys, from their first to their last line.

    >>> without_private_keys("a -----BEGIN PRIVATE KEY-----abc-----END PRIVATE KEY----- b")
    'a *** b'
    """
    return PRIVATE_KEY.sub(HIDDEN, text) if "private" in text.lower() else text


def without_headers(text: str) -> str:
    """Return a text with `***` for the values of headers by which requests log in.

    >>> without_headers("Authorization: Token abc")
    'Authorization: ***'
    """
    return HEADER.sub(rf"\g<1>\g<2>{HIDDEN}", text)


def looks_random(word: str) -> bool:
    """Return whether small and large letters and digits take turns in a word.

    >>> looks_random("kR7dPz2WqX9mTb4LvY8s"), looks_random("data/Training2/Final")
    (True, False)
    """
    turns = [] if word.isalpha() else TURN.findall(word)
    return len(turns) >= 4 and len(turns) / len(word) >= MIN_TURNS
