"""The functions have a gufunc's shape: dask maps them over data that one machine cannot hold."""

import dask.array as da
import numpy as np
import pytest
from distributed import Client, LocalCluster

from divkit.information import cross_entropy, entropy, kl_divergence

ROWS, OUTCOMES = 6000, 64


@pytest.fixture(scope="module")
def client():
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def laws():
    weights = np.random.default_rng(0).random((2, ROWS, OUTCOMES))
    return weights / weights.sum(axis=-1, keepdims=True)


def in_blocks(function, *tables, **keywords):
    signature = ",".join(["(i)"] * len(tables)) + "->()"
    lazy = [da.from_array(table, chunks=(1000, OUTCOMES)) for table in tables]
    return da.apply_gufunc(function, signature, *lazy, output_dtypes=float, **keywords)


@pytest.mark.parametrize(
    ("function", "arguments"), [(kl_divergence, 2), (cross_entropy, 2), (entropy, 1)]
)
def test_a_cluster_of_two_workers_computes_the_same_values(client, laws, function, arguments):
    tables = laws[:arguments]
    lazy = in_blocks(function, *tables, base=2)
    assert lazy.npartitions == 6
    np.testing.assert_array_equal(lazy.compute(), function(*tables, base=2))
    assert len(client.ncores()) == 2


def test_a_bad_row_on_a_worker_is_refused_by_name(client, laws):
    spoilt = laws[0].copy()
    spoilt[4321, 7] = -1.0
    with pytest.raises(ValueError, match=r"entry 7 is -1\.0"):
        in_blocks(entropy, spoilt).compute()
