# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""Memory with a database of real size, by number of workers, against one clamd."""
import corpora
import inspecting
from clamd import Clamd
from peers import RULES
from measure import Contestant, Parameter, Ratio

TITLE = "memory with a database of real size"
PARAMETERS = {
    **corpora.DATABASE,
    "sample": Parameter(50_000_000, 10_000_000, "bytes of files that are examined meanwhile"),
}
WORKERS = (1, 2, 4, 8)


class Figure:
    def __init__(self, work, p):
        self.work, self.db, self.medium = work, work / "db", work / "medium"
        self.corpus = {"database": corpora.database(self.db, p.hashes, p.bodies), "medium": corpora.tree(self.medium, p.sample)}
        self.contestants = {"clamd": Contestant("clamdscan --multiscan --fdpass medium", self._clamd, "clamd, after scanning", "MiB")}
        for n in WORKERS:
            self.contestants["ours %d" % n] = Contestant("lazaretd --inspect medium, limits: {workers: %d}" % n, lambda n=n: self._ours(n),
                                                         "all of the station's processes, %d workers" % n, "MiB")
        self.notes = ["PSS: a page that several share counts for each in part (proc_pid_smaps_rollup). Ours: the largest sum over all processes, twice a second."]

    def _clamd(self):
        with Clamd(self.work / "clamd", self.db) as clamd:
            clamd.scan("--multiscan", "--fdpass", paths=[self.medium])
            return inspecting.pss_kib(clamd.process.pid) / 1024

    def _ours(self, workers):
        with inspecting.Station(self.work / "station", rules=RULES, db=self.db, extra="limits:\n  workers: %d\n" % workers) as station:
            return station.watch(self.medium, is_weighed=True).pss_kib / 1024

    def ratios(self, s):
        def by(a, b):
            return [x / y for x, y in zip(s[a], s[b])]
        return [Ratio("the station with 2 workers / one clamd", by("ours 2", "clamd"), 1.05, True, broken=3),
                Ratio("the station with 8 workers / with 1", by("ours 8", "ours 1"), 1.05, True, broken=2)]
