"""The Celery application: batch work, never on the path of an event."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "personalization.settings")

application = Celery("personalization")
application.config_from_object("django.conf:settings", namespace="CELERY")
application.autodiscover_tasks(["personalization"])
