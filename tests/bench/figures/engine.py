# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""What everything but the virus scanner costs: reading, sealing, hashing, types, detectors, judging, publishing, in processor time.

libclamav's own is what clamscan takes for the same files, less what it takes for one small file: starting, and loading the database. Ours is
reckoned alike. There are no containers among the files: what ours opens and clamscan does not would be counted as if it were overhead.
"""
import os
import resource

import corpora
import inspecting
from peers import RULES
from measure import Broken, Contestant, Parameter, Ratio, timed

TITLE = "processor time beyond libclamav's own"
PARAMETERS = {
    "plain_bytes": Parameter(300_000_000, 40_000_000, "bytes of files without containers"),
    **corpora.DATABASE,
}
CONTAINERS = (".gz", ".xz", ".bz2", ".zst", ".zip", ".jar", ".whl", ".tar", ".pdf", ".a", ".deb", ".svgz", ".odt", ".docx")


class Figure:
    def __init__(self, work, p):
        self.work, self.files, self.one, self.db = work, work / "files", work / "one", work / "db"
        self.corpus = {"tree": corpora.tree(self.files, p.plain_bytes, lambda path: not path.endswith(CONTAINERS)), "one": corpora.small_files(self.one, 1),
                       "database": corpora.database(self.db, p.hashes, p.bodies)}
        corpora.warm(self.files)
        self.contestants = {}
        for medium in ("one", "files"):
            at = self.work / medium
            self.contestants["clamscan " + medium] = Contestant("clamscan -r -d db %s" % medium, lambda at=at: self._clamscan(at),
                                                                "clamscan, %s: processor time" % medium)
            self.contestants["ours " + medium] = Contestant("lazaretd --inspect %s" % medium, lambda at=at: self._ours(at),
                                                            "an inspection, %s: processor time of all its processes" % medium)
        self.is_large = p.plain_bytes >= 200_000_000
        self.notes = ["Processor time of ended processes (getrusage(2), RUSAGE_CHILDREN), of all cores.",
                      "Ours looks with libmagic, hashes, searches for active content, copies twice and syncs; clamscan does none of it."]

    def _clamscan(self, at):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        timed(["clamscan", "-r", "-i", "--no-summary", "--max-filesize=0", "--max-scansize=0", "-d", self.db, at])
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    def _ours(self, at):
        with inspecting.Station(self.work / "station", rules=RULES, db=self.db) as station:
            course = station.watch(at)
        if course.report["outcome"] != "published" or len(course.report["files"]) != sum(len(names) for _, _, names in os.walk(at)):
            raise Broken("%s, %d files" % (course.report["outcome"], len(course.report["files"])))
        return course.cpu_s

    def ratios(self, s):
        theirs = [a - b for a, b in zip(s["clamscan files"], s["clamscan one"])]
        ours = [a - b for a, b in zip(s["ours files"], s["ours one"])]
        return [Ratio("processor time beyond libclamav's / libclamav's", [(a - b) / b for a, b in zip(ours, theirs)], 0.10, self.is_large,
                      why="" if self.is_large else "too few files", broken=6)]
