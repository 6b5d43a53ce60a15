"""Threads change the time that many rows take, never a value, a message or the order of either."""

import threading

import numpy as np
import pytest

from divkit import js_divergence, kl_divergence, total_variation, workers
from divkit._blocks import in_parallel
from divkit.transport import wasserstein_1d, wasserstein_pmf

FUNCTIONS = [kl_divergence, js_divergence, total_variation, wasserstein_1d, wasserstein_pmf]


def laws(seed: int, rows: int = 3000, outcomes: int = 256) -> np.ndarray:
    weights = np.random.default_rng(seed).random((rows, outcomes))
    return weights / weights.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__name__)
def test_two_threads_give_the_same_values_to_the_last_bit(function):
    p, q = laws(1), laws(2)
    alone = function(p, q)
    with workers(2):
        assert np.array_equal(function(p, q), alone)


def test_one_long_row_is_the_same_too():
    u, v = np.random.default_rng(3).normal(size=(2, 100_000))
    alone = wasserstein_1d(u, v)
    with workers(2):
        assert wasserstein_1d(u, v) == alone


def test_the_first_fault_is_named_whichever_thread_meets_one_first():
    p = laws(1)
    p[[1200, 2900], 5] = -1
    with workers(3), pytest.raises(ValueError, match=r"p, row 1200: entry 5 is -1\.0"):
        kl_divergence(p, laws(2))


def test_the_work_is_done_on_several_threads_inside_the_block_alone():
    meet = threading.Barrier(2, timeout=30)

    def who(_: int) -> int:
        meet.wait()  # nobody passes before the other is there
        return threading.get_ident()

    with workers(2):
        assert len(set(in_parallel(who, range(2)))) == 2
    assert set(in_parallel(lambda _: threading.get_ident(), range(2))) == {threading.get_ident()}


def test_threads_are_not_inherited_by_what_they_call():
    with workers(2):
        nested = in_parallel(
            lambda _: set(in_parallel(lambda _: threading.get_ident(), "ab")), "cd"
        )
        assert all(len(threads) == 1 for threads in nested)


@pytest.mark.parametrize("count", [0, -1, True])
def test_a_number_of_threads_below_one_is_refused(count):
    with pytest.raises(ValueError, match=f"at least 1, got {count}"), workers(count):
        pass


@pytest.mark.parametrize("count", [1.5, "2", None])
def test_a_number_of_threads_that_is_no_integer_is_refused(count):
    with pytest.raises(TypeError), workers(count):
        pass
