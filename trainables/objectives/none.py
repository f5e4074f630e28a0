"""Plain fine-tuning: the control that shows what the alignment texts alone do."""

from typing import Literal

from trainables.terms import ObjectiveTerm


class NoObjective(ObjectiveTerm):
    """Loss 0: the texts are learnt as they were found, stereotypes included."""

    name: Literal["none"] = "none"
