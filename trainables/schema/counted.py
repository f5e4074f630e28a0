"""Numbers of things in sentences."""


def counted(num: int, one: str, many: str = "") -> str:
    """Return a number and the word for so many things.

    one, many: the words after 1 and after any other number; `many` is `one` with an s if left out.

    >>> counted(1, "trial"), counted(0, "trial"), counted(2, "entry is", "entries are")
    ('1 trial', '0 trials', '2 entries are')
    """
    return f"{num} {one if num == 1 else many or one + 's'}"
