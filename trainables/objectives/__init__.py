"""What pulls the bias down: one file a formula.

An objective is a frozen class whose fields are its hyper-parameters, with three members:

``learns``
    which texts of a pair the language-modelling loss sees: the ``original`` as found in the
    corpus, its counterfactual ``twin``, or both;
``compares``
    whether there is a loss beyond that, over pairs;
``loss(model, pairs)``
    that loss: a scalar tensor, the mean over pairs.

To add one: its file, one entry in the union below, and a test with a number worked out by hand.
The union is the registry: a wrong name lists the right ones, and no YAML can name other code.
"""

from typing import Annotated

from pydantic import Field

from trainables.objectives.cda import Cda
from trainables.objectives.likelihood_gap import LikelihoodGap
from trainables.objectives.none import NoObjective

Objective = Annotated[NoObjective | Cda | LikelihoodGap, Field(discriminator="name")]

__all__ = ["Cda", "LikelihoodGap", "NoObjective", "Objective"]
