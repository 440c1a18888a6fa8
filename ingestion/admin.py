"""The operators' pages of sources, of the event catalogue, and of what became of events."""

from django.contrib import admin

from ingestion.admin_catalogue import EventTypeAdmin
from ingestion.admin_clients import OAuthClientAdmin
from ingestion.admin_outcomes import ArchiveOffsetAdmin, ImportRunAdmin, OutcomeAdmin, RefusalAdmin
from ingestion.admin_sources import SourceAdmin
from ingestion.models import ArchiveOffset, EventType, ImportRun, OAuthClient, Outcome, Refusal, Source

admin.site.register(Source, SourceAdmin)
admin.site.register(OAuthClient, OAuthClientAdmin)
admin.site.register(EventType, EventTypeAdmin)
admin.site.register(Refusal, RefusalAdmin)
admin.site.register(Outcome, OutcomeAdmin)
admin.site.register(ImportRun, ImportRunAdmin)
admin.site.register(ArchiveOffset, ArchiveOffsetAdmin)
