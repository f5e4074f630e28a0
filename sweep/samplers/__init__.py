"""Samplers, which choose the parameters of the next trial: one file a sampler.

A sampler is a frozen subclass of Sampler (base.py). Its fields are its settings, and `build` returns
the Optuna sampler that suggests one trial. In a spec the name alone is enough:

    search: {sampler: tpe}
    search: {sampler: {name: tpe, startup: 20}}

To add one: its file, one entry in the union below, and a test with a number worked out by hand. Once
it is listed, the laws of tests/conformance/sampler.py run over it. The union is the registry: a wrong
name in a spec lists the right ones, and no YAML can name other code.
"""

from typing import Annotated

from pydantic import BeforeValidator, Field

from sweep.samplers.auto import Auto
from sweep.samplers.gp import Gp
from sweep.samplers.grid import Grid
from sweep.samplers.nsga2 import Nsga2
from sweep.samplers.random_ import Random
from sweep.samplers.tpe import Tpe
from trainables.schema.strict import by_name

AnySampler = Annotated[
    Auto | Tpe | Gp | Nsga2 | Random | Grid,
    Field(discriminator="name"),
    BeforeValidator(by_name),
]

__all__ = ["AnySampler", "Auto", "Gp", "Grid", "Nsga2", "Random", "Tpe"]
