"""Discount codes out of an uploaded file: one in each line, or a column of a CSV. Pure."""

from segments.upload_columns import ColumnFile

MAX_CODE = 64  # characters


class CodeFile(ColumnFile):
    """The codes of an open file."""

    known = ("code", "codes", "couponcode", "discountcode", "promocode", "vouchercode", "coupon", "voucher")
    called = "codes"

    def find_fault(self, value: str) -> str | None:
        return find_code_fault(value)


def find_code_fault(code: str) -> str | None:
    """Why this is no code, in a few words."""
    if not code:
        return "the code is empty"
    if len(code) > MAX_CODE:
        return f"the code is longer than {MAX_CODE} characters"
    if not code.isprintable():
        return "the code has a character in it that cannot be seen"
    return None
