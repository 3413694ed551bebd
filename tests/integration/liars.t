#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""A reader that was taken over by its medium (tests/liars/reader) against the real supervisor, vault, examiners and publisher:
what it says costs itself, is never approved for the lie, and stalls nobody."""
import os
import pathlib
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from liars import Station  # noqa: E402
from tap import finish, ok  # noqa: E402


def lies(s):
    r = s.inspect("honest")
    ok(r.status == 0 and r.verdict("a.txt") == "approved" and r.volume() == "read", "the stand-in tells the truth: approved", r.shown())
    before = len(s.staged())
    r = s.inspect("symlink_with_bytes")
    ok(r.status in (1, 2) and r.verdict("a.txt") != "approved", "bytes for a symbolic link are not approved (invariant 1)", r.shown())
    r = s.inspect("trouble_before_bytes")
    ok(r.verdict("a.txt") != "approved", "a file called unreadable, then streamed, is not approved (invariant 1)", r.shown())
    r = s.inspect("trouble_after_bytes")
    ok(r.verdict("a.txt") != "approved", "a file streamed, then called unreadable, is not approved (invariant 1)", r.shown())
    r = s.inspect("name_twice")
    ok(r.verdict("a.txt") != "approved" and r.volume() == "partial", "one name for two contents: neither is approved", r.shown())
    r = s.inspect("climbing_path")
    ok(not [f for f in r.files.values() if f["verdict"] == "approved"], "paths that climb are not approved", r.shown())
    ok(len(s.staged()) == before, "nothing of it was published", s.staged())
    r = s.inspect("bytes_after_done")
    ok(r.status == 1 and r.volume() == "partial", "bytes of an unnamed file after the end: the volume is partial", r.shown())
    r = s.inspect("bytes_twice")
    ok(r.volume() == "partial", "one file streamed twice: the volume is partial", r.shown())


def stalls(s):
    r = s.inspect("unnamed_and_flood")
    ok(r.status == 1 and r.volume() == "partial", "a flood of messages without the one that is missing stalls nobody", r.shown())
    r = s.inspect("unnamed_and_flood", stop_after=8)
    ok(r.status != "stalled", "and Ctrl-C ends it", r.shown())
    s.limit("\nlimits:\n  files: 50\n")
    r = s.inspect("entries_without_end")
    ok(r.report and len(r.files) <= 60 and r.volume() == "partial", "entries are bounded by configuration, not by the reader's word",
       r.shown()[:3000])


def words(s):
    r = s.inspect("terminal")
    ok(b"\033" not in r.err and b"\a" not in r.err, "a role's raw words do not reach the terminal (invariant 8)", r.err)
    ok(b"\\x1b" in r.err, "they are shown escaped", r.err)


def main():
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="lazaret-liars-") as name:
        os.chmod(name, 0o755)
        s = Station(pathlib.Path(name), "reader", "reader")
        lies(s)
        words(s)
        stalls(s)
    return finish()


sys.exit(main())
