"""The settings of every evaluator, as `measure --help` lists them."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any, get_args

from typer.core import TyperCommand

from trainables.cli.output import WIDTH
from trainables.cli.streams import encodable

if TYPE_CHECKING:
    from trainables.evaluators.base import Evaluator

KEY_WIDTH = 16  # columns of a setting's indent and name
HEAD = """
Evaluators and their settings, for --evaluators NAME:KEY=VALUE:KEY=VALUE,NAME
(docs/measurements.md has the metrics of each):
"""


class WithEvaluators(TyperCommand):
    """A command whose --help ends with the settings of every evaluator."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help of the command, then the settings."""
        super().format_help(ctx, formatter)
        formatter.write(text())


def text() -> str:
    """Return the name, the purpose and the settings of every evaluator, in 80 columns.

    It has stand-ins for characters that the standard output cannot show.
    """
    from trainables.evaluators import AnyEvaluator

    union, *_ = get_args(AnyEvaluator)
    return HEAD + "".join(f"\n{_of_evaluator(evaluator)}\n" for evaluator in get_args(union))


def _of_evaluator(evaluator: type[Evaluator]) -> str:
    """Return the lines about one evaluator."""
    from trainables.schema.settings import settings

    purpose = " ".join((evaluator.__doc__ or "").strip().split("\n\n")[0].split())
    if _compares_with_base(evaluator):
        purpose += " A change against the base model, so for trials and sweeps alone."
    lines = [
        evaluator.model_fields["name"].default,
        textwrap.fill(encodable(purpose), WIDTH, initial_indent="  ", subsequent_indent="  "),
    ]
    for setting in settings(evaluator):
        is_required = setting.default == "required"
        words = [setting.type or " | ".join(setting.options)]
        words.append("(required)" if is_required else f"(default {setting.default})")
        words += [f"– {setting.meaning}"] if setting.meaning else []
        lines.append(
            textwrap.fill(
                encodable(" ".join(words)),
                WIDTH,
                initial_indent=f"    {setting.key}".ljust(KEY_WIDTH - 1) + " ",
                subsequent_indent=" " * KEY_WIDTH,
                break_on_hyphens=False,
            )
        )
    return "\n".join(lines)


def _compares_with_base(evaluator: type[Evaluator]) -> bool:
    """Return whether all metrics of an evaluator are changes against the base model."""
    from trainables.metrics.names import RELATIVE

    names = [m.name for example in evaluator.examples() for m in example.metrics("causal")]
    return bool(names) and all(name.endswith(RELATIVE) for name in names)
