"""What holds the model in place: one file a formula.

A regulariser is a frozen class of the kind trainables/objectives/base.py describes. Its fields are its
hyper-parameters; beyond that it is a loss over the weights (``on_weights``) or over texts
(``on_texts``: those of the step, or general ones that it names), or it changes how the optimiser
moves (``recall``), or the model while it trains (``training``). ``model.base`` is the frozen base.

To add one: its file, one entry in the union below, and a test with a number worked out by hand.
"""

from typing import Annotated

from pydantic import Field

from trainables.regularisers.fisher import Fisher
from trainables.regularisers.kl_to_base import KlToBase
from trainables.regularisers.l2_to_base import L2ToBase
from trainables.regularisers.mixout import Mixout
from trainables.regularisers.none import NoRegulariser
from trainables.regularisers.recadam import RecAdam

AnyRegulariser = Annotated[
    NoRegulariser | L2ToBase | Fisher | RecAdam | KlToBase | Mixout, Field(discriminator="name")
]

__all__ = ["Fisher", "KlToBase", "L2ToBase", "Mixout", "NoRegulariser", "RecAdam", "Regulariser"]
