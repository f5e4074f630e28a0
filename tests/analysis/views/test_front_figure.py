"""The figure that both pictures of a front show."""

from dataclasses import replace
from itertools import combinations

import pytest

from analysis.views.front_figure import BASE, draw
from analysis.views.scatter import scatter_of

RISE = "forgetting/general/nll_rise"
GAP = "bias/stereoset/gap"

pytestmark = pytest.mark.timeout(120)  # whichever test is the first makes the store


def artist(drawing, gid):
    (found,) = drawing.figure.findobj(lambda artist: artist.get_gid() == gid)
    return found


def test_the_points_of_a_part_stand_where_its_rows_are_and_in_their_order(hand):
    scatter = scatter_of(hand)
    [(x, y)] = scatter.panels
    drawing = draw(scatter, 2, halo=False)
    for gid, marks in drawing.points.items():
        places = artist(drawing, gid).get_offsets().tolist()
        rows = marks.rows
        expected = (
            [[x.base, y.base]]
            if rows == [BASE]
            else [[x.values[row], y.values[row]] for row in rows]
        )
        assert places == expected
    rows = [row for marks in drawing.points.values() for row in marks.rows if row != BASE]
    assert sorted(rows) == sorted(scatter.points.index)


def test_a_model_beyond_the_axes_is_not_drawn(hand):
    trials = hand.trials.copy()
    trials.loc[trials["trial"] == 9, RISE] = 40.0
    scatter = scatter_of(replace(hand, trials=trials))
    drawn = [row for marks in draw(scatter, 2, halo=False).points.values() for row in marks.rows]
    (beyond,) = scatter.points.index[scatter.points["name"] == "9"]
    assert beyond not in drawn
    assert len(drawn) == len(scatter.points)  # all others, and the base


def test_each_objective_of_the_legend_has_its_key_and_its_label(hand):
    drawing = draw(scatter_of(hand), 2, halo=True)
    for objective, (key, label) in drawing.legend.items():
        assert artist(drawing, label).get_text() == objective
        assert artist(drawing, key).get_color() == scatter_of(hand).colours[objective]


def test_the_texts_beside_points_do_not_cover_one_another(hand):
    trials = hand.trials.copy()
    members = trials.index[trials["trial"].isin([12, 3, 2, 1])]
    trials.loc[members, RISE] = [0.0101, 0.0102, 0.0103, 0.0104]
    trials.loc[members, GAP] = [6.9, 6.8, 6.7, 6.6]
    trials = trials.assign(**{f"se/{GAP}": 3.0, f"se/{RISE}": 0.04})
    drawing = draw(scatter_of(replace(hand, trials=trials)), 2, halo=False)
    drawing.figure.canvas.draw()
    texts = [t for t in drawing.figure.axes[0].texts if t.get_text()]
    assert len(texts) >= 3
    boxes = [text.get_window_extent() for text in texts]
    for one, other in combinations(boxes, 2):
        assert not one.overlaps(other)
