"""Domains, and the labels of their options."""

from sweep.space.domains import by_label, children, domain, label
from sweep.space.faults import domain_faults
from tests.sweep.space.trees import SPACE


def test_a_domain_is_a_mapping_whose_only_key_is_its_name():
    assert domain({"int": [1, 3]}) == ("int", [1, 3])
    for node in ({"int": [1, 3], "a": 1}, {"ints": [1, 3]}, {}, ["int"], "int", None):
        assert domain(node) is None


def test_children_have_their_key_or_their_index_and_a_scalar_has_none():
    assert children({"a": 1, "b": [2]}) == [("a", 1), ("b", [2])]
    assert children(["x", None]) == [(0, "x"), (1, None)]
    assert children("text") == children(None) == children(3) == []


def test_branches_of_one_name_are_told_apart_by_what_is_fixed_in_them():
    labels = [label(option) for option in SPACE["objective"]["choice"]]
    assert labels == ["none", "cda sides=one", "cda sides=two", "gap"]


def test_options_go_by_their_labels_in_the_order_of_the_file():
    options = ["none", {"name": "gap", "weight": 2}, None, 7]
    assert list(by_label(options).items()) == [
        ("none", "none"),
        ("gap weight=2", options[1]),
        (None, None),
        (7, 7),
    ]


def test_options_that_differ_in_a_list_alone_are_told_apart():
    options = [{"name": "lora", "targets": [name]} for name in ("q_proj", "v_proj")]
    assert len({label(option) for option in options}) == 2
    assert not list(domain_faults({"parameters": {"choice": options}}))
    branch = {"name": "gap", "weight": {"choice": [1, 2]}}
    assert label(branch) == "gap"
