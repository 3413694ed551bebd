# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""Looking into packages, against what somebody without this station would have to run.

clamscan reports a .deb clean without having opened it. Who wants to know what is in it lists it with bsdtar, or unpacks it and scans the
files. Ours does all of it in one inspection: every layer hashed, scanned, typed, looked at by the detectors and judged.
"""
import os
import shutil
import subprocess

import inspecting
from measure import Broken, Contestant, Parameter, Ratio, timed

TITLE = "looking into Debian packages to the bottom"
# Programs, libraries, scripts, pages, data: what updates consist of. Their versions are in the record.
NAMES = ["bash", "coreutils", "openssl", "python3-yaml", "perl-base", "git-man", "libmagic-mgc", "vim-common", "tzdata", "zstd", "libxml2",
         "openssh-client", "gpg", "rsync", "libpython3-stdlib", "ncurses-base", "systemd", "apt", "dpkg", "tar"]
PARAMETERS = {"names": Parameter(len(NAMES), 6, "packages, out of a list of %d" % len(NAMES))}
RULES = """format: lazaret.rules/1
title: bench
rules:
  - name: everything
    match: any
    verdict: hold
    reason: type-unknown
    why: Nothing is copied into staging.
"""


class Figure:
    def __init__(self, work, p):
        self.work, self.medium = work, work / "medium"
        self.medium.mkdir()
        names = NAMES[:p.names]
        done = subprocess.run(["apt-get", "download", "-q", *names], cwd=self.medium, capture_output=True, text=True, check=False)
        self.debs = sorted(self.medium.glob("*.deb"))
        if not self.debs:
            raise Broken("no packages: %s" % done.stderr.strip()[-300:])
        os.chmod(self.medium, 0o755)
        self.db = inspecting.make_databases(work / "db")
        for tool in ("bsdtar", "clamscan"):
            if not shutil.which(tool):
                raise Broken("%s is not installed" % tool)
        self.contestants = {
            "bsdtar": Contestant("bsdtar -xOf DEB 'data.tar*' | bsdtar -tf - (and control.tar*), one after the other", self._list,
                                 "bsdtar -tf: names alone"),
            "clamscan": Contestant("clamscan -r -d db medium", lambda: timed(["clamscan", "-r", "-i", "--no-summary", "-d", self.db, self.medium]),
                                   "clamscan: the packages, which it does not open"),
            "unpacked": Contestant("bsdtar -x (both tars of each), then clamscan -r -d db tree", self._unpacked,
                                   "unpacked, then clamscan: files alone"),
            "ours": Contestant("lazaretd -C STATION --inspect --events-fd 3 medium", self._inspect, "an inspection, from reading to judging"),
        }
        self.corpus = {"packages": [d.name for d in self.debs], "bytes": sum(d.stat().st_size for d in self.debs)}
        self.notes = ["clamscan and bsdtar use one core, an inspection all: %d here." % os.cpu_count(),
                      "A small database: where signatures are many, scanning is nearly all of it, for each alike.",
                      "Cached: all packages were read once before the first run."]
        self._list()

    def _each(self, command):
        # one shell a package: what a person would type, without the cost of a thousand forks
        return ["sh", "-c", "for d in \"$@\"; do for m in data control; do bsdtar -xOf \"$d\" \"$m.tar*\" | %s || exit 1; done; done" % command, "sh",
                *self.debs]

    def _list(self):
        return timed(self._each("bsdtar -tf - >/dev/null"))

    def _unpacked(self):
        tree = self.work / "tree"
        tree.mkdir()
        try:
            seconds = timed(self._each("bsdtar -C %s -xf - --no-same-owner" % tree))
            self.corpus["members"] = sum(len(files) for _, _, files in os.walk(tree))
            return seconds + timed(["clamscan", "-r", "-i", "--no-summary", "-d", self.db, tree])
        finally:
            inspecting.remove(tree)

    def _inspect(self):
        with inspecting.Station(self.work / "station", rules=RULES) as station:
            began, report = station.inspect(self.medium)
        wrong = [f["path"] for f in report["files"] if [x["code"] for x in f["reasons"] if not x["member"]] != ["type-unknown"]]
        if wrong:
            raise Broken("not opened to the bottom: %s" % ", ".join(wrong[:5]))
        if not {"reading", "publishing"} <= began.keys() and "judging" not in began:
            raise Broken("the inspection did not tell when its stages began")
        end = began.get("judging", began.get("publishing"))
        return end - began["reading"]

    def ratios(self, s):
        return [Ratio("inspection / (unpacked, then clamscan)", [a / b for a, b in zip(s["ours"], s["unpacked"])]),
                Ratio("inspection / bsdtar -tf", [a / b for a, b in zip(s["ours"], s["bsdtar"])]),
                Ratio("inspection / clamscan of the packages", [a / b for a, b in zip(s["ours"], s["clamscan"])])]
