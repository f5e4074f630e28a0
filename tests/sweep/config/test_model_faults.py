"""What no trial could do with its model is one sentence before anything starts."""

import json
import shutil

import pytest
import transformers

from sweep.config.model_faults import model_faults
from tests.conformance import harness_tasks
from trainables.config import TrialConfig
from trainables.models import miniature

SIZE = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "vocab_size": 400}
LLAMA = SIZE | {"intermediate_size": 8, "num_key_value_heads": 1, "pad_token_id": 0}
XGLM = {
    "d_model": 16, "ffn_dim": 8, "num_layers": 2, "attention_heads": 2, "vocab_size": 400,
    "max_position_embeddings": 128,
}  # fmt: skip
GEMMA3N = LLAMA | {
    "num_hidden_layers": 4, "head_dim": 8, "vocab_size_per_layer_input": 400,
    "hidden_size_per_layer_input": 8, "num_kv_shared_layers": 1, "altup_num_inputs": 2,
    "laurel_rank": 4, "intermediate_size": [8] * 4, "activation_sparsity_pattern": [0.0] * 4,
    "layer_types": ["sliding_attention", "full_attention"] * 2,
}  # fmt: skip
NYSTROM = SIZE | {"intermediate_size": 8, "num_landmarks": 8, "segment_means_seq_len": 64}


@pytest.fixture
def faults_of(tmp_path):
    """Return a function: class of transformers, settings, changes of a trial -> its faults.

    without: special tokens that the tokenizer has not.
    """

    def faults_of(kind, settings, without=(), **changes):
        is_masked = kind.endswith("MaskedLM")
        for file in ("tokenizer.json", "tokenizer_config.json"):
            shutil.copy(
                miniature.folder("miniature-bert" if is_masked else "miniature-llama") / file,
                tmp_path,
            )
        written = json.loads((tmp_path / "tokenizer_config.json").read_text())
        kept = {key: value for key, value in written.items() if key not in without}
        (tmp_path / "tokenizer_config.json").write_text(json.dumps(kept))
        made_by = getattr(transformers, kind)
        made_by(made_by.config_class(**settings)).save_pretrained(tmp_path)
        tree = {
            "model": {"path": str(tmp_path), "family": "masked" if is_masked else "causal"},
            "alignment": {"data": "miniature", "size": 8},
            "train": {"lr": 1e-3, "steps": 1},
            "evaluators": ["weights"],
        }
        return model_faults([TrialConfig.model_validate(tree | changes)])

    return faults_of


@pytest.mark.parametrize(
    ("kind", "settings", "sentence"),
    [
        ("XLNetLMHeadModel", {"d_model": 16, "n_layer": 2, "n_head": 2, "vocab_size": 400},
         "the predictions of this XLNetLMHeadModel depend on what follows"),
        ("NystromformerForMaskedLM", NYSTROM, "this NystromformerForMaskedLM fails at texts of"),
        ("YosoForMaskedLM", SIZE | {"intermediate_size": 8},
         "the predictions of this YosoForMaskedLM depend on the padding after the text"),
        ("XLMRobertaForMaskedLM", SIZE | {"intermediate_size": 8}, None),
        ("MambaForCausalLM",
         {"hidden_size": 16, "num_hidden_layers": 2, "vocab_size": 400, "state_size": 4}, None),
    ],
    ids=str,
)  # fmt: skip
def test_a_model_that_would_be_measured_wrongly_is_one_sentence(
    kind, settings, sentence, faults_of
):
    faults = faults_of(kind, settings, parameters={"name": "lora", "rank": 2})
    if sentence is None:
        assert faults == []
        return
    (fault,) = faults
    assert fault.startswith("trial.model.path: a ")
    assert sentence in fault


@pytest.mark.parametrize(
    ("kind", "settings", "changes", "sentence"),
    [
        ("XGLMForCausalLM", XGLM, {"train": {"lr": 1e-3, "steps": 1, "dtype": "bf16"}},
         "trial.train.dtype must be fp32 for "),
        ("Gemma3nForCausalLM", GEMMA3N, {"objective": "orthogonal"},
         "trial.objective.name must be of an objective that reads no hidden states, as "),
    ],
    ids=str,
)  # fmt: skip
def test_what_a_model_is_not_able_to_do_is_one_sentence(
    kind, settings, changes, sentence, faults_of
):
    (fault,) = faults_of(kind, settings, **changes)
    assert fault.startswith(sentence)
    assert faults_of(kind, settings) == []


def test_an_evaluator_that_starts_as_the_harness_needs_bos_or_eos(faults_of):
    evaluators = ["crows_pairs", {"name": "crows_pairs", "start": "first"}]
    for without, is_refused in ((("bos_token", "eos_token"), True), (("bos_token",), False)):
        faults = faults_of("LlamaForCausalLM", LLAMA, without, evaluators=evaluators)
        assert len(faults) == is_refused
        assert all(
            fault.startswith("trial.evaluators: crows_pairs must be left") for fault in faults
        )
    no_end = ("bos_token", "eos_token")
    assert faults_of("LlamaForCausalLM", LLAMA, no_end, evaluators=["winogender"]) == []


LONG = "the wolf eats a deer and sees the cook who sees the bread " * 9


@pytest.mark.parametrize(
    ("evaluator", "sentence"),
    [
        ({"name": "multiple_choice", "task": "FILE"}, "multiple_choice: FILE, row 2 (line 3) must fit "),
        ({"name": "stereoset"}, "stereoset: a text must fit into the 16 positions "),
        ({"name": "crows_pairs", "start": "first"}, "crows_pairs: a text must fit into the 16 positions "),
        ({"name": "winogender"}, "winogender: a text must fit into the 16 positions of "),
        ({"name": "winogender", "ask": "referent"}, None),
        ({"name": "winobias"}, "winobias: a text must fit into the 16 positions of "),
        ({"name": "perplexity", "data": "miniature"}, None),
        ({"name": "seat"}, None),
    ],
    ids=str,
)  # fmt: skip
def test_a_text_that_must_fit_whole_into_the_model_is_one_sentence(
    evaluator, sentence, faults_of, tmp_path
):
    file = tmp_path / "mine.csv"
    file.write_text(f"question,choice_1,choice_2,answer\nWho?,she,he,0\nWho?,she,{LONG},0\n")
    evaluator = {key: value.replace("FILE", str(file)) for key, value in evaluator.items()}
    few = LLAMA | {"max_position_embeddings": 16}
    faults = faults_of("LlamaForCausalLM", few, evaluators=[evaluator])
    many = LLAMA | {"max_position_embeddings": 4096}
    assert faults_of("LlamaForCausalLM", many, evaluators=[evaluator]) == []
    if sentence is None:
        assert faults == []
        return
    (fault,) = faults
    assert fault.startswith("trial.evaluators: " + sentence.replace("FILE", str(file)))


def test_pairs_that_are_alike_as_the_model_reads_them_are_one_sentence(faults_of, tmp_path):
    file = tmp_path / "late.jsonl"
    start = "the wolf eats a deer " * 20
    late = {"stereotype": f"{start} and she left .", "antistereotype": f"{start} and he left ."}
    file.write_text(json.dumps(late))
    many = LLAMA | {"max_position_embeddings": 512}

    def faults(objective, max_tokens, settings):
        train = {"lr": 1e-3, "steps": 1, "max_tokens": max_tokens}
        data = {"data": str(file)}
        return faults_of(
            "LlamaForCausalLM", settings, objective=objective, train=train, alignment=data
        )

    (fault,) = faults("dpo", 64, many)
    assert fault.startswith(
        "trial.train.max_tokens must let objective dpo see a pair differ, but in "
    )
    assert fault.endswith("1 pair of " + str(file) + " does: put what differs first, or raise it.")
    assert faults("cda", 64, many) == faults("dpo", 256, many) == []
    (fault,) = faults("dpo", 256, LLAMA | {"max_position_embeddings": 32})
    assert "in the first 31 tokens, which" in fault
    assert fault.endswith("or raise it, with a model of more positions.")


def test_pairs_that_differ_in_what_the_model_has_no_tokens_for_are_one_sentence(
    faults_of, tmp_path
):
    file = tmp_path / "german.jsonl"
    rows = [
        {"stereotype": f"die Frau{n} lacht", "antistereotype": f"der Mann{n} lacht"}
        for n in range(30)
    ]
    file.write_text("\n".join(map(json.dumps, rows)))
    settings = {"objective": "dpo", "alignment": {"data": str(file)}}
    (fault,) = faults_of("LlamaForCausalLM", LLAMA, **settings)
    assert fault.startswith(
        "trial.model.path must read the texts of a pair differently for objective"
    )
    assert f"has no tokens for what differs in any of the 30 pairs of {file}: take" in fault
    known = {"stereotype": "the wolf eats deer", "antistereotype": "the wolf eats hay"}
    file.write_text("\n".join(map(json.dumps, [*rows[:5], known])))
    assert faults_of("LlamaForCausalLM", LLAMA, **settings) == []


LAST_WORDS = """\
task: last_words
dataset_path: json
dataset_kwargs: {data_files: {test: words.jsonl}}
output_type: loglikelihood
test_split: test
doc_to_text: the wolf
doc_to_target: "{{text}}"
metric_list: [{metric: acc}]
"""


def test_what_a_task_of_the_harness_writes_or_scores_must_fit(faults_of, tmp_path):
    def faults(task, num_positions):
        few = LLAMA | {"max_position_embeddings": num_positions}
        return faults_of("LlamaForCausalLM", few, evaluators=[{"name": "harness", "task": task}])

    with harness_tasks():
        (fault,) = faults("mini_animals", 4)
        assert fault.startswith(
            "trial.evaluators: harness: max_gen_toks must be below the 4 positions"
        )
        assert faults("mini_animals", 5) == []
    own = tmp_path / "tasks"
    own.mkdir()
    (own / "words.yaml").write_text(LAST_WORDS)
    texts = (" eats deer", " eats deer and sees the cook")
    (own / "words.jsonl").write_text("".join(json.dumps({"text": t}) + "\n" for t in texts))
    with harness_tasks(own):
        (fault,) = faults("last_words", 5)
        assert "harness: item 2 of the task last_words must fit into the 5 positions" in fault
        assert faults("last_words", 8) == []


def test_a_chat_template_that_refuses_a_user_is_a_fault_of_a_chat_alone(faults_of, tmp_path):
    (tmp_path / "chat_template.jinja").write_text("{{ raise_exception('needs a system turn') }}")
    assert faults_of("LlamaForCausalLM", LLAMA) == []
    chat = {"path": str(tmp_path), "family": "causal", "format": "chat"}
    (fault,) = faults_of("LlamaForCausalLM", LLAMA, model=chat)
    assert fault.startswith("trial.model.format must be plain, ")
    assert fault.endswith("but got 'chat': needs a system turn.")


def test_a_chat_template_without_end_is_one_fault_of_the_model(faults_of, tmp_path):
    loops = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
    (tmp_path / "chat_template.jinja").write_text(loops)
    (fault,) = faults_of("LlamaForCausalLM", LLAMA)
    assert fault.startswith("trial.model.path: the chat template must write its turns within 1 s, ")
