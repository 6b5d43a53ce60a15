"""The figures' common look: one palette, one size, and SVG that is the same on every run."""

from __future__ import annotations

from typing import Any

try:
    import matplotlib as mpl
    from cycler import cycler
except ImportError as error:
    raise ImportError(
        'divkit.plot needs matplotlib. Install it with: pip install "divkit[plot]"'
    ) from error

__all__ = [
    "MIXTURE_COLOR",
    "NEUTRAL_COLOR",
    "P_COLOR",
    "Q_COLOR",
    "label_axes",
    "use_style",
]

# From the palette of Okabe and Ito: told apart by colour-blind readers, and with a contrast of
# more than 3 to 1 on white paper and on the site's dark page.
P_COLOR = "#0072B2"
"""Blue, the colour of p in every figure."""
Q_COLOR = "#D55E00"
"""Vermilion, the colour of q in every figure."""
MIXTURE_COLOR = "#009E73"
"""Green, the colour of the mixture of p and q."""
NEUTRAL_COLOR = "#767676"
"""Grey, the colour of whatever belongs to neither."""

STYLE: dict[Any, Any] = {
    "axes.facecolor": "white",
    "axes.labelsize": 11,
    "axes.prop_cycle": cycler(color=[P_COLOR, Q_COLOR, MIXTURE_COLOR, NEUTRAL_COLOR]),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.dpi": 100,
    "figure.facecolor": "white",
    "figure.figsize": (6.4, 3.6),
    "font.family": "DejaVu Sans",
    "font.size": 11,
    "legend.frameon": False,
    "lines.linewidth": 2,
    "savefig.bbox": "tight",
    "savefig.facecolor": "white",
    "svg.fonttype": "path",
    "svg.hashsalt": "divkit",
}


def use_style() -> None:
    """Use the course's style; in a notebook, show figures as SVG that does not change.

    Colours, sizes and fonts are set for all figures that follow. SVG gets a fixed salt for its ids
    and no date, so that a figure drawn again from the same numbers is the same file.

    Examples
    --------
    >>> use_style()
    >>> mpl.rcParams["svg.hashsalt"]
    'divkit'
    """
    mpl.rcParams.update(STYLE)
    try:
        from IPython import get_ipython
    except ImportError:
        return
    if get_ipython() is not None:
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        set_matplotlib_formats("svg", metadata={"Date": None}, facecolor="white")


def label_axes(ax: Any, *, xlabel: str = "", ylabel: str = "", title: str = "") -> None:
    """Label the axes, with units, and add a legend if something in them has a label.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        The axes.
    xlabel, ylabel : str
        What the axes show, and the unit.
    title : str
        Only where one figure has several axes; otherwise the caption says it.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> fig, ax = plt.subplots()
    >>> label_axes(ax, xlabel="x", ylabel="information (bits)")
    >>> ax.get_ylabel()
    'information (bits)'
    >>> plt.close(fig)
    """
    ax.set(xlabel=xlabel, ylabel=ylabel, title=title)
    if ax.get_legend_handles_labels()[0]:
        ax.legend()
