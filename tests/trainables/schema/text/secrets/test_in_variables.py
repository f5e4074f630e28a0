"""The secrets in variables of the environment are hidden wherever they stand, and nothing else is."""

import html
import json
import shlex
from urllib.parse import quote, quote_plus

import pytest

from trainables.schema.text.masking import masked


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


@pytest.mark.parametrize(
    "value",
    [
        "curl -su me:hunter2word https://host",
        "machine host login me password hunter2word",
        "Authorization: Bearer hunter2word",
        "-H 'X-Api-Key: hunter2word' -v",
        "db.example.org:5432:main:me:hunter2word",
    ],
)
def test_a_variable_of_any_name_hides_what_follows_a_command_or_a_header(monkeypatch, value):
    monkeypatch.setenv("MY_OPTIONS", value)
    assert "hunter2word" not in masked("refused: hunter2word, by the server")


def test_the_path_of_an_address_to_which_all_may_write_is_hidden(monkeypatch):
    monkeypatch.setenv("SLACK_URL", "https://hooks.slack.com/services/T0/B0/xyz")
    assert masked("POST /services/T0/B0/xyz: 404") == "POST /***: 404"


def test_the_other_words_of_a_variable_are_shown(monkeypatch):
    monkeypatch.setenv(
        "JAVA_OPTS", "-Xmx2gigabytes9 --max_tokens=12345678 --tokenizer=gpt2-small1 a@b-c.d1"
    )
    monkeypatch.setenv("TOKENS", "input_ids1,labels_of_2,attention_mask")
    monkeypatch.setenv("EMAIL", "A B <mailto:some.body@host.org>")
    text = "-Xmx2gigabytes9 12345678 gpt2-small1 b-c.d1 input_ids1 labels_of_2 some.body"
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


def test_a_file_that_a_variable_names_is_no_secret(monkeypatch, tmp_path):
    file = tmp_path / "credentials.json"
    file.touch()
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    assert masked(f"{file} is there") == f"{file} is there"
