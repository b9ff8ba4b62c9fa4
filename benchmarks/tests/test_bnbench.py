"""The arithmetic of the driver, and its floor and numpy reference.

Run with: build/venv/bin/python -m pytest benchmarks/tests
"""

import pathlib
import sys

import numpy as np
import pytest

HERE = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(HERE))

from bnbench import (  # noqa: E402
    accuracy,
    arrays,
    cases,
    driver,
    goals,
    peers,
    report,
    results,
    tables,
    worker,
)
from bnbench.floor import BlockPlan, Floor  # noqa: E402


def make_row(peer, ratio, shape="50x64x56x56", variant="", **fields):
    case = cases.Case("inference", "f32", "nchw", cases.parse_shape(shape), 2)
    return {"peer": peer, "variant": variant, **case.to_json(),
            "version": "1", "ratio": ratio, **fields}


def test_shapes_are_laid_out():
    case = cases.Case("training", "bf16", "nhwc", (2, 3, 4, 5), 2)
    assert case.memory_shape == (2, 4, 5, 3)
    assert case.axis == 3
    assert case.bytes == 2 * 2 * 120
    assert cases.Case.from_json(case.to_json()) == case


@pytest.mark.parametrize("text", ["", "50", "4x0", "4x-1", "axb", "4x"])
def test_error_shape(text):
    with pytest.raises(ValueError, match="expected a shape"):
        cases.parse_shape(text)


def test_run_lists_are_readable():
    for path in sorted((HERE / "lists").glob("*.toml")):
        assert [case for run in driver.read_list(path)
                for case in driver.get_cases(run)]


def test_error_run_list(tmp_path):
    path = tmp_path / "a.toml"
    path.write_text('[[run]]\nkinds = ["sideways"]\n')
    with pytest.raises(ValueError, match="expected 'kinds' to be of"):
        driver.read_list(path)
    path.write_text('[[run]]\ncolours = ["red"]\n')
    with pytest.raises(ValueError, match="got 'colours'"):
        driver.read_list(path)


def test_peers_are_plugins():
    for name in peers.get_names():
        module = peers.load(name)
        assert module.NAME
        assert hasattr(module, "measure") or module.environment(1) is not None
    with pytest.raises(ValueError, match="expected a peer of"):
        peers.load("abacus")


def test_the_last_result_counts(tmp_path):
    path = tmp_path / "results.jsonl"
    for ratio in (3.0, 2.0):
        results.append(path, make_row("torch", ratio))
    results.compact(path)
    assert [r["ratio"] for r in results.load([path]).values()] == [2.0]


def test_best_peer_is_the_best_variant_of_others():
    rows = [make_row("bn_mlir", 0.5), make_row("torch", 3.0),
            make_row("torch", 2.0, variant="out"), make_row("tf", 2.5)]
    ratios = tables.get_ratios(rows)
    assert tables.get_best_peer(ratios, tables.get_case(rows[0])) == (
        2.0, "torch")
    assert "4.00" in goals.format_speedups(rows, "bn_mlir")


def test_goals_tell_what_is_reached():
    rows = [make_row("bn_mlir.kernel", ratio, shape)
            for ratio, shape in ((1.0, "50x64x56x56"), (1.3, "50x256x56x56"))]
    line = goals.format_floor_goals(rows).splitlines()[-1]
    assert "1.14, 1.30" in line and "**no**" in line


def test_report_renews_parts():
    page = "a\n<!-- begin x -->\nold\n<!-- end x -->\nb"
    assert "old" not in report.replace_parts(page, {"x": "new"})
    with pytest.raises(ValueError, match="expected a part"):
        report.replace_parts(page, {"y": "new"})


def test_reference_and_accuracy_agree():
    """A float64 result has no error; one that is off is found."""
    case = cases.Case("training", "f32", "nhwc", (3, 6, 4, 5), 2)
    data = accuracy.make_data(case, 1e4)
    x = data.x.astype(np.float64)
    mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
    y = (x - mean) / np.sqrt(variance + cases.EPSILON)

    def compare(y):
        return accuracy.compare(case, data, peers.Variant(
            lambda: None, lambda: y, lambda: (mean, variance)))

    assert compare(y)["y"] < 1e-12 and compare(y)["variance"] < 1e-12
    y[2, 1, 0, 5] += 1e-3
    assert compare(y)["y"] == pytest.approx(1e-3)
    assert np.isnan(compare(np.full_like(y, np.nan))["y"])


def test_worker_finds_wrong_results():
    case = cases.Case("inference", "f32", "nchw", (2, 3, 4, 5), 2)
    data = arrays.Data(case)
    y = np.stack([arrays.reference(case, data, c).reshape(2, 4, 5)
                  for c in range(3)], axis=1)
    right = peers.Variant(lambda: None, lambda: y)
    assert worker.check(case, data, right) is None
    wrong = peers.Variant(lambda: None, lambda: y + 1)
    assert "off by" in worker.check(case, data, wrong)


def test_floor_touches_every_byte():
    library = HERE.parent / "build" / "lib" / "libbn-floor.so"
    if not library.exists():
        pytest.skip(f"expected {library}: ninja -C build bn-floor builds it")
    source = arrays.allocate((1001, 37), "f32")
    source[:] = 1.5
    for streaming in (0, 1):
        target = arrays.allocate(source.shape, "f32")
        floor = Floor(library, target, source, 2)
        floor._block(streaming, BlockPlan(1, 1))
        assert np.array_equal(target.view(np.int32), ~source.view(np.int32))
