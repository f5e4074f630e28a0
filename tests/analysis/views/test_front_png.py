import json
import re
from dataclasses import replace

import pytest

from analysis.views import scatter
from analysis.views.front_html import front_html
from analysis.views.front_png import front_png
from analysis.views.scatter import scatter_of

GAP, RISE = "bias/stereoset/gap", "forgetting/general/nll_rise"

pytestmark = pytest.mark.timeout(120)  # whichever test is the first makes the store


def size(path):
    """Width and height of a PNG, from its header."""
    header = path.read_bytes()[:24]
    assert header.startswith(b"\x89PNG")
    return int.from_bytes(header[16:20]), int.from_bytes(header[20:24])


def figure(path):
    """The data and the layout that a page draws."""
    text = path.read_text(encoding="utf-8")
    start = re.search(r'Plotly\.newPlot\(\s*"front",\s*', text).end()
    data, end = json.JSONDecoder().raw_decode(text, start)
    layout, _ = json.JSONDecoder().raw_decode(text, text.index("{", end))
    return data, layout


def hovers(data):
    """What the trials tell, by their number."""
    told = [text for trace in data if "legendgroup" in trace for text in trace.get("hovertext", [])]
    return {int(re.match(r"<b>trial (\d+)</b>", text)[1]): text for text in told}


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
    _, layout = figure(tmp_path / "front.html")
    assert sum(name.startswith("xaxis") for name in layout) == (6 if goals == 4 else 1)


def test_a_sweep_without_trials_is_drawn_empty(begun, tmp_path):
    front_png(begun, tmp_path / "front.png")
    front_html(begun, tmp_path / "front.html")
    assert size(tmp_path / "front.png")[0] > 500


def test_every_complete_trial_with_finite_goals_is_drawn_and_no_other(hand, tmp_path):
    front_html(hand, tmp_path / "front.html")
    data, _ = figure(tmp_path / "front.html")
    assert set(hovers(data)) == {1, 2, 3, 4, 5, 9, 12}


def test_hovering_tells_the_goals_and_the_whole_swept_recipe(hand, tmp_path):
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


def test_fused_candidates_are_drawn_and_told_by_their_alpha(fusing, tmp_path):
    front_png(fusing, tmp_path / "front.png")
    front_html(fusing, tmp_path / "front.html")
    data, _ = figure(tmp_path / "front.html")
    told = [t for trace in data if "legendgroup" in trace for t in trace.get("hovertext", [])]
    heads = [text.split("<br>")[:3] for text in told]
    assert ["<b>trial 1@0.25</b>", f"{GAP} 9 points", f"{RISE} 0.02 nats/token"] in heads
    assert [head[0] for head in heads] == [
        f"<b>trial {name}</b>"
        for name in ("1", "1@0.25", "1@0.5", "1@0.75", "2", "2@0.25", "4", "5@0.25")
    ]
    scatter = scatter_of(fusing)
    assert "1@0.5" in [text for _, _, text in scatter.numbers(*scatter.panels[0])]
    assert scatter.points.set_index("name")["feasible"]["1@0.75"] == False  # noqa: E712


def test_the_page_asks_no_network_for_anything_and_offers_no_upload(hand, tmp_path):
    front_html(hand, tmp_path / "front.html")
    page = (tmp_path / "front.html").read_text(encoding="utf-8")
    assert len(page) > 3_000_000  # plotly.js itself
    assert not re.search(r"<script[^>]*\ssrc=|<link[^>]*\shref=|@import\s+url", page)
    assert '"showSendToCloud": false' in page


def test_the_same_sweep_gives_the_same_files(hand, tmp_path):
    for draw, name in ((front_png, "front.png"), (front_html, "front.html")):
        draw(hand, tmp_path / name)
        first = (tmp_path / name).read_bytes()
        draw(hand, tmp_path / name)
        assert (tmp_path / name).read_bytes() == first


def test_a_name_cannot_break_out_of_the_page(hand, tmp_path):
    front_html(replace(hand, name="</script><script>alert(1)</script>"), tmp_path / "front.html")
    page = (tmp_path / "front.html").read_text(encoding="utf-8")
    assert "<script>alert(1)" not in page


def test_the_staircase_joins_the_front_worked_out_by_hand(hand):
    scatter = scatter_of(hand)
    [(x, y)] = scatter.panels
    steps = list(zip(*scatter.staircase(x, y), strict=True))
    corners = [(1.5, 0.3), (2, 0.3), (2, 0.2), (6, 0.2), (6, 0.05), (6, 0.05), (6, 0.05)]
    corners += [(10, 0.05), (10, 0.01)]
    assert steps == [(1.5, y.worse), *corners, (x.worse, 0.01)]
    assert (x.worse, y.worse) == (x.limits[1], y.limits[1])


def test_the_bad_end_of_a_goal_that_is_better_higher_is_below(three):
    accuracy = scatter.scatter_of(three).panels[-1][1]
    assert accuracy.label == "piqa accuracy (share)\nhigher is better →"
    assert accuracy.worse == accuracy.limits[0]


def test_a_goal_that_is_better_nearer_is_drawn_as_its_distance(three):
    score = scatter.scatter_of(three).panels[0][0]
    assert score.label == "distance of crows pairs score from 50 (percent)\n← lower is better"
    assert score.base == 12
    assert score.drawn.tolist() == (three.trials["bias/crows_pairs/score"] - 50).abs().tolist()


def test_a_ruined_trial_does_not_squeeze_the_others_and_is_counted(hand):
    trials = hand.trials.copy()
    trials.loc[trials["trial"] == 9, RISE] = 40.0
    scatter = scatter_of(replace(hand, trials=trials))
    [(x, y)] = scatter.panels
    assert y.limits[1] < 1
    assert scatter.labels(x, y)[0].endswith("(1 trial lies beyond these axes)")
    assert scatter.labels(*scatter_of(hand).panels[0])[0].endswith("lower is better")


def test_trials_at_one_place_share_one_number(hand):
    scatter = scatter_of(hand)
    texts = [text for _, _, text in scatter.numbers(*scatter.panels[0])]
    assert texts == ["12", "3", "2, 4", "1"]


def test_colours_and_shapes_follow_the_names_not_the_order_of_the_trials(three):
    backwards = replace(three, trials=three.trials[::-1])
    assert scatter.scatter_of(backwards).colours == scatter.scatter_of(three).colours
    assert list(scatter.scatter_of(three).colours) == ["cda", "dpo", "likelihood_gap"]
    assert scatter.scatter_of(three).shapes["kl_to_base"] == ("o", "circle")
