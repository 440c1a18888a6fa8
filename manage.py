#!/usr/bin/env python
"""Runs the product's commands."""

import os
import sys

import django.db
import psycopg
import redis
from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line


def explain(error: Exception) -> str | None:
    """One sentence for what the person at the terminal can mend; None for everything else."""
    cause = error.__cause__
    if isinstance(error, django.db.OperationalError) and isinstance(cause, psycopg.Error) and cause.sqlstate is None:
        return "PostgreSQL does not answer. Start the product (make run), or name your server in DATABASE_URL."
    if isinstance(error, redis.ConnectionError | redis.TimeoutError):
        return "Redis does not answer. Start the product (make run), or name your server in REDIS_URL."
    if isinstance(error, ImproperlyConfigured):
        return f"A setting is missing or wrong: {error}"
    return None


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "personalization.settings")
    try:
        execute_from_command_line(sys.argv)
    except Exception as error:
        sentence = explain(error)
        if sentence is None:
            raise
        sys.exit(sentence)
