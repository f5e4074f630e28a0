"""The split of general texts into a part to train on and a held-out part to measure forgetting on."""

import hashlib


def is_held_out(key: str) -> bool:
    """Return whether the texts with this key are held out of training, as a tenth of all keys are.

    The sha256 of the key decides, so the answer depends neither on order nor on the other texts.
    """
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:4]) % 10 == 0
