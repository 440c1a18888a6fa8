"""A draft is asked of past decisions: what it would have shown, to whom, and what would have kept it back."""

import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec
import redis
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext, gettext_noop
from kombu.exceptions import OperationalError

from personalization.answering import choose_all
from personalization.celery import application
from personalization.replaying import NotExplainable, recall_facts
from profiles.audit import Act, record_act
from profiles.profile import Memory, Profile
from rules.actions import CannotPublish
from rules.book import load_book
from rules.definitions import BookPayload
from rules.engine import Choice, Facts, Kept, find_obstacle, holds, list_counters, list_order
from rules.models import BackTest, Decision
from rules.queries import collect_definitions
from rules.review import find_problems
from rules.tally import EVERYBODY
from segments.conditions.calendar import Calendar
from segments.membership import Segments, compile_segments
from segments.roster import ENROLLED

logger = logging.getLogger(__name__)

TASK = "personalization.tasks.try_draft"
OPEN = (BackTest.State.WAITING, BackTest.State.RUNNING)
MOST_OPEN = 5  # at once
PATIENCE = timedelta(minutes=15)
MOST = 50_000  # decisions; of more, those of a share of all people are asked
AT_ONCE = 500  # between two looks at whether it was cancelled
SAMPLES = 50  # decisions that would have been others, to look at
PLENTY = 1_000_000  # codes: how many it takes is what is asked
HASHED = 2**32  # values of the first part of a profile's id


class TooManyBackTests(Exception):
    """Another one has to end first: each of them reads the past of many people."""

    def __init__(self) -> None:
        super().__init__(gettext("%(count)s back-tests are under way; wait, or cancel one") % {"count": MOST_OPEN})


@transaction.atomic
def start_back_test(
    *, since: datetime, until: datetime, by: User | None, at: datetime, payload: dict[str, Any] | None = None
) -> BackTest:
    """A try of `payload`, what is live in the draft without one, handed over to Celery's worker when it is committed.
    Raises CannotPublish and TooManyBackTests."""
    if BackTest.objects.filter(state__in=OPEN).count() >= MOST_OPEN:
        raise TooManyBackTests
    payload = collect_definitions(0) if payload is None else payload
    try:
        if problems := find_problems(msgspec.convert(payload, BookPayload)):
            raise CannotPublish(problems)
    except msgspec.ValidationError as error:
        raise CannotPublish([str(error)]) from error
    test = BackTest.objects.create(payload=payload, since=since, until=until, by=by, created=at)
    record_act(Act.STARTED, by=by, at=at, kind="back_test", subject=str(test.pk), name=f"Back-test {test.pk}")
    transaction.on_commit(lambda: _hand_over(test))
    return test


def hand_over_again(*, at: datetime) -> int:
    """Back-tests that wait for longer than any worker takes to come: their task was lost. Returns how many."""
    forgotten = list(BackTest.objects.filter(state=BackTest.State.WAITING, created__lt=at - PATIENCE))
    for test in forgotten:
        _hand_over(test)
    return len(forgotten)


def _hand_over(test: BackTest) -> None:
    """Sends the task that runs it; says so at the test when nobody takes it."""
    try:
        application.send_task(TASK, args=[test.pk], retry=False)
    except (OperationalError, redis.RedisError) as error:
        logger.warning("the task of a back-test cannot be sent: %s", type(error).__name__)
        failed = {
            "state": BackTest.State.FAILED,
            "error": gettext_noop("The worker cannot be reached; start another one."),
        }
        BackTest.objects.filter(pk=test.pk, state=BackTest.State.WAITING).update(**failed)


@transaction.atomic
def cancel_back_test(test: BackTest, *, by: User | None = None) -> bool:
    """Whether it was still waiting or running; it ends soon."""
    cancelled = BackTest.objects.filter(pk=test.pk, state__in=OPEN).update(state=BackTest.State.CANCELLED)
    if cancelled:
        name = f"Back-test {test.pk}"
        record_act(Act.CANCELLED, by=by, at=timezone.now(), kind="back_test", subject=str(test.pk), name=name)
    return bool(cancelled)


def run_back_test(number: int, memory: Memory) -> None:
    """Runs one to its end, or to where it is cancelled; a run that was cut off begins anew."""
    test = BackTest.objects.get(pk=number)
    if test.state not in OPEN:
        return
    decisions = Decision.objects.filter(at__gte=test.since, at__lt=test.until)
    total = decisions.count()
    share = min(1.0, MOST / total) if total else 1.0
    BackTest.objects.filter(pk=number).update(state=BackTest.State.RUNNING, seen=0, total=total)
    try:
        trial = Trial(test.payload, memory, share)
        for seen, decision in enumerate(_read(decisions), start=1):
            trial.ask(decision)
            if seen % AT_ONCE == 0:
                BackTest.objects.filter(pk=number).update(seen=seen)
                if BackTest.objects.filter(pk=number, state=BackTest.State.CANCELLED).exists():
                    return
        ended: dict[str, Any] = {"state": BackTest.State.DONE, "result": trial.tell(), "seen": total}
    except Exception as error:
        logger.exception("back-test %d failed", number)
        ended = {"state": BackTest.State.FAILED, "error": f"{type(error).__name__}: {error}"[:500]}
    BackTest.objects.filter(pk=number, state=BackTest.State.RUNNING).update(**ended)


def _read(decisions: QuerySet[Decision]) -> Iterator[Decision]:
    return decisions.order_by("at", "id").iterator(AT_ONCE)


@dataclass
class RuleTrial:
    """What became of one rule: in how many decisions it was shown, held, was kept back and why, was behind another."""

    shown: int = 0
    was_shown: int = 0
    held: int = 0
    people: set[str] = field(default_factory=set)
    kept: Counter[str] = field(default_factory=Counter)
    behind: Counter[str] = field(default_factory=Counter)


class Trial:
    """One draft, asked decision by decision in the order of their time, with counters of its own.

    With a `share` below 1 only the decisions of that part of all people are asked, and caps of everybody are that much
    smaller."""

    def __init__(self, payload: Mapping[str, Any], memory: Memory, share: float) -> None:
        self._book = load_book(msgspec.json.encode(payload))
        self._segments = _compile_segments(self._book.payload)
        self._memory = memory
        self._share = share
        self._totals: Counter[str] = Counter()
        self._counts: dict[str, Counter[str]] = {}
        self._granted: dict[str, dict[str, str]] = {}
        self._rules = {rule.slug: RuleTrial() for rule in self._book.payload.rules}
        self._turns: Counter[tuple[str, str, str]] = Counter()  # slot, from, to
        self._changed: set[str] = set()
        self._people: set[str] = set()
        self._skipped: Counter[str] = Counter()
        self._samples: list[dict[str, Any]] = []
        self._codes: Counter[str] = Counter()
        self._asked = self._different = 0

    def ask(self, decision: Decision) -> None:
        person = (decision.profile_id or decision.id).hex
        if int(person[:8], 16) >= self._share * HASHED:
            return
        try:
            _, facts, recorded = recall_facts(decision, self._memory, lambda _: self._book)
        except NotExplainable as error:
            self._skipped[str(error)] += 1
            return
        self._asked += 1
        self._people.add(person)
        facts = self._transfer(person, facts)
        choices = choose_all(self._book.book, list(recorded), facts)
        different = {
            slot: (recorded[slot].rule or "", choice.rule or "")
            for slot, choice in choices.items()
            if recorded[slot].rule != choice.rule
        }
        for slot, choice in choices.items():
            self._count(person, slot, choice, facts, recorded[slot].rule)
        for slot, (was, now) in different.items():
            self._turns[slot, was, now] += 1
        if different:
            self._different += 1
            self._changed.add(person)
            if len(self._samples) < SAMPLES:
                changes = {slot: list(pair) for slot, pair in different.items()}
                self._samples.append({"decision": decision.id.hex, "slots": changes})

    def tell(self) -> dict[str, Any]:
        """The result, as JSON."""
        return {
            "decisions": self._asked,
            "people": len(self._people),
            "share": self._share,
            "different": {"decisions": self._different, "people": len(self._changed)},
            "rules": {
                slug: {
                    "shown": each.shown,
                    "was_shown": each.was_shown,
                    "held": each.held,
                    "people": len(each.people),
                    "kept": dict(each.kept),
                    "behind": dict(each.behind),
                }
                for slug, each in self._rules.items()
            },
            "turns": [
                {"slot": slot, "from": was, "to": now, "decisions": count}
                for (slot, was, now), count in self._turns.most_common(100)
            ],
            "codes": dict(self._codes),
            "samples": self._samples,
            "skipped": dict(self._skipped),
        }

    def _transfer(self, person: str, facts: Facts) -> Facts:
        """The facts of then, with segments and counters as the draft would have had them."""
        capped = {name: round(count / self._share) for name, count in self._totals.items()}
        membership = self._segments.evaluate(facts.profile, facts.now) if facts.known else None
        profile: Profile = facts.profile
        if membership is not None:
            profile = msgspec.structs.replace(profile, segments=membership.segments)
        pools = {slug: PLENTY for slug, offer in self._book.payload.offers.items() if offer.kind == "code"}
        return msgspec.structs.replace(
            facts,
            profile=profile,
            counts={**self._counts.get(person, {}), **capped},
            granted=self._granted.get(person, {}),
            stock=pools,
        )

    def _count(self, person: str, slot: str, choice: Choice, facts: Facts, was: str | None) -> None:
        if was in self._rules:
            self._rules[was].was_shown += 1
        for counter in choice.counters:
            if counter.name.startswith(EVERYBODY):
                self._totals[counter.name] += 1
            else:
                self._counts.setdefault(person, Counter())[counter.name] += 1
        if choice.grant is not None:
            name, offer = choice.grant
            granted = self._granted.setdefault(person, {})
            if name not in granted:
                granted[name] = "-"
                self._codes[offer.slug] += 1
        self._look_at_rules(person, slot, choice, facts)

    def _look_at_rules(self, person: str, slot: str, choice: Choice, facts: Facts) -> None:
        book = self._book.book
        place = book.slots.get(slot)
        for rule in list_order(place, facts.draw) if place else ():
            trial = self._rules[rule.slug]
            if rule.slug == choice.rule:
                trial.shown += 1
                trial.held += 1
                trial.people.add(person)
            elif holds(rule, facts):
                trial.held += 1
                kept = find_obstacle(rule, facts, list_counters(rule, facts.now, book.calendar), book.calendar)
                if kept is not None:
                    trial.kept[kept] += 1
                elif choice.rule is not None:
                    trial.kept[Kept.LOWER_PRIORITY] += 1
                    trial.behind[choice.rule] += 1


def _compile_segments(payload: BookPayload) -> Segments:
    """Those of a condition are evaluated anew; the others are as they were."""
    enrolled = {each.slug for each in payload.segments if each.kind in ENROLLED}
    asked = {each.slug: each.condition for each in payload.segments if each.slug not in enrolled}
    return compile_segments(asked, calendar=Calendar(payload.zone), enrolled=enrolled)
