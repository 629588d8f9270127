"""The documentation is held true: every setting is documented, every documented command and path exists."""

import re

from include import settings
from tests.conftest import ROOT


def test_every_setting_is_documented() -> None:
    documented = (ROOT / "docs" / "settings.md").read_text()
    names = [value for value in vars(settings).values() if isinstance(value, str) and value.startswith("TUNING_")]
    assert len(names) >= 6
    assert [name for name in names if f"`{name}`" not in documented] == []


def test_every_documented_setting_exists() -> None:
    documented = re.findall(r"`(TUNING_\w+)`", (ROOT / "docs" / "settings.md").read_text())
    assert set(documented) == {value for value in vars(settings).values() if str(value).startswith("TUNING_")}


def test_links_between_pages_lead_somewhere() -> None:
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("*/README.md")]
    broken = [
        f"{page.name}: {target}"
        for page in pages
        for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text())
        if not (page.parent / target).exists()
    ]
    assert broken == []


def test_every_make_target_that_a_page_names_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    named = {
        name for page in pages for name in re.findall(r"(?:`|^    )make ([a-z-]+)", page.read_text(), re.MULTILINE)
    }
    assert named <= targets
