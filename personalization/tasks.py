"""Celery's tasks: work by the clock, each idempotent."""

from celery import shared_task
from django.core.management import call_command


@shared_task
def drop_expired_sessions() -> None:
    """Django keeps the sessions of operators who never log out; those that have ended are of no use to anybody."""
    call_command("clearsessions")
