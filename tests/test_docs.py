"""The documentation is held true: every setting is documented, every documented command and path exists."""

import re

from include import settings
from tests.conftest import ROOT

PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("*/README.md")]


def test_every_setting_is_documented() -> None:
    documented = (ROOT / "docs" / "settings.md").read_text()
    names = [value for value in vars(settings).values() if isinstance(value, str) and value.startswith("TUNING_")]
    assert len(names) >= 6
    assert [name for name in names if f"`{name}`" not in documented] == []


def test_every_documented_setting_exists() -> None:
    documented = re.findall(r"`(TUNING_\w+)`", (ROOT / "docs" / "settings.md").read_text())
    assert set(documented) == {value for value in vars(settings).values() if str(value).startswith("TUNING_")}


def makefile_variables() -> dict[str, str]:
    """The variables that a user may give to make, and their defaults; "" without one."""
    makefile = (ROOT / "Makefile").read_text()
    own = {"CURDIR", "MAKEFILE_LIST", *re.findall(r"^([A-Z_]+) =", makefile, re.MULTILINE)}
    defaults = dict(re.findall(r"^([A-Z_]+) \?= (.*)$", makefile, re.MULTILINE))
    return {name: defaults.get(name, "") for name in re.findall(r"\$\(([A-Z_]+)\)", makefile) if name not in own}


def test_every_variable_of_make_is_documented_with_its_default() -> None:
    variables = makefile_variables()
    assert {"AIRFLOW_PORT", "SAGEMAKER_PORT", "SOURCE", "PYTHON"} <= set(variables)
    documented = "\n".join(page.read_text() for page in PAGES)
    assert [name for name in variables if not re.search(rf"`{name}`|\b{name}=", documented)] == []
    given = {name: default for name, default in variables.items() if default}
    assert [name for name, default in given.items() if not re.search(rf"`{name}` \(`?{default}`?\)", documented)] == []


def test_every_documented_variable_of_make_exists() -> None:
    section = (ROOT / "docs" / "settings.md").read_text().partition("## The stack on one machine")[2]
    assert set(re.findall(r"`([A-Z_]+)`", section)) <= set(makefile_variables())


def test_the_variables_of_the_local_sagemaker_are_those_that_are_documented() -> None:
    code = "\n".join(path.read_text() for path in (ROOT / "local_sagemaker").rglob("*.py"))
    documented = "\n".join(page.read_text() for page in PAGES)
    names = set(re.findall(r"\bLOCAL_SAGEMAKER_[A-Z_]+", code))
    assert "LOCAL_SAGEMAKER_FAULTS" in names
    assert names == set(re.findall(r"\bLOCAL_SAGEMAKER_[A-Z_]+", documented))


def test_links_between_pages_lead_somewhere() -> None:
    broken = [
        f"{page.name}: {target}"
        for page in PAGES
        for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text())
        if not (page.parent / target).exists()
    ]
    assert broken == []


def test_every_make_target_that_a_page_names_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {
        name for page in PAGES for name in re.findall(r"(?:`|^    )make ([a-z-]+)", page.read_text(), re.MULTILINE)
    }
    assert named <= targets
