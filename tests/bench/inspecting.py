# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""Inspections that a figure measures: a station of its own for each, and when which stage began."""
import json
import os
import re
import resource
import shutil
import socket
import subprocess
import threading
import time

from measure import BUILD, Broken
from tap import make_databases

PATIENCE_S = 3600  # of one inspection: what takes longer hangs


def remove(path):
    """Also what was published: directories of transfers are read-only."""
    for at, names, _ in os.walk(path):
        for name in names:
            if not os.path.islink(os.path.join(at, name)):
                os.chmod(os.path.join(at, name), 0o700)
    shutil.rmtree(path, ignore_errors=True)


def pss_kib(root):
    """Proportional set sizes of a process and all that descend from it, in KiB: what is shared counts once. Kernel, proc_pid_smaps_rollup(5)."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open("/proc/%s/stat" % entry, encoding="latin-1") as f:
                    children.setdefault(int(f.read().rpartition(")")[2].split()[1]), []).append(int(entry))
            except (OSError, IndexError):
                pass
    total, waiting = 0, [root]
    while waiting:
        pid = waiting.pop()
        waiting += children.get(pid, [])
        try:
            with open("/proc/%d/smaps_rollup" % pid, encoding="ascii") as f:
                total += next(int(line.split()[1]) for line in f if line.startswith("Pss:"))
        except (OSError, StopIteration):
            pass
    return total


def section(text, key):
    """The lines of a key at the top of a YAML file as `lazaret init` writes it."""
    found = re.search(r"^%s:\n(?:[ #].*\n|\n)*?(?=^[a-z#])" % key, text, re.MULTILINE)
    if not found:
        raise Broken("no %s in lazaret.yaml" % key)
    return found.group()


class Course:
    """What was seen of one inspection, in seconds of time.monotonic(): when each stage `began`, when the medium was `removable`, when all was `done`; the
    processor seconds of all its processes; and the largest sum of their PSS in KiB, when it was asked for."""

    def __init__(self):
        self.began, self.removable, self.done, self.report, self.cpu_s, self.pss_kib = {}, None, None, None, 0.0, 0

    @property
    def whole_s(self):
        return self.done - self.began["reading"]


class Station:
    """A fresh one, with a database that is loaded at once; all of it goes with close().

    rules   text of its rules, instead of a profile's
    extra   lines at the end of its lazaret.yaml
    db      directory of its databases; None: a tiny one
    """

    def __init__(self, at, profile="updates", rules=None, extra="", db=None):
        self.at = at
        remove(at)
        at.mkdir(mode=0o755)
        try:
            self._run("init", at / "station", "--profile", profile, "--db", db or make_databases(at / "db"))
        except Broken:
            self.close()
            raise
        if rules:
            (at / "station" / "rules.yaml").write_text(rules)
        with open(at / "station" / "lazaret.yaml", "a", encoding="utf-8") as f:
            f.write(extra)

    def _run(self, *args):
        done = subprocess.run([BUILD / "bin" / "lazaret", *args], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Broken("lazaret %s: %s" % (args[0], done.stderr.strip()))

    def reload(self, db):
        """Other databases from now on; they are pinned as `lazaret init` pins them."""
        fresh, place = self.at / "fresh", self.at / "station" / "lazaret.yaml"
        remove(fresh)
        self._run("init", fresh, "--db", db)
        ours, theirs = place.read_text(), (fresh / "lazaret.yaml").read_text()
        place.write_text(ours.replace(section(ours, "database"), section(theirs, "database")))
        remove(fresh)

    def trust(self, key, *purposes):
        self._run("-C", self.at / "station", "key", "trust", key, "--name", "vendor", "--yes",
                  *[a for p in purposes for a in ("--for", p)])

    def inspect(self, medium):
        """(when each stage began, in seconds; the report) of one inspection."""
        course = self.watch(medium)
        return course.began, course.report

    def watch(self, medium, is_weighed=False):
        """The Course of one inspection; weighed: twice a second, which takes time itself."""
        course, ended = Course(), threading.Event()
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        ours, theirs = socket.socketpair()
        with ours, open(self.at / "log", "wb") as log:
            process = subprocess.Popen([BUILD / "bin" / "lazaretd", "-C", self.at / "station", "--inspect", "--events-fd",
                                        str(theirs.fileno()), medium], pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL, stderr=log)
            theirs.close()
            watchdog = threading.Timer(PATIENCE_S, process.kill)
            watchdog.start()

            def weigh():
                while not ended.wait(0.5):
                    course.pss_kib = max(course.pss_kib, pss_kib(process.pid))

            if is_weighed:
                threading.Thread(target=weigh, daemon=True).start()
            try:
                done = self._listen(ours, course)
                process.wait()
            finally:
                ended.set()
                watchdog.cancel()
                if process.poll() is None:
                    process.terminate()
                    process.wait()
        if not done or not done.get("report") or done["outcome"] == "aborted":
            words = (self.at / "log").read_text(errors="replace").strip()[-500:]
            raise Broken("the inspection did not end: %s %s" % ((done or {}).get("why") or "", words))
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        course.cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        with open(done["report"], encoding="utf-8") as f:
            course.report = json.load(f)
        return course

    @staticmethod
    def _listen(ours, course):
        done = None
        with ours.makefile("rb") as events:
            for line in events:
                if b'"progress"' not in line and b'"done"' not in line and b'"removable"' not in line:
                    continue  # ten thousand verdicts: the clock must not wait for their parsing
                now = time.monotonic()
                event = json.loads(line)
                if event["event"] == "progress":
                    course.began.setdefault(event["stage"], now)
                elif event["event"] == "removable":
                    course.removable = course.removable or now
                elif event["event"] == "done":
                    course.done, done = now, event
        return done

    def close(self):
        remove(self.at)

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.close()
