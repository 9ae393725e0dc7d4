"""What a worker is called, and whether the process behind a name is known to be dead.

Covered: processes of this machine and of this container or namespace. Not covered: those of other
hosts, of which nothing is known until their leases end.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path
from uuid import uuid4

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_NAMESPACE = Path("/proc/self/ns/pid")


def worker_name() -> str:
    """A name no other worker has: place, process number, chance."""
    return f"{_place()}:{os.getpid()}:{uuid4().hex[:8]}"


def is_gone(name: str) -> bool:
    """Whether the process of that name is certainly dead. False when nobody can know from here."""
    place, _, rest = name.rpartition(":")[0].rpartition(":")
    if not place or place != _place() or not rest.isdecimal():
        return False
    try:
        os.kill(int(rest), 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):
        return False
    return False


def _place() -> str:
    """Within it a process number means one process: host, boot and namespace.

    Two containers may have the same host name and both have a process 1.
    """
    try:
        return f"{socket.gethostname()}/{_BOOT.read_text()[:8]}/{_NAMESPACE.stat().st_ino}"
    except OSError:
        # Not Linux: no number is known to be dead, since nothing tells whose it is.
        return f"{socket.gethostname()}/{uuid4().hex[:8]}"
