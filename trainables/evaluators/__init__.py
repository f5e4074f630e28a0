"""Evaluators: benchmarks that measure a model, one file each.

An evaluator is a frozen class derived from Evaluator (base.py). To add one: its file, one entry in the
union below, and a test against an independent implementation. The union is the registry: a wrong name
lists the right ones, and no YAML can name other code.
"""

from typing import Annotated

from pydantic import BeforeValidator, Field

from trainables.evaluators.bbq import Bbq
from trainables.evaluators.crows_pairs import CrowsPairs
from trainables.evaluators.finetune import FineTune
from trainables.evaluators.harness import Harness
from trainables.evaluators.kl import Kl
from trainables.evaluators.multiple_choice import MultipleChoice
from trainables.evaluators.perplexity import Perplexity
from trainables.evaluators.probe import Probe
from trainables.evaluators.seat import Seat
from trainables.evaluators.stereoset import StereoSet
from trainables.evaluators.weights import Weights
from trainables.evaluators.winobias import WinoBias
from trainables.evaluators.winogender import Winogender
from trainables.schema.strict import by_name

AnyEvaluator = Annotated[
    StereoSet
    | CrowsPairs
    | WinoBias
    | Winogender
    | Bbq
    | Seat
    | Perplexity
    | Kl
    | Weights
    | MultipleChoice
    | Probe
    | FineTune
    | Harness,
    Field(discriminator="name"),
    BeforeValidator(by_name),
]

__all__ = [
    "AnyEvaluator",
    "Bbq",
    "CrowsPairs",
    "FineTune",
    "Harness",
    "Kl",
    "MultipleChoice",
    "Perplexity",
    "Probe",
    "Seat",
    "StereoSet",
    "Weights",
    "WinoBias",
    "Winogender",
]
