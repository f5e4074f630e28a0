"""Nested settings get dotted names."""

from trainables.schema.flatten import flatten


def test_each_leaf_has_the_keys_that_lead_to_it_as_its_name():
    tree = {"train": {"lr": 0.1, "optimiser": {"name": "adamw"}}, "seed": 0, "replay": None}
    assert flatten(tree) == {
        "train.lr": 0.1,
        "train.optimiser.name": "adamw",
        "seed": 0,
        "replay": None,
    }


def test_a_list_is_a_leaf_and_an_empty_mapping_has_none():
    assert flatten({"also": [0.5, 0.75], "guard": {}}) == {"also": [0.5, 0.75]}
