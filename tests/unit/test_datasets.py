"""The data are found in a fixed order, verified, and fetched only if asked."""

import gzip
import hashlib
import io
import math
import urllib.error

import numpy as np
import pytest

from divkit import datasets

NAME = "t10k-labels-idx1-ubyte.gz"
CONTENT = bytes(8) + bytes(range(10))
PACKED = gzip.compress(CONTENT, mtime=0)  # the same in every process


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Three empty folders in place of the real ones, and a network that must not be used."""
    monkeypatch.setattr(datasets, "_DATA", tmp_path / "data")
    monkeypatch.setattr(datasets, "_SYSTEM", tmp_path / "system")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setitem(datasets._SHA256, NAME, hashlib.sha256(CONTENT).hexdigest())
    monkeypatch.setattr(datasets, "urlopen", lambda *a, **k: pytest.fail("the network was used"))
    folders = {
        "repository": tmp_path / "data" / "fashion-mnist",
        "keras": tmp_path / "keras" / "datasets" / "fashion-mnist",
        "system": tmp_path / "system",
    }
    for folder in folders.values():
        folder.mkdir(parents=True)
    return folders


def answer(monkeypatch, packed):
    asked = []

    def urlopen(address, timeout):
        asked.append(address)
        return io.BytesIO(packed)

    monkeypatch.setattr(datasets, "urlopen", urlopen)
    return asked


class TestFashionMNIST:
    @pytest.mark.parametrize(("split", "count"), [("train", 60000), ("test", 10000)])
    def test_has_the_published_shapes_and_equal_classes(self, split, count):
        images, labels = datasets.load_fashion_mnist(split)
        assert images.shape == (count, 28, 28)
        assert images.dtype == labels.dtype == np.uint8
        assert np.bincount(labels).tolist() == [count // 10] * 10
        assert len(datasets.FASHION_MNIST_CLASSES) == 10

    def test_as_float_divides_by_255_in_single_precision(self):
        images, _ = datasets.load_fashion_mnist("test", as_float=True)
        raw, _ = datasets.load_fashion_mnist("test")
        assert images.dtype == np.float32
        assert images.max() == 1
        assert np.array_equal(np.rint(images[:100] * 255), raw[:100])

    def test_another_split_is_refused(self):
        with pytest.raises(ValueError, match="split must be 'train' or 'test', got 'validation'"):
            datasets.load_fashion_mnist("validation")


class TestSearch:
    def test_a_missing_file_lists_the_places_and_the_remedies(self, places):
        with pytest.raises(FileNotFoundError) as caught:
            datasets.load_fashion_mnist("test")
        message = str(caught.value)
        for folder in places.values():
            assert str(folder) in message
        for remedy in ("git checkout -- data", "dataset-fashion-mnist", "download=True"):
            assert remedy in message

    @pytest.mark.parametrize(
        "kept", [["repository", "keras", "system"], ["keras", "system"], ["system"]]
    )
    def test_the_first_folder_that_has_the_file_is_used(self, places, kept):
        for name in kept[1:]:
            (places[name] / NAME).write_bytes(b"not looked at")
        (places[kept[0]] / NAME).write_bytes(PACKED)
        assert datasets._content(NAME, download=True) == CONTENT

    def test_without_keras_home_the_cache_is_in_the_home_folder(self, monkeypatch, tmp_path):
        monkeypatch.delenv("KERAS_HOME", raising=False)
        monkeypatch.setattr(datasets.Path, "home", lambda: tmp_path)
        assert datasets._keras_folder() == tmp_path / ".keras" / "datasets" / "fashion-mnist"

    @pytest.mark.parametrize(
        "packed",
        [
            PACKED[:-12],
            PACKED[:5],
            b"<html>not found</html>",
            b"",
            PACKED[:12] + b"\xff" * 20,
            gzip.compress(CONTENT + b"x", mtime=0),
        ],
        ids=["cut short", "header alone", "a web page", "empty", "garbled", "other content"],
    )
    def test_a_damaged_file_is_refused_with_its_place_and_remedies(self, places, packed):
        (places["keras"] / NAME).write_bytes(packed)
        with pytest.raises(ValueError, match=r"is damaged .*git checkout -- data") as caught:
            datasets._content(NAME, download=False)
        assert str(places["keras"]) in str(caught.value)


class TestDownload:
    def test_a_file_is_fetched_only_if_asked_and_then_kept(self, places, monkeypatch):
        asked = answer(monkeypatch, PACKED)
        with pytest.raises(FileNotFoundError):
            datasets._content(NAME, download=False)
        assert asked == []
        assert datasets._content(NAME, download=True) == CONTENT
        assert datasets._content(NAME, download=True) == CONTENT
        assert len(asked) == 1
        assert asked[0].startswith("https://")
        assert asked[0].endswith(NAME)
        assert [file.name for file in places["keras"].iterdir()] == [NAME]

    @pytest.mark.parametrize("packed", [PACKED[:-9], gzip.compress(b"other", mtime=0)])
    def test_a_damaged_download_leaves_nothing(self, places, monkeypatch, packed):
        answer(monkeypatch, packed)
        with pytest.raises(ValueError, match="is damaged"):
            datasets._content(NAME, download=True)
        assert list(places["keras"].iterdir()) == []

    def test_no_network_leaves_nothing(self, places, monkeypatch):
        def urlopen(*_, **__):
            raise urllib.error.URLError("no route")

        monkeypatch.setattr(datasets, "urlopen", urlopen)
        with pytest.raises(OSError, match="no route"):
            datasets._content(NAME, download=True)
        assert list(places["keras"].iterdir()) == []

    def test_a_file_that_cannot_be_written_leaves_nothing(self, places, monkeypatch):
        def full(self, content):
            raise OSError("no space left")

        answer(monkeypatch, PACKED)
        monkeypatch.setattr(datasets.Path, "write_bytes", full)
        with pytest.raises(OSError, match="no space left"):
            datasets._content(NAME, download=True)
        assert list(places["keras"].iterdir()) == []


class TestPhotographs:
    def test_are_colour_pictures_in_bytes(self):
        assert datasets.image_names() == ["coffee", "pagoda", "rocket"]
        for name in datasets.image_names():
            image = datasets.load_image(name)
            assert image.dtype == np.uint8
            assert image.shape[2] == 3
            assert image.std() > 10

    def test_an_unknown_name_lists_the_known_ones(self):
        with pytest.raises(ValueError, match="'cat'; there are coffee, pagoda, rocket"):
            datasets.load_image("cat")

    def test_dusk_darkens_every_value_and_blue_least(self):
        grey = np.repeat(np.arange(256, dtype=np.uint8)[:, None, None], 3, axis=2)
        dark = datasets.dusk(grey)
        assert (dark <= grey).all()
        assert (dark[..., 2] >= dark[..., 1]).all()
        assert (dark[..., 1] >= dark[..., 0]).all()
        x = 100 / 255
        assert dark[100, 0].tolist() == [
            round(255 * g * math.pow(x, 1.8)) for g in (0.45, 0.5, 0.7)
        ]

    @pytest.mark.parametrize("bad", [np.zeros((2, 2, 3)), np.zeros((2, 2), np.uint8)])
    def test_dusk_refuses_what_is_no_picture_in_bytes(self, bad):
        with pytest.raises(ValueError, match="image must hold bytes in shape"):
            datasets.dusk(bad)


class TestText:
    def test_is_the_whole_book(self):
        text = datasets.load_text()
        assert text.count("\nCHAPTER ") + text.startswith("CHAPTER ") == 12
        assert text.startswith("CHAPTER I. Down the Rabbit-Hole\n\nAlice was beginning")
        assert text.endswith("and the happy summer days.\n")
        assert len(text) == 145_063

    def test_letters_are_27_symbols_and_words_keep_their_number_and_order(self):
        letters = datasets.load_text(letters_only=True)
        assert set(letters) == set(" abcdefghijklmnopqrstuvwxyz")
        assert "  " not in letters
        assert letters.split()[:6] == ["chapter", "i", "down", "the", "rabbit", "hole"]
        assert "wouldnt" in letters.split()
        count = sum(c.isalpha() for c in datasets.load_text())
        assert sum(c != " " for c in letters) == count
        assert len(letters) == 134_322

    def test_a_wheel_has_no_text_and_says_so(self, tmp_path, monkeypatch):
        monkeypatch.setattr(datasets, "_DATA", tmp_path)
        with pytest.raises(FileNotFoundError, match=r"alice\.txt: it comes with a clone"):
            datasets.load_text()


class TestRing:
    def test_the_modes_lie_evenly_on_the_circle(self):
        modes = datasets.ring_modes(6, radius=3.0)
        assert np.linalg.norm(modes, axis=1) == pytest.approx(3.0)
        apart = np.linalg.norm(modes - np.roll(modes, 1, axis=0), axis=1)
        assert apart == pytest.approx(3.0)  # the side of a hexagon is its radius

    def test_samples_have_the_moments_of_the_mixture(self):
        n, radius, sd = 200_000, 2.0, 0.5
        samples = datasets.gaussian_ring(n, radius=radius, sd=sd, rng=0)
        squares = (samples**2).sum(axis=1)
        error = squares.std() / np.sqrt(n)
        assert abs(squares.mean() - (radius**2 + 2 * sd**2)) < 4 * error
        covariance = (radius**2 / 2 + sd**2) * np.eye(2)
        assert np.cov(samples.T) == pytest.approx(covariance, abs=0.03)

    def test_three_standard_deviations_hold_the_rayleigh_share(self):
        samples = datasets.gaussian_ring(100_000, rng=1)
        coverage = datasets.mode_coverage(samples, datasets.ring_modes())
        inside = 1 - math.exp(-4.5)
        assert abs(coverage.good - inside) < 4 * math.sqrt(inside * (1 - inside) / 100_000)
        assert coverage.found == 8
        assert coverage.shares == pytest.approx(inside / 8, abs=0.005)

    def test_a_seed_and_its_generator_draw_the_same(self):
        first = datasets.gaussian_ring(5, rng=3)
        assert np.array_equal(first, datasets.gaussian_ring(5, rng=np.random.default_rng(3)))
        assert not np.array_equal(first, datasets.gaussian_ring(5, rng=4))


class TestModeCoverage:
    def test_counts_by_hand(self):
        modes = [[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]]
        samples = [[0.0, 1.0], [0.6, 0.6], [10.0, -0.9], [5.0, 5.0]]
        coverage = datasets.mode_coverage(samples, modes, within=1.0, least=0.3)
        assert coverage.shares.tolist() == [0.5, 0.25, 0.0]
        assert (coverage.found, coverage.good) == (1, 0.75)
        assert datasets.mode_coverage(samples, modes, within=1.0, least=0.25).found == 2

    def test_collapse_is_seen(self):
        samples = datasets.ring_modes(1) + np.zeros((50, 1))
        coverage = datasets.mode_coverage(samples, datasets.ring_modes(8))
        assert (coverage.found, coverage.good) == (1, 1.0)

    def test_samples_and_modes_lie_in_one_space(self):
        with pytest.raises(ValueError, match="samples have 1 coordinates, but modes have 2"):
            datasets.mode_coverage([[1.0]], datasets.ring_modes())

    def test_a_share_is_at_most_one(self):
        with pytest.raises(ValueError, match=r"least must be at most 1, got 1\.5"):
            datasets.mode_coverage([[1.0, 0.0]], datasets.ring_modes(), least=1.5)
