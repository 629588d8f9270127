"""The stack of docker-compose.yaml, built and at the end taken down with its volumes."""

import os
import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.compose.running import COMMANDS, ComposeStack, installed
from tests.e2e.conftest import free_port


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ComposeStack]:
    """Built, not yet started. `docker compose` builds it where it is installed, else docker-compose."""
    command = next(filter(installed, COMMANDS), None)
    if command is None:
        pytest.skip("neither `docker compose` nor docker-compose is installed")
    engine = subprocess.run(["docker", "info"], capture_output=True, text=True, check=False)
    if engine.returncode:
        pytest.skip(f"no Docker engine answers: {(engine.stderr.strip().splitlines() or ['no reason given'])[-1]}")
    env_file = tmp_path_factory.mktemp("compose") / "env"
    env_file.touch()
    built = ComposeStack(command, f"tuning-test-{os.getpid()}", env_file, free_port(), free_port())
    began = time.monotonic()
    try:
        built.compose("build")
        print(f"\nbuilt after {time.monotonic() - began:.0f} s by {' '.join(command)}")
        yield built
    finally:
        built.compose("down", "--volumes", "--remove-orphans", "--timeout", "10")
