"""What is learnt from samples: against numpy, scipy, brute force, known laws and simulation."""

import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, special, stats
from scipy.spatial.distance import cdist, jensenshannon

from divkit import datasets, estimate, gaussian, information

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

    @pytest.mark.parametrize(
        ("bad", "message"),
        [
            ([], r"samples of shape \(0,\) holds no samples"),
            ([math.nan], r"samples\[0\] is nan: samples are finite numbers"),
            ([[0, 1], [math.inf, 1]], r"samples\[1, 0\] is inf"),
        ],
    )
    def test_no_samples_and_infinite_samples_are_refused(self, bad, message):
        with pytest.raises(ValueError, match=message):
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

    def test_many_images_are_counted_in_ten_mib_beyond_their_histograms(self):
        images = np.tile(np.random.default_rng(3).random((100, 28, 28)), (20, 1, 1))
        assert images.nbytes > 10 * 2**20
        tracemalloc.start()
        pmfs = estimate.image_histograms(images, bins=16)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak - pmfs.nbytes < 10 * 2**20

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


labels = st.lists(st.integers(0, 5), min_size=1, max_size=30)
SAMPLERS = {
    "entropy": lambda z, **options: estimate.entropy_from_samples(z, **options),
    "kl": lambda z, **options: estimate.kl_from_samples(z, z, **options),
    "js": lambda z, **options: estimate.js_from_samples(z, z, **options),
    "mutual information": lambda z, **options: estimate.mutual_information_from_samples(
        z, z, **options
    ),
}


def normals(n, *laws, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(mean, sd, n) for mean, sd in laws]


def kth_distances(at, among, k):
    """Distances to the k-th neighbour, from all distances sorted; 0 is the point itself."""
    distances = np.sort(cdist(at, among), axis=1)
    return distances[:, k] if at is among else distances[:, k - 1]


def js_of_normals(mean0, sd0, mean1, sd1):
    x = np.linspace(-20, 20, 40001)
    p, q = stats.norm.pdf(x, mean0, sd0), stats.norm.pdf(x, mean1, sd1)
    m = (p + q) / 2
    return np.sum(special.rel_entr(p, m) + special.rel_entr(q, m)) / 2 * (x[1] - x[0])


def quick_entropy(samples):
    p = np.bincount(samples) / len(samples)
    return special.entr(p).sum()


class TestDiscreteEstimates:
    @quick
    @given(labels, st.floats(0, 3))
    def test_the_plug_in_entropy_is_that_of_the_frequencies(self, samples, pseudocount):
        value = estimate.entropy_from_samples(samples, pseudocount=pseudocount)
        counts = np.unique(samples, return_counts=True)[1] + pseudocount
        assert value == pytest.approx(stats.entropy(counts), rel=1e-13, abs=1e-15)

    @quick
    @given(labels, labels, st.floats(0.01, 3))
    def test_the_plug_in_divergences_are_those_of_the_frequencies(self, x, y, pseudocount):
        options = {"pseudocount": pseudocount, "outcomes": range(6)}
        p = np.bincount(x, minlength=6) + pseudocount
        q = np.bincount(y, minlength=6) + pseudocount
        kl = estimate.kl_from_samples(x, y, **options)
        assert kl == pytest.approx(stats.entropy(p, q), rel=1e-12, abs=1e-14)
        js = estimate.js_from_samples(x, y, **options)
        root = jensenshannon(p, q)
        assert js == pytest.approx(0 if np.isnan(root) else root**2, rel=1e-12, abs=1e-14)

    @quick
    @given(labels)
    def test_mutual_information_of_a_variable_with_itself_is_its_entropy(self, x):
        value = estimate.mutual_information_from_samples(x, x)
        assert value == pytest.approx(estimate.entropy_from_samples(x), rel=1e-12, abs=1e-14)

    def test_mutual_information_is_the_sum_of_three_entropies(self):
        rng = np.random.default_rng(0)
        x, y = rng.integers(0, 4, 300), rng.integers(0, 3, 300)
        for method in ("plugin", "miller-madow"):
            h = [estimate.entropy_from_samples(z, method=method) for z in (x, y, 3 * x + y)]
            value = estimate.mutual_information_from_samples(x, y, method=method)
            assert value == pytest.approx(h[0] + h[1] - h[2], abs=1e-13)

    def test_miller_and_madow_add_half_the_outcomes_seen_but_one_by_the_sample(self):
        samples = [3, 3, 3, 7, 7, 9]
        plugin = estimate.entropy_from_samples(samples)
        corrected = estimate.entropy_from_samples(samples, method="miller-madow")
        assert corrected - plugin == pytest.approx(2 / 12, rel=1e-13)

    def test_the_plug_in_misses_a_quarter_of_a_nat_at_100_outcomes_and_200_samples(self):
        rng = np.random.default_rng(1)
        rows = rng.integers(0, 100, (300, 200))
        plugin = np.mean([estimate.entropy_from_samples(row) for row in rows])
        corrected = np.mean([estimate.entropy_from_samples(r, method="miller-madow") for r in rows])
        assert math.log(100) - plugin == pytest.approx(99 / 400, rel=0.15)
        assert abs(math.log(100) - corrected) < 0.08

    def test_the_bias_of_plug_in_mutual_information_is_as_documented(self):
        rng = np.random.default_rng(2)
        pairs = rng.integers(0, 5, (200, 2, 400))
        values = [estimate.mutual_information_from_samples(x, y) for x, y in pairs]
        assert np.mean(values) == pytest.approx(16 / 800, rel=0.1)
        values = [
            estimate.mutual_information_from_samples(x, y, method="miller-madow") for x, y in pairs
        ]
        assert abs(np.mean(values)) < 0.002
        assert min(values) < 0

    def test_the_bias_of_plug_in_jensen_shannon_is_as_documented(self):
        pairs = np.random.default_rng(3).integers(0, 10, (200, 2, 400))
        values = [estimate.js_from_samples(x, y) for x, y in pairs]
        assert np.mean(values) == pytest.approx(9 * (2 / 400) / 8, rel=0.1)

    def test_plug_in_kl_is_infinite_without_a_pseudocount_when_an_outcome_is_missing(self):
        rng = np.random.default_rng(4)
        x, y = rng.integers(0, 100, (2, 200))
        assert estimate.kl_from_samples(x, y) == math.inf
        assert math.isfinite(estimate.kl_from_samples(x, y, pseudocount=0.5))

    def test_outcomes_never_seen_count_only_through_pseudocounts(self):
        value = estimate.entropy_from_samples([0, 1], outcomes=range(4), pseudocount=1e9)
        assert value == pytest.approx(math.log(4), rel=1e-9)
        assert estimate.entropy_from_samples([0, 1], outcomes=range(4)) == pytest.approx(
            math.log(2), rel=1e-14
        )

    def test_sure_outcomes_have_entropy_zero_without_a_sign(self):
        value = estimate.entropy_from_samples([5, 5, 5])
        assert value == 0
        assert not np.signbit(value)


class TestNeighbours:
    @pytest.mark.parametrize(("d", "k"), [(1, 1), (1, 4), (3, 2)])
    def test_kl_is_the_formula_with_distances_by_brute_force(self, d, k):
        rng = np.random.default_rng(0)
        x, y = rng.normal(size=(60, d)), rng.normal(0.5, 1, size=(45, d))
        rho, nu = kth_distances(x, x, k), kth_distances(x, y, k)
        expected = d * np.log(nu / rho).mean() + np.log(45 / 59)
        value = estimate.kl_from_samples(x, y, method="knn", k=k)
        assert value == pytest.approx(expected, rel=1e-12)

    @pytest.mark.parametrize(("d", "k"), [(1, 3), (2, 1)])
    def test_entropy_is_the_formula_with_distances_by_brute_force(self, d, k):
        x = np.random.default_rng(1).normal(size=(50, d))
        ball = {1: 2, 2: math.pi}[d]
        expected = (
            special.digamma(50)
            - special.digamma(k)
            + math.log(ball)
            + d * np.log(kth_distances(x, x, k)).mean()
        )
        value = estimate.entropy_from_samples(x, method="knn", k=k)
        assert value == pytest.approx(expected, rel=1e-12)

    def test_jensen_shannon_of_equal_sizes_is_the_mutual_information_with_the_label(self):
        rng = np.random.default_rng(2)
        x, y = rng.normal(0, 1, (40, 1)), rng.normal(1, 1, (40, 1))
        both = np.concatenate([x, y])
        radius = np.concatenate([kth_distances(z, z, 3) for z in (x, y)])
        inside = (cdist(both, both) < radius[:, None]).sum(axis=1)
        # Ross: one more, because his radius reaches to the k-th neighbour itself
        terms = special.digamma(3) - special.digamma(40) - special.digamma(inside)
        expected = special.digamma(80) + terms.mean()
        assert estimate.js_from_samples(x, y, method="knn", k=3) == pytest.approx(expected, 1e-12)

    def test_mutual_information_is_the_formula_with_counts_by_brute_force(self):
        rng = np.random.default_rng(3)
        x = rng.normal(size=(50, 2))
        y = x[:, :1] + rng.normal(size=(50, 1))
        apart = [cdist(z, z, "chebyshev") for z in (x, y)]
        radius = np.sort(np.maximum(*apart), axis=1)[:, 4]
        n_x, n_y = ((a < radius[:, None]).sum(axis=1) - 1 for a in apart)
        expected = (
            special.digamma(4)
            + special.digamma(50)
            - np.mean(special.digamma(n_x + 1) + special.digamma(n_y + 1))
        )
        value = estimate.mutual_information_from_samples(x, y, method="knn", k=4)
        assert value == pytest.approx(expected, rel=1e-12)

    def test_all_find_the_closed_forms_of_normal_laws(self):
        x, y = normals(4000, (0, 1), (1, 2))
        kl = estimate.kl_from_samples(x, y, method="knn", k=5)
        assert kl == pytest.approx(gaussian.kl_normal(0, 1, 1, 2), abs=0.05)
        js = estimate.js_from_samples(x, y, method="knn", k=20)
        assert js == pytest.approx(js_of_normals(0, 1, 1, 2), abs=0.02)
        h = estimate.entropy_from_samples(x, method="knn")
        assert h == pytest.approx(math.log(2 * math.pi * math.e) / 2, abs=0.05)
        z = 0.9 * x + math.sqrt(1 - 0.81) * (y - 1) / 2
        mi = estimate.mutual_information_from_samples(x, z, method="knn")
        assert mi == pytest.approx(-math.log(1 - 0.81) / 2, abs=0.06)

    def test_jensen_shannon_weighs_both_laws_the_same_whatever_the_sizes(self):
        (x,), (y,) = normals(4000, (0, 1)), normals(1000, (1.5, 1), seed=1)
        js = estimate.js_from_samples(x, y, method="knn", k=20)
        assert js == pytest.approx(js_of_normals(0, 1, 1.5, 1), abs=0.03)

    def test_kl_of_equal_laws_is_negative_half_the_time_and_left_so(self):
        pairs = np.random.default_rng(5).normal(size=(200, 2, 100))
        values = [estimate.kl_from_samples(x, y, method="knn", k=3) for x, y in pairs]
        assert 0.3 < np.mean(np.array(values) < 0) < 0.7

    def test_kl_in_bits_and_of_moved_and_stretched_points_is_the_same(self):
        x, y = normals(100, (0, 1), (1, 2))
        value = estimate.kl_from_samples(x, y, method="knn")
        assert estimate.kl_from_samples(x, y, method="knn", base=2) == value / math.log(2)
        moved = estimate.kl_from_samples(3 - 7 * x, 3 - 7 * y, method="knn")
        assert moved == pytest.approx(value, rel=1e-9)

    def test_a_bootstrap_sample_is_refused_where_it_would_give_infinity(self):
        x, y = normals(50, (0, 1), (0, 1))
        again = np.random.default_rng(0).choice(x, 50)
        with pytest.raises(ValueError, match=r"x\[\d+\] coincides with its neighbour k=1 in x"):
            estimate.kl_from_samples(again, y, method="knn")

    def test_ten_dimensions_are_out_of_reach_as_documented(self):
        rng = np.random.default_rng(6)
        x, y = rng.normal(0, 1, (1000, 10)), rng.normal(2, 1, (1000, 10))
        truth = 20.0
        assert estimate.kl_from_samples(x, y, method="knn") < 0.8 * truth


class TestKernels:
    @pytest.mark.parametrize("d", [1, 2])
    @pytest.mark.parametrize("bandwidth", [None, 0.3])
    def test_agree_with_scipys_densities(self, d, bandwidth):
        rng = np.random.default_rng(0)
        x, y = rng.normal(size=(60, d)), rng.normal(0.5, 2, size=(40, d))
        p, q = (stats.gaussian_kde(z.T, bandwidth) for z in (x, y))

        def without_itself(kde, n):
            own = stats.multivariate_normal(np.zeros(d), kde.covariance).pdf(np.zeros(d))
            return (n * kde(kde.dataset) - own) / (n - 1)

        p_x, q_y = without_itself(p, 60), without_itself(q, 40)
        kl = np.log(p_x / q(x.T)).mean()
        js = (np.log(2 * p_x / (p_x + q(x.T))).mean() + np.log(2 * q_y / (q_y + p(y.T))).mean()) / 2
        options = {"method": "kde", "bandwidth": bandwidth}
        assert estimate.kl_from_samples(x, y, **options) == pytest.approx(kl, rel=1e-9)
        assert estimate.js_from_samples(x, y, **options) == pytest.approx(js, rel=1e-9)
        entropy = estimate.entropy_from_samples(x, **options)
        assert entropy == pytest.approx(-np.log(p_x).mean(), rel=1e-9)

    def test_find_the_closed_forms_of_normal_laws_roughly(self):
        x, y = normals(2000, (0, 1), (1, 2))
        kl = estimate.kl_from_samples(x, y, method="kde")
        assert kl == pytest.approx(gaussian.kl_normal(0, 1, 1, 2), abs=0.08)
        js = estimate.js_from_samples(x, y, method="kde")
        assert js == pytest.approx(js_of_normals(0, 1, 1, 2), abs=0.03)

    def test_far_points_do_not_underflow(self):
        x, y = normals(20, (0, 1), (1e4, 1))
        assert 1e6 < estimate.kl_from_samples(x, y, method="kde") < math.inf

    def test_blocks_do_not_change_the_values(self, monkeypatch):
        x, y = normals(50, (0, 1), (1, 2))
        expected = estimate.js_from_samples(x, y, method="kde")
        monkeypatch.setattr(estimate, "_KERNELS", 170)
        assert estimate.js_from_samples(x, y, method="kde") == expected


class TestSubsampling:
    def covered(self, draw, statistic, truth, repetitions=150, **options):
        rng, hits = np.random.default_rng(0), 0
        for _ in range(repetitions):
            x, y = draw(rng)
            low, high = estimate.subsampling_interval(
                x, statistic, y=y, n_subsamples=150, rng=rng, **options
            )
            hits += low <= truth <= high
        return hits / repetitions

    def test_covers_a_mean(self):
        share = self.covered(lambda rng: (rng.exponential(size=400), None), np.mean, 1.0)
        assert 0.88 <= share <= 0.99

    def test_covers_the_entropy_of_few_outcomes(self):
        p = [0.4, 0.3, 0.15, 0.1, 0.05]

        def corrected(x):
            return quick_entropy(x) + (np.count_nonzero(np.bincount(x)) - 1) / (2 * len(x))

        share = self.covered(
            lambda rng: (rng.choice(5, 500, p=p), None), corrected, stats.entropy(p)
        )
        assert 0.88 <= share <= 0.99

    def test_covers_zero_for_the_wasserstein_distance_of_equal_laws(self):
        def w1(x, y):
            return np.abs(np.sort(x) - np.sort(y)).mean()

        share = self.covered(lambda rng: rng.normal(size=(2, 400)), w1, 0.0, size=40)
        assert 0.85 <= share <= 0.99

    def test_the_percentile_bootstrap_covers_the_plug_in_entropy_of_100_outcomes_never(self):
        rng, hits = np.random.default_rng(0), 0
        for _ in range(100):
            x = rng.integers(0, 100, 200)
            values = [quick_entropy(x[rng.integers(0, 200, 200)]) for _ in range(200)]
            low, high = np.quantile(values, [0.025, 0.975])
            hits += low <= math.log(100) <= high
        assert hits == 0

    def test_of_a_wasserstein_distance_of_equal_laws_the_bootstrap_never_contains_zero(self):
        rng = np.random.default_rng(0)
        x, y = rng.normal(size=(2, 100))
        values = [
            np.abs(np.sort(rng.choice(x, 100)) - np.sort(rng.choice(y, 100))).mean()
            for _ in range(300)
        ]
        assert np.quantile(values, 0.025) > 0

    def test_is_the_formula_for_subsamples_drawn_the_same_way(self):
        x = np.random.default_rng(0).normal(size=30)
        interval = estimate.subsampling_interval(
            x, np.mean, size=10, n_subsamples=50, level=0.9, rng=7
        )
        rng = np.random.default_rng(7)
        means = np.array([x[rng.permutation(30)[:10]].mean() for _ in range(50)])
        errors = math.sqrt(10 / (1 - 10 / 30)) * (means - x.mean())
        expected = x.mean() - np.quantile(errors, [0.95, 0.05]) / math.sqrt(30)
        assert np.allclose(interval, expected, rtol=1e-13)

    def test_four_samples_are_enough_and_a_share_is_never_less_than_two_nor_all(self):
        sizes = []

        def counts(x, y):
            sizes.append((len(x), len(y)))
            return float(len(x))

        for n, m, size in ((400, 4, 20), (4, 4, 3), (30, 60, 10)):
            estimate.subsampling_interval(
                np.arange(n), counts, y=np.arange(m), size=size, n_subsamples=1, rng=0
            )
        assert sizes == [(400, 4), (20, 2), (4, 4), (3, 3), (30, 60), (10, 20)]
        with pytest.raises(ValueError, match="at least 4 samples, got 3"):
            estimate.subsampling_interval([1, 2, 3], np.mean)

    def test_pairs_stay_together_in_rows_and_the_samples_are_not_changed(self):
        pairs = np.random.default_rng(0).normal(size=(40, 2)) @ [[1, 1], [0, 0.1]]
        kept = pairs.copy()
        low, _ = estimate.subsampling_interval(
            pairs, lambda z: np.corrcoef(z.T)[0, 1], n_subsamples=50, rng=0
        )
        assert low > 0.9
        assert np.array_equal(pairs, kept)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"size": 1}, "size must be a whole number of at least 2, got 1"),
            ({"size": 10}, "size=10 must be less than the 10 samples of x"),
            ({"level": 1.0}, "level must lie between 0 and 1, got 1.0"),
            ({"rate": 0.0}, "rate must be finite and positive, got 0.0"),
            ({"rate": math.nan}, "rate must be finite and positive, got nan"),
            ({"n_subsamples": 0}, "n_subsamples must be a whole number of at least 1"),
            ({"y": [1, 2]}, "subsampling needs at least 4 samples, got 2"),
            ({"y": []}, r"y of shape \(0,\) holds no samples"),
        ],
    )
    def test_faults_are_named(self, options, message):
        with pytest.raises(ValueError, match=message):
            estimate.subsampling_interval(
                np.arange(10.0), lambda x, y=None: x.mean(), **options, rng=0
            )

    def test_a_statistic_that_is_not_finite_is_refused(self):
        with pytest.raises(ValueError, match="the statistic of 10 samples is inf"):
            estimate.subsampling_interval(np.arange(10.0), lambda x: math.inf)


class TestPermutations:
    def test_the_level_is_held_by_a_biased_statistic(self):
        rng = np.random.default_rng(0)
        samples = rng.integers(0, 20, (400, 2, 30))

        def distance(x, y):
            return np.abs(np.bincount(x, minlength=20) - np.bincount(y, minlength=20)).sum()

        values = [
            estimate.permutation_test(x, y, distance, n_permutations=39, rng=rng).pvalue
            for x, y in samples
        ]
        for level in (0.05, 0.1, 0.25):
            assert np.mean(np.array(values) <= level) <= level + 2.5 * math.sqrt(level / 400)

    def test_the_p_value_is_uniform_for_a_statistic_without_ties(self):
        rng = np.random.default_rng(1)
        values = [
            estimate.permutation_test(
                x, y, lambda a, b: a.mean() - b.mean(), n_permutations=19, rng=rng
            ).pvalue
            for x, y in rng.normal(size=(600, 2, 12))
        ]
        assert np.mean(np.array(values) <= 0.05) == pytest.approx(0.05, abs=0.03)
        assert np.mean(np.array(values) <= 0.5) == pytest.approx(0.5, abs=0.06)

    def test_agrees_with_all_permutations_counted(self):
        x, y = np.array([0.3, 1.1, 2.0, 2.2]), np.array([1.9, 2.5, 3.1, 4.0])

        def gap(a, b, axis=-1):
            return np.mean(b, axis=axis) - np.mean(a, axis=axis)

        exact = stats.permutation_test((x, y), gap, n_resamples=np.inf, alternative="greater")
        result = estimate.permutation_test(x, y, gap, n_permutations=4000, rng=0)
        assert result.statistic == exact.statistic
        assert result.pvalue == pytest.approx(exact.pvalue, abs=0.012)

    def test_ties_up_to_rounding_count_as_ties(self):
        x, y = np.array([0.1, 0.2, 0.3]), np.array([0.3, 0.2, 0.1])
        result = estimate.permutation_test(x, y, lambda a, b: a.sum() + b.sum(), rng=0)
        assert result.pvalue == 1

    def test_infinite_statistics_are_compared(self):
        result = estimate.permutation_test(
            [0, 0, 0, 0], [1, 1, 1, 1], estimate.kl_from_samples, n_permutations=99, rng=0
        )
        assert result.statistic == math.inf
        assert 0.01 <= result.pvalue < 1

    def test_different_laws_give_the_least_p_value(self):
        x, y = normals(60, (0, 1), (3, 1))
        test = estimate.permutation_test(x, y, lambda a, b: abs(a.mean() - b.mean()), rng=0)
        assert test.pvalue == 1 / 1000

    @pytest.mark.parametrize(
        ("x", "y", "message"),
        [
            ([], [1.0], r"x of shape \(0,\) holds no samples"),
            ([1.0], 2.0, r"y of shape \(\) holds no samples"),
            ([[1.0]], [1.0], r"points of x have shape \(1,\), those of y \(\)"),
            ([math.nan], [1.0], "the statistic of 1 and 1 samples is nan"),
        ],
    )
    def test_faults_are_named(self, x, y, message):
        with pytest.raises(ValueError, match=message):
            estimate.permutation_test(x, y, lambda a, b: a.mean() - b.mean())
        with pytest.raises(ValueError, match="n_permutations must be a whole number"):
            estimate.permutation_test([1], [2], lambda a, b: 0.0, n_permutations=0)


class TestCalibration:
    def test_is_the_sum_over_bins_by_hand(self):
        p = [[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.45, 0.55]]
        # bins of a quarter: .55, .7 with one right of two; .8, .9 with one right of two
        value = estimate.calibration_error(p, [0, 1, 1, 0], bins=4)
        expected = 0.5 * abs(0.5 - 0.625) + 0.5 * abs(0.5 - 0.85)
        assert value == pytest.approx(expected, rel=1e-13)

    def test_agrees_with_a_loop_over_bins(self):
        rng = np.random.default_rng(0)
        p, labels = rng.dirichlet(np.ones(4), 500), rng.integers(0, 4, 500)
        confidence, right = p.max(axis=1), p.argmax(axis=1) == labels
        expected = 0.0
        for k in range(10):
            inside = (confidence >= k / 10) & (confidence < (k + 1) / 10)
            if inside.any():
                expected += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
        assert estimate.calibration_error(p, labels, bins=10) == pytest.approx(expected, rel=1e-12)

    def test_of_a_calibrated_model_is_as_small_as_documented(self):
        rng = np.random.default_rng(1)
        values = []
        for _ in range(50):
            p = rng.uniform(size=1000)
            values.append(estimate.calibration_error(p, rng.uniform(size=1000) < p))
        assert np.mean(values) == pytest.approx(math.sqrt(15 / 1000) / 3, rel=0.15)

    def test_single_probabilities_are_those_of_label_one(self):
        assert estimate.calibration_error([0.2, 0.2, 1.0], [0, 1, 1]) == pytest.approx(0.2)

    def test_sure_and_right_is_zero_and_sure_and_wrong_is_one(self):
        assert estimate.calibration_error([[1, 0], [0, 1]], [0, 1]) == 0
        assert estimate.calibration_error([[1, 0], [0, 1]], [1, 0]) == 1

    @pytest.mark.parametrize(
        ("probabilities", "labels", "message"),
        [
            ([[0.5, 0.6]], [0], "probabilities, row 0 sums to 1.1"),
            ([0.5, 1.5], [0, 1], r"probabilities\[1\] is 1.5"),
            ([[0.5, 0.5]], [2], r"labels\[0\] is 2: a class is a whole number from 0 to 1"),
            ([[0.5, 0.5]], [0.5], r"labels\[0\] is 0.5: a class is a whole"),
            ([[0.5, 0.5]], [math.nan], r"labels\[0\] is nan"),
            ([[0.5, 0.5]], [0, 1], r"labels must have shape \(1,\)"),
            ([], [], r"probabilities must have shape \(n, K\) or \(n,\)"),
            (0.5, 1, r"probabilities must have shape \(n, K\) or \(n,\)"),
        ],
    )
    def test_faults_are_named(self, probabilities, labels, message):
        with pytest.raises(ValueError, match=message):
            estimate.calibration_error(probabilities, labels)


class TestTemperature:
    def test_is_the_minimum_of_the_cross_entropy_by_scipy(self):
        rng = np.random.default_rng(0)
        logits = rng.normal(0, 3, (400, 5))
        labels = (logits / 2 + rng.gumbel(size=(400, 5))).argmax(axis=1)
        one_hot = np.eye(5)[labels]

        def loss(log_t):
            return information.cross_entropy_from_logits(one_hot, logits / np.exp(log_t)).mean()

        least = optimize.minimize_scalar(loss, bounds=(-3, 3), method="bounded")
        value = estimate.temperature_scaling(logits, labels)
        assert value == pytest.approx(np.exp(least.x), rel=1e-4)
        assert loss(np.log(value)) <= least.fun
        assert value == pytest.approx(2, rel=0.25)

    def test_mends_the_confidence(self):
        rng = np.random.default_rng(1)
        logits = rng.normal(0, 2, (4000, 3))
        labels = (logits + rng.gumbel(size=(4000, 3))).argmax(axis=1)
        sure = 3 * logits
        t = estimate.temperature_scaling(sure, labels)
        assert t == pytest.approx(3, rel=0.1)
        before, after = (
            estimate.calibration_error(special.softmax(z, axis=1), labels) for z in (sure, sure / t)
        )
        assert before > 0.1 > 0.03 > after

    @pytest.mark.parametrize("scale", [1e-200, 1.0, 1e200])
    def test_two_classes_have_a_closed_form_at_every_scale(self, scale):
        logits = np.array([[2.0, 0.0]] * 4) * scale
        value = estimate.temperature_scaling(logits, [0, 0, 0, 1])
        assert value == pytest.approx(2 * scale / math.log(3), rel=1e-12)

    def test_limits_are_zero_infinity_and_one(self):
        assert estimate.temperature_scaling([[1.0, 0.0], [0.0, 1.0]], [0, 1]) == 0
        assert estimate.temperature_scaling([[1.0, 0.0], [1.0, 0.0]], [0, 1]) == math.inf
        assert estimate.temperature_scaling([[1.0, 0.0]], [1]) == math.inf
        assert estimate.temperature_scaling([[3.0, 3.0]], [1]) == 1

    @pytest.mark.parametrize(
        ("logits", "labels", "message"),
        [
            ([[0.0, math.inf]], [0], r"logits\[0, 1\] is inf: logits are finite numbers"),
            ([0.0, 1.0], [0], r"logits must have shape \(n, K\)"),
            ([[0.0, 1.0]], [-1], r"labels\[0\] is -1"),
            (np.empty((0, 3)), [], r"logits of shape \(0, 3\) holds no logits"),
        ],
    )
    def test_faults_are_named(self, logits, labels, message):
        with pytest.raises(ValueError, match=message):
            estimate.temperature_scaling(logits, labels)


class TestBadSamples:
    @pytest.mark.parametrize("name", SAMPLERS)
    @pytest.mark.parametrize(
        ("samples", "message"),
        [
            ([], r"of shape \(0,\) holds no samples"),
            (3.0, r"of shape \(\) holds no samples"),
            ([0, math.nan], r"\[1\] is nan: samples are finite numbers"),
            ([[0, 1], [2, math.inf]], r"\[1, 1\] is inf: samples are finite numbers"),
            ([[0, 1]], r"has shape \(1, 2\): discrete samples form one row"),
        ],
    )
    def test_are_named_with_the_first_bad_place(self, name, samples, message):
        with pytest.raises(ValueError, match=message):
            SAMPLERS[name](samples)

    @pytest.mark.parametrize("name", SAMPLERS)
    @pytest.mark.parametrize(
        "samples",
        [["a", "b"], [1j], [None], np.ma.masked_array([1, 2], [True, False])],
        ids=["strings", "complex", "objects", "masked"],
    )
    def test_what_is_no_real_number_is_refused(self, name, samples):
        with pytest.raises(TypeError, match=r"must hold real numbers|has masked entries"):
            SAMPLERS[name](samples)

    @pytest.mark.parametrize("name", SAMPLERS)
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"method": "magic"}, "method must be one of plugin, .*, got 'magic'"),
            ({"pseudocount": -1}, "pseudocount must be finite and not negative"),
            ({"method": "knn", "pseudocount": 1}, "pseudocount=1 is only for method='plugin'"),
            ({"method": "knn", "k": 0}, "k must be a whole number of at least 1, got 0"),
            ({"method": "knn", "k": 4}, "has 4 samples: the neighbour k=4 needs 5"),
            ({"base": 1}, "base must be a finite number greater than 1"),
        ],
    )
    def test_bad_options_are_named(self, name, options, message):
        with pytest.raises(ValueError, match=message):
            SAMPLERS[name]([0.0, 1.0, 2.5, 7.0], **options)

    @pytest.mark.parametrize("name", ["entropy", "kl", "js"])
    @pytest.mark.parametrize(
        ("samples", "options", "message"),
        [
            ([0, 1, 5], {"outcomes": [0, 1]}, r"\[2\] is 5.0: it is not among the outcomes"),
            ([0.0, 1], {"outcomes": [0, 1], "method": "kde"}, "outcomes are only for discrete"),
            ([0.0, 1], {"method": "kde"}, "kernels in 1 dimensions need at least 3 samples, got 2"),
            ([1.0] * 5, {"method": "kde"}, "the samples lie in a subspace"),
            ([0.0, 1, 3], {"method": "kde", "bandwidth": 0.0}, "bandwidth must be finite and pos"),
            (np.zeros((2, 2, 2)), {"method": "knn"}, r"points have shape \(n,\) or \(n, d\)"),
            ([1.0, 1.0, 2.0], {"method": "knn"}, "coincides with its neighbour"),
        ],
    )
    def test_bad_samples_for_densities_are_named(self, name, samples, options, message):
        if options.get("method") == "knn" and np.ndim(samples) == 1:
            options = {**options, "k": 1}
        with pytest.raises(ValueError, match=message):
            SAMPLERS[name](samples, **options)

    @pytest.mark.parametrize(
        "call",
        [
            lambda z: estimate.subsampling_interval(z, np.mean),
            lambda z: estimate.subsampling_interval([1, 2, 3, 4], np.mean, y=z),
            lambda z: estimate.permutation_test(z, [1, 2], lambda a, b: 0.0),
            lambda z: estimate.permutation_test([1, 2], z, lambda a, b: 0.0),
            lambda z: estimate.calibration_error(z, [0, 1]),
            lambda z: estimate.calibration_error([0.5, 0.5], z),
            lambda z: estimate.temperature_scaling(z, [0, 1]),
            lambda z: estimate.temperature_scaling([[0.0, 1.0], [1.0, 0.0]], z),
        ],
    )
    @pytest.mark.parametrize(
        "samples",
        [["a", "b"], [1j, 0], [None, 1], np.ma.masked_array([1, 2], [True, False])],
        ids=["strings", "complex", "objects", "masked"],
    )
    def test_the_other_functions_refuse_what_is_no_real_number_too(self, call, samples):
        with pytest.raises(TypeError, match=r"must hold real numbers|has masked entries"):
            call(samples)

    def test_pairs_and_dimensions_must_match(self):
        with pytest.raises(ValueError, match="x has 2 samples and y has 3"):
            estimate.mutual_information_from_samples([1, 2], [1, 2, 3])
        with pytest.raises(ValueError, match="x has 3 samples and y has 2"):
            estimate.mutual_information_from_samples([1, 2, 3], [1, 2], method="knn")
        with pytest.raises(ValueError, match="x has 1 dimensions and y has 2"):
            estimate.kl_from_samples([1, 2, 3], np.eye(2), method="knn")


def beyond_the_values(function, *arguments, **options):
    """The most memory in MiB that a call holds at a time, less that of the values it returns."""
    tracemalloc.start()
    values = function(*arguments, **options)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    values = values[0] if isinstance(values, tuple) else values
    return (peak - np.asarray(values).nbytes) / 2**20


def forecasts(n):
    """Logits of ten classes, in single precision, of which label 0 is right in a third."""
    logits = np.zeros((n, 10), dtype=np.float32)
    logits[::3, 0] = 2
    logits[1::3, 1] = 2
    return logits, np.zeros(n, dtype=np.uint8)


class TestMemory:
    @pytest.mark.parametrize("n", [500_000, 4_000_000])
    def test_a_histogram_needs_six_mib_however_many_samples_it_has(self, n):
        samples = np.linspace(0, 1, n, dtype=np.float32)
        assert beyond_the_values(estimate.histogram_pmf, samples, bins=9) < 6

    @pytest.mark.parametrize("n", [2_000, 20_000])
    def test_histograms_of_images_need_six_mib_beyond_themselves(self, n):
        images = np.zeros((n, 3, 3), dtype=np.uint8)
        assert beyond_the_values(estimate.image_histograms, images) < 6
        assert beyond_the_values(estimate.image_histograms, images.T.copy().T, bins=99) < 6

    @pytest.mark.parametrize("n", [50_000, 200_000])
    def test_a_temperature_needs_six_mib_however_many_rows_it_has(self, n):
        assert beyond_the_values(estimate.temperature_scaling, *forecasts(n)) < 6

    @pytest.mark.parametrize("n", [200_000, 1_000_000])
    def test_a_calibration_error_needs_six_mib_however_many_forecasts_it_has(self, n):
        ten, labels = np.full((n, 10), 0.1, dtype=np.float32), np.zeros(n, dtype=np.uint8)
        assert beyond_the_values(estimate.calibration_error, ten, labels) < 6
        assert beyond_the_values(estimate.calibration_error, ten[:, 0], labels) < 6


class TestBlocks:
    def test_change_no_histogram_and_no_calibration_error(self, monkeypatch):
        rng = np.random.default_rng(4)
        samples, labels = rng.normal(size=500), rng.integers(0, 3, 100)
        p = rng.dirichlet(np.ones(3), 100)
        calls = [
            lambda: estimate.histogram_pmf(samples, bins=7)[0],
            lambda: estimate.histogram_pmf(samples, bins=7)[1],
            lambda: estimate.histogram_pmf(samples, bins="auto")[1],
            lambda: estimate.histogram_pmf(samples, bins=[-9, 0, 1, 9])[0],
            lambda: estimate.histogram_pmf(samples.reshape(50, 10), bins=7, range=(-9, 9))[0],
            lambda: estimate.calibration_error(p, labels),
            lambda: estimate.calibration_error(p[:, 0], labels == 0),
            lambda: estimate.temperature_scaling(np.log(p), labels),
        ]
        whole = [call() for call in calls]
        monkeypatch.setattr(estimate, "_BLOCK", 30)
        for call, value in zip(calls, whole, strict=True):
            assert np.allclose(call(), value, rtol=1e-12, atol=0)

    @pytest.mark.parametrize(
        ("call", "message"),
        [
            (lambda x: estimate.histogram_pmf(x - np.inf, bins=3), r"samples\[0\] is -inf"),
            (lambda x: estimate.histogram_pmf(np.log(x), bins=3), r"samples\[123\] is -inf"),
            (
                lambda x: estimate.histogram_pmf(x, bins=3, range=(0.5, 2)),
                r"1 samples lie outside .* the first is 0\.0",
            ),
            (
                lambda x: estimate.calibration_error(x - 1e-9, np.ones(200)),
                r"probabilities\[123\] is -1e-09",
            ),
            (
                lambda x: estimate.calibration_error(x[:, None], np.zeros(200)),
                r"probabilities, row 123 sums to 0\.0",
            ),
            (
                lambda x: estimate.calibration_error(np.ones((200, 1)), 1 - x),
                r"labels\[123\] is 1\.0",
            ),
            (
                lambda x: estimate.temperature_scaling(np.log(x)[:, None], np.zeros(200)),
                r"logits\[123, 0\] is -inf",
            ),
        ],
    )
    def test_name_a_fault_by_its_place_in_the_whole(self, call, message, monkeypatch):
        monkeypatch.setattr(estimate, "_BLOCK", 30)
        x = np.ones(200)
        x[123] = 0
        with np.errstate(all="ignore"), pytest.raises(ValueError, match=message):
            call(x)
