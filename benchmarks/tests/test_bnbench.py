"""The arithmetic of the driver, and its floor and numpy reference.

Run with: build/venv/bin/python -m pytest benchmarks/tests
"""

import dataclasses
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


def make_row(peer, ratio, shape="50x64x56x56", variant="", kind="inference",
             epilogue="", **fields):
    case = cases.Case(kind, "f32", "nchw", cases.parse_shape(shape), 2,
                      epilogue)
    return {"peer": peer, "variant": variant, **case.to_json(),
            "version": "1", "ratio": ratio, **fields}


def test_shapes_are_laid_out():
    case = cases.Case("training", "bf16", "nhwc", (2, 3, 4, 5), 2)
    assert case.memory_shape == (2, 4, 5, 3)
    assert case.axis == 3
    assert case.bytes == 2 * 2 * 120
    assert cases.Case.from_json(case.to_json()) == case


@pytest.mark.parametrize("kind, epilogue, floor, moved", [
    ("training", "", 2, 2), ("training", "relu", 2, 2),
    ("training", "add_relu", 3, 3), ("backward", "", 3, 3),
    ("backward", "relu", 3, 3), ("backward", "add", 3, 4),
    ("backward", "add_relu", 3, 5),
])
def test_epilogues_move_tensors(kind, epilogue, floor, moved):
    case = cases.Case(kind, "f32", "nhwc", (2, 3, 4, 5), 2, epilogue)
    assert case.floor_tensors == floor
    assert case.bytes == moved * case.tensor_bytes
    assert cases.Case.from_json(case.to_json()) == case


@pytest.mark.parametrize("text", ["", "50", "4x0", "4x-1", "axb", "4x"])
def test_error_shape(text):
    with pytest.raises(ValueError, match="expected a shape"):
        cases.parse_shape(text)


def test_run_lists_are_readable():
    for path in sorted((HERE / "lists").glob("*.toml")):
        assert [case for run in driver.read_list(path)
                for case in driver.get_cases(run)]


def test_run_lists_name_epilogues(tmp_path):
    path = tmp_path / "a.toml"
    path.write_text('[[run]]\nshapes = ["2x3"]\nkinds = ["training"]\n'
                    'dtypes = ["f32"]\nlayouts = ["nhwc"]\n'
                    'epilogues = ["none", "relu"]\n')
    groups = [case.group for run in driver.read_list(path)
              for case in driver.get_cases(run)]
    assert groups == ["training f32 nhwc", "training f32 nhwc relu"]
    path.write_text('[[run]]\nepilogues = ["gelu"]\n')
    with pytest.raises(ValueError, match="expected 'epilogues' to be of"):
        driver.read_list(path)


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


def test_results_without_epilogue_are_read(tmp_path):
    path = tmp_path / "results.jsonl"
    old = make_row("torch", 3.0)
    del old["epilogue"]
    for row in (old, make_row("torch", 2.0),
                make_row("torch", 4.0, epilogue="relu")):
        results.append(path, row)
    rows = list(results.load([path]).values())
    assert [row["ratio"] for row in rows] == [2.0, 4.0]
    assert "inference f32 nchw relu" in tables.format_groups(rows)


def test_only_missing_tells_epilogues_apart(tmp_path):
    settings = driver.Settings(tmp_path, tmp_path / "results.jsonl",
                               only_missing=True)
    results.append(settings.results, make_row(
        "torch", 3.0, epilogue="relu", ratio_best=3.0))
    runs = [{"shapes": ["50x64x56x56"], "kinds": ["inference"],
             "dtypes": ["f32"], "layouts": ["nchw"],
             "epilogues": ["relu", "add_relu"]}]
    jobs = driver.get_jobs(runs, [peers.load("torch_eager")], settings)
    assert [case.epilogue for job in jobs for case in job.cases] == ["add_relu"]


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


def test_cost_of_epilogues_leaves_out_added_bytes():
    """By hand: (1.5 * 2 + 1) / 3 times the larger floor is as fast as 1.5."""
    plain = make_row("bn_mlir.kernel", 1.5, kind="training")
    add = make_row("bn_mlir.kernel", 4 / 3, kind="training",
                   epilogue="add_relu")
    relu = make_row("bn_mlir.kernel", 1.8, kind="training", epilogue="relu")
    assert goals.get_epilogue_cost(add, plain) == pytest.approx(1)
    assert goals.get_epilogue_cost(relu, plain) == pytest.approx(1.2)
    lines = goals.format_epilogue_costs(
        [plain, add, relu], "bn_mlir.kernel").splitlines()[-2:]
    assert "1.00" in lines[0] and "yes" in lines[0]
    assert "**no**" in lines[1] and "50x64x56x56 (1.20)" in lines[1]


def test_goals_of_epilogues_are_their_own():
    rows = [make_row(peer, ratio, kind="backward", epilogue=epilogue)
            for epilogue, gain in (("", 3.0), ("relu", 1.6), ("add_relu", 2.0))
            for peer, ratio in (("bn_mlir.kernel", 1.0), ("torch", gain))]
    lines = goals.format_epilogue_speedups(rows, "bn_mlir.kernel").splitlines()
    assert "1.60" in lines[2] and "**no**" in lines[2]
    assert "2.00" in lines[3] and "yes" in lines[3]
    assert len(lines) == 4
    assert "3.00" in goals.format_speedups(rows, "bn_mlir.kernel")
    assert " | 1 | " in goals.format_floor_goals(rows)


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


@pytest.mark.parametrize("layout", cases.LAYOUTS)
@pytest.mark.parametrize("epilogue", cases.EPILOGUES)
def test_reference_of_gradients(layout, epilogue):
    """The gradient of sum(z * output_grad) by differences."""
    epilogue = "" if epilogue == "none" else epilogue
    case = cases.Case("backward", "f64", layout, (3, 2, 2, 2), 2, epilogue)
    data = arrays.Data(case)
    data.mean[:], data.variance[:] = arrays.get_statistics(data.x, case)
    forward = dataclasses.replace(case, kind="training")
    expected = arrays.reference(case, data, 1)
    dy = arrays.get_channel(data.output_grad, case, 1)
    index = [slice(None)] * 4
    index[case.axis] = 1
    places = np.argwhere(np.ones(data.x[tuple(index)].shape))
    for place, gradient in zip(places, expected):
        sums = []
        for step in (1e-6, -1e-6):
            view = data.x[tuple(index)]
            view[tuple(place)] += step
            sums.append((arrays.reference(forward, data, 1) * dy).sum())
            view[tuple(place)] -= step
        assert (sums[0] - sums[1]) / 2e-6 == pytest.approx(gradient, abs=1e-6)


@pytest.mark.parametrize("kind", ["training", "backward"])
@pytest.mark.parametrize("epilogue", cases.EPILOGUES)
@pytest.mark.parametrize("peer", ["bn_mlir_python", "torch_eager", "jax_xla"])
def test_peers_compute_epilogues(peer, kind, epilogue):
    module = peers.load(peer)
    if peers.get_missing(module):
        pytest.skip(f"{peer} is not installed")
    epilogue = "" if epilogue == "none" else epilogue
    case = cases.Case(kind, "f32", "nhwc", (2, 16, 4, 4), 1, epilogue)
    data = arrays.Data(case)
    for name, variant in module.prepare(case, data).items():
        assert worker.check(case, data, variant) is None, name


@pytest.mark.parametrize("epilogue", ["relu", "add_relu"])
def test_no_gradient_where_rounding_decides(epilogue):
    case = cases.Case("backward", "bf16", "nhwc", (4, 4, 8, 8), 1, epilogue)
    data = arrays.Data(case)
    found = 0
    for channel in range(case.channels):
        forward = dataclasses.replace(case, kind="training",
                                      epilogue=epilogue.replace("relu", "")
                                      .strip("_"))
        y = arrays.reference(forward, data, channel)
        dy = arrays.get_channel(data.output_grad, case, channel)
        assert not dy[np.abs(y) < 0.019].any()
        found += (np.abs(y) < 0.019).sum()
    assert found


def test_error_peer_without_epilogues():
    case = cases.Case("inference", "f32", "nchw", (2, 16, 4, 4), 1, "relu")
    with pytest.raises(peers.Unsupported, match="relu is not measured"):
        peers.refuse_epilogue(case)


def test_plots_have_epilogues(tmp_path):
    pytest.importorskip("matplotlib")
    from bnbench import plots

    rows = [make_row(peer, 1.5, kind="backward", epilogue=epilogue,
                     floor_median=1e-3, time_median=1.5e-3)
            for peer in ("bn_mlir.kernel", "torch")
            for epilogue in ("", "relu")]
    figure = plots.plot_peers(rows)
    titles = [axis.get_title() for axis in figure.axes]
    assert titles == ["backward\nf32 nchw", "backward\nf32 nchw relu"]
    assert all(len(axis.lines) == 2 for axis in figure.axes)
    assert len(plots.write(rows, tmp_path)) == 2


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
