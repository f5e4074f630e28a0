"""Every kind of secret that services, commands and files have, and what looks like one and is none."""

import base64
import time

import pytest

from trainables.schema.text.masking import masked
from trainables.schema.text.masking_source import masked_settings, masked_source

PLAIN = "hunter2plain"  # a password that looks like nothing else
RANDOM = "kR7dPz2WqX9mTb4LvY8s"
HEX = "0123456789abcdef0123" * 2
CODED = base64.b64encode(f"bob:{PLAIN}".encode()).decode()
A1 = "a1B2c3D4e5F6g7H8i9J0"
# The text, and what of it must not be shown.
SECRETS = [
    ("wandb login --relogin swordfish17", "swordfish17"),
    *[
        (f"line 3: {secret} is refused", secret)
        for secret in (
            f"ghp_{A1}{A1}", f"gho_{A1}{A1}", f"ghs_{A1}{A1}", f"github_pat_{A1}_{A1}", f"glpat-{A1}",
            f"gldt-{A1}", f"glrt-{A1}", f"xoxb-123456789012-{A1}", f"xoxp-123456789012-{A1}",
            f"xoxe-1-{A1}", f"xapp-1-A0123-{A1}", f"hf_{A1}{A1}", f"api_org_{A1}{A1}", f"sk-{A1}{A1}",
            f"sk-proj-{A1}_-{A1}", f"sk-ant-api03-{A1}_-{A1}", f"AIza{A1}{A1}", f"ya29.a0{A1}",
            f"GOCSPX-{A1}", f"npm_{A1}{A1}", f"pypi-AgEIcHlwaS5vcmc{A1}", f"sk_live_{A1}", f"rk_live_{A1}",
            f"sk_test_{A1}", f"whsec_{A1}", "AKIAABCD1234EFGH5678", "ASIAABCD1234EFGH5678",
            f"dapi{HEX[:32]}", f"123456789:AA{A1}{A1[:13]}", f"dop_v1_{HEX}", f"SG.{A1}.{A1}{A1}",
            f"shpat_{HEX[:32]}", f"r8_{A1}{A1}", f"gsk_{A1}{A1}", f"dckr_pat_{A1}{A1}", f"pul-{HEX}",
            f"hvs.{A1}{A1}", f"wandb_v1_{A1}{A1}", f"lin_api_{A1}{A1}", f"Basic {CODED}", f"Bearer {A1}",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dBjftJeZ4CVPmB92K27u",
        )
    ],
    *[
        (f"{begin}-----BEGIN {kind}-----\n{begin}MIIEabc\n{begin}-----END {kind}-----", "MIIEabc")
        for begin in ("", "+")
        for kind in (
            "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "DSA PRIVATE KEY", "OPENSSH PRIVATE KEY",
            "ENCRYPTED PRIVATE KEY", "PGP PRIVATE KEY BLOCK",
        )
    ],
    ("---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nMIIEabc\n---- END SSH2 ENCRYPTED", "MIIEabc"),
    ("PuTTY-User-Key-File-2: ssh-rsa\nPrivate-Lines: 2\nMIIEabc\nMIIEabd\nx", "MIIEabd"),
    (f"Authorization: Basic {CODED}", CODED),
    (f"+authorization=Basic {CODED}", CODED),
    (f"AccountName=x;AccountKey={RANDOM}==;EndpointSuffix=y", RANDOM),
    (f"SharedAccessKeyName=Root;SharedAccessKey={RANDOM}=", RANDOM),
    (f"SharedAccessSignature sr=x&sig={RANDOM}%3D&se=1", RANDOM),
    (f"https://a.blob.core.windows.net/c?sv=2020&sig={RANDOM}%3D", RANDOM),
    (f"WANDB_API_KEY={HEX}", HEX),
    (f"wandb login {HEX}", HEX),
    (f"# Weights & Biases: {HEX}", HEX),
    (f"+wandb.login('{HEX}')", HEX),
    (f'{{"auths": {{"host": {{"auth": "{CODED}"}}}}}}', CODED),
    (f"//registry.npmjs.org/:_authToken={RANDOM}", RANDOM),
    (f"_auth = {CODED}", CODED),
    (f"machine h login u password {PLAIN}", PLAIN),
    (f"+machine h\n+  login u\n+  password {PLAIN}", PLAIN),
    (f"default login u password {PLAIN}", PLAIN),
    (f"curl -u bob:{PLAIN} http://h", PLAIN),
    (f"curl -ubob:{PLAIN} http://h", PLAIN),
    (f"curl -sSu bob:{PLAIN} http://h", PLAIN),
    (f"curl --user=bob:{PLAIN} http://h", PLAIN),
    (f"curl http://h --proxy-user bob:{PLAIN}", PLAIN),
    (f"localhost:5432:db:bob:{PLAIN}", PLAIN),
    (f"+*:*:*:bob:{PLAIN}", PLAIN),
    (f'requests.get(u, auth=("admin", "{PLAIN}"))', PLAIN),
    (f"HTTPBasicAuth('admin', '{PLAIN}')", PLAIN),
    (f"+smtp.login(\n+    'admin',\n+    '{PLAIN}')", PLAIN),
    (f"credentials = ('admin', '{PLAIN}')", PLAIN),
    (f"password=['{PLAIN}', 'other']", PLAIN),
    (f"sshpass -p {PLAIN} ssh h", PLAIN),
    (f"secret access key {PLAIN}", PLAIN),
    (f"# password {PLAIN}", PLAIN),
    (f"# AWS secret access key: {PLAIN}", PLAIN),
    (f"the password is `{PLAIN}`", PLAIN),
    (f"the api key is {RANDOM}", RANDOM),
    (f"# token {RANDOM}", RANDOM),
    (f"http://h/#access_token={PLAIN}", PLAIN),
    (f"postgresql://h/db?sslmode=require#x={PLAIN}", PLAIN),
    (f"https://h/x#{RANDOM}", RANDOM),
    (f"OPENAI_KEY={PLAIN}", PLAIN),
]  # fmt: skip


@pytest.mark.parametrize(("text", "secret"), SECRETS, ids=[text[:40] for text, _ in SECRETS])
def test_no_kind_of_secret_is_left_in_sentences_settings_or_code(text, secret):
    for hiding in (masked, masked_settings, masked_source):
        assert secret not in hiding(text), hiding
        assert "***" in hiding(text)


@pytest.mark.parametrize(
    "text",
    [
        "commit 5febe37a1b2c3d4e5f60718293a4b5c6d7e8f901 of main",
        "wandb is not used at commit 5febe37a1b2c3d4e5f60718293a4b5c6d7e8f901",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 is its digest",
        "run 3f2b8c1e-9d4a-4f6b-8e7c-5a1d2c3b4e5f failed",
        "docker run -u 1000:1000 image",
        "git push -u origin main:main",
        "rsync -au host:path there",
        "basic information and bearer authentication are words",
        "the token distilgpt2-finetuned is long",
        "the password must be set, passwords are long, the password file is missing",
        "a login and password are needed, machine learning needs a password",
        "default password policy",
        "a password of sha256 or argon2id",
        "token_type_ids = [0, 1], num_tokens: 3, pad_token: <pad>, eos_token_id=2",
        "keyboard, passwordless, author=('A', 'B')",
        "2026-11-28 worker.py:123:root:INFO:text",
        "module:1234:root:WARNING:text",
        "2001:0db8:85a3:0000:0000:8a2e:0370:7334 and 00:11:22:33:44:55",
        "http://127.0.0.1:5000/#/experiments/1/runs/9f86d081884c7d659a2feaa0c55ad015 has it",
        "https://host/page.html#section-2-of-all, see it",
        "api keys are read from the environment",
        "the key objectives.0.name is unknown",
        "-----BEGIN CERTIFICATE-----",
        "mysql -h host -P 3306",
    ],
)
def test_what_looks_like_one_of_these_kinds_stays_as_it_is(text):
    assert masked(text) == text
    assert masked_settings(text) == text


@pytest.mark.parametrize(
    "piece",
    [
        *(
            "mysql",
            "curl -",
            "curl -u a:",
            "machine a login a\n",
            "a:123:b:c:",
            "wandb ",
            "auth=(\n",
        ),
        *("auth('a',", "basic a", "Private-Lines: 1\nabc\n", "docker login ", "http://a/#a=b&"),
        *("secret access key ", "password is ", "token:'", "KEY=", "token=('a',", "password 'a"),
    ],
)
def test_masking_takes_no_time_that_grows_with_the_square(piece):
    began = time.process_time()
    masked_settings(piece * (250_000 // len(piece)))
    assert time.process_time() - began < 3  # of the CPU; a square takes minutes
