"""Numbers of things, and durations, in sentences."""

from collections.abc import Sequence

MAX_NUMBERS = 50  # of things that a sentence names


def counted(num: float, one: str, many: str = "") -> str:
    """Return a number and the word for so many things.

    one, many: the words after 1 and after any other number; `many` is `one` with an s if left out.

    >>> counted(1, "trial"), counted(0.5, "hour"), counted(2, "entry is", "entries are")
    ('1 trial', '0.5 hours', '2 entries are')
    """
    number = f"{num:g}" if isinstance(num, float) else str(num)
    return f"{number} {one if num == 1 else many or one + 's'}"


def numbered(one: str, numbers: Sequence[int]) -> str:
    """Return the word for things and their numbers, of many the first MAX_NUMBERS.

    >>> numbered("trial", [3]), numbered("trial", [3, 5])
    ('trial 3', 'trials 3, 5')
    """
    return f"{one}{'s' if len(numbers) > 1 else ''} {listed(numbers)}"


def listed(numbers: Sequence[int]) -> str:
    """Return numbers in a sentence, of many the first MAX_NUMBERS.

    >>> listed([3, 5]), listed(range(52))[-15:]
    ('3, 5', ', 49 and 2 more')
    """
    num_more = len(numbers) - MAX_NUMBERS
    more = f" and {num_more} more" if num_more > 0 else ""
    return ", ".join(map(str, numbers[:MAX_NUMBERS])) + more


def clock(seconds: float) -> str:
    """Return a duration as MINUTES:SECONDS, or HOURS:MINUTES:SECONDS from an hour on.

    >>> clock(59.6), clock(3725)
    ('1:00', '1:02:05')
    """
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def is_number(text: str) -> bool:
    """Return whether Python reads a text as a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True
