"""A small separate program: change account, tie this process's life to the parent's, become the program.

    python -I -S become_program.py PARENT_PID UID GID PROGRAM [ARGUMENT ...]     (UID and GID "-": stay)

It exists because these steps must happen in the child in this order, and running Python between fork and exec
in a process with threads (subprocess's `preexec_fn`) can lock up. It imports the standard library only, before
it changes account, since the new account may not be able to read it.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
_PARENT_GONE = 3


def main() -> None:
    """Do what the module says; return only by raising."""
    parent, uid, gid, program, *arguments = sys.argv[1:]
    libc = ctypes.CDLL(None, use_errno=True)
    if uid != "-":
        os.setgroups([])
        os.setresgid(int(gid), int(gid), int(gid))
        os.setresuid(int(uid), int(uid), int(uid))
    # A parent started with `&` ignores SIGINT, and its children would inherit that.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    if sys.platform == "linux":
        die_with(int(parent), libc)
    os.umask(0o077)
    os.execv(program, [program, *arguments])  # noqa: S606 - becoming that program is the purpose


def die_with(parent: int, libc: ctypes.CDLL) -> None:
    """Ask the kernel for SIGINT (PostgreSQL's fast shutdown) when the thread that started us ends.

    Only after the change of account, which clears this wish.
    """
    if libc.prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGINT), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "the death signal of the parent could not be asked for")
    # The parent may have died before we asked, and then nobody would ever send it.
    if os.getppid() != parent:
        sys.exit(_PARENT_GONE)


if __name__ == "__main__":
    main()
