# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""What an inspection costs in time and memory, against how much there is of each: files, bytes, workers, signatures. Told, not judged."""
import corpora
import inspecting
from peers import RULES
from measure import Broken, Contestant, Parameter

TITLE = "time and memory against files, bytes, workers and signatures"
PARAMETERS = {
    "curve_files": Parameter("1000,10000,100000", "500,2000", "numbers of small files, with commas", str),
    "curve_megabytes": Parameter("50,200,800", "5,20", "sizes of a tree of files of a system, with commas", str),
    "curve_workers": Parameter("1,2,4,8", "1,2", "numbers of workers, with commas", str),
    "curve_signatures": Parameter("0,100000,1000000,3000000", "0,50000", "hash signatures, of which a thirtieth has a body besides, with commas", str),
}
USUAL_MEGABYTES = 50


class Figure:
    def __init__(self, work, p):
        self.work, self.contestants, self.corpus, self.mib = work, {}, {}, {}
        self.small = inspecting.make_databases(work / "db")
        self.x = {kind: [int(n) for n in getattr(p, "curve_" + kind).split(",")] for kind in ("files", "megabytes", "workers", "signatures")}
        for n in self.x["files"]:
            self._add("files", n, self._tree("files-%d" % n, lambda at, n=n: corpora.small_files(at, n)))
        for n in self.x["megabytes"]:
            self._add("megabytes", n, self._tree("bytes-%d" % n, lambda at, n=n: corpora.tree(at, n * 1_000_000)))
        usual = self._tree("usual", lambda at: corpora.tree(at, min(USUAL_MEGABYTES, max(self.x["megabytes"])) * 1_000_000))
        for n in self.x["workers"]:
            self._add("workers", n, usual, extra="limits:\n  workers: %d\n" % n)
        for n in self.x["signatures"]:
            db = work / ("db-%d" % n)
            self.corpus["database of %d" % n] = corpora.database(db, n, n // 30)
            self._add("signatures", n, usual, db=db)
        self.notes = ["Memory: the largest sum of PSS over all processes of the station, looked at twice a second, which takes time of the machine's.",
                      "Workers and signatures: a tree of %d MB. Databases were loaded before the clock began." % USUAL_MEGABYTES]

    def _tree(self, name, make):
        at = self.work / name
        self.corpus[name] = make(at)
        corpora.warm(at)
        return at

    def _add(self, kind, n, tree, **how):
        self.mib[kind, n] = []
        self.contestants["%s %d" % (kind, n)] = Contestant("lazaretd --inspect", lambda: self._inspect(kind, n, tree, how), "%s: %d" % (kind, n))

    def _inspect(self, kind, n, tree, how):
        with inspecting.Station(self.work / "station", rules=RULES, **{"db": self.small, **how}) as station:
            course = station.watch(tree, is_weighed=True)
        if course.report["outcome"] != "published":
            raise Broken("%s %d: %s" % (kind, n, course.report["outcome"]))
        self.mib[kind, n].append(course.pss_kib / 1024)
        return course.whole_s

    def ratios(self, s):
        self.curves = [{"x": kind, "points": [{"x": n, "s": sorted(s["%s %d" % (kind, n)]), "mib": sorted(self.mib[kind, n])} for n in of]}
                       for kind, of in self.x.items()]
        return []
