"""What is said of an error where everybody may read it: its kind, and never a value it was about."""

SERVER_AWAY = ("ConnectionError", "TimeoutError", "BusyLoadingError")


def say_error(error: BaseException) -> str:
    """`DataError (22P02)`: the class, with PostgreSQL's code. Of a server that cannot be reached also what the network
    said; the words of every other error may quote what somebody sent."""
    name, cause = type(error).__name__, error.__cause__
    state = getattr(error, "sqlstate", None) or getattr(cause, "sqlstate", None)
    if state:
        return f"{name} ({state})"
    module = type(error).__module__.partition(".")[0]
    is_away = (module == "redis" and name in SERVER_AWAY) or (
        name == "OperationalError" and module in ("django", "psycopg")
    )
    words = str(error).strip().splitlines() if is_away else []
    return f"{name}: {words[0][:200]}" if words else name
