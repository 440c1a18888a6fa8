"""A page in a real browser on which blocks are shown, that tells what ran, what was asked of the network, and what the
browser made of the HTML."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from playwright.sync_api import Browser, Route

SITE = "http://shop.example/"
PAGE = (
    "<!doctype html><title>Shop</title><main></main><script>window.told = []; window.ran = n => told.push(n);</script>"
)

# Each piece as a page takes it (innerHTML), and some at a time as a document reads them (srcdoc); then all that could
# be set off is.
SHOW = """async pieces => {
    const events = ['mouseover', 'focus', 'load', 'error', 'toggle', 'animationstart', 'begin', 'submit'];
    const stir = root => root.querySelectorAll('*').forEach(
        element => events.forEach(name => element.dispatchEvent(new Event(name))));
    const outline = element => [element.localName,
        [...element.attributes].map(each => each.name).filter(name => name !== 'href').sort(),
        [...element.children].map(outline)];
    const seen = pieces.map(html => {
        const box = document.createElement('div');
        document.querySelector('main').append(box);
        box.innerHTML = html;
        stir(box);
        const links = [...box.querySelectorAll('a[href], area[href]')];
        const told = {
            outline: JSON.stringify([...box.children].map(outline)),
            protocols: links.map(link => link.protocol),
            titles: [...box.querySelectorAll('[title]')].map(each => each.title),
            bolds: [...box.querySelectorAll('b')].map(each => each.textContent),
            asked: links.map(link => link.href).filter(url => url.includes('/s?'))
                .map(url => [...new URL(url).searchParams]),
        };
        box.remove();
        return told;
    });
    const documents = [];
    for (let at = 0; at < pieces.length; at += 8) documents.push(pieces.slice(at, at + 8).join('<hr>'));
    for (let at = 0; at < documents.length; at += 8) {
        await Promise.all(documents.slice(at, at + 8).map(html => new Promise(done => {
            const frame = document.createElement('iframe');
            frame.onload = () => { stir(frame.contentDocument); setTimeout(() => { frame.remove(); done(); }, 30); };
            frame.srcdoc = '<script>window.ran = n => parent.told.push(n)</scr' + 'ipt>' + html;
            document.querySelector('main').append(frame);
        })));
    }
    return seen;
}"""


class Shown(NamedTuple):
    """What came of each piece; which scripts ran; which requests left, as kind and URL."""

    pieces: list[dict[str, Any]]
    ran: list[int]
    requests: list[tuple[str, str]]


def show(chromium: Browser, pieces: Sequence[str]) -> Shown:
    requests: list[tuple[str, str]] = []

    def answer(route: Route) -> None:
        if route.request.url == SITE:
            route.fulfill(body=PAGE, content_type="text/html; charset=utf-8")
            return
        requests.append((route.request.resource_type, route.request.url))
        route.abort()

    context = chromium.new_context()
    try:
        page = context.new_page()
        page.route("**/*", answer)
        page.goto(SITE)
        seen = page.evaluate(SHOW, list(pieces))
        page.wait_for_timeout(200)  # for what was still on its way
        assert page.url == SITE
        return Shown(seen, page.evaluate("told"), requests)
    finally:
        context.close()
