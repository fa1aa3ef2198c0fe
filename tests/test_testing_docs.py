"""The examples of docs/test_your_gradients.md run; those that need another package, where it is installed."""

from __future__ import annotations

import doctest
import importlib.util
import re
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[1] / "docs" / "test_your_gradients.md"
TEXT = PAGE.read_text(encoding="utf-8")
OTHERS = re.findall(r"^```python\n(# needs (\w+)\n.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


def test_examples_run() -> None:
    examples = "\n".join(re.findall(r"^```pycon\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL))
    test = doctest.DocTestParser().get_doctest(examples, {}, PAGE.name, str(PAGE), 0)
    assert len(test.examples) > 20
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    said: list[str] = []
    runner.run(test, out=said.append)
    assert not runner.failures, "".join(said)


@pytest.mark.parametrize(("code", "package"), OTHERS, ids=[name for _, name in OTHERS])
def test_examples_for_other_packages_run(code: str, package: str) -> None:
    if importlib.util.find_spec(package) is None:
        compile(code, PAGE.name, "exec")
    else:
        exec(code, {})
