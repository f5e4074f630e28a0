"""One list tells which names are those of secrets, wherever a text comes from."""

import time

import pytest

from trainables.schema.text.masking import masked
from trainables.schema.text.masking_source import masked_source
from trainables.schema.text.secrets.names import (
    CODE_WORDS,
    KINDS_OF_KEYS,
    PLAIN_WORDS,
    SHORT_WORDS,
    is_secret,
    kind_of_name,
)
from trainables.schema.text.shown import as_value

KEYS = [f"{kind}_key" for kind in KINDS_OF_KEYS]
NAMES = [*PLAIN_WORDS, *(f"db_{word}" for word in SHORT_WORDS), *KEYS]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_of_the_list_hides_its_value_in_sentences_code_and_variables(name):
    assert masked(f"got {name}=plain, and more") == f"got {name}=***, and more"
    assert masked_source(f'+x.{name} = "plain"') == f"+x.{name} = ***"
    assert masked_source(f"+{name}: plain") == f"+{name}: ***"
    assert is_secret(f"MY_{name.upper()}")


@pytest.mark.parametrize("name", [*CODE_WORDS, *SHORT_WORDS])
def test_a_word_with_other_meanings_hides_its_value_in_code(name):
    assert masked_source(f'+{name} = "plain"') == f"+{name} = ***"
    assert masked(f"got {name} = plain") == f"got {name} = plain"


@pytest.mark.parametrize(
    "name",
    "tokenizer token_type_ids num_tokens keyboard passwordless passing path author signal logits "
    "monkey design_matrix pad_token eos_token bos_token token_id pad_token_id max_tokens bypass compass "
    "image_token_index token_dropout nll_per_token".split(),
)
def test_a_name_that_only_begins_or_ends_like_one_of_the_list_tells_of_no_secret(name):
    line = f"{name} = plain"
    assert masked(line) == line
    assert not is_secret(name.upper())
    assert kind_of_name(name) != "sure"


@pytest.mark.parametrize(
    "name",
    "REDIS_AUTH MLFLOW_TRACKING_AUTH SMTP_LOGIN DB_PW PGPASSWORD APIKEY OPENAI_APIKEY ES_PASS SECRETKEY "
    "DJANGO_SECRET_KEY_OLD TOKEN_GITHUB HF_TOKEN_READ HUGGING_FACE_HUB_TOKEN_2 PASSWORD_PROD "
    "API_KEY_PROD MY_CREDS_JSON SSHPASS PASS PAT db.password authorization Authorization auth pass "
    "WANDB_API_KEY1 DOCKER_AUTH_CONFIG dbPassword".split(),
)
def test_a_name_tells_of_a_secret_as_a_variable_as_a_key_and_in_code(name):
    assert is_secret(name)
    assert kind_of_name(name) == "sure"
    assert masked_source(f'+{name} = "plain"') == f"+{name} = ***"
    assert as_value({name: "plain"}) == f"{{'{name}': '***'}}"


@pytest.mark.parametrize("name", ["developer_token", "LAUNCHPAD_TOKEN", "x.unmask-token"])
def test_a_word_that_ends_as_a_mark_of_language_models_makes_a_token_no_mark(name):
    assert is_secret(name)
    assert masked(f"got {name}=plain, and more") == f"got {name}=***, and more"


@pytest.mark.parametrize(
    "name",
    "PATH PWD OLDPWD LOGIN HOME SSH_AUTH_SOCK GIT_ASKPASS RAY_AUTH_MODE RAY_AUTH_TOKEN_PATH "
    "AWS_CREDENTIAL_FILE MLFLOW_AUTH_ADMIN_USERNAME MLFLOW_WEBHOOK_REQUEST_TIMEOUT AUTH_URL MAX_TOKENS "
    "ACCELERATE_BYPASS_DEVICE_MAP TOKENIZERS_PARALLELISM AUTHOR COMPASS_HOME".split(),
)
def test_a_variable_that_only_says_something_about_a_secret_holds_none(name):
    assert not is_secret(name)


def test_a_long_name_takes_no_time_that_grows_with_its_square():
    began = time.process_time()
    for piece in ("secret_", "token", "a_", "api-"):
        is_secret(piece * 200_000 + "!")
    assert time.process_time() - began < 1  # of the CPU; a square takes minutes


def test_names_of_variables_tell_of_secrets():
    names = (
        "DB_PASS OPENAI_KEY GITHUB_PAT SECRET_KEY_BASE AZURE_STORAGE_CONNECTION_STRING SENTRY_DSN"
    )
    assert all(map(is_secret, f"{names} SLACK_WEBHOOK_URL HF_TOKEN PGPASSWORD".split()))
    assert not any(map(is_secret, "PWD OLDPWD PATH HOME TOKENIZERS_PARALLELISM SEED".split()))
