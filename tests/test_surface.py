"""The names of docs/surface.md: what should be there is, what is left out says so.

``python -m tests.test_surface`` prints how many names are present, missing and left out.
"""

import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import autotape as at
from autotape.left_out import LeftOut

PAGE = Path(__file__).parents[1] / "docs" / "surface.md"
ROOT = "Tensor methods and top-level functions"


class Name(NamedTuple):
    tier: str
    owner: str  # "autotape", "Tensor", "autotape.linalg" ...
    name: str


def names() -> list[Name]:
    """Every name of the page with the places where it should be."""
    found: list[Name] = []
    for section in PAGE.read_text(encoding="utf-8").split("\n## ")[1:]:
        title, _, body = section.partition("\n")
        for tier, listed in re.findall(r"^- (tier 1|tier 2|left out): ((?:.|\n  )+)", body, re.MULTILINE):
            for entry in re.split(r",\s+", listed.strip()):
                found += [Name(tier, owner, name) for owner, name in places(title, entry)]
    return found


def places(title: str, entry: str) -> list[tuple[str, str]]:
    if title != ROOT:
        return [(title, entry)]
    if entry.startswith("at."):
        return [("autotape", entry[3:])]
    if entry.startswith("."):
        return [("Tensor", entry[1:])]
    return [("autotape", entry), ("Tensor", entry)]


def look_up(entry: Name) -> Any:
    if entry.owner == "Tensor":
        return getattr(at.Tensor, entry.name, None) or getattr(at.ones(2), entry.name)
    found: Any = at
    for part in [*entry.owner.split(".")[1:], *entry.name.split(".")]:
        found = getattr(at.nn.Identity() if part == "training" else found, part)
    return found


def status(entry: Name) -> str:
    try:
        look_up(entry)
    except LeftOut:
        return "left out"
    except AttributeError:
        return "missing"
    return "present"


NAMES = names()


def test_the_page_lists_the_whole_surface() -> None:
    tiers = [entry.tier for entry in NAMES]
    assert tiers.count("tier 1") > 460
    assert tiers.count("tier 2") > 660
    assert tiers.count("left out") > 180


@pytest.mark.parametrize("owner", sorted({entry.owner for entry in NAMES}))
def test_every_name_is_there_or_says_that_it_is_left_out(owner: str) -> None:
    mine = [entry for entry in NAMES if entry.owner == owner]
    wrong = [
        f"{entry.name}: {status(entry)}"
        for entry in mine
        if (status(entry) == "left out") != (entry.tier == "left out") or status(entry) == "missing"
    ]
    assert not wrong


def test_every_function_of_the_surface_is_documented() -> None:
    bare = []
    for entry in NAMES:
        if entry.tier == "left out" or entry.owner == "Tensor" or entry.name.startswith("__"):
            continue
        found = look_up(entry)
        if callable(found) and len((found.__doc__ or "").strip()) < 30:
            bare.append(f"{entry.owner}.{entry.name}")
    assert not bare


def test_a_name_that_is_left_out_says_what_to_use() -> None:
    with pytest.raises(LeftOut, match=r"autotape.view_copy is left out: use the view .* and .clone\(\)"):
        _ = at.view_copy
    with pytest.raises(
        NotImplementedError, match=r"Tensor.to_sparse is left out: autotape has dense tensors"
    ):
        _ = at.ones(2).to_sparse  # type: ignore[attr-defined]
    assert not hasattr(at, "mtia")
    assert not hasattr(at.ones(2), "coalesce")
    assert "coalesce" not in dir(at.ones(2))


def test_a_name_that_does_not_exist_is_told_from_one_that_is_left_out() -> None:
    with pytest.raises(AttributeError, match="did you mean 'softmax'") as caught:
        _ = at.sofmax
    assert not isinstance(caught.value, NotImplementedError)


def main() -> None:
    counts: dict[str, int] = {}
    for entry in NAMES:
        found = status(entry)
        counts[found] = counts.get(found, 0) + 1
        if found == "missing" or (found == "left out") != (entry.tier == "left out"):
            print(f"{found}: {entry.owner}.{entry.name} ({entry.tier})")
    print(", ".join(f"{found} {n}" for found, n in sorted(counts.items())), f"of {len(NAMES)}")


if __name__ == "__main__":
    main()
