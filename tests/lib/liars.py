# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""A station one of whose roles was taken over: tests/liars/NAME stands in the place of lazaret-ROLE, the rest is real."""
import json
import os
import re
import shutil
import signal
import subprocess
import time

from tap import BUILD, ROOT, make_databases


def inspection(programs, station, medium, patience, stop_after=None):
    """(exit status, its --json, standard error, seconds); interrupted by the operator after `stop_after` seconds; "stalled" and killed after `patience`."""
    begun = time.monotonic()
    p = subprocess.Popen([programs / "lazaret", "-C", station, "inspect", "--json", medium], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, start_new_session=True)
    try:
        if stop_after:
            time.sleep(stop_after)
            os.killpg(p.pid, signal.SIGINT)
        out, err = p.communicate(timeout=patience)
        return p.returncode, out, err, time.monotonic() - begun
    except subprocess.TimeoutExpired:
        os.killpg(p.pid, signal.SIGKILL)
        _, err = p.communicate()
        return "stalled", b"", err, time.monotonic() - begun


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
    """A station whose programs are copies, one excepted: tests/liars/`liar` is its lazaret-`role`."""

    def __init__(self, work, role, liar):
        self.work, self.bin = work, work / "build" / "bin"
        self.bin.mkdir(parents=True)
        shutil.copytree(ROOT / "rules", work / "rules")
        for p in (BUILD / "bin").iterdir():
            if p.name != "lazaret-" + role:
                shutil.copy(p, self.bin / p.name)
        shutil.copy(ROOT / "tests" / "liars" / liar, self.bin / ("lazaret-" + role))
        for name in ("messages.def", "container.def"):
            shutil.copy(ROOT / "kiosk" / "ipc" / name, self.bin)
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
        return Result(*inspection(self.bin, self.at, self.work / "medium", patience, stop_after))

    def staged(self):
        return [p for p in (self.at / "staging").rglob("files/**/*") if p.is_file()]
