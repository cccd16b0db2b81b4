"""The generated pages in the repository."""

from pathlib import Path

import pytest

from docs import generate


@pytest.mark.parametrize("name", generate.pages())
def test_page_is_what_the_code_says(name: str) -> None:
    """A change of the models that leaves a page behind fails here; `make generate` mends it."""
    assert name not in generate.stale()


def test_check_names_what_is_stale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that is missing or was edited by hand is named; after writing, none is."""
    monkeypatch.setattr(generate, "ROOT", tmp_path)
    assert generate.stale() == list(generate.pages())

    generate.write()
    assert generate.stale() == []

    (tmp_path / "docs/api/asyncapi.json").write_text("{}")
    assert generate.stale() == ["docs/api/asyncapi.json"]
