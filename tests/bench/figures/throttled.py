# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""A slow medium: how much later than a plain read of the same bytes the operator may take it out, and how long after that it is published.

The medium is an image behind nbdkit's rate filter, seen as a file through nbdfuse.
"""
import corpora
import inspecting
import mounted
from peers import RULES
from measure import Broken, Contestant, Parameter, Ratio, timed

TITLE = "a slow medium: the station is as fast as it"
PARAMETERS = {"slow_bytes": Parameter(2_000_000_000, 100_000_000, "bytes of files on the medium"),
              "rates": Parameter("40,150", "40", "MB/s of the media, with commas", str)}


class Figure:
    def __init__(self, work, p):
        mounted.needs("nbdkit", "nbdfuse", "mkfs.ext4")
        self.bytes = p.slow_bytes
        self.work, self.rates, self.image = work, [int(r) for r in p.rates.split(",")], work / "image"
        size = p.slow_bytes
        self.corpus = {"tree": corpora.tree(work / "tree", size // 2), "packages": corpora.packages(work / "tree" / "packages", size // 2)}
        with open(self.image, "wb") as f:
            f.truncate(int(size * 1.3) + (64 << 20))
        timed(["mkfs.ext4", "-q", "-d", work / "tree", self.image])
        inspecting.remove(work / "tree")
        self.db = inspecting.make_databases(work / "db")
        self.contestants, self.after = {}, {}
        for rate in self.rates:
            self.after[rate] = []
            self.contestants["cat %d" % rate] = Contestant("cat files of the medium at %d MB/s" % rate, lambda r=rate: self._read(r * 1_000_000),
                                                           "reading its bytes, %d MB/s" % rate)
            self.contestants["ours %d" % rate] = Contestant("lazaretd --inspect of the same", lambda r=rate: self._ours(r),
                                                            "inspection until it may be taken out, %d MB/s" % rate)
        self.notes = ["The plain read is of as many bytes as the files have, from the beginning of the same image: a file system's own tables come on top for ours."]

    def _slow(self, rate):
        """So many bytes a second. nbdkit lets two seconds' worth pass at once in the beginning, for all contestants alike."""
        return mounted.Mounted(self.work / "slow", "--filter=rate", "file", self.image, "rate=%d" % (rate * 8))

    def _read(self, rate):
        total = sum(v["bytes"] for v in self.corpus.values())
        with self._slow(rate) as slow:
            return timed(["sh", "-c", "head -c %d \"$1\" | cat >/dev/null" % total, "sh", slow.image])

    def _ours(self, rate):
        with inspecting.Station(self.work / "station", rules=RULES, db=self.db) as station, self._slow(rate * 1_000_000) as slow:
            course = station.watch(slow.image)
        if course.report["outcome"] != "published" or not course.removable:
            raise Broken("not published: %s" % course.report["outcome"])
        self.after[rate].append(course.done - course.removable)
        return course.removable - course.began["reading"]

    def ratios(self, s):
        found = []
        for rate in self.rates:
            is_long = self.bytes > 10 * rate * 1_000_000
            found += [Ratio("%d MB/s: until it may be taken out / reading its bytes" % rate,
                            [a / b for a, b in zip(s["ours %d" % rate], s["cat %d" % rate])], 1.05, is_long,
                            why="" if is_long else "less than ten seconds of reading"),
                      Ratio("%d MB/s: seconds from there to published" % rate, self.after[rate], 2, is_long,
                            why="" if is_long else "less than ten seconds of reading")]
        return found
