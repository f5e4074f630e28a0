"""No regulariser: the control."""

from typing import Literal

from trainables.regularisers.base import Regulariser


class NoRegulariser(Regulariser):
    """No term: nothing keeps the model close to its base."""

    name: Literal["none"] = "none"
