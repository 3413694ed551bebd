#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""A reader that was taken over by its medium (tests/liars/reader) against the real supervisor, vault, examiners and publisher:
what it says costs itself, is never approved for the lie, and stalls nobody."""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from tap import BUILD, ROOT, finish, make_databases, ok  # noqa: E402


class Result:
    def __init__(self, status, out, err, seconds):
        self.status, self.err, self.seconds = status, err, seconds
        self.report = json.loads(out) if out else None
        self.files = {f["path"]: f for f in self.report["files"]} if out else {}

    def shown(self):
        return f"status {self.status} after {self.seconds:.1f} s\n{self.err.decode(errors='replace')}\n{json.dumps(self.report)}"

    def verdict(self, path):
        return self.files[path]["verdict"] if path in self.files else "absent"

    def volume(self):
        return self.report["medium"]["volumes"][0]["outcome"] if self.report else "no report"


class Station:
    """A station whose programs are copies, the reader excepted."""

    def __init__(self, work):
        self.work, self.bin = work, work / "build" / "bin"
        self.bin.mkdir(parents=True)
        shutil.copytree(ROOT / "rules", work / "rules")
        for p in (BUILD / "bin").iterdir():
            if p.name != "lazaret-reader":
                shutil.copy(p, self.bin / p.name)
        shutil.copy(ROOT / "tests" / "liars" / "reader", self.bin / "lazaret-reader")
        shutil.copy(ROOT / "kiosk" / "ipc" / "messages.def", self.bin)
        version = re.search(r"^VERSION := (\S+)$", (ROOT / "Makefile").read_text(), re.M).group(1)
        (self.bin / "version").write_text(version)
        db = make_databases(work / "db")
        (work / "medium").mkdir()
        self.at = work / "station"
        subprocess.run([self.bin / "lazaret", "init", self.at, "--db", db], check=True, stdout=subprocess.DEVNULL)

    def limit(self, text):
        config = self.at / "lazaret.yaml"
        config.write_text(config.read_text() + text)

    def inspect(self, lie, patience=100, stop_after=None):
        (self.bin / "lie").write_text(lie)
        begun = time.monotonic()
        p = subprocess.Popen([self.bin / "lazaret", "-C", self.at, "inspect", "--json", self.work / "medium"], stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
        try:
            if stop_after:
                time.sleep(stop_after)
                os.killpg(p.pid, signal.SIGINT)
            out, err = p.communicate(timeout=patience)
            return Result(p.returncode, out, err, time.monotonic() - begun)
        except subprocess.TimeoutExpired:
            os.killpg(p.pid, signal.SIGKILL)
            out, err = p.communicate()
            return Result("stalled", b"", err, time.monotonic() - begun)

    def staged(self):
        return [p for p in (self.at / "staging").rglob("files/**/*") if p.is_file()]


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
        s = Station(pathlib.Path(name))
        lies(s)
        words(s)
        stalls(s)
    return finish()


sys.exit(main())
