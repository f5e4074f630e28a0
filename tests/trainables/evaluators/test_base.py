"""What evaluators share: the digest of an asset."""

import hashlib

from trainables.data.sets import miniature
from trainables.evaluators.base import asset_digest


def test_the_digest_of_an_asset_is_that_of_its_file_or_of_the_miniature(tmp_path):
    file = tmp_path / "moods.jsonl"
    file.write_text('{"text": "glad", "label": "glad"}\n')
    assert asset_digest(str(file)) == hashlib.sha256(file.read_bytes()).hexdigest()
    assert asset_digest("miniature") == miniature.DIGEST
