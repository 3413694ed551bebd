# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""A disc in a drive whose head takes its time: reading the files in the order in which they lie, not in that of their names.

The disc is an ISO 9660 image as xorriso makes it, and another whose files lie in an order that has nothing to do with their names, behind optical.py.
"""
import pathlib
import random

import corpora
import inspecting
import mounted
from peers import RULES
from measure import Broken, Contestant, Parameter, Ratio, timed

TITLE = "an optical medium: seeks"
PARAMETERS = {"disc_bytes": Parameter(600_000_000, 60_000_000, "bytes of files on the disc"),
              "disc_rate": Parameter(20, 20, "MB/s of its drive")}
LAYOUTS = {"plain": "as xorriso lays them out", "shuffled": "laid out in an order that has nothing to do with names"}
PLUGIN = pathlib.Path(__file__).resolve().parents[1] / "optical.py"


class Figure:
    def __init__(self, work, p):
        mounted.needs("nbdkit", "nbdfuse", "xorriso")
        self.work, self.rate = work, p.disc_rate * 1_000_000
        self.corpus = {"tree": corpora.tree(work / "tree", p.disc_bytes)}
        names = sorted("/" + str(f.relative_to(work / "tree")) for f in (work / "tree").rglob("*") if f.is_file())
        random.Random(corpora.SEED).shuffle(names)
        (work / "weights").write_text("".join("%d %s\n" % line for line in enumerate(names)))
        for layout, more in (("plain", []), ("shuffled", ["--sort-weight-list", work / "weights"])):
            timed(["xorriso", "-as", "mkisofs", "-quiet", "-R", "-J", "-joliet-long", "-o", work / layout, *more, work / "tree"])
        inspecting.remove(work / "tree")
        self.db = inspecting.make_databases(work / "db")
        self.contestants = {"cat": Contestant("cat the disc", self._read, "reading the disc from its beginning to its end")}
        for layout, words in LAYOUTS.items():
            self.contestants[layout] = Contestant("lazaretd --inspect of the disc, %s" % layout, lambda n=layout: self._ours(n),
                                                  "inspection until it may be taken out, files %s" % words)
        self.notes = ["The drive is a model: %d MB/s, 20 ms to settle, 180 ms for the full stroke, 2 MiB of memory." % p.disc_rate,
                      "Where this kernel has no driver for ISO 9660, the station's own reader is what is measured."]
        self.is_long = p.disc_bytes > 10 * self.rate

    def _disc(self, layout):
        return mounted.Mounted(self.work / "drive", "python", str(PLUGIN), "image=%s" % (self.work / layout), "rate=%d" % self.rate)

    def _read(self):
        with self._disc("plain") as disc:
            return timed(["sh", "-c", "cat \"$1\" >/dev/null", "sh", disc.image])

    def _ours(self, layout):
        with inspecting.Station(self.work / "station", rules=RULES, db=self.db) as station, self._disc(layout) as disc:
            course = station.watch(disc.image)
        if course.report["outcome"] != "published" or not course.removable:
            raise Broken("not published: %s" % course.report["outcome"])
        self.corpus["drivers"] = sorted({v.get("driver", "") for v in course.report["medium"].get("volumes", [])})
        return course.removable - course.began["reading"]

    def ratios(self, s):
        return [Ratio("until it may be taken out / reading the disc, files %s" % words, [a / b for a, b in zip(s[layout], s["cat"])], 1.15, self.is_long,
                      why="" if self.is_long else "less than ten seconds of reading") for layout, words in LAYOUTS.items()]
