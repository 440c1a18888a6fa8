"""Advisory locks of PostgreSQL, numbered in one place so that no two mean the same one."""

from django.db import connection

PUBLISH_BOOK = 7_305_001
ARCHIVE = 7_305_002  # held by the archiver that works
IMPORT = 7_305_003  # the first half; the second is the run
PUBLISH_DIRECTORY = 7_305_004
BUILD = 7_305_005  # held by the builder that works
FILL_POOLS = 7_305_006  # held by whoever fills the pools of codes
POINTS = 7_305_007  # the first half; the second is the person whose points are spent
IMAGES = 7_305_008  # held by whoever takes an image in
RECONCILE = 7_305_009  # held by the reconciliation that works
RECONCILIATIONS = 7_305_010  # held by whoever begins one
REBUILD = 7_305_020  # held by whoever fills a Redis that is not whole


def take_turns(lock: int) -> None:
    """Waits until no other transaction holds `lock`, and holds it to the end of this one."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [lock])


HELD = (
    "SELECT objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1 "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


def list_held() -> set[int]:
    """The locks that somebody holds at this moment."""
    with connection.cursor() as cursor:
        cursor.execute(HELD)
        return {lock for (lock,) in cursor.fetchall()}
