"""What marketers define and its revisions, the Books that publish it, what was granted, and every decision."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

PERIODS = [("hour", "hour"), ("day", "day"), ("week", "week"), ("campaign", "campaign")]


class Draft(models.Model):
    """What visitors meet once it is published; `version` counts its revisions, 0 before the first."""

    slug = models.SlugField(max_length=64, unique=True)
    name = models.CharField(max_length=120)
    version = models.PositiveIntegerField(default=0, editable=False)
    updated = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name


class Block(Draft):
    """The content of a slot: Liquid for HTML and e-mail, or JSON for sites that draw it themselves."""

    class Kind(models.TextChoices):
        HTML = "html", "HTML"
        JSON = "json", "JSON"
        EMAIL = "email", _("E-mail")
        RECOMMENDATION = "recommendation", _("Recommendation")

    kind = models.CharField(max_length=16, choices=Kind.choices, default=Kind.HTML)
    source = models.TextField()
    subject = models.TextField(blank=True, help_text="Of an e-mail, in Liquid.")
    text = models.TextField(blank=True, help_text="Of an e-mail without HTML, in Liquid; made of the HTML if empty.")
    shape = models.JSONField(null=True, blank=True, help_text="JSON Schema of what a JSON block says.")
    fallback = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, help_text="Shown when there is nothing to recommend."
    )


class Slot(Draft):
    """A named place; without a matching rule it shows its default block, or its own content."""

    class Channel(models.TextChoices):
        WEB = "web", _("Web page")
        EMAIL = "email", _("E-mail")
        JSON = "json", "JSON"

    channel = models.CharField(max_length=8, choices=Channel.choices, default=Channel.WEB)
    kinds = ArrayField(
        models.CharField(max_length=16, choices=Block.Kind.choices),
        default=list,
        blank=True,
        help_text="Kinds of block it takes; none: all that fit its channel.",
    )
    default = models.ForeignKey(Block, null=True, blank=True, on_delete=models.PROTECT)


class Offer(Draft):
    """What a person gets beside a block, once in each period: a discount code, loyalty points or early access."""

    class Kind(models.TextChoices):
        CODE = "code", _("Discount code")
        POINTS = "points", _("Loyalty points")
        EARLY_ACCESS = "early_access", _("Early access")

    kind = models.CharField(max_length=16, choices=Kind.choices, default=Kind.CODE)
    points = models.PositiveIntegerField(default=0, help_text="Granted each time.")
    every = models.CharField(max_length=8, choices=PERIODS, default="campaign", help_text="Granted once in each.")


class Rule(Draft):
    """In `slot`, when `condition` holds (empty: for everybody), show `block`; the highest priority wins, and of those
    of the same priority one is drawn for each person in proportion to their weight."""

    slot = models.ForeignKey(Slot, on_delete=models.CASCADE, related_name="rules")
    block = models.ForeignKey(Block, on_delete=models.PROTECT, related_name="rules")
    condition = models.JSONField(null=True, blank=True)
    priority = models.IntegerField(default=0)
    weight = models.PositiveIntegerField(null=True, blank=True, help_text="Its part among rules of the same priority.")
    starts = models.DateTimeField(null=True, blank=True)
    ends = models.DateTimeField(null=True, blank=True)
    zone = models.CharField(max_length=64, blank=True, help_text="Of the two; empty: the organisation's.")
    caps = models.JSONField(default=list, blank=True, help_text='A list of {"most": 3, "per": "day", "of": "person"}.')
    purpose = models.SlugField(max_length=40, blank=True, help_text="What the person has to have consented to.")
    offer = models.ForeignKey(Offer, null=True, blank=True, on_delete=models.PROTECT, related_name="rules")
    live = models.BooleanField(default=True, help_text="Part of the next published Book.")


class Image(models.Model):
    """A picture that blocks show. `file` is named by what is in it, so that one name is one picture for ever."""

    name = models.CharField(max_length=120)
    alt = models.CharField(max_length=300, blank=True, help_text="What it shows, for those who do not see it.")
    file = models.FileField(unique=True, max_length=100)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    size = models.PositiveIntegerField(help_text="Bytes.")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    at = models.DateTimeField()

    class Meta:
        ordering = ["-at", "-pk"]

    def __str__(self) -> str:
        return self.name


class Revision(models.Model):
    """What a definition said after one edit; `definition` is as in a Book."""

    kind = models.CharField(max_length=16)
    slug = models.SlugField(max_length=64)
    version = models.PositiveIntegerField()
    definition = models.JSONField(null=True, help_text="Null: it was removed.")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    at = models.DateTimeField()
    note = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-at", "-pk"]
        indexes = [models.Index(fields=["kind", "slug", "version"])]

    def __str__(self) -> str:
        return f"{self.kind} {self.slug}, version {self.version}"


class Book(models.Model):
    """An immutable, numbered snapshot of everything that was live when it was published."""

    number = models.PositiveIntegerField(unique=True)
    payload = models.JSONField()
    published = models.DateTimeField()
    published_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    note = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-number"]

    def __str__(self) -> str:
        return f"Book {self.number}"


class ScheduledPublication(models.Model):
    """What is to be published at a moment: the definitions as they were when it was scheduled, and the Book in force
    then, so that what others publish meanwhile stays."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        PUBLISHED = "published", _("Published")
        FAILED = "failed", _("Failed")
        CANCELLED = "cancelled", _("Cancelled")

    at = models.DateTimeField(db_index=True)
    payload = models.JSONField()
    base = models.JSONField(null=True)
    note = models.CharField(max_length=200, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    created = models.DateTimeField()
    state = models.CharField(max_length=16, choices=State.choices, default=State.WAITING)
    book = models.ForeignKey(Book, null=True, on_delete=models.SET_NULL)
    error = models.TextField(blank=True)

    class Meta:
        ordering = ["-at"]

    def __str__(self) -> str:
        return f"{self.get_state_display()}, {self.at:%Y-%m-%d %H:%M}"


class OfferCode(models.Model):
    """One discount code. `handed` is when it went into the pool in Redis from which decisions take them, `granted` when
    somebody got it; `withdrawn` is when one that was in the pool was called back (see rules.pools)."""

    offer = models.ForeignKey(Offer, on_delete=models.CASCADE, related_name="codes")
    code = models.CharField(max_length=64)
    handed = models.DateTimeField(null=True)
    granted = models.DateTimeField(null=True)
    withdrawn = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["offer", "code"], name="one_code_per_offer")]
        indexes = [
            models.Index(fields=["offer", "id"], name="codes_waiting", condition=models.Q(handed__isnull=True)),
            models.Index(
                fields=["offer", "withdrawn"],
                name="codes_handed",
                condition=models.Q(handed__isnull=False, granted__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return self.code


class Grant(models.Model):
    """What a person was granted of an offer in one of its periods: the code, the points or the access."""

    offer = models.SlugField(max_length=64)
    profile_id = models.UUIDField(db_index=True)
    period = models.CharField(max_length=16, blank=True)
    code = models.CharField(max_length=64, blank=True)
    points = models.IntegerField(default=0)
    decision_id = models.UUIDField()
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["offer", "profile_id", "period"], name="one_grant_per_period")]
        indexes = [models.Index(fields=["offer", "code"])]

    def __str__(self) -> str:
        return f"{self.offer} {self.code or self.points}"


class PointsEntry(models.Model):
    """One line of a person's ledger of loyalty points: granted, added or spent; the balance is their sum."""

    profile_id = models.UUIDField(db_index=True)
    points = models.IntegerField()
    note = models.CharField(max_length=200, blank=True)
    offer = models.SlugField(max_length=64, blank=True)
    key = models.CharField(max_length=120, unique=True, help_text="What makes it one entry, however often it is sent.")
    at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "points entries"

    def __str__(self) -> str:
        return f"{self.points:+d}"


class Decision(models.Model):
    """One answered question, as profiles.decided.Decided has it. Partitioned by month of `at`."""

    pk = models.CompositePrimaryKey("at", "id")
    id = models.UUIDField()
    at = models.DateTimeField()
    profile_id = models.UUIDField(null=True)
    door = models.TextField()
    source = models.TextField()
    book = models.IntegerField()
    position = models.BigIntegerField()
    context = models.JSONField()
    answers = models.JSONField()
    facts = models.JSONField()

    class Meta:
        managed = False  # the migration writes the partitioned table by hand
        db_table = "rules_decision"

    def __str__(self) -> str:
        return str(self.id)


class DecisionOutcome(models.Model):
    """What came of a decision: its block was seen or clicked, or led to something worth having."""

    class Kind(models.TextChoices):
        IMPRESSION = "impression", _("Impression")
        CLICK = "click", _("Click")
        CONVERSION = "conversion", _("Conversion")

    decision_id = models.UUIDField(db_index=True)
    kind = models.CharField(max_length=16, choices=Kind.choices)
    event = models.TextField()
    slot = models.TextField(blank=True)
    rule = models.TextField(blank=True)
    value = models.FloatField(default=0)
    source = models.TextField()
    message_id = models.TextField()
    at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "message_id"], name="one_outcome_per_message")]

    def __str__(self) -> str:
        return f"{self.kind} of {self.decision_id}"


class BackTest(models.Model):
    """A draft asked of the decisions of past days: what it would have shown, to whom."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")
        CANCELLED = "cancelled", _("Cancelled")

    payload = models.JSONField(help_text="The Book that is tried.")
    since = models.DateTimeField()
    until = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    created = models.DateTimeField()
    state = models.CharField(max_length=16, choices=State.choices, default=State.WAITING)
    seen = models.BigIntegerField(default=0)
    total = models.BigIntegerField(default=0)
    result = models.JSONField(null=True)
    error = models.TextField(blank=True)

    class Meta:
        ordering = ["-created"]

    def __str__(self) -> str:
        return f"{self.get_state_display()}: {self.since:%Y-%m-%d} to {self.until:%Y-%m-%d}"
