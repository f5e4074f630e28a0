"""Which weights training moves: one file a way.

A frozen class whose fields are its settings, with ``training(model, seed)``: a context in which only
these weights want a gradient, undone when the trial ends; ``refuse_misfit(…)``, which says what a model
lacks for it, given what can be told without its weights; and ``adapts``, whether it leaves the base's
own weights as they are and trains others beside them.

To add one: its file, one entry in the union below, and a test.
"""

from typing import Annotated

from pydantic import Field

from trainables.parameters.all import AllParameters
from trainables.parameters.freeze import Freeze
from trainables.parameters.lora import Lora

AnyParameters = Annotated[AllParameters | Freeze | Lora, Field(discriminator="name")]

__all__ = ["AllParameters", "Freeze", "Lora", "Parameters"]
