"""`make full` agrees with its record, and names what has moved away from it."""

import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))
full = pytest.importorskip("full", reason="the trainings need TensorFlow")
RECORDED = json.loads(full.RESULTS.read_text("utf-8"))


def test_every_experiment_is_recorded_for_several_seeds():
    assert set(RECORDED) == set(full.EXPERIMENTS)
    assert all(len(seeds) >= 3 for numbers in RECORDED.values() for seeds in numbers.values())


@pytest.mark.parametrize("experiment", RECORDED)
def test_a_record_agrees_with_itself(experiment):
    assert full.differences(RECORDED[experiment], RECORDED[experiment]) == []


@pytest.mark.parametrize("experiment", RECORDED)
def test_a_number_that_moved_or_is_missing_is_named(experiment):
    numbers = RECORDED[experiment]
    for name, seeds in numbers.items():
        moved = {**numbers, name: [seed + 4 + max(seeds) for seed in seeds]}
        without = {other: values for other, values in numbers.items() if other != name}
        for found in (moved, without):
            (fault,) = full.differences(found, numbers)
            assert fault.startswith(name)
