"""Ctrl-C, a `kill` and a closed terminal end the stack alike; none of them breaks its clean-up."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
INTERRUPTED = 130
INTERRUPTION = "interrupted; everything that was started has been stopped"


def interrupt_on_signals() -> None:
    """SIGTERM and SIGHUP raise KeyboardInterrupt as SIGINT does; what `nohup` has ignored stays ignored."""
    _answer(signal.default_int_handler)


def leave_on_signals() -> None:
    """The signals end this interpreter on the spot, also amid an import; right while nothing is started."""
    _answer(_leave)


def _answer(handler: Callable[..., None]) -> None:
    for number in _ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handler)


def _leave(*_: object) -> NoReturn:
    os.write(2, f"\n{INTERRUPTION}\n".encode())
    os._exit(INTERRUPTED)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Ignores those signals meanwhile, so that a second Ctrl-C leaves nothing half stopped."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in _ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
