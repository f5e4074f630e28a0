"""Names of a sweep's record in MLflow, for those who write it (sweep) and those who read it (analysis).

A sweep is the experiment of its name. The experiment has one run for the sweep itself and, as
children of that, one for each trial. This is the one file of `analysis` that `sweep` imports outside
its command line: it imports nothing that costs time.
"""

from collections.abc import Mapping

# States of a sweep, as the analysis reads them, whose driver runs and hears requests.
LIVE_STATES = ("running", "paused", "stopping", "cancelling")


class Role:
    """Values of Tag.ROLE."""

    SWEEP = "sweep"
    TRIAL = "trial"


class Tag:
    """Tags of runs; what ends in a dot goes before a name."""

    # Of either run. The driver writes them.
    ROLE = "sweep.role"  # as the run is created: whose it is
    STATE = "sweep.state"  # as it ends: complete, finished, failed, …; none while it runs

    # Of the sweep's own run. The driver writes them as the sweep begins.
    NAME = "sweep.name"  # that of the spec
    VERSION = "version."  # + package: its version, or "not installed"
    DIGEST = "digest."  # + model or data set: its sha256
    COMMIT = "mlflow.source.git.commit"  # of the code, with -dirty where more was changed

    # Of the sweep's own run, while it goes on.
    ALIVE = "sweep.alive"  # by the driver, every few seconds: milliseconds since 1970
    ASKED = "sweep.asked"  # by `sweep pause | stop | cancel`: that word; go, where nothing is asked
    CANCEL_TRIALS = "sweep.cancel_trials"  # by `sweep cancel --trial`: their numbers
    RETRY_TRIALS = "sweep.retry_trials"  # by `sweep retry`: numbers of trials that have failed

    # Of a trial's run. The recorder writes them, most as the trial starts.
    PARENT = "mlflow.parentRunId"  # the id of the sweep's own run, by which MLflow nests runs
    SWEEP = "sweep"  # the sweep's name
    TRIAL = "sweep.trial"  # its number
    REASON = "reason"  # why it failed, in a sentence; empty before
    OBJECTIVE = "objective"  # this and the next four are columns of MLflow's table of trials
    REGULARISER = "regulariser"
    REPLAY = "replay"  # the ratio, with four decimals, as MLflow sorts tags as text
    SEED = "seed"
    ON_FRONT = "on_front"  # "true" or "false", as the front was last drawn
    FINGERPRINT = "fingerprint"  # equal for replicates, which differ in their seed alone
    DEEPSPEED = "sweep.deepspeed"  # DeepSpeed's configuration, as JSON
    SPACE_VERSION = "sweep.space_version"  # of the search space that the trial was drawn from
    RETRY_OF = "sweep.retry_of"  # the number of the failed trial whose parameters it tries again


class Artifact:
    """Files and folders among the artifacts of runs."""

    # Of the sweep's own run. The driver writes them as the sweep begins.
    DECLARATIONS = "declarations.json"  # metrics, goals, constraints, names that are searched
    SPEC = "sweep.yaml"  # the spec, as it was typed
    VERSIONS = "versions"  # a folder: N.yaml, the spec by which version N of the space is searched
    CODE_DIFF = "code.diff"  # what the work tree changed of the commit

    # Of the sweep's own run, drawn anew while it goes on.
    FRONT = "front"  # a folder: the front as tables and pictures
    FRONT_PAGE = "front.html"  # in that folder

    # Of a trial's run, written by the recorder; the sweep's own run has the items of the base model.
    TRIAL = "trial.yaml"  # the configuration, for `python -m trainables run`
    ITEMS = "items.parquet"  # what was measured item by item (trainables/metrics/estimate.py)
    MODEL = "model"  # a folder: the model, where the spec says that models are kept


class Series:
    """Metrics that tell of a run and not of a model."""

    PROGRESS = (
        "progress"  # of a trial, and at step 0 of the base model: the share of its steps made
    )
    FRONT_SIZE = "front/size"  # of the sweep, by number of ended trials: candidates on the front
    HYPERVOLUME = "front/hypervolume"  # likewise


class Group:
    """What begins the names of metrics that tell of no model; MLflow shows each group by itself."""

    FRONT = "front/"  # of the sweep's own run: Series
    SYSTEM = "system/"  # of a trial's run: how busy its machine was


def having(tags: Mapping[str, str]) -> str:
    """Return MLflow's filter for the runs that have these tags.

    >>> having({Tag.ROLE: Role.TRIAL})
    "tags.`sweep.role` = 'trial'"
    """
    return " and ".join(f"tags.`{tag}` = '{value}'" for tag, value in tags.items())
