"""One process under the supervisor: it is brought back, it is ended, and so is what it started."""

import io
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from honcho.printer import Printer

from personalization.supervise import SAID_AT_EVERY_STOP, Child
from tests.product import wait_until


@pytest.fixture
def held() -> Iterator[int]:
    with open(os.devnull) as file:
        yield file.fileno()


def make_child(script: str, output: io.StringIO, held: int) -> Child:
    return Child("child", ["sh", "-c", script], printer=Printer(output=output), colour="", held=held)


def is_alive(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()  # one that nobody has waited for yet has ended too
    except OSError:
        return False


def read_pids(output: io.StringIO) -> list[int]:
    return [int(word) for word in output.getvalue().split() if word.isdecimal()]


def test_one_that_does_not_listen_is_killed_with_what_it_started(held: int) -> None:
    output = io.StringIO()
    child = make_child("trap '' TERM; sleep 600 & echo $$ $!; while :; do wait; done", output, held)
    child.start()
    wait_until(lambda: len(read_pids(output)) == 2)
    assert all(map(is_alive, read_pids(output)))
    child.stop()
    child.finish(time.monotonic() + 0.1)
    wait_until(lambda: not any(map(is_alive, read_pids(output))))


def test_what_one_that_ended_left_behind_is_gone_before_it_comes_back(held: int) -> None:
    output = io.StringIO()
    child = make_child("sleep 600 >/dev/null 2>&1 & echo $!", output, held)
    child.start()
    try:
        wait_until(lambda: len(read_pids(output)) >= 2)  # it came back
        assert not is_alive(read_pids(output)[0])
        assert "ended with 0; starting it again in 0.2 s" in output.getvalue()
    finally:
        child.stop()
        child.finish(time.monotonic() + 20)
    wait_until(lambda: not any(map(is_alive, read_pids(output))))


def test_only_what_is_worth_reading_is_passed_on(held: int) -> None:
    output = io.StringIO()
    child = make_child(f"echo; echo '{SAID_AT_EVERY_STOP}'; echo worth; exec sleep 600", output, held)
    child.start()
    wait_until(lambda: "worth" in output.getvalue())
    child.stop()
    child.finish(time.monotonic() + 20)
    assert len(output.getvalue().strip().splitlines()) == 1
