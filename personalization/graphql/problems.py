"""What callers do wrong, a class for each kind; personalization/errors.py says how it is told."""


class Mistake(Exception):
    """The caller's, in the call or in one of its fields; what it says tells how to mend it."""


class WrongMethod(Mistake):
    """The door takes `POST` alone."""


class UnknownMediaType(Mistake):
    """The body is not said to be JSON."""


class BadRequest(Mistake):
    """The body is no call, or an argument cannot be meant."""


class BadQuery(Mistake):
    """The query, or one of its variables, is not valid."""


class OneOperation(Mistake):
    """There are several, or none."""


class TooLarge(Mistake):
    """The body or the query is."""


class TooDeep(Mistake):
    """Fields are inside each other too often."""


class TooManyFields(Mistake):
    """Those of fragments are counted too."""


class TooManyAliases(Mistake):
    """Those of fragments are counted too."""


class TooCostly(Mistake):
    """The query may come to more than is allowed."""


class EventRefused(Mistake):
    """A change that no door for events would take; `reason` is that of ingestion/refusals.py."""

    def __init__(self, reason: str, message: str) -> None:
        self.reason = reason
        super().__init__(message)
