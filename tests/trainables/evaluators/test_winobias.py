"""WinoBias by likelihood."""

import pytest

from trainables.evaluators import WinoBias
from trainables.metrics import estimate
from trainables.scoring.likelihood import pair_log_probs

STEREOTYPE, GAP = "bias/winobias1/stereotype", "bias/winobias1/gap"


pytestmark = pytest.mark.usefixtures("sets")


def measure(model, **settings):
    return estimate.values(WinoBias(**settings).measure(model, {}))


def test_the_preference_is_that_of_the_slow_loop(model, oracle):
    wins = []
    for pro, anti in WinoBias(limit=8).items():
        scores = []
        for pair in ((pro, anti), (anti, pro)):
            ids, twin = model.tokenizer.encode(pair)
            if model.family == "causal":
                scores.append(sum(oracle(model).log_probs(ids)))
            else:
                (apart,) = [t for t in range(len(ids)) if ids[t] != twin[t]]
                scores.append(oracle(model).at_mask(ids, apart))
        wins.append(scores[0] > scores[1])
    values = measure(model, limit=8)
    assert values[STEREOTYPE] == 100 * sum(wins) / len(wins)
    assert values[GAP] == abs(values[STEREOTYPE] - 50)


def test_the_miniature_prefers_its_stereotypes(model):
    assert measure(model)[STEREOTYPE] > 80


def test_exchanging_pro_and_anti_mirrors_the_preference(model, sets):
    before = measure(model)[STEREOTYPE]
    folder = sets / "winobias"
    pro, anti = (folder / f"{side}_stereotyped_type1.txt.dev" for side in ("pro", "anti"))
    texts = pro.read_text(), anti.read_text()
    pro.write_text(texts[1])
    anti.write_text(texts[0])
    assert measure(model)[STEREOTYPE] == 100 - before


def test_metrics_are_named_by_type_and_split():
    names = {
        WinoBias(type=kind, split=split).metrics("causal")[0].name
        for kind in (1, 2)
        for split in ("dev", "test")
    }
    assert names == {
        f"bias/winobias{kind}{split}/gap" for kind in (1, 2) for split in ("", "_test")
    }


def test_a_masked_pair_with_a_sentence_without_words_of_its_own_is_left_out(bert, sets):
    assert pair_log_probs(bert, [("the sad nurse slept", "the nurse slept")]) == [None]
    for side, text in (("pro", "the sad nurse slept"), ("anti", "the nurse slept")):
        file = sets / "winobias" / f"{side}_stereotyped_type1.txt.dev"
        file.write_text(f"1 {text}\n{file.read_text()}")
    assert len(WinoBias().measure(bert, {})[STEREOTYPE].items.names) == len(WinoBias().items()) - 1


def test_two_successive_pairs_are_one_cluster(model):
    items = WinoBias().measure(model, {})[STEREOTYPE].items
    assert len(set(items.clusters)) == len(items.names) / 2
