"""Blocks: the list says who shows what, the editor keeps everything typed, the preview is what a door would answer."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from profiles import keys
from profiles.clients import Client as Redis
from profiles.glimpses import forget_glimpses
from profiles.models import AuditEntry, StoredProfile
from profiles.profile import Profile, Trait, pack
from rules.actions import publish_book
from rules.definitions import BlockDefinition
from rules.drafts import save_draft
from rules.models import Block, Offer, Rule, Slot
from rules.problems import find_problems
from tests.archive.scanning import find_in_redis
from tests.studio.people import sign_in

pytestmark = pytest.mark.django_db

AT = datetime(2026, 6, 17, 12, tzinfo=UTC)
ANN = UUID(int=7)
HELLO = '<p>Hello {{ profile.traits.firstName | default: "there" }}</p>'


def make_block(slug: str = "banner", kind: str = "html", source: str = HELLO, **more: Any) -> Block:
    block = Block(slug=slug, name=slug.capitalize(), kind=kind, source=source, **more)
    save_draft(block, by=None, at=AT)
    return block


def make_ann(client: Redis) -> None:
    profile = Profile(id=ANN.hex, user_id="ann@example.com", traits={"firstName": Trait("Annabel", 1)})
    state = pack(profile)
    client.set(keys.profile(ANN.hex), state)
    StoredProfile.objects.create(
        id=ANN,
        user_id="ann@example.com",
        first_seen=AT,
        last_seen=AT,
        traits={"firstName": "Annabel"},
        state=state,
        updated=AT,
    )


def preview(client: Client, **said: Any) -> Any:
    answer = client.post("/studio/content/preview/", {"kind": "html", **said})
    assert answer.status_code == 200
    return answer.json()


def test_the_list_says_who_shows_a_block_and_whether_it_is_live() -> None:
    shown, unused = make_block("shown"), make_block("unused")
    slot = Slot.objects.create(slug="hero", name="Hero", default=shown)
    Rule.objects.create(slug="gold", name="Gold people", slot=slot, block=shown)
    publish_book(by=None, at=AT)
    unused.source = "<p>New</p>"
    client = sign_in("viewer")
    page = client.get("/studio/content/blocks/").content.decode()
    assert "Hero" in page and "Gold people" in page and "Live" in page and "Not live" in page
    assert "New block" not in page  # which a viewer may not
    only = client.get("/studio/content/blocks/?use=unused").content.decode()
    assert "/blocks/unused/" in only and "/blocks/shown/" not in only
    assert "/blocks/shown/" in client.get("/studio/content/blocks/?q=shown&kind=html&use=slot").content.decode()


def test_the_list_asks_as_often_for_many_as_for_few() -> None:
    client = sign_in("marketer")

    def count() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert client.get("/studio/content/blocks/").status_code == 200
        return len(asked)

    for number in range(3):
        make_block(f"few-{number}")
    few = count()
    slot = Slot.objects.create(slug="hero", name="Hero")
    for number in range(21):
        block = make_block(f"many-{number}")
        Rule.objects.create(slug=f"rule-{number}", name="Rule", slot=slot, block=block)
    assert count() == few


@pytest.mark.parametrize("kind", ["html", "email", "json", "recommendation"])
def test_every_kind_begins_with_something_that_can_be_saved(kind: str) -> None:
    fallback = make_block("instead")
    client = sign_in("marketer")
    form = client.get(f"/studio/content/blocks/new/?kind={kind}").context["form"]
    said = {name: form[name].value() for name in form.fields if form[name].value() is not None}
    said |= {"name": "Summer", "slug": "summer", **({"fallback": fallback.pk} if kind == "recommendation" else {})}
    answer = client.post(f"/studio/content/blocks/new/?kind={kind}", said)
    assert answer.status_code == 302, answer.context["form"].errors
    block = Block.objects.get(slug="summer")
    assert (block.kind, block.version) == (kind, 1)
    assert AuditEntry.objects.filter(kind="block", subject="summer", act="made").count() == 1
    assert client.get("/studio/content/blocks/summer/").status_code == 200


def test_what_cannot_be_saved_is_said_and_everything_typed_is_kept() -> None:
    make_block()
    said = {"name": "Banner", "source": "<p>Dear {{ profile.traits.name }}, good day</p>", "seen_version": 1}
    answer = sign_in("marketer").post("/studio/content/blocks/banner/", said)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "is not known of everybody" in page and "good day" in page
    assert Block.objects.get(slug="banner").source == HELLO


def test_of_two_who_edit_the_second_is_told() -> None:
    make_block()
    first, second = sign_in("marketer", name="first"), sign_in("marketer", name="second")
    said = {"name": "Banner", "seen_version": 1}
    assert first.post("/studio/content/blocks/banner/", {**said, "source": "<p>First</p>"}).status_code == 302
    answer = second.post("/studio/content/blocks/banner/", {**said, "source": "<p>Second</p>"})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "It was changed meanwhile" in page and "by first" in page and "&lt;p&gt;Second" in page
    assert Block.objects.get(slug="banner").source == "<p>First</p>"


def test_a_viewer_looks_and_does_not_save() -> None:
    make_block()
    client = sign_in("viewer")
    page = client.get("/studio/content/blocks/banner/").content.decode()
    assert "Publish…" not in page and ">Save<" not in page
    assert client.post("/studio/content/blocks/banner/", {"name": "X", "source": "y"}).status_code == 403
    assert client.post("/studio/content/blocks/banner/remove/").status_code == 403
    assert Block.objects.get(slug="banner").source == HELLO


def test_a_block_in_use_stays_and_says_who_uses_it() -> None:
    block = make_block()
    Slot.objects.create(slug="hero", name="Hero", default=block)
    client = sign_in("marketer")
    page = client.post("/studio/content/blocks/banner/remove/", follow=True).content.decode()
    assert "it is used by slot hero" in page
    assert Block.objects.filter(slug="banner").exists()


def test_a_removed_block_comes_back_from_its_history() -> None:
    make_block()
    client = sign_in("marketer")
    assert client.post("/studio/content/blocks/banner/remove/").status_code == 302
    page = client.get("/studio/content/blocks/banner/history/")
    assert "Removed" in page.content.decode()
    restore = page.context["edits"][1].restore
    assert "What comes back" in client.get(restore).content.decode()
    client.post(restore)
    assert Block.objects.get(slug="banner").source == HELLO


def test_a_copy_says_the_same_under_a_name_of_its_own() -> None:
    make_block("offer", "json", '{"a": 1}', shape={"type": "object"})
    client = sign_in("marketer")
    client.post("/studio/content/blocks/offer/copy/")
    client.post("/studio/content/blocks/offer/copy/")
    copies = Block.objects.filter(slug__startswith="offer-copy").order_by("slug")
    assert [(each.slug, each.name, each.source) for each in copies] == [
        ("offer-copy", "Copy of Offer", '{"a": 1}'),
        ("offer-copy-2", "Copy of Offer 2", '{"a": 1}'),
    ]
    assert copies[0].shape == {"type": "object"}


def test_every_problem_is_told_with_its_line_while_one_types() -> None:
    source = "<p>{{ profile.traits.a }}</p>\n<b>{{ nobody }}</b>\n{{ context.page.path }}"
    found = preview(sign_in("marketer"), source=source)["problems"]
    assert [(each["field"], each["line"]) for each in found] == [("source", 1), ("source", 2), ("source", 3)]
    assert "is not known of everybody" in found[0]["message"]


@pytest.mark.parametrize(
    ("definition", "field", "line"),
    [
        (BlockDefinition("html", "<p>\n<a href={{ context.a | default: 'x' }}>"), "source", 2),
        (BlockDefinition("html", "{% if profile.traits.a %}"), "source", None),
        (BlockDefinition("email", "<p>Hi</p>", subject=" "), "subject", None),
        (BlockDefinition("email", "<p>Hi</p>", subject="{{ data.a }}"), "subject", 1),
        (BlockDefinition("json", '{"a": 1,\n "b": }'), "source", 2),
        (BlockDefinition("json", '{"a":\n "{{ profile.traits.a }}"}'), "source", 2),
        (BlockDefinition("json", '{"a": 1}', shape={"required": ["b"]}), "source", None),
        (BlockDefinition("json", '{"a": 1}', shape={"type": "nonsense"}), "shape", None),
        (BlockDefinition("recommendation", '{"limit": 99}', fallback="x"), "source", None),
        (BlockDefinition("recommendation", "{}"), "fallback", None),
    ],
)
def test_a_problem_names_its_field_and_line(definition: BlockDefinition, field: str, line: int | None) -> None:
    assert [(each.field, each.line) for each in find_problems(definition)] == [(field, line)]


def test_the_preview_is_as_the_person_and_stands_in_a_frame_of_its_own(redis_client: Redis) -> None:
    make_ann(redis_client)
    client = sign_in("marketer", personal=True)
    answer = preview(client, source=HELLO + '<a href="/new/">New</a><script>alert(1)</script>', person=str(ANN))
    frame = client.get(answer["frame"])
    page = frame.content.decode()
    assert "Hello Annabel" in page and "<script" not in page and 'href="#" title="/new/"' in page
    policy = frame["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'self'" in policy and "sandbox" in policy
    assert "script-src" not in policy
    assert frame["X-Frame-Options"] == "SAMEORIGIN"
    assert sign_in("owner").get(answer["frame"]).status_code == 410  # it is the login's own


def test_who_may_not_know_sees_names_masked_in_the_preview_too(redis_client: Redis) -> None:
    make_ann(redis_client)
    client = sign_in("marketer")
    source = "{{ profile.traits.firstName | default: '-' }} {{ profile.user_id | default: '-' }}"
    page = client.get(preview(client, source=source, person=str(ANN))["frame"]).content.decode()
    assert "A•••" in page and "Annabel" not in page and "ann@example.com" not in page
    people = client.get("/studio/content/preview/people/?who=ann@example.com").content.decode()
    assert str(ANN) in people and "Annabel" not in people and "ann@example.com" not in people
    assert "Annabel" in sign_in("owner").get("/studio/content/preview/people/?who=ann").content.decode()


def test_a_viewer_looks_as_nobody(redis_client: Redis) -> None:
    make_ann(redis_client)
    client = sign_in("viewer")
    assert "frame" in preview(client, source=HELLO)
    assert "does not look at people" in preview(client, source=HELLO, person=str(ANN))["failed"]


def test_nothing_shown_is_kept_once_somebody_is_erased(redis_client: Redis) -> None:
    make_ann(redis_client)
    client = sign_in("marketer", personal=True)
    frame = preview(client, source=HELLO, person=str(ANN))["frame"]
    assert "Annabel" in client.get(frame).content.decode()
    forget_glimpses(redis_client)
    assert client.get(frame).status_code == 410
    assert find_in_redis(redis_client, ["Annabel", "studio:frame"]) == [f"{keys.profile(ANN.hex)}: Annabel"]


def test_the_moment_context_and_offer_are_what_is_asked_for(redis_client: Redis) -> None:
    Offer.objects.create(slug="sale", name="Sale", kind="code")
    client = sign_in("marketer")
    source = (
        "{{ now | date: '%Y-%m-%d' }} {{ context.page.path | default: '-' }} {% if offer %}{{ offer.code }}{% endif %}"
    )
    said = {"at": "2026-05-01T10:00", "context": '{"page": {"path": "/sale/"}}', "offer": "sale"}
    page = client.get(preview(client, source=source, **said)["frame"]).content.decode()
    assert "2026-05-01 /sale/ SAMPLE-CODE" in page
    assert preview(client, source=source, context="[1]")["look"][0]["field"] == "context"


def test_an_email_shows_subject_html_text_and_its_slots(redis_client: Redis) -> None:
    banner = make_block("mail-banner", source="<p>Banner</p><img src='/media/x.png' alt=''>")
    Slot.objects.create(slug="email-banner", name="Banner", channel="email", default=banner)
    said = {"kind": "email", "subject": "Hi {{ data.name | default: 'you' }}", "data": '{"name": "Ann"}'}
    client = sign_in("marketer")
    answer = preview(client, source='<h1>Letter</h1>{% slot "email-banner" %}', **said)
    assert answer["subject"] == "Hi Ann" and "Letter" in answer["text"]
    page = client.get(answer["frame"]).content.decode()
    assert "Banner" in page and 'src="http://testserver/media/x.png"' in page


def test_json_and_recommendations_answer_as_they_would(redis_client: Redis) -> None:
    client = sign_in("marketer")
    said = preview(client, kind="json", source='{"a": "{{ profile.traits.x | default: \'y\' }}"}', shape="")
    assert json.loads(said["json"]) == {"a": "y"}
    fallback = make_block("instead", source="<p>Instead</p>")
    said = preview(client, kind="recommendation", source='{"limit": 4}', fallback=str(fallback.pk))
    assert said["fallbackFor"] == "preview" and "Instead" in client.get(said["frame"]).content.decode()


def test_merge_tags_are_the_traits_that_people_have(redis_client: Redis) -> None:
    make_ann(redis_client)
    page = sign_in("marketer").get("/studio/content/preview/tags/?kind=email").content.decode()
    assert "profile.traits.firstName" in page and "unsubscribe_url" in page and "offer.code" in page


def test_media_and_mail_mean_the_same_folder() -> None:
    from personalization.mail.links import IMAGES, complete_images

    assert IMAGES == settings.MEDIA_URL
    html = '<img alt="x" src="/media/a.png"><a href="/media/b">/media/c</a>'
    assert complete_images(html, "https://e.example") == html.replace('src="', 'src="https://e.example')
