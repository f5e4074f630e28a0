"""What the process measures that a calibration starts."""

from types import SimpleNamespace

from sweep.planning.calibration.measuring import _num_tokens


def text(*ids: int) -> SimpleNamespace:
    """Return a query of these tokens."""
    return SimpleNamespace(ids=ids)


def test_equal_rows_of_a_micro_batch_are_read_once():
    pair = SimpleNamespace(stereotype=text(1, 2, 3), antistereotype=text(1, 2, 4))
    batch = SimpleNamespace(texts=[text(1, 2, 3)], pairs=[pair], anchors=[text(7)])
    assert _num_tokens(batch) == 3 + 3 + 1
