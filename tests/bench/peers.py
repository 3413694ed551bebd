# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""What people run on a medium instead of an inspection, and the inspection, on the same tree with the same databases.

The peers look at less: clamd reports what it could not open as clean, hashes nothing, opens no package (a .deb is `OK` by name of its first member), and its
verdict is about names that may have other contents when cp comes. They are what people run instead all the same.
"""
import os

import inspecting
from clamd import Clamd
from measure import Broken, timed

RULES = """format: lazaret.rules/1
title: bench
rules:
  - name: everything
    match: any
    verdict: approve
    why: All that could be looked into.
"""
FAILED = ("scan-error", "scanner-crashed", "scan-timeout", "unreadable")


def hashed(medium):
    """Seconds that sha256sum takes for each file."""
    return timed(["sh", "-c", "find \"$1\" -type f -print0 | xargs -0 sha256sum", "sh", medium])


def copied(medium, work):
    """Seconds of cp -a and a sync."""
    copy = work / "copy"
    try:
        return timed(["sh", "-c", "cp -a \"$1\" \"$2\" && sync -f \"$2\"", "sh", medium, copy])
    finally:
        inspecting.remove(copy)


def multiscan(medium, work, db, cpu_s):
    """clamdscan with a thread a core, then sha256sum, then cp; what clamd takes of the processor goes to `cpu_s`."""
    with Clamd(work / "clamd", db) as clamd:
        before = clamd.cpu_s()
        seconds = clamd.scan("--multiscan", "--fdpass", paths=[medium])
        cpu_s.append(clamd.cpu_s() - before)
    return seconds + hashed(medium) + copied(medium, work)


def stream(medium, work, db):
    """clamdscan, one file after the other through its socket, then cp."""
    with Clamd(work / "clamd", db) as clamd:
        seconds = clamd.scan("--stream", paths=[medium])
    return seconds + copied(medium, work)


def check(course, medium):
    """Nothing was excused: each file came out of it approved, or with a reason that is about the file (all of them: it was refused). How many of which verdict."""
    files = course.report["files"]
    there = sum(len(names) for _, _, names in os.walk(medium))
    lost = [f["path"] for f in files if any(x["code"] in FAILED for x in f["reasons"])]
    if course.report["outcome"] not in ("published", "refused") or lost or len(files) != there:
        raise Broken("%s, %d of %d files, not examined: %s" % (course.report["outcome"], len(files), there, lost[:5]))
    return {v: sum(f["verdict"] == v for f in files) for v in ("approved", "held", "blocked")}
