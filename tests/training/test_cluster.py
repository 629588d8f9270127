"""Hosts that never come; what hosts compute together is tested through the local SageMaker."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

from tests.training.conftest import TRAINING

WITH_LITTLE_PATIENCE = "import sys, cluster, mnist; cluster.MEETING_SECONDS = 1.0; sys.exit(mnist.main([]))"


def free_ports(count: int) -> list[int]:
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports


def test_a_host_whose_peers_never_come_fails_with_a_reason(variables: dict[str, str], tmp_path: Path) -> None:
    workers = [f"127.0.0.1:{port}" for port in free_ports(2)]
    config = json.dumps({"cluster": {"worker": workers}, "task": {"type": "worker", "index": 0}})
    done = subprocess.run(
        [sys.executable, "-c", WITH_LITTLE_PATIENCE],
        cwd=TRAINING,
        env=os.environ | variables | {"TF_CONFIG": config},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    failure = (tmp_path / "output" / "failure").read_text()
    assert done.returncode == 1
    assert failure.startswith("the 2 hosts have not met within 1 s: see the logs of the others")
    assert workers[1] in failure
