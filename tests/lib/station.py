# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""A station with a daemon of its own and loop devices as its media, for the integration tests of lazaretd."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

import control
from tap import BUILD, ROOT, finish, make_databases, ok, skip

MIB = 1 << 20


def losetup(*args):
    return subprocess.run(["losetup", *map(str, args)], check=True, capture_output=True, text=True).stdout.strip()


class Stick:
    """An ext4 image that is plugged in as a loop device."""

    def __init__(self, work, name, files):
        tree, self.image = work / (name + ".tree"), work / (name + ".img")
        for path, data in files.items():
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).write_bytes(data)
        size = 16 * MIB + 2 * sum(len(d) for d in files.values())
        with open(self.image, "wb") as f:
            f.truncate(size)
        subprocess.run(["mkfs.ext4", "-q", "-F", "-O", "^has_journal", "-d", tree, self.image], check=True)
        shutil.rmtree(tree)
        self.node = None

    def plug(self):
        self.node = losetup("--find", "--show", self.image)
        return self

    def pull(self):
        """As far as a loop device can be pulled: it goes when nobody holds it any more; its events come then."""
        if self.node:
            losetup("--detach", self.node)
        self.node = None


class Station:
    def __init__(self, work, name, devices=(), extra=""):
        """A private copy of the programs, so that one can be replaced."""
        self.bin, self.at = work / name / "build" / "bin", work / name / "station"
        shutil.copytree(BUILD / "bin", self.bin)
        shutil.copytree(ROOT / "rules", work / name / "rules")
        subprocess.run([self.bin / "lazaret", "init", self.at, "--db", make_databases(work / name / "db")], check=True,
                       stdout=subprocess.DEVNULL)
        self.settings = {"source": "kernel", "loop": work, "usb-guard": "false", "optical": "false", **dict(devices)}
        self.original = (self.at / "lazaret.yaml").read_text()
        self.configure(extra)
        self.log, self.process, self.arguments = work / name / "log", None, ()

    def configure(self, extra="", **settings):
        self.settings.update(settings)
        lines = "".join("  %s: %s\n" % pair for pair in self.settings.items())
        (self.at / "lazaret.yaml").write_text(self.original.replace("devices:\n", "devices:\n" + lines) + extra)

    def start(self):
        self.process = subprocess.Popen([self.bin / "lazaretd", "-C", self.at, *self.arguments], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=open(self.log, "ab"))
        self.client = control.connect(self.at / "control.sock").watch()
        return self

    def ready(self):
        self.client.wait_for(lambda c: c.station["state"] == "ready")
        return self

    def stop(self, how=signal.SIGTERM, deadline_s=90):
        self.client.close()
        self.process.send_signal(how)
        return self.process.wait(deadline_s)

    def run(self, *args):
        return subprocess.run([self.bin / "lazaret", "-C", self.at, *args], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=60)

    def records(self):
        return [json.loads(line) for line in (self.at / "audit" / "audit.jsonl").read_text().splitlines()]

    def types(self):
        return [r["type"] for r in self.records()]

    def staged(self):
        return sorted(p.name for p in (self.at / "staging").iterdir() if not p.name.startswith("."))

    def spooled(self):
        return sorted(p.name for p in (self.at / "spool").iterdir())

    def children(self, program):
        """Process ids of this station's processes of a program."""
        found = []
        for p in pathlib.Path("/proc").iterdir():
            try:
                if p.name.isdigit() and os.path.realpath(p / "exe") == str(self.bin / program):
                    found.append(int(p.name))
            except OSError:
                continue
        return found

    def role(self, program):
        """Process id of the daemon's own child. Its children are often the same program, and need not have higher numbers: numbers wrap."""
        for p in self.children(program):
            try:
                if "\nPPid:\t%d\n" % self.process.pid in pathlib.Path("/proc/%d/status" % p).read_text():
                    return p
            except OSError:
                continue
        raise ProcessLookupError(program)

    def kill(self, pids):
        """A process may be gone already: the guard ends with its parent, a program of the same name."""
        for p in pids:
            try:
                os.kill(p, signal.SIGKILL)
            except ProcessLookupError:
                continue


def main(tests, names):
    """Run the tests, or those that are named, each in the same private directory; the exit status."""
    if os.geteuid() != 0 or not os.path.exists("/dev/loop-control"):
        skip("the daemon", "needs root and loop devices")
        return finish()
    work = pathlib.Path(tempfile.mkdtemp(prefix="lazaret-daemon."))
    os.chmod(work, 0o755)
    try:
        for test in tests:
            if names and test.__name__ not in names:
                continue
            try:
                test(work)
            except (TimeoutError, control.Gone, control.Refused, OSError, subprocess.SubprocessError, KeyError, IndexError) as e:
                ok(False, "%s runs to its end" % test.__name__, "%s: %s" % (type(e).__name__, e))
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return finish()
