"""Numbers as the reader's language writes them: 12,345.6, or 12.345,6."""

from django.utils.formats import get_format

from profiles.writing import write_number

DIGITS = 12  # that are told of a number; what lies behind them is noise


def say_number(value: float, form: str = f".{DIGITS}g") -> str:
    """A whole number with its thousands apart; of another one as much as `form` says."""
    if isinstance(value, int):
        return write_number(value)
    said = f"{value:,{form}}"
    marks = {",": get_format("THOUSAND_SEPARATOR"), ".": get_format("DECIMAL_SEPARATOR")}
    return said.translate(str.maketrans(marks))
