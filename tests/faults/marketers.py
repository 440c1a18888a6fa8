"""Those who work in the Studio and the admin look for people, look at them, and look as them."""

import json
from html import unescape
from uuid import UUID

import httpx

from tests.faults.people import Person
from tests.product import Product

SOURCE = '<p>{{ profile.traits.note | default: "nobody" }}</p>'
RULE = "/studio/content/rules/{}/preview/"


class Marketer:
    """One who is signed in, and before that was not."""

    def __init__(self, product: Product) -> None:
        self._client = httpx.Client(base_url=product.url, timeout=60, trust_env=False)
        self._product = product

    def close(self) -> None:
        self._client.close()

    def fail_to_sign_in(self, person: Person) -> None:
        """Who follows a link to somebody, and mistypes a name."""
        sent = self._client.get("/studio/people/", params={"q": person.plant("search before signing in")})
        answer = self._sign_in(str(sent.headers["location"]), "nobody")
        assert answer.status_code == 200, answer.status_code

    def sign_in(self) -> None:
        assert self._sign_in("/studio/sign-in/", self._product.login[0]).status_code == 302

    def look_at(self, person: Person) -> None:
        """By name in lists and in what is typed, on their page and in a file."""
        for path in ("/studio/people/", "/studio/conditions/people/", "/admin/profiles/storedprofile/"):
            for words in (person.user, person.plant("search")):
                assert self._client.get(path, params={"q": words}).status_code == 200
        for page in (f"/studio/people/{UUID(person.id)}/", f"/studio/people/{UUID(person.id)}/timeline/"):
            assert self._client.get(page).status_code == 200, page
        exported = self._post(f"/studio/people/{UUID(person.id)}/export/", {})
        assert person.said["trait"] in exported.text

    def look_as(self, person: Person, rule: str) -> None:
        """A draft, a condition and a page, as the person would get them."""
        said = self._post("/studio/content/preview/", {"kind": "html", "source": SOURCE, "person": person.id}).json()
        assert person.said["trait"] in self._client.get(said["frame"]).text
        is_theirs = {"id": "t", "kind": "trait", "trait": "note", "op": "is", "value": person.said["trait"]}
        asked = {"condition": {"v": 1, "root": is_theirs}, "person": person.id}
        for path in ("/studio/conditions/who/", "/studio/conditions/look/"):
            answer = self._client.post(path, content=json.dumps(asked), headers=self._headers())
            assert answer.status_code == 200, answer.text
        page = f"https://shop.example/?mail={person.plant('page looked at')}"
        assert self._post(RULE.format(rule), {"person": person.id, "url": page}).status_code == 200

    def erase(self, person: Person) -> str:
        """The receipt."""
        answer = self._post(f"/studio/people/{UUID(person.id)}/erase/", {"word": "erase"})
        assert answer.status_code == 302, answer.text
        return str(answer.headers["location"]).rstrip("/").rpartition("/")[2]

    def _sign_in(self, path: str, name: str) -> httpx.Response:
        page = self._client.get(path)
        [wanted] = page.text.split('name="next" value="')[1:] or [""]
        form = {"username": name, "password": self._product.login[1], "next": unescape(wanted.partition('"')[0])}
        return self._post(path, form)

    def _post(self, path: str, form: dict[str, str]) -> httpx.Response:
        return self._client.post(path, data=form, headers=self._headers())

    def _headers(self) -> dict[str, str]:
        return {"Referer": str(self._client.base_url), "X-CSRFToken": self._client.cookies.get("csrftoken") or ""}
