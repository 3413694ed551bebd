#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""An opener of containers that was taken over by a file, or its parent (tests/liars/opener), against the real supervisor, vault and
examiners: what it says costs the file at hand, no other one, and stalls nobody."""
import os
import pathlib
import subprocess
import sys
import tempfile
import zlib

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from liars import Station  # noqa: E402
from tap import finish, ok  # noqa: E402

RULES = """format: lazaret.rules/1
title: everything
rules:
  - name: everything
    match: any
    verdict: approve
    why: All that passes the checks.
"""


def codes(r):
    return {x["code"] for x in r.files["x.gz"]["reasons"]} if "x.gz" in r.files else set()


def costs_its_file(s, lie, *wanted, why=""):
    r = s.inspect(lie)
    ok(r.verdict("x.gz") in ("held", "blocked") and (not wanted or codes(r) & set(wanted)) and r.verdict("b.txt") == "approved",
       "%s: not approved, and the file beside it is" % (why or lie.replace("_", " ")), r.shown()[-3000:])
    return r


def lies(s):
    r = s.inspect("honest")
    ok(r.status == 0 and r.verdict("x.gz") == "approved", "the stand-in tells the truth: approved", r.shown()[-3000:])
    costs_its_file(s, "names_and_never_sends", "scan-error")
    costs_its_file(s, "sends_and_never_names", "scanner-crashed")
    costs_its_file(s, "counts_more_than_it_names", "scanner-crashed")
    costs_its_file(s, "sends_one_twice", "scanner-crashed", "scan-error")  # by who notices first
    costs_its_file(s, "cuts_the_stream")
    costs_its_file(s, "another_id", "scanner-crashed")
    costs_its_file(s, "id_of_a_file", "scanner-crashed")
    r = costs_its_file(s, "says_malware", "scanner-crashed")
    ok("malware" not in codes(r), "it cannot say what is not its to say", r.shown()[-3000:])
    costs_its_file(s, "another_message", "scanner-crashed")
    costs_its_file(s, "dies", "scanner-crashed")
    costs_its_file(s, "nothing_at_all", "container-opaque", why="nothing in many bytes")


def parents(s):
    """What no file can bring about: the inspection ends in words all the same, and what needs no opener is approved."""
    for lie in ("parent_dies", "parent_talks"):
        costs_its_file(s, lie, "scan-error", "scanner-crashed")


def words(s):
    r = costs_its_file(s, "terminal", "archive-unsafe")
    ok(b"\033" not in r.err and b"\a" not in r.err, "a role's raw words do not reach the terminal (invariant 8)", r.err)


def stalls(s):
    s.limit("\nunpack:\n  time: 5s\n  members: 1000\n  bytes: 1MiB\n")
    costs_its_file(s, "never_answers", "scan-timeout")
    costs_its_file(s, "floods_with_findings", "scan-timeout")
    costs_its_file(s, "floods_with_members", "limit-exceeded")
    costs_its_file(s, "floods_with_bytes", "limit-exceeded")
    left = [p for p in (s.at / "spool").rglob("*")]
    ok(not left, "nothing of it stays in the spool", left)


def main():
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="lazaret-liars-") as name:
        os.chmod(name, 0o755)
        s = Station(pathlib.Path(name), "unpack", "opener")
        (s.at / "rules.yaml").write_text(RULES)
        packed = subprocess.run(["gzip", "-c"], input=os.urandom(100000).hex().encode(), capture_output=True, check=True).stdout
        assert zlib.decompress(packed, 31)
        (s.work / "medium" / "x.gz").write_bytes(packed)
        (s.work / "medium" / "b.txt").write_bytes(b"beside it\n")
        lies(s)
        parents(s)
        words(s)
        stalls(s)
    return finish()


sys.exit(main())
