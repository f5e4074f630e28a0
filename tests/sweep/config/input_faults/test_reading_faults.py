"""Texts that are too long for a model, or alike as it reads them, are one sentence each."""

import json

import pytest

from tests.conformance import harness_tasks
from tests.sweep.config.input_faults.conftest import LLAMA

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
