"""Numbers of things in sentences."""


def counted(num: float, one: str, many: str = "") -> str:
    """Return a number and the word for so many things.

    one, many: the words after 1 and after any other number; `many` is `one` with an s if left out.

    >>> counted(1, "trial"), counted(0.5, "hour"), counted(2, "entry is", "entries are")
    ('1 trial', '0.5 hours', '2 entries are')
    """
    number = f"{num:g}" if isinstance(num, float) else str(num)
    return f"{number} {one if num == 1 else many or one + 's'}"


def is_number(text: str) -> bool:
    """Return whether Python reads a text as a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True
