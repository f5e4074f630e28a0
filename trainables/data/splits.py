"""Which general texts are kept away from training, so that forgetting is measured on unseen ones."""

import hashlib


def is_held_out(key: str) -> bool:
    """A tenth of all keys, by digest: it does not depend on order or on what else there is."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:4]) % 10 == 0
