"""What people see who follow a link of a message that leads to no other page: one sentence, and a button at most."""

from typing import Any

from django.template import loader


def ask_unsubscribe(purpose: str) -> bytes:
    return _render(title="Stop these e-mails?", asks=True, purpose=purpose)


def show_unsubscribed(purpose: str) -> bytes:
    return _render(title="You are unsubscribed", is_done=True, purpose=purpose)


def show_busy() -> bytes:
    return _render(title="Not yet", is_busy=True)


def show_late() -> bytes:
    return _render(title="One moment, please", is_late=True)


def show_expired() -> bytes:
    return _render(title="This link is too old", is_expired=True)


def show_unknown() -> bytes:
    return _render(title="This link does not work")


def _render(**said: Any) -> bytes:
    return loader.get_template("mail.html").render(said).encode()
