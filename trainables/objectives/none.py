"""Plain fine-tuning: the control that shows the effect of the alignment texts alone."""

from typing import Literal

from trainables.objectives.base import Objective


class NoObjective(Objective):
    """No term: the loss is that of the texts as found, stereotypes included."""

    name: Literal["none"] = "none"
