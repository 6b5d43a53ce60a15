"""What critics maximise and generators minimise: differences of two means."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from divkit.fdivergence import FAMILY
from divkit.keras._tensorflow import Tensor, keras, tf

__all__ = [
    "Objective",
    "f_divergence_objective",
    "gradient_norms",
    "gradient_penalty",
    "logistic_objective",
    "minimax_loss",
    "non_saturating_loss",
    "wasserstein_objective",
]

Transform = Callable[[Tensor], Tensor]
_LOG2 = float(np.log(2))


@dataclass(frozen=True)
class Objective:
    r"""What a critic T maximises: a lower bound of a distance between p and q.

    .. math:: E_{x \sim p}[a(T(x))] - E_{x \sim q}[b(T(x))]

    Parameters
    ----------
    name : str
        What it is called.
    real, fake : callable
        The functions a and b of a tensor of outputs of the critic, elementwise, in keras ops.
    clip : float, optional
        After each step every weight is clipped to [-clip, clip].
    penalty : float
        Weight of the `gradient_penalty` in training; it does not count in the value.
    one_sided : bool
        Whether the penalty leaves slopes below 1 alone.

    Raises
    ------
    ValueError
        If `clip` is not positive, or `penalty` negative, or one of them not finite.

    See Also
    --------
    logistic_objective, f_divergence_objective, wasserstein_objective
    divkit.fdivergence.variational_bound : the same for arrays of probabilities.

    Examples
    --------
    >>> mean_difference = Objective("mean difference", real=lambda v: v, fake=lambda v: v)
    >>> float(mean_difference(keras.ops.array([1.0, 2.0]), keras.ops.array([0.5])))
    1.0
    """

    name: str
    real: Transform
    fake: Transform
    clip: float | None = None
    penalty: float = 0.0
    one_sided: bool = True

    def __post_init__(self) -> None:
        if self.clip is not None and not (_is_number(self.clip) and 0 < self.clip < np.inf):
            raise ValueError(f"clip must be positive and finite, or None, got {self.clip!r}")
        if not (_is_number(self.penalty) and 0 <= self.penalty < np.inf):
            raise ValueError(f"penalty must be finite and not negative, got {self.penalty!r}")

    def __call__(self, real_outputs: Tensor, fake_outputs: Tensor) -> Tensor:
        """Return the difference of the means over two batches of outputs.

        Parameters
        ----------
        real_outputs, fake_outputs : tensors of shapes (n,) and (m,)
            T on samples of p and on samples of q.

        Returns
        -------
        scalar tensor
            At most the distance, in the limit of many samples.
        """
        real, fake = self.real(real_outputs), self.fake(fake_outputs)
        return keras.ops.mean(real) - keras.ops.mean(fake)


def _is_number(x: object) -> bool:
    return isinstance(x, int | float | np.integer | np.floating) and not isinstance(x, bool)


def logistic_objective() -> Objective:
    r"""Log-likelihood of a discriminator D, the logistic function of T: the usual GAN's value.

    .. math:: E_{x \sim p}[\log D(x)] + E_{x \sim q}[\log(1 - D(x))]
       \le 2 D_{\mathrm{JS}}(p, q) - 2 \log 2

    with equality for :math:`T = \log(p/q)`.

    Returns
    -------
    Objective
        From minus infinity to 0, in nats; -2 log 2 for a discriminator that cannot tell.

    See Also
    --------
    f_divergence_objective : with "js", log 2 and half of this.
    keras.losses.BinaryCrossentropy : minus half of it, on equally many samples of both.
    torch.nn.BCEWithLogitsLoss : likewise.

    References
    ----------
    .. [1] I. Goodfellow et al. (2014). Generative adversarial nets. doi:10.48550/arXiv.1406.2661

    Examples
    --------
    >>> undecided = keras.ops.zeros(5)
    >>> round(float(logistic_objective()(undecided, undecided)), 6)
    -1.386294
    """
    log_sigmoid, softplus = keras.ops.log_sigmoid, keras.ops.softplus
    return Objective("logistic", real=log_sigmoid, fake=softplus)  # -log(1 - D) = softplus(T)


# The activation g and the conjugate after it, f*(g(v)), of each member of the family.
_OF_FAMILY: Mapping[str, tuple[Transform, Transform]] = MappingProxyType(
    {
        "kl": (lambda v: v, lambda v: keras.ops.exp(v - 1)),
        "reverse_kl": (lambda v: -keras.ops.exp(-v), lambda v: v - 1),
        "jeffreys": (lambda v: v - keras.ops.expm1(-v), lambda v: v + keras.ops.expm1(v)),
        "js": (
            lambda v: (_LOG2 - keras.ops.softplus(-v)) / 2,
            lambda v: (keras.ops.softplus(v) - _LOG2) / 2,
        ),
        "total_variation": (lambda v: keras.ops.tanh(v) / 2, lambda v: keras.ops.tanh(v) / 2),
        "squared_hellinger": (
            lambda v: -keras.ops.expm1(-v) / 2,
            lambda v: keras.ops.expm1(v) / 2,
        ),
        "pearson_chi2": (
            lambda v: v,
            lambda v: keras.ops.square(keras.ops.maximum(v, -2.0) / 2 + 1) - 1,
        ),
        "neyman_chi2": (lambda v: -keras.ops.expm1(-v), lambda v: -2 * keras.ops.expm1(-v / 2)),
        "triangular": (
            lambda v: -keras.ops.expm1(-v),
            lambda v: keras.ops.square(2 - keras.ops.exp(-keras.ops.maximum(v / 2, -_LOG2))) - 1,
        ),
    }
)


def f_divergence_objective(name: str) -> Objective:
    r"""Lower bound of an f-divergence, by its convex conjugate.

    .. math:: E_{x \sim p}[g(T(x))] - E_{x \sim q}[f^*(g(T(x)))] \le D_f(p \,\|\, q)

    where the activation g maps all real numbers into the domain of :math:`f^*`.

    Parameters
    ----------
    name : str
        A member of ``divkit.fdivergence.FAMILY``.

    Returns
    -------
    Objective
        In the unit of f: nats where f holds logarithms.

    Raises
    ------
    ValueError
        If the family has no such member.

    See Also
    --------
    divkit.fdivergence.FDivergence.gan_loss : the same for arrays.
    divkit.fdivergence.FDivergence : generators, conjugates and activations.

    References
    ----------
    .. [1] S. Nowozin, B. Cseke and R. Tomioka (2016). f-GAN: training generative neural samplers
       using variational divergence minimization. doi:10.48550/arXiv.1606.00709
    .. [2] X. Nguyen, M. J. Wainwright and M. I. Jordan (2010). Estimating divergence functionals
       and the likelihood ratio by convex risk minimization. doi:10.1109/TIT.2010.2068870

    Examples
    --------
    >>> total_variation = f_divergence_objective("total_variation")
    >>> sure = keras.ops.array([9.0, 9.0])
    >>> round(float(total_variation(sure, -sure)), 6)
    1.0
    """
    if name not in _OF_FAMILY:
        raise ValueError(f"name must be one of {', '.join(FAMILY)}, got {name!r}")
    real, fake = _OF_FAMILY[name]
    return Objective(name, real=real, fake=fake)


def wasserstein_objective(
    *, clip: float | None = None, penalty: float | None = None, one_sided: bool = True
) -> Objective:
    r"""Difference of the critic's means: for a critic of slope at most 1 a lower bound of W1.

    .. math:: E_{x \sim p}[T(x)] - E_{x \sim q}[T(x)] \le \operatorname{Lip}(T)\, W_1(p, q)

    Weight clipping bounds the slope by a number that depends on the network; a penalty pulls it
    to 1, and leaves it somewhat above.

    Parameters
    ----------
    clip : float, optional
        Clip every weight to [-clip, clip] after each step.
    penalty : float, optional
        Weight of the `gradient_penalty`; 10 is usual. Exactly one of the two is needed.
    one_sided : bool
        Punish slopes above 1 only. On two sides, slopes below 1 are punished as well, though the
        best critic has some.

    Returns
    -------
    Objective
        In the unit of the samples, up to the slope.

    Raises
    ------
    ValueError
        If not exactly one of `clip` and `penalty` is given, or it is not positive and finite.

    See Also
    --------
    divkit.transport.wasserstein_1d : the exact distance on the line.
    divkit.transport.wasserstein_nd : the exact distance in any dimension.

    References
    ----------
    .. [1] M. Arjovsky, S. Chintala and L. Bottou (2017). Wasserstein generative adversarial
       networks. doi:10.48550/arXiv.1701.07875
    .. [2] I. Gulrajani et al. (2017). Improved training of Wasserstein GANs.
       doi:10.48550/arXiv.1704.00028
    .. [3] H. Petzka, A. Fischer and D. Lukovnikov (2018). On the regularization of Wasserstein
       GANs. doi:10.48550/arXiv.1709.08894

    Examples
    --------
    >>> by_penalty = wasserstein_objective(penalty=10)
    >>> float(by_penalty(keras.ops.array([3.0]), keras.ops.array([1.0])))
    2.0
    """
    if (clip is None) == (penalty is None):
        raise ValueError(f"give exactly one of clip and penalty, got {clip!r} and {penalty!r}")
    if penalty is not None and not (_is_number(penalty) and 0 < penalty < np.inf):
        raise ValueError(f"penalty must be positive and finite, got {penalty!r}")
    return Objective(
        "wasserstein",
        real=lambda v: v,
        fake=lambda v: v,
        clip=clip,
        penalty=penalty or 0.0,
        one_sided=one_sided,
    )


# The slope of a critic.


def gradient_norms(critic: Callable[[Tensor], Tensor], points: Tensor) -> Tensor:
    r"""Slope of a critic at each point, the Euclidean norm of its gradient.

    .. math:: \|\nabla T(x_i)\|

    Parameters
    ----------
    critic : callable
        A network, or a function from a tensor of points to their values; no value may depend on
        another point.
    points : tensor of shape (n, ...)
        Where.

    Returns
    -------
    tensor of shape (n,)
        At least 0.

    See Also
    --------
    gradient_penalty : holds them against 1.

    Examples
    --------
    The slope of half the squared norm is the norm.

    >>> half_square = lambda x: keras.ops.sum(x * x, axis=-1) / 2
    >>> gradient_norms(half_square, keras.ops.array([[3.0, 4.0], [0.0, 1.0]])).numpy().tolist()
    [5.0, 1.0]
    """
    with tf.GradientTape() as tape:
        tape.watch(points)
        values = critic(points)
    gradients = tape.gradient(values, points)
    flat = keras.ops.reshape(gradients, (keras.ops.shape(points)[0], -1))
    squares = keras.ops.sum(keras.ops.square(flat), axis=-1)
    sloping = squares > 0  # elsewhere the root has no derivative: 0 takes its place, not NaN
    return keras.ops.where(sloping, keras.ops.sqrt(keras.ops.where(sloping, squares, 1.0)), 0.0)


def gradient_penalty(
    critic: Callable[[Tensor], Tensor], points: Tensor, *, one_sided: bool = True
) -> Tensor:
    r"""Mean squared deviation of a critic's slope from 1, or of its excess over 1.

    .. math:: \frac1n \sum_i \max(0, \|\nabla T(x_i)\| - 1)^2
       \quad\text{or}\quad \frac1n \sum_i (\|\nabla T(x_i)\| - 1)^2

    Parameters
    ----------
    critic : callable
        A network, or a function from a tensor of points to their values.
    points : tensor of shape (n, ...)
        Where the slope counts; in training, random points between real and generated samples.
    one_sided : bool
        The first formula, in place of the second.

    Returns
    -------
    scalar tensor
        At least 0.

    See Also
    --------
    wasserstein_objective : names who proposed the two.

    Examples
    --------
    >>> half = lambda x: keras.ops.sum(x, axis=-1) / 2
    >>> points = keras.ops.ones((3, 1))
    >>> [float(gradient_penalty(half, points, one_sided=s)) for s in (True, False)]
    [0.0, 0.25]
    """
    excess = gradient_norms(critic, points) - 1
    return keras.ops.mean(keras.ops.square(keras.ops.relu(excess) if one_sided else excess))


# Generators' losses: functions of an objective and of the critic's outputs on generated samples.


def minimax_loss(objective: Objective, outputs: Tensor) -> Tensor:
    r"""Loss of a generator that lowers what the critic raises.

    .. math:: -E_{x \sim q}[b(T(x))], \quad\text{for the logistic objective }\;
       E_{x \sim q}[\log(1 - D(x))]

    Its gradient dies where the critic is sure that a sample is generated.

    Parameters
    ----------
    objective : Objective
        What the critic maximises; b is its function `fake`.
    outputs : tensor of shape (n,)
        T on generated samples.

    Returns
    -------
    scalar tensor
        The part of the objective that depends on the generator.

    See Also
    --------
    non_saturating_loss : for samples of which the critic is sure.

    Examples
    --------
    The slope of the loss in the output is -D: it vanishes for outputs far below 0.

    >>> outputs = tf.constant([-8.0])
    >>> with tf.GradientTape() as tape:
    ...     tape.watch(outputs)
    ...     loss = minimax_loss(logistic_objective(), outputs)
    >>> print(f"{float(tape.gradient(loss, outputs)[0]):.5f}")
    -0.00034
    """
    return -keras.ops.mean(objective.fake(outputs))


def non_saturating_loss(objective: Objective, outputs: Tensor) -> Tensor:
    r"""Loss of a generator that wants its samples to be taken for real ones.

    .. math:: -E_{x \sim q}[a(T(x))], \quad\text{for the logistic objective }\;
       -E_{x \sim q}[\log D(x)]

    For Wasserstein objectives it is the minimax loss.

    Parameters
    ----------
    objective : Objective
        What the critic maximises; a is its function `real`.
    outputs : tensor of shape (n,)
        T on generated samples.

    Returns
    -------
    scalar tensor
        Small where the critic takes the samples for real.

    See Also
    --------
    minimax_loss : the game as it is defined.

    Examples
    --------
    The slope of the loss in the output is D - 1: it is largest for outputs far below 0.

    >>> outputs = tf.constant([-8.0])
    >>> with tf.GradientTape() as tape:
    ...     tape.watch(outputs)
    ...     loss = non_saturating_loss(logistic_objective(), outputs)
    >>> print(f"{float(tape.gradient(loss, outputs)[0]):.5f}")
    -0.99966
    """
    return -keras.ops.mean(objective.real(outputs))
