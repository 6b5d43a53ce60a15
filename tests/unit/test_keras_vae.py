"""The autoencoder: its losses by hand, its training, its silence."""

import subprocess
import sys
import textwrap

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient

from divkit.datasets import load_fashion_mnist
from divkit.gaussian import kl_normal, kl_standard_normal

keras = pytest.importorskip("divkit.keras", reason="no TensorFlow wheel for this platform")

RNG = np.random.default_rng(0)
MEAN, LOGVAR = RNG.normal(size=(7, 3)), RNG.normal(size=(7, 3))
IMAGES = load_fashion_mnist("test")[0][:512]


def number(tensor):
    return float(np.asarray(tensor))


def test_the_kl_term_is_the_gaussian_formula():
    by_formula = kl_standard_normal(MEAN, LOGVAR).mean()
    one_by_one = kl_normal(MEAN, np.exp(LOGVAR / 2), 0, 1).sum(axis=1).mean()
    assert number(keras.kl_regularizer(MEAN, LOGVAR)) == pytest.approx(by_formula, rel=1e-6)
    assert by_formula == pytest.approx(one_by_one, rel=1e-12)


def test_the_w2_term_is_the_distance_between_quantiles():
    levels = (np.arange(200_000) + 0.5) / 200_000
    from scipy.stats import norm

    sd = np.exp(LOGVAR[0, 0] / 2)
    apart = norm.ppf(levels, MEAN[0, 0], sd) - norm.ppf(levels)
    found = number(keras.w2_regularizer(MEAN[:1, :1], LOGVAR[:1, :1]))
    assert found == pytest.approx((apart**2).mean(), rel=1e-3)


@pytest.mark.parametrize(
    "regularizer",
    ["kl_regularizer", "w2_regularizer", "euclidean_regularizer", "no_regularizer"],
)
def test_every_proper_regularizer_is_zero_at_the_prior_and_does_not_depend_on_the_batch(
    regularizer,
):
    penalty = getattr(keras, regularizer)
    zeros = np.zeros((5, 2))
    assert number(penalty(zeros, zeros)) == 0
    twice = number(penalty(np.tile(MEAN, (2, 1)), np.tile(LOGVAR, (2, 1))))
    assert twice == pytest.approx(number(penalty(MEAN, LOGVAR)), rel=1e-6)


def test_the_penalty_as_coded_grows_with_the_batch_and_pulls_the_log_variance_to_one():
    once = number(keras.euclidean_regularizer_as_coded(MEAN, LOGVAR))
    twice = keras.euclidean_regularizer_as_coded(np.tile(MEAN, (2, 1)), np.tile(LOGVAR, (2, 1)))
    assert number(twice) == pytest.approx(2 * once, rel=1e-6)
    assert number(keras.euclidean_regularizer_as_coded(np.zeros((4, 2)), np.ones((4, 2)))) == 0


def test_the_cross_entropy_is_summed_over_pixels_and_averaged_over_images():
    pixels, logits = RNG.random((4, 3, 3)), RNG.normal(size=(4, 3, 3))
    q = 1 / (1 + np.exp(-logits))
    by_hand = -(pixels * np.log(q) + (1 - pixels) * np.log(1 - q)).sum(axis=(1, 2))
    assert number(keras.cross_entropy(pixels, logits)) == pytest.approx(by_hand.mean(), rel=1e-6)
    over_batch = number(keras.cross_entropy_summed_over_batch(pixels, logits))
    assert over_batch == pytest.approx(by_hand.mean() * 4 / 9, rel=1e-6)


def test_training_lowers_the_loss_and_the_parts_add_up():
    losses = keras.VAE(seed=0).fit(IMAGES, epochs=3).history
    assert losses["loss"] == sorted(losses["loss"], reverse=True)
    parts = np.add(losses["reconstruction"], losses["regularizer"])
    np.testing.assert_allclose(parts, losses["loss"], rtol=1e-5)


def test_a_seed_makes_training_reproducible():
    first, again, other = (
        keras.VAE(seed=seed).fit(IMAGES, epochs=2).history["loss"] for seed in (1, 1, 2)
    )
    assert first == again != other


def test_every_epoch_shows_each_image_once_in_an_order_of_its_own():
    numbered = np.arange(130, dtype=np.uint8)[:, None, None]
    batches = keras.image_batches(numbered, batch_size=32, seed=0)
    orders = [np.concatenate([255 * batch for batch in batches]).round() for _ in range(2)]
    for order in orders:
        assert sorted(order.ravel()) == list(range(130))
    assert not np.array_equal(*orders)
    assert len(batches) == 5


@pytest.mark.parametrize("batch_size", [512, 200, 3000])  # one batch, a rest, less than a batch
def test_the_compiled_loop_takes_the_steps_that_single_steps_take(batch_size):
    looped, stepped = keras.VAE(seed=0), keras.VAE(seed=0)
    history = looped.fit(IMAGES, epochs=1, batch_size=batch_size).history
    stepped.optimizer.build(stepped.trainable_variables)
    step = keras.tf.function(stepped.train_step, jit_compile=True)  # XLA has noise of its own
    (block,) = keras.vae._shuffled(IMAGES, 512, seed=0)
    for start in range(0, 512, batch_size):
        losses = step(keras.vae._as_unit_floats(block[start : start + batch_size]))
    for name, value in losses.items():
        assert history[name][0] == pytest.approx(number(value), rel=1e-5)
    assert number(looped.optimizer.iterations) == number(stepped.optimizer.iterations)


def test_a_batch_size_of_zero_is_refused():
    with pytest.raises(ValueError, match="batch_size must be a positive whole number, got 0"):
        keras.VAE(seed=0).fit(IMAGES, batch_size=0)


def test_the_elbo_estimate_agrees_with_evaluation():
    vae = keras.VAE(seed=0)
    vae.fit(IMAGES, epochs=1)
    bound = vae.elbo(IMAGES, samples=4, seed=0)
    assert bound.shape == (len(IMAGES),)
    batches = keras.image_batches(IMAGES, batch_size=512, seed=0)
    loss = vae.evaluate(batches, verbose=0, return_dict=True)["loss"]
    assert -bound.mean() == pytest.approx(loss, rel=0.01)
    total = vae.kl_per_dimension(IMAGES).sum()
    assert total == pytest.approx(kl_standard_normal(*vae.encode(IMAGES)).mean(), rel=1e-6)


@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        (np.full((2, 4, 4), 2.0), ValueError, "divide by the largest"),
        (np.full((2, 4, 4), np.nan), ValueError, "nan"),
        (np.zeros((0, 4, 4)), ValueError, "n > 0"),
        (np.zeros((2, 4, 4), complex), TypeError, "real numbers"),
    ],
)
def test_bad_images_are_refused(images, error, message):
    with pytest.raises(error, match=message):
        keras.image_batches(images)


def test_codes_of_the_wrong_dimension_are_refused():
    with pytest.raises(ValueError, match=r"shape \(n, 2\)"):
        keras.VAE(seed=0).decode(np.zeros((3, 5)))


class TestBetaSweep:
    def test_a_larger_factor_shortens_the_codes_and_spoils_the_pictures(self):
        betas = [0.1, 1.0, 100.0]
        points = keras.beta_sweep(IMAGES, betas, epochs=8, latent_dim=3)
        assert [point.beta for point in points] == betas
        rates, distortions = ([p[i] for p in points] for i in (1, 2))
        assert rates == sorted(rates, reverse=True)
        assert distortions == sorted(distortions)
        assert [points[0].active, points[-1].active] == [3, 0]
        for point in points:
            assert point.negative_elbo == pytest.approx(point.rate + point.distortion, rel=1e-12)

    def test_every_factor_starts_from_the_same_weights_and_order(self):
        held_out = IMAGES[:50]
        _, swept = keras.beta_sweep(IMAGES, [9.0, 0.5], held_out=held_out, epochs=2, seed=3)
        alone = keras.VAE(regularizer=keras.scaled(keras.kl_regularizer, 0.5), seed=3)
        alone.compile(keras.keras.optimizers.Adam(1e-3))
        alone.fit(IMAGES, epochs=2)
        by_formula = kl_standard_normal(*alone.encode(held_out)).mean()
        assert swept.rate == pytest.approx(by_formula, rel=1e-4)
        assert swept.negative_elbo == pytest.approx(-alone.elbo(held_out, seed=3).mean(), rel=1e-4)


def test_a_scaled_regularizer_is_the_multiple():
    scaled = keras.scaled(keras.w2_regularizer, 2.5)
    once = number(keras.w2_regularizer(MEAN, LOGVAR))
    assert number(scaled(MEAN, LOGVAR)) == pytest.approx(2.5 * once, rel=1e-6)


TRAINING = """
import numpy as np
from divkit.keras import VAE
history = VAE(seed=0).fit(np.zeros((256, 28, 28), np.uint8), epochs=2)
print("trained")
"""


def test_the_progress_bar_leaves_no_trace_in_an_executed_notebook():
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(TRAINING)])
    NotebookClient(notebook, extra_arguments=["--log-level=40"], timeout=120).execute()
    (output,) = notebook.cells[0].outputs
    assert (output.name, output.text) == ("stdout", "trained\n")


def test_a_notebook_that_trains_passes_nbval_twice(tmp_path):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(TRAINING)])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    NotebookClient(notebook, extra_arguments=["--log-level=40"], timeout=120).execute()
    nbformat.write(notebook, tmp_path / "trains.ipynb")
    command = [sys.executable, "-m", "pytest", "-q", "--nbval", "-p", "no:cacheprovider"]
    for _ in range(2):
        result = subprocess.run([*command, "trains.ipynb"], cwd=tmp_path, capture_output=True)
        assert result.returncode == 0, result.stdout.decode()


def test_the_bar_shows_in_a_live_front_end_and_is_taken_away(monkeypatch):
    shown = []
    monkeypatch.setattr(keras.progress, "_live_front_end", lambda: True)
    monkeypatch.setattr("IPython.display.display", lambda *a, **k: shown.append("bar") or Handle())
    monkeypatch.setattr("IPython.display.clear_output", lambda *a: shown.append("cleared"))

    class Handle:
        def update(self, html):
            shown.append(html.data)

    monkeypatch.setattr(keras.ProgressBar, "interval", 0)
    keras.VAE(seed=0).fit(IMAGES, epochs=2)
    assert (shown[0], shown[-1]) == ("bar", "cleared")
    assert any("epoch 2 of 2, loss" in str(step) for step in shown[1:-1])


def test_without_tensorflow_the_error_names_platform_and_remedy():
    code = """
    import sys
    sys.modules["tensorflow"] = None
    import divkit
    try:
        divkit.keras
    except ImportError as error:
        print(error)
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert 'pip install "divkit[keras]"' in said
    assert "Python 3." in said
