"""Plain fine-tuning: the control that shows what the alignment texts alone do."""

from typing import Literal

from trainables.objectives.base import Objective


class NoObjective(Objective):
    """Loss 0: the texts are learnt as they were found, stereotypes included."""

    name: Literal["none"] = "none"
