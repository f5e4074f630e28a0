"""Sentences on what the numbers of a plan assume."""

from sweep.planning.machine import Machine
from sweep.planning.plan import make_plan
from tests.sweep.planning.conftest import LAPTOP, SERVER, shipped


def notes(name, machine, **options):
    """Return the sentences of the plan of a shipped spec, as one text."""
    return " ".join(make_plan(shipped(name), machine=machine, **options).notes)


def test_a_machine_without_a_gpu_says_so():
    assert "this machine has no GPU" in notes("bert", LAPTOP)
    assert "this machine has no GPU" not in notes("bert", SERVER)


def test_a_size_that_is_not_of_files_says_from_where_it_is():
    assert "bert-base-uncased: its size is that of the catalogue" in notes("bert", SERVER)


def test_data_that_are_not_at_hand_are_named_once():
    assert "data not at hand, counted as usual: stereoset, crows_pairs, winobias, probe." in notes(
        "bert", SERVER
    )


def test_more_trials_than_fit_here_are_said():
    sentence = "9 trials run at once, of which this machine has room for 4."
    assert sentence in notes("smollm2", LAPTOP, slots=9)


def test_workers_that_need_more_memory_than_there_is_are_said():
    small = Machine("a processor", 8, (), 8_000_000_000)
    assert "but this machine has 8 GB" in notes("smollm2", small)
    assert "but this machine has" not in notes("miniature", LAPTOP)


def test_the_processes_of_all_trials_share_the_memory_and_those_on_a_gpu_its_own(spec_with):
    def said(resources, machine):
        changed = spec_with(("at_once: 1", resources))
        return " ".join(make_plan(changed, machine=machine).notes)

    small = Machine("a processor", 4, (), 2_000_000_000)
    assert "but this machine has" not in said("at_once: 2", small)
    assert "but this machine has 2 GB" in said("at_once: 2, workers_per_trial: 2", small)
    shared = Machine("a processor", 16, ("a GPU",), 500_000_000_000, 2_500_000_000)
    assert "but a GPU has" not in said("gpus_per_trial: 1", shared)
    assert "but a GPU has 2 GB" in said("gpus_per_trial: 0.1", shared)
