"""Write one chat by a template of Jinja within bounds of time and memory: a script, not to be imported.

It loads nothing but Jinja, so that it has started in a tenth of a second; what a template finds is as
in transformers' `render_jinja_template`, with which a test compares it.

stdin: JSON of template, turns, special tokens, whether the answer follows, seconds, bytes, characters.
stdout: JSON of the text; or of the reason why there is none, or of what is in excess.
"""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

from jinja2 import TemplateError, nodes
from jinja2.exceptions import SecurityError
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace


class Generation(Extension):
    """The tag around what a model has written, by which transformers finds it."""

    tags = {"generation"}  # noqa: RUF012 - as Jinja declares it

    def parse(self, parser: Parser) -> nodes.Node:
        """Return what is within the tag."""
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.Scope(body).set_lineno(line)


class VisibleNamespace(Namespace):
    """A namespace without names that Python keeps for itself, by which a template could break out."""

    def __init__(*args: Any, **names: Any) -> None:  # a name may be self
        self, *rest = args
        Namespace.__init__(self, {})
        for name, value in dict(*rest, **names).items():
            self[name] = value

    def __setitem__(self, name: str, value: Any) -> None:
        if name.startswith("_"):
            raise SecurityError(f"a namespace has no {name}")
        super().__setitem__(name, value)


class MakerOfDicts:
    """What a template calls as `dict`: not the type itself, whose attributes would lead on."""

    def __call__(self, *args: Any, **values: Any) -> dict[Any, Any]:
        """Return a new dict, as the type does."""
        return dict(*args, **values)

    def fromkeys(self, *args: Any) -> dict[Any, Any]:
        """Return a dict of keys with one value, as the type does."""
        return dict.fromkeys(*args)


def answer(
    template: str,
    turns: list[dict[str, str]],
    special_tokens: dict[str, Any],
    answer_follows: bool,
    seconds: float,
    num_bytes: int,
    num_chars: int,
) -> dict[str, str]:
    """Return the text of a chat, or why there is none, or what is in excess, under its name.

    Past so many seconds of a processor the process is ended by a signal.
    """
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols]
    )
    environment.filters["tojson"] = to_json
    environment.globals |= {
        "raise_exception": refuse,
        "strftime_now": lambda form: datetime.now().strftime(form),
        "dict": MakerOfDicts(),
        "namespace": VisibleNamespace,
    }
    bound(seconds, num_bytes)
    try:
        text = environment.from_string(template).render(
            messages=turns, tools=None, documents=None,
            add_generation_prompt=answer_follows, **special_tokens,
        )  # fmt: skip
    except MemoryError:
        return {"excess": "more memory"}
    except Exception as error:  # the expressions of a template fail as those of Python do
        reason = str(error).strip().partition("\n")[0].rstrip(" .,:") or type(error).__name__
        return {"reason": reason[:num_chars]}
    return {"excess": f"{len(text)} characters"} if len(text) > num_chars else {"text": text}


def to_json(value: Any, ensure_ascii: bool = False, **settings: Any) -> str:
    """Return a value as JSON, without the escapes for HTML that Jinja's own filter writes."""
    return json.dumps(value, ensure_ascii=ensure_ascii, **settings)


def refuse(reason: str) -> NoReturn:
    """Raise TemplateError, for a template that refuses its turns."""
    raise TemplateError(reason)


def bound(seconds: float, num_bytes: int) -> None:
    """Give this process so many seconds of a processor and bytes more, where the platform can."""
    try:
        import resource
        import signal
    except ImportError:  # no Unix
        return
    signal.setitimer(signal.ITIMER_PROF, seconds)  # its signal ends the process, whatever it does
    try:
        num_pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = num_pages * resource.getpagesize() + num_bytes
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    except (OSError, ValueError):  # no Linux, or a limit that is lower already
        return


if __name__ == "__main__":
    sys.stdout.write(json.dumps(answer(*json.load(sys.stdin))))
