"""Loopback ports at which the hosts of a training job meet: their names, algo-1 to algo-n, resolve nowhere here."""

import contextlib
import json
import random
import socket
from collections.abc import Sequence

_FIRST, _LAST = 15_000, 32_000  # below the ports that systems hand out by themselves


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody listens at now. Raises OSError where there are none."""
    found: list[int] = []
    with contextlib.ExitStack() as held:
        for port in random.sample(range(_FIRST, _LAST), 1000):
            listener = held.enter_context(socket.socket())
            with contextlib.suppress(OSError):
                listener.bind(("127.0.0.1", port))
                found.append(port)
            if len(found) == count:
                return found
    raise OSError(f"no {count} free ports between {_FIRST} and {_LAST}")


def tf_config(ports: Sequence[int], index: int) -> str:
    """TF_CONFIG as sagemaker-tensorflow-training writes it for hosts that are all workers, but for the addresses."""
    cluster = {"worker": [f"127.0.0.1:{port}" for port in ports]}
    return json.dumps({"cluster": cluster, "environment": "cloud", "task": {"index": index, "type": "worker"}})
