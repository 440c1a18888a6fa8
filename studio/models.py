"""Who works in the Studio, in which role, where they are signed in, and what they ask others to publish."""

from django.conf import settings
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.utils.translation import gettext_lazy as _


class Member(models.Model):
    """What a login may do in the Studio (see studio.roles)."""

    class Role(models.TextChoices):
        VIEWER = "viewer", _("Viewer")
        MARKETER = "marketer", _("Marketer")
        PUBLISHER = "publisher", _("Publisher")
        ANALYST = "analyst", _("Analyst")
        DEVELOPER = "developer", _("Developer")
        OWNER = "owner", _("Owner")

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="member")
    role = models.CharField(max_length=16, choices=Role.choices, default=Role.VIEWER)
    sees_personal_data = models.BooleanField(
        default=False, help_text=_("Names, addresses and ids of people, unmasked.")
    )

    def __str__(self) -> str:
        return f"{self.user}, {self.role}"


class Review(models.Model):
    """Somebody asks for the drafts to be published: `payload` is what was live in them then, and `fingerprint` tells
    whether it still is."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        APPROVED = "approved", _("Approved")
        DECLINED = "declined", _("Declined")
        WITHDRAWN = "withdrawn", _("Withdrawn")

    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    at = models.DateTimeField()
    note = models.CharField(max_length=200, blank=True)
    payload = models.JSONField()
    fingerprint = models.CharField(max_length=64)
    state = models.CharField(max_length=16, choices=State.choices, default=State.WAITING)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    decided_at = models.DateTimeField(null=True)
    comment = models.CharField(max_length=500, blank=True)
    book = models.ForeignKey("rules.Book", null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ["-at", "-pk"]
        indexes = [models.Index(fields=["at"], name="reviews_waiting", condition=models.Q(state="waiting"))]

    def __str__(self) -> str:
        return f"Review {self.pk}"


class Session(AbstractBaseSession):
    """A session, with whose it is and where from, so that people see where they are signed in and can end it."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+")
    started = models.DateTimeField(null=True)
    seen = models.DateTimeField(auto_now=True)
    address = models.GenericIPAddressField(null=True)
    agent = models.CharField(max_length=200, blank=True)

    @classmethod
    def get_session_store_class(cls) -> "type[studio.sessions.SessionStore]":  # type: ignore[name-defined]  # noqa: F821
        from studio.sessions import SessionStore  # Django's own session model does the same: each needs the other

        return SessionStore
