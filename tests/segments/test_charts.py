"""Sizes as the points of a line: inside the field, on round levels, however many or few there are."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from segments.charts import draw_chart
from segments.sizes import HOUR, Size

UNTIL = datetime(2026, 11, 25, 12, 20, tzinfo=UTC)
SINCE = UNTIL - timedelta(days=7)


def sizes(*people: int, version: int = 1) -> list[Size]:
    """Of the last hours up to this one."""
    this = UNTIL.replace(minute=0)
    return [Size(this - HOUR * (len(people) - 1 - number), version, each) for number, each in enumerate(people)]


def points(line: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, _, y in (point.partition(",") for point in line.split())]


def test_nothing_to_show_is_no_chart() -> None:
    assert draw_chart([], since=SINCE, until=UNTIL, width=100, height=50) is None
    old = [Size(SINCE - 2 * HOUR, 1, 5)]
    assert draw_chart(old, since=SINCE, until=UNTIL, width=100, height=50) is None


def test_one_hour_is_a_short_line_at_the_right_end() -> None:
    chart = draw_chart(sizes(5), since=SINCE, until=UNTIL, width=168, height=50)
    assert chart is not None
    assert [x for x, _ in points(chart.line)] == [167.7, 168.0]
    assert (chart.lowest, chart.highest) == (5, 5)


def test_the_line_goes_from_left_to_right_and_up_is_more() -> None:
    chart = draw_chart(sizes(0, 50, 100), since=SINCE, until=UNTIL, width=168, height=50)
    assert chart is not None
    assert chart.levels == (100, 50, 0)
    assert [y for _, y in points(chart.line)] == [50.0, 50.0, 25.0, 0.0]
    xs = [x for x, _ in points(chart.line)]
    assert xs == sorted(xs)
    assert chart.area.split()[0].endswith(",50") and chart.area.split()[-1].endswith(",50")


@pytest.mark.parametrize("highest", [0, 1, 2, 3, 4, 5, 9, 10, 11, 99, 101, 4_321, 999_999, 1_000_001])
def test_levels_are_round_and_reach_the_highest(highest: int) -> None:
    chart = draw_chart(sizes(0, highest), since=SINCE, until=UNTIL, width=100, height=50)
    assert chart is not None
    top, *_, bottom = chart.levels
    step = top - chart.levels[1]
    assert bottom == 0 and highest <= top <= max(2.5 * highest, 1)
    assert str(step).rstrip("0") in ("1", "2", "5")
    assert 2 <= len(chart.levels) <= 5


def test_another_version_is_marked_where_it_began() -> None:
    early, late = sizes(5, 5, 5), sizes(7, 7, version=2)
    chart = draw_chart([early[0], *late], since=SINCE, until=UNTIL, width=168, height=50)
    assert chart is not None
    assert chart.marks == (166.7,)


def test_many_points_are_thinned_out_and_the_last_one_stays() -> None:
    chance = random.Random(1)
    many = sizes(*(chance.randrange(1_000) for _ in range(168)), 77)
    chart = draw_chart(many, since=SINCE, until=UNTIL, width=100, height=50, most=40)
    assert chart is not None
    found = points(chart.line)
    assert 30 <= len(found) <= 42
    assert found[-1] == (100.0, round(50 * (1 - 77 / chart.levels[0]), 1))
    assert all(0 <= x <= 100 and 0 <= y <= 50 for x, y in found)
    assert (chart.lowest, chart.highest) == (min(size.people for size in many), max(size.people for size in many))


def test_moments_are_spread_evenly() -> None:
    chart = draw_chart(sizes(1), since=SINCE, until=UNTIL, width=100, height=50)
    assert chart is not None
    assert (chart.moments[0], chart.moments[-1], len(chart.moments)) == (SINCE, UNTIL, 5)
