"""What is measured: one file a benchmark.

An evaluator is a frozen class whose fields say which items are measured, with two methods:

``metrics(family)``
    the declaration of everything it reports for a model family, so that a sweep's goals can be
    checked before anything starts;
``measure(model, base)``
    those values for the model as it is now, as Estimates, which know their standard error and what
    was found of each item. ``base`` has what the same evaluator found at the base weights; it is
    empty while the base itself is measured, where every rise and drop is 0;

and of its data ``data_digest()``, their sha256, and ``items()``, which reads them through and refuses
(ValueError) what it could not measure on, and ``texts()``, the sentences among them, of which no
trial may learn any (overlap.py). To add one: its file, one entry in the union below, and a test
against an independent implementation.
"""

from typing import Annotated

from pydantic import Field

from trainables.evaluators.bbq import Bbq
from trainables.evaluators.crows_pairs import CrowsPairs
from trainables.evaluators.finetune import FineTune
from trainables.evaluators.kl import Kl
from trainables.evaluators.multiple_choice import MultipleChoice
from trainables.evaluators.perplexity import Perplexity
from trainables.evaluators.probe import Probe
from trainables.evaluators.seat import Seat
from trainables.evaluators.stereoset import StereoSet
from trainables.evaluators.weights import Weights
from trainables.evaluators.winobias import WinoBias
from trainables.evaluators.winogender import Winogender

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
    | FineTune,
    Field(discriminator="name"),
]

__all__ = [
    "Bbq",
    "CrowsPairs",
    "Evaluator",
    "FineTune",
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
