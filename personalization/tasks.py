"""Celery's tasks: work by the clock, each idempotent."""

from celery import shared_task
from django.core.management import call_command

from personalization.wiring import make_builder, redis_client
from profiles import keys

SLICE_S = 10  # of one task, after which other tasks have their turn


@shared_task
def drop_expired_sessions() -> None:
    """Django keeps the sessions of operators who never log out; those that have ended are of no use to anybody."""
    call_command("clearsessions")


@shared_task
def build_segments() -> None:
    """A slice of filling new versions of segments; what is left is handed over again."""
    client = redis_client()
    client.set(keys.BUILDING, "at work", ex=2 * SLICE_S)
    if make_builder().work(SLICE_S):
        client.delete(keys.BUILDING)
