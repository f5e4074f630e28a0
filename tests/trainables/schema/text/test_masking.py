"""No secret is left in a text, and what is none stays as it is."""

import html
import json
import shlex
import time
from urllib.parse import quote, quote_plus

import pytest

from trainables.schema.text.masking import masked
from trainables.schema.text.secret_names import is_secret

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


def test_the_value_of_a_variable_that_is_named_as_a_secret_is_masked(monkeypatch):
    monkeypatch.setenv("MY_SERVICE_TOKEN", "plainword77")
    monkeypatch.setenv("SHORT_TOKEN", "ab")
    assert masked("got plainword77 and ab") == "got *** and ab"


@pytest.mark.parametrize("value", ["test", "data", "run12", "1234567"])
def test_a_variable_whose_value_is_short_hides_its_assignment_alone(monkeypatch, value):
    monkeypatch.setenv("DB_PASSWORD", value)
    monkeypatch.setenv("OPENAI_KEY", value)
    monkeypatch.setenv("OPTUNA_STORAGE", f"postgresql://me:{value}@host/db")
    assert masked(f"the {value} is there") == f"the {value} is there"
    assert masked(f"DB_PASSWORD={value} is set") == "DB_PASSWORD=*** is set"
    assert masked(f"OPENAI_KEY={value} is set") == "OPENAI_KEY=*** is set"


@pytest.mark.parametrize(
    "value",
    ["plainword77", "hunter2", "swordfish", "correct-horse", "two words of it", "a&b-word-c"],
)
def test_a_variable_whose_value_is_longer_hides_it_everywhere(monkeypatch, value):
    monkeypatch.setenv("DB_PASSWORD", value)
    assert masked(f"the {value} is there") == "the *** is there"


def test_a_word_that_a_variable_hides_stays_within_other_words(monkeypatch):
    monkeypatch.setenv("DB_PASSWORD", "step12")
    monkeypatch.setenv("POSTGRES_PASSWORD", "postgres")
    assert masked("step120 of postgresql") == "step120 of postgresql"


def test_the_password_of_an_address_in_a_variable_is_masked_alone_and_as_addresses_have_it(
    monkeypatch,
):
    monkeypatch.setenv("OPTUNA_STORAGE", "postgresql://me:pl%2Ain-word77@host/db")
    monkeypatch.setenv("MY_TOKEN", "two words&more")
    text = "got pl%2Ain-word77, pl*in-word77, two words&more and two%20words%26more"
    assert masked(text) == "got ***, ***, *** and ***"


@pytest.mark.parametrize(
    "value",
    ["plainword77\n", " plainword77", "\tplainword77\r\n", '"plainword77"', "Bearer plainword77",
     "me:plainword77", "first-part\nplainword77\n"],
)  # fmt: skip
def test_a_variable_hides_its_value_without_what_files_of_settings_leave_around_it(
    monkeypatch, value
):
    monkeypatch.setenv("SVC_TOKEN", value)
    assert masked("said plainword77, and no more") == "said ***, and no more"


@pytest.mark.parametrize(
    "value",
    ["co'rr\\Ho\"rse99", "pässwört99x", "a\tb\nc <d>&e", "two words/and+more", "it's 'two'"],
)
def test_a_variable_hides_its_value_in_every_form_that_texts_write_it_in(monkeypatch, value):
    monkeypatch.setenv("SVC_TOKEN", value)
    forms = [repr, ascii, json.dumps, quote_plus, html.escape, shlex.quote]
    forms += [lambda v: quote(v, safe=""), lambda v: json.dumps(v, ensure_ascii=False)]
    forms += [lambda v: repr(v.encode()), lambda v: repr({"error": repr(v)})]
    for form in forms:
        shown = masked(f"said {form(value)} here")
        assert "***" in shown
        assert not any(
            part in shown for part in ("rse", "sswör", "ssw\\", "ssw%", "<d>", "ords", "two")
        )


@pytest.mark.parametrize(
    "value",
    [
        "-v --uri=http://me:plainword77@host/x --b",
        "x, 'http://me:plainword77@host/x', http://you:other@host",
        "-Xmx2g -Djavax.net.ssl.keyStorePassword=plainword77 -Dx=y",
        "-Dredis.auth=plainword77",
        "host=h user=me password=plainword77 dbname=x",
        "password='plainword77' x",
        "--verbose --api-token plainword77",
        '{"user": "me", "password": "plainword77"}',
        "AccountName=x;AccountKey=plainword77;EndpointSuffix=y",
    ],
)
def test_a_variable_of_any_name_hides_the_passwords_of_its_addresses_and_keys(monkeypatch, value):
    monkeypatch.setenv("JAVA_OPTS", value)
    assert masked("said plainword77, and no more") == "said ***, and no more"


def test_the_other_words_of_a_variable_are_shown(monkeypatch):
    monkeypatch.setenv(
        "JAVA_OPTS", "-Xmx2gigabytes9 --max_tokens=12345678 --tokenizer=gpt2-small1 a@b-c.d1"
    )
    monkeypatch.setenv("TOKENS", "input_ids1,labels_of_2,attention_mask")
    text = "-Xmx2gigabytes9 12345678 gpt2-small1 b-c.d1 input_ids1 labels_of_2 attention_mask"
    assert masked(text) == text


def test_words_that_look_random_are_hidden_where_the_name_has_a_plural_of_secrets(monkeypatch):
    monkeypatch.setenv("SERVICE_KEYS", "kR7dPz2WqX9mTb4LvY8s,plain-words-of-it")
    assert masked("kR7dPz2WqX9mTb4LvY8s plain-words-of-it") == "*** plain-words-of-it"


def test_a_variable_whose_value_is_a_word_for_a_secret_shows_no_other_secret(monkeypatch):
    monkeypatch.setenv("DB_PASSWORD", "password")
    assert (
        masked("the password is wrong: password=swordfish") == "the password is wrong: password=***"
    )
    key = "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----"
    monkeypatch.setenv("MY_KEY", key)
    assert masked(key.replace("MIIE", "MIIF")) == "***"


def test_a_variable_that_is_no_text_of_utf_8_does_no_harm(monkeypatch):
    monkeypatch.setenv("MY_TOKEN", "plainword77\udcff")
    assert masked("plainword77\udcff is there") == "*** is there"


def test_the_folder_of_the_shell_is_no_password(monkeypatch):
    monkeypatch.setenv("PWD", "/srv/ours")
    monkeypatch.setenv("OLDPWD", "/srv/before")
    monkeypatch.setenv("PGPWD", "plainword78")
    assert masked("/srv/ours/x.yaml plainword78") == "/srv/ours/x.yaml ***"


@pytest.mark.parametrize(
    "text",
    [
        "sqlite:////home/me@work/mlflow.db",
        "http://127.0.0.1:5000 is down, ask me@host",
        "postgresql://host:5432 is down, ask me@host",
        "pad_token = '<pad>', token=None",
        "max_tokens=128, num_tokens=7",
        "file:///a@b/c",
        "postgresql://me@host/db and mysql+pymysql://me@host:3306/db",
        "tokenizer.json must be a file",
        "train.lr must be at least 0, but got -1.",
        "evaluators.0.name = kl",
    ],
)
def test_what_is_no_secret_stays_as_it_is(text):
    assert masked(text) == text


def test_names_of_variables_tell_of_secrets():
    names = (
        "DB_PASS OPENAI_KEY GITHUB_PAT SECRET_KEY_BASE AZURE_STORAGE_CONNECTION_STRING SENTRY_DSN"
    )
    assert all(map(is_secret, f"{names} SLACK_WEBHOOK_URL HF_TOKEN PGPASSWORD".split()))
    assert not any(map(is_secret, "PWD OLDPWD PATH HOME TOKENIZERS_PARALLELISM SEED".split()))


def test_a_file_that_a_variable_names_is_no_secret(monkeypatch, tmp_path):
    file = tmp_path / "credentials.json"
    file.touch()
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    assert masked(f"{file} is there") == f"{file} is there"


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
