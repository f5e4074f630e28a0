"""Models and data of a sweep, fetched and compared with what its spec needs."""

import pytest

from sweep.config.check import check
from sweep.config.preflight import (
    DoNotFit,
    faults_of_sound_part,
    prepare,
)
from tests.sweep.conftest import TINY
from trainables.schema.faults import MAX_SENTENCES
from trainables.schema.yaml_file import FURTHER, SpecError, read


def test_every_model_and_data_set_that_a_trial_may_use_has_its_digest(spec_with):
    digests = prepare(spec_with({}))
    assert set(digests) == {
        *("alignment.miniature", "evaluator.general", "evaluator.miniature"),
        "model.miniature-llama",
    }
    assert all(len(digest) == 64 for digest in digests.values())


def test_a_wrong_family_and_a_set_that_is_too_small_are_reported_together(spec_with):
    spec = spec_with({"-llama}": "-llama, family: masked}", "size: 50": "size: 10000000"})
    with pytest.raises(DoNotFit) as caught:
        prepare(spec)
    family, size = str(caught.value).splitlines()
    assert family == (
        "trial.model.family must be causal, as miniature-llama is a causal model, but got 'masked'."
    )
    assert size.startswith("trial.alignment.size must be at most the ")
    assert size.endswith(" pairs of miniature, but got 10000000.")


def test_the_texts_of_a_regulariser_are_read_and_have_their_digest(spec_with, tmp_path):
    texts = tmp_path / "texts.jsonl"
    texts.write_text('{"text": "the wolf eats deer"}\n{"words": "none"}\n')
    regulariser = "size: 50}\n  regulariser: {name: NAME, data: SET}"
    for name in ("fisher", "kl_to_base"):
        spec = spec_with(
            {"size: 50}": regulariser.replace("NAME", name).replace("SET", str(texts))}
        )
        with pytest.raises(DoNotFit, match=r"trial.regulariser.data: .*line 2: must have text in"):
            prepare(spec)
        spec = spec_with(
            {"size: 50}": regulariser.replace("NAME", name).replace("SET", "miniature")}
        )
        assert "regulariser.miniature" in prepare(spec)


@pytest.mark.parametrize(
    ("key", "given", "instead"),
    [
        ("trial.model.path", "{path: miniature-llama}", "{path: ./{LONG}}"),
        ("trial.alignment.data", "data: miniature, size: 50", "data: {LONG}.csv"),
        ("trial.replay.data", "train:", "replay: {data: ./{LONG}.txt, ratio: 0.5}\n  train:"),
    ],
)
def test_a_path_that_no_file_can_have_is_one_bounded_sentence(key, given, instead, spec_with):
    spec = spec_with({given: instead.replace("{LONG}", "a" * 3000)})
    with pytest.raises(DoNotFit) as caught:
        prepare(spec)
    assert f"{key}: must be what can be read, but: File name too long: " in str(caught.value)
    assert len(str(caught.value)) < 600


def test_of_many_files_that_are_missing_the_first_are_told(tmp_path):
    path = tmp_path / "spec.yaml"
    files = ", ".join(f"missing{number}.csv" for number in range(200))
    path.write_text(TINY.replace("data: miniature, size: 50", f"data: {{choice: [{files}]}}"))
    document = read(path)
    with pytest.raises(DoNotFit) as caught:
        prepare(check(document), document)
    *sentences, last = str(caught.value).splitlines()
    assert len(sentences) == MAX_SENTENCES
    assert sentences[0].startswith(f"{path}:4: trial.alignment.data: there is no file missing0.csv")
    assert last == FURTHER


def test_faults_of_models_and_data_come_together_with_those_of_the_file(tmp_path):
    text = (
        TINY.replace("steps: 2", "stpes: 2")
        .replace("data: miniature, size: 50", "data: none.csv, sise: 50")
        .replace("- none", "- {name: likelihood_gap, wieght: 3}")
        .replace("bias/miniature/gap", "bias/miniature/gpa")
    )
    path = tmp_path / "spec.yaml"
    path.write_text(text)
    document = read(path)
    with pytest.raises(SpecError) as caught:
        check(document)
    assert len(caught.value.sentences) >= 5
    (fault,) = faults_of_sound_part(document)
    assert fault.startswith(f"{path}:4: trial.alignment.data: ")
    assert "none.csv" in fault
