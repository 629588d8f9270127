"""Every setting of docker-compose.yaml is in .env.example, with its default and a word on it; none is there in vain."""

import re

from tests.conftest import ROOT

COMPOSE_TEXT = (ROOT / "docker-compose.yaml").read_text()
EXAMPLE = (ROOT / ".env.example").read_text()
COMPOSES_OWN = {"COMPOSE_FILE"}


def used() -> dict[str, str]:
    """The variables of the compose file and their defaults."""
    found = re.findall(r"\$\{(\w+):-([^}]*)\}", COMPOSE_TEXT)
    assert len(found) == COMPOSE_TEXT.count("${"), "a variable without a default would be asked for"
    return dict(found)


def shown() -> dict[str, str]:
    """The variables of .env.example and the values that it shows."""
    return dict(re.findall(r"^#([A-Z]\w*)=(.*)$", EXAMPLE, re.MULTILINE))


def test_a_variable_has_one_default() -> None:
    found = set(re.findall(r"\$\{(\w+):-([^}]*)\}", COMPOSE_TEXT))
    assert len(found) == len({name for name, _ in found})


def test_the_example_shows_every_setting_with_its_default() -> None:
    assert {name: value for name, value in shown().items() if name not in COMPOSES_OWN} == used()


def test_the_example_changes_nothing_as_it_is() -> None:
    assert [line for line in EXAMPLE.splitlines() if line and not line.startswith("#")] == []


def test_every_setting_is_explained() -> None:
    """A comment stands before each block, and the pages name what is in it."""
    for block in EXAMPLE.strip().split("\n\n"):
        assert block.startswith("# "), block
    pages = "".join((ROOT / "docs" / name).read_text() for name in ("docker-compose.md", "settings.md"))
    assert [name for name in shown() if f"`{name}`" not in pages] == []
