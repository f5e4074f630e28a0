"""The configuration of one trial, as pydantic models: a file for each part, put together in trial.py.

measurement.py is no part of a trial: it is a model as it is and the evaluators that measure it.
Importing this package loads neither torch nor transformers.
"""

from trainables.config.data import AlignmentConfig, ReplayConfig
from trainables.config.fusion import FusionConfig
from trainables.config.measurement import Measurement
from trainables.config.model import ModelConfig
from trainables.config.train import TrainConfig, UnequalParts
from trainables.config.trial import ALIGNMENT, REGULARISER, REPLAY, REPLAY_METRIC, TrialConfig

__all__ = [
    "ALIGNMENT",
    "REGULARISER",
    "REPLAY",
    "REPLAY_METRIC",
    "AlignmentConfig",
    "FusionConfig",
    "Measurement",
    "ModelConfig",
    "ReplayConfig",
    "TrainConfig",
    "TrialConfig",
    "UnequalParts",
]
