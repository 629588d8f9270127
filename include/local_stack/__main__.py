"""`python -m include.local_stack run|up|down`: `command`, and what an interruption at any moment comes to."""

import sys

from include.local_stack.signals import INTERRUPTED, INTERRUPTION, interrupt_on_signals, leave_on_signals


def main() -> int:
    """What `command.main` returns; 130, with one line on stderr, when interrupted."""
    leave_on_signals()
    # Imported here, since it takes a second, with NumPy and botocore, in which a user may think better of it.
    from include.local_stack import command

    try:
        interrupt_on_signals()
        return command.main()
    except KeyboardInterrupt:
        print(f"\n{INTERRUPTION}", file=sys.stderr)
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
