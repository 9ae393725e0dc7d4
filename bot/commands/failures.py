"""What the operating system refuses, told as an operator needs it: which file, why, what to do.

Covered: errors of files, disks and permissions that no command expected. Not covered: failures
that a part knows how to explain itself; those are `ShopkeeperError`s already.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping
from typing import Final

from bot.errors import ShopkeeperError

_FIXES: Final[Mapping[int, str]] = {
    errno.ENOSPC: "free some disk space, then run the command again",
    errno.EDQUOT: "free some of this user's disk quota, then run the command again",
    errno.EFBIG: "raise the limit on file sizes (`ulimit -f`), then run the command again",
    errno.EACCES: "give the user who runs shopkeeper access to it, or choose another place",
    errno.EPERM: "give the user who runs shopkeeper access to it, or choose another place",
    errno.EROFS: "choose a place that can be written, e.g. with SHOPKEEPER_HOME",
    errno.ENOENT: "check the path; folders above it must exist",
    errno.ENOTDIR: "check the path; a part of it is a file",
    errno.EISDIR: "name a file, not a folder",
    errno.EEXIST: "move what is there out of the way, or choose another place",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.EMFILE: "raise the limit on open files (`ulimit -n`)",
    errno.ENFILE: "close other programs: this machine has no open files left",
    errno.ENOMEM: "close other programs: this machine has no memory left",
    errno.EIO: "check the disk: it could not be read or written",
}


def explained(error: OSError) -> ShopkeeperError:
    """`error` as one sentence with the file, the reason and the fix."""
    reason = error.strerror or str(error) or type(error).__name__
    names = [str(name) for name in (error.filename, error.filename2) if name is not None]
    told = f"{' → '.join(names)}: {reason}" if names else f"the system refused: {reason}"
    fix = _FIXES.get(error.errno or 0, "run it again with SHOPKEEPER_LOG_LEVEL=DEBUG for the trace")
    return ShopkeeperError(told, fix=fix)
