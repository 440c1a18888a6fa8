"""Makes the parts of e-mail, from the settings and the parts of the web process."""

from collections.abc import Callable

from django.conf import settings

from ingestion.append import Appender
from personalization.decide import Decider
from personalization.gate import HotGate
from personalization.mail.api import RenderApp
from personalization.mail.bursts import Bursts
from personalization.mail.doors import MailDoors
from personalization.mail.letters import Writer
from personalization.mail.rendering import Renderer
from personalization.mail.shelf import Shelf
from personalization.mail.stamps import Stamper
from personalization.recording import DecisionRecorder
from personalization.sealing import Sealer
from profiles.clients import AsyncClient
from profiles.reader import ProfileReader
from rules.book import LiveBook
from segments.roster import Roster

READ_S = 5.0  # no visitor waits for a message: a profile that is late is worth waiting for


def make_mail(
    *,
    client: AsyncClient,
    gate: HotGate,
    book: Callable[[], LiveBook],
    roster: Callable[[], Roster],
    reader: ProfileReader,
    recorder: DecisionRecorder,
    appender: Appender,
    sealer: Sealer,
    clock: Callable[[], int],
) -> tuple[RenderApp, MailDoors]:
    decider = Decider(reader=reader, recorder=recorder, book=book, roster=roster, clock=clock, deadline=READ_S)
    stamper = Stamper(sealer)
    renderer = Renderer(decider=decider, shelf=Shelf(client, book), writer=Writer(stamper))
    doors = MailDoors(
        stamper=stamper,
        appender=appender,
        bursts=Bursts(client),
        view=lambda token: renderer.view(token, now=clock()),
        clock=clock,
    )
    return RenderApp(gate=gate, renderer=renderer, base=settings.PZ_MAIL_URL), doors
