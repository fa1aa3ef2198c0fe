"""The pytest plugin of autotape: the part that every pytest run of an environment with autotape loads.

It lies beside the package, not in it: importing a module of the package would import NumPy. Once a test suite
has imported autotape itself, :mod:`autotape.testing.plugin` joins, which does the work. See docs/pytest.md.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--autotape-seed``."""
    parser.getgroup("autotape").addoption(
        "--autotape-seed",
        type=int,
        metavar="SEED",
        help="seed autotape's random numbers with SEED in every test, not with one made from the test's name",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, for --strict-markers."""
    config.addinivalue_line(
        "markers",
        "gradcheck(order=1, rtol=1e-7, ...): settings of the fixture `gradcheck`, "
        "those of autotape.testing.check_gradients",
    )


def pytest_collection_finish(session: pytest.Session) -> None:
    """Let the working part join, if the tests have imported autotape."""
    if "autotape" in sys.modules:
        _join(session.config)


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    """The same for a test that is the first to import it; what that test left changed is found here."""
    if "autotape" in sys.modules and _join(item.config):
        from autotape.testing.plugin import State, guard

        guard(item, State(), failed=False)


def _join(config: pytest.Config) -> bool:
    """Register the working part; whether that was needed, and possible."""
    name = "autotape.testing.plugin"
    manager = config.pluginmanager
    if manager.has_plugin(name) or manager.is_blocked(name):
        return False
    if not hasattr(sys.modules["autotape"], "Tensor"):  # another module of that name, or not imported whole
        return False
    import autotape.testing.plugin

    manager.register(autotape.testing.plugin, name)
    return True


@pytest.fixture
def gradcheck(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """``autotape.testing.check_gradients`` with the marker's settings and the test's seed."""
    import autotape.testing.plugin

    _join(request.config)
    return autotape.testing.plugin.checker(request.node)
