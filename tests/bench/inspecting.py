# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""Inspections that a figure measures: a station of its own for each, and when which stage began."""
import json
import os
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


class Station:
    """A fresh one, with a database that is loaded at once; all of it goes with close().

    rules   text of its rules, instead of a profile's
    extra   lines at the end of its lazaret.yaml
    """

    def __init__(self, at, profile="updates", rules=None, extra=""):
        self.at = at
        remove(at)
        at.mkdir(mode=0o755)
        try:
            self._run("init", at / "station", "--profile", profile, "--db", make_databases(at / "db"))
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

    def trust(self, key, *purposes):
        self._run("-C", self.at / "station", "key", "trust", key, "--name", "vendor", "--yes",
                  *[a for p in purposes for a in ("--for", p)])

    def inspect(self, medium):
        """(when each stage began, in seconds; the report) of one inspection."""
        ours, theirs = socket.socketpair()
        with ours, open(self.at / "log", "wb") as log:
            process = subprocess.Popen([BUILD / "bin" / "lazaretd", "-C", self.at / "station", "--inspect", "--events-fd",
                                        str(theirs.fileno()), medium], pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL, stderr=log)
            theirs.close()
            watchdog = threading.Timer(PATIENCE_S, process.kill)
            watchdog.start()
            try:
                began, done = self._listen(ours)
                process.wait()
            finally:
                watchdog.cancel()
                if process.poll() is None:
                    process.terminate()
                    process.wait()
        if not done or not done.get("report") or done["outcome"] == "aborted":
            words = (self.at / "log").read_text(errors="replace").strip()[-500:]
            raise Broken("the inspection did not end: %s %s" % ((done or {}).get("why") or "", words))
        with open(done["report"], encoding="utf-8") as f:
            return began, json.load(f)

    @staticmethod
    def _listen(ours):
        began, done = {}, None
        with ours.makefile("rb") as events:
            for line in events:
                if b'"progress"' not in line and b'"done"' not in line:
                    continue  # ten thousand verdicts: the clock must not wait for their parsing
                now = time.monotonic()
                event = json.loads(line)
                if event["event"] == "progress":
                    began.setdefault(event["stage"], now)
                elif event["event"] == "done":
                    done = event
        return began, done

    def close(self):
        remove(self.at)

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.close()
