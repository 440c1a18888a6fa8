"""The index of set-up."""

from django.contrib.auth.models import User
from django.db.models import Count, Q
from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ingestion.arriving import Arrivals, add_up_arrivals
from ingestion.models import DeadLetter, EventType, OAuthClient, SecretKey, Source
from profiles.organisation import read_organisation
from studio.pages import StudioRequest, needs, show
from studio.roles import Ability


@needs(Ability.LOOK)
def show_set_up(request: StudioRequest) -> HttpResponse:
    now = timezone.now()
    sources = list(Source.objects.order_by("name").values_list("slug", "off"))
    arrivals = add_up_arrivals([slug for slug, _off in sources], today=now.date())
    fresh = sum(arrivals.get(slug, Arrivals()).is_fresh(now) for slug, off in sources if off is None)
    good = Q(revoked=None) & (Q(expires=None) | Q(expires__gt=now))
    events = EventType.objects.aggregate(all=Count("pk"), unseen=Count("pk", filter=Q(volume=0)))
    organisation = read_organisation()
    context = {
        "title": _("Set-up"),
        "sources": len(sources),
        "fresh": fresh,
        "refused": sum(each.refused_today for each in arrivals.values()),
        "keys": SecretKey.objects.filter(good).count(),
        "clients": OAuthClient.objects.count(),
        "members": User.objects.filter(Q(member__isnull=False) | Q(is_superuser=True)).count(),
        "events": events["all"],
        "unseen": events["unseen"],
        "letters": DeadLetter.objects.filter(replayed=None).count(),
        "zone": organisation.zone,
        "purposes": organisation.purposes,
        "retention": organisation.retention_days,
    }
    return show(request, "studio/setup/index.html", context)
