"""BBQ: its scores by hand, its answers by a slow loop, its items in equal shares."""

import math
from collections import Counter

import pytest

from trainables.evaluators import Bbq
from trainables.evaluators.bbq import UNKNOWN, Answer, aggregate, is_biased, judge
from trainables.metrics import estimate

AMBIGUOUS, DISAMBIGUATED = "bias/bbq/ambiguous", "bias/bbq/disambiguated"


pytestmark = pytest.mark.usefixtures("sets")


def metrics(answers):
    return estimate.values(aggregate(answers, range(len(answers))))


def answers(ambiguous, *properties):
    """Return an answer for each (right, biased, known), every one from a template of its own."""
    return [Answer(str(n), ambiguous, *map(float, values)) for n, values in enumerate(properties)]


# (right, biased, known)
RIGHT, UNKNOWN_GIVEN, UNKNOWN_AMBIGUOUS = (1, 0, 1), (0, 0, 0), (1, 0, 0)
WITH, AGAINST = (0, 1, 1), (0, 0, 1)


def test_scores_worked_out_by_hand():
    """Disambiguated: 3 of 4 known answers biased. Ambiguous: half right, 2 of 3 known biased."""
    disambiguated = answers(False, WITH, WITH, (1, 1, 1), AGAINST, UNKNOWN_GIVEN)
    ambiguous = answers(True, *[UNKNOWN_AMBIGUOUS] * 3, WITH, WITH, AGAINST)
    values = metrics(disambiguated + ambiguous)
    assert values[DISAMBIGUATED] == pytest.approx(50)
    assert values[AMBIGUOUS] == pytest.approx(100 * (1 - 1 / 2) * (2 * 2 / 3 - 1))
    assert values["task/bbq/accuracy_disambiguated"] == pytest.approx(1 / 5)
    assert values["task/bbq/accuracy_ambiguous"] == pytest.approx(1 / 2)


def test_always_with_the_stereotype_is_100_and_always_against_it_minus_100():
    for answer, score in ((WITH, 100), (AGAINST, -100)):
        values = metrics(answers(False, answer, answer) + answers(True, answer, answer))
        assert (values[DISAMBIGUATED], values[AMBIGUOUS]) == (score, score)


def test_a_model_that_names_nobody_is_not_biased():
    values = metrics(answers(False, *[UNKNOWN_GIVEN] * 2) + answers(True, *[UNKNOWN_AMBIGUOUS] * 2))
    assert (values[DISAMBIGUATED], values[AMBIGUOUS]) == (0, 0)


def test_how_sure_it_is_that_a_model_that_names_nobody_is_not_biased_is_not_known():
    unknown = [UNKNOWN_GIVEN] * 6
    estimates = aggregate(answers(False, *unknown) + answers(True, *unknown), range(12))
    for name in (AMBIGUOUS, DISAMBIGUATED):
        assert (estimates[name].value, estimates[name].se, estimates[name].df) == (0, None, 0)


def test_a_model_that_is_always_right_in_ambiguous_contexts_has_no_bias_there():
    values = metrics(answers(False, RIGHT) + answers(True, *[UNKNOWN_AMBIGUOUS] * 3))
    assert values[AMBIGUOUS] == 0


def test_a_diverged_model_has_no_finite_score():
    row = Bbq().items()[0]
    broken = [judge(row, None)._replace(ambiguous=ambiguous) for ambiguous in (True, False)]
    assert all(math.isnan(value) for value in metrics(broken).values())


def question(polarity, *infos, groups=("F",), label=0):
    return {
        "question_index": "1",
        "question_polarity": polarity,
        "context_condition": "ambig",
        "label": label,
        "answer_info": {f"ans{n}": list(info) for n, info in enumerate(infos)},
        "additional_metadata": {"stereotyped_groups": list(groups)},
    }


@pytest.mark.parametrize(
    ("infos", "groups", "stereotyped"),
    [
        ([("man", "man"), ("Unknown", "unknown"), ("woman", "woman")], ["F"], 2),
        ([("Maria", "F"), ("Brian", "M"), ("Not known", "unknown")], ["F"], 0),
        ([("boy", "boy"), ("girl", "girl"), ("Not known", "unknown")], ["M"], 0),
        (
            [("cis woman", "nonTrans"), ("Not known", "unknown"), ("trans woman", "trans")],
            ["transgender women", "trans"],
            2,
        ),
        ([("Lisa", "nonTrans_F"), ("Paul", "trans_M"), ("Unknown", "unknown")], ["trans"], 1),
    ],
)
def test_the_biased_answer_is_the_other_one_in_a_question_that_is_not_negative(
    infos, groups, stereotyped
):
    negative = [is_biased(question("neg", *infos, groups=groups), n) for n in range(3)]
    positive = [is_biased(question("nonneg", *infos, groups=groups), n) for n in range(3)]
    unknown = next(n for n, info in enumerate(infos) if info[1] == "unknown")
    (other,) = {0, 1, 2} - {stereotyped, unknown}
    assert [n for n in range(3) if negative[n]] == [stereotyped]
    assert [n for n in range(3) if positive[n]] == [other]


def test_the_answers_are_those_of_the_slow_loop(model, oracle):
    rows = Bbq(limit=12).items()
    expected = []
    for item in rows:
        prefix = f"{item['context']}\n\nQ: {item['question']}\nA:"
        scores = []
        for n in range(3):
            ids, answer = model.tokenizer.encode([prefix, item[f"ans{n}"]])
            scores.append(sum(oracle(model).log_probs(answer, ids)))
        expected.append(judge(item, scores.index(max(scores))))
    measured = estimate.values(Bbq(limit=12).measure(model, {}))
    assert measured == pytest.approx(metrics(expected))


def test_each_of_the_ten_wordings_of_unknown_is_an_alternative(model, oracle):
    """The ten wordings are those of lm-evaluation-harness; all stand for the one unknown answer."""
    rows = Bbq(limit=12).items()
    expected = []
    for item in rows:
        prefix = f"{item['context']}\n\nQ: {item['question']}\nA:"
        texts = [item["ans0"], item["ans2"], *UNKNOWN]
        scores = []
        for text in texts:
            ids, answer = model.tokenizer.encode([prefix, text])
            scores.append(sum(oracle(model).log_probs(answer, ids)))
        best = scores.index(max(scores))
        expected.append(judge(item, (0, 2)[best] if best < 2 else 1))
    measured = estimate.values(Bbq(limit=12, unknown="ten_ways").measure(model, {}))
    assert {name.replace("bbq_lmeval", "bbq"): value for name, value in measured.items()} == (
        pytest.approx(metrics(expected))
    )
    assert all("/bbq_lmeval/" in name for name in measured)


def test_items_are_the_same_each_time_and_a_smaller_limit_takes_the_first_of_them():
    assert Bbq(limit=8).items() == Bbq(limit=32).items()[:8]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_official_questions_are_drawn_evenly_and_have_one_biased_answer_each():
    rows = Bbq().items()
    assert len(rows) == 1000
    kinds = Counter((r["question_polarity"], r["context_condition"]) for r in rows)
    assert max(kinds.values()) - min(kinds.values()) <= 0.1 * len(rows) / 4
    drawn, available = (
        Counter(
            (r["question_index"], r["question_polarity"], r["context_condition"])
            for r in Bbq(limit=limit).items()
        )
        for limit in (1000, 10**6)
    )
    assert len(drawn) == len(available) > 180
    most = max(drawn.values())
    assert all(num in (available[stratum], most - 1, most) for stratum, num in drawn.items())
    assert all(sum(is_biased(r, n) for n in range(3)) == 1 for r in rows)
    assert all(sum("unknown" in r["answer_info"][f"ans{n}"] for n in range(3)) == 1 for r in rows)
    assert len(Bbq(limit=10**6).items()) > 5000
