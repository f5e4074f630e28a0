"""A real sweep in MLflow's own interface: its record in a real server, its pages in a real browser."""

import json
import os
import pty
import subprocess
import sys

import pytest

from tests import screenshots, servers
from tests.sweep.conftest import TINY, browser_of, sweep, verb

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

SPEC = (
    TINY.replace(
        "size: 50}", "size: 50}\n  replay: {data: miniature, ratio: 0.05}\n  fusion: {also: [0.5]}"
    )
    .replace("budget: {trials: 4}", "budget: {trials: 3}\ncheckpoints: {model: true}")
    .replace("name: tiny", "name: shown")
    # Half of a change is less forgetting, too, so that fused members are on the front.
    .replace("{name: perplexity,", "{name: kl,")
    .replace(
        "goals: [bias/miniature/gap, forgetting/general/nll_rise]",
        "goals: [forgetting/miniature/contrast_rise, forgetting/general/kl_rise]",
    )
)
PARENT, TRIAL = "tags.`sweep.role` = 'sweep'", "tags.`sweep.role` = 'trial'"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("ui")


@pytest.fixture(scope="module")
def url(folder):
    """A tracking server in which the sweep has been recorded while it ran."""
    store = f"sqlite:///{folder}/mlflow.db"
    with servers.mlflow_server(store, str(folder / "artifacts"), folder) as url:
        (folder / "shown.yaml").write_text(SPEC)
        home = str(folder / "sweeps")
        ended = sweep("run", folder / "shown.yaml", "--tracking-uri", url, SWEEP_HOME=home)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        yield url


@pytest.fixture(scope="module")
def client(url):
    from mlflow import MlflowClient

    return MlflowClient(url)


@pytest.fixture(scope="module")
def runs(client):
    """(the sweep's own run, the runs of its trials)."""
    experiment = client.get_experiment_by_name("shown").experiment_id
    (parent,) = client.search_runs([experiment], PARENT)
    return parent, client.search_runs([experiment], TRIAL)


@pytest.fixture(scope="module")
def listed(folder, url):
    """The members of the front, as `sweep front` prints them; the first is the base model."""
    words = ("front", "shown", "--tracking-uri", url, "--format", "json")
    return json.loads(verb(*words, SWEEP_HOME=str(folder / "sweeps")).stdout)


@pytest.fixture(scope="module")
def front(listed):
    """The members of the front that were trained."""
    return [member for member in listed if member["trial"] is not None]


@pytest.mark.long
@pytest.mark.skipif(not screenshots.chromium(), reason="no Chromium is installed")
def test_the_pages_show_the_sweep_without_an_error_in_the_browser(url, folder, listed):
    pytest.importorskip("playwright", reason="playwright is not installed")
    seen = screenshots.look(url, "shown", folder)
    assert seen.errors == []
    for words in (
        f"{len(listed)} of 7 candidates on the front, hypervolume",
        "forgetting/miniature/contrast_rise in nats",
        "train.lr from 0.0001 to 0.01 (log)",
        "Budget: 3 trials",
        "front/hypervolume",
        "alignment.miniature",  # a data set
    ):
        assert words in seen.sweep, words
    for words in ("objective", "regulariser", "replay", "on_front", "true", "0.0500", "3 matching"):
        assert words in seen.trials, words
    assert f"shown: {len(listed)} of 7 candidates on the front" in seen.front
    assert "on the front" in seen.front
    assert seen.num_points >= 3
    assert seen.picture_width > 800
    for name in ("ui-sweep.png", "ui-trials.png", "ui-front.png"):
        assert (folder / name).stat().st_size > 20_000, "a page that was empty"


@pytest.mark.long
@pytest.mark.skipif(not screenshots.chromium(), reason="no Chromium is installed")
def test_the_printed_address_leads_to_the_sweeps_own_page_at_a_first_visit(url, folder):
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    words = ("ui", "shown", "--tracking-uri", url)
    address = verb(*words, SWEEP_HOME=str(folder / "sweeps")).stdout.strip()
    with (
        playwright.sync_playwright() as started,
        started.chromium.launch(executable_path=screenshots.chromium()) as browser,
    ):
        page = browser.new_page()
        page.goto(address)
        page.get_by_text("candidates on the front").first.wait_for(timeout=20_000)


def test_the_front_is_among_the_artifacts_and_marked_in_the_trials(runs, client, front):
    parent, trials = runs
    files = {entry.path for entry in client.list_artifacts(parent.info.run_id, "front")}
    assert files == {f"front/front.{form}" for form in ("csv", "html", "json", "png")}
    marked = {run.info.run_id for run in trials if run.data.tags["on_front"] == "true"}
    assert marked == {member["run_id"] for member in front}


def test_the_front_has_grown_by_one_point_a_trial(runs, client):
    parent, _ = runs
    for name in ("front/hypervolume", "front/size"):
        history = client.get_metric_history(parent.info.run_id, name)
        assert [point.step for point in history] == [1, 2, 3]
    assert history[-1].value == parent.data.metrics["front/size"] > 0


def test_trials_have_flat_columns_and_data_sets_with_digests(runs):
    parent, trials = runs
    for run in trials:
        tags = run.data.tags
        assert (tags["sweep"], tags["seed"], tags["reason"]) == ("shown", "0", "")
        assert tags["objective"] == run.data.params["objective.name"]
        assert (tags["regulariser"], tags["replay"]) == ("none", "0.0500")
    for run in (parent, *trials):
        used = {entry.dataset.name: entry for entry in run.inputs.dataset_inputs}
        assert {"alignment.miniature", "replay.miniature", "evaluator.general"} <= set(used)
        replay = used["replay.miniature"]
        assert parent.data.tags["digest.replay.miniature"].startswith(replay.dataset.digest)
        assert [tag.value for tag in replay.tags] == ["replay"]


def test_how_busy_the_machine_was_is_known_at_each_report_and_is_no_result(runs, client, front):
    parent, trials = runs
    for run in trials:
        history = client.get_metric_history(
            run.info.run_id, "system/system_memory_usage_percentage"
        )
        assert [point.step for point in history] == [0, 2]
        assert all(0 < point.value < 100 for point in history)
    assert not any(name.startswith("system/") for name in parent.data.metrics)
    assert not any(name.startswith(("system/", "front/")) for name in front[0]["metrics"])


@pytest.mark.parametrize(
    ("name", "words", "has_terminal", "opens"),
    [("shown", [], True, True), ("shown", ["--no-open"], True, False), (None, [], False, False)],
)
def test_of_a_server_the_address_is_printed_and_at_a_terminal_opened(
    name, words, has_terminal, opens, folder, url, runs, tmp_path
):
    environment, opened = browser_of(tmp_path)
    terminal, end = pty.openpty()
    verb_and_options = ["ui", *([name] if name else []), "--tracking-uri", url, *words]
    ended = subprocess.run(
        [sys.executable, "-m", "sweep", *verb_and_options], text=True,
        env=os.environ | environment | {"SWEEP_HOME": str(folder / "sweeps")},
        stdout=end if has_terminal else subprocess.PIPE, stderr=subprocess.PIPE, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    printed = os.read(terminal, 1000).decode() if has_terminal else ended.stdout
    for descriptor in (terminal, end):
        os.close(descriptor)
    parent, _ = runs
    run = f"#/experiments/{parent.info.experiment_id}/runs/{parent.info.run_id}"
    page = f"{url}/{run if name else '#/experiments'}?workflowType=machine_learning"
    assert printed.split() == [page]
    assert (opened.read_text().split() if opened.exists() else []) == [page] * opens


def test_the_models_of_the_front_are_registered_once_with_their_cards(folder, url, client, front):
    own = [member for member in front if member["alpha"] is None]
    assert 0 < len(own) < len(front), "of either kind"
    words = ("front", "shown", "--tracking-uri", url, "--register", "--model-name", "fair")
    for verb_of_sentence in ("is", "was, and stays,"):
        ended = verb(*words, SWEEP_HOME=str(folder / "sweeps"))
        assert ended.exit_code == 0, ended.stderr
        for number, member in enumerate(own, 1):
            sentence = f"trial {member['trial']} {verb_of_sentence} version {number} of the registered model fair"
            assert sentence in ended.stdout
        assert ended.stdout.count("@0.5: no model of its own was kept") == len(front) - len(own)
    versions = client.search_model_versions("name = 'fair'")
    assert {each.run_id for each in versions} == {member["run_id"] for member in own}
    for each in versions:
        (member,) = [member for member in own if member["run_id"] == each.run_id]
        assert each.tags["trial"] == str(member["trial"])
        assert float(each.tags["forgetting/miniature/contrast_rise"]) == pytest.approx(
            member["goals"]["forgetting/miniature/contrast_rise"]
        )
        assert each.description.startswith(f"# shown-{member['trial']:04}")
    files = {entry.path for entry in client.list_artifacts(versions[0].run_id, "model")}
    assert {"model/README.md", "model/model.safetensors", "model/config.json"} <= files
    assert {"model/MLmodel", "model/requirements.txt", "model/components"} <= files
