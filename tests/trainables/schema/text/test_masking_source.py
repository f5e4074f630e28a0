"""Tests of masking_source.py."""

import random
import string
import time
from pathlib import Path

import pytest

from trainables.schema.text.masking_source import masked_source

SECRET = "S3cr3tValue99"
KEY = "-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (f"+  password: {SECRET}", "+  password: ***"),
        (f'-{{"token": "a {SECRET}", "max_tokens": 3}}', '-{"token": ***, "max_tokens": 3}'),
        (f"+export X_KEY={SECRET}", "+export X_KEY=***"),
        (f" SOME_SERVICE_KEY='{SECRET}'", " SOME_SERVICE_KEY=***"),
        (f"+[db]\n+db.password = {SECRET}\n+x: 1", "+[db]\n+db.password = ***\n+x: 1"),
        (f'+    os.environ.setdefault("HF_TOKEN", "{SECRET}")', '+    os.environ.setdefault("HF_TOKEN", ***)'),
        (f'os.environ["HF_TOKEN"] = "{SECRET}"', 'os.environ["HF_TOKEN"] = ***'),
        (f"curl https://me:{SECRET}@host/x", "curl https://me:***@host/x"),
        (f"# Authorization: Bearer {SECRET}", "# Authorization: ***"),
        (f"+ authorization: Token {SECRET} x", "+ authorization: ***"),
        (f"# Proxy-Authorization: Basic {SECRET}", "# Proxy-Authorization: ***"),
        (f'+curl -H "X-Auth-Token: {SECRET}" https://h', '+curl -H "X-Auth-Token: ***" https://h'),
        (f"+x = 'Cookie: sid={SECRET}; y'", "+x = 'Cookie: ***'"),
        (f"# SSHPASS={SECRET} sshpass -e ssh h", "# SSHPASS=*** sshpass -e ssh h"),
        (f'# mot_de_passe = "{SECRET}"', "# mot_de_passe = ***"),
        (f'+os.environ.setdefault("PGPASSWORD", "{SECRET}")', '+os.environ.setdefault("PGPASSWORD", ***)'),
        (f'+password = os.getenv("PW", "{SECRET}")', "+password = ***, ***)"),
        (f'+token = get(os.getenv("A"), "{SECRET}")', "+token = ***), ***)"),
        (f'+run(["curl", "-u", "me:{SECRET}"])', '+run(["curl", "-u", "me:***"])'),
    ],
)  # fmt: skip
def test_a_secret_of_a_line_of_settings_or_code_is_masked(line, shown):
    assert masked_source(line) == shown


@pytest.mark.parametrize("secret", ["hunter2Xyz9", SECRET])
def test_none_of_the_usual_lines_of_settings_code_and_shells_shows_its_secret(secret):
    lines = (Path(__file__).parent / "lines_with_secrets.txt").read_text().splitlines()
    assert len(lines) > 150
    texts = [line.replace("…", secret) for line in lines]
    assert [text for text in texts if secret in masked_source(f"{text}\n+x = 1\n")] == []


@pytest.mark.parametrize(
    "line",
    [
        "+  tokenizer: x",
        "+num_tokens: 3",
        "+def f(token: str) -> str:",
        "+RESULT_KEY = 'trial'",
        '+    tokens = ["the", "cat"]',
        '+    pad_token = "<pad>"',
        "+    mask_token: str = '[MASK]'",
        "+    key=lambda row: row.token,",
        '+model = "hf-internal-testing/tiny-random-gpt2"',
        "+index 5febe37..2d4fe75 100644",
        "+    token = None",
        "+from a import TokenizerFast2Model3",
        "+class SweepSpecOfTrialNumber12Result:",
        "+    # the password must be a word",
        "+docker run -p 8080:80 host",
        "+mysql --protocol tcp -P 3306",
        "+docker run -u 1000 -p 8080:80 host",
        "+tokens:\n+  - the\n+  - cat",
        "+tokens: [the, cat]",
        "+tokens:\n+  the",
        "+    if token:\n+        return",
        "+    # where a token: begins",
        "+token_ids: [101, 30522]",
        "+def f(token):\n-    return one\n+    return two",
    ],
)
def test_a_line_of_settings_or_code_without_a_secret_stays_as_it_is(line):
    assert masked_source(line) == line


@pytest.mark.parametrize(
    "piece",
    [
        '{"a":"http://x.y/z",',
        "\n",
        "+ ",
        "token",
        '"token',
        "a.b-",
        "\nkeys:\n- a",
        "mysql ",
        "- keys:\n",
        "keys: |\n  ",
        "-----BEGIN PRIVATE KEY-----",
        "machine a login a ",
        "token) or ",
        "token(a) or a ",
        "'token',a)",
    ],
)
def test_a_long_text_takes_no_time_that_grows_with_its_square(piece):
    began = time.process_time()
    masked_source(piece * (300_000 // len(piece)))
    assert time.process_time() - began < 5  # of the CPU, whatever else runs; a square takes minutes


@pytest.mark.parametrize(
    "line",
    [
        f"+glab auth login --hostname h with-token {SECRET}",
        "+some-login me password then S3cr3tValue-of-mine",
        f"+twine upload -u __token__ -p {SECRET}",
        f"+some-tool -u me -p{SECRET} x",
        f"+curl -H 'PRIVATE-TOKEN: {SECRET}' https://h",
        f'+curl --header "PRIVATE-TOKEN: {SECRET}" https://h',
        f"+HF_TOKEN ?= {SECRET}",
        f"+export API_SECRET ?= {SECRET}",
        f"+TOKEN += {SECRET}",
        f'+token ||= "{SECRET}"',
        f"+api_keys:\n+  - {SECRET}\n",
        f"+passwords: {{alice: {SECRET}}}",
        f"+passwords:\n+  alice: first\n+  bob: {SECRET}\n",
        f"+passwords:  # of users\n+  'bob': \"{SECRET}\"\n",
        f'+passwords: {{alice: "x", "bob": "{SECRET}"}}',
        f'+API_KEYS = {{"alice": "{SECRET}"}}',
        f'+token = (\n+    os.environ.get("T")\n+    or "{SECRET}"\n+)',
        f"+rclone config create s3 secret_access_key {SECRET}",
        f"+api_token: str = '{SECRET}'",
        f"+api_token: str | None = '{SECRET}'",
        f'+DEPLOY_KEY = "{SECRET}"',
        f'+headers = {{"Authorization": "Bearer {SECRET}"}}',
        f"+db_pass = '{SECRET}'",
        f"+password_prod = '{SECRET}'",
        f'+TOKEN = """\n+{SECRET}\n+"""',
        f'+token = (\n+    "part"\n+    "{SECRET}"\n+)',
        f'+token = "part" + \n+    "{SECRET}"',
        f"+token: |\n+  part\n+  {SECRET}\n+x: 1",
        f'+requests.get(url, auth=("bob", "{SECRET}"))',
        f'+session = login("bob", "{SECRET}")',
        f'+wandb.login(key="{SECRET}")',
        f'+mlflow_pw = "{SECRET}"',
        f'+    if token == "{SECRET}":',
        f'+headers = {{"X-Api-Token": "{SECRET}"}}',
        f'+credentials = {{"user": "bob", "word": "{SECRET}"}}',
        f'+    "apiKey": "{SECRET}",',
        f"+mysql --password {SECRET} -h host",
        f"+curl -u bob:{SECRET} https://host",
        f"+ENV NEPTUNE_API_TOKEN={SECRET}",
        f"+machine host login bob password {SECRET}",
        f"+hook = 'https://hooks.slack.com/services/T0/B0/{SECRET}'",
        f"+post('https://discord.com/api/webhooks/123/{SECRET}')",
        f"+post('https://ours.webhook.office.com/webhookb2/{SECRET}')",
        f"+https://api.telegram.org/bot{SECRET}/getMe",
        f"+sshpass -p {SECRET} ssh host",
        f"+sshpass -p{SECRET} ssh host",
        f"+sshpass -v -p 'a {SECRET}' ssh host",
        f"+mysql -u bob -p{SECRET} db",
        f"+docker login -u bob -p {SECRET} host",
        f"+redis-cli -h host -a {SECRET} ping",
        f"+ldapsearch -D cn=bob -w {SECRET} -b dc=x",
        f'+tokens: [***, "{SECRET[:10]}"]',
        f'+tokens: ["{SECRET}", "Zk3mQ8vLx2"]',
        f"+tokens: [{SECRET}, Zk3mQ8vLx2]",
        f"+passwords: [first, {SECRET}]",
        f"+passwords:\n+  - first\n+  - {SECRET}\n+x: 1",
        f"+keys:\n+  - password:\n+    - {SECRET}\n",
        f"+keys: |\n+  password: {SECRET}\n",
        f"+keys: |\n+  some\n+  {SECRET}\n",
        f'+keys = """\n+password: {SECRET}\n+"""',
        f"+password:\n+  {SECRET}\n+x: 1",
        f"+password: # of the store\n+  {SECRET}\n+x: 1",
        f"+# AWS_SECRET_ACCESS_KEY:\n+# {SECRET}\n",
        f"+# password: {SECRET}",
        f"+name: x  # password: {SECRET}",
        f"+api_keys: # mine\n+  - {SECRET}\n",
        f"+# api_keys:\n+#   - {SECRET}\n",
        f"+  // password: {SECRET}",
        f"+password: !!str {SECRET}",
        f"+password: &it {SECRET}",
        f"+tokens:\n+  - Zk3mQ8vLx2\n+  - {SECRET}\n",
    ],
)
def test_a_secret_in_code_is_masked(line):
    shown = masked_source(line)
    assert not any(word in shown for word in (SECRET[:10], "Zk3mQ8vLx2", "first"))
    assert "***" in shown


@pytest.mark.parametrize(
    "secret",
    [
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzzzzzzz9",
        "x8Ks92LqPz0aVb7Tn4Wd3RfY",
        "9f86d081884c7d659a2feaa0c55ad015",
        "3f2b8c1e-9d4a-4f6b-8e7c-5a1d2c3b4e5f",
    ],
)
def test_a_word_that_looks_random_is_masked_wherever_it_stands(secret):
    assert masked_source(f'+send("AKIA{"X7" * 8}", "{secret}")') == '+send("***", "***")'


def test_random_words_are_masked_and_those_of_our_own_code_are_not():
    letters = string.ascii_letters + string.digits
    words = ["".join(random.Random(seed).choices(letters, k=32)) for seed in range(200)]
    assert sum(masked_source(word) == word for word in words) <= 2
    code = "".join(path.read_text() for path in Path("sweep").rglob("*.py"))
    assert 0 <= masked_source(code).count("***") - code.count("***") < 50


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("+    return token or 'plain'", "+    return token or ***"),
        ('return os.environ.get("TOKEN") or "plain"', 'return os.environ.get("TOKEN") or ***'),
        ('f(get("TOKEN", "") or "plain", "Bob")', 'f(get("TOKEN", "") or ***, "Bob")'),
        ('get("TOKEN", "plain1") or "plain"', 'get("TOKEN", ***) or ***'),
        ("return self.token() or other or 'plain'", "return self.token() or other or ***"),
        ("return token if token else 'plain'", "return token if token else ***"),
        ("return process.env.TOKEN ?? `plain`;", "return process.env.TOKEN ?? ***;"),
        ("return config['token'] || 'plain';", "return config['token'] || ***;"),
        (
            "+        config.password\n+        or 'plain'\n",
            "+        config.password\n+        or ***\n",
        ),
    ],
)
def test_what_is_taken_where_a_secret_is_empty_is_masked(line, shown):
    assert masked_source(line) == shown


@pytest.mark.parametrize(
    "line",
    [
        "+    return token or other",
        "+    if token or 'a' in names:",
        "+    if 'a' not in token or 'b' not in token:",
        "+    pad = tokenizer.pad_token or '[PAD]'",
        "+    raise ValueError('a token or a password is missing', 'b')",
        "+    return tokens or 'none'",
        "+    # '/etc/passwd' or 'a/b'",
    ],
)
def test_a_condition_on_a_secret_stays_as_it_is(line):
    assert masked_source(line) == line


def test_what_follows_a_secret_stays_as_it_is():
    patch = '+token = "abc"\n+x = "y"\n+"password": "a b",\n+"plain": "c"\n'
    assert masked_source(patch) == '+token = ***\n+x = "y"\n+"password": ***,\n+"plain": "c"\n'


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("db: {user: bob, pwd: hunter2}", "db: {user: bob, pwd: ***}"),
        (
            "login: {user: bob, secret: swordfish, port: 5}",
            "login: {user: bob, secret: ***, port: 5}",
        ),
        ("{pass: hunter2}", "{pass: ***}"),
        ("passphrase: correct horse battery  # mine", "passphrase: ***  # mine"),
        ("passcode: 12345", "passcode: ***"),
        ("- name: DB_PASSWORD\n  value: hunter2\n", "- name: DB_PASSWORD\n  value: ***\n"),
        ("+ - name: API_TOKEN\n+   value: 'a b'", "+ - name: API_TOKEN\n+   value: ***"),
        ('{"name": "DB_PASSWORD", "value": "x"}', '{"name": "DB_PASSWORD", "value": ***}'),
        ("- name: LOG_LEVEL\n  value: debug", "- name: LOG_LEVEL\n  value: debug"),
        ("{token_type_ids: x, num_tokens: y}", "{token_type_ids: x, num_tokens: y}"),
    ],
)
def test_what_settings_write_in_braces_in_pairs_or_in_several_words_is_hidden(text, shown):
    assert masked_source(text) == shown
