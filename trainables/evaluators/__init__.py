"""What is measured: one file a benchmark.

An evaluator is a frozen class whose fields say which items are measured, with two methods:

``metrics(family)``
    the declaration of everything it reports for a model family, so that a sweep's goals can be
    checked before anything starts;
``measure(model, base)``
    those values for the model as it is now. ``base`` has what the same evaluator found at the base
    weights; it is empty while the base itself is measured, where every rise is 0, and None where no
    base is known, so that there is no rise to speak of.

and ``data_digest()``, the sha256 of its items. To add one: its file, one entry in the union below,
and a test against an independent implementation.
"""

from typing import Annotated

from pydantic import Field

from trainables.evaluators.crows_pairs import CrowsPairs
from trainables.evaluators.multiple_choice import MultipleChoice
from trainables.evaluators.perplexity import Perplexity
from trainables.evaluators.stereoset import StereoSet

Evaluator = Annotated[
    StereoSet | CrowsPairs | Perplexity | MultipleChoice, Field(discriminator="name")
]

__all__ = ["CrowsPairs", "Evaluator", "MultipleChoice", "Perplexity", "StereoSet"]
