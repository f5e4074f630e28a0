"""Secrets between whose name and value no sign stands are left out of lines of settings and shells."""

import time

import pytest

from trainables.schema.text.masking_source import masked_source
from trainables.schema.text.secrets.by_line import without_values_of_lines

SECRET = "swordfish"


@pytest.mark.parametrize(
    "line",
    [
        "set -x PGPASSWORD swordfish",
        "set -gx API_TOKEN swordfish",
        'setx SLACK_TOKEN "swordfish and more" /M',
        "setenv PGPASSWORD swordfish",
        "ENV DB_PASSWORD swordfish",
        "%env HF_TOKEN swordfish",
        "aws configure set aws_secret_access_key swordfish",
        "git config --global credential.token swordfish",
        "requirepass swordfish",
        "+  password swordfish;",
        "Password\tswordfish",
        "- --password\n- swordfish",
        "<password>swordfish</password>",
        "<Password value='swordfish'/>",
        "| password | swordfish |",
    ],
)
def test_a_value_that_follows_the_name_of_a_secret_is_hidden(line):
    hidden = without_values_of_lines(line)
    assert SECRET not in hidden
    assert "***" in hidden
    assert SECRET not in masked_source(line)


@pytest.mark.parametrize(
    "line",
    [
        "'token' => 'swordfish',",
        'curl -d "{\\"password\\": \\"swordfish\\"}"',
        'const TOKEN: &str = "swordfish";',
        'val token: String? = "swordfish"',
        '<add key="Password" value="swordfish"/>',
        "env TOKEN = swordfish",
        "token = token or 'swordfish'",
        "password = args.password or 'swordfish'",
        "password: str = None or 'swordfish'",
        "api_key = key if key else 'swordfish'",
        'const apiKey = process.env["API_KEY"] || "swordfish";',
        "const apiKey = key ?? 'swordfish';",
        "login(user, token=token or 'swordfish')",
        "assert token == 'swordfish'",
        "assert token != 'swordfish'",
        "# - name: DB_PASSWORD\n#   value: swordfish",
    ],
)
def test_a_value_behind_any_sign_of_another_language_is_hidden(line):
    assert SECRET not in masked_source(line)


@pytest.mark.parametrize(
    "line",
    [
        "set the seed 3",
        "for token in text:",
        "the password must be set",
        "return token",
        "| token | the token of the model |",
        "export PATH /usr/bin",
        "num_tokens 5",
        "self.tokens.append(token)",
        "<p>the password</p>",
    ],
)
def test_lines_without_a_secret_stay_as_they_are(line):
    assert without_values_of_lines(line) == line


@pytest.mark.parametrize(
    "piece", ["set ", "set password ", "|password|a", "<password> a", "<a ", "a b\n"]
)
def test_it_takes_no_time_that_grows_with_the_square(piece):
    began = time.process_time()
    without_values_of_lines(piece * (250_000 // len(piece)))
    assert time.process_time() - began < 2  # of the CPU; a square takes minutes
