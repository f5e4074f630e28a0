"""The page of a front, by the data that it draws."""

import json
import re
from dataclasses import replace

import pytest

from analysis.views.front_html import front_html
from analysis.views.front_png import front_png
from analysis.views.scatter import scatter_of

GAP, RISE = "bias/stereoset/gap", "forgetting/general/nll_rise"

pytestmark = pytest.mark.timeout(120)  # whichever test is the first makes the store


def figure(path):
    """The data and the layout that a page draws."""
    text = path.read_text(encoding="utf-8")
    start = re.search(r'Plotly\.newPlot\(\s*"front",\s*', text).end()
    data, end = json.JSONDecoder().raw_decode(text, start)
    layout, _ = json.JSONDecoder().raw_decode(text, text.index("{", end))
    return data, layout


def hovers(data):
    """What the trials tell, by their number."""
    texts = [
        text for trace in data if "legendgroup" in trace for text in trace.get("hovertext", [])
    ]
    return {int(re.match(r"<b>trial (\d+)</b>", text)[1]): text for text in texts}


def test_every_complete_trial_with_finite_goals_is_drawn_and_no_other(hand, tmp_path):
    front_html(hand, tmp_path / "front.html")
    data, _ = figure(tmp_path / "front.html")
    assert set(hovers(data)) == {1, 2, 3, 4, 5, 9, 12}


def test_hovering_shows_the_goals_and_the_whole_recipe(hand, tmp_path):
    front_html(hand, tmp_path / "front.html")
    data, _ = figure(tmp_path / "front.html")
    assert hovers(data)[3].split("<br>") == [
        "<b>trial 3</b>",
        f"{GAP} 2 points",
        f"{RISE} 0.2 nats/token",
        "",
        "objective.name cda",
        "objective.sides two",
        "regulariser.name none",
        "replay.ratio 0.05",
        "train.lr 2e-5",
    ]
    base = f"<b>base model</b><br>{GAP} 12 points<br>{RISE} 0 nats/token"
    assert base in [trace.get("hovertext") for trace in data]


def test_fused_candidates_are_drawn_and_named_with_their_alpha(fusing, tmp_path):
    front_png(fusing, tmp_path / "front.png")
    front_html(fusing, tmp_path / "front.html")
    data, _ = figure(tmp_path / "front.html")
    texts = [t for trace in data if "legendgroup" in trace for t in trace.get("hovertext", [])]
    heads = [text.split("<br>")[:3] for text in texts]
    assert ["<b>trial 1@0.25</b>", f"{GAP} 9 ± 0.98 points", f"{RISE} 0.02 nats/token"] in heads
    assert [head[0] for head in heads] == [
        f"<b>trial {name}</b>"
        for name in ("1", "1@0.25", "1@0.5", "1@0.75", "2", "2@0.25", "4", "5@0.25")
    ]
    scatter = scatter_of(fusing)
    assert "1@0.5" in [text for _, _, text in scatter.numbers(*scatter.panels[0])]
    assert scatter.points.set_index("name")["feasible"]["1@0.75"] == False  # noqa: E712


def test_the_page_loads_nothing_from_the_network_and_offers_no_upload(hand, tmp_path):
    front_html(hand, tmp_path / "front.html")
    page = (tmp_path / "front.html").read_text(encoding="utf-8")
    assert len(page) > 3_000_000  # plotly.js itself
    assert not re.search(r"<script[^>]*\ssrc=|<link[^>]*\shref=|@import\s+url", page)
    assert '"showSendToCloud": false' in page


def test_a_name_cannot_break_out_of_the_page(hand, tmp_path):
    front_html(replace(hand, name="</script><script>alert(1)</script>"), tmp_path / "front.html")
    page = (tmp_path / "front.html").read_text(encoding="utf-8")
    assert "<script>alert(1)" not in page
