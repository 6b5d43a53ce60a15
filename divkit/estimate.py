"""Distributions from data: histograms as probability mass functions."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from divkit._validation import Floats, Reals, as_reals

__all__ = ["histogram_pmf", "image_histograms"]

_BLOCK = 2**16  # values counted at once


def _check_pseudocount(pseudocount: float) -> None:
    if not 0 <= pseudocount < np.inf:
        raise ValueError(f"pseudocount must be finite and not negative, got {pseudocount}")


def _check_bins(bins: int) -> None:
    if isinstance(bins, bool) or not isinstance(bins, int | np.integer) or bins < 1:
        raise ValueError(f"bins must be a positive whole number, got {bins!r}")


def histogram_pmf(
    samples: ArrayLike,
    *,
    bins: int | ArrayLike,
    range: tuple[float, float] | None = None,
    pseudocount: float = 0.0,
) -> tuple[Floats, Floats]:
    r"""Probability mass of each bin, estimated from samples.

    .. math:: \hat p_k = \frac{n_k + c}{n + K c}

    These are probabilities, not densities: they sum to 1 whatever the width of the bins, so their
    entropies and divergences are those of the binned laws.

    Parameters
    ----------
    samples : array_like
        Finite numbers, of any shape.
    bins : int or array_like
        The number K of equal bins, or their K + 1 increasing edges.
    range : tuple of float, optional
        Ends of the bins where `bins` is a number; both ends belong to the bins. The smallest and
        the largest sample if None: give it when you compare two histograms.
    pseudocount : float
        The count c added to every bin. With 0 an empty bin has probability 0, and a KL divergence
        may be infinite.

    Returns
    -------
    pmf : ndarray of shape (K,)
        Probabilities.
    edges : ndarray of shape (K + 1,)
        Edges of the bins.

    Raises
    ------
    ValueError
        If there is no sample, or one is not finite or lies outside the bins.

    See Also
    --------
    numpy.histogram : drops what lies outside; ``density=True`` divides by the width.
    image_histograms : many images at once.

    Examples
    --------
    >>> pmf, edges = histogram_pmf([0.1, 0.2, 0.9], bins=2, range=(0, 1), pseudocount=1)
    >>> pmf.tolist(), edges.tolist()
    ([0.6, 0.4], [0.0, 0.5, 1.0])
    """
    values = as_reals(samples, "samples").astype(np.float64).ravel()
    _check_pseudocount(pseudocount)
    if values.size == 0 or not np.isfinite(values).all():
        raise ValueError("samples must be finite, and at least one")
    counts, edges = np.histogram(values, bins=bins, range=range)
    if counts.sum() < values.size:
        outside = values[(values < edges[0]) | (values > edges[-1])]
        raise ValueError(
            f"{outside.size} samples lie outside the bins [{edges[0]}, {edges[-1]}], the first is "
            f"{outside[0]}: widen range or edges"
        )
    weights = counts + float(pseudocount)
    return weights / weights.sum(), edges.astype(np.float64)


def image_histograms(images: ArrayLike, *, bins: int = 256, pseudocount: float = 0.0) -> Floats:
    r"""Distributions of the grey values of images, all on the same bins.

    The values of an image are pooled over all its axes, colour channels included. The bins divide
    the range of values, 0 to 255 for bytes and 0 to 1 for floats, into equal parts.

    Parameters
    ----------
    images : array_like of shape (n, ...)
        Bytes, or floats in [0, 1].
    bins : int
        The number K of bins.
    pseudocount : float
        Count added to every bin.

    Returns
    -------
    ndarray of shape (n, K)
        Probabilities; every row sums to 1.

    Raises
    ------
    ValueError
        If an image is empty, a float lies outside [0, 1], or `bins` is not positive.
    TypeError
        If the images are neither bytes nor floats.

    See Also
    --------
    histogram_pmf : one set of samples, any bins.

    Examples
    --------
    >>> image_histograms([[0.0, 0.2, 0.9, 1.0]], bins=2).tolist()
    [[0.5, 0.5]]
    """
    _check_bins(bins)
    _check_pseudocount(pseudocount)
    array = as_reals(images, "images")
    if array.ndim < 2 or 0 in array.shape[1:]:
        raise ValueError(f"images must have shape (n, ...) with values in each, got {array.shape}")
    rows = array.reshape(len(array), int(np.prod(array.shape[1:])))
    step = max(1, _BLOCK // rows.shape[-1])
    blocks = [_counts(rows[i : i + step], bins) for i in range(0, len(rows), step)]
    counts = np.concatenate([np.empty((0, bins)), *blocks])
    weights = counts + float(pseudocount)
    pmfs: Floats = weights / weights.sum(axis=-1, keepdims=True)
    return pmfs


def _counts(rows: Reals, bins: int) -> NDArray[np.intp]:
    """How many values of each image fall into each bin: one count over all, with offsets."""
    if rows.dtype == np.uint8:
        places = rows.astype(np.intp)
        if bins != 256:
            places = (np.arange(256) * bins // 256)[places]
    elif rows.dtype.kind == "f":
        if not (rows.min() >= 0 and rows.max() <= 1):
            raise ValueError(
                f"images hold values from {rows.min()} to {rows.max()}, outside [0, 1]: "
                "divide by 255"
            )
        places = np.minimum((rows * bins).astype(np.intp), bins - 1)
    else:
        raise TypeError(f"images must be uint8 or floats in [0, 1], got dtype {rows.dtype}")
    places += bins * np.arange(len(rows))[:, None]
    return np.bincount(places.ravel(), minlength=bins * len(rows)).reshape(-1, bins)
