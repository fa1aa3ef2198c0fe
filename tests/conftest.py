"""Settings shared by all tests."""

import gc
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

# The first needs mpmath and is run by hand; the others are run as PyTorch scripts, by test_scripts.py.
collect_ignore = ["make_special_tables.py", "scripts"]

# Times vary too much between machines to fail a test by them; a failure prints how to run its example again.
settings.register_profile(
    "default", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
# The long run: pytest --hypothesis-profile=thorough
settings.register_profile("thorough", settings.get_profile("default"), max_examples=2000)
settings.load_profile("default")


@pytest.fixture
def no_gc() -> Iterator[None]:
    """Without Python's collector: reference counts alone must free everything."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()
