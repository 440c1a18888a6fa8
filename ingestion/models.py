"""Where events come from, what they look like, and what became of those that were not applied."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Source(models.Model):
    """A site, app or back end that sends events."""

    class Kind(models.TextChoices):
        SITE = "site", _("Web site")
        APP = "app", _("App")
        SERVER = "server", _("Back end")
        IMPORT = "import", _("Import")

    slug = models.SlugField(max_length=64, unique=True)
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.SITE)
    write_key = models.CharField(max_length=64, unique=True)
    origins = ArrayField(
        models.CharField(max_length=200),
        default=list,
        blank=True,
        help_text="Pages that may open the socket, such as https://shop.example or https://*.shop.example; none: any.",
    )
    debug = models.BooleanField(default=False, help_text="Visitors' pages are shown what the engine sees of them.")
    strict = models.BooleanField(default=False, help_text="Invalid events are answered with an error status.")
    off = models.DateTimeField(null=True, blank=True, help_text="Since then its keys and clients are refused.")
    created = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class SecretKey(models.Model):
    """A back end's key; only its SHA-256 is kept, the key itself is shown once."""

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="secret_keys")
    name = models.CharField(max_length=120, blank=True)
    prefix = models.CharField(max_length=12)
    sha256 = models.CharField(max_length=64, unique=True)
    scopes = ArrayField(models.CharField(max_length=40), default=list)
    created = models.DateTimeField(auto_now_add=True)
    expires = models.DateTimeField(null=True, blank=True)
    last_used = models.DateTimeField(null=True, blank=True)
    revoked = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.prefix}…"


class OAuthClient(models.Model):
    """A program that gets tokens by client credentials; its secret is kept as a password is, and shown once."""

    application = models.OneToOneField(
        settings.OAUTH2_PROVIDER_APPLICATION_MODEL, on_delete=models.CASCADE, related_name="client"
    )
    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="oauth_clients")
    scopes = ArrayField(models.CharField(max_length=40), default=list)
    last_used = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "OAuth client"

    def __str__(self) -> str:
        return str(self.application)


class EventType(models.Model):
    """An entry of the event catalogue: a name that has been seen or declared."""

    name = models.CharField(max_length=200, unique=True)
    volume = models.BigIntegerField(default=0, help_text="Events applied.")
    first_seen = models.DateTimeField(null=True, blank=True)
    last_seen = models.DateTimeField(null=True, blank=True)
    schema = models.JSONField(null=True, blank=True, help_text="What its properties look like.")
    description = models.CharField(
        max_length=500, blank=True, default="", db_default="", help_text="When it is sent, and by what: for people."
    )

    def __str__(self) -> str:
        return self.name


class EventProperty(models.Model):
    """A property of an event, as a path (`category`, `products.category`), with the types it was seen with."""

    event_type = models.ForeignKey(EventType, on_delete=models.CASCADE, related_name="properties")
    path = models.CharField(max_length=200)
    types = ArrayField(models.CharField(max_length=10), default=list)
    indexed = models.BooleanField(default=False, help_text="Remembered in profiles, so that conditions can use it.")
    private = models.BooleanField(
        default=False, db_default=False, help_text="Its values stay with those who may see personal data."
    )
    last_seen = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "event properties"
        constraints = [models.UniqueConstraint(fields=["event_type", "path"], name="one_path_per_event_type")]

    def __str__(self) -> str:
        return self.path


class ArchiveOffset(models.Model):
    """How far a stream of Redis has been copied; moved in the transaction that copies."""

    stream = models.CharField(max_length=64, primary_key=True)
    offset = models.CharField(max_length=40)

    def __str__(self) -> str:
        return f"{self.stream} at {self.offset}"


class DeadLetter(models.Model):
    """A record that failed its consumer again and again, set aside whole."""

    class Log(models.TextChoices):
        EVENTS = "events", _("Event log")
        ACCEPTED = "accepted", _("Accepted log")

    log = models.CharField(max_length=8, choices=Log.choices, default=Log.EVENTS)
    partition = models.IntegerField()
    offset = models.CharField(max_length=40)
    raw = models.BinaryField()
    reason = models.CharField(max_length=200)
    tries = models.IntegerField()
    at = models.DateTimeField()
    replayed = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["log", "partition", "offset"], name="one_letter_per_record")]

    def __str__(self) -> str:
        return f"{self.partition}:{self.offset}"


class Refusal(models.Model):
    """One event that a door refused; the newest are kept to look at, all are counted in Outcome."""

    source = models.CharField(max_length=64)
    reason = models.CharField(max_length=40, db_index=True)
    message = models.TextField()
    message_id = models.CharField(max_length=255, blank=True)
    sample = models.TextField()
    at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.reason


class Outcome(models.Model):
    """How many events of a day and source ended in one way."""

    day = models.DateField()
    source = models.CharField(max_length=64)
    outcome = models.CharField(max_length=40)
    count = models.BigIntegerField()
    first = models.DateTimeField(default=timezone.now, help_text="When the first one was counted.")
    last = models.DateTimeField(default=timezone.now, help_text="When the count grew last.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["day", "source", "outcome"], name="one_count_per_outcome")]

    def __str__(self) -> str:
        return f"{self.day} {self.source} {self.outcome}"


class PublishedDirectory(models.Model):
    """A version of who may send and what is remembered; the newest one is in force."""

    payload = models.JSONField()
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "published directories"

    def __str__(self) -> str:
        return f"Directory {self.pk}"


class ImportRun(models.Model):
    """A file of history that is being sent, or was: enough to go on after an interruption."""

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="imports")
    sha256 = models.CharField(max_length=64)
    file = models.CharField(max_length=255)
    preset = models.CharField(max_length=40)
    events = models.BigIntegerField(default=0, help_text="Events of the file that are settled, in the file's order.")
    started = models.DateTimeField()
    finished = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "import"
        constraints = [models.UniqueConstraint(fields=["source", "sha256", "preset"], name="one_run_per_file")]

    def __str__(self) -> str:
        return self.file
