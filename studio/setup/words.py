"""What the pages of set-up say of scopes, refusals and outcomes, to those who set the product up."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from ingestion.models import Source
from ingestion.refusals import Refused
from ingestion.scopes import Scope

KINDS: Mapping[str, tuple[Any, Any, str]] = {
    Source.Kind.SITE: (_("Web site"), _("Pages that people open in a browser. You paste a snippet."), "globe"),
    Source.Kind.APP: (_("App"), _("A mobile or desktop app. It uses an SDK of Segment or RudderStack."), "smartphone"),
    Source.Kind.SERVER: (_("Back end"), _("Your own servers: orders, refunds, what only they know."), "server"),
    Source.Kind.IMPORT: (_("Import"), _("Files of history, read in by a command."), "upload"),
}

SCOPES: Mapping[Scope, Any] = {
    Scope.DECIDE: _("Ask what any person is to be shown."),
    Scope.EVENTS: _("Send events of its source."),
    Scope.PROFILES_READ: _("Read what is known of any person."),
    Scope.PROFILES_WRITE: _("Change what is known of any person, and what they have consented to."),
    Scope.SEGMENTS_READ: _("Read audiences and who is in them."),
    Scope.SEGMENTS_WRITE: _("Change drafts of audiences."),
    Scope.CONTENT_READ: _("Read rules, blocks, slots and offers."),
    Scope.CONTENT_WRITE: _("Change drafts of rules, blocks, slots and offers."),
    Scope.PUBLISH: _("Bring drafts into force, and go back to an older Book."),
    Scope.DECISIONS_READ: _("Read what was decided for whom, and why."),
    Scope.EMAIL_SEND: _("Render e-mails for any person."),
    Scope.CATALOGUE_READ: _("Read the event catalogue."),
    Scope.CATALOGUE_WRITE: _("Change the event catalogue."),
    Scope.ERASE: _("Erase a person for good."),
}

# What to do about the refusals that people meet while they set a source up; the others speak for themselves.
ADVICE: Mapping[str, Any] = {
    Refused.UNKNOWN_KEY: _("The write key is not one of ours, or of a source that is switched off. Copy it again."),
    Refused.ORIGIN_REFUSED: _("The page’s address is not among those that may send. Add it under Settings."),
    Refused.BROKEN_JSON: _("The body is not JSON. Look for a quote or comma that is missing."),
    Refused.NOT_UTF8: _("The text is not UTF-8. Encode it so."),
    Refused.BAD_GZIP: _("The body says it is gzip, and is damaged. Send it as it is to begin with."),
    Refused.BAD_BATCH: _("The body is JSON, but not a message or a list of them."),
    Refused.MISSING_IDENTITY: _("Nobody is named. Send a userId or an anonymousId with each event."),
    Refused.MISSING_EVENT: _("The event has no name. Put it into “event”."),
    Refused.MISSING_TYPE: _("A message of a batch says no type: track, identify, page, screen, group or alias."),
    Refused.BAD_TYPE: _("The type is none of track, identify, page, screen, group and alias, in small letters."),
    Refused.BAD_TIMESTAMP: _("The time cannot be read. Send it as 2026-05-01T12:00:00.000Z."),
    Refused.SCHEMA_MISMATCH: _("The event does not fit its strict schema. Mend the sender, or the schema."),
    Refused.NO_CONSENT: _("The visitor has not consented. Nothing is wrong."),
    Refused.TOO_LARGE_EVENT: _("The event is too large. Send what conditions and blocks need."),
    Refused.TOO_LARGE_BODY: _("The body is too large. Send fewer events at once."),
}
