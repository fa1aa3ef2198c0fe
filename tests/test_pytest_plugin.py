"""The pytest plugin, in runs of its own."""

import os
import sys
from pathlib import Path

import pytest

# pytester puts sys.modules back after a run; NumPy can't be loaded twice.
import autotape.nn
import autotape.testing.gradients
import autotape.testing.plugin  # noqa: F401

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[1]
STRICT = (
    "-p",
    "pytest_autotape",
    "-W",
    "error",
    "--strict-markers",
    "--strict-config",
    "-p",
    "no:cacheprovider",
)


def run(pytester: pytest.Pytester, code: str, *options: str) -> pytest.RunResult:
    pytester.makepyfile(test_it=code)
    return pytester.runpytest_inprocess(*STRICT, *options)


def run_apart(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, *options: str) -> pytest.RunResult:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), *sys.path]))
    return pytester.runpytest_subprocess(*STRICT, *options)


# --- imports ------------------------------------------------------------------------------------------------


def test_a_run_without_autotape_imports_neither_it_nor_numpy(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_one():
            assert "pytest_autotape" in sys.modules
            assert not [name for name in sys.modules if name.split(".")[0] in ("autotape", "numpy")]

        def test_two():
            assert 1 == 2
        """
    )
    result = run_apart(pytester, monkeypatch)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.no_fnmatch_line("*autotape*seed*")


def test_autotape_imported_by_the_test_itself_is_guarded_too(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makepyfile(
        """
        def test_leak():
            import autotape as at
            at.set_default_dtype(at.float64)

        def test_after():
            import autotape as at
            assert at.get_default_dtype() == at.float32
        """
    )
    result = run_apart(pytester, monkeypatch)
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*default dtype: autotape.float32 -> autotape.float64"])


def test_a_stray_module_of_that_name_is_left_alone(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makepyfile(
        """
        import sys, types

        def test_one():
            sys.modules["autotape"] = types.ModuleType("autotape")
        """
    )
    run_apart(pytester, monkeypatch).assert_outcomes(passed=1)


# --- seeds --------------------------------------------------------------------------------------------------

SEEDED = """
    import autotape as at

    def test_a():
        print("drawn", at.rand(()).item())
        assert False

    def test_b():
        print("drawn", at.rand(()).item())
        assert False
"""


def drawn(result: pytest.RunResult) -> list[str]:
    return [line.split()[-1] for line in result.stdout.lines if line.startswith("drawn")]


def test_each_test_has_a_seed_of_its_own_which_repeats_in_any_order(pytester: pytest.Pytester) -> None:
    first = run(pytester, SEEDED)
    second = run(pytester, SEEDED, "-k", "test_b")
    a, b = drawn(first)
    assert a != b
    assert drawn(second) == [b]


def test_a_failure_shows_the_seed_and_the_option_repeats_it(pytester: pytest.Pytester) -> None:
    first = run(pytester, SEEDED, "-k", "test_a")
    (line,) = (line for line in first.stdout.lines if "--autotape-seed=" in line)
    option = line.split()[-1]
    renamed = run(pytester, SEEDED.replace("test_a", "test_c"), "-k", "test_c", option)
    assert drawn(renamed) == drawn(first)
    renamed.stdout.fnmatch_lines([f"*{option}"])


def test_random_numbers_of_others_are_left_alone_unless_the_fixture_is_used(
    pytester: pytest.Pytester,
) -> None:
    code = """
        import random
        import numpy as np, pytest
        import autotape as at

        random.seed(7)
        np.random.seed(7)

        def test_plain():
            assert random.random() == random.Random(7).random()
            assert np.random.rand() == np.random.RandomState(7).rand()

        @pytest.mark.gradcheck
        def test_marked():
            print("drawn", random.random() + np.random.rand())
            assert False
    """
    first = run(pytester, code)
    first.assert_outcomes(passed=1, failed=1)
    assert drawn(first) == drawn(run(pytester, code, "-k", "marked"))


def test_seeds_agree_under_xdist(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = run(pytester, SEEDED)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), *sys.path]))
    spread = pytester.runpytest_subprocess(*STRICT, "-n", "2")
    spread.assert_outcomes(failed=2)
    assert sorted(drawn(spread)) == sorted(drawn(alone))
    spread.stdout.fnmatch_lines(["*--autotape-seed=*"])


# --- the guard ----------------------------------------------------------------------------------------------

LEAKS = {
    "gradient mode: on -> off": "at.set_grad_enabled(False)",
    "inference mode: off -> on": "at.inference_mode().__enter__()",
    "default dtype: autotape.float32 -> autotape.float64": "at.set_default_dtype(at.float64)",
    "anomaly mode: off -> on": "at.autograd.set_detect_anomaly(True)",
    "saved tensor hooks: none -> *HookPair*": (
        "at.autograd.graph.saved_tensors_hooks(lambda t: t, lambda t: t).__enter__()"
    ),
    "global module hooks: 0 hooks -> 1 hooks": (
        "at.nn.modules.module.register_module_forward_hook(lambda *args: None)"
    ),
    "forward mode level: none -> *": "at.autograd.forward_ad.enter_dual_level()",
    "print options: *precision=4* -> *precision=2*": "at.set_printoptions(precision=2)",
}


@pytest.mark.parametrize("change", LEAKS)
def test_a_test_that_leaves_something_changed_fails_and_it_is_put_back(
    pytester: pytest.Pytester, change: str
) -> None:
    result = run(
        pytester,
        f"""
        import autotape as at
        from autotape.testing.plugin import State

        def test_leak():
            {LEAKS[change]}

        def test_after():
            assert State.now() == State()
        """,
    )
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["the test left global settings of autotape changed*", f"  {change}"])


def test_a_failing_test_is_put_right_and_keeps_its_own_failure(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
        import autotape as at

        def test_leak():
            at.set_grad_enabled(False)
            assert 1 == 2

        def test_after():
            assert at.is_grad_enabled()
        """,
    )
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["E*assert 1 == 2", "*gradient mode: on -> off"])


def test_fixtures_may_change_settings_around_tests(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
        import pytest, unittest
        import autotape as at

        @pytest.fixture(scope="module", autouse=True)
        def double():
            at.set_default_dtype(at.float64)
            yield
            at.set_default_dtype(at.float32)

        @pytest.fixture
        def off():
            with at.no_grad():
                yield

        def test_one(off):
            assert not at.is_grad_enabled()
            assert at.get_default_dtype() == at.float64

        class TestOld(unittest.TestCase):
            def setUp(self):
                at.set_grad_enabled(False)
            def tearDown(self):
                at.set_grad_enabled(True)
            def test_it(self):
                pass
        """,
    )
    result.assert_outcomes(passed=2)


# --- what a failure shows -----------------------------------------------------------------------------------


def test_a_failure_shows_the_tape_with_source_lines(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
        import autotape as at

        kept = at.ones(3, requires_grad=True).exp()

        def test_fails():
            x = at.ones(2, 3, requires_grad=True)
            y = (x * 2).exp()
            loss = y.sum()
            assert loss < 0

        def test_fails_later():
            with at.no_grad():
                kept.sum()
            assert False
        """,
    )
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            "*autotape: the tape at failure, 3 entries*",
            "index  operation  inputs  shape   dtype    bytes  module  source",
            "    0  mul        leaf    (2, 3)  float32 *  test_it.py:7: y = (x * 2).exp()",
            "    1  exp        0       (2, 3)  float32 *  test_it.py:7: *",
            "    2  sum        1       ()      float32 *  test_it.py:8: *",
            "*test_fails_later*",
        ]
    )
    assert sum("tape at failure" in line for line in result.stdout.lines) == 1


def test_a_long_tape_is_cut(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
        import autotape as at

        def test_fails():
            x = at.ones(2, requires_grad=True)
            for _ in range(100):
                x = x * 2
            assert False
        """,
    )
    result.stdout.fnmatch_lines(["*the tape at failure, 100 entries, the last 25*", "*outside*"])


def test_tensors_that_differ_are_shown_by_their_difference(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
        import autotape as at

        def test_scalars():
            assert at.tensor(0.1) * 3 == at.tensor(0.25)

        def test_number():
            assert at.tensor([0.5]) == 0.25

        def test_many():
            assert at.ones(2) == at.zeros(2)

        def test_others():
            assert at.ones(()) < 0
            assert [1] == [2]
        """,
    )
    result.assert_outcomes(failed=4)
    result.stdout.fnmatch_lines(
        [
            "E*assert tensor(0.3000) == tensor(0.2500)*",
            "E*Absolute difference: 0.0500000119*",
            "E*assert tensor(*0.5000*) == 0.25*",
            "E*Expected 0.25 but got 0.5*",
            "tensors are compared by autotape.testing.assert_close(a, b) or autotape.equal(a, b)",
        ]
    )


# --- the fixture and the marker -----------------------------------------------------------------------------


def test_the_fixture_checks_gradients_with_the_markers_settings(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
        import numpy as np, pytest
        import autotape as at

        def test_right(gradcheck):
            gradcheck(at.sin, at.tensor([0.5, 1.0], dtype=at.float64, requires_grad=True))

        class Wrong(at.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                ctx.save_for_backward(x)
                return x * x * x

            @staticmethod
            def backward(ctx, g):
                (x,) = ctx.saved_tensors
                return g * 3 * x.detach() * x  # the second derivative is wrong

        def test_wrong_second_derivative_is_not_seen(gradcheck):
            gradcheck(Wrong.apply, at.tensor([0.5, 1.0], dtype=at.float64, requires_grad=True), order=1)

        @pytest.mark.gradcheck(order=2)
        def test_wrong_second_derivative(gradcheck):
            gradcheck(Wrong.apply, at.tensor([0.5, 1.0], dtype=at.float64, requires_grad=True))

        @pytest.mark.gradcheck(order=1)
        class TestClass:
            @pytest.mark.gradcheck(order=2)
            def test_nearest_marker_wins(self, gradcheck):
                gradcheck(Wrong.apply, at.tensor([0.5], dtype=at.float64, requires_grad=True))

            @pytest.mark.gradcheck(order=2)
            def test_argument_wins(self, gradcheck):
                gradcheck(Wrong.apply, at.tensor([0.5], dtype=at.float64, requires_grad=True), order=1)

        @pytest.mark.gradcheck(2)
        def test_positional(gradcheck):
            pass
        """,
    )
    result.assert_outcomes(passed=3, failed=2, errors=1)
    result.stdout.fnmatch_lines(["*marker gradcheck takes keyword arguments only*"])
