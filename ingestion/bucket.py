"""How often one client may do something: tokens that come back by the second, of which so many can be saved up."""


class Bucket:
    """For one event loop. `now` is its time, in seconds."""

    __slots__ = ("_burst", "_per_second", "_refilled", "_tokens")

    def __init__(self, per_second: float, burst: float, now: float) -> None:
        self._per_second = per_second
        self._burst = burst
        self._tokens, self._refilled = float(burst), now

    def take(self, now: float) -> bool:
        """Takes a token, whether or not there was one: who goes on without a pause is not let in again."""
        gained = (now - self._refilled) * self._per_second
        self._tokens, self._refilled = min(self._burst, self._tokens + gained) - 1, now
        return self._tokens >= 0
