"""The durable side of people: profiles, identifiers, merges, and the archive of what happened."""

from uuid import uuid4

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models.fields.json import KT
from django.db.models.functions import Left, Lower
from django.utils.translation import gettext_lazy as _

MAX_EMAIL = 254  # letters of an address that are looked up; an index takes no longer ones


class StoredProfile(models.Model):
    """The durable copy of a hot profile, written behind it: `state` is its packed form, the rest is for looking up."""

    id = models.UUIDField(primary_key=True)
    user_id = models.TextField(null=True, blank=True, db_index=True)
    first_seen = models.DateTimeField()
    last_seen = models.DateTimeField()
    traits = models.JSONField(default=dict)
    segments = models.JSONField(default=dict)
    cluster = models.TextField(null=True, blank=True)
    scores = models.JSONField(default=dict)
    consent = models.JSONField(default=dict, help_text="Purposes: true where the person agreed, false where not.")
    crowded = models.JSONField(null=True, help_text="Events done more often than a history remembers.")
    state = models.BinaryField()
    updated = models.DateTimeField()

    class Meta:
        verbose_name = "profile"
        permissions = [("export_person", "Can export everything that is known of a person")]
        indexes = [
            models.Index(fields=["id"], name="storedprofile_crowded", condition=models.Q(crowded__isnull=False)),
            models.Index(fields=["-last_seen", "-id"], name="storedprofile_newest"),
            models.Index(Left(Lower(KT("traits__email")), MAX_EMAIL), name="storedprofile_email"),
            GinIndex(fields=["traits"], name="storedprofile_traits", opclasses=["jsonb_path_ops"]),
            GinIndex(fields=["segments"], name="storedprofile_segments"),
        ]

    def __str__(self) -> str:
        return self.user_id or str(self.id)


class Identifier(models.Model):
    """The durable identity map: `key` is `u:…`, `a:…`, `p:…` for a retired profile, or `s:…` for one that was let go by
    the profile it names and is kept apart from it."""

    key = models.TextField(primary_key=True)
    profile_id = models.UUIDField(db_index=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return self.key


class MergeRecord(models.Model):
    """One profile that was taken over by another, with what it takes to undo it."""

    loser_id = models.UUIDField(db_index=True)
    winner_id = models.UUIDField(db_index=True)
    state = models.BinaryField()
    before = models.BinaryField(default=b"", help_text="The winner's state just before.")
    keys = models.JSONField(default=list, help_text="The identifiers that were the loser's.")
    user_id = models.TextField(default="", help_text="Whom the message named that linked the two.")
    because = models.TextField(help_text="The messageId that linked the two.")
    at = models.DateTimeField()
    after = models.BigIntegerField(default=0, help_text="Events of the winner with a higher id came afterwards.")
    position = models.BigIntegerField(default=0, help_text="Of its record in the log (profiles.decided).")
    undone = models.DateTimeField(null=True)
    undone_by = models.TextField(default="")

    class Meta:
        verbose_name = "merge"

    def __str__(self) -> str:
        return f"{self.loser_id} into {self.winner_id}"


class Erasure(models.Model):
    """The receipt of an erasure. Nothing in it says who it was: `profile` and `names` are digests that only the product
    can make, and what is left to be done is named in `pending` until it is done."""

    id = models.UUIDField(primary_key=True, default=uuid4)
    profile = models.CharField(max_length=64, db_index=True, help_text="A keyed digest of the profile's id.")
    names = models.JSONField(default=list, help_text="The same of every id that stood for the person.")
    requested = models.DateTimeField()
    by = models.CharField(max_length=150, help_text="Who asked for it.")
    done = models.DateTimeField(null=True)
    counts = models.JSONField(default=dict, help_text="How many rows were removed, by table.")
    pending = models.JSONField(default=list)

    class Meta:
        ordering = ["-requested"]

    def __str__(self) -> str:
        return f"Erasure {self.pk}"

    @property
    def state(self) -> str:
        return "requested" if self.done is None else "done"

    @property
    def removed(self) -> int:
        """Rows that are gone."""
        return sum(self.counts.values())


class SpentMark(models.Model):
    """The dedup mark of a message whose event was erased: a hash, by which it is still known when it is sent again."""

    mark = models.BinaryField()
    received = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return bytes(self.mark).hex()


class ArchivedEvent(models.Model):
    """One applied event. Partitioned by month of `at`; PostgreSQL keeps no key across partitions but (id, at)."""

    pk = models.CompositePrimaryKey("at", "id")
    id = models.BigIntegerField()
    at = models.DateTimeField()
    received = models.DateTimeField()
    source = models.TextField()
    message_id = models.TextField()
    profile_id = models.UUIDField()
    type = models.TextField()
    name = models.TextField()
    anonymous_id = models.TextField(null=True)
    user_id = models.TextField(null=True)
    value = models.FloatField()
    properties = models.JSONField()
    traits = models.JSONField()
    context = models.JSONField()
    entered = models.JSONField()
    left = models.JSONField()
    previous_id = models.TextField(null=True)
    position = models.BigIntegerField()

    class Meta:
        managed = False  # the migration writes the partitioned table by hand
        db_table = "profiles_archivedevent"
        verbose_name = "event"

    def __str__(self) -> str:
        return f"{self.name} at {self.at:%Y-%m-%d %H:%M:%S}"


class ArchiveStart(models.Model):
    """From when on the archive knows everything, in one row at most: what was older has been taken out."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    since = models.DateTimeField()

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="archive_start_one")]

    def __str__(self) -> str:
        return f"Archive since {self.since:%Y-%m-%d}"


class Rebuild(models.Model):
    """Redis was not whole, and was filled from here. `mark` is what Redis has since then; it is a moment in Unix
    milliseconds, so that a higher one is newer."""

    class Cause(models.TextChoices):
        NEW = "new", _("There was nothing to be put into it")
        ADOPTED = "adopted", _("It was whole before there were marks")
        LOST = "lost", _("It had lost everything")
        OLD = "old", _("It was older than the archive")
        ASKED = "asked", _("Somebody asked for it")

    class Phase(models.TextChoices):
        WAITING = "waiting", _("Waits for somebody to ask for it")
        CLEARING = "clearing", _("Making room")
        PROFILES = "profiles", _("Profiles")
        IDENTIFIERS = "identifiers", _("Identifiers")
        MARKS = "marks", _("Messages of the dedup window")
        DECISIONS = "decisions", _("What was counted and granted")
        DONE = "done", _("Done")

    mark = models.BigIntegerField(unique=True)
    cause = models.CharField(max_length=8, choices=Cause.choices)
    phase = models.CharField(max_length=12, choices=Phase.choices)
    began = models.DateTimeField()
    heartbeat = models.DateTimeField(help_text="When it last got anywhere.")
    finished = models.DateTimeField(null=True)
    done = models.PositiveBigIntegerField(default=0, help_text="Of the phase.")
    total = models.PositiveBigIntegerField(default=0)
    profiles = models.PositiveBigIntegerField(default=0, help_text="That were put into Redis.")
    error = models.TextField(blank=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"Rebuild {self.pk}"


class Reconciliation(models.Model):
    """One walk over everybody: what is hot was compared with what the archive says, and mended where it differed.
    `cursor` is where the walk goes on; a run that stood still goes on from there."""

    started = models.DateTimeField()
    finished = models.DateTimeField(null=True)
    heartbeat = models.DateTimeField(help_text="When it last got anywhere.")
    by = models.CharField(max_length=150, help_text="Who asked for it.")
    cursor = models.UUIDField(null=True)
    shards = models.PositiveIntegerField(default=0, help_text="That were compared by their digests.")
    alike = models.PositiveIntegerField(default=0, help_text="Of these, shards whose digests were equal at once.")
    people = models.PositiveBigIntegerField(default=0)
    differing = models.PositiveBigIntegerField(default=0)
    mended = models.PositiveBigIntegerField(default=0)
    unsettled = models.PositiveBigIntegerField(default=0, help_text="People who held still for no look.")
    unjudged = models.PositiveBigIntegerField(
        default=0, help_text="People from before the archive begins, whose totals and segments nothing tells."
    )
    unfilled = models.PositiveIntegerField(default=0, help_text="Shards without segments: some were being filled.")
    common = models.PositiveIntegerField(
        default=0, help_text="Counters of everybody and codes of offers that differed."
    )
    mends = models.BooleanField(default=True, help_text="What differs is mended, and not only noted.")
    anyway = models.BooleanField(default=False, help_text="However many differ.")
    note = models.CharField(max_length=200, blank=True, help_text="What it waits for, or why it does not mend.")

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"Reconciliation {self.pk}"


class Drift(models.Model):
    """The evidence of one profile that was not what the archive says: of each aspect what was found and what was
    expected, in counts, moments and names of segments; values of traits and codes as digests. Without a profile it is
    that of what belongs to everybody."""

    run = models.ForeignKey(Reconciliation, on_delete=models.CASCADE, related_name="drifts")
    profile_id = models.UUIDField(null=True, db_index=True)
    aspects = models.JSONField(help_text="Of each what was found and what was expected.")
    noticed = models.DateTimeField()
    mended = models.DateTimeField(null=True)
    note = models.CharField(max_length=200, blank=True, help_text="Why it is not mended.")

    class Meta:
        ordering = ["-pk"]
        verbose_name_plural = "drift"
        constraints = [
            models.UniqueConstraint(fields=["run", "profile_id"], name="one_drift_per_run", nulls_distinct=False)
        ]

    def __str__(self) -> str:
        return f"{self.profile_id or 'everybody'}: {', '.join(sorted(self.aspects))}"


class AuditEntry(models.Model):
    """One act of a person, or of the product on its own; see profiles.audit."""

    at = models.DateTimeField()
    act = models.CharField(max_length=16)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    actor = models.CharField(max_length=150, help_text="Who it was, by name; it stays when the login is removed.")
    kind = models.CharField(max_length=24)
    subject = models.CharField(max_length=200)
    name = models.CharField(max_length=200)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    note = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-at", "-pk"]
        verbose_name_plural = "audit entries"
        indexes = [
            models.Index(fields=["-at", "-id"], name="audit_newest"),
            models.Index(fields=["kind", "subject", "-at"], name="audit_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.act} {self.kind} {self.subject}"


class Organisation(models.Model):
    """What the organisation has chosen, in one row at most; see profiles.organisation."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    zone = models.CharField(max_length=64)
    purposes = models.JSONField(default=list)
    retention_days = models.PositiveIntegerField()
    changes_days = models.PositiveIntegerField()
    decisions_days = models.PositiveIntegerField()
    version = models.PositiveIntegerField()

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="organisation_one")]

    def __str__(self) -> str:
        return "Organisation"
