"""Sets that are both trained and measured on are found before anything starts."""

import json

import pytest

from sweep.config.preflight import DoNotFit, prepare
from trainables.evaluators import StereoSet


def test_a_spec_that_trains_on_what_it_is_measured_on_is_refused_unless_it_says_so(
    spec_with, tmp_path
):
    text = StereoSet(data="miniature", limit=40).texts()[0]
    pairs = tmp_path / "pairs.csv"
    pairs.write_text(f"stereotype,antistereotype\n{text},the wolf eats deer\n")
    replaced = {"data: miniature, size: 50": f"data: {pairs}"}
    with pytest.raises(DoNotFit) as caught:
        prepare(spec_with(replaced))
    (sentence,) = str(caught.value).splitlines()
    assert sentence.startswith("trial.alignment.data must have no text that is measured on, but ")
    assert "has 1 of stereoset (miniature), such as" in sentence
    prepare(spec_with(replaced | {"  train:": "  allow_overlap: true\n  train:"}))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ("size: 60}", "trial.alignment.size must be at most the 53 pairs of "),
        ("size: 50}", None),
        ("size: 50}\n  replay: {data: TEXTS, ratio: 0.5}", "trial.replay.data must have a text that is "),
        ("size: 50}\n  regulariser: {name: kl_to_base, data: TEXTS}",
         "trial.regulariser.data must have a text that is neither measured on nor in the alignment "),
    ],
)  # fmt: skip
def test_sets_of_which_nothing_is_left_to_train_on_are_found_before_anything_starts(
    changes, sentence, spec_with, tmp_path
):
    """Of 60 texts 7 are held out by digest, and with them the pairs that have one."""
    texts = [f"she has {n} hats" for n in range(60)]
    pairs = [{"stereotype": text, "antistereotype": text.replace("she", "he")} for text in texts]
    (tmp_path / "pairs.jsonl").write_text("\n".join(map(json.dumps, pairs)))
    (tmp_path / "texts.txt").write_text("\n".join(texts))
    changes = changes.replace("TEXTS", str(tmp_path / "texts.txt"))
    spec = spec_with(
        {
            "data: miniature, size: 50}": f"data: {tmp_path / 'pairs.jsonl'}, {changes}",
            "perplexity, data: miniature": f"perplexity, data: {tmp_path / 'texts.txt'}",
        }
    )
    if sentence is None:
        prepare(spec)
        return
    with pytest.raises(DoNotFit) as caught:
        prepare(spec)
    (fault,) = str(caught.value).splitlines()
    assert fault.startswith(sentence)
