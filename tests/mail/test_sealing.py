"""A sealed token can be neither read nor changed, serves one purpose, ends on time, and outlives a change of keys."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from personalization.sealing import MAX_TOKEN, BadToken, ExpiredToken, Sealer

NOW = 1_800_000_000_000
SEALER = Sealer(["a secret"])
CONTENT = b"u:anna@example.org"


def test_what_is_sealed_can_be_opened_and_not_be_read() -> None:
    token = SEALER.seal("click", CONTENT)
    assert SEALER.open("click", token, now=NOW) == CONTENT
    assert "anna" not in token
    assert token.replace("-", "").replace("_", "").isalnum()


def test_the_same_content_gives_the_same_token() -> None:
    assert SEALER.seal("click", CONTENT) == Sealer(["a secret"]).seal("click", CONTENT)
    assert SEALER.seal("click", CONTENT) != SEALER.seal("open", CONTENT)


@pytest.mark.parametrize("opener", [Sealer(["another"]), Sealer(["another", "a third"])])
def test_another_key_opens_nothing(opener: Sealer) -> None:
    with pytest.raises(BadToken):
        opener.open("click", SEALER.seal("click", CONTENT), now=NOW)


def test_a_former_key_still_opens_what_it_sealed_and_seals_no_more() -> None:
    rotated = Sealer(["a new secret", "a secret"])
    assert rotated.open("click", SEALER.seal("click", CONTENT), now=NOW) == CONTENT
    with pytest.raises(BadToken):
        SEALER.open("click", rotated.seal("click", CONTENT), now=NOW)


def test_another_purpose_opens_nothing() -> None:
    with pytest.raises(BadToken):
        SEALER.open("unsubscribe", SEALER.seal("click", CONTENT), now=NOW)


def test_a_token_ends_on_time() -> None:
    token = SEALER.seal("view", CONTENT, expires=NOW)
    assert SEALER.open("view", token, now=NOW - 1) == CONTENT
    with pytest.raises(ExpiredToken):
        SEALER.open("view", token, now=NOW)


@given(some.data())
def test_a_token_with_any_character_changed_is_refused(data: some.DataObject) -> None:
    token = SEALER.seal("click", CONTENT)
    at = data.draw(some.integers(0, len(token) - 1))
    other = data.draw(some.characters().filter(lambda character: character != token[at]))
    with pytest.raises(BadToken):
        SEALER.open("click", token[:at] + other + token[at + 1 :], now=NOW)


@given(some.text(max_size=60))
def test_anything_else_is_refused(said: str) -> None:
    with pytest.raises(BadToken):
        SEALER.open("click", said, now=NOW)


@pytest.mark.parametrize("change", ["{}=", "{}\n", " {}", "{}A", "{}AAAA"])
def test_a_token_is_written_in_one_way(change: str) -> None:
    with pytest.raises(BadToken):
        SEALER.open("click", change.format(SEALER.seal("click", CONTENT)), now=NOW)


def test_what_is_longer_than_any_token_is_not_looked_at() -> None:
    with pytest.raises(BadToken, match="longer"):
        SEALER.open("click", "A" * (MAX_TOKEN + 1), now=NOW)
