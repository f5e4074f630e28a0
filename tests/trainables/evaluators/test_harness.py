"""Tasks of lm-evaluation-harness, against its own evaluation with its own model on the same weights."""

import json
import math

import pytest
import torch
from lm_eval import simple_evaluate
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager
from transformers import AutoModelForCausalLM, AutoTokenizer

from tests.conformance import TASKS
from tests.markdown import ROOT
from trainables.config import Measurement, TrialConfig
from trainables.contamination import faults_of
from trainables.evaluators import Harness
from trainables.harness import folder
from trainables.measure import base_value
from trainables.metrics import estimate
from trainables.models.language_model import LanguageModel

pytestmark = pytest.mark.usefixtures("tasks")
FOLDER = ROOT / "tests" / "harness_tasks"
NAMES = [f"mini_{name}" for name in TASKS]


@pytest.fixture(scope="module")
def moved(tmp_path_factory, loaded):
    """A causal model that has moved from its pretraining, so that its answers are of both kinds."""
    model = loaded["miniature-llama"]
    model.reset("fp32")
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in model.module.parameters():
            weight.add_(0.05 * torch.randn(weight.shape, generator=generator).to(weight.device))
    path = tmp_path_factory.mktemp("moved")
    model.save(path)
    model.reset("fp32")
    return LanguageModel(path, "causal")


@pytest.fixture(scope="module")
def theirs(moved):
    """The harness's own results on all tasks: {task: {"metric,filter": value}}."""
    lm = HFLM(
        pretrained=AutoModelForCausalLM.from_pretrained(moved.path),
        tokenizer=AutoTokenizer.from_pretrained(moved.path),
        batch_size=4,
        device="cpu",
    )
    tasks = TaskManager(include_path=FOLDER, include_defaults=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(FOLDER)  # relative paths of data are taken from there
        patch.setenv("DISABLE_MULTIPROC", "1")
        # The tasks of the group are measured with it.
        outside = [name for name in NAMES if name not in ("mini_capitals", "mini_pronouns")]
        return simple_evaluate(lm, tasks=outside, task_manager=tasks, bootstrap_iters=2)["results"]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", NAMES)
def test_the_metrics_are_those_of_the_harness_on_the_same_weights(name, moved, theirs):
    evaluator = Harness(task=name)
    ours = evaluator.measure(moved, {})
    expected = {
        key: value
        for key, value in theirs[name].items()
        if "," in key and not key.partition(",")[0].endswith("_stderr")
    }
    assert len(ours) == len(expected)
    has_filters = len({key.partition(",")[2] for key in expected}) > 1
    for key, value in expected.items():
        metric, _, filter_name = key.partition(",")
        quantity = f"{metric}_{filter_name}" if has_filters else metric
        assert ours[f"task/{name}/{quantity}"].value == pytest.approx(value, rel=1e-6), key


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("name", "metric"),
    [("mini_capitals", "acc"), ("mini_last_word", "acc")],
)
def test_the_error_of_a_mean_is_that_of_the_harness(name, metric, moved, theirs):
    metric, _, filter_name = metric.partition(",")
    expected = theirs[name][f"{metric}_stderr,{filter_name or 'none'}"]
    quantity = f"{metric}_{filter_name}" if filter_name else metric
    measured = Harness(task=name).measure(moved, {})[f"task/{name}/{quantity}"]
    assert measured.se == pytest.approx(expected, rel=1e-9)
    assert measured.items.names == tuple(map(str, range(len(measured.items.names))))


def test_the_answers_of_the_moved_model_are_of_both_kinds(moved):
    for name, metric in (
        ("capitals", "acc"),
        ("pronouns", "acc"),
        ("animals", "exact_match_whole"),
    ):
        value = Harness(task=f"mini_{name}").measure(moved, {})[f"task/mini_{name}/{metric}"].value
        assert 0 < value < 1, name


def test_examples_stand_before_each_item_and_in_the_names_of_metrics(moved):
    usual = Harness(task="mini_pronouns")
    assert usual.metrics("causal") == Harness(task="mini_pronouns", num_fewshot=2).metrics("causal")
    more = Harness(task="mini_pronouns", num_fewshot=5)
    names = [metric.name for metric in more.metrics("causal")]
    assert names == [f"task/mini_pronouns_5shot/{metric}" for metric in ("acc", "f1", "mcc")]
    assert list(more.measure(moved, {})) == names
    assert more.data_digest() != usual.data_digest()


def test_the_limit_takes_the_first_items(moved):
    whole = Harness(task="mini_capitals").measure(moved, {})["task/mini_capitals/acc"]
    first = Harness(task="mini_capitals", limit=10).measure(moved, {})["task/mini_capitals/acc"]
    assert first.outcomes_I.tolist() == whole.outcomes_I[:10].tolist()
    assert len(Harness(task="mini_choices", limit=10).items()) == 20, "of each task"


def test_two_models_are_compared_on_the_same_items(moved, llama):
    for name in NAMES:
        evaluator = Harness(task=name)
        one, other = evaluator.measure(moved, {}), evaluator.measure(llama, {})
        for metric, measured in one.items():
            assert measured.items == other[metric].items


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            {"task": "mini_capitls"},
            r"must be a task of lm-evaluation-harness 0\.4\.\d+ or of /.*, but got 'mini_capitls'; "
            r"did you mean 'mini_capitals'\?",
        ),
        (
            {"task": "../tasks/mine.yaml"},
            r"must be the name of a task, not a path, .*--harness-tasks",
        ),
        (
            {"task": "mini_texts"},
            r"mini_texts is a tag of several: .* mini_last_word, mini_passages",
        ),
        ({"task": "mini_animals", "num_fewshot": 1}, "num_fewshot must be 0 or left out"),
        ({"task": "mini_capitals", "num_fewshot": -1}, "greater than or equal to 0"),
        ({"task": "mini_capitals", "limit": 0}, "greater than or equal to 1"),
    ],
    ids=str,
)
@pytest.mark.timeout(180)  # the first time the package's thousands of tasks are listed
def test_what_cannot_be_measured_is_refused_in_a_sentence(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        Harness.model_validate(settings)


def test_a_masked_model_is_refused_in_a_sentence():
    tree = {
        "model": {"path": "any", "family": "masked"},
        "evaluators": [{"name": "harness", "task": "mini_capitals"}],
    }
    sentence = "evaluator harness is for causal models, but model.family is masked"
    with pytest.raises(ValueError, match=sentence):
        Measurement.model_validate(tree)
    with pytest.raises(ValueError, match=sentence):
        TrialConfig.model_validate(
            tree | {"alignment": {"data": "miniature"}, "train": {"lr": 0.1, "steps": 1}}
        )


def test_a_trial_is_refused_that_would_train_on_a_text_of_the_task(tmp_path, configure):
    (tmp_path / "mine.jsonl").write_text(
        json.dumps({"stereotype": "The wolf eats DEER!", "antistereotype": "the wolf eats frogs"})
    )
    trial = configure(
        evaluators=[{"name": "harness", "task": "mini_last_word"}],
        alignment={"data": str(tmp_path / "mine.jsonl")},
    )
    (fault,) = faults_of(trial)
    assert "of harness (mini_last_word), such as 'the wolf eats deer'" in fault.sentence


def test_a_model_that_has_diverged_has_no_number(llama):
    with torch.no_grad():
        for weight in llama.module.parameters():
            weight.fill_(math.nan)
    for name in NAMES:
        values = estimate.values(Harness(task=name).measure(llama, {}))
        assert all(map(math.isnan, values.values())), name


@pytest.fixture
def keyed(tmp_path):
    """A folder with a task whose code reads its right answers from a file beside it."""
    place = tmp_path / "tasks"
    (place / "mine").mkdir(parents=True)
    (place / "common.yaml").write_text(
        "output_type: multiple_choice\ndoc_to_text: text\ndoc_to_target: label\n"
        "doc_to_choice: choices\nmetric_list: [{metric: acc}]\n"
    )
    (place / "mine" / "mine.yaml").write_text(
        "include: ../common.yaml\ntask: mine\ndataset_path: json\ntest_split: test\n"
        "dataset_kwargs: {data_files: {test: rows.jsonl}}\nprocess_results: !function utils.judged\n"
    )
    row = {"text": "the wolf eats", "choices": ["deer", "frogs"], "label": 0}
    (place / "mine" / "rows.jsonl").write_text(f"{json.dumps(row)}\n" * 3)
    (place / "mine" / "utils.py").write_text(
        "import json, pathlib\n"
        "def judged(doc, results):\n"
        "    key = json.loads(pathlib.Path(__file__).with_name('key.json').read_text())\n"
        "    return {'acc': key['right']}\n"
    )
    (tmp_path / "key.json").write_text('{"right": 1}')
    (place / "mine" / "key.json").symlink_to(tmp_path / "key.json")
    before = folder.current_path()
    folder.use(place)
    yield place
    folder.use(before)


def test_a_value_is_measured_again_when_a_file_that_the_code_of_the_task_reads_has_changed(
    keyed, llama, own_cache
):
    evaluator = Harness(task="mine")
    assert base_value(evaluator, llama, "fp32")["task/mine/acc"].value == 1
    assert base_value(evaluator, llama, "fp32")["task/mine/acc"].value == 1
    assert len(list((own_cache / "base_values").glob("[!.]*"))) == 1
    (keyed / "mine" / "key.json").write_text('{"right": 0}')
    assert base_value(evaluator, llama, "fp32")["task/mine/acc"].value == 0


@pytest.mark.parametrize("file", ["common.yaml", "mine/utils.py", "mine/key.json", "mine/new.txt"])
def test_every_file_of_ones_own_tasks_is_in_the_digest_as_it_is_now(file, keyed):
    evaluator = Harness(task="mine")
    before = evaluator.data_digest()
    assert evaluator.data_digest() == before
    with (keyed / file).open("a") as stream:
        stream.write("\n")
    assert evaluator.data_digest() != before


def test_the_digest_follows_the_data_the_yaml_and_the_code_but_not_the_place(tmp_path):
    digests = []
    for number, (file, change) in enumerate(
        {
            "mini_pronouns.yaml": lambda text: text,
            "pronouns_test.jsonl": lambda text: text.replace("soldier", "mason"),
            "utils.py": lambda text: text.replace("smiled", "waited"),
        }.items()
    ):
        place = tmp_path / str(number)
        place.mkdir()
        for source in FOLDER.iterdir():
            if source.is_file():
                text = source.read_text()
                (place / source.name).write_text(change(text) if source.name == file else text)
        folder.use(place)
        digests.append(Harness(task="mini_pronouns").data_digest())
    folder.use(FOLDER)
    assert digests[0] == Harness(task="mini_pronouns").data_digest()
    assert len(set(digests)) == 3
