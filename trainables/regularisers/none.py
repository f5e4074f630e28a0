"""Nothing holds the model in place: the control."""

from typing import Literal

from trainables.terms import RegulariserTerm


class NoRegulariser(RegulariserTerm):
    """Loss 0."""

    name: Literal["none"] = "none"
