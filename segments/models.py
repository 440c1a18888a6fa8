"""Groups of people: what defines them, how each version came into force, how large they were, who came and went."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

SLUG_LENGTH = 64


class Segment(models.Model):
    """A named group of people. What is written here is a draft until a Book is published with it."""

    class Kind(models.TextChoices):
        CONDITION = "condition", _("Condition")
        LIST = "list", _("Uploaded list")
        SNAPSHOT = "snapshot", _("Snapshot of a moment")
        CLUSTER = "cluster", _("Cluster")
        LOOKALIKE = "lookalike", _("Lookalike")

    slug = models.SlugField(max_length=SLUG_LENGTH, unique=True)
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.CONDITION)
    description = models.TextField(blank=True)
    condition = models.JSONField(null=True, blank=True)  # a list has none; a snapshot asks it of one moment
    as_of = models.DateTimeField("as of", null=True, blank=True, help_text="The moment that a snapshot is of.")
    frozen_from = models.ForeignKey("self", null=True, blank=True, editable=False, on_delete=models.SET_NULL)
    live = models.BooleanField(default=True, help_text="Part of the next published Book.")
    version = models.PositiveIntegerField(default=0, editable=False)  # counts its revisions (rules.drafts)
    updated = models.DateTimeField(auto_now=True)

    class Meta:
        permissions = [("export_segment", "Can export the people of a segment")]

    def __str__(self) -> str:
        return self.name


class SegmentVersion(models.Model):
    """One definition of a segment as processors know it. It is named by slug: a segment that is deleted and made
    again never takes a number twice, since people may still carry the old ones."""

    segment = models.CharField(max_length=SLUG_LENGTH)
    version = models.PositiveIntegerField()
    kind = models.CharField(max_length=10, choices=Segment.Kind.choices)
    condition = models.JSONField(null=True)
    as_of = models.DateTimeField(null=True)
    collected = models.BooleanField(default=False, help_text="The members of a list or snapshot are stored.")
    source = models.CharField(max_length=255, help_text="What it came with.")
    made = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["segment", "version"], name="segment_version_once")]

    def __str__(self) -> str:
        return self.key

    @property
    def key(self) -> str:
        """What profiles carry, as in segments.roster."""
        return f"{self.segment}@{self.version}"


class Roster(models.Model):
    """An immutable, numbered list of the versions that processors keep up to date, and which of them answer."""

    number = models.PositiveIntegerField(unique=True)
    payload = models.JSONField()
    at = models.DateTimeField()

    class Meta:
        ordering = ["-number"]

    def __str__(self) -> str:
        return f"Roster {self.number}"


class Upload(models.Model):
    """A file of ids that became members of a list, and its rows that did not."""

    class Ids(models.TextChoices):
        USER = "user", _("User ids")
        ANONYMOUS = "anonymous", _("Anonymous ids")
        PROFILE = "profile", _("Profile ids")

    segment = models.ForeignKey(Segment, on_delete=models.CASCADE, related_name="uploads")
    version = models.ForeignKey(SegmentVersion, on_delete=models.CASCADE, related_name="uploads")
    file = models.CharField(max_length=255)
    column = models.CharField(max_length=255, help_text="The name of the column, or its number.")
    ids = models.CharField(max_length=9, choices=Ids.choices, default=Ids.USER, help_text="What its ids are.")
    replaces = models.BooleanField(help_text="Whoever is not in the file leaves the list.")
    rows = models.PositiveIntegerField(default=0, help_text="Rows with an id.")
    added = models.PositiveIntegerField(default=0, help_text="Members that were not in the list before.")
    duplicates = models.PositiveIntegerField(default=0, help_text="Rows of somebody named before in the file.")
    refused = models.PositiveIntegerField(default=0, help_text="Rows without an id that can be meant.")
    problems = models.JSONField(default=list, help_text="The first refused rows: line, what it said, why.")
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)

    class Meta:
        ordering = ["-at"]

    def __str__(self) -> str:
        return self.file


class Member(models.Model):
    """Somebody of a list or snapshot. `identifier` (`u:…`, `a:…`) is what they were named by; what it stands for is
    looked up whenever the list is filled, `profile_id` is what it stood for until it was linked to something."""

    version = models.ForeignKey(SegmentVersion, on_delete=models.CASCADE, related_name="members")
    upload = models.ForeignKey(Upload, null=True, on_delete=models.SET_NULL, db_index=False)
    profile_id = models.UUIDField()
    identifier = models.TextField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["version", "profile_id"], name="segment_member_once")]

    def __str__(self) -> str:
        return self.identifier or str(self.profile_id)


class Build(models.Model):
    """The filling of new versions in the background, while the old ones answer. `cursor` is the last profile of the
    walk that is under way whose turn has come for certain, `member` the last row of a list."""

    class State(models.TextChoices):
        QUEUED = "queued", _("Queued")
        COLLECTING = "collecting", _("Finding the members")
        ADOPTING = "adopting", _("Telling the processors")
        ENROLLING = "enrolling", _("Putting people into lists")
        FILLING = "filling", _("Filling")
        SETTLING = "settling", _("In force, tidying up")
        DONE = "done", _("Done")
        CANCELLED = "cancelled", _("Cancelled")
        FAILED = "failed", _("Failed")

    ENDED = (State.DONE, State.CANCELLED, State.FAILED)

    versions = models.ManyToManyField(SegmentVersion, related_name="builds")
    upload = models.ForeignKey(Upload, null=True, on_delete=models.SET_NULL, help_text="Adds its people alone.")
    recalls = models.JSONField(default=dict, help_text="Properties to be remembered of the past, by event.")
    roster = models.PositiveIntegerField(help_text="The number processors must have reached.")
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    server = models.CharField(max_length=64, blank=True, help_text="The Redis that profiles were handed out with.")
    cursor = models.UUIDField(null=True)
    member = models.PositiveBigIntegerField(default=0)
    done = models.PositiveBigIntegerField(default=0)
    total = models.PositiveBigIntegerField(default=0)
    tries = models.PositiveSmallIntegerField(default=0, help_text="Starts since it last got anywhere.")
    error = models.TextField(blank=True)
    queued = models.DateTimeField()
    started = models.DateTimeField(null=True)
    asked = models.DateTimeField(null=True, help_text="When the first people of the walk under way were asked.")
    heartbeat = models.DateTimeField(null=True, help_text="When it last got anywhere.")
    in_force = models.DateTimeField(null=True, help_text="When the new versions began to answer.")
    finished = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"Build {self.pk}"


class SegmentSize(models.Model):
    """How many people a version had, at the end of an hour or, of this hour, a moment ago."""

    segment = models.CharField(max_length=SLUG_LENGTH)
    version = models.PositiveIntegerField()
    hour = models.DateTimeField()
    size = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["segment", "version", "hour"], name="segment_size_once")]

    def __str__(self) -> str:
        return f"{self.segment}@{self.version}: {self.size}"


class SegmentChange(models.Model):
    """Somebody entered or left. `cause` is what it came from, `because` the message or build."""

    class What(models.TextChoices):
        ENTERED = "entered"
        LEFT = "left"

    profile_id = models.UUIDField()
    segment = models.CharField(max_length=SLUG_LENGTH)
    what = models.CharField(max_length=8, choices=What.choices)
    at = models.DateTimeField()
    cause = models.CharField(max_length=8)
    because = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["profile_id", "segment", "what", "at"], name="segment_change_once")
        ]
        indexes = [models.Index(fields=["segment", "-at"], name="segment_change_newest")]

    def __str__(self) -> str:
        return f"{self.profile_id} {self.what} {self.segment}"
