"""Every module and optimizer of PyTorch's own tables: state, outputs, derivatives, errors, 50 steps.

Differences that are meant stand in KNOWN with their reason; anything else fails.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

import autotape as at
from autotape.left_out import LeftOut

pytest.importorskip("torch", reason="PyTorch is not importable: nothing to compare with")

from tests.parity import moduleinfo

KNOWN = {r"^steps: Muon": "PyTorch orthogonalises in bfloat16, autotape in float32"}


@pytest.mark.parametrize("name", [*moduleinfo.MODULES, *moduleinfo.OPTIMIZERS])
def test_class(name: str, record_property: Any) -> None:
    room = at.nn if name in moduleinfo.MODULES else at.optim
    if not hasattr(room, name):
        with pytest.raises(LeftOut):
            getattr(room, name)
        return
    total, agree, problems = moduleinfo.run([name], ["float64", "float32"])
    for kind in total:
        record_property(kind, (agree[kind], total[kind]))
    problems = [p for p in problems if not any(re.search(known, p) for known in KNOWN)]
    assert not problems, "\n".join([f"{len(problems)} problems:", *problems[:10]])
