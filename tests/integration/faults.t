#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""System calls whose failure once made the station say or do something wrong (found by tests/reliability/run --only faults)."""
import collections
import os
import pathlib
import sys
import tempfile
import types

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "reliability"))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import faults  # noqa: E402
import victim  # noqa: E402
from tap import finish, ok, skip  # noqa: E402

# What broke; the process; its call, and what that is about (a part of the path behind its first or second argument); the how manieth of
# such (None: of any one path); the fault; what is to come of it: whole, refused, or either.
BROKE = [
    ("a listener without a descriptor said that nothing was published", "lazaret.0", "fcntl", "", 1, "EMFILE", "refused"),
    ("a listener that cannot read fell silent", "lazaret.0", "read", "socket:", 5, "EIO", "refused"),
    ("an inspection that could not open its spool began and left no report", "lazaretd.0", "mkdirat", "", 1, "ENOSPC", "refused"),
    ("a copy that the vault cannot hand out to be opened was waited for without end", "vault.0", "openat", None, 3, "EIO", "refused"),
]


def spot(log, process, call, about, number):
    """The how manieth call of that name it is, among all of its process."""
    seen = collections.Counter()
    for line in log.read_text(errors="replace").splitlines():
        who, _, phase, name, nth, _, _, target = line.split("\t")
        if who == process and phase != "0" and name == call and (about is None or about in target):
            seen[target if about is None else ""] += 1
            if number in seen.values():
                return int(nth)
    return 0


def main():
    if os.geteuid() != 0:
        skip("failing system calls", "needs root: the roles have accounts of their own")
        return finish()
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="lazaret-faults.") as directory:
        os.chmod(directory, 0o755)
        work = pathlib.Path(directory)
        small = victim.Medium(work, "small")
        bench = types.SimpleNamespace(work=work, small=small, original=victim.Station.make(work, [small]))
        log = work / "log"
        bench.original.copy(work / "seen").traced(small, "-l", log)
        for k, (name, process, call, about, number, fault, wanted) in enumerate(BROKE):
            nth = spot(log, process, call, about, number)
            outcome, wrong = faults.attempt(bench, work / f"fault-{k}", faults.Point("", ["-f", f"{process}/{call}/{nth}/{fault}"], name))
            ok(outcome in (wanted or "whole refused").split() and not wrong, f"no more: {name}", f"{outcome}: {process} {call} {nth} {fault}: {wrong}")
    return finish()


sys.exit(main())
