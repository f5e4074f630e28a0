"""Schedulers, which may end trials before their last step: one file a scheduler.

A scheduler is a frozen subclass of Scheduler (base.py). Its fields are its settings, and `build`
returns the Ray Tune scheduler that decides after each report of a trial. In a spec the name alone is
enough:

    scheduler: none

To add one: its file, one entry in the union below, and a test with a number worked out by hand. Once
it is listed, the laws of tests/conformance/scheduler.py run over it. With a second one the union also
needs `Field(discriminator="name")`, which pydantic refuses for a single class.
"""

from typing import Annotated

from pydantic import BeforeValidator

from sweep.schedulers.none import NoScheduler
from trainables.schema.strict import by_name

AnyScheduler = Annotated[NoScheduler, BeforeValidator(by_name)]

__all__ = ["AnyScheduler", "NoScheduler"]
