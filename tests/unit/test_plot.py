"""Colours that can be told from the page, and figures that do not change."""

import io
from itertools import combinations

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

from divkit import plot

COLORS = [plot.P_COLOR, plot.Q_COLOR, plot.MIXTURE_COLOR, plot.NEUTRAL_COLOR]


@pytest.fixture(autouse=True)
def style():
    with mpl.rc_context():
        mpl.use("agg")
        plot.use_style()
        yield
    plt.close("all")


def luminance(color):
    parts = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in mpl.colors.to_rgb(color)
    ]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(one, other):
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


def drawn():
    fig, ax = plt.subplots()
    ax.plot([0, 1], [0, 1], label="p")
    ax.fill_between([0, 1], [0, 1], hatch="/")
    plot.label_axes(ax, xlabel="x", ylabel="information (bits)", title="two lines")
    file = io.BytesIO()
    fig.savefig(file, format="svg", metadata={"Date": None})
    return ax, file.getvalue()


def test_contrast_of_black_on_white_is_21():
    assert contrast("black", "white") == pytest.approx(21)


@pytest.mark.parametrize("color", COLORS)
@pytest.mark.parametrize("page", ["#ffffff", "#14181e"])
def test_every_colour_stands_out_from_the_light_and_the_dark_page(color, page):
    assert contrast(color, page) >= 3


def test_no_two_colours_are_alike():
    for one, other in combinations(map(mpl.colors.to_rgb, COLORS), 2):
        assert sum(abs(a - b) for a, b in zip(one, other, strict=True)) > 0.4


def test_lines_take_the_palette_in_order():
    assert mpl.rcParams["axes.prop_cycle"].by_key()["color"] == COLORS


def test_a_figure_drawn_twice_is_the_same_file():
    assert drawn()[1] == drawn()[1]


def test_text_is_drawn_as_shapes_so_that_no_font_is_needed():
    assert b"<text" not in drawn()[1]


def test_axes_are_labelled_and_get_a_legend_if_there_is_something_to_explain():
    ax, _ = drawn()
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("x", "information (bits)")
    assert ax.get_title() == "two lines"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["p"]


def test_axes_without_labelled_parts_get_no_legend():
    _, ax = plt.subplots()
    ax.plot([0, 1])
    plot.label_axes(ax, xlabel="x")
    assert ax.get_legend() is None
