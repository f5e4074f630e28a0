"""The page of a front, by the data that it draws and in a real browser."""

import json
import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from analysis.views.front_figure import BASE
from analysis.views.front_html import front_html
from analysis.views.front_png import front_png
from analysis.views.scatter import scatter_of
from tests import screenshots

GAP, RISE = "bias/stereoset/gap", "forgetting/general/nll_rise"
SVG = "{http://www.w3.org/2000/svg}"

pytestmark = pytest.mark.timeout(120)  # whichever test is the first makes the store


def read(path):
    """The data of a page, and its picture as a tree."""
    page = path.read_text(encoding="utf-8")
    (data,) = re.findall(r'<script type="application/json" id="shown">(.*)</script>', page)
    svg = page[page.index("<svg") : page.index("</svg>") + len("</svg>")]
    return json.loads(data), ElementTree.fromstring(svg)


def drawn(svg, gid):
    """The points that are drawn in a part of the picture."""
    (group,) = [element for element in svg.iter() if element.get("id") == gid]
    hidden = {point for defs in group.iter(f"{SVG}defs") for point in defs.iter()}
    return [
        element
        for element in group.iter()
        if element.tag in (f"{SVG}use", f"{SVG}path") and element not in hidden
    ]


def told(shown):
    """What the points of the page tell, by their first lines, in the order in which they are drawn."""
    rows = [row for marks in shown["points"].values() for row in marks["rows"]]
    return {shown["lines"][str(row)][0]: shown["lines"][str(row)] for row in rows}


def test_every_complete_trial_with_finite_goals_is_drawn_and_no_other(hand, tmp_path):
    front_html(hand, tmp_path / "front.html")
    shown, svg = read(tmp_path / "front.html")
    assert told(shown).keys() == {
        *(f"trial {number}" for number in (1, 2, 3, 4, 5, 9, 12)),
        "base model",
    }
    for gid, marks in shown["points"].items():
        assert len(drawn(svg, gid)) == len(marks["rows"]), gid


def test_each_point_stands_where_its_values_are(hand, tmp_path):
    """Within a part all points have one shape, so their places are those of the data, up to a scale."""
    front_html(hand, tmp_path / "front.html")
    shown, svg = read(tmp_path / "front.html")
    [(x, y)] = scatter_of(hand).panels
    places, values = [], []
    for gid, marks in shown["points"].items():
        for element, row in zip(drawn(svg, gid), marks["rows"], strict=True):
            if row != BASE and element.tag == f"{SVG}use":
                places.append((float(element.get("x")), -float(element.get("y"))))
                values.append((x.values[row], y.values[row]))
    assert len(places) >= 3
    for axis in (0, 1):
        at, of = np.array(places)[:, axis], np.array(values)[:, axis]
        scale, origin = np.polyfit(of, at, 1)
        assert scale > 0
        assert at == pytest.approx(scale * of + origin, abs=0.01)


def test_pointing_shows_the_goals_and_the_whole_recipe(hand, tmp_path):
    front_html(hand, tmp_path / "front.html")
    lines = told(read(tmp_path / "front.html")[0])
    assert lines["trial 3"] == [
        "trial 3",
        f"{GAP} 2 points",
        f"{RISE} 0.2 nats/token",
        "",
        "objective.name cda",
        "objective.sides two",
        "regulariser.name none",
        "replay.ratio 0.05",
        "train.lr 2e-5",
    ]
    assert lines["base model"] == ["base model", f"{GAP} 12 points", f"{RISE} 0 nats/token"]


def test_pointing_names_what_a_candidate_is_not_told_apart_from(hand, tmp_path):
    errors = {f"df/{GAP}": 0.0, f"se/{RISE}": 0.04}
    front_html(replace(hand, trials=hand.trials.assign(**errors)), tmp_path / "front.html")
    lines = told(read(tmp_path / "front.html")[0])
    assert "within noise of 4 in every goal" in lines["trial 2"]
    assert "perhaps within noise of base, 1: an error is not known" in lines["trial 2"]
    assert not any(line.startswith("within noise") for line in lines["trial 12"])
    assert "perhaps within noise of 2, 4, 1: an error is not known" in lines["base model"]


def test_the_legend_hides_the_points_of_an_objective(hand, tmp_path):
    front_html(hand, tmp_path / "front.html")
    shown, svg = read(tmp_path / "front.html")
    assert list(shown["legend"]) == ["cda", "likelihood_gap"]
    ids = {element.get("id") for element in svg.iter()}
    assert {part for parts in shown["legend"].values() for part in parts} <= ids
    assert {marks["objective"] for marks in shown["points"].values()} == {*shown["legend"], ""}


def test_fused_candidates_are_drawn_and_named_with_their_alpha(fusing, tmp_path):
    front_png(fusing, tmp_path / "front.png")
    front_html(fusing, tmp_path / "front.html")
    lines = told(read(tmp_path / "front.html")[0])
    expected = ["trial 1@0.25", f"{GAP} 9 ± 0.98 points", f"{RISE} 0.02 nats/token"]
    assert lines["trial 1@0.25"][:3] == expected
    names = ("1", "1@0.25", "1@0.5", "1@0.75", "2", "2@0.25", "4", "5@0.25")
    assert lines.keys() == {*(f"trial {name}" for name in names), "base model"}
    scatter = scatter_of(fusing)
    assert "1@0.5" in [text.words for text in scatter.numbers(*scatter.panels[0])]
    assert scatter.points.set_index("name")["feasible"]["1@0.75"] == False  # noqa: E712


def many(hand, num):
    """The sweep with so many complete trials, most of them dominated."""
    random = np.random.default_rng(0)
    trials = pd.concat([hand.trials.iloc[:4]] * (num // 4), ignore_index=True)
    trials["trial"] = range(num)
    trials["state"] = "complete"
    trials[GAP], trials[RISE] = random.uniform(1, 12, num), random.uniform(0, 0.3, num)
    return replace(hand, trials=trials)


@pytest.mark.parametrize(("num", "most"), [(24, 60_000), (1000, 600_000)])
def test_the_page_is_small_and_loads_nothing_from_the_network(hand, tmp_path, num, most):
    """A gateway in front of MLflow may take files of a megabyte at most."""
    front_html(many(hand, num), tmp_path / "front.html")
    page = (tmp_path / "front.html").read_text(encoding="utf-8")
    assert len(read(tmp_path / "front.html")[0]["lines"]) == num + 1
    assert len(page.encode()) < most
    assert not re.search(
        r"<script[^>]*\ssrc=|<link|@import|url\(http|https?://(?!www\.w3\.org/)", page
    )


HOSTILE = "</script><script>alert(1)</script>$x_1^2$ & <b>"


def test_a_name_cannot_break_out_of_the_page(hand, tmp_path):
    trials = hand.trials.replace({"objective.name": {"cda": HOSTILE}})
    hostile = replace(hand, name=HOSTILE, trials=trials)
    front_png(hostile, tmp_path / "front.png")
    front_html(hostile, tmp_path / "front.html")
    page = (tmp_path / "front.html").read_text(encoding="utf-8")
    assert "<script>alert(1)" not in page
    shown, svg = read(tmp_path / "front.html")
    assert HOSTILE in shown["legend"]
    texts = [element.text or "" for element in svg.iter(f"{SVG}text")]
    assert any(len(text) > 20 and HOSTILE.startswith(text.removesuffix("…")) for text in texts)


@pytest.mark.slow
@pytest.mark.skipif(not screenshots.chromium(), reason="no Chromium is installed")
def test_in_a_browser_points_tell_their_recipes_in_a_frame_that_may_run_scripts_alone(
    hand, tmp_path
):
    """As MLflow shows it: in a sandbox without an origin, and without a network."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    front_html(hand, tmp_path / "front.html")
    with (
        sync_api.sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=screenshots.chromium()) as browser,
    ):
        context = browser.new_context(offline=True, viewport={"width": 1100, "height": 800})
        errors = []
        context.on("weberror", lambda error: errors.append(str(error.error)))
        page = context.new_page()
        page.set_content('<iframe sandbox="allow-scripts" width="1000" height="700"></iframe>')
        text = (tmp_path / "front.html").read_text(encoding="utf-8")
        page.eval_on_selector("iframe", "(frame, text) => {frame.srcdoc = text}", text)
        frame = page.frame_locator("iframe")
        frame.locator(".point").first.wait_for()
        assert frame.locator(".point").count() == 8
        tip, rows = frame.locator("#tip"), read(tmp_path / "front.html")[0]["lines"]
        (three,) = [row for row, lines in rows.items() if lines[0] == "trial 3"]
        point = frame.locator(f'.point[data-row="{three}"]')
        point.hover()
        assert tip.inner_text().split("\n")[0] == "trial 3"
        assert "train.lr 2e-5" in tip.inner_text()
        frame.locator("h1").hover()
        assert not tip.is_visible()
        point.click()
        frame.locator("h1").hover()
        assert tip.is_visible(), "a click keeps it"
        frame.locator("h1").click()
        assert not tip.is_visible()
        frame.locator("#label-1").click()
        assert not point.is_visible(), "it is one of cda"
        frame.locator("#label-1").click()
        assert point.is_visible()
        assert errors == []
