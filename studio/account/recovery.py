"""Recovery codes: each lets in once, without the app. The database has what is made of them, and never them."""

import secrets
from base64 import b32encode, urlsafe_b64encode
from hashlib import sha256

from django.contrib.auth.models import User
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken

CODES = 8
CODE_BYTES = 15  # nobody can try out so many, so that a plain hash is enough
DIGEST_BYTES = 12  # as many as django-otp has room for once they are text
GROUP = 6  # letters between dashes


def make_recovery_codes(user: User) -> list[str]:
    """New ones in place of all that were; as they are shown, once."""
    StaticDevice.objects.filter(user=user).delete()
    device = StaticDevice.objects.create(user=user, name="recovery", confirmed=True)
    codes = [b32encode(secrets.token_bytes(CODE_BYTES)).decode().lower() for _ in range(CODES)]
    StaticToken.objects.bulk_create(StaticToken(device=device, token=_digest(code)) for code in codes)
    return ["-".join(code[at : at + GROUP] for at in range(0, len(code), GROUP)) for code in codes]


def read_code(typed: str) -> str:
    """What django-otp is to look for: digits are the app's, and all else is taken for a recovery code, so that what the
    database has opens nothing. Spaces, dashes and capitals say nothing."""
    code = "".join(typed.split()).replace("-", "").lower()
    return code if code.isdecimal() else _digest(code)


def _digest(code: str) -> str:
    return urlsafe_b64encode(sha256(code.encode()).digest()[:DIGEST_BYTES]).decode()
