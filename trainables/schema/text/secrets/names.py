"""Names that tell of a secret: of settings, options, variables and arguments. All words are here."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise

# Words that tell of a secret in any text, in small letters; what is glued before them may be anything.
PLAIN_WORDS = (
    "token secret secrets password passwords passwd passphrase passcode pwd credential credentials "
    "creds signature sig bearer apikey passe passwort kennwort contrasena senha"
).split()
# Words that do so at the end of a longer name, as in db_pass, and wherever they stand in code.
SHORT_WORDS = "pass pw pat dsn sas".split()
# Words that do so in code and settings alone: elsewhere, other values follow them.
CODE_WORDS = "auth authorization authenticate login webhook".split()
SECRET_WORDS = frozenset([*PLAIN_WORDS, *SHORT_WORDS, *CODE_WORDS])
# Words before `key` that make it one; `key` alone, and plurals, tell of a secret by its look.
KINDS_OF_KEYS = (
    "api access account private shared secret auth encryption session master signing client license "
    "service deploy storage subscription ssh"
).split()
# Words that end so are glued together, as PGPASSWORD and SECRETKEY; but for some that only sound so.
SECRET_ENDS = ("password", "passwd", "pass", "secret", *(f"{kind}key" for kind in KINDS_OF_KEYS))
NO_PASSWORDS = frozenset("askpass bypass compass encompass surpass trespass".split())
DOUBTFUL_WORDS = frozenset("tokens key keys cookie session".split())
# `token` behind the first, or before the second, is a piece of a text for a language model.
MARKS = "pad eos bos unk sep cls mask special per".split()
OF_TOKENS = (
    "type id ids index count counts num fraction embed embedding embeddings classification length "
    "limit dropout"
).split()
# A variable whose name ends so says something about a secret, or where it is, as AUTH_MODE does.
ABOUT = frozenset(
    "mode type version scheme method timeout ttl limit size check user username name host port url uri "
    "path file dir directory folder cache sock socket scope map".split()
)
# Folders in which the shell is and was, and who is logged in: no passwords.
OF_SHELLS = ("PWD", "OLDPWD", "LOGIN")

KEY = rf"(?:{'|'.join(KINDS_OF_KEYS)})[_.-]?keys?(?:[_.-]?id)?"
OTHERS = "|".join(word for word in PLAIN_WORDS if word != "token")
# A whole word alone is a mark: `developer_token` is a secret.
NO_MARK = "".join(rf"(?<!\A{mark}[_.-])(?<![^a-z]{mark}[_.-])" for mark in MARKS)
# The end of a name that tells of a secret in any text.
SECRET_NAME = (
    rf"(?:{NO_MARK}token|{OTHERS}|(?:secret|password|passwd)[_.-]\w{{1,20}}|"
    rf"(?<=[_.-])(?:{'|'.join(SHORT_WORDS)})|j?session_?id|{KEY})"
)
# What such an end begins with: most places of a text are passed over so.
FIRST = "".join(
    sorted({word[0] for word in [*PLAIN_WORDS, *SHORT_WORDS, *KINDS_OF_KEYS, "j", "k"]})
)
# The end of a variable's name that does so.
OF_VARIABLE = rf"(?:{SECRET_NAME}|_key|secret_\w+|connection_string|webhook(?:_url)?)"
NAMED_SO = re.compile(rf"(?i).*{OF_VARIABLE}$")
# Names in sentences, where a blank may join their words.
KIND = "|".join(KINDS_OF_KEYS)
OF_PROSE = (
    rf"password|passphrase|passwd|pwd|pw|passwort|kennwort|senha|(?:{KIND})[ -](?:(?:{KIND})[ -])?key"
    r"(?:[ -]id)?|(?:access|auth|api|bearer|refresh|personal|service|session)[ -]token"
)
# Those of them that stand before a colon for a value alone.
BEFORE_COLON = r"(?:(?:api|access|secret|private)[_-]key|(?<![\w.-])passw(?:or)?d)"
# The end of a name in large letters, as shells have them.
OF_SHELL = r"(?<=[A-Z0-9])_(?:KEY|CONNECTION_STRING|WEBHOOK(?:_URL)?)"
# Headers of requests.
OF_HEADER = (
    r"(?:proxy-)?authorization|x-[\w-]{0,40}(?:token|key|auth|secret)|(?:set-)?cookie|"
    r"(?:private|job|deploy|access|api|auth|session|client|app|vault|circle|personal)-(?:token|key|secret)"
)
# Where a name may tell of a secret: a sieve for what `kind_of_name` looks at closely.
STEMS = sorted({word[:4] for word in SECRET_WORDS | DOUBTFUL_WORDS})
NAME = re.compile(rf"(?i)(?<![\w.-])[\w.-]{{0,80}}?(?:{'|'.join(STEMS)})[\w.-]{{0,80}}")
WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
MAX_NAME = 200  # characters of the end of a name that are looked at


def is_secret(name: str) -> bool:
    """Return whether a variable, or a key of a mapping, of this name holds a secret.

    >>> is_secret("AWS_ACCESS_KEY_ID"), is_secret("HF_HUB_OFFLINE"), is_secret("AUTH_MODE")
    (True, False, False)
    """
    name = name[-MAX_NAME:]
    if name in OF_SHELLS:
        return False
    if NAMED_SO.match(name):
        return True
    return kind_of_name(name) == "sure" and _words(name)[-1] not in ABOUT


@lru_cache(maxsize=4096)
def kind_of_name(name: str) -> str:
    """Return whether a name in code or settings tells of a secret: `sure`, `doubtful`, or nothing.

    >>> kind_of_name("dbPassword"), kind_of_name("cache_key"), kind_of_name("num_layers")
    ('sure', 'doubtful', '')
    """
    words = _words(name)
    words = [
        word
        for before, word, behind in zip(["", *words], words, [*words[1:], ""], strict=False)
        if word != "token" or not (before in MARKS or behind in OF_TOKENS)
    ]
    if SECRET_WORDS.intersection(words):
        return "sure"
    if any(word.endswith(SECRET_ENDS) and word not in NO_PASSWORDS for word in words):
        return "sure"
    if any(a in KINDS_OF_KEYS and b in ("key", "keys") for a, b in pairwise(words)):
        return "sure"
    return "doubtful" if DOUBTFUL_WORDS.intersection(words) else ""


def _words(name: str) -> list[str]:
    """Return the words of a name, in small letters."""
    return [word.lower() for word in WORD.findall(name)]
