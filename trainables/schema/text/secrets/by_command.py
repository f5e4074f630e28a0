"""Leave out of a text what is a secret for what stands before it: a command, a file's words, a user."""

from __future__ import annotations

import re

from trainables.schema.text.addresses import HIDDEN
from trainables.schema.text.secrets.names import SECRET_NAME

GAP = r"[ \t\r\n+]{1,20}"  # between words of .netrc, in one line or in several of a patch
OF_LOGIN = rf"(?:(?:login|account){GAP}\S{{1,100}}{GAP})"
MACHINE = rf"machine{GAP}\S{{1,200}}{GAP}"
QUOTED = r"(?:\"[^\"\n]{0,4000}\"|'[^'\n]{0,4000}')"
# A user and a password in brackets, up to the latter.
PAIR = (
    r"[a-z_]{0,20}[\"']?[ \t]{0,9}[=:]?[ \t]{0,9}[(\[]"
    rf"[\s+]{{0,40}}[bru]?{QUOTED}\s{{0,9}},[\s+]{{0,40}}[bru]?"
)
# Both in base64, as Docker and npm keep them.
CODED = r"(?=[\w+/-]{0,200}?(?:\d|=|(?-i:[a-z][A-Z])))[\w+/-]{8,}=*"
# `name: DB_PASSWORD` and `value: x` below or behind it, as of Kubernetes, Docker and Terraform.
NAMED_SECRET = (
    rf"\b(?:name|key|id)[\"']?\s?[:=]\s?[\"']?[\w.-]{{0,80}}{SECRET_NAME}[\"']?"
    r"[ \t]{0,9},?\s{0,9}[\r\n+-]?[\s,#]{0,80}[\"']?value[\"']?\s?[:=]\s?"
)
WORD = r"[^\s\"'<>)]+"
TO_OPTION = r"\b(?:[ \t][^\n|;&]{0,200}?)??[ \t]"  # of a command
TO_P = rf"{TO_OPTION}(?-i:-p)[ \t=]?"
ARGUMENT = r"""(?:"[^"\n]*"|'[^'\n]*'|[^\s"'<>)-][^\s"'<>)]*)"""
NO_COMMIT = r"\b(?:(?!commit|revision|digest|sha)[^\n]){0,40}?\b"
# A mark without which, in small letters, a text has no such secret; what stands before it; itself.
KINDS = (
    # Addresses to which all who know them may write.
    ("://hooks.", r"https?://hooks\.[^\s/]{1,200}/", WORD),
    ("webhook", r"https?://[^\s/]{1,200}/\S{0,200}?webhooks?\w{0,9}/", WORD),
    ("/services/", r"https?://[^\s/]{1,200}/\S{0,200}?services/", WORD),
    ("api.telegram.org/bot", r"api\.telegram\.org/bot", WORD),
    # A word that is piped, or given to SQL.
    (
        "echo",
        r"\becho[ \t]+(?:-n[ \t]+)?"
        r"(?=[^\n|]{1,200}\|[^\n]{0,200}(?:password-stdin|\bsudo\b|\bkinit\b))",
        ARGUMENT,
    ),
    ("<<<", r"\b(?:sudo|kinit|su|passwd|cryptsetup)\b[^\n]{0,100}<<<[ \t]*", ARGUMENT),
    ("identified", r"\bidentified[ \t]+(?:with[ \t]+\S+[ \t]+)?(?:by|as)[ \t]+", QUOTED),
    ("password", r"\bpassword[ \t]+(?:for[ \t]+\S{1,100}[ \t]*=[ \t]*)?", r"'[^'\n]{1,4000}'"),
    # A user of curl; two numbers are a user and a group of another command.
    ("-u", r"\s-u[ =][\"']?(?!\d+:\d+\b)[^\s:/]{1,100}:", WORD),
    ("-u", r"[\"'](?:-u|--user)[\"'],\s?[\"'][^\s:\"']{1,100}:", WORD),
    ("-user", r"--(?:proxy-)?user[ =][\"']?(?!\d+:\d+\b)[^\s:/]{1,100}:", WORD),
    ("curl", r"\bcurl\b[^\n|;]{0,200}?\s-[a-z]{0,8}u ?[\"']?[^\s:/]{1,100}:", WORD),
    # Words of .netrc.
    ("machine", rf"\b{MACHINE}{OF_LOGIN}{{1,2}}password{GAP}", WORD),
    ("machine", rf"^[+ -]?[ \t]{{0,20}}{MACHINE}password{GAP}", WORD),
    ("default", rf"^[+ -]?[ \t]{{0,20}}default{GAP}{OF_LOGIN}{{1,2}}password{GAP}", WORD),
    # Lines of .pgpass: host:port:database:user:, but no address of IPv6 and no line of a log.
    (
        ":",
        r"(?<![\w:/.*\\-])(?=[\w.*-]{1,100}(?<!\.py):(?:\d{3,5}|\*):)[\w.*-]{1,100}:[\d*]{1,5}:"
        r"(?![0-9a-f]{0,4}:[0-9a-f]{0,4}:)[\w.*-]{1,64}:"
        r"(?!(?:debug|info|warning|error|critical):)[\w.*@-]{1,64}:",
        r"[^\s:]\S*",
    ),
    # Keys of Weights & Biases look like commits.
    ("wandb", rf"\bwandb{NO_COMMIT}", r"[0-9a-f]{40}\b"),
    ("& biases", rf"& biases{NO_COMMIT}", r"[0-9a-f]{40}\b"),
    ("and biases", rf"and biases{NO_COMMIT}", r"[0-9a-f]{40}\b"),
    ("value", NAMED_SECRET, rf"(?!\s)(?:{QUOTED}|[^\n#,}}]{{1,4000}})"),
    ("auth", rf"auth(?!ors?\b){PAIR}", QUOTED),
    ("login", rf"login{PAIR}", QUOTED),
    ("log_in", rf"log_in{PAIR}", QUOTED),
    ("cred", rf"cred{PAIR}", QUOTED),
    ("auth", r"[\"']auth[\"']\s{0,9}:\s{0,9}[\"']", CODED),
    ("_auth", r"(?<![\w.-])_auth\s?[=:]\s?[\"']?", CODED),
    # Commands with an option of one letter that takes a password.
    ("sshpass", rf"\bsshpass{TO_P}", ARGUMENT),
    # Of any other command, a user and a password; numbers are ports.
    ("-u", r"\s(?-i:-u)[ =]?[^\s-]\S{0,100}[ \t]+(?-i:-p)[ =]?(?!\d+(?::\d+)*(?!\S))", ARGUMENT),
    ("zip", rf"\b(?:un)?zip{TO_OPTION}(?-i:-P)[ \t]?", ARGUMENT),
    ("7z", r"\b7za?[ \t](?:[^\n|;&]{0,200}?[ \t])?(?-i:-p)(?=\S)", ARGUMENT),
    ("openssl", r"\bopenssl[^\n|;&]{0,200}?(?:[ \t](?-i:-k)[ \t]|\bpass:)", ARGUMENT),
    ("ssh-keygen", rf"\bssh-keygen{TO_OPTION}(?-i:-[NP])[ \t]?", ARGUMENT),
    ("http", r"\bhttps?[ \t](?:[^\n|;&]{0,100}?[ \t])?(?:(?-i:-a)|--auth)[ =][^\s:/]{1,100}:", WORD),
    ("smbclient", r"\bsmbclient\b[^\n|;&]{0,200}?-U[ =]?[^\s%]{1,100}%", WORD),
    ("http-basic", r"\bhttp-basic\.\S{1,100}[ \t]+\S{1,100}[ \t]+", ARGUMENT),
    ("_authtoken", r"_authToken[ \t]+", ARGUMENT),
    ("vault", r"\bvault[ \t]+login[ \t]+(?:-\S+[ \t]+){0,3}(?:token=)?(?!-)", ARGUMENT),
    (
        "/user:",
        r"\bnet[ \t]+use[ \t]+(?:\S{1,200}[ \t]+){1,2}(?=\S{1,200}[ \t]+/user:)",
        r"[^\s/]\S*",
    ),
    # Calls that take a key or a password by its place.
    (
        "connect",
        rf"\bconnect(?:ion)?\((?:[^\n\"'()]{{0,100}}{QUOTED})?[^\n\"'()]{{0,100}}{QUOTED},\s?",
        QUOTED,
    ),
    ("(", r"\b(?:Fernet|hmac\.new|Bot|jwt\.(?:en|de)code)\([^\n\"')]{0,100}", QUOTED),
    ("minio", rf"\bMinio\((?:[^\n\"'()]{{0,40}}{QUOTED},\s?){{2}}", QUOTED),
    ("mysql", rf"\bmysql\w{{0,20}}{TO_P}", ARGUMENT),
    ("mariadb", rf"\bmariadb[\w-]{{0,20}}{TO_P}", ARGUMENT),
    ("mongo", rf"\bmongo\w{{0,20}}{TO_P}", ARGUMENT),
    ("login", rf"\b(?:docker|podman|helm|az)[ \t][\w \t]{{0,20}}login{TO_P}", ARGUMENT),
    ("wandb", r"\bwandb[ \t]+login[ \t]+(?:--?[\w-]{1,20}[ \t]+){0,3}", r"(?!-)[\w-]{8,}"),
    ("redis-cli", rf"\bredis-cli{TO_OPTION}(?-i:-a)[ \t=]?", ARGUMENT),
    ("ldap", rf"\bldap[a-z]{{3,9}}{TO_OPTION}(?-i:-w)[ \t=]?", ARGUMENT),
)  # fmt: skip
PATTERNS = tuple((mark, re.compile(rf"(?im)({before}){secret}")) for mark, before, secret in KINDS)


def without_what_is_beside(text: str) -> str:
    """Return a text with `***` for passwords and keys that are known by what stands before them.

    >>> without_what_is_beside("curl -u me:abc and machine h login me password abc")
    'curl -u me:*** and machine h login me password ***'
    """
    small = text.lower()
    for mark, pattern in PATTERNS:
        if mark in small:
            text = pattern.sub(rf"\g<1>{HIDDEN}", text)
    return text
