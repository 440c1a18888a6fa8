"""docs/reference/studio.md names every role with what it may do, every ability, and every act of the trail."""

import pytest

from profiles.audit import Act
from studio.roles import ABILITIES, Ability
from tests.docs.pages import ROOT

PAGE = (ROOT / "docs/reference/studio.md").read_text()


@pytest.mark.parametrize("role", [role for role in ABILITIES if role != "owner"])
def test_every_role_says_what_it_may_do(role: str) -> None:
    row = next(line for line in PAGE.splitlines() if line.startswith(f"| `{role}` |"))
    said = {word.strip("` ") for word in row.split("|")[2].split(",")}
    assert said == {ability.value for ability in ABILITIES[role]}


def test_owners_may_do_everything() -> None:
    assert ABILITIES["owner"] == frozenset(Ability)
    assert "| `owner` | everything |" in PAGE


@pytest.mark.parametrize("ability", [ability.value for ability in Ability])
def test_every_ability_has_its_row(ability: str) -> None:
    assert f"\n| `{ability}` | " in PAGE


@pytest.mark.parametrize("act", list(Act.values))
def test_every_act_is_named(act: str) -> None:
    assert f"`{act}`" in PAGE.partition("## The audit trail")[2]
