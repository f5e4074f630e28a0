"""Nothing holds the model in place: the control."""

from typing import Literal

from trainables.regularisers.base import Regulariser


class NoRegulariser(Regulariser):
    """Loss 0."""

    name: Literal["none"] = "none"
