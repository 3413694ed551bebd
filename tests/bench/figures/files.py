# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""Many small files: what the hundredth thousand costs, in time and memory, against the first ten thousand."""
import corpora
import inspecting
from peers import RULES
from measure import Broken, Contestant, Parameter, Ratio

TITLE = "many small files: time for each, and memory"
PARAMETERS = {"many": Parameter(1_000_000, 5_000, "files of the large medium"), "few": Parameter(10_000, 1_000, "files of the small one")}


class Figure:
    def __init__(self, work, p):
        self.work, self.p, self.kib = work, p, {"many": [], "few": []}
        self.corpus = {n: corpora.small_files(work / n, getattr(p, n)) for n in ("few", "many")}
        self.db = inspecting.make_databases(work / "db")
        self.contestants = {n: Contestant("lazaretd -C STATION --inspect %s" % n, lambda n=n: self._inspect(n), "%d files, each" % getattr(p, n), "ms")
                            for n in ("few", "many")}
        self.notes = ["Memory: the largest sum of PSS over all processes of the station, looked at twice a second."]

    def _inspect(self, name):
        with inspecting.Station(self.work / "station", rules=RULES, db=self.db) as station:
            course = station.watch(self.work / name, is_weighed=True)
        count = getattr(self.p, name)
        if sum(f["verdict"] == "approved" for f in course.report["files"]) != count:
            raise Broken("not all of %d files were approved" % count)
        self.kib[name].append(course.pss_kib)
        return course.whole_s * 1000 / count

    def ratios(self, s):
        growth = [(a - b) / 1024 for a, b in zip(self.kib["many"], self.kib["few"])]
        full = self.p.many >= 100 * self.p.few
        return [Ratio("time for a file, %d / %d" % (self.p.many, self.p.few), [a / b for a, b in zip(s["many"], s["few"])], 1.1, full,
                      why="" if full else "too few files: starting the roles is part of it", broken=1.5),
                Ratio("growth of memory, MiB", growth, 16, True, broken=32)]
