"""What a new organisation does first: three steps, each ticked by what there is."""

from typing import NamedTuple

from django.urls import reverse
from django.utils.translation import gettext as _

from ingestion.models import EventType, Source
from rules.models import Rule
from segments.models import Segment
from studio.roles import Ability


class Step(NamedTuple):
    """`ability` is what one needs for it."""

    title: str
    text: str
    url: str
    label: str
    ability: str
    is_done: bool


class FirstSteps(NamedTuple):
    steps: tuple[Step, ...]

    @property
    def done(self) -> int:
        return sum(step.is_done for step in self.steps)

    @property
    def are_done(self) -> bool:
        return all(step.is_done for step in self.steps)


def find_first_steps() -> FirstSteps:
    has_source = Source.objects.exists()
    waiting = _("A source is set up. Put its snippet on your pages: this is ticked when the first event arrives.")
    return FirstSteps(
        (
            Step(
                _("Set up a source"),
                waiting if has_source else _("A source is a site, app or back end that sends events."),
                reverse("studio:sources"),
                _("See its snippet") if has_source else _("Set up a source"),
                Ability.SET_UP,
                EventType.objects.filter(volume__gt=0).exists(),
            ),
            Step(
                _("Make an audience"),
                _("Describe people by what they did and who they are: people who looked at summer wear twice."),
                reverse("studio:audience_new"),
                _("Make an audience"),
                Ability.EDIT,
                Segment.objects.exists(),
            ),
            Step(
                _("Make a rule"),
                _("Say what they are shown, and where. Nobody sees it before it is published."),
                reverse("studio:rule_new"),
                _("Make a rule"),
                Ability.EDIT,
                Rule.objects.exists(),
            ),
        )
    )
