"""The archive as the migrations make it: partitioned by month, one row per applied event."""

import pytest
from django.db import connection

from profiles.models import ArchivedEvent


@pytest.mark.django_db
def test_the_archive_is_partitioned_and_can_be_queried() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT partstrat FROM pg_partitioned_table WHERE partrelid = 'profiles_archivedevent'::regclass"
        )
        assert cursor.fetchone() == ("r",)
    assert list(ArchivedEvent.objects.all()) == []
