"""Every public function refuses what it cannot mean, by the name of the argument.

One table says which arguments a function has and of what kind each is; what may be wrong with a
kind is listed once. A public function that is missing in the table fails a test.
"""

import inspect
from importlib import import_module
from importlib.util import find_spec

import numpy as np
import pytest
from scipy import stats

import divkit
from divkit.fdivergence import FAMILY

LAW, OTHER = [0.2, 0.3, 0.5], [0.3, 0.3, 0.4]
TABLE = [[0.1, 0.2], [0.3, 0.4]]
LINE, SHIFTED = [0.0, 1.0, 2.0, 4.0], [1.0, 1.5, 2.5, 5.0]
PLANE, MOVED = [[0.0, 1.0], [1.0, 0.0], [2.0, 2.0]], [[1.0, 1.0], [0.0, 0.0], [3.0, 1.0]]
COV = [[2.0, 0.5], [0.5, 1.0]]
NORMAL = stats.norm.logpdf

# function: its arguments, each with its kind and a value that is fine
FUNCTIONS = {
    "coding.huffman_code": {"p": ("law", LAW)},
    "coding.kraft_sum": {"lengths": ("natural", [1, 2, 2])},
    "coding.shannon_code_lengths": {"p": ("law", LAW)},
    "datasets.dusk": {"image": ("bytes", np.zeros((2, 2, 3), np.uint8))},
    "datasets.gaussian_ring": {
        "size": ("size", 5),
        "n_modes": ("size", 4),
        "radius": ("scale", 2.0),
        "sd": ("scale", 0.1),
    },
    "datasets.mode_coverage": {
        "samples": ("points", PLANE),
        "modes": ("points", MOVED),
        "within": ("scale", 0.3),
        "least": ("scale", 0.1),
    },
    "datasets.ring_modes": {"n_modes": ("size", 4), "radius": ("scale", 2.0)},
    "estimate.calibration_error": {
        "probabilities": ("laws", [LAW, OTHER]),
        "labels": ("label", [0, 2]),
    },
    "estimate.entropy_from_samples": {"samples": ("samples", [0.0, 1.0, 1.0, 2.0])},
    "estimate.histogram_pmf": {"samples": ("samples", LINE), "bins": ("size", 4)},
    "estimate.image_histograms": {"images": ("bytes", np.zeros((2, 3, 3), np.uint8))},
    "estimate.js_from_samples": {
        "x": ("samples", [0.0, 1.0, 1.0]),
        "y": ("samples", [1.0, 0.0, 0.0]),
        "pseudocount": ("count", 1.0),
    },
    "estimate.kl_from_samples": {
        "x": ("samples", [0.0, 1.0, 1.0]),
        "y": ("samples", [1.0, 0.0, 0.0]),
        "pseudocount": ("count", 1.0),
    },
    "estimate.mutual_information_from_samples": {
        "x": ("samples", [0.0, 1.0, 1.0]),
        "y": ("samples", [1.0, 0.0, 0.0]),
    },
    "estimate.permutation_test": {
        "x": ("anything", LINE),
        "y": ("anything", SHIFTED),
        "statistic": (None, lambda x, y: abs(np.mean(x) - np.mean(y))),
        "n_permutations": ("size", 9),
    },
    "estimate.subsampling_interval": {
        "x": ("anything", list(range(40))),
        "statistic": (None, np.mean),
        "n_subsamples": ("size", 19),
    },
    "estimate.temperature_scaling": {
        "logits": ("logits", [[1.0, 0.0], [0.0, 2.0], [1.0, 1.5]]),
        "labels": ("label", [0, 1, 0]),
    },
    "fdivergence.alpha": {"order": ("real", 0.5)},
    "fdivergence.alpha_divergence": {
        "p": ("law", LAW),
        "q": ("law", OTHER),
        "order": ("real", 0.5),
    },
    "fdivergence.bhattacharyya_divergence": {"p": ("law", LAW), "q": ("law", OTHER)},
    "fdivergence.bretagnolle_huber_bound": {"kl": ("divergence", 0.3)},
    "fdivergence.chi2_divergence": {"p": ("law", LAW), "q": ("law", OTHER)},
    "fdivergence.f_divergence": {
        "p": ("law", LAW),
        "q": ("law", OTHER),
        "f": (None, FAMILY["triangular"]),
    },
    "fdivergence.hellinger_distance": {"p": ("law", LAW), "q": ("law", OTHER)},
    "fdivergence.jeffreys_divergence": {"p": ("law", LAW), "q": ("law", OTHER)},
    "fdivergence.js_distance": {"p": ("law", LAW), "q": ("law", OTHER)},
    "fdivergence.js_divergence": {"p": ("law", LAW), "q": ("law", OTHER)},
    "fdivergence.kl_bernoulli_inverse": {"p": ("probability", 0.3), "bound": ("divergence", 0.1)},
    "fdivergence.kl_bound_from_chi2": {"chi2": ("divergence", 0.3)},
    "fdivergence.pinsker_bound": {"kl": ("divergence", 0.3)},
    "fdivergence.renyi_divergence": {
        "p": ("law", LAW),
        "q": ("law", OTHER),
        "order": ("order of Rényi", 2.0),
    },
    "fdivergence.total_variation": {"p": ("law", LAW), "q": ("law", OTHER)},
    "fdivergence.tv_bounds_from_hellinger": {"h": ("probability", 0.3)},
    "fdivergence.variational_bound": {
        "p": ("law", LAW),
        "q": ("law", OTHER),
        "f": (None, FAMILY["kl"]),
        "critic": ("real", [0.5, 0.2, 0.1]),
    },
    "gaussian.entropy_normal": {"sd": ("positive", 2.0)},
    "gaussian.hellinger_mvn": {
        "mean0": ("real", [0.0, 1.0]),
        "cov0": ("covariance", COV),
        "mean1": ("real", [1.0, 1.0]),
        "cov1": ("covariance", COV),
    },
    "gaussian.kl_bernoulli": {"p": ("probability", 0.3), "q": ("probability", 0.4)},
    "gaussian.kl_beta": dict.fromkeys(("a0", "b0", "a1", "b1"), ("positive", 2.0)),
    "gaussian.kl_dirichlet": {
        "alpha0": ("positive", [1.0, 2.0]),
        "alpha1": ("positive", [2.0, 2.0]),
    },
    "gaussian.kl_exponential": {"scale0": ("positive", 1.0), "scale1": ("positive", 2.0)},
    "gaussian.kl_gamma": dict.fromkeys(("shape0", "scale0", "shape1", "scale1"), ("positive", 2.0)),
    "gaussian.kl_laplace": {
        "loc0": ("real", 0.0),
        "scale0": ("positive", 1.0),
        "loc1": ("real", 1.0),
        "scale1": ("positive", 2.0),
    },
    "gaussian.kl_normal": {
        "mean0": ("real", 0.0),
        "sd0": ("positive", 1.0),
        "mean1": ("real", 1.0),
        "sd1": ("positive", 2.0),
    },
    "gaussian.kl_poisson": {"rate0": ("weight", 1.0), "rate1": ("weight", 2.0)},
    "gaussian.kl_standard_normal": {"mean": ("real", [0.0, 1.0]), "logvar": ("real", [0.0, 1.0])},
    "gaussian.mean_field_normal": {"cov": ("covariance", COV)},
    "gaussian.pairwise_kl_mvn": {
        "means0": ("real", [[0.0, 1.0]]),
        "covs0": ("covariances", [COV]),
        "means1": ("real", [[1.0, 1.0]]),
        "covs1": ("covariances", [COV]),
    },
    "gaussian.renyi_mvn": {
        "mean0": ("real", [0.0, 1.0]),
        "cov0": ("covariance", COV),
        "mean1": ("real", [1.0, 1.0]),
        "cov1": ("covariance", COV),
        "order": ("order of Rényi", 0.5),
    },
    "gaussian.w2_normal": {
        "mean0": ("real", 0.0),
        "sd0": ("positive", 1.0),
        "mean1": ("real", 1.0),
        "sd1": ("positive", 2.0),
    },
    "information.binary_entropy": {"p": ("probability", 0.3)},
    "information.conditional_entropy": {"pxy": ("joint", TABLE), "given": (None, "x")},
    "information.conditional_kl_divergence": {"pxy": ("joint", TABLE), "qxy": ("joint", TABLE)},
    "information.cross_entropy": {"p": ("law", LAW), "q": ("law", OTHER)},
    "information.cross_entropy_from_logits": {
        "p": ("law", LAW),
        "logits": ("logits", [0.0, 1.0, 2.0]),
    },
    "information.entropy": {"p": ("law", LAW)},
    "information.information_content": {"p": ("probability", 0.3)},
    "information.joint_entropy": {"pxy": ("joint", TABLE)},
    "information.js_from_logits": {
        "p_logits": ("logits", [0.0, 1.0, 2.0]),
        "q_logits": ("logits", [0.0, 2.0, 1.0]),
    },
    "information.kl_divergence": {"p": ("law", LAW), "q": ("law", OTHER)},
    "information.kl_from_logits": {
        "p_logits": ("logits", [0.0, 1.0, 2.0]),
        "q_logits": ("logits", [0.0, 2.0, 1.0]),
    },
    "information.mutual_information": {"pxy": ("joint", TABLE)},
    "information.perplexity": {"p": ("law", LAW)},
    "pairwise.pairwise": {"P": ("laws", [LAW, OTHER]), "Q": ("laws", [OTHER])},
    "transport.barycentric_map": {"plan": ("plan", TABLE), "Y": ("real", PLANE[:2])},
    "transport.energy_distance": {
        "u": ("samples", LINE),
        "v": ("samples", SHIFTED),
        "u_weights": ("weights", [1.0, 1.0, 2.0, 1.0]),
    },
    "transport.kantorovich_potentials": {
        "a": ("law", LAW),
        "b": ("law", OTHER),
        "cost": ("real", np.ones((3, 3))),
    },
    "transport.mmd2": {"X": ("points", PLANE), "Y": ("points", MOVED)},
    "transport.sinkhorn": {
        "a": ("law", LAW),
        "b": ("law", OTHER),
        "cost": ("real", np.ones((3, 3))),
        "reg": ("positive", 0.1),
    },
    "transport.sinkhorn_divergence": {
        "X": ("points", PLANE),
        "Y": ("points", MOVED),
        "reg": ("positive", 0.5),
    },
    "transport.sliced_wasserstein": {
        "X": ("points", PLANE),
        "Y": ("points", MOVED),
        "order": ("order", 1),
        "n_projections": ("size", 5),
    },
    "transport.transport_plan": {
        "a": ("law", LAW),
        "b": ("law", OTHER),
        "cost": ("real", np.ones((3, 3))),
    },
    "transport.wasserstein_1d": {
        "u": ("samples", LINE),
        "v": ("samples", SHIFTED),
        "order": ("order", 1),
        "v_weights": ("weights", [1.0, 1.0, 2.0, 1.0]),
    },
    "transport.wasserstein_barycenter": {"p": ("laws", [LAW, OTHER])},
    "transport.wasserstein_nd": {
        "X": ("points", PLANE),
        "Y": ("points", MOVED),
        "order": ("order", 1),
    },
    "transport.wasserstein_pmf": {
        "p": ("law", LAW),
        "q": ("law", OTHER),
        "x": ("real", [0.0, 1.0, 2.0]),
        "order": ("order", 1),
    },
}
FUNCTIONS["gaussian.kl_mvn"] = FUNCTIONS["gaussian.w2_mvn"] = FUNCTIONS["gaussian.hellinger_mvn"]
if find_spec("tensorflow"):
    FUNCTIONS |= {
        "keras.beta_sweep": {
            "images": ("pixels", np.zeros((2, 28, 28))),
            "betas": ("factors", [1.0]),
            "held_out": ("pixels", np.zeros((2, 28, 28))),
            "learning_rate": ("scale", 0.001),
            "epochs": (None, 1),
        },
        "keras.f_divergence_objective": {"name": ("name", "kl")},
        "keras.image_batches": {
            "images": ("pixels", np.zeros((2, 3, 3))),
            "batch_size": ("size", 2),
        },
        "keras.logistic_objective": {},
        "keras.scaled": {"regularizer": (None, lambda mean, logvar: 0.0), "beta": ("factor", 2.0)},
        "keras.wasserstein_objective": {"penalty": ("scale", 10.0)},
    }
# Their arguments are functions, whose faults their own tests name.
OF_FUNCTIONS = {
    *(f"continuous.{kind}_density" for kind in ("entropy", "kl", "js", "tv", "hellinger")),
    *("continuous.kl_monte_carlo", "continuous.kl_mixture", "continuous.kl_mixture_bounds"),
    *("continuous.kl_mixture_monte_carlo", "fit.fisher_information", "fit.maximum_likelihood"),
    *("fit.project", "fit.sandwich_covariance"),
}
# Their arguments are names, of a file or a part of the data, or they have none.
OF_NAMES = {
    *("datasets.image_names", "datasets.load_fashion_mnist", "datasets.load_image"),
    "datasets.load_text",
}
# Their arguments are tensors of a graph, which have no values yet.
OF_TENSORS = {
    *(f"keras.{name}" for name in ("cross_entropy", "cross_entropy_summed_over_batch")),
    *(f"keras.{kind}_regularizer" for kind in ("euclidean", "kl", "no", "w2")),
    *("keras.euclidean_regularizer_as_coded", "keras.gradient_norms", "keras.gradient_penalty"),
    *("keras.minimax_loss", "keras.non_saturating_loss"),
}
MODULES = sorted({name.split(".")[0] for name in FUNCTIONS} | {"continuous", "fit"})


def first_entry(value, entry):
    """The value with another first entry."""
    spoilt = np.array(value, dtype=float)
    spoilt.flat[0] = entry
    return spoilt


NO_NUMBERS = {
    "complex": lambda value: np.asarray(value) + 1j,
    "object": lambda value: np.asarray(value, dtype=object),
    "a string": lambda value: np.asarray(value).astype(str),
    "masked": lambda value: np.ma.masked_array(value, mask=first_entry(np.zeros_like(value), 1)),
    "ragged": lambda value: [[0.5], [0.25, 0.25]],
}
NOT_A_NUMBER = {"NaN": lambda value: first_entry(value, np.nan)}
INFINITE = {"infinite": lambda value: first_entry(value, np.inf)}
NEGATIVE = {"negative": lambda value: first_entry(value, -0.1)}
ABOVE_ONE = {"above 1": lambda value: first_entry(value, 1.1)}
ZERO = {"zero": lambda value: first_entry(value, 0.0)}
BELOW_ONE = {"below 1": lambda value: first_entry(value, 0.5)}
FRACTION = {"a fraction": lambda value: first_entry(value, 1.5)}
EMPTY = {"empty": lambda value: np.asarray(value)[:0]}
FINITE = NOT_A_NUMBER | INFINITE
SUM = {"not summing to 1": lambda value: np.asarray(value) * 0.9}
DISTRIBUTION = NO_NUMBERS | FINITE | NEGATIVE | SUM
SQUARE = {
    "not symmetric": lambda value: np.add(value, [[0, 0.3], [0, 0]]),
    "not positive definite": lambda value: np.asarray(value) * [[1, 9], [9, 1]],
    "not square": lambda value: np.asarray(value)[..., :1],
}

FAULTS = {
    "law": DISTRIBUTION | EMPTY,
    "laws": DISTRIBUTION,
    "joint": DISTRIBUTION,
    "plan": NO_NUMBERS | FINITE | NEGATIVE,
    "probability": NO_NUMBERS | NOT_A_NUMBER | INFINITE | NEGATIVE | ABOVE_ONE,
    "divergence": NO_NUMBERS | NOT_A_NUMBER | NEGATIVE,
    "real": NO_NUMBERS | FINITE,
    "positive": NO_NUMBERS | FINITE | NEGATIVE | ZERO,
    "weight": NO_NUMBERS | FINITE | NEGATIVE,
    "weights": NO_NUMBERS | FINITE | NEGATIVE | {"all zero": lambda value: np.zeros(len(value))},
    "count": FINITE
    | NEGATIVE
    | {"a string": str, "complex": complex, "a list": lambda value: [value]},
    "anything": NO_NUMBERS | EMPTY,  # where the statistic says what a NaN means
    "samples": NO_NUMBERS | FINITE | EMPTY,
    "points": NO_NUMBERS | FINITE | EMPTY,
    "logits": NO_NUMBERS | NOT_A_NUMBER,
    "natural": NO_NUMBERS | FINITE | NEGATIVE | FRACTION,
    "label": NO_NUMBERS | FINITE | NEGATIVE | FRACTION,
    "bytes": {name: NO_NUMBERS[name] for name in ("complex", "object", "a string")},
    "size": ZERO | FRACTION | NEGATIVE,
    "order": NOT_A_NUMBER | NEGATIVE | BELOW_ONE,
    "order of Rényi": NOT_A_NUMBER | NEGATIVE,
    "scale": FINITE | NEGATIVE | ZERO,
    "factor": FINITE | NEGATIVE,
    "factors": FINITE | NEGATIVE | EMPTY,
    "pixels": EMPTY
    | {name: NO_NUMBERS[name] for name in ("complex", "object", "a string")}
    | FINITE
    | NEGATIVE
    | ABOVE_ONE,
    "name": {"unknown": lambda value: value + "?", "no string": lambda value: 3},
    "covariance": NO_NUMBERS | FINITE | SQUARE,
    "covariances": NO_NUMBERS | FINITE,
}

SPOILT = [
    pytest.param(name, argument, spoil, id=f"{name}-{argument}-{fault}")
    for name, arguments in FUNCTIONS.items()
    for argument, (kind, _) in arguments.items()
    if kind
    for fault, spoil in FAULTS[kind].items()
]


def function(name):
    module, short = name.split(".")
    return getattr(import_module(f"divkit.{module}"), short)


def call(name, arguments):
    """Positional arguments by place, so that an argument without a name is passed as well."""
    parameters = inspect.signature(function(name)).parameters
    by_place = [
        arguments.pop(n)
        for n, p in parameters.items()
        if p.kind < p.KEYWORD_ONLY and n in arguments
    ]
    return function(name)(*by_place, **arguments)


def valid(name):
    return {argument: value for argument, (_, value) in FUNCTIONS[name].items()}


def test_the_table_has_every_public_function():
    public = {
        f"{module}.{name}"
        for module in MODULES
        for name in import_module(f"divkit.{module}").__all__
        if inspect.isfunction(getattr(import_module(f"divkit.{module}"), name))
    }
    of_keras = OF_TENSORS if "keras" in MODULES else set()
    assert public == set(FUNCTIONS) | OF_FUNCTIONS | OF_NAMES | of_keras
    assert set(divkit.__all__) - set(MODULES) <= {"keras", "plot", "symbolic"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_table_holds_calls_that_work_and_change_no_array(name):
    arguments = {
        key: np.array(value) if isinstance(value, list | np.ndarray) else value
        for key, value in valid(name).items()
    }
    arrays = {key: value for key, value in arguments.items() if isinstance(value, np.ndarray)}
    before = {key: array.copy() for key, array in arrays.items()}
    call(name, dict(arguments))
    for key, array in arrays.items():
        np.testing.assert_array_equal(array, before[key])
        array.setflags(write=False)
    call(name, dict(arguments))


@pytest.mark.parametrize(("name", "argument", "spoil"), SPOILT)
def test_a_fault_is_refused_by_the_name_of_its_argument(name, argument, spoil):
    arguments = valid(name)
    arguments[argument] = spoil(arguments[argument])
    with pytest.raises((ValueError, TypeError), match=rf"\b{argument}\b"):
        call(name, arguments)


def with_option(option):
    return [n for n in FUNCTIONS if option in inspect.signature(function(n)).parameters]


@pytest.mark.parametrize("base", [1, 0, -2, np.nan, np.inf, "2"])
@pytest.mark.parametrize("name", [n for n in with_option("base") if not n.startswith("coding.")])
def test_a_base_is_a_finite_number_above_one(name, base):
    with pytest.raises((ValueError, TypeError), match=r"\bbase\b"):
        call(name, valid(name) | {"base": base})


@pytest.mark.parametrize("axis", [9, -9, 0.5, "0"])
@pytest.mark.parametrize("name", with_option("axis"))
def test_an_axis_is_one_of_the_array(name, axis):
    with pytest.raises((ValueError, TypeError), match=r"\baxis\b"):
        call(name, valid(name) | {"axis": axis})


@pytest.mark.parametrize("name", with_option("normalize"))
def test_a_row_without_mass_cannot_be_normalised(name):
    arguments = valid(name)
    first = next(iter(arguments))
    arguments[first] = np.zeros_like(arguments[first])
    with pytest.raises(ValueError, match=rf"\b{first}\b"):
        call(name, arguments | {"normalize": True})


OF_ONE_ALPHABET = [
    name
    for name, arguments in FUNCTIONS.items()
    if [kind for kind, _ in arguments.values()][:2] == ["law", "law"] and "cost" not in arguments
]


@pytest.mark.parametrize("name", OF_ONE_ALPHABET)
def test_alphabets_of_different_sizes_are_refused(name):
    arguments = valid(name)
    with pytest.raises(ValueError, match="3"):
        call(name, arguments | {list(arguments)[1]: [0.5, 0.5]})
