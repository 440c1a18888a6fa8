"""The Studio in the reader's language: German where it is asked for, English everywhere else, and in what is kept."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone, translation

from ingestion.actions import create_secret_key, create_source
from profiles.models import AuditEntry
from profiles.writing import write_moment, write_number
from rules.actions import publish_book
from rules.checking import check_payload
from rules.comparing import compare_definitions
from rules.definitions import BlockDefinition, BookPayload, RuleDefinition, SlotDefinition
from rules.drafts import list_revisions, save_draft
from rules.findings import list_findings
from rules.fitting import find_misfits
from rules.models import Block, Rule
from rules.revisions import list_edits, say_overtaken
from segments.conditions.parse import parse_condition
from segments.conditions.words import say_condition
from segments.models import Segment, Upload
from studio.notes import NOTES, say_note
from studio.publish.misfits import MISFITS, say_misfit
from tests.admin.operators import make_definitions, only, sign_in_owner
from tests.product import wait_until
from tests.studio.people import make_user, sign_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_client")]

# Words of the page's own in German, and what stood there in English.
PAGES = {
    "/studio/": ("Übersicht", "Overview"),
    "/studio/overview/work/": ("Wartet auf Veröffentlichung", "rule"),
    "/studio/audiences/": ("Zielgruppen", "New audience"),
    "/studio/audiences/gold/": ("Neue Regel", "New rule"),
    "/studio/audiences/gold/history/": ("Verlauf", "History"),
    "/studio/content/": ("Regeln", "New rule"),
    "/studio/content/rules/gold-thanks/": ("Priorität", "Priority"),
    "/studio/content/slots/": ("Plätze", "Slots"),
    "/studio/content/blocks/": ("Bausteine", "Blocks"),
    "/studio/content/blocks/thanks/": ("Platzhalter", "Merge tags"),
    "/studio/content/offers/": ("Angebote", "Offers"),
    "/studio/publish/": ("Veröffentlichen", "Not published"),
    "/studio/publish/checks/": ("Zielgruppe", "which is not live"),
    "/studio/publish/books/": ("Ausgabe", "In force"),
    "/studio/people/": ("Personen", "Find"),
    "/studio/decisions/": ("Entscheidungen", "Decisions"),
    "/studio/live/": ("Live-Ereignisse", "Live events"),
    "/studio/live/catalogue/": ("Katalog", "Catalogue"),
    "/studio/live/dead-letters/": ("liegengeblieben", "Dead letters"),
    "/studio/audit/": ("Protokoll", "Audit trail"),
    "/studio/set-up/": ("Einrichtung", "Set-up"),
    "/studio/set-up/sources/": ("Quellen", "Sources"),
    "/studio/set-up/members/": ("Leitung", "Owner"),
    "/studio/account/": ("Konto", "Your account"),
}
# Sentences and words of the frame, of roles, states, kinds, acts and of the domain, none of which may be left.
PLANTED = (
    *(
        "Sign out",
        "Search",
        "Save",
        "Remove",
        "Cancel",
        "Nothing here yet",
        "Published",
        "Changed since",
        "the product",
    ),
    *(
        "the product",
        "Web page",
        "Marketer",
        "Discount code",
        "Any kind",
        "Anything",
        "whoever",
        "for everybody",
        "nothing",
    ),
    *("asks for the segment", "cannot be shown", "is always hidden", "As it was before", "Book 1", "Version 1"),
)


def german(role: str = "owner", **more: Any) -> Client:
    client = sign_in(role, **more)
    client.cookies["django_language"] = "de"
    return client


def text_of(answer: Any) -> str:
    text = re.sub(r"<(script|style|textarea|code|pre)\b.*?</\1>", " ", answer.content.decode(), flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))


def says(text: str, words: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(words)}(?!\w)", text) is not None


def publish() -> None:
    publish_book(by=make_user("owner", name="olga"), at=timezone.now())


@pytest.fixture
def drafted() -> Rule:
    """A Book, and drafts that differ from it, with something to be warned of."""
    _, block, slot, rule = make_definitions()
    publish()
    Rule.objects.create(slug="high", name="Alle", slot=slot, block=block, priority=9)
    rule.condition, rule.priority = only(kind="segment", segment="lost"), 3
    save_draft(rule, by=None, at=timezone.now())
    return rule


@pytest.mark.parametrize("page", list(PAGES))
def test_a_page_in_german_has_nothing_of_the_english_one(drafted: Rule, page: str) -> None:
    words, english = PAGES[page]
    answer = german(name="Anna").get(page)
    assert answer.status_code == 200
    assert answer.headers["Content-Language"] == "de" and "Cookie" in answer.headers["Vary"]
    text = text_of(answer)
    assert words in text
    assert [each for each in (english, *PLANTED) if says(text, each)] == []


def test_the_choice_of_the_member_goes_before_the_language_of_the_browser() -> None:
    client = sign_in("viewer")
    assert 'lang="en"' in client.get("/studio/").content.decode()
    browser = {"Accept-Language": "de-AT,de;q=0.9,en;q=0.5"}
    assert 'lang="de"' in client.get("/studio/", headers=browser).content.decode()
    assert client.post("/studio/account/language/", {"language": "en"}).status_code == 302
    assert 'lang="en"' in client.get("/studio/", headers=browser).content.decode()
    client.post("/studio/account/language/", {"language": "de"})
    assert 'lang="de"' in client.get("/studio/").content.decode()
    client.post("/studio/account/language/", {"language": ""})
    assert 'lang="de"' in client.get("/studio/", headers=browser).content.decode()
    assert 'lang="en"' in client.get("/studio/", headers={"Accept-Language": "fr"}).content.decode()


def test_who_signs_in_is_spoken_to_in_the_language_of_the_browser() -> None:
    page = text_of(Client().get("/studio/sign-in/", headers={"Accept-Language": "de"}))
    assert says(page, "Anmelden") and says(page, "Passwort") and not says(page, "Password")


def test_scripts_are_told_the_same_language() -> None:
    catalogue = german().get("/studio/catalog.js").content.decode()
    assert "Rückgängig" in catalogue or "r\\u00fcckg\\u00e4ngig" in catalogue.lower()


def test_programs_are_answered_in_english_whatever_they_accept(redis_client: Any, drafted: Rule) -> None:
    source = create_source(slug="shop", name="Shop")
    _, secret = create_secret_key(source, scopes=["content:read"], name="reader")
    headers = {"Authorization": f"Bearer {secret}", "Accept-Language": "de"}
    wait_until(lambda: Client().get("/api/v1/warnings", headers=headers).status_code == 200)  # the key is known now
    answer = Client().get("/api/v1/warnings", headers=headers)
    warnings = answer.json()["warnings"]
    assert "Rule gold-thanks asks for the segment lost, which is not live: nobody is in it" in warnings
    assert any(each.startswith("Rule “Thank gold” cannot be shown") for each in warnings)
    refused = Client().get("/api/v1/warnings", headers={"Accept-Language": "de"}).content.decode()
    assert "key" in refused and "Schlüssel" not in refused
    client = sign_in_owner()
    client.cookies["django_language"] = "de"
    admin = client.get("/admin/rules/rule/", headers={"Accept-Language": "de"}).content.decode()
    assert 'lang="en' in admin and "Discount code" in client.get("/admin/rules/offer/add/").content.decode()


def test_a_condition_is_said_in_german() -> None:
    viewed = {"id": "a", "kind": "event", "event": "Product Viewed", "op": "at_least", "value": 3}
    lives = {"id": "b", "kind": "trait", "trait": "country", "op": "is", "value": "AT"}
    children = [{**viewed, "window": {"last": 30, "unit": "days"}}, lives]
    node = parse_condition({"v": 1, "root": {"id": "all", "kind": "and", "children": children}})
    with translation.override("de"):
        said = say_condition(node)
    assert "in den letzten 30 Tagen" in said and "country ist „AT“" in said and " und " in said
    assert not {"viewed", "times", "last", "and", "is"} & set(re.findall(r"\w+", said))


@pytest.mark.parametrize(
    ("amount", "unit", "said"),
    [
        (1, "minutes", "in der letzten Minute"),
        (1, "hours", "in der letzten Stunde"),
        (2, "minutes", "in den letzten 2 Minuten"),
        (1, "days", "in den letzten 24 Stunden"),
        (7, "days", "in den letzten 7 Tagen"),
    ],
)
def test_german_bends_the_length_of_a_window(amount: int, unit: str, said: str) -> None:
    root = {"id": "a", "kind": "event", "event": "Page Viewed", "window": {"last": amount, "unit": unit}}
    with translation.override("de"):
        assert said in say_condition(parse_condition({"v": 1, "root": root}))


def test_numbers_and_moments_are_written_as_the_language_does() -> None:
    at = timezone.now().replace(year=2027, month=3, day=5, hour=12, minute=0, second=7)
    assert write_number(1234567) == "1,234,567"
    assert re.fullmatch(r"5 Mar 2027, \d\d:00:07", write_moment(at))
    with translation.override("de"):
        assert write_number(1234567) == "1.234.567"
        assert re.fullmatch(r"5\. März? 2027, \d\d:00:07", write_moment(at))


def test_what_differs_and_who_was_faster_is_told_in_german(drafted: Rule) -> None:
    drafted.priority, drafted.caps = 7, [{"most": 3, "per": "day", "of": "person"}]
    save_draft(drafted, by=None, at=timezone.now())
    newest, before = list_revisions("rule", "gold-thanks")[:2]
    with translation.override("de"):
        told = {each.label: each.after for each in compare_definitions("rule", before.definition, newest.definition)}
        overtaken = say_overtaken([newest])
    assert told == {"Priorität": "7", "Grenzen": "höchstens 3 am Tag für jede Person"}
    assert overtaken.startswith("Es wurde inzwischen geändert: Priorität, Grenzen, von")


def test_what_is_known_of_rules_is_kept_for_each_language(drafted: Rule) -> None:
    english = list_findings()["gold-thanks"][0].words
    with translation.override("de"):
        said = list_findings()["gold-thanks"][0].words
    assert english.startswith("Rule “Thank gold” cannot be shown")
    assert said == "Regel „Thank gold“ kann nicht gezeigt werden: niemand ist in der Zielgruppe lost"
    assert list_findings()["gold-thanks"][0].words == english


def test_remarks_lead_to_their_definitions_in_german_too(drafted: Rule) -> None:
    Block.objects.filter(slug="thanks").update(source="{% if %}")
    answer = german().get("/studio/publish/checks/")
    links = dict(re.findall(r'<a class="link" href="([^"]+)">([^<]+)</a>', answer.content.decode()))
    assert links["/studio/content/blocks/thanks/"] == "Thanks"
    assert links["/studio/content/rules/gold-thanks/"] == "Thank gold"


def test_a_refusal_is_said_in_german_and_what_was_typed_stays(drafted: Rule) -> None:
    client = german("marketer")
    Segment.objects.create(slug="team", name="Team", kind="list")
    file = SimpleUploadedFile("team.xlsx", b"PK\x03\x04 and more")
    page = text_of(client.post("/studio/audiences/team/upload/", {"file": file}, follow=True))
    assert "Das ist eine Excel-Arbeitsmappe oder ein ZIP-Archiv" in page
    file = SimpleUploadedFile("team.csv", b"user_id\nu1\nnull\n")
    client.post("/studio/audiences/team/upload/", {"file": file}, follow=True)
    upload = Upload.objects.get()
    assert [each["why"] for each in upload.problems] == ["this says that there is no id"]
    part = text_of(client.get("/studio/audiences/team/uploads/"))
    assert "1 Zeile" in part and "this says" not in part


def test_what_is_kept_is_kept_in_english_and_shown_in_german(drafted: Rule) -> None:
    client = german()
    at = timezone.localtime(timezone.now() + timedelta(days=40))
    seen = str(client.get("/studio/publish/").context["form"].initial["seen"])
    client.post("/studio/publish/scheduled/new/", {"at": f"{at:%Y-%m-%dT%H:%M}", "note": "", "seen": seen})
    scheduled, book = (AuditEntry.objects.get(kind=kind) for kind in ("publication", "book"))
    assert scheduled.name == f"Publication at {at:%-d %b %Y, %H:%M}:00"
    assert (book.name, book.actor) == ("Book 1", "olga")
    page = text_of(client.get("/studio/audit/"))
    assert says(page, "Ausgabe 1") and says(page, "Veröffentlicht") and says(page, "System")


def test_notes_of_the_product_are_translated_and_those_of_people_are_not() -> None:
    with translation.override("de"):
        assert say_note("As in version 12") == "Wie in Fassung 12"
        assert say_note("Back to Book 3") == "Zurück auf Ausgabe 3"
        assert say_note("From the template First visit: a welcome") == "Aus der Vorlage „Erster Besuch: ein Willkommen“"
        assert say_note("Entry page for spring") == "Entry page for spring"
        assert say_note("") == ""
        for note in NOTES:
            example = note % {"number": 3, "slug": "vip", "name": "a.csv"}
            assert say_note(example) != example
    assert say_note("As in version 12") == "As in version 12"


def test_a_definition_without_an_edit_has_an_empty_history(drafted: Rule) -> None:
    assert list_edits([]) == []
    assert german().get("/studio/content/history/slot/hero/").status_code == 200


@pytest.mark.parametrize("domain", ["django", "djangojs"])
def test_every_text_that_was_collected_is_translated(domain: str) -> None:
    """Whoever adds one runs `make messages`, translates it and commits both."""
    catalogue = (settings.LOCALE_PATHS[0] / "de" / "LC_MESSAGES" / f"{domain}.po").read_text()
    assert "#, fuzzy" not in catalogue and "\n#~" not in catalogue
    assert re.findall(r'msgid .*\n(?:".*\n)*(?:msgid_plural .*\n(?:".*\n)*)?msgstr(?:\[\d\])? ""\n\n', catalogue) == []


def test_what_fits_nowhere_is_said_in_german() -> None:
    places = {"slot": "hero", "block": "hi", "rule": "r-1", "offer": "o", "other": "x"}
    kinds = {"channel": "e-mails", "kind": "an e-mail", "kinds": "HTML or JSON or recommendations"}
    with translation.override("de"):
        for form in MISFITS:
            said = say_misfit(form % {**places, **kinds})
            assert not {"the", "which", "is", "choose", "or", "takes"} & set(re.findall(r"\w+", said)), said
        assert say_misfit("Rule r-1: the block hi is an e-mail, and the slot hero takes HTML or JSON") == (
            "Regel r-1: der Baustein hi enthält eine E-Mail, und der Platz hero zeigt HTML oder JSON"
        )
        assert say_misfit("Rule r-1: whatever else") == "Rule r-1: whatever else"


def test_what_pure_modules_find_is_known_by_its_form() -> None:
    """A sentence that changes there is one that is found no more."""
    slots = {
        "mails": SlotDefinition("gone", channel="email", kinds=("json",)),
        "page": SlotDefinition(),
    }
    blocks = {
        "letter": BlockDefinition("email", '{% slot "gone" %}{% slot "page" %}{% slot "inner" %}', subject="Hi"),
        "lost": BlockDefinition("recommendation", '{"limit": 4}', fallback="gone"),
        "odd": BlockDefinition("recommendation", '{"limit": 4}', fallback="letter"),
    }
    slots["inner"] = SlotDefinition("letter", channel="email", kinds=("html",))
    rules = (
        RuleDefinition("a", "a", "gone", 1, "letter"),
        RuleDefinition("b", "b", "page", 1, "gone"),
        RuleDefinition("c", "c", "page", 1, "letter", offer="gone"),
    )
    payload = BookPayload(1, 1, slots=slots, blocks=blocks, rules=rules)
    found = [*find_misfits(payload), *check_payload(payload)]
    with translation.override("de"):
        assert len(found) >= 9 and [each for each in found if say_misfit(each) == each] == []
