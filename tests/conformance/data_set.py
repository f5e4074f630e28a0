"""The laws of every named data set."""

import hashlib
from typing import Any

from trainables.assets import cache, catalogue, resolve


def is_in_the_file_of_its_name_and_says_what_it_is(data_set: Any) -> None:
    assert data_set.name.startswith(type(data_set).__module__.rpartition(".")[2])
    assert type(data_set).__doc__


def is_frozen(data_set: Any) -> None:
    assert type(data_set).model_config["frozen"]
    assert hash(data_set) == hash(type(data_set)(name=data_set.name))


def is_read_from_known_assets(data_set: Any) -> None:
    assert set(data_set.assets) <= set(catalogue.CATALOGUE)


def has_the_digest_of_its_assets(data_set: Any) -> None:
    digests = [cache.digest(resolve.resolve(asset)) for asset in data_set.assets]
    if len(digests) == 1:
        assert data_set.digest() == digests[0]
    elif digests:
        assert data_set.digest() == hashlib.sha256(" ".join(digests).encode()).hexdigest()
    assert data_set.digest() == data_set.digest()
    assert len(data_set.digest()) == 64


def has_another_digest_when_a_file_has_changed(data_set: Any) -> None:
    for asset in data_set.assets:
        before, path = data_set.digest(), resolve.resolve(asset)
        for file in [path] if path.is_file() else path.iterdir():
            text = file.read_text(encoding="utf-8")
            file.write_text(f"{text} ", encoding="utf-8")
            assert data_set.digest() != before
            file.write_text(text, encoding="utf-8")
        assert data_set.digest() == before
