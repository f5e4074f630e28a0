"""Models and data of a sweep, fetched and compared with what its spec needs."""

import json
import shutil

import pytest
import transformers

from sweep.config.check import check
from sweep.config.preflight import (
    DoNotFit,
    faults_of_sound_part,
    prepare,
    sets_of,
)
from tests.sweep.conftest import TINY
from trainables.evaluators import StereoSet
from trainables.models import miniature
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


def test_a_start_that_the_tokenizer_lacks_is_refused(spec_with):
    for setting, sentence in {
        "start: <x>": "trial.model.start must be auto, none, or a token that the tokenizer has ",
        "format: chat": "trial.model.format must be plain where the tokenizer has no chat template",
    }.items():
        with pytest.raises(DoNotFit) as caught:
            prepare(spec_with({"-llama}": f"-llama, {setting}}}"}))
        assert str(caught.value).startswith(sentence)


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


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ("{name: lora, targets: [query]}", r"trial.parameters.targets must be .*'query'\."),
        ("{name: freeze, first_blocks: 3}", "trial.parameters.first_blocks .* the 2 blocks of"),
    ],
)
def test_parameters_that_the_model_does_not_have_are_one_sentence(parameters, sentence, spec_with):
    with pytest.raises(DoNotFit, match=sentence):
        prepare(spec_with({"size: 50}": f"size: 50}}\n  parameters: {parameters}"}))


@pytest.fixture
def folder_with(tmp_path):
    """folder_with(kind, **settings): the folder of an untrained model of a class of transformers."""

    def write(kind, **settings):
        folder = tmp_path / kind
        for file in ("tokenizer.json", "tokenizer_config.json"):
            folder.mkdir(exist_ok=True)
            shutil.copy(miniature.folder("miniature-bert") / file, folder)
        made_by = getattr(transformers, kind)
        size = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
        made_by(made_by.config_class(**size | {"vocab_size": 300} | settings)).save_pretrained(
            folder
        )
        return folder

    return write


@pytest.mark.parametrize(
    ("kind", "family", "settings", "sentence"),
    [
        ("T5ForConditionalGeneration", "causal", {"d_ff": 8}, "an encoder-decoder: give another"),
        ("BertLMHeadModel", "causal", {}, "must say is_decoder: true for a causal model"),
        (
            "BertForSequenceClassification",
            "masked",
            {},
            "are missing or of another shape, cls.pred",
        ),
        ("ElectraForPreTraining", "masked", {}, "the file has others, such as discriminator_pred"),
        ("BertForMaskedLM", "causal", {}, "trial.model.family must be masked, as .* is a masked"),
        (
            "BertForMaskedLM",
            "masked",
            {"vocab_size": 40},
            "must know no more tokens than the model",
        ),
        ("LlamaForCausalLM", "causal", {"intermediate_size": 8}, None),
        ("BloomForCausalLM", "causal", {}, None),
    ],
)
def test_a_model_that_no_trial_could_use_is_one_sentence(
    kind, family, settings, sentence, folder_with, spec_with
):
    folder = folder_with(kind, **settings)
    spec = spec_with({"path: miniature-llama": f"path: {folder}, family: {family}"})
    if sentence is None:
        prepare(spec)
        return
    with pytest.raises(DoNotFit, match=sentence) as caught:
        prepare(spec)
    (fault,) = str(caught.value).splitlines()
    assert fault.startswith("trial.model.")
    assert str(folder) in fault


def test_blocks_that_share_their_weights_cannot_be_frozen_one_by_one(folder_with, spec_with):
    folder = folder_with("AlbertForMaskedLM", embedding_size=8, intermediate_size=8)
    for frozen, is_refused in (("first_blocks: 1", True), ("attention: true", False)):
        spec = spec_with(
            {
                "path: miniature-llama": f"path: {folder}, family: masked",
                "size: 50}": f"size: 50}}\n  parameters: {{name: freeze, {frozen}}}",
            }
        )
        if is_refused:
            with pytest.raises(DoNotFit, match="first_blocks and last_blocks must be left out"):
                prepare(spec)
        else:
            prepare(spec)


def test_an_objective_whose_words_the_tokenizer_cuts_is_one_sentence(folder_with, spec_with):
    folder = folder_with("BertForMaskedLM", intermediate_size=8)
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    vocabulary = tokenizer["model"]["vocab"]
    vocabulary["sheep"] = vocabulary.pop("she")  # no other word of the list is known
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    replaced = {"path: miniature-llama": f"path: {folder}, family: masked"}
    prepare(spec_with(replaced))
    with pytest.raises(
        DoNotFit, match=r"^trial\.objective equalising needs gendered words that are"
    ):
        prepare(spec_with(replaced | {"- none": "- equalising"}))


def test_a_row_that_lacks_a_field_is_found_before_anything_starts(spec_with, tmp_path):
    pairs = tmp_path / "pairs.jsonl"
    pairs.write_text('{"stereotype": "a", "antistereotype": "b"}\n{"stereotype": "a"}\n')
    spec = spec_with({"data: miniature, size: 50": f"data: {pairs}"})
    with pytest.raises(DoNotFit, match="line 2: must have text in the field 'antistereotype'"):
        prepare(spec)


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


def test_texts_without_a_word_to_swap_are_found_before_anything_starts(spec_with, tmp_path):
    texts = tmp_path / "texts.txt"
    texts.write_text("it rained\n")
    with pytest.raises(DoNotFit, match=r"texts\.txt must have pairs, or texts with a word that"):
        prepare(spec_with({"data: miniature, size: 50": f"data: {texts}"}))


def test_the_sets_of_a_trial_have_the_names_of_their_digests_and_its_model_is_none(spec_with):
    spec = spec_with({"size: 50}": "size: 50}\n  replay: {data: miniature, ratio: 0.5}"})
    names = sets_of(spec.trials()[0])
    assert names == [
        *("alignment.miniature", "replay.miniature", "evaluator.miniature", "evaluator.general"),
    ]
    assert set(names) == prepare(spec).keys() - {"model.miniature-llama"}


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
