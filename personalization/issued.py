"""Tokens as PostgreSQL has them: for doors that may ask it when Redis has forgotten one."""

from datetime import datetime, timedelta

from django.utils import timezone
from oauth2_provider.models import AccessToken

from personalization.tokens import Token

KEPT = timedelta(days=1)  # after its end, for whoever asks what became of it


def find_issued(sha256: str) -> Token | None:
    """What a token stands for that was given out, has not been revoked and has not ended."""
    row = AccessToken.objects.select_related("application").filter(token_checksum=sha256).first()
    if row is None or row.application is None or row.expires <= timezone.now():
        return None
    return Token(row.application.client_id, tuple(row.scope.split()), int(row.expires.timestamp() * 1000))


def forget_ended(*, at: datetime) -> int:
    """Removes tokens that ended more than a day ago; returns how many."""
    removed, _ = AccessToken.objects.filter(expires__lt=at - KEPT).delete()
    return int(removed)
