"""What holds the model in place: one file a formula.

A regulariser is a frozen class whose fields are its hyper-parameters, with one method:
``loss(model, texts, logits)``, a scalar tensor added to the training loss (a mean, so that it does
not depend on how a step is cut into parts), or 0.0. ``model.base`` is the frozen base model.

To add one: its file, one entry in the union below, and a test with a number worked out by hand.
"""

from typing import Annotated

from pydantic import Field

from trainables.regularisers.kl_to_base import KlToBase
from trainables.regularisers.l2_to_base import L2ToBase
from trainables.regularisers.none import NoRegulariser

Regulariser = Annotated[NoRegulariser | L2ToBase | KlToBase, Field(discriminator="name")]

__all__ = ["KlToBase", "L2ToBase", "NoRegulariser", "Regulariser"]
