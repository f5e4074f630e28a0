"""The figure that both pictures of a front show."""

import os
import subprocess
import sys
import warnings
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest

from analysis.views.front_figure import BASE, draw
from analysis.views.front_png import front_png
from analysis.views.scatter import scatter_of
from tests.trainables.conftest import ROOT
from trainables.metrics.interval import UNKNOWN_DF

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


def test_settings_of_the_user_for_other_plots_do_not_count(hand, tmp_path):
    """A backend of Jupyter's that is not installed, and TeX for texts, are met at the first import."""
    (tmp_path / "matplotlibrc").write_text("text.usetex: True\naxes.facecolor: red\n")
    (tmp_path / "hand.db").write_bytes(Path(hand.tracking_uri.partition(":///")[2]).read_bytes())
    code = (
        "from pathlib import Path\n"
        "from analysis.record.reader import read_sweep\n"
        "from analysis.views.front_png import front_png\n"
        f"sweep = read_sweep({hand.name!r}, tracking_uri='sqlite:///hand.db')\n"
        "front_png(sweep, Path('front.png'))\n"
        "import os, matplotlib\n"
        "print(os.environ['MPLBACKEND'], dict.__getitem__(matplotlib.rcParams, 'backend'))"
    )
    backend = "module://not_installed.backend"
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=os.environ | {"MPLBACKEND": backend, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout.split()) == (0, [backend] * 2), ended.stderr
    front_png(hand, tmp_path / "here.png")
    assert (tmp_path / "front.png").read_bytes() == (tmp_path / "here.png").read_bytes()


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


def labels(drawing):
    return [text.get_text() for text in drawing.figure.legends[0].get_texts()]


def test_the_legend_explains_errors_that_are_not_known_where_there_are_some(hand):
    words = "±?: error unknown"
    assert words not in labels(draw(scatter_of(hand), 2, halo=False))
    unknown = {f"df/{GAP}": UNKNOWN_DF}
    hand = replace(hand, trials=hand.trials.assign(**unknown), base=hand.base | unknown)
    texts = labels(draw(scatter_of(hand), 2, halo=False))
    assert words in texts
    assert texts[-1] == "base model ±?"


def test_the_legend_explains_numbers_of_replicates_where_a_member_has_some(seeds, hand):
    assert "×n: mean of n seeds" in labels(draw(scatter_of(seeds), 2, halo=False))
    assert not any("×" in label for label in labels(draw(scatter_of(hand), 2, halo=False)))


@pytest.mark.parametrize("num_goals", [1, 3])
@pytest.mark.parametrize("num_objectives", [2, 16])
def test_long_names_and_many_objectives_leave_room_for_the_panels_and_nothing_is_cut(
    num_goals, num_objectives, three
):
    trials = three.trials.copy()
    names = [f"objective_{n % num_objectives}_{'long_' * 30}" for n in range(len(trials))]
    goals = [
        replace(goal, name=goal.name.replace("/", f"/{'a_set_of_mine_' * 12}", 1))
        for goal in three.goals[:num_goals]
    ]
    renamed = {old.name: new.name for old, new in zip(three.goals, goals, strict=False)}
    long = replace(
        three,
        goals=goals,
        metrics=three.metrics | {goal.name: goal for goal in goals},
        trials=trials.assign(**{"objective.name": names}).rename(columns=renamed),
        base={renamed.get(name, name): value for name, value in three.base.items()},
    )
    drawing = draw(scatter_of(long), 3, halo=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        drawing.figure.draw_without_rendering()
    inside = drawing.figure.bbox
    parts = [drawing.figure.legends[0].get_window_extent()]
    for axes in drawing.figure.axes:
        assert min(axes.get_window_extent().size) > 150
        parts += [axes.xaxis.label.get_window_extent(), axes.yaxis.label.get_window_extent()]
    for part in parts:
        assert inside.x0 <= part.x0 < part.x1 <= inside.x1
        assert inside.y0 <= part.y0 < part.y1 <= inside.y1


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
