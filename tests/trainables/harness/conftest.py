"""Tasks of tests/harness_tasks, and of a folder that a test writes."""

import pytest
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
from ruamel.yaml import YAML
from transformers import AutoModelForCausalLM, AutoTokenizer

from trainables.harness import folder


@pytest.fixture(autouse=True)
def _tasks(tasks):
    """All tests here have them."""


@pytest.fixture
def own_task(tmp_path):
    """Return a function that writes a task of two questions with these changes, and returns its name."""
    (tmp_path / "rows.jsonl").write_text(
        '{"text": "the wolf eats", "choices": ["deer", "frogs"], "label": 0}\n'
        '{"text": "the heron eats", "choices": ["deer", "frogs"], "label": 1}\n'
    )
    task = {
        "task": "mine",
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": "rows.jsonl"}},
        "test_split": "test",
        "output_type": "multiple_choice",
        "doc_to_text": "text",
        "doc_to_target": "label",
        "doc_to_choice": "choices",
        "metric_list": [{"metric": "acc"}],
    }

    def write(name="mine", **changes):
        with (tmp_path / f"{name}.yaml").open("w") as stream:
            YAML().dump(task | {"task": name} | changes, stream)
        folder.use(tmp_path)
        return name

    return write


@pytest.fixture(scope="session")
def hflm(loaded):
    """The harness's own model on the weights of the miniature Llama.

    Without its cache of logits, which takes the logits of a wrong place where the context and the
    beginning of an answer are together the context of another request.
    """
    path = loaded["miniature-llama"].path
    return HFLM(
        pretrained=AutoModelForCausalLM.from_pretrained(path),
        tokenizer=AutoTokenizer.from_pretrained(path),
        batch_size=3,
        device="cpu",
        logits_cache=False,
    )


@pytest.fixture
def requests():
    """Return a function that makes a request of the harness of each tuple of arguments."""

    def make(kind, arguments):
        return [Instance(kind, {}, each, 0, ("task", n, 1)) for n, each in enumerate(arguments)]

    return make
