"""What falls into no month of the archive has its place, so that nothing is ever refused."""

from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [("profiles", "0001_initial")]

    operations = [
        migrations.RunSQL(
            "CREATE TABLE profiles_archivedevent_rest PARTITION OF profiles_archivedevent DEFAULT;",
            "DROP TABLE profiles_archivedevent_rest;",
        ),
    ]
