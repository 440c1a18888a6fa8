"""What stores keep beside their rows and keys of people who were erased: values in the statistics of PostgreSQL's
planner, deleted entries of streams, and the older part of the file that Redis appends to."""

import logging
from datetime import datetime, timedelta

import redis
from django.conf import settings
from django.db import connection

from ingestion.renewing import renew_streams
from profiles.clients import Client
from profiles.models import Erasure

logger = logging.getLogger(__name__)

LOOKED_BACK = timedelta(days=7)  # for nights on which no worker ran


def sweep_stores(client: Client, *, at: datetime) -> bool:
    """Has all of it made anew of what there is by now, if somebody was erased in the last days; says whether it was."""
    if not Erasure.objects.filter(done__gte=at - LOOKED_BACK).exists():
        return False
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    renew_streams(client, partitions=settings.PZ_PARTITIONS)
    try:
        client.bgrewriteaof()
    except redis.ResponseError as error:  # at work on it already, or a hosted Redis that sees to it by itself
        logger.info("Redis does not rewrite its file now: %s", type(error).__name__)
    return True
