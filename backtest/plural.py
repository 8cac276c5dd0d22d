"""Counts in sentences: the number with the form of the words that agrees with it."""


def counted(count: int, one: str, many: str = "") -> str:
    """`1 bar`, `1,204 bars`; `many` is given where the plural is not the singular with an s."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
