"""docs/reference/rest.md: its calls run against the running shop, its tables are complete."""

import re
import subprocess

import httpx

from ingestion.actions import create_secret_key
from ingestion.models import Source
from personalization.announcing import announce_newest
from profiles.clients import Client
from tests.demo.conftest import Shop, collected, shop
from tests.docs.pages import ROOT, fences
from tests.product import wait_until
from tests.rest.conftest import ALL_SCOPES
from tests.rest.contract import list_operations

__all__ = ["collected", "shop"]  # fixtures

PAGE = ROOT / "docs/reference/rest.md"
ROW = re.compile(r"^\| `(?P<call>(?:GET|POST|PUT|PATCH|DELETE) [^`]+)` \| `(?P<scope>[^`]+)` \|", re.MULTILINE)
DEFINITIONS = re.compile(r"^/(segments|blocks|slots|offers|rules)(?=$|/\{slug\}($|/revisions|/diff))")


def test_every_call_is_on_the_page_with_its_scope() -> None:
    documented = {match["call"]: match["scope"] for match in ROW.finditer(PAGE.read_text())}
    real = {}
    for path, method, operation in list_operations():
        if "x-scope" in operation:
            short = path.removeprefix("/api/v1")
            scope = operation["x-scope"]
            if DEFINITIONS.match(short):
                short, scope = DEFINITIONS.sub("/{definitions}", short), scope.replace("segments:", "content:")
            real[f"{method.upper()} {short}"] = scope
    assert documented == real


def test_the_calls_of_the_page_run(shop: Shop, redis_client: Client) -> None:
    _, secret = create_secret_key(Source.objects.get(), scopes=ALL_SCOPES)
    announce_newest(redis_client)
    wait_until(lambda: ask(shop, secret, "slots").status_code == 200)
    calls = [fence.body for fence in fences(PAGE) if fence.info == "sh"]
    assert len(calls) >= 7
    said = []
    for each in calls:
        said.append(run(each, shop, secret))
        if "/api/v1/events" in each:
            wait_until(lambda: knows(shop, secret, '"plan":"gold"'))
    assert any('"differences":[{"field":"source"' in each for each in said)
    assert any('"number":2' in each for each in said)
    assert any('"stored":2' in each for each in said)
    assert any('"segmentChanges":[' in each for each in said)
    wait_until(lambda: knows(shop, secret, '"plan":"platinum"') and knows(shop, secret, '"granted":true'))


def knows(shop: Shop, secret: str, fact: str) -> bool:
    answer = ask(shop, secret, "profiles/u:u1")
    return answer.status_code == 200 and fact in answer.text


def ask(shop: Shop, secret: str, path: str) -> httpx.Response:
    return httpx.get(f"{shop.url}/api/v1/{path}", headers={"Authorization": f"Bearer {secret}"})


def run(commands: str, shop: Shop, secret: str) -> str:
    """What the commands of a fence print, with this shop and key in the place of those of the page."""
    here = commands.replace("http://127.0.0.1:8000", shop.url).replace("SECRET_KEY", secret)
    here = here.replace("curl ", "curl -sS --noproxy '*' --fail-with-body ")
    done = subprocess.run(["bash", "-e", "-c", here], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"{here}\n{done.stdout}\n{done.stderr}"
    return done.stdout
