"""The Celery application: batch work, never on the path of an event."""

import os

from celery import Celery
from celery.schedules import crontab

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "personalization.settings")

application = Celery("personalization")
application.config_from_object("django.conf:settings", namespace="CELERY")
application.conf.beat_schedule = {
    "drop-expired-sessions": {
        "task": "personalization.tasks.drop_expired_sessions",
        "schedule": crontab(hour="3", minute="30"),
    },
    "drop-ended-tokens": {
        "task": "personalization.tasks.drop_ended_tokens",
        "schedule": crontab(hour="3", minute="40"),
    },
    "count-segments": {
        "task": "personalization.tasks.count_segments",
        "schedule": crontab(minute="*/5"),
        "options": {"expires": 240},  # of those that waited for a worker, the last one is enough
    },
    "forget-old-decisions": {
        "task": "personalization.tasks.forget_old_decisions",
        "schedule": crontab(hour="4", minute="10"),
        "options": {"expires": 6 * 3_600},
    },
    "resume-back-tests": {
        "task": "personalization.tasks.resume_back_tests",
        "schedule": crontab(minute="*/15"),
        "options": {"expires": 840},
    },
    "forget-segments-past": {
        "task": "personalization.tasks.forget_segments_past",
        "schedule": crontab(hour="3", minute="50"),
        "options": {"expires": 6 * 3_600},
    },
}
application.autodiscover_tasks(["personalization"])
