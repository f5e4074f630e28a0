"""What is wrong with environment variables, before anything is done with them."""

from __future__ import annotations

import os

from trainables.schema.text.masking import masked
from trainables.schema.text.shown import MAX_NAME, as_word

FOLDERS = ("SWEEP_HOME", "EQUIPOISE_CACHE")
# They go into headers of requests, of which the libraries speak as of servers that are down.
TOKENS = ("HF_TOKEN", "MLFLOW_TRACKING_TOKEN", "RAY_AUTH_TOKEN")
LOGINS = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")
AS_GIVEN = frozenset({"MLFLOW_TRACKING_TOKEN"})  # the others are used without blanks around them


def environment_faults() -> list[str]:
    """Return a sentence for each variable that is set to what cannot be used; values are not shown."""
    faults = []
    for name in FOLDERS:
        value = os.environ.get(name, "")
        if "://" in value:
            shown = as_word(masked(value), MAX_NAME)
            faults.append(f"{name} must be a folder of this machine, but is an address: {shown}.")
    for name in TOKENS:
        value = os.environ.get(name, "")
        token = value if name in AS_GIVEN else value.strip()
        if not all("!" <= sign <= "~" for sign in token):
            faults.append(
                f"{name} must be letters, digits and signs of ASCII without blanks, as a token is, but "
                f"has others: copy it again."
            )
    for name in LOGINS:
        try:
            os.environ.get(name, "").encode("latin-1")
        except UnicodeEncodeError:
            faults.append(
                f"{name} must be of Latin letters and signs, as requests send it, but has others: copy "
                f"it again."
            )
    return faults
