"""Regularisers: formulas that keep the model close to its base, one file each.

A regulariser is a frozen class derived from Regulariser (base.py). It gives a loss over the weights or
over texts, or changes the optimiser's update, or changes the model while it trains. To add one: its
file, one entry in the union below, and a test with a number worked out by hand.
"""

from typing import Annotated

from pydantic import BeforeValidator, Field

from trainables.regularisers.fisher import Fisher
from trainables.regularisers.kl_to_base import KlToBase
from trainables.regularisers.l2_to_base import L2ToBase
from trainables.regularisers.mixout import Mixout
from trainables.regularisers.none import NoRegulariser
from trainables.regularisers.recadam import RecAdam
from trainables.schema.strict import by_name

AnyRegulariser = Annotated[
    NoRegulariser | L2ToBase | Fisher | RecAdam | KlToBase | Mixout,
    Field(discriminator="name"),
    BeforeValidator(by_name),
]

__all__ = ["AnyRegulariser", "Fisher", "KlToBase", "L2ToBase", "Mixout", "NoRegulariser", "RecAdam"]
