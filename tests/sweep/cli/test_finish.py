"""Each way in which a sweep ends: exit code, sentence, recorded state. Its trials only pretend."""

import errno
import gc
import json
import os
import signal

import pytest
from ray.tune import Callback

from analysis.record import reader
from sweep import workspace
from sweep.cli.finish import run_to_last_word
from sweep.driver.run_sweep import resume, run
from sweep.driver.running_sweep import CannotRun
from sweep.tracking import control_requests, sweeps
from tests.sweep.conftest import pretending

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180), pytest.mark.usefixtures("cluster")]
GOES_ON = "`sweep resume tiny` goes on from here."


@pytest.fixture(autouse=True)
def ctrl_c_is_not_ignored():
    """Whoever runs the tests in the background has it ignored, which is inherited."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class Once(Callback):
    """Call a function when the first trial reports that it is done, before its outcome is kept."""

    def __init__(self, act):
        self._act = act

    def __getstate__(self):
        return {}

    def on_trial_result(self, iteration, trials, trial, result, **_):
        if self._act and result["done"]:
            act, self._act = self._act, None
            act()


def slowly(config, *, resume_from=None):
    """A pretended trial that takes a second."""
    import time

    for report in pretending()(config):
        time.sleep(0.3)
        yield report


def started(spec, document, act=None, run_trial=slowly):
    """Return a function that starts a sweep in which `act` is called once."""

    def start(on_start, _):
        def with_act(running):
            return [*([Once(act)] if act else []), *on_start(running)]

        return run(spec, document, on_start=with_act, run_trial=run_trial)

    return start


def last_word(spec, start, capsys):
    """Return (exit code, last line on stderr)."""
    code = 0
    try:
        run_to_last_word(spec, start)
    except SystemExit as left:
        code = left.code
    written = capsys.readouterr().err.splitlines()
    return code, written[-1] if written else ""


def sweep_of(spec):
    return reader.read_sweep(spec.name, tracking_uri=workspace.local_tracking_uri())


def finishes(spec, document):
    """Resume a sweep; return whether every trial that was left is complete then."""
    resume(spec, document, run_trial=pretending())
    sweep = sweep_of(spec)
    return sweep.state == "finished" and set(sweep.trials["state"]) == {"complete"}


def test_an_undisturbed_sweep_prints_its_front(spec_of, capsys):
    spec, document = spec_of(2)
    run_to_last_word(spec, started(spec, document, run_trial=pretending()))
    printed = capsys.readouterr()
    assert "candidates on the front" in printed.out
    assert "front.png" in printed.out
    assert printed.err == ""
    assert sweep_of(spec).state == "finished"


def test_a_sweep_without_a_complete_trial_has_failed(spec_of, capsys):
    spec, document = spec_of(1)
    start = started(spec, document, run_trial=pretending(range(7)))
    why = "no trial was completed: RuntimeError: out of something (1 trial)"
    assert last_word(spec, start, capsys) == (1, why)
    assert sweep_of(spec).state == "failed"


@pytest.mark.long
def test_failures_are_said_until_each_was_tried_again(spec_of, capsys):
    spec, document = spec_of(6)
    start = started(spec, document, run_trial=pretending((0, 1, 2)))
    assert f"; `sweep retry {spec.name}`" in last_word(spec, start, capsys)[1]
    sweep = sweep_of(spec)
    failed = sweep.trials.loc[sweep.trials["state"] == "failed", "trial"].tolist()
    assert 0 < len(failed) < 6
    record = sweeps.find_sweep(sweep.tracking_uri, spec.name)
    control_requests.retry_trials(record, failed)

    def again(on_start, _):
        return resume(spec, document, on_start=on_start, run_trial=pretending())

    assert last_word(spec, again, capsys) == (0, "")
    assert sweep_of(spec).retried == tuple(failed)


def test_ctrl_c_before_an_earlier_sweep_is_replaced_promises_no_resume_of_the_new_one(
    spec_of, capsys
):
    spec, document = spec_of(1)
    assert last_word(spec, started(spec, document, run_trial=pretending()), capsys) == (0, "")

    def ctrl_c(*_):
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(SystemExit):
        run_to_last_word(spec, ctrl_c, is_new=True)
    assert capsys.readouterr().err.splitlines()[-1] == (
        f"interrupted before anything of the earlier sweep {spec.name} was changed."
    )
    assert last_word(spec, ctrl_c, capsys) == (130, f"interrupted; {GOES_ON}"), "of a resume"


def test_ctrl_c_before_anything_is_recorded_promises_no_resume(spec_of, capsys):
    spec, _ = spec_of(2)
    code, sentence = last_word(spec, lambda *_: signal.raise_signal(signal.SIGINT), capsys)
    assert code == 130
    assert sentence == "interrupted before any trial began; `sweep run --replace` starts anew."


@pytest.mark.long
def test_ctrl_c_that_a_destructor_swallows_ends_the_sweep_before_any_trial(spec_of, capsys):
    class Destroyed:
        def __del__(self):
            signal.raise_signal(signal.SIGINT)

    spec, document = spec_of(2)

    def start(on_start, on_lost):
        def destroy_and_start(running):
            destroyed = Destroyed()
            del destroyed
            gc.collect()
            return on_start(running)

        return started(spec, document)(destroy_and_start, on_lost)

    assert last_word(spec, start, capsys) == (130, f"interrupted; {GOES_ON}")
    assert sweep_of(spec).state == "interrupted"
    assert "complete" not in set(sweep_of(spec).trials["state"])
    assert finishes(spec, document)


@pytest.mark.long
@pytest.mark.parametrize(
    "which",
    [
        signal.SIGINT,
        pytest.param(signal.SIGTERM, marks=pytest.mark.long),
        pytest.param(signal.SIGHUP, marks=pytest.mark.long),
    ],
)
def test_ctrl_c_sigterm_and_sighup_interrupt_it_while_trials_run(spec_of, capsys, which):
    spec, document = spec_of(8)
    start = started(spec, document, lambda: os.kill(os.getpid(), which))
    assert last_word(spec, start, capsys) == (130, f"interrupted; {GOES_ON}")
    sweep = sweep_of(spec)
    assert sweep.state == "interrupted"
    assert set(sweep.trials["state"]) <= {"complete", "killed"}
    assert finishes(spec, document)


@pytest.mark.long
def test_ctrl_c_after_the_last_trial_changes_nothing(spec_of, capsys):
    spec, document = spec_of(2)

    def start(on_start, _):
        record = started(spec, document)(on_start, _)
        signal.raise_signal(signal.SIGINT)
        return record

    sentence = "tiny has ended all the same; `sweep front tiny` shows its front."
    assert last_word(spec, start, capsys) == (130, sentence)
    assert sweep_of(spec).state == "finished"


@pytest.mark.long
def test_cancelling_ends_it_so_that_it_can_be_resumed(spec_of, capsys):
    from sweep.tracking.sweeps import find_sweep

    spec, document = spec_of(12)

    def cancel():
        control_requests.request(find_sweep(workspace.local_tracking_uri(), spec.name), "cancel")

    start = started(spec, document, cancel)
    assert last_word(spec, start, capsys) == (130, f"cancelled; {GOES_ON}")
    assert sweep_of(spec).state == "cancelled"
    assert finishes(spec, document)


@pytest.mark.long
def test_stopping_it_is_a_good_end(spec_of, capsys):
    from sweep.tracking.sweeps import find_sweep

    spec, document = spec_of(12)

    def stop():
        control_requests.request(find_sweep(workspace.local_tracking_uri(), spec.name), "stop")

    sentence = "stopped; `sweep resume tiny` runs the rest."
    assert last_word(spec, started(spec, document, stop), capsys) == (0, sentence)
    assert sweep_of(spec).state == "stopped"
    assert finishes(spec, document)


@pytest.mark.long
def test_a_full_disk_interrupts_it(spec_of, tmp_path, capsys):
    spec, document = spec_of(4)
    full = tmp_path / "full"

    def run_trial(config, *, resume_from=None):
        for report in slowly(config):
            if full.exists():
                raise OSError(errno.ENOSPC, "No space left on device")
            yield report

    start = started(spec, document, full.touch, run_trial)
    code, sentence = last_word(spec, start, capsys)
    assert code == 130
    assert sentence.startswith("the disk is full ([Errno 28] ")
    assert sentence.endswith(f"No space left on device): make room; {GOES_ON}")
    last_line = (
        (workspace.folder(spec.name) / "record" / "journal.jsonl").read_text().splitlines()[-1]
    )
    last = json.loads(last_line)  # MLflow may lack it: nobody waits for a store on a full disk
    assert (last["trial"], last["tags"]["sweep.state"]) == (None, "interrupted")
    assert "failed" not in set(sweep_of(spec).trials["state"])
    assert finishes(spec, document)


@pytest.mark.long
def test_an_outcome_that_cannot_be_kept_interrupts_it(spec_of, capsys):
    """The search's journal is a folder for a while, which nobody can write to."""
    spec, document = spec_of(4)
    journal = workspace.journal(spec.name)
    aside = journal.with_name("aside")

    def lose():
        journal.rename(aside)
        journal.mkdir()

    start = started(spec, document, lose)
    code, sentence = last_word(spec, start, capsys)
    assert code == 130
    assert sentence.startswith("the outcome of a trial could not be saved (IsADirectoryError: ")
    assert sentence.endswith(f"; {GOES_ON}")
    assert sweep_of(spec).state == "interrupted"
    journal.rmdir()
    aside.rename(journal)
    assert finishes(spec, document)


def test_a_ctrl_c_that_a_library_turns_into_its_own_error_is_one_all_the_same(spec_of, capsys):
    """As the store does while its tables are made."""
    spec, _ = spec_of(2)

    def start(*_):
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt as error:
            raise CannotRun("mlflow.db must be one that can be written") from error

    assert last_word(spec, start, capsys)[0] == 130


def test_a_ray_that_has_gone_is_one_sentence_with_what_to_do(spec_of, capsys):
    spec, document = spec_of(2)

    def start(_, on_lost):
        raise SystemExit(on_lost("Ray has gone"))

    assert last_word(spec, start, capsys) == (
        130, "Ray has gone before any trial began; `sweep run --replace` starts anew."
    )  # fmt: skip
    run(spec, document, run_trial=pretending())
    workspace.outbox(spec.name).joinpath("journal.jsonl").write_text("")
    code, sentence = last_word(spec, start, capsys)
    assert (code, sentence) == (130, f"Ray has gone; `sweep resume {spec.name}` goes on from here.")


@pytest.mark.long
def test_a_sweep_whose_data_have_changed_ends_with_a_table_and_exit_code_1(
    spec_of, tmp_path, capsys
):
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("stereotype,antistereotype\nshe cries,he cries\n")
    spec, document = spec_of(3, **{"data: miniature, size: 50": f"data: {pairs}"})

    def spoil():
        pairs.write_text("stereotype,antistereotype\nhe cries,she cries\n")

    with pytest.raises(SystemExit) as caught:
        run_to_last_word(
            spec,
            lambda on_start, _: run(
                spec, document, run_trial=slowly, on_start=lambda s: [*on_start(s), Once(spoil)]
            ),
        )
    assert caught.value.code == 1
    out, err = capsys.readouterr()
    assert "candidates on the front" in out
    assert f"failed: trial.alignment.data: {pairs} must be what the sweep began with" in err
