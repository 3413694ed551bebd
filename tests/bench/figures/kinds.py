# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""Where the time of a medium goes: the same comparison for Debian packages, which clamd does not open, npm tarballs, which it does, and plain files."""
import shutil

import corpora
import inspecting
import peers
from measure import Contestant, Parameter, Ratio

TITLE = "a whole inspection, for each kind of medium"
PARAMETERS = {
    "kind_bytes": Parameter(100_000_000, 15_000_000, "bytes of each kind"),
    **corpora.DATABASE,
}


class Figure:
    def __init__(self, work, p):
        self.work, self.db = work, work / "db"
        self.corpus = {"database": corpora.database(self.db, p.hashes, p.bodies)}
        self.contestants, self.cpu = {}, {}
        kinds = {"packages": corpora.packages, "plain files": corpora.tree}
        self.notes = ["Databases were loaded before the clocks began, and the media are in the page cache, for all alike."]
        if shutil.which("npm"):
            kinds["npm tarballs"] = corpora.tarballs
        else:
            self.notes.append("No npm on this machine: its tarballs are missing.")
        self.kinds = sorted(kinds)
        for kind in self.kinds:
            medium = work / kind.replace(" ", "-")
            self.corpus[kind] = kinds[kind](medium, p.kind_bytes)
            corpora.warm(medium)
            self.cpu[kind] = {"ours": [], "clamd": []}
            self.contestants["multiscan " + kind] = Contestant("clamdscan --multiscan --fdpass; sha256sum of each file; cp -a",
                                                               lambda k=kind, m=medium: peers.multiscan(m, work, self.db, self.cpu[k]["clamd"]),
                                                               kind + ": clamd, a thread a core, then sha256sum, then cp")
            self.contestants["ours " + kind] = Contestant("lazaretd -C STATION --inspect", lambda k=kind, m=medium: self._ours(k, m), kind + ": an inspection")

    def _ours(self, kind, medium):
        with inspecting.Station(self.work / "station", rules=peers.RULES, db=self.db) as station:
            course = station.watch(medium)
        self.corpus[kind]["verdicts"] = peers.check(course, medium)
        self.cpu[kind]["ours"].append(course.cpu_s)
        return course.whole_s

    def ratios(self, s):
        return [r for kind in self.kinds for r in
                (Ratio(kind + ": inspection / (clamdscan --multiscan, sha256sum, cp)",
                       [a / b for a, b in zip(s["ours " + kind], s["multiscan " + kind])]),
                 Ratio(kind + ": processor time of the inspection, loading included / clamd's scanning",
                       [a / b for a, b in zip(self.cpu[kind]["ours"], self.cpu[kind]["clamd"])]))]
