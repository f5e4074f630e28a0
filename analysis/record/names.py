"""Names in a sweep's record in MLflow, for the writer (sweep) and the reader (analysis).

A sweep is the experiment of its name. The experiment has one run for the sweep itself and, as
children of that, one for each trial. This is the one file of `analysis` that `sweep` imports outside
its command line: it imports nothing that costs time.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from posixpath import normpath
from typing import Final, Literal


class SweepState:
    """States of a sweep. The last five are values of Tag.STATE; the record has no live one."""

    RUNNING: Final = "running"
    PAUSED: Final = "paused"  # no new trial begins until `sweep resume`
    STOPPING: Final = "stopping"  # it ends with the trials that run
    CANCELLING: Final = "cancelling"  # it is about to end
    FINISHED: Final = "finished"
    FAILED: Final = "failed"  # it has ended without a complete trial
    STOPPED: Final = "stopped"
    CANCELLED: Final = "cancelled"
    INTERRUPTED: Final = "interrupted"


# States of a sweep whose driver runs and reads the requests of users.
LIVE_STATES = (
    SweepState.RUNNING,
    SweepState.PAUSED,
    SweepState.STOPPING,
    SweepState.CANCELLING,
)


class TrialState:
    """States of a trial. The first four, of a trial that has ended, are values of Tag.STATE."""

    COMPLETE: Final = "complete"
    PRUNED: Final = "pruned"  # a scheduler ended it before its last step
    FAILED: Final = "failed"
    LOST: Final = "lost"  # it was complete, but the record has lost some of its results
    RUNNING: Final = "running"  # this and any other is MLflow's status of the run, in lower case
    KILLED: Final = "killed"  # its driver ended within it; `sweep resume` runs it


EndState = Literal["complete", "pruned", "failed"]
ENDED_STATES: tuple[EndState, ...] = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAILED)


class Role:
    """Values of Tag.ROLE: whether a run is that of a sweep or of a trial."""

    SWEEP = "sweep"
    TRIAL = "trial"


class Tag:
    """Names of tags of runs. A name that ends in a dot is a prefix."""

    # Of both kinds of runs, written by the driver.
    ROLE = "sweep.role"  # as the run is created: a Role
    STATE = "sweep.state"  # as the run ends: complete, finished, failed, …; absent until then

    # Of the sweep's own run, written by the driver as the sweep begins.
    NAME = "sweep.name"  # the name of the sweep
    VERSION = "version."  # + package: its version, or "not installed"
    DIGEST = "digest."  # + model or data set: its sha256
    START = "model.start"  # what a causal model reads before a text
    EVALUATOR = "evaluator."  # + evaluator: the version of what it measures (Evaluator.version)
    COMMIT = "mlflow.source.git.commit"  # of the code; ends in -dirty if the work tree had changes

    # Of the sweep's own run, written while it goes on.
    ALIVE = "sweep.alive"  # by the driver, every few seconds: the time in milliseconds since 1970
    # By `sweep pause | stop | cancel`: the verb and the number of the request, which grows.
    ASKED = "sweep.asked"
    # A tag for each trial, so that what two terminals write at once does not replace each other.
    CANCEL = "sweep.cancel."  # + trial, by `sweep cancel --trial`: the number of the request
    RETRY = "sweep.retry."  # + failed trial, by `sweep retry`, to run again
    RERUN = (
        "sweep.rerun."  # + trial, a dot and a random word, by `sweep rerun`: seeds to run it with
    )
    # By the driver: the number from which requests are meant for it, not for an earlier driver.
    HEARS_FROM = "sweep.hears_from"
    # The same requests by earlier releases, each in one tag: TRIAL:NUMBER …, TRIAL …, TRIAL:SEED ….
    CANCEL_TRIALS = "sweep.cancel_trials"
    RETRY_TRIALS = "sweep.retry_trials"
    RERUN_TRIALS = "sweep.rerun_trials"

    # Of a trial's run, written by the recorder, most of them as the trial starts.
    PARENT = "mlflow.parentRunId"  # the id of the sweep's own run, by which MLflow nests runs
    SWEEP = "sweep"  # the name of the sweep
    TRIAL = "sweep.trial"  # the number of the trial
    REASON = "reason"  # why the trial failed, in a sentence; else empty
    OBJECTIVE = "objective"  # this and the next four are columns of MLflow's table of trials
    REGULARISER = "regulariser"
    REPLAY = "replay"  # the replay ratio with four decimals, because MLflow sorts tags as text
    SEED = "seed"
    ON_FRONT = "on_front"  # "true" or "false", according to the front that was last drawn
    FINGERPRINT = "fingerprint"  # equal for replicates, which differ in their seed alone
    DEEPSPEED = "sweep.deepspeed"  # DeepSpeed's configuration, as JSON
    SPACE_VERSION = "sweep.space_version"  # number of the search space that it was drawn from
    IN_HALVES = "sweep.in_halves"  # "true" if it went on in halves for lack of memory, else "false"
    RETRY_OF = "sweep.retry_of"  # the number of the failed trial whose parameters it has
    REPLICATE_OF = (
        "sweep.replicate_of"  # the number of the trial whose settings it has, but the seed
    )


FIRST_VERSION = "1"  # of evaluators: what the first releases had, which recorded none


class Artifact:
    """Names of files and folders among the artifacts of runs."""

    # Of the sweep's own run, written by the driver as the sweep begins.
    DECLARATIONS = "declarations.json"  # metrics, goals, constraints, parameters that are searched
    SPEC = "sweep.yaml"  # the spec, as it was typed
    VERSIONS = "versions"  # a folder of N.yaml: the spec with version N of the search space
    CODE_DIFF = "code.diff"  # the changes of the work tree since the commit

    # Of the sweep's own run, drawn anew while it goes on.
    FRONT = "front"  # a folder: the front as tables and pictures
    FRONT_PAGE = "front.html"  # in that folder

    # Of a trial's run, written by the recorder; the sweep's own run has the items of the base model.
    TRIAL = "trial.yaml"  # the configuration, for `python -m trainables run`
    ITEMS = "items.parquet"  # results item by item (trainables/metrics/estimate.py)
    MODEL = "model"  # a folder: the model, if the spec has `checkpoints: {model: true}`


# The first line of each trial.yaml begins with this. By it, drawing a front anew knows which files of
# members that have left it are a sweep's, and may be deleted.
TRIAL_COMMENT = "# trial "


class Series:
    """Names of metrics that describe a run and not a model."""

    # Of a trial's run, and at step 0 of the sweep's own run: share of the trial's steps made.
    PROGRESS = "progress"
    # Of the sweep's own run; the step is the number of trials that have ended.
    FRONT_SIZE = "front/size"  # candidates on the front
    HYPERVOLUME = "front/hypervolume"


class Group:
    """Prefixes of the names of metrics that do not describe a model; MLflow charts each group apart."""

    FRONT = "front/"  # of the sweep's own run: Series
    SYSTEM = "system/"  # of a trial's run: how busy its machine was
    TRAIN = "train/"  # of a trial's run: the course of its training (trainables/training/curve.py)


DATABASES = ("sqlite", "postgresql", "mysql", "mssql")  # that MLflow can use as its store
# Of MLflow, in which a sweep is recorded; a database with the first is MLflow's.
TABLES = ("experiments", "experiment_tags", "runs", "tags", "params", "metrics", "latest_metrics")
# Than the name of a tag may have, and what would be read as the code of such a sign.
OTHER_SIGN = re.compile(r"[^/\w.\- :]|:(?=u[0-9a-f]{1,6}:)")
CODE = re.compile(r":u([0-9a-f]{1,6}):")
MAX_DIGITS = 19  # of the number of a request, or of a trial, which 64 bits hold


def lost_tables(tables: Collection[str]) -> list[str]:
    """Return the names of the tables that a database of MLflow lacks, given those that it has.

    None are lost of a database that is not MLflow's.
    """
    return [name for name in TABLES if name not in tables] if TABLES[0] in tables else []


def request_in_force(tags: Mapping[str, str]) -> str:
    """Return the verb that users request of a sweep by the tags of its run; `go` if there is none.

    >>> request_in_force({"sweep.asked": "stop 1764000000123", "sweep.hears_from": "1764000000000"})
    'stop'
    """
    verb, _, number = tags.get(Tag.ASKED, "").partition(" ")
    return verb if is_heard(tags, number) else "go"


def is_heard(tags: Mapping[str, str], number: str) -> bool:
    """Return whether a request is for the driver that runs, and not for an earlier one.

    number: of the request; requests of the first releases have none, and count as old.
    """
    return number_of_request(number) >= number_of_request(tags.get(Tag.HEARS_FROM, ""))


def number_of_request(text: str) -> int:
    """Return the number of a request; 0 if the text is none, or of more digits than such have."""
    return int(text) if is_whole_number(text) else 0


def retried_in(tags: Mapping[str, str]) -> frozenset[int]:
    """Return the numbers of the failed trials that users request to run again, by a sweep's tags.

    >>> sorted(retried_in({"sweep.retry.7": "requested", "sweep.retry_trials": "2 3"}))
    [2, 3, 7]
    """
    words = [tag.removeprefix(Tag.RETRY) for tag in tags if tag.startswith(Tag.RETRY)]
    words += tags.get(Tag.RETRY_TRIALS, "").split()
    return frozenset(map(int, filter(is_whole_number, words)))


def lost_in(tags_of_trials: Iterable[Mapping[str, str]], tags: Mapping[str, str]) -> list[int]:
    """Return the numbers of the trials that have lost results and that nobody has retried, sorted.

    tags_of_trials: of the run of each trial. tags: of the sweep's run.

    >>> lost = [{"sweep.trial": n, "sweep.state": "lost"} for n in ("1", "2", "4")]
    >>> lost_in([*lost, {"sweep.trial": "5", "sweep.retry_of": "1"}], {"sweep.retry.2": "requested"})
    [4]
    """
    trials = list(tags_of_trials)
    lost = {trial_in(own) for own in trials if own.get(Tag.STATE) == TrialState.LOST}
    return sorted(lost - retried_in(tags) - begun_again(trials))


def begun_again(tags_of_trials: Iterable[Mapping[str, str]]) -> frozenset[int]:
    """Return the numbers of the trials whose retry has begun, by the tags of each trial's run."""
    numbers = (own.get(Tag.RETRY_OF, "") for own in tags_of_trials)
    return frozenset(map(int, filter(is_whole_number, numbers)))


def trial_in(tags: Mapping[str, str]) -> int:
    """Return the number of the trial of whose run these are the tags."""
    return int(tags[Tag.TRIAL])


def is_whole_number(text: str) -> bool:
    """Return whether a text is a whole number of fewer than MAX_DIGITS digits."""
    return text.isdecimal() and len(text) < MAX_DIGITS


def name_in_spec(param: str) -> str:
    """Return the name by which a spec's choices know a recorded parameter.

    A plugin is recorded with its settings, its name among them; a spec knows it by its key alone.

    >>> name_in_spec("objective.name"), name_in_spec("objective.weight")
    ('objective', 'objective.weight')
    """
    return param.removesuffix(".name")


def digest_tags(digests: Mapping[str, str]) -> dict[str, str]:
    """Return the tags of a sweep's run for the sha256 of each model and data set, by its name.

    MLflow refuses most signs in the name of a tag, and paths that are written longer than they need be.

    >>> digest_tags({"replay.texts(1).txt": "ab"})
    {'digest.replay.texts:u28:1:u29:.txt': 'ab'}
    """
    tags = {}
    for name, digest in digests.items():
        key = f"{Tag.DIGEST}{OTHER_SIGN.sub(_code, name)}"
        tags[key if normpath(key) == key else key.replace("/", ":u2f:")] = digest
    return tags


def digests_in(tags: Mapping[str, str]) -> dict[str, str]:
    """Return the sha256 of each model and data set in the tags of a sweep's run, by its name.

    >>> digests_in({"digest.replay.texts:u28:1:u29:.txt": "ab", "sweep.role": "sweep"})
    {'replay.texts(1).txt': 'ab'}
    """
    names = {tag: tag.removeprefix(Tag.DIGEST) for tag in tags if tag.startswith(Tag.DIGEST)}
    return {CODE.sub(lambda code: chr(int(code[1], 16)), n): tags[tag] for tag, n in names.items()}


def _code(sign: re.Match[str]) -> str:
    """Return what stands for a sign in the name of a tag."""
    return f":u{ord(sign[0]):x}:"


def having(tags: Mapping[str, str]) -> str:
    """Return the filter of an MLflow search for runs that have all of these tags.

    >>> having({Tag.ROLE: Role.TRIAL})
    "tags.`sweep.role` = 'trial'"
    """
    return " and ".join(f"tags.`{tag}` = '{value}'" for tag, value in tags.items())


def is_asked_for(tags: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    """Return whether the tags of a run that a search gave are those that were searched for.

    They must name it, too: a sweep's run has a name, and that of a trial a number. A gateway may give
    something else.

    >>> is_asked_for({"sweep.role": "trial", "sweep.trial": "7"}, {"sweep.role": "trial"})
    True
    """
    is_named = {
        Role.SWEEP: Tag.NAME in tags,
        Role.TRIAL: is_whole_number(tags.get(Tag.TRIAL, "")),
    }
    return wanted.items() <= tags.items() and is_named.get(tags.get(Tag.ROLE, ""), False)
