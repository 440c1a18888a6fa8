"""Names of everything kept in Redis, typed in one place."""

BOOK = "pz:book"
DIRECTORY = "pz:directory"
ROSTER = "pz:roster"
REFUSED = "pz:refused"
OUTCOMES = "pz:outcomes"
BUILDING = "pz:building"
PROCESSORS = "pz:processors"
ERASED = "pz:erased"
POOLS = "pz:pools"
USED = "pz:used"
SIGNS = "pz:signs"
DECIDED = "pz:decided"
WHOLE = "pz:whole"
FILLING = "pz:filling"
GLIMPSES = "pz:glimpses"


def log(partition: int) -> str:
    return f"pz:log:{partition}"


def accepted(partition: int) -> str:
    return f"pz:accepted:{partition}"


def offset(partition: int | str) -> str:
    return f"pz:offset:{partition}"


def tries(partition: int) -> str:
    return f"pz:tries:{partition}"


def timers(partition: int) -> str:
    return f"pz:timers:{partition}"


def lease(partition: int) -> str:
    return f"pz:lease:{partition}"


def profile(profile_id: str) -> str:
    return "pz:p:" + profile_id


def identifier(key: str) -> str:
    return "pz:id:" + key


def seen(period: int) -> str:
    return f"pz:seen:{period}"


def tally(profile_id: str) -> str:
    """What decisions have counted and granted for a person: `s:…` a counter, `g:…` a grant (rules.tally)."""
    return "pz:t:" + profile_id


def total(counter: str) -> str:
    """What decisions have counted for everybody together."""
    return "pz:total:" + counter


def codes(offer: str) -> str:
    """The pool of codes of an offer that are ready to be granted."""
    return "pz:codes:" + offer


def answered(call: str) -> str:
    """What a call to the REST door was answered, by the digest of its caller and its Idempotency-Key."""
    return "pz:answered:" + call


def clicks(message_id: str) -> str:
    """The links of an e-mail that were followed within this second."""
    return "pz:clicks:" + message_id


def inline_mail(name: str) -> str:
    """The inline template of a test, for those who view its message in the browser."""
    return "pz:mail:" + name


def erased(digest: str) -> str:
    """That a profile was erased, by a digest of its id: nothing may be left that names it."""
    return f"{ERASED}:{digest}"


def token(sha256: str) -> str:
    """What an OAuth token stands for; kept as long as it is good."""
    return "pz:token:" + sha256


def calls(name: str) -> str:
    """The bucket that a caller's calls are taken from."""
    return "pz:calls:" + name


def live(profile_id: str) -> str:
    return "pz:live:" + profile_id


def snapshot(name: str, number: int) -> str:
    """The payload of one numbered version of a snapshot (BOOK, DIRECTORY or ROSTER)."""
    return f"{name}:{number}"
