"""The functions have a gufunc's shape: dask maps them over data that one machine cannot hold."""

import dask.array as da
import numpy as np
import pytest
from distributed import Client, LocalCluster

from divkit._kernels import BLOCK
from divkit.information import cross_entropy, entropy, kl_divergence

ROWS, OUTCOMES = 6000, 256  # three blocks of the library in each of two chunks


@pytest.fixture(scope="module")
def client():
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def laws():
    shape, chunks = (ROWS, OUTCOMES), (ROWS // 2, OUTCOMES)
    tables = [da.random.default_rng(seed).random(shape, chunks=chunks) for seed in (0, 1)]
    return [weights / weights.sum(axis=-1, keepdims=True) for weights in tables]


def in_blocks(function, *tables, **keywords):
    signature = ",".join(["(i)"] * len(tables)) + "->()"
    return da.apply_gufunc(function, signature, *tables, output_dtypes=float, **keywords)


@pytest.mark.parametrize(
    ("function", "arguments"), [(kl_divergence, 2), (cross_entropy, 2), (entropy, 1)]
)
def test_a_cluster_of_two_workers_computes_the_same_values(client, laws, function, arguments):
    tables = laws[:arguments]
    lazy = in_blocks(function, *tables, base=2)
    assert lazy.npartitions == 2
    assert tables[0].chunksize[0] * OUTCOMES > 2 * BLOCK
    here = function(*(table.compute() for table in tables), base=2)
    np.testing.assert_array_equal(lazy.compute(), here)
    assert len(client.ncores()) == 2


def test_a_bad_row_on_a_worker_is_refused_by_name(client, laws):
    spoilt = da.where(np.arange(OUTCOMES) == 7, -1.0, laws[0])
    with pytest.raises(ValueError, match=r"p, row 0: entry 7 is -1\.0"):
        in_blocks(entropy, spoilt).compute()
