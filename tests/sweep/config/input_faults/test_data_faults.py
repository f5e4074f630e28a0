"""Rows that cannot be used, and sets with too few of them, are one sentence each."""

import pytest

from sweep.config.preflight import DoNotFit, prepare


def test_sets_without_a_text_or_without_a_real_share_are_one_sentence(spec_with, tmp_path):
    (tmp_path / "empty.txt").write_text("\n")
    (tmp_path / "rain.txt").write_text("It rains.\n")
    (tmp_path / "pairs.csv").write_text("stereotype,antistereotype\nshe is,he is\n")
    size = "size: 50}"
    for replaced, sentence in (
        (
            {size: f"size: 50}}\n  replay: {{data: {tmp_path}/empty.txt, ratio: 0.5}}"},
            "trial.replay.data: .*empty.txt: must have rows of data, but has none",
        ),
        (
            {f"miniature, {size}": f"{tmp_path}/rain.txt}}"},
            "rain.txt must have pairs, or texts with a word that swap: improved, words: gender has",
        ),
        (
            {
                f"miniature, {size}": f"{tmp_path}/pairs.csv}}",
                "- none": "- {name: target_distribution, target: real_world}",
            },
            "trial.objective.target must be equal with .*pairs.csv, in which no pair has a known real",
        ),
    ):
        with pytest.raises(DoNotFit, match=sentence):
            prepare(spec_with(replaced))


def test_a_row_that_lacks_a_field_is_found_before_anything_starts(spec_with, tmp_path):
    pairs = tmp_path / "pairs.jsonl"
    pairs.write_text('{"stereotype": "a", "antistereotype": "b"}\n{"stereotype": "a"}\n')
    spec = spec_with({"data: miniature, size: 50": f"data: {pairs}"})
    with pytest.raises(DoNotFit, match="line 2: must have text in the field 'antistereotype'"):
        prepare(spec)


def test_texts_without_a_word_to_swap_are_found_before_anything_starts(spec_with, tmp_path):
    texts = tmp_path / "texts.txt"
    texts.write_text("it rained\n")
    with pytest.raises(DoNotFit, match=r"texts\.txt must have pairs, or texts with a word that"):
        prepare(spec_with({"data: miniature, size: 50": f"data: {texts}"}))


@pytest.mark.parametrize(
    ("texts", "sentence"),
    [
        (
            range(12),  # 11 is held out
            "perplexity: .*texts.txt must have texts of at least 3 sources that are held out to measure "
            "on, as a tenth is by digest, but of its 12 texts 1 is, of 1 source: give more texts",
        ),
        (
            range(60),  # 11 and 46 are held out: two have no error
            "of its 60 texts 2 are, of 2 sources: give more texts, or more of them a source of their own",
        ),
        (
            [11, 46],
            "replay.data: .* must have texts that are not held out .* of its 2 texts each is",
        ),
    ],
)
def test_too_few_texts_to_measure_on_or_to_train_on_are_one_sentence(
    texts, sentence, spec_with, tmp_path
):
    (tmp_path / "texts.txt").write_text("\n".join(map(str, texts)))
    replaced = {
        "perplexity, data: miniature": f"perplexity, data: {tmp_path}/texts.txt",
        "size: 50}": f"size: 50}}\n  replay: {{data: {tmp_path}/texts.txt, ratio: 0.5}}",
    }
    with pytest.raises(DoNotFit, match=sentence):
        prepare(spec_with(replaced))


HALF = "She was tired \\ud83d"


@pytest.mark.parametrize(
    ("name", "text", "replaced", "sentence"),
    [
        (
            "pairs.csv",
            "stereotype,antistereotype\nShe was tired, so she left.,He was tired, so he left.\n",
            ("data: miniature, size: 50", "data: FILE"),
            "trial.alignment.data: FILE, row 1 (line 2): must have a cell for each of the 2 headings",
        ),
        (
            "pairs.jsonl",
            f'{{"stereotype": "{HALF}", "antistereotype": "He was tired"}}\n',
            ("data: miniature, size: 50", "data: FILE"),
            "trial.alignment.data: FILE, line 1: must have sound text in the field 'stereotype'",
        ),
        (
            "texts.jsonl",
            f'{{"text": "{HALF}"}}\n',
            ("perplexity, data: miniature", "perplexity, data: FILE"),
            "trial.evaluators: perplexity: FILE, line 1: must have sound text in the field 'text'",
        ),
        (
            "labels.jsonl",
            f'{{"text": "{HALF}", "label": 1}}\n',
            ("perplexity, data: miniature, limit: 20", "probe, data: FILE"),
            "trial.evaluators: probe: FILE, line 1: must have sound text in the field 'text'",
        ),
        (
            "items.jsonl",
            f'{{"question": "Who?", "choices": ["she", "{HALF}"], "answer": 0}}\n',
            ("perplexity, data: miniature, limit: 20", "multiple_choice, task: FILE"),
            "trial.evaluators: multiple_choice: FILE, line 1: must have sound text in every choice",
        ),
    ],
)
def test_a_row_that_cannot_be_used_is_found_with_its_place(
    name, text, replaced, sentence, spec_with, tmp_path
):
    (tmp_path / name).write_text(text)
    old, new = (part.replace("FILE", str(tmp_path / name)) for part in replaced)
    goals = {"gap, forgetting/general/nll_rise": "gap"} if "perplexity" not in new else {}
    with pytest.raises(DoNotFit) as caught:
        prepare(spec_with({old: new} | goals))
    assert sentence.replace("FILE", str(tmp_path / name)) in str(caught.value)


def test_a_replay_of_ratio_0_is_not_read_but_its_digest_is_recorded(spec_with, tmp_path):
    (tmp_path / "texts.jsonl").write_text('{"words": "none"}\n')
    replay = f"size: 50}}\n  replay: {{data: {tmp_path}/texts.jsonl, ratio: RATIO}}"
    spec = spec_with({"size: 50}": replay.replace("RATIO", "0.0")})
    assert f"replay.{tmp_path}/texts.jsonl" in prepare(spec)
    with pytest.raises(
        DoNotFit, match=r"trial\.replay\.data: .*line 1: must have text in the field"
    ):
        prepare(spec_with({"size: 50}": replay.replace("RATIO", "{choice: [0.0, 0.5]}")}))
