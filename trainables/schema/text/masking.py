"""Leave the secrets out of a text: passwords, tokens, keys."""

from __future__ import annotations

from trainables.schema.text.addresses import without_passwords, without_query_values
from trainables.schema.text.secrets.assigned import without_assigned
from trainables.schema.text.secrets.by_command import without_what_is_beside
from trainables.schema.text.secrets.by_shape import (
    without_headers,
    without_private_keys,
    without_shapes,
)
from trainables.schema.text.secrets.in_prose import without_secrets_in_prose
from trainables.schema.text.secrets.in_variables import without_values_of_variables

LONGEST_SECRET = 4000  # characters
# In the order in which they run: what a pass hides is no name and no sign for a later one.
PASSES = (
    without_private_keys,
    without_values_of_variables,
    without_headers,
    without_passwords,
    without_what_is_beside,
    without_query_values,
    without_assigned,
    without_secrets_in_prose,
    without_shapes,
)


def masked(text: str) -> str:
    """Return a text with `***` for its secrets.

    These are passwords and tokens in addresses, most values in their queries, values of keys such as
    `password=` and `'api_key':`, keys of a shape that services are known for, and what is in this
    process's environment variables: values of names such as HF_TOKEN, and in others passwords of
    addresses and values of keys.

    >>> masked("postgresql://me:pa/ss@w@host/db and http://host/?token=abc&x=1")
    'postgresql://me:***@host/db and http://host/?token=***&x=1'
    """
    for without in PASSES:
        text = without(text)
    return text


def holds_secret(text: str) -> bool:
    """Return whether something in a text is a secret.

    >>> holds_secret("http://me:pass@host"), holds_secret("http://host/?x=1")
    (True, False)
    """
    return masked(text) != text


def masked_head(text: str, most: int) -> str:
    """Return the masked beginning of a text: so many characters, or all of it if it is shorter.

    More is masked than is returned, as half of a secret would not be known as one.
    """
    size = most + LONGEST_SECRET
    while size < len(text):
        head = masked(text[:size])
        if len(head) >= most + LONGEST_SECRET:
            return head[:most]
        size *= 2
    return masked(text)[:most]
