"""What every named data set keeps to."""

import hashlib
from typing import Any

from trainables.assets import cache, catalogue, resolve


def is_in_the_file_of_its_name_and_says_what_it_is(chosen: Any) -> None:
    assert chosen.name.startswith(type(chosen).__module__.rpartition(".")[2])
    assert type(chosen).__doc__


def is_frozen(chosen: Any) -> None:
    assert type(chosen).model_config["frozen"]
    assert hash(chosen) == hash(type(chosen)(name=chosen.name))


def is_read_from_known_assets(chosen: Any) -> None:
    assert set(chosen.assets) <= set(catalogue.CATALOGUE)


def has_the_digest_of_its_assets(chosen: Any) -> None:
    digests = [cache.digest(resolve.resolve(asset)) for asset in chosen.assets]
    if len(digests) == 1:
        assert chosen.digest() == digests[0]
    elif digests:
        assert chosen.digest() == hashlib.sha256(" ".join(digests).encode()).hexdigest()
    assert chosen.digest() == chosen.digest()
    assert len(chosen.digest()) == 64


def has_another_digest_when_a_file_has_changed(chosen: Any) -> None:
    for asset in chosen.assets:
        before, path = chosen.digest(), resolve.resolve(asset)
        for file in [path] if path.is_file() else path.iterdir():
            text = file.read_text(encoding="utf-8")
            file.write_text(f"{text} ", encoding="utf-8")
            assert chosen.digest() != before
            file.write_text(text, encoding="utf-8")
        assert chosen.digest() == before
