"""Named conditions that people are in or not."""

from django.db import models


class Segment(models.Model):
    """A named condition. What is written here is a draft until a Book is published with it."""

    slug = models.SlugField(max_length=64, unique=True)
    name = models.CharField(max_length=120)
    description = models.TextField(blank=True)
    condition = models.JSONField()
    live = models.BooleanField(default=True, help_text="Part of the next published Book.")
    updated = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return self.name
