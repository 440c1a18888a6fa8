"""Discount codes out of an uploaded file: one in each line, or a column of a CSV."""

from django.utils.translation import gettext_noop as _

from segments.upload_columns import ColumnFile

MAX_CODE = 64  # characters


class CodeFile(ColumnFile):
    """The codes of an open file."""

    known = ("code", "codes", "couponcode", "discountcode", "promocode", "vouchercode", "coupon", "voucher")
    called = _("codes")

    def find_fault(self, value: str) -> str | None:
        return find_code_fault(value)


def find_code_fault(code: str) -> str | None:
    """Why this is no code, in a few English words."""
    if not code:
        return _("the code is empty")
    if len(code) > MAX_CODE:
        return f"the code is longer than {MAX_CODE} characters"
    if not code.isprintable():
        return _("the code has a character in it that cannot be seen")
    return None
