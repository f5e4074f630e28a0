"""No text is trained on that is measured on, unless the trial allows it."""

import time

import pytest
from pydantic import TypeAdapter

from tests import conformance
from tests.conformance import instances
from tests.small_sets import write_sets
from tests.trainables.data.test_tables import write
from trainables import contamination
from trainables.assets import cache
from trainables.config import AlignmentConfig
from trainables.contamination import refuse_contamination
from trainables.data.sources import read_pairs
from trainables.data.text import normalised
from trainables.evaluators import AnyEvaluator, StereoSet
from trainables.training.stream import Stream
from trainables.trial import run_trial

pytestmark = pytest.mark.usefixtures("tasks")


@pytest.fixture(autouse=True)
def sets(own_cache):
    write_sets(own_cache)
    return own_cache


@pytest.fixture
def measured_text():
    """A text of the miniature's StereoSet as somebody else writes it."""
    text = StereoSet(data="miniature", limit=30).texts()[0]
    return f" {text.upper().replace(' ', '  ')} !"


@pytest.fixture
def leaking(measured_text, configure, tmp_path):
    rows = [
        {"stereotype": "the wolf eats deer", "antistereotype": "the wolf eats hay"},
        {"stereotype": measured_text, "antistereotype": "the wolf eats frogs"},
    ]
    file = write(tmp_path, "pairs.jsonl", rows)
    return lambda **changes: configure(alignment={"data": file}, **changes)


def test_a_trial_that_trains_on_texts_it_is_measured_on_is_refused_at_its_start(leaking):
    with pytest.raises(ValueError, match="must have no text that is measured on") as caught:
        list(run_trial(leaking()))
    sentence = str(caught.value)
    assert "pairs.jsonl has 1 of stereoset (miniature), such as 'the " in sentence
    assert sentence.endswith("or set allow_overlap: true, which is recorded.")
    assert "\n" not in sentence


def test_a_trial_that_allows_it_runs_and_is_recorded(leaking, llama):
    config = leaking(allow_overlap=True)
    assert len(Stream(config, llama).pairs) == 2
    assert config.flat()["allow_overlap"] is True
    assert config.fingerprint() != leaking().fingerprint()


def test_all_pairs_count_whichever_are_drawn(leaking):
    for seed in range(4):
        alignment = {"data": leaking().alignment.data, "size": 1, "seed": seed}
        with pytest.raises(ValueError, match="must have no text that is measured on"):
            refuse_contamination(
                leaking().model_copy(update={"alignment": AlignmentConfig(**alignment)})
            )


def test_twins_count_too(configure, measured_text, tmp_path):
    words = {"HE": "SHE", "SHE": "HE"}
    twin = " ".join(words.get(word, word) for word in measured_text.split())
    file = write(tmp_path, "texts.txt", [{"text": twin}])
    with pytest.raises(ValueError, match=r"texts\.txt has . of stereoset \(miniature\)"):
        refuse_contamination(configure(alignment={"data": file}))


def test_held_out_general_text_and_metrics_about_the_alignment_do_not_count(configure):
    evaluators = [
        {"name": "kl", "of": "alignment", "data": "miniature"},
        {"name": "perplexity", "data": "miniature"},
        "weights",
    ]
    refuse_contamination(configure(evaluators=evaluators))


@pytest.mark.parametrize("evaluator", instances(AnyEvaluator), ids=conformance.describe)
def test_every_evaluator_finds_its_own_texts_in_a_file_of_them(evaluator, configure, tmp_path):
    texts = list(evaluator.texts())
    if evaluator.name in ("perplexity", "kl", "weights"):
        assert not texts
        return
    assert all(isinstance(text, str) and text.strip() for text in texts)
    rows = [{"stereotype": text, "antistereotype": "x y"} for text in texts]
    training_set = contamination.TrainingPairs(
        write(tmp_path, "pairs.jsonl", rows), "improved", "gender"
    )
    shared = contamination.between(training_set, evaluator, "causal")
    assert shared.num_texts == len(set(map(normalised, texts)))
    assert shared.example in texts


def test_looking_again_costs_milliseconds(configure):
    refuse_contamination(configure())
    started = time.monotonic()
    for _ in range(10):
        refuse_contamination(configure())
    assert time.monotonic() - started < 1


def test_a_file_that_has_changed_is_looked_at_again(leaking, configure, tmp_path):
    with pytest.raises(ValueError, match="must have no text that is measured on"):
        refuse_contamination(leaking())
    rows = [{"stereotype": "the wolf eats deer", "antistereotype": "the wolf eats hay"}]
    write(tmp_path, "pairs.jsonl", rows)
    refuse_contamination(leaking())


REAL = [
    ("stereoset_test", {"name": "stereoset", "split": "test"}, 1541),
    ("stereoset_test", {"name": "stereoset", "domain": "all"}, 0),
    ("winobias", {"name": "winobias", "type": 1}, 790),
    ("winobias", {"name": "winobias", "type": 2, "split": "test"}, 0),
    ("bec_pro", {"name": "winogender", "ask": "referent"}, 0),
    ("bug_gold", {"name": "crows_pairs", "bias_type": "all"}, 0),
]


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("data", "settings", "num_texts"), REAL)
def test_real_sets_share_the_texts_that_they_are_known_to(data, settings, num_texts, monkeypatch):
    monkeypatch.delenv("EQUIPOISE_CACHE")
    evaluator = TypeAdapter(AnyEvaluator).validate_python(settings)
    assert (
        contamination.between(
            contamination.TrainingPairs(data, "improved", "gender"), evaluator, "causal"
        ).num_texts
        == num_texts
    )


def test_the_miniature_measures_on_nothing_that_is_aligned_on():
    texts = {text for pair in read_pairs("miniature") for text in pair[:2]}
    assert texts.isdisjoint(StereoSet(data="miniature").texts())


@pytest.mark.parametrize(
    ("key", "changes"),
    [
        ("replay", {"replay": {"ratio": 0.1}}),
        ("regulariser", {"regulariser": {"name": "kl_to_base"}}),
        ("regulariser", {"regulariser": {"name": "fisher"}}),
    ],
)
def test_texts_of_replay_and_regulariser_are_not_measured_on_either(
    key, changes, measured_text, configure, tmp_path
):
    (tmp_path / "texts.txt").write_text(f"the wolf eats deer\n{measured_text}\n")
    changes[key]["data"] = str(tmp_path / "texts.txt")
    with pytest.raises(ValueError, match=rf"{key}\.data must have no text that is measured on"):
        refuse_contamination(configure(**changes))
    refuse_contamination(configure(**changes, allow_overlap=True))
    if key == "replay":
        refuse_contamination(configure(replay=changes["replay"] | {"ratio": 0.0}))


def test_data_that_change_while_they_are_compared_leave_no_result(
    configure, measured_text, tmp_path
):
    file = tmp_path / "measured.txt"
    old, new = (f"{text}\n" for text in ("the wolf eats deer", measured_text))
    file.write_text(old)
    trained = write(tmp_path, "trained.jsonl", [{"text": measured_text}])

    class Meddling(StereoSet):
        def data_digest(self):
            return cache.digest(file)

        def texts(self):
            text = file.read_text()
            if text != new:
                file.write_text(new)
            return [text.strip()]

    evaluator = Meddling(data="miniature")
    with pytest.raises(cache.Changed, match="the data of stereoset must stay as it is while"):
        contamination.between(contamination.TrainingTexts(trained), evaluator, "causal")
    found = contamination.between(contamination.TrainingTexts(trained), evaluator, "causal")
    assert found.num_texts == 1
