"""Histograms as distributions, against numpy's and by hand."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from divkit import datasets, estimate

quick = settings(max_examples=40, derandomize=True, deadline=None, database=None)


class TestHistogramPMF:
    @quick
    @given(st.lists(st.floats(-5, 5), min_size=1), st.integers(1, 9), st.floats(0, 3))
    def test_is_numpys_count_with_pseudocounts_divided_by_its_sum(self, samples, bins, pseudocount):
        pmf, edges = estimate.histogram_pmf(
            samples, bins=bins, range=(-5, 5), pseudocount=pseudocount
        )
        counts, expected = np.histogram(samples, bins=bins, range=(-5, 5))
        weights = (counts + pseudocount) / (len(samples) + bins * pseudocount)
        assert np.allclose(pmf, weights, rtol=1e-14)
        assert np.array_equal(edges, expected)
        assert pmf.sum() == pytest.approx(1, rel=1e-14)

    def test_probabilities_do_not_depend_on_the_width_of_bins(self):
        pmf, _ = estimate.histogram_pmf([1, 2, 30, 400], bins=[0, 10, 100, 1000])
        assert pmf.tolist() == [0.5, 0.25, 0.25]

    def test_both_ends_of_the_range_are_inside(self):
        pmf, _ = estimate.histogram_pmf([0, 1], bins=2, range=(0, 1))
        assert pmf.tolist() == [0.5, 0.5]

    def test_a_sample_outside_is_refused_that_numpy_drops(self):
        assert np.histogram([0.5, 7], bins=2, range=(0, 1))[0].sum() == 1
        with pytest.raises(ValueError, match=r"1 samples lie outside .*first is 7\.0: widen"):
            estimate.histogram_pmf([0.5, 7], bins=2, range=(0, 1))

    @pytest.mark.parametrize("bad", [[], [math.nan], [1, math.inf]])
    def test_no_samples_and_infinite_samples_are_refused(self, bad):
        with pytest.raises(ValueError, match="samples must be finite, and at least one"):
            estimate.histogram_pmf(bad, bins=2, range=(0, 1))

    @pytest.mark.parametrize("bad", [-1, math.nan, math.inf])
    def test_a_pseudocount_must_be_finite_and_not_negative(self, bad):
        with pytest.raises(ValueError, match="pseudocount must be finite and not negative"):
            estimate.histogram_pmf([0.5], bins=2, range=(0, 1), pseudocount=bad)


class TestImageHistograms:
    @pytest.mark.parametrize("bins", [1, 2, 10, 255, 256])
    def test_of_bytes_are_those_of_a_loop_over_images(self, bins):
        images = np.random.default_rng(0).integers(0, 256, (300, 9, 31), dtype=np.uint8)
        loop = [np.bincount(i.ravel().astype(int) * bins // 256, minlength=bins) for i in images]
        assert np.array_equal(estimate.image_histograms(images, bins=bins), np.array(loop) / 279)

    def test_of_floats_are_numpys(self):
        images = np.random.default_rng(1).random((50, 7, 5))
        loop = [np.histogram(i, bins=16, range=(0, 1))[0] for i in images]
        assert np.allclose(estimate.image_histograms(images, bins=16) * 35, loop, rtol=1e-14)

    def test_of_bytes_and_of_bytes_divided_by_255_agree(self):
        images, _ = datasets.load_fashion_mnist("test")
        expected = estimate.image_histograms(images[:500])
        assert np.array_equal(estimate.image_histograms(images[:500] / 255), expected)

    def test_do_not_depend_on_the_size_of_blocks(self, monkeypatch):
        images = np.random.default_rng(2).integers(0, 256, (20, 4, 4), dtype=np.uint8)
        expected = estimate.image_histograms(images)
        monkeypatch.setattr(estimate, "_BLOCK", 40)
        assert np.array_equal(estimate.image_histograms(images), expected)

    def test_every_row_sums_to_one_and_pseudocounts_leave_no_zero(self):
        images = np.zeros((3, 2, 2, 3), np.uint8)
        pmfs = estimate.image_histograms(images, bins=4, pseudocount=1)
        assert np.allclose(pmfs, [[13 / 16, 1 / 16, 1 / 16, 1 / 16]] * 3, rtol=1e-15)

    def test_no_images_give_no_rows(self):
        assert estimate.image_histograms(np.empty((0, 28, 28), np.uint8)).shape == (0, 256)

    @pytest.mark.parametrize("bad", [0, -1, 2.5, True])
    def test_the_number_of_bins_must_be_positive_and_whole(self, bad):
        with pytest.raises(ValueError, match="bins must be a positive whole number"):
            estimate.image_histograms(np.zeros((1, 2, 2), np.uint8), bins=bad)

    @pytest.mark.parametrize("bad", [[[0.5, 1.5]], [[-0.1, 0.5]], [[math.nan, 0.5]]])
    def test_floats_outside_zero_and_one_are_refused_with_the_remedy(self, bad):
        with pytest.raises(ValueError, match=r"outside \[0, 1\]: divide by 255"):
            estimate.image_histograms(bad)

    @pytest.mark.parametrize("dtype", [np.int64, np.uint16, bool])
    def test_other_dtypes_are_refused(self, dtype):
        with pytest.raises(TypeError, match="images must be uint8 or floats"):
            estimate.image_histograms(np.zeros((1, 4), dtype))

    @pytest.mark.parametrize("shape", [(4,), (2, 0), ()])
    def test_shapes_without_images_are_refused(self, shape):
        with pytest.raises(ValueError, match=r"images must have shape \(n, \.\.\.\)"):
            estimate.image_histograms(np.zeros(shape, np.uint8))
