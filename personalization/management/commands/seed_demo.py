"""Creates the demo shop and its operator; running it again changes nothing that is there."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from personalization.seeding import seed_operator, seed_shop


class Command(BaseCommand):
    help = "Creates the demo shop: source, catalogue, segments, blocks, rules, the first Book, and a login for /admin/."

    def handle(self, *args: Any, **options: Any) -> None:
        source = seed_shop(at=timezone.now())
        login = seed_operator()
        self.stdout.write(f"The demo shop is ready. Its write key is {source.write_key}.")
        self.stdout.write(f"Log in to /admin/ as {login.username} with the password {login.password}")
