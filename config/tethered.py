"""Become a command that ends when its parent does: `python tethered.py PARENT_PID COMMAND...`

A parent killed with -9 stops nobody. On Linux the kernel can be asked to send SIGTERM to a child at
that moment, and the wish survives exec. Done here, in the child's own process, instead of between
fork and exec in a parent that has threads. Elsewhere this only runs the command.
"""

import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def tether(parent: int) -> None:
    """Ask for SIGTERM at the parent's death; exit at once when it has died already."""
    if sys.platform != "linux":
        return
    import ctypes

    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(128 + signal.SIGTERM)


if __name__ == "__main__":
    tether(int(sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])
