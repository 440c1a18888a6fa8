"""What marketers define: slots, blocks, rules, and the Books that publish them."""

from django.conf import settings
from django.db import models


class Block(models.Model):
    """The content of a slot: Liquid for HTML, or JSON for sites that draw it themselves."""

    class Kind(models.TextChoices):
        HTML = "html", "HTML"
        JSON = "json", "JSON"

    slug = models.SlugField(max_length=64, unique=True)
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.HTML)
    source = models.TextField()
    updated = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return self.name


class Slot(models.Model):
    """A named place on a site; without a matching rule it shows its default block, or its own content."""

    slug = models.SlugField(max_length=64, unique=True)
    name = models.CharField(max_length=120)
    default = models.ForeignKey(Block, null=True, blank=True, on_delete=models.PROTECT)

    def __str__(self) -> str:
        return self.name


class Rule(models.Model):
    """In `slot`, when `condition` holds (empty: for everybody), show `block`; the highest priority wins."""

    slug = models.SlugField(max_length=64, unique=True)
    name = models.CharField(max_length=120)
    slot = models.ForeignKey(Slot, on_delete=models.CASCADE, related_name="rules")
    block = models.ForeignKey(Block, on_delete=models.PROTECT, related_name="rules")
    condition = models.JSONField(null=True, blank=True)
    priority = models.IntegerField(default=0)
    live = models.BooleanField(default=True, help_text="Part of the next published Book.")
    updated = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return self.name


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
