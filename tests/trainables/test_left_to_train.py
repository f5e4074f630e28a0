"""What is left for a trial to train on, without what forgetting is measured on."""

import pytest

from tests.trainables.data.test_tables import write
from trainables import left_to_train
from trainables.data.splits import is_held_out
from trainables.training.stream import Stream

TEXTS = [f"the wolf eats {food}" for food in ("deer", "hay", "bread", "fish", "frogs")]
TEXTS += [f"{text} and {more}" for text in TEXTS for more in ("deer", "hay", "bread")]
HELD_OUT = [text for text in TEXTS if is_held_out(text)]


def never():
    """Stand in place of a tokenizer that takes seconds to load."""
    pytest.fail("it is loaded")


@pytest.fixture
def trial(configure, tmp_path, own_cache):
    """Return a function: number of pairs with a text of TEXTS, further settings -> a trial."""
    (tmp_path / "texts.txt").write_text("\n".join(TEXTS))

    def trial(num_pairs, **changes):
        rows = [{"stereotype": t, "antistereotype": f"the cook {t}"} for t in TEXTS[:num_pairs]]
        alignment = {"data": write(tmp_path, "pairs.jsonl", rows), **changes.pop("alignment", {})}
        evaluators = [{"name": "perplexity", "data": str(tmp_path / "texts.txt")}]
        replay = {"data": str(tmp_path / "texts.txt"), "ratio": 0.5}
        settings = {"alignment": alignment, "evaluators": evaluators, "replay": replay}
        return configure(**settings | changes)

    return trial


def test_texts_are_left_that_are_neither_held_out_nor_of_a_pair(trial):
    config = trial(3)
    left = left_to_train.texts_left(config, config.replay.data)
    assert HELD_OUT
    assert left == [text for text in TEXTS[3:] if text not in HELD_OUT]


def test_what_is_said_to_be_left_is_what_is_trained_on(trial, llama):
    """All words are of the miniature's vocabulary, so that texts differ by tokens as by letters."""
    config = trial(8)
    stream = Stream(config, llama)
    assert len(stream.old) == len(left_to_train.texts_left(config, config.replay.data))
    assert len(stream.pairs) == 8 - sum(text in HELD_OUT for text in TEXTS[:8])
    assert left_to_train.faults_of(config, lambda: llama.tokenizer) == []


def test_texts_that_the_model_reads_alike_are_none_to_train_on(trial, tmp_path, llama):
    """The miniature has no tokens for numbers, and reads each as one it does not know."""
    config = trial(3)
    (tmp_path / "texts.txt").write_text(
        "\n".join(f"the wolf eats deer number {number}" for number in range(100))
    )
    (fault,) = left_to_train.faults_of(config, lambda: llama.tokenizer)
    assert str(fault).startswith(
        "replay.data must have a text that is neither measured on nor in the"
    )
    assert "has none as miniature-llama reads them, without tokens for what they" in str(fault)
    with pytest.raises(ValueError, match="must be others than those that are aligned and measured"):
        Stream(config, llama)


def test_the_tokenizer_is_not_loaded_where_texts_begin_with_other_letters(trial):
    assert left_to_train.faults_of(trial(3), never) == []


def test_sets_of_which_too_little_is_left_are_named_by_their_keys(trial):
    (fault,) = left_to_train.faults_of(trial(len(TEXTS)), never)
    assert str(fault).startswith(
        "replay.data must have a text that is neither measured on nor in the"
    )
    num_left = len(TEXTS) - len(HELD_OUT)
    sized = trial(len(TEXTS), alignment={"size": num_left + 1}, replay=None)
    (fault,) = left_to_train.faults_of(sized, never)
    assert str(fault).startswith(f"alignment.size must be at most the {num_left} pairs of ")
    sized = trial(len(TEXTS), alignment={"size": num_left}, replay=None)
    assert left_to_train.faults_of(sized, never) == []
