"""Any task of lm-evaluation-harness, or a group of them, measured with our own engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from trainables.evaluators.base import Evaluator
from trainables.harness import declared, folder, index, loaded
from trainables.metrics.metric import Metric

if TYPE_CHECKING:
    from trainables.metrics.estimate import Estimate
    from trainables.models.language_model import LanguageModel


class Harness(Evaluator):
    """The metrics of a task as its YAML lists them, under the names of lm-evaluation-harness.

    Prompts, examples, filters and metrics are the harness's own; log-likelihoods and texts are ours. A
    group is one evaluator if its YAML says how its tasks are averaged; its metrics are these averages.
    With another number of examples than the YAML sets the names have it: task/TASK_5shot/acc.

    An item is a row of the task's data, named by its number. Metrics that are no mean of items, such as
    F1, have their errors from leaving out items.

    The installed package (the part `harness`) has the tasks, and a folder that the command line names
    by --harness-tasks. Only tasks from there may bring code. Tasks that are Python classes, run code
    of the model's, need images or sounds, or have a metric of the Hub are refused.

    Source: lm-evaluation-harness 0.4.13 (Gao et al. 2024, doi 10.5281/zenodo.12608602).
    """

    families: ClassVar[tuple[str, ...]] = ("causal",)

    name: Literal["harness"] = "harness"
    task: str = Field(description="name of a task, also of one of your own")
    num_fewshot: int | None = Field(
        None, ge=0, description="examples before each item; as the task's YAML sets when left out"
    )
    limit: int | None = Field(None, ge=1, description="items of each task; all when left out")

    @field_validator("task")
    @classmethod
    def _task_can_be_measured(cls, name: str) -> str:
        """Return the name, if it is that of a task that can be measured."""
        declared.describe(name)
        return name

    @model_validator(mode="after")
    def _examples_are_allowed(self) -> Self:
        """Refuse examples where the YAML of the task fixes their number at 0."""
        if declared.describe(self.task).fixes(self.num_fewshot or 0):
            raise ValueError(
                f"num_fewshot must be 0 or left out for {self.task}, whose YAML fixes it at 0, but got "
                f"{self.num_fewshot}"
            )
        return self

    @property
    def _label(self) -> str:
        """The end of the data set in names of metrics: `_5shot` with other examples than the YAML's."""
        is_usual = declared.describe(self.task).is_usual(self.num_fewshot)
        return "" if is_usual else f"_{self.num_fewshot}shot"

    def _labelled(self, name: str) -> str:
        """Return the name of a metric with the label on its data set."""
        family, dataset, quantity = name.split("/")
        return f"{family}/{dataset}{self._label}/{quantity}"

    def metrics(self, family: str) -> tuple[Metric, ...]:
        """Declare the metrics that the YAML of the task lists."""
        measured = (entry.declared for entry in declared.describe(self.task).measured)
        return tuple(replace(metric, name=self._labelled(metric.name)) for metric in measured)

    @property
    def starts_as_harness(self) -> bool:
        """True."""
        return True

    def data_digest(self) -> str:
        """Return the sha256 of the YAML, the code beside it, the items and their requests.

        Of a task of one's own, all files of the named folder count, as they are now.
        """
        return loaded.digest(self._tasks(), folder.digest_now() if self.own_folder() else "")

    def items(self) -> list[object]:
        """Return the rows of the task's data, or of all tasks of the group."""
        return [doc for task in self._tasks() for _, doc in task.docs]

    def texts(self) -> list[str]:
        """Return the texts in the fields of its items, and each text with each of its answers."""
        return loaded.texts(self._tasks())

    def whole_texts(self) -> list[tuple[str, str]]:
        """Return all answers that are scored. Of a context what does not fit is cut."""
        return loaded.answers(self._tasks())

    def num_written(self) -> int:
        """Return the largest max_gen_toks of its requests; 0 if it has the model write nothing."""
        return loaded.num_written(self._tasks())

    def _tasks(self) -> tuple[loaded.Loaded, ...]:
        """Return the task with its data, or each task of the group."""
        return loaded.load(self.task, self.num_fewshot, self.limit)

    def own_folder(self) -> Path | None:
        """Return the folder that the command line has named, if a part of the task is found there."""
        own = folder.current_path()
        parts = (leaf.path for leaf in declared.describe(self.task).leaves)
        paths = filter(None, [index.find(self.task).path, *parts])
        return own if own and any(path.is_relative_to(own) for path in paths) else None

    def measure(self, model: LanguageModel, base: Mapping[str, Estimate]) -> dict[str, Estimate]:
        """Return the metrics of the model.

        Raises:
            ValueError: an answer has no token, or something does not fit into the model's positions.
        """
        from trainables.harness.measure import measure

        estimates = measure(model, self.task, self.num_fewshot, self.limit)
        return {self._labelled(name): value for name, value in estimates.items()}
