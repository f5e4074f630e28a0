"""No secret is left in a text, and what is none stays as it is."""

import time

import pytest

from trainables.schema.text.masking import masked

SECRET = "S3cr3tValue99"


@pytest.mark.parametrize(
    "text",
    [
        f"postgresql://me:{SECRET}@host/db",
        f"postgres://me:{SECRET}@host/db is no known scheme",
        f"postgres://me:a/{SECRET}@b@host/db",
        f"mysql+pymysql://me:{SECRET}@[::1]:3306/db?charset=utf8",
        f"postgresql://me:two words {SECRET}@host/db is away",
        f"redis://:{SECRET}@host",
        f"https://{SECRET}@github.com/a/b",
        f"http://host/?token={SECRET}",
        f"http://host/?x=1&access_token={SECRET}&y=2",
        f"postgresql://host/db?password={SECRET}&sslmode=require",
        f"host=x user=me password={SECRET} dbname=y",
        f"AWS_SECRET_ACCESS_KEY={SECRET}",
        f"api_key = '{SECRET}'",
        f"https://bucket/x?X-Amz-Signature={SECRET}",
        f'"hub_token" = "{SECRET}"',
        f"postgres:/me:{SECRET}@host/db",
        f"postgres//me:{SECRET}@host/db",
        f"me:{SECRET}@host/db",
        f"sqlite3://me:{SECRET}@host/db",
        f"1postgres://me:{SECRET}@host/db",
        f"sqlite+pysqlcipher://:{SECRET}@/x.db",
        f"http://host/?key={SECRET}",
        f"http://host/?x=1&pass={SECRET}",
        f"http://host/a?t={SECRET}",
        f"http://host/a?x=1&code={SECRET}",
        f"http://host/?token=ab;{SECRET}",
        f"postgresql://host/db?user=me&password=ab,{SECRET}",
        f'connect(host, password="correct horse {SECRET}")',
        f"db_pass={SECRET}",
        f"http://host/a;jsessionid={SECRET}",
        f"Authorization: Bearer {SECRET}",
        f"Authorization: Token {SECRET}",
        f"got 401 with X-Auth-Token: {SECRET}",
        f"mssql+pyodbc:///?odbc_connect=DRIVER%3D%7BX%7D%3BUID%3Dme%3BPWD%3D{SECRET}",
        f"https://h/?p={SECRET}",
        f"http://h/?tok%65n={SECRET}",
        f"postgresql://host/db?password=SEC&{SECRET}",
        f"postgresql://me:a/b {SECRET}@host",
        f"postgresql://me:{'x' * 2400}{SECRET}@host/db",
        f"{{'user': 'me', 'password': '{SECRET}'}}",
        f'{{"token": "{SECRET}"}}',
        f"password: {SECRET}",
        f"token: '{SECRET}'",
        f"x-api-key: {SECRET}",
        f"mlflow server --password {SECRET}",
    ],
)
def test_a_secret_of_an_address_or_a_key_is_masked(text):
    assert SECRET not in masked(text)
    assert "***" in masked(text)


@pytest.mark.parametrize(
    "secret",
    [
        "hf_" + "aB3" * 10,
        "AKIA" + "ABCD1234EFGH5678",
        "ghp_" + "a1B2" * 9,
        "sk-" + "proj" * 8,
        "xoxb-1234567890-abcdefghij",
        "AIza" + "Sy0a1" * 7,
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dBjftJeZ4CVPmB92K27u",
        "kR7dPz2WqX9mTb4LvY8s" * 2,
    ],
)
def test_a_key_of_a_known_shape_is_masked_wherever_it_stands(secret):
    assert masked(f"line 3: {secret} is refused") == "line 3: *** is refused"
    assert masked(repr(f"line 3:\n{secret}\nis refused")) == r"'line 3:\n***\nis refused'"


@pytest.mark.parametrize(
    "piece",
    [
        "mysql",
        "a:",
        "eyJ-",
        "token",
        "a.b-",
        "postgres://a:",
        "-----BEGIN A ",
        "@" + "a:" * 2490 + " ",
        "a:" * 2490 + "@ ",
        "a://b:c@",
    ],
    ids=lambda piece: piece[:13],
)
def test_masking_a_long_text_takes_no_time_that_grows_with_its_square(piece):
    began = time.process_time()
    masked(piece * (240_000 // len(piece)))
    assert time.process_time() - began < 2  # of the CPU, whatever else runs; a square takes minutes


def test_a_long_word_with_an_at_is_masked_as_a_whole():
    assert masked(f"a {'x' * 6000}@h b") == "a *** b"


def test_a_private_key_is_masked_to_its_end():
    key = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc\n-----END RSA PRIVATE KEY-----"
    assert masked(f"a\n{key}\nb") == "a\n***\nb"
    assert masked(key.rpartition("\n")[0]) == "***"


@pytest.mark.parametrize(
    "text",
    [
        "sqlite:////home/me@work/mlflow.db",
        "http://127.0.0.1:5000 is down, ask me@host",
        "postgresql://host:5432 is down, ask me@host",
        "pad_token = '<pad>', token=None",
        "max_tokens=128, num_tokens=7",
        "file:///a@b/c",
        "mailto:some.body@host.org",
        "postgresql://me@host/db and mysql+pymysql://me@host:3306/db",
        "tokenizer.json must be a file",
        "train.lr must be at least 0, but got -1.",
        "evaluators.0.name = kl",
    ],
)
def test_what_is_no_secret_stays_as_it_is(text):
    assert masked(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("sqlite:///x.db?auth=abc: the file", "sqlite:///x.db?auth=***: the file"),
        ("password=a.b:c, and more", "password=***, and more"),
        ("(see http://host/?token=abc).", "(see http://host/?token=***)."),
        ("token=abc;", "token=***;"),
        ("token=::: x", "token=*** x"),
        ("token=abc.&x=1", "token=***.&x=1"),
    ],
)
def test_signs_that_end_a_clause_are_no_part_of_a_secret(text, shown):
    assert masked(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "a postgresql storage must be, but got '/etc/passwd': take it out",
        "passwd:12: trial.lr must be above 0",
        "0123456789abcdef0123456789abcdef01234567 is a commit",
        "/home/User/Projects/Equipoise/data/Texts1 is no file",
    ],
)
def test_a_sentence_without_a_secret_stays_as_it_is(text):
    assert masked(text) == text


@pytest.mark.parametrize("scheme", ["http", "ray", "s3", "redis", "postgresql"])
def test_a_password_with_a_blank_is_masked_in_an_address_of_any_scheme(scheme):
    assert masked(f"got {scheme}://bob:CAN ARY77x@h:1/x.") == f"got {scheme}://bob:***@h:1/x."
    for text in (f"see {scheme}://h:5000 and mail me@h", f"{scheme}://h: the user me@x"):
        assert masked(text) == text
