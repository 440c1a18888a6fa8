"""Answers a decision again, and says of every rule why it was or was not shown."""

import json
from argparse import ArgumentParser
from typing import Any
from uuid import UUID

import msgspec
from django.core.management.base import BaseCommand, CommandError

from personalization.replaying import NotExplainable, explain_decision
from personalization.wiring import read_memory
from rules.models import Decision


class Command(BaseCommand):
    help = "Explains a decision from the archive, as JSON; ends with an error when it is answered otherwise now."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("decision", help="Its id, as in decisionId of the answer.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            id = UUID(options["decision"])
        except ValueError as error:
            raise CommandError(f"{options['decision']} is not the id of a decision") from error
        decision = Decision.objects.filter(id=id).first()
        if decision is None:
            raise CommandError("No decision of this id is kept; what was just decided takes a moment to arrive.")
        try:
            explanation = explain_decision(decision, read_memory())
        except NotExplainable as error:
            raise CommandError(str(error)) from error
        self.stdout.write(json.dumps(msgspec.to_builtins(explanation), indent=2, ensure_ascii=False))
        if not explanation.same:
            raise CommandError("The same facts are answered otherwise now.")
