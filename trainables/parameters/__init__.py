"""Parameters: ways to choose the weights that training moves, one file each.

Each is a frozen class derived from Parameters (base.py). To add one: its file, one entry in the union
below, and a test with a number worked out by hand.
"""

from typing import Annotated

from pydantic import BeforeValidator, Field

from trainables.parameters.all import AllParameters
from trainables.parameters.freeze import Freeze
from trainables.parameters.lora import Lora
from trainables.schema.strict import by_name

AnyParameters = Annotated[
    AllParameters | Freeze | Lora,
    Field(discriminator="name"),
    BeforeValidator(by_name),
]

__all__ = ["AllParameters", "AnyParameters", "Freeze", "Lora"]
