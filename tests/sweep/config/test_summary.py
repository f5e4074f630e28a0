"""What `sweep check` says of a sound spec."""

import json

import pytest

from sweep.config.preflight import prepare
from sweep.config.summary import summary
from trainables.models.loading import load
from trainables.training.stream import Stream


@pytest.fixture
def spec_with(spec_with):
    """spec_with({old: new}): the tiny spec with these replacements, and its models and data there."""

    def with_inputs(replaced):
        spec = spec_with(replaced)
        prepare(spec)
        return spec

    return with_inputs


def about(spec, words):
    """The one sentence that has these words."""
    (sentence,) = [sentence for sentence in summary(spec) if words in sentence]
    return sentence


def test_trials_goals_search_and_start_come_first_and_every_sentence_ends(spec_with):
    sentences = summary(spec_with({}))
    assert sentences[:4] == [
        "4 trials.",
        "goals: bias/miniature/gap, forgetting/general/nll_rise.",
        "searched: objective, objective.weight, train.lr.",
        "texts begin behind '<s>' (format: plain).",
    ]
    assert all(sentence.endswith(".") for sentence in sentences)


@pytest.mark.parametrize(
    ("trials", "seeds", "expected"),
    [
        (8, 4, "8 trials, 2 recipes of 4 seeds."),
        (
            9,
            4,
            "9 trials, 2 recipes of 4 seeds and one of 1 seed alone: replicates.seeds is 4, so that "
            "no recipe lacks seeds if budget.trials is 8 or 12.",
        ),
        (
            3,
            4,
            "3 trials, one of 3 seeds alone: replicates.seeds is 4, so that no recipe lacks "
            "seeds if budget.trials is 4.",
        ),
    ],
)
def test_a_recipe_that_will_lack_seeds_is_said(trials, seeds, expected, spec_with):
    budget = f"replicates: {{seeds: {seeds}}}\nbudget: {{trials: {trials}}}"
    assert summary(spec_with({"budget: {trials: 4}": budget}))[0] == expected


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (", size: 3", "takes 3 "),
        (", size: {choice: [5, 2]}", "takes 2 or 5 "),
        (", size: {choice: [1, 3, 6]}", "takes 1 to 6 "),
        ("", "takes all "),
    ],
)
def test_pairs_are_counted_as_the_trial_finds_them(size, words, spec_with, tmp_path):
    pairs = [{"stereotype": f"he slept {n}", "antistereotype": f"she slept {n}"} for n in range(7)]
    (tmp_path / "pairs.jsonl").write_text("\n".join(map(json.dumps, pairs)))
    spec = spec_with({"miniature, size: 50": f"{tmp_path}/pairs.jsonl{size}"})
    sentence = about(spec, "to align on")
    assert sentence.startswith(f"{tmp_path}/pairs.jsonl: 7 pairs to align on, of which a trial ")
    assert words in sentence


@pytest.mark.parametrize("ratio", [0.25, 0.75])
def test_the_replayed_texts_that_will_be_missing_are_those_that_a_trial_misses(
    ratio, spec_with, tmp_path
):
    """30 texts, of which the replay has those that are no twin of a pair and not held out."""
    texts = [f"the weather was fine on day {n}" for n in [*range(26), 3, 3]]
    texts += ["he slept 0", "she slept 1"]
    (tmp_path / "texts.txt").write_text("\n".join(texts))
    pairs = [{"stereotype": f"he slept {n}", "antistereotype": f"she slept {n}"} for n in range(7)]
    (tmp_path / "pairs.jsonl").write_text("\n".join(map(json.dumps, pairs)))
    spec = spec_with(
        {
            "{data: miniature, size: 50}": f"{{data: {tmp_path}/pairs.jsonl}}\n"
            f"  replay: {{data: {tmp_path}/texts.txt, ratio: {ratio}}}",
            "steps: 2, batch_size: 4": "steps: 10, batch_size: 4",
        }
    )
    config = spec.trials()[0]
    stream = Stream(config, load(config.model.path, config.model.family))
    wanted = round(ratio * 40)
    sentence = about(spec, "to replay")
    assert f"{len(stream.old)} texts to replay (2 repeats among them)" in sentence
    if ratio == 0.25:
        assert stream.shortfall == 0
        assert sentence.endswith(f"of which a trial takes at most {wanted}.")
    else:
        assert stream.shortfall > 0
        assert f"may want {wanted} (replay.ratio 0.75 of 40 texts" in sentence
        assert f"the {stream.shortfall} that are missing" in sentence


def test_how_much_of_a_users_texts_is_kept_to_measure_on_is_said(spec_with, tmp_path):
    (tmp_path / "texts.txt").write_text("\n".join(map(str, range(71))))  # 11, 46, 70 are held out
    labelled = [f'{{"text": "text {n}", "label": {n % 2}}}' for n in range(40)]
    (tmp_path / "moods.jsonl").write_text("\n".join(labelled))
    spec = spec_with(
        {
            "perplexity, data: miniature": f"perplexity, data: {tmp_path}/texts.txt",
            "limit: 40}": f"limit: 40}}\n    - {{name: probe, data: {tmp_path}/moods.jsonl}}",
            "size: 50}": "size: 50}\n  replay: {data: miniature, ratio: 0.5}",
        }
    )
    *_, moods = summary(spec)
    assert (
        f"{tmp_path}/texts.txt: 3 of 71 texts are held out of training, to measure on."
    ) in summary(spec)
    head, _, tail = moods.partition(": probe trains on ")
    assert head == f"{tmp_path}/moods.jsonl"
    train, test = (int(word) for word in tail.split() if word.isdecimal())
    assert train + test == 40
