"""A console of rich whose tables stay straight on a terminal that cannot show every character."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.text import Text

from trainables.cli.streams import encodable


class ShowableConsole(Console):
    """A console that shows no control characters of a text, and no pictures for words between colons.

    In its texts stand-ins take the place of characters before columns are laid out.

    The stand-in of ± has three columns: put in when the text is written, it would push what follows
    aside, and the line beyond its width.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(emoji=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """Return a text, as rich reads its markup, in the characters of this console's encoding."""
        return super().render_str(encodable(text, self.encoding), **options)
