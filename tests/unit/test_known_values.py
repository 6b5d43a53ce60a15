"""Values known from formulas, to the digits they are printed with, each from a public function.

A value stands as it is printed: its last digit says how near the function must come.
"""

import math
from decimal import Decimal

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import minimize_scalar

from divkit.continuous import (
    entropy_density,
    hellinger_density,
    js_density,
    kl_density,
    kl_mixture,
    tv_density,
)
from divkit.fdivergence import (
    FAMILY,
    chi2_divergence,
    f_divergence,
    hellinger_distance,
    jeffreys_divergence,
    js_distance,
    js_divergence,
    total_variation,
    variational_bound,
)
from divkit.fit import project
from divkit.gaussian import (
    hellinger_mvn,
    kl_mvn,
    kl_normal,
    kl_standard_normal,
    renyi_mvn,
    w2_mvn,
    w2_normal,
)
from divkit.information import (
    conditional_kl_divergence,
    cross_entropy,
    cross_entropy_from_logits,
    entropy,
    information_content,
    kl_divergence,
    kl_from_logits,
    perplexity,
)
from divkit.transport import (
    kantorovich_potentials,
    transport_plan,
    wasserstein_1d,
    wasserstein_nd,
    wasserstein_pmf,
)

P, Q = np.array([0.1, 0.2, 0.7]), np.array([0.8, 0.1, 0.1])
ENDS, MIDDLE = np.eye(2), np.array([0.5, 0.5])
DISTANCES = abs(np.subtract.outer(np.arange(3.0), np.arange(3.0)))

# Causes 0 and 1, answers 0 and 1: the joint law of the data and that of the model.
CAUSE = np.array([0.3, 0.7])
MODEL = CAUSE[:, None] * [[0.6, 0.4], [0.5, 0.5]]
DATA = CAUSE[:, None] * [[0.9, 0.1], [0.2, 0.8]]


def normal(mean, sd=1.0):
    return stats.norm(mean, sd).logpdf


def two_modes(a):
    """Half N(-a, 1), half N(a, 1), as a mixture."""
    return [0.5, 0.5], [-a, a], [1, 1]


def log_two_modes(a):
    return lambda x: np.logaddexp(normal(-a)(x), normal(a)(x)) - math.log(2)


def one(mean, sd):
    return [1], [mean], [sd]


def uniform_js(t):
    """JS of the uniform laws on [0, 1] and on [t, 1 + t]."""
    p, q = (stats.uniform(start, 1).logpdf for start in (0, t))
    return js_density(p, q, support=(0, 1 + t), points=[t, 1]).value


def js_slope(d, h=0.05):
    """d/dd JS(N(0, 1), N(d, 1)), by central differences of the sixth order."""
    weights = {1: 45, 2: -9, 3: 1}
    value = 0.0
    for k, w in weights.items():
        ahead, behind = (js_density(normal(0), normal(d + s * h)).value for s in (k, -k))
        value += w * (ahead - behind) / (60 * h)
    return value


def game(p, q):
    """The value of the game at the best discriminator p/(p + q)."""
    critic = np.log(2 * p / (p + q)) / 2
    bound = variational_bound(p, q, f=FAMILY["js"], critic=critic)
    return 2 * bound - 2 * math.log(2)


def log_likelihood(table):
    """The sum of `table` times the log of the model's answers given the causes."""
    shares = table.sum()
    joint = cross_entropy((table / shares).ravel(), MODEL.ravel())
    return shares * (cross_entropy(table.sum(1) / shares, CAUSE) - joint)


def narrowest(correlation):
    """The variance of the best law with independent parts, by reverse KL from a correlated one."""
    cov = np.array([[1, correlation], [correlation, 1]])
    found = minimize_scalar(
        lambda v: kl_mvn([0, 0], v * np.eye(2), [0, 0], cov), bounds=(0.05, 2), method="bounded"
    )
    return found.x


def half_order_cost(p, q):
    """(min sum of P |x - y|^(1/2))^2, which is no metric."""
    cost = np.sqrt(DISTANCES / 2)
    return (transport_plan(p, q, cost) * cost).sum() ** 2


def best_prices(p, q, cost):
    f, g = kantorovich_potentials(p, q, cost)
    return f @ p + g @ q


def mean_gap_to(place, n=1_000_000):
    """E |X - place| for X ~ N(0, 1): W1 to a point mass, by its quantiles."""
    return wasserstein_1d(stats.norm.ppf((np.arange(n) + 0.5) / n), [place])


ENTROPY = [
    ("-sum p log p", "0.801818552543", lambda: entropy(P)),
    ("-sum p log2 p", "1.156779649447", lambda: entropy(P, base=2)),
    ("-sum q log q", "0.639031859650", lambda: entropy(Q)),
    ("-sum q log2 q", "0.921928094887", lambda: entropy(Q, base=2)),
    ("a nat in bits", "1.442695", lambda: information_content(math.exp(-1), base=2)),
    ("log2 784", "9.614709844115", lambda: entropy(np.ones(784), base=2, normalize=True)),
    ("counts of 5 and 5", "0.693147180560", lambda: entropy([5, 5], normalize=True)),
    ("784 equal outcomes", "784.0000000000", lambda: perplexity(np.full(784, 1 / 784))),
    ("log sqrt(2 pi e)", "1.418938533205", lambda: entropy_density(normal(0)).value),
    ("-sum p log q", "2.094640938826", lambda: cross_entropy(P, Q)),
    ("-sum p log2 q", "3.021928", lambda: cross_entropy(P, Q, base=2)),
    ("-sum q log p", "2.038679360033", lambda: cross_entropy(Q, P)),
    ("KL - H", "0.491003833739", lambda: kl_divergence(P, Q) - entropy(P)),
    ("KL + H", "2.094640938826", lambda: kl_divergence(P, Q) + entropy(P)),
    ("gap 2 H", "1.603637105087", lambda: cross_entropy(P, Q) - kl_divergence(P, Q) + entropy(P)),
]

KULLBACK_LEIBLER = [
    ("sum p log(p/q)", "1.292822386283", lambda: kl_divergence(P, Q)),
    ("sum q log(q/p)", "1.399647500382", lambda: kl_divergence(Q, P)),
    ("in bits", "1.865148", lambda: kl_divergence(P, Q, base=2)),
    ("in hartleys", "0.561466", lambda: kl_divergence(P, Q, base=10)),
    ("likelihood, joint weights", "-0.6506146667650", lambda: log_likelihood(DATA)),
    (
        "likelihood, marginal weights",
        "-1.398541",
        lambda: log_likelihood(np.outer(CAUSE, [1, 1])),
    ),
    (
        "-(KL + L) = H(y|x)",
        "0.447806588494",
        lambda: -conditional_kl_divergence(DATA, MODEL) - log_likelihood(DATA),
    ),
    (
        ".001 log(.001/e^-10000)",
        "9.9931",
        lambda: (
            cross_entropy_from_logits([0.001, 0.999], [-1e4, 0])
            - 0.001 * information_content(0.001)
        ),
    ),
    (
        "the same and .999 log .999",
        "9.9920927",
        lambda: kl_from_logits(np.log([0.001, 0.999]), [-1e4, 0]),
    ),
    (
        ".01 log(.01/1e-6)",
        "0.092103",
        lambda: 0.01 * (information_content(1e-6) - information_content(0.01)),
    ),
    ("N(0, 2^2), N(0, 1)", "0.8068528194", lambda: kl_normal(0, 2, 0, 1)),
    ("N(0, 1), N(0, 2^2)", "0.3181471806", lambda: kl_normal(0, 1, 0, 2)),
    ("N(0, 2), N(0, 1)", "0.153426", lambda: kl_normal(0, math.sqrt(2), 0, 1)),
    ("log 2 - 1/4", "0.443147180560", lambda: kl_normal(0, 1, 1, 2)),
    ("its reverse", "1.306852819440", lambda: kl_normal(1, 2, 0, 1)),
    (
        "its reverse, integrated",
        "1.306852819440",
        lambda: kl_density(normal(1, 2), normal(0)).value,
    ),
    (
        "its reverse, Rényi of order 1",
        "1.306852819440",
        lambda: renyi_mvn([1], [[4]], [0], [[1]], order=1),
    ),
    (
        "20 = 1000 .2^2/2",
        "20.000000000000",
        lambda: kl_standard_normal(np.full(1000, 0.2), np.zeros(1000)),
    ),
]

DIRECTIONS = [
    ("forward, moments", "0.461994613", lambda: kl_mixture(two_modes(3), one(0, 10**0.5)).value),
    ("forward, one mode", "8.310702", lambda: kl_mixture(two_modes(3), one(3, 1)).value),
    ("reverse, one mode", "0.689298", lambda: kl_mixture(one(3, 1), two_modes(3)).value),
    ("reverse, moments", "0.937980", lambda: kl_mixture(one(0, 10**0.5), two_modes(3)).value),
    ("reverse, best mean", "2.9843", lambda: abs(reverse_fit(3).parameters[0])),
    ("reverse, best sd", "1.0234", lambda: reverse_fit(3).parameters[1]),
    ("reverse, best value", "0.688769", lambda: reverse_fit(3).value),
    ("half-distance 2, sd", "2.047", lambda: reverse_fit(2).parameters[1]),
    ("half-distance 2, value", "0.226508", lambda: reverse_fit(2).value),
    ("half-distance 2.5, value", "0.4811", lambda: reverse_fit(2.5).value),
    (
        "missing weight .3",
        "0.356675",
        lambda: kl_mixture(one(9, 1), ([0.7, 0.3], [9, -9], [1, 1])).value,
    ),
    (
        "missing weight .7",
        "1.203973",
        lambda: kl_mixture(one(-9, 1), ([0.7, 0.3], [9, -9], [1, 1])).value,
    ),
    ("reverse variance 1 - .9^2", "0.19000", lambda: narrowest(0.9)),
]

DISTANCES_AND_F = [
    ("Jeffreys", "2.692469886665", lambda: jeffreys_divergence(P, Q)),
    ("chi2", "4.3125", lambda: chi2_divergence(P, Q)),
    ("TV", "0.7", lambda: total_variation(P, Q)),
    ("TV of N(0, 1), N(1, 1)", "0.382924922548", lambda: tv_density(normal(0), normal(1)).value),
    ("TV at sqrt 40", "0.998435", lambda: tv_density(normal(0), normal(40**0.5)).value),
    ("H^2", "0.311160800182", lambda: hellinger_distance(P, Q) ** 2),
    ("H", "0.557817891593", lambda: hellinger_distance(P, Q)),
    ("H^2 through the middle", "0.585786", lambda: 2 * hellinger_distance(ENDS[0], MIDDLE) ** 2),
    (
        "H^2 of N(0, 1), N(1, 1)",
        "0.117503097415",
        lambda: hellinger_mvn([0], [[1]], [1], [[1]]) ** 2,
    ),
    (
        "the same, integrated",
        "0.117503097415",
        lambda: hellinger_density(normal(0), normal(1)).value ** 2,
    ),
    ("f = 3(t - 1)", "0.000000000000", lambda: f_divergence(P, Q, f=lambda t: 3 * (t - 1))),
    (
        "KL reached by 1 + log(p/q)",
        "1.292822386283",
        lambda: variational_bound(P, Q, f=FAMILY["kl"], critic=1 + np.log(P / Q)),
    ),
]

JENSEN_SHANNON = [
    ("JS", "0.28998754768378", lambda: js_divergence(P, Q)),
    ("JS in bits", "0.418363596963", lambda: js_divergence(P, Q, base=2)),
    ("its root", "0.538504918904", lambda: js_distance(P, Q)),
    ("2 JS", "0.579975095368", lambda: 2 * js_divergence(P, Q)),
    ("disjoint, log 2", "0.693147180559945", lambda: js_divergence(*ENDS)),
    ("disjoint, a bit", "1.000000000000", lambda: js_divergence(*ENDS, base=2)),
    ("end and middle", "0.215762", lambda: js_divergence(ENDS[0], MIDDLE)),
    ("through the middle", "0.431523", lambda: 2 * js_divergence(ENDS[0], MIDDLE)),
    ("root of log 2", "0.832555", lambda: js_distance(*ENDS)),
    ("roots through the middle", "0.929003", lambda: 2 * js_distance(ENDS[0], MIDDLE)),
    ("game at the best D", "-0.806319265752", lambda: game(P, Q)),
    ("half of it", "-0.403159632876", lambda: game(P, Q) / 2),
    ("game at P = Q", "-1.386294361120", lambda: game(P, P)),
    ("N(0, 1), N(1, 1)", "0.1114214821847362", lambda: js_density(normal(0), normal(1)).value),
    (
        "N(0, 1), N(1, 1) in bits",
        "0.1607472197964169",
        lambda: js_density(normal(0), normal(1), base=2).value,
    ),
    ("1 % overlap", "0.686216", lambda: uniform_js(0.99)),
    ("slope at 1", "0.198986", lambda: js_slope(1)),
    ("slope at 5", "0.0236898", lambda: js_slope(5)),
    ("slope at 10", "0.00000223205", lambda: js_slope(10)),
]

TRANSPORT = [
    ("W1 as weights", "1.3", lambda: wasserstein_pmf(P, Q)),
    (
        "W1 in a plane",
        "1.3",
        lambda: wasserstein_nd(
            np.c_[0:3, 0:3] * 0.5**0.5, np.c_[0:3, 0:3] * 0.5**0.5, x_weights=P, y_weights=Q
        ),
    ),
    ("W1 by plan", "1.3", lambda: (transport_plan(P, Q, DISTANCES) * DISTANCES).sum()),
    ("W1 by prices", "1.3", lambda: best_prices(P, Q, DISTANCES)),
    ("prices four times as steep", "5.2", lambda: best_prices(P, Q, 4 * DISTANCES)),
    ("W1 as samples", "0.0666667", lambda: wasserstein_1d(P, Q)),
    ("W1 of N(0, 1) to .5", "0.895593", lambda: mean_gap_to(0.5)),
    ("order 1/2, ends", "1.000000000000", lambda: half_order_cost([1, 0, 0], [0, 0, 1])),
    (
        "order 1/2, end and both",
        "0.250000000000",
        lambda: half_order_cost([1, 0, 0], [0.5, 0, 0.5]),
    ),
    ("sqrt 40, one axis", "6.3246", lambda: w2_normal(0, 1, 40**0.5, 1)),
    (
        "sqrt 40, a thousand axes",
        "6.3246",
        lambda: wasserstein_nd(np.zeros((3, 1000)), np.full((3, 1000), 0.2)),
    ),
    (
        "sqrt 40, forty axes",
        "6.3246",
        lambda: w2_mvn(np.zeros(40), np.eye(40), np.ones(40), np.eye(40)),
    ),
]


FITS = {}


def reverse_fit(a):
    """The best normal law by reverse KL of half N(-a, 1), half N(a, 1)."""
    if a not in FITS:
        starts = [[0.0, 2.0], [0.0, 2.5], [a, 1.04]]
        FITS[a] = project(log_two_modes(a), "normal", "reverse", starts=starts)[0]
    return FITS[a]


KNOWN = {
    f"{group}: {formula}": (value, compute)
    for group, table in {
        "entropy": ENTROPY,
        "KL": KULLBACK_LEIBLER,
        "directions": DIRECTIONS,
        "distances": DISTANCES_AND_F,
        "JS": JENSEN_SHANNON,
        "transport": TRANSPORT,
    }.items()
    for formula, value, compute in table
}


@pytest.mark.parametrize("name", KNOWN)
def test_the_value_of_a_formula_comes_out_to_the_digits_it_is_printed_with(name):
    printed, compute = KNOWN[name]
    last_digit = 10.0 ** Decimal(printed).as_tuple().exponent
    rounding = 2 * math.ulp(float(printed))
    assert abs(compute() - float(printed)) <= last_digit / 2 + rounding


def test_no_two_formulas_share_a_name():
    tables = (ENTROPY, KULLBACK_LEIBLER, DIRECTIONS, DISTANCES_AND_F, JENSEN_SHANNON, TRANSPORT)
    assert len(KNOWN) == sum(map(len, tables))


def test_jensen_shannon_gives_no_gradient_where_the_wasserstein_distance_does():
    assert uniform_js(1.5) == pytest.approx(uniform_js(2.5), abs=1e-14)
    places = [wasserstein_1d([0.0], [t]) for t in (0.5, 1.0)]
    assert places == [0.5, 1.0]


def test_laws_without_a_common_outcome_are_infinitely_far_by_kl_and_near_by_wasserstein():
    p, q = [1, 0], [0, 1]
    assert kl_divergence(p, q) == math.inf
    assert total_variation(p, q) == hellinger_distance(p, q) == 1
    assert wasserstein_pmf(p, q, [0, 0.5]) == 0.5
