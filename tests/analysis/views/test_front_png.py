"""The picture of a front, and what both forms of it share."""

from dataclasses import replace

import pytest

from analysis.views.front_html import front_html
from analysis.views.front_png import front_png
from tests.analysis.views.test_front_html import SVG, read

pytestmark = pytest.mark.timeout(120)  # whichever test is the first makes the store


def size(path):
    """Width and height of a PNG, from its header."""
    header = path.read_bytes()[:24]
    assert header.startswith(b"\x89PNG")
    return int.from_bytes(header[16:20]), int.from_bytes(header[20:24])


def test_two_goals_are_one_panel_and_three_are_three(hand, three, tmp_path):
    front_png(hand, tmp_path / "two.png")
    front_png(three, tmp_path / "three.png")
    (one_wide, one_high), (three_wide, three_high) = map(
        size, (tmp_path / "two.png", tmp_path / "three.png")
    )
    assert three_wide > 2 * one_wide
    assert three_high == one_high


@pytest.mark.parametrize("goals", [1, 4])
def test_any_number_of_goals_is_drawn(three, goals, tmp_path):
    some = replace(three, goals=list(three.metrics.values())[:goals])
    front_png(some, tmp_path / "front.png")
    front_html(some, tmp_path / "front.html")
    assert size(tmp_path / "front.png")[0] > 500
    _, svg = read(tmp_path / "front.html")
    ids = [element.get("id", "") for element in svg.iter(f"{SVG}g")]
    num_panels = 6 if goals == 4 else 1
    assert len([name for name in ids if name.startswith("matplotlib.axis_")]) == 2 * num_panels


def test_a_sweep_without_trials_is_drawn_empty(begun, tmp_path):
    front_png(begun, tmp_path / "front.png")
    front_html(begun, tmp_path / "front.html")
    assert size(tmp_path / "front.png")[0] > 500


def test_the_same_sweep_gives_the_same_files(hand, tmp_path):
    for draw, name in ((front_png, "front.png"), (front_html, "front.html")):
        draw(hand, tmp_path / name)
        first = (tmp_path / name).read_bytes()
        draw(hand, tmp_path / name)
        assert (tmp_path / name).read_bytes() == first
