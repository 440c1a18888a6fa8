"""What was scheduled is published when its moment has come."""

import logging

from django.utils import timezone

from profiles.clients import Client
from rules.scheduling import publish_due

logger = logging.getLogger(__name__)


def publish_what_is_due(client: Client) -> bool:
    """Returns whether anything was published; why something was not is kept beside it."""
    done = publish_due(at=timezone.now())
    for each in done:
        if each.error:
            logger.warning("publication %d, which was scheduled for now, has failed", each.pk)
    return any(not each.error for each in done)
