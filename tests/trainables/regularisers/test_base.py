"""The contract of a regulariser: what follows from what a plugin declares."""

from typing import ClassVar

from trainables.regularisers.base import Regulariser


class Anchored(Regulariser):
    """A regulariser that reads general texts and declares nothing else."""

    reads_texts: ClassVar[bool] = True

    name: str = "anchored"

    @property
    def anchor(self):
        return ("miniature", 4)


def test_the_texts_of_a_regulariser_are_those_of_its_anchor_unless_it_says_otherwise():
    assert Anchored().texts_from == "miniature"
    assert Regulariser(name="plain").texts_from is None
