"""Objectives: formulas that lower the bias, one file each.

An objective is a frozen class derived from Objective (base.py). It says which texts of a pair the
model trains on, how the two texts of a pair are compared, and gives a loss over pairs or texts. To
add one: its file, one entry in the union below, and a test with a number worked out by hand. The
union is the registry: a wrong name lists the right ones, and no YAML can name other code.
"""

from typing import Annotated

from pydantic import BeforeValidator, Field

from trainables.objectives.cda import Cda
from trainables.objectives.counterfactual_js import CounterfactualJs
from trainables.objectives.counterfactual_kl import CounterfactualKl
from trainables.objectives.dpo import Dpo
from trainables.objectives.dropout import Dropout
from trainables.objectives.equalising import Equalising
from trainables.objectives.gradient_ascent import GradientAscent
from trainables.objectives.gradient_difference import GradientDifference
from trainables.objectives.likelihood_gap import LikelihoodGap
from trainables.objectives.none import NoObjective
from trainables.objectives.npo import Npo
from trainables.objectives.orthogonal import Orthogonal
from trainables.objectives.simnpo import SimNpo
from trainables.objectives.target_distribution import TargetDistribution
from trainables.objectives.task_vector import TaskVector
from trainables.objectives.unlikelihood import Unlikelihood
from trainables.schema.strict import by_name

AnyObjective = Annotated[
    NoObjective
    | Cda
    | Dropout
    | Equalising
    | CounterfactualJs
    | CounterfactualKl
    | TargetDistribution
    | LikelihoodGap
    | Dpo
    | GradientAscent
    | GradientDifference
    | Npo
    | SimNpo
    | Unlikelihood
    | Orthogonal
    | TaskVector,
    Field(discriminator="name"),
    BeforeValidator(by_name),
]

__all__ = [
    "AnyObjective",
    "Cda",
    "CounterfactualJs",
    "CounterfactualKl",
    "Dpo",
    "Dropout",
    "Equalising",
    "GradientAscent",
    "GradientDifference",
    "LikelihoodGap",
    "NoObjective",
    "Npo",
    "Orthogonal",
    "SimNpo",
    "TargetDistribution",
    "TaskVector",
    "Unlikelihood",
]
