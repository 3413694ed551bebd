# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""An update medium, whole: from its first byte read to its transfer published, against what one would run with clamd (peers.py)."""
import corpora
import inspecting
import peers
from measure import Broken, Contestant, Parameter, Ratio
from peers import RULES

TITLE = "a whole inspection, databases of real size"
PARAMETERS = {
    "bytes": Parameter(1_000_000_000, 60_000_000, "bytes of the medium: half packages, half files of a system"),
    **corpora.DATABASE,
}


class Figure:
    def __init__(self, work, p):
        self.work, self.medium, self.db = work, work / "medium", work / "db"
        self.is_large = p.bytes >= 500_000_000
        self.medium.mkdir()
        self.medium.chmod(0o755)
        self.corpus = {"packages": corpora.packages(self.medium / "packages", p.bytes // 2), "tree": corpora.tree(self.medium / "tree", p.bytes // 2),
                       "database": corpora.database(self.db, p.hashes, p.bodies)}
        self.contestants = {
            "multiscan": Contestant("clamdscan --multiscan --fdpass medium; sha256sum of each file; cp -a", self._multiscan,
                                    "clamd, a thread a core, then sha256sum, then cp"),
            "stream": Contestant("clamdscan --stream medium; cp -a", self._stream, "clamd, one file after the other through its socket, then cp"),
            "ours": Contestant("lazaretd -C STATION --inspect medium", self._ours, "an inspection, from reading to published"),
            "again": Contestant("the same once more, at the same station", self._again, "the same medium again"),
            "updated": Contestant("the same after a database update, at the same station", self._updated, "the same medium after a database update"),
            "read": Contestant("sha256sum of each file", lambda: peers.hashed(self.medium), "sha256sum alone: reading and hashing"),
        }
        self.cpu = {"ours": [], "clamd": []}
        self.notes = ["Databases were loaded before the clocks began, and the medium is in the page cache, for all alike.",
                      "clamd opens no Debian package; ours opens each to the bottom. Both contestants copy everything."]
        corpora.warm(self.medium)
        self.station = None

    def _multiscan(self):
        return peers.multiscan(self.medium, self.work, self.db, self.cpu["clamd"])

    def _stream(self):
        return peers.stream(self.medium, self.work, self.db)

    def _ours(self):
        self.close()
        self.station = inspecting.Station(self.work / "station", rules=RULES, db=self.db)
        course = self.station.watch(self.medium)
        self._check(course)
        self.cpu["ours"].append(course.cpu_s)
        return course.whole_s

    def _again(self):
        course = self.station.watch(self.medium)
        self._check(course)
        return course.whole_s

    def _updated(self):
        """One signature more. What was found under other databases counts for nothing: each file is examined anew (docs/trust.md)."""
        more = self.db / "update.hdb"
        more.write_text("%032x:1234:Bench.Update\n" % len(self.cpu["ours"]))
        try:
            self.station.reload(self.db)
            course = self.station.watch(self.medium)
        finally:
            more.unlink()
        if any("not examined again" in note for f in course.report["files"] for note in f.get("notes", [])):
            raise Broken("files were not examined again although the databases are others")
        self._check(course)
        self.close()
        return course.whole_s

    def _check(self, course):
        self.corpus["verdicts"] = peers.check(course, self.medium)
        if not self.corpus["verdicts"]["approved"]:
            raise Broken("nothing was approved, and so nothing was copied")

    def close(self):
        if self.station:
            self.station.close()
            self.station = None

    def ratios(self, s):
        n = len(s["ours"])
        return [Ratio("inspection / (clamdscan --multiscan, sha256sum, cp)", [a / b for a, b in zip(s["ours"], s["multiscan"])], 0.70, True, broken=8),
                Ratio("inspection / (clamdscan --stream, cp)", [a / b for a, b in zip(s["ours"], s["stream"])], 0.45, True, broken=5),
                Ratio("processor time of the inspection, loading included / clamd's scanning",
                      [self.cpu["ours"][k] / self.cpu["clamd"][k] for k in range(n)]),
                Ratio("the same medium again / first time", [a / b for a, b in zip(s["again"], s["ours"])], 0.1, self.is_large,
                      why="what a process costs to start is most of it", broken=0.4),
                Ratio("the same medium after a database update / first time", [a / b for a, b in zip(s["updated"], s["ours"])], broken=2),
                Ratio("the same medium again / sha256sum", [a / b for a, b in zip(s["again"], s["read"])])]
