# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""From a stick's insertion to the first verdict that the operator sees: real lazaretd, real lazaret-console in a terminal."""
import os
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "console"))

import corpora
import inspecting
import station as stations
from measure import Broken, Contestant, Parameter, Ratio
from tap import EICAR

TITLE = "insertion to first verdict on the screen"
PARAMETERS = {
    **corpora.DATABASE,
}
REACH_S = 0.5
# What the operator reads first of a verdict: that something was found while others are still examined, or all of them.
VERDICTS = ("Something was found", "WAS REFUSED", "WERE REFUSED")
FILES = {"letter.txt": b"Pumps 3 and 4 are to be replaced.\n" * 40, "table.csv": b"pump,pressure\n" + b"3,17.5\n" * 900, "eicar.com": EICAR}


class Real:
    """What terminal.Console wants of a station: where it listens, and no sockets of its own."""

    def __init__(self, path):
        self.path = str(path)

    @staticmethod
    def sockets():
        return []


class Figure:
    def __init__(self, work, p):
        if os.geteuid() != 0 or not os.path.exists("/dev/loop-control"):
            raise Broken("needs root and loop devices")
        from terminal import Console  # pylint: disable=import-outside-toplevel  # wants pyte and a console that is built
        self.work, self.console = work, Console
        self.corpus = {"database": corpora.database(work / "database", p.hashes, p.bodies), "files": {n: len(d) for n, d in FILES.items()}}
        self.contestants = {"verdict": Contestant("losetup IMAGE; lazaretd and lazaret-console are running", self._verdict,
                                                  "loop device attached to first verdict on the screen"),
                            "result": Contestant("the same", lambda: self.results.pop(0), "loop device attached to the result on the screen")}
        self.results = []
        self.notes = ["The medium is an ext4 image of %d files behind a loop device: a stick's own time, until the kernel has its first sectors, comes on top." % len(FILES),
                      "Everything is there: events of the kernel, sandboxes, recording; databases were loaded before."]

    def _verdict(self):
        s = stations.Station(self.work, "ready")
        try:
            text, small = (s.at / "lazaret.yaml").read_text(), str(self.work / "ready" / "db")
            if small not in text:
                raise Broken("lazaret.yaml does not name its database as a path")
            (s.at / "lazaret.yaml").write_text(text.replace(small, str(self.work / "database")))
            s.start().ready()
            return self._insert(s)
        finally:
            if s.process:
                s.stop()
            inspecting.remove(self.work / "ready")

    def _insert(self, s):
        stick = stations.Stick(self.work, "ready-stick", FILES)
        console = self.console(Real(s.at / "control.sock"))
        try:
            if not console.shows("READY"):
                raise Broken("the console does not show that the station is ready:\n" + console.text())
            before = time.monotonic()
            stick.plug()
            if not console.pump(lambda: any(v in console.text() for v in VERDICTS), "a verdict"):
                raise Broken("no verdict on the screen:\n" + console.text())
            first = time.monotonic() - before
            if not console.shows("FILES WERE TRANSFERRED"):
                raise Broken("no result on the screen:\n" + console.text())
            self.results.append(time.monotonic() - before)
            return first
        finally:
            console.close()
            stick.pull()

    def ratios(self, s):
        return [Ratio("seconds from insertion to first verdict", s["verdict"], REACH_S, why="a time is told, not judged")]
