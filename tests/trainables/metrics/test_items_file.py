"""The file of items: estimates come back from it as they were."""

from trainables.metrics import items_file
from trainables.metrics.estimate import Estimate, Items, distance, mean


def test_estimates_come_back_from_their_file(tmp_path):
    items = Items.of(range(3), ["x", "x", "y"])
    ss = mean([100.0, 0.0, 100.0], items, [0.5, 0.5, 1])
    estimates = {"bias/a/ss": ss, "bias/a/gap": distance(ss, 50), "cost/b/exact": Estimate(0.25)}
    items_file.write(estimates, tmp_path / "items.parquet")
    read = items_file.read(tmp_path / "items.parquet")
    assert list(read) == list(estimates)
    for name, expected in estimates.items():
        assert read[name].value == expected.value
        assert read[name].items == expected.items
        assert (read[name].se, read[name].df) == (expected.se, expected.df), name
        for column in ("outcomes_I", "influences_I"):
            ours, theirs = getattr(read[name], column), getattr(expected, column)
            assert (ours is None) == (theirs is None)
            assert ours is None or list(ours) == list(theirs)


def test_a_file_of_many_items_is_small(tmp_path):
    """2,000 items in four metrics: less than a hundred kilobytes."""
    items = Items.of(range(2000), [n // 25 for n in range(2000)])
    ss = mean([100.0 * (n % 3 == 0) for n in range(2000)], items)
    items_file.write({f"bias/a/{n}": ss for n in range(4)}, tmp_path / "items.parquet")
    assert (tmp_path / "items.parquet").stat().st_size < 100_000
