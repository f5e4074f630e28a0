"""The page of a sweep in a real MLflow store; only the drawing is pretended."""

import time
from contextlib import ExitStack
from types import SimpleNamespace

import pytest

from sweep.config.check import load
from sweep.display import mlflow_page
from sweep.display.candidates import MeasuredModel
from sweep.display.description import DrawnFront
from sweep.display.mlflow_page import NOTE, MlflowPage
from sweep.driver.running_sweep import RunningSweep
from sweep.outcome import Outcome
from sweep.tracking import sweeps
from sweep.tracking.delivery import Delivery
from sweep.tracking.entries.kinds import Reported
from sweep.tracking.outbox import Outbox
from tests.sweep.conftest import TINY

pytestmark = pytest.mark.timeout(120)  # the first makes the store's tables
GAP, RISE = "bias/miniature/gap", "forgetting/general/nll_rise"
HYPERVOLUME, SIZE = "front/hypervolume", "front/size"


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tmp_path_factory.mktemp("store")


@pytest.fixture
def started(store, tmp_path, request):
    """started(…numbers of ended trials) -> a sweep of four trials whose trials are about to run."""
    (tmp_path / "tiny.yaml").write_text(TINY)
    spec, document = load(tmp_path / "tiny.yaml")
    spec = spec.model_copy(update={"name": request.node.name.replace("_", "-")[:90]})
    uri = f"sqlite:///{store / 'mlflow.db'}"
    record = sweeps.open_sweep(uri, spec, document.text, {}, str(store / spec.name))
    outbox = Outbox(tmp_path / "record")
    goals = {goal: spec.metrics()[goal] for goal in spec.goals}
    with Delivery(record, outbox) as delivery, ExitStack() as stack:

        def started(*ended):
            endings = [Outcome(number, "complete") for number in ended]
            return RunningSweep(spec, record, goals, endings, lambda: 4, outbox, delivery, stack)

        yield started


def front(rows):
    """Return (size, volume) that show which candidates were measured."""
    return len(rows), sum(row[GAP] for row in rows)


class Counting(SimpleNamespace):
    """A progress that has counted so much."""

    num_ended: int = 0
    size_and_volume: tuple[int, float] = (0, 0.0)


def drawn(folder, members=(0,)):
    (folder / "front.html").write_text("<p>the front")
    return DrawnFront("1 of 1 candidates on the front", "| trial |\n| --- |", frozenset(members))


def curve(record, name=HYPERVOLUME):
    history = record._client.get_metric_history(record.run_id, name)
    return [(point.step, point.value) for point in history]


def wait_until(holds):
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def end_trials(page, progress, *volumes):
    for volume in volumes:
        progress.num_ended += 1
        progress.size_and_volume = (1, volume)
        page.on_trial_complete(0, [], None)


def test_a_run_is_described_at_once_and_again_with_the_front_at_the_end(started):
    begun = started()
    with MlflowPage(begun, drawn, Counting(), front, {}):
        assert begun.delivery.wait(10)
        text = begun.record.tags()[NOTE]
        assert text.startswith("**no trial has ended yet** · [the front](#/experiments/")
        assert f"- `{GAP}` in points, lower is better: " in text
        assert "**Budget:** 4 trials; search random" in text
    assert begun.delivery.wait(10)
    text = begun.record.tags()[NOTE]
    assert "| trial |" in text
    files = begun.record._client.list_artifacts(begun.record.run_id, "front")
    assert [entry.path for entry in files] == ["front/front.html"]


@pytest.mark.parametrize(
    ("ended", "words"), [([2], "1 trial has ended"), ([1, 0, 2], "3 trials have ended")]
)
def test_a_resumed_run_is_described_with_the_number_of_trials_that_have_ended(
    started, ended, words
):
    begun = started(*ended)
    with MlflowPage(begun, drawn, Counting(), front, {}):
        assert begun.delivery.wait(10)
        assert begun.record.tags()[NOTE].startswith(f"**{words}** · [the front](#/experiments/")


def test_the_curve_has_one_point_for_each_trial_even_after_a_kill_left_some_out(started):
    begun = started(1, 0, 2)  # in the order in which they ended
    begun.outbox.put(Reported(trial=None, at=1, step=1, metrics={HYPERVOLUME: 10.0, SIZE: 1.0}))
    assert begun.delivery.wait(10)
    values = {0: [2.0, 3.0], 1: [10.0]}  # 2 is no candidate
    earlier = {
        number: [MeasuredModel(f"{number} {gap}", 0, (gap, 0.0)) for gap in gaps]
        for number, gaps in values.items()
    }
    progress = Counting(num_ended=3)
    with MlflowPage(begun, drawn, progress, front, earlier) as page:
        end_trials(page, progress, 20.0)
        page.on_trial_error(0, [], None)  # the same number of trials, once more
    assert begun.delivery.wait(10)
    assert curve(begun.record) == [(1, 10.0), (2, 15.0), (3, 15.0), (4, 20.0)]
    assert curve(begun.record, SIZE) == [(1, 1.0), (2, 3.0), (3, 3.0), (4, 1.0)]


def test_the_curve_of_a_resumed_sweep_is_that_of_means_and_holds_the_base_model(started):
    begun = started(0, 1)
    earlier = {n: [MeasuredModel("one", n, (gap, 0.0))] for n, gap in ((0, 2.0), (1, 4.0))}
    base = {GAP: 100.0, RISE: 0.0, "forgetting/general/nll": 4.0}
    with MlflowPage(begun, drawn, Counting(num_ended=2), front, earlier, base):
        pass
    assert begun.delivery.wait(10)
    assert curve(begun.record) == [(1, 102.0), (2, 103.0)], "100 of the base, and a mean of 2 and 4"
    assert curve(begun.record, SIZE) == [(1, 2.0), (2, 2.0)]


def test_trials_are_marked_as_they_come_onto_the_front_and_leave_it(started):
    begun = started()
    for number in range(3):
        begun.record.run_id_of(number)
    members = iter([{0, 1}, {1, 2}])
    for expected in ({0, 1}, {1, 2}):
        with MlflowPage(begun, lambda f: drawn(f, next(members)), Counting(), front, {}):
            pass
        assert begun.delivery.wait(10)
        assert begun.record.trials_on_front() == expected
    tags = {run.info.run_name[-1]: run.data.tags["on_front"] for run in begun.record.trial_runs()}
    assert tags == {"0": "false", "1": "true", "2": "true"}


def test_it_is_drawn_while_trials_run_but_only_when_one_has_ended(started, monkeypatch):
    monkeypatch.setattr(mlflow_page, "PAUSE_S", 0.05)
    monkeypatch.setattr(mlflow_page, "PAUSE_FACTOR", 0.0)
    begun, progress, times = started(), Counting(), []

    def draw(folder):
        times.append(time.monotonic())
        return drawn(folder)

    with MlflowPage(begun, draw, progress, front, {}) as page:
        time.sleep(0.3)
        assert times == []
        end_trials(page, progress, 1.0)
        wait_until(lambda: len(times) == 1)
        time.sleep(0.3)
        assert len(times) == 1
    assert len(times) == 2, "and once more at the end"


def test_files_of_a_front_that_cannot_be_kept_are_logged_and_the_next_front_is_drawn(
    started, caplog, monkeypatch
):
    monkeypatch.setattr(mlflow_page, "PAUSE_S", 0.05)
    monkeypatch.setattr(mlflow_page, "PAUSE_FACTOR", 0.0)
    begun, progress = started(), Counting()
    files = begun.outbox.folder / "files"
    files.rmdir()
    files.touch()
    with MlflowPage(begun, drawn, progress, front, {}) as page:
        end_trials(page, progress, 1.0)
        wait_until(lambda: "the front could not be drawn: [Errno 20] Not a" in caplog.text)
        files.unlink()
        files.mkdir()
        end_trials(page, progress, 2.0)
        # By the thread, before the page closes.
        wait_until(lambda: begun.record.trials_on_front() == {0})


def test_a_drawing_that_fails_is_logged_and_loses_nothing_else(started, caplog):
    def draw(folder):
        raise RuntimeError("no font")

    begun, progress = started(), Counting()
    with MlflowPage(begun, draw, progress, front, {}) as page:
        end_trials(page, progress, 1.0)
    assert begun.delivery.wait(10)
    assert "the front could not be drawn: no font" in caplog.text
    assert curve(begun.record) == [(1, 1.0)]


def test_with_an_mlflow_that_is_away_the_end_does_not_wait_long(started, monkeypatch):
    monkeypatch.setattr(mlflow_page, "PATIENCE_S", 0.3)
    begun, drawings = started(), []
    away = ConnectionError("away")
    with MlflowPage(begun, drawings.append, Counting(), front, {}):
        monkeypatch.setattr(begun.record, "run_id_of", lambda *_: (_ for _ in ()).throw(away))
        begun.outbox.put(Reported(trial=7, at=1, step=0, metrics={"progress": 0.0}))
        began = time.monotonic()
    assert time.monotonic() - began < 5
    assert drawings == []
