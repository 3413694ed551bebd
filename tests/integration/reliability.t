#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""That the crash sweep (tests/reliability) can fail: each promise is broken by hand, and it must say so. And that its tracer does what
it is told."""
import json
import os
import pathlib
import shutil
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "reliability"))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import power  # noqa: E402
import victim  # noqa: E402
from tap import finish, ok, skip  # noqa: E402


def broken(work, original):
    """Name -> what breaks it, what the oracle is to say, and whether at once or of a station that has recovered."""
    def staged(s):
        return s.at / "staging" / s.newest()

    def put(path, data):
        path.parent.chmod(0o755)
        path.write_bytes(data)

    def drop(path):
        path.parent.chmod(0o755)
        path.unlink()

    def truncate(s):
        lines = (s.at / "audit" / "audit.jsonl").read_text().splitlines(keepends=True)
        (s.at / "audit" / "audit.jsonl").write_text("".join(lines[:-1]))

    def change_line(s):
        text = (s.at / "audit" / "audit.jsonl").read_text()
        (s.at / "audit" / "audit.jsonl").write_text(text.replace('"published"', '"publisHed"', 1))

    cases = {
        "a changed file in staging": (lambda s: put(staged(s) / "files" / "a.txt", b"hellO\n"), "lazaret-verify", "unfit"),
        "a file that must not pass": (lambda s: put(staged(s) / "files" / "eicar.com", b"x"), "must not pass", "unfit"),
        "a transfer that lacks a file": (lambda s: drop(staged(s) / "files" / "a.txt"), "lazaret-verify", "unfit"),
        "half of a transfer under its name": (lambda s: (s.at / "staging" / "20260101T000000Z-abcdef").mkdir(), "lazaret-verify", "unfit"),
        "a report that is missing": (lambda s: drop(next((s.at / "reports").glob("*.json"))), "without report", "problems"),
        "a report that was not recorded": (truncate, "kept", "problems"),
        "a trail that was changed": (change_line, "audit verify", "problems"),
        "a transfer that vanished": (lambda s: shutil.rmtree(staged(s)), "in staging []", "problems"),
        "a hidden transfer that stays": (lambda s: (s.at / "staging" / ".incoming-x").mkdir(), "left in staging", "problems"),
        "a spool that is not empty": (lambda s: (s.at / "spool" / "x").mkdir(), "left in the spool", "problems"),
    }
    for number, (name, (damage, words, by)) in enumerate(cases.items()):
        s = original.copy(work / f"broken-{number}")
        damage(s)
        wrong = s.unfit() if by == "unfit" else s.problems()
        ok(any(words in w for w in wrong), f"the sweep notices {name}", wrong)


def tracer(work, original, medium):
    s = original.copy(work / "killed")
    told = s.traced(medium, "-K", "publish.0/250")
    ok(told["fired"] and told["killed"] > 5 and told["signal"] == 9, "the tracer kills all of a station", told)
    left = [r for r in s.trail() if "inspection-started" in r]
    ok(len(left) == 2 and list((s.at / "spool").iterdir()), "and leaves what a kill leaves", left)
    ok(s.problems(), "which the sweep tells from a station that has recovered")
    wrong = s.recover(medium)
    ok(not wrong, "which the next inspection makes up for", wrong)

    s = original.copy(work / "failed")
    told = s.traced(medium, "-f", "publish.0/syncfs/1/EIO")
    report = [json.loads(r) for name, r in s.reports().items() if name not in s.staged()]
    ok(told["fired"] and told["exit"] == 2 and "Input/output error" in told["text"], "the tracer has a call inside a sandbox fail", told)
    ok(len(report) == 1 and report[0]["outcome"] == "aborted", "and the inspection is aborted with a report", report)

    told = s.traced(medium, "-f", "vault.0/write/2/short")
    ok(told["fired"] and told["exit"] == 1 and not told["deaths"], "a short write is made up for", told)


def log_of_writes(work):
    if os.geteuid() != 0 or not power.is_possible():
        skip("a disk whose writes are logged", f"needs root, {power.DAEMON}, FUSE and loop devices")
        return
    disk = work / "logged.disk"
    with open(disk, "wb") as f:
        f.truncate(1 << 20)
    with power.logged(work, disk) as (export, log):
        fd = os.open(export, os.O_RDWR)
        os.pwrite(fd, b"a" * 4096, 8192)
        os.fsync(fd)
        os.pwrite(fd, b"b" * 4096, 0)
        os.close(fd)
        writes = power.read_log(log)
    data = [(w.at, w.data[:1]) for w in writes if w.data]
    flushes = [k for k, w in enumerate(writes) if w.is_flush]
    first = next((k for k, w in enumerate(writes) if w.data and w.data[:1] == b"b"), 0)
    ok(data == [(8192, b"a"), (0, b"b")] and any(0 < k < first for k in flushes), "a disk logs its writes and the flush between them", writes)


def main():
    if os.geteuid() != 0:
        skip("the crash sweep", "needs root: the roles have accounts of their own")
        return finish()
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="lazaret-reliability-t.") as name:
        os.chmod(name, 0o755)
        work = pathlib.Path(name)
        medium = victim.Medium(work, "small")
        original = victim.Station.make(work, [medium])
        broken(work, original)
        tracer(work, original, medium)
        log_of_writes(work)
    return finish()


sys.exit(main())
