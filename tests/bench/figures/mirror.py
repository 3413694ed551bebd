# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""Proving a mirror: InRelease -> Packages -> each package, against hashing the same files as everybody has to.

Ours is the stage "origin" of an inspection: recognising evidence, verifying signatures, reading the indexes, comparing the digests
of all files, and following each chain to its key. What comes before (reading, examining) and after (judging) is not in it; the vault
has hashed the files while they were read, so that this stage does not depend on their size.
"""
import pathlib
import shlex
import subprocess
import sys

import inspecting
from measure import ROOT, Broken, Contestant, Parameter, Ratio, timed

import repository

TITLE = "what proving a Debian mirror adds to hashing it"
REACH = 0.10
# From here on packages, not the start of the processes that prove them, are what the stage costs.
MEANINGFUL = 5000
# The mean of Debian 12's main for amd64, for machines whose apt has no index to compute it from.
DEBIAN_12_MEAN = 1501530
PARAMETERS = {
    "packages": Parameter(10000, MEANINGFUL, "packages of the mirror"),
    "bytes": Parameter(300000, 10000, "content of each package"),
    "corpus": Parameter(None, None, "a mirror as `tests/lib/repository.py synthetic` makes it, instead of one made for this run",
                        pathlib.Path),
}
ONE_FILE = 128 << 20  # long enough that opening it costs nothing
# The scanner and libmagic take most of an inspection, and nothing of this stage. Everything that is proved is held, so that nothing
# is copied into staging; everything else is blocked.
CHECKS = "checks:\n  virus: false\n  type: false\n"
RULES = """format: lazaret.rules/1
title: bench
rules:
  - name: proved
    match:
      signature: any
    verdict: hold
    reason: type-unknown
    why: A trusted key vouches for it.
"""


def archive_mean():
    """(mean size of a package, where it comes from)."""
    try:
        uri, codename, component, architecture = repository.archive_index()
        of = "Packages of %s %s %s %s" % (uri, codename, component, architecture)
        listed = repository.run("apt-get", "indextargets", "--format", "$(FILENAME)", "Created-By: Packages", "Codename: " + codename,
                                "Component: " + component, "Architecture: " + architecture, "Repo-URI: " + uri + "/")
        for name in listed.decode().splitlines():
            text = repository.run("/usr/lib/apt/apt-helper", "cat-file", name)
            sizes = [int(line[6:]) for line in text.splitlines() if line.startswith(b"Size: ")]
            if sizes:
                return sum(sizes) / len(sizes), "%d packages in %s" % (len(sizes), of)
    except (repository.Unavailable, subprocess.CalledProcessError):
        pass
    return DEBIAN_12_MEAN, "recorded from Debian 12, main, amd64: apt has no index here"


class Figure:
    def __init__(self, work, p):
        self.work = work
        self.place = p.corpus.resolve() if p.corpus else work / "mirror"
        if not p.corpus:
            done = subprocess.run([sys.executable, ROOT / "tests" / "lib" / "repository.py", "synthetic", self.place, str(p.packages),
                                   str(p.bytes)], capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise Broken("no mirror: %s" % done.stderr.strip()[-500:])
        self.medium = self.place / "medium"
        self.files = sorted(f for f in self.medium.rglob("*") if f.is_file())
        self.debs = sorted(str(f.relative_to(self.medium)) for f in self.files if f.suffix == ".deb")
        if not self.debs or not (self.place / "key.pgp").exists():
            raise Broken("%s has no medium/ with packages and key.pgp" % self.place)
        self.size = sum((self.medium / d).stat().st_size for d in self.debs)
        self.mean, self.mean_of = archive_mean()
        self._hashing(work)
        self.contestants["proving"] = Contestant("lazaretd -C STATION --inspect --events-fd 3 medium", self._prove,
                                                 "proving: the stage \"origin\" of an inspection")
        self.corpus = {"packages": len(self.debs), "bytes": self.size, "files": len(self.files),
                       "mean_of_archive": self.mean, "mean_of_archive_from": self.mean_of}
        self.notes = ["Cached: all files were read once before the first run. Hashing is done by one process on one core.",
                      "openssl hashes with the processor's SHA instructions where there are any; sha256sum of coreutils may not.",
                      "The inspections ran without the checks virus and type, and published nothing: neither is in the stage measured.",
                      "Mean size of a package: %.0f bytes here, %.0f in the archive (%s)." % (self.size / len(self.debs), self.mean,
                                                                                          self.mean_of)]

    def _hashing(self, work):
        names = work / "names"
        names.write_bytes(b"".join(bytes(f) + b"\0" for f in self.files))
        one = work / "one"
        with open("/dev/urandom", "rb") as random, open(one, "wb") as f:
            for _ in range(ONE_FILE >> 20):
                f.write(random.read(1 << 20))

        def tree(*tool):
            def measure():
                with open(names, "rb") as f:
                    return timed(["xargs", "-0", *tool], stdin=f)
            return Contestant("find medium -type f -print0 | xargs -0 " + shlex.join(tool), measure, shlex.join(tool) + ", the mirror")

        def single(*tool):
            return Contestant("%s one" % shlex.join(tool), lambda: timed([*tool, one]),
                              "%s, one file of %d MiB" % (shlex.join(tool), ONE_FILE >> 20))

        coreutils, openssl = ("sha256sum",), ("openssl", "dgst", "-sha256", "-r")
        self.contestants = {"sha256sum": tree(*coreutils), "sha256sum-one": single(*coreutils), "openssl": tree(*openssl),
                            "openssl-one": single(*openssl)}
        timed(["sha256sum", one])
        self.contestants["sha256sum"].measure()

    def _prove(self):
        with inspecting.Station(self.work / "station", rules=RULES, extra=CHECKS) as station:
            station.trust(self.place / "key.pgp", "repository")
            began, report = station.inspect(self.medium)
        proved = {f["path"] for f in report["files"] if f["verdict"] == "held" and [s["name"] for s in f["signers"]] == ["vendor"]}
        missing = [d for d in self.debs if d not in proved]
        if missing:
            raise Broken("%d of %d packages were not proved; the first: %s" % (len(missing), len(self.debs), missing[0]))
        if not {"origin", "judging"} <= began.keys():
            raise Broken("the inspection did not tell when its stages began")
        return began["judging"] - began["origin"]

    def ratios(self, s):
        count, extra = len(self.debs), len(self.debs) * self.mean - self.size
        made = []
        for tool, words in (("sha256sum", "sha256sum"), ("openssl", "openssl dgst -sha256")):
            made.append(Ratio("proving / %s, packages of %d bytes" % (words, self.size / count),
                              [ours / peer for ours, peer in zip(s["proving"], s[tool])]))
            if extra <= 0:  # these packages are as large as real ones: nothing to compute
                real = made.pop()
            else:
                real = Ratio("proving / %s, packages of %d bytes (computed)" % (words, self.mean),
                             [ours / (peer + extra * one / ONE_FILE)
                              for ours, peer, one in zip(s["proving"], s[tool], s[tool + "-one"])],
                             computed="%s of the mirror, and of the bytes that it lacks at the speed of the one file" % words)
            if tool == "sha256sum":  # what somebody without this station would run
                real.reach, real.is_judged = REACH, count >= MEANINGFUL
                real.broken = REACH if real.is_judged else None  # it takes a tenth of that
                if not real.is_judged:
                    real.why = "fewer than %d packages: starting processes is most of it" % MEANINGFUL
            made.append(real)
        per_package = [ours / count for ours in s["proving"]]
        self.corpus["proving_s_per_package"] = sorted(per_package)[len(per_package) // 2]
        self.notes.append("Proving takes %.1f microseconds a package (median)." % (1e6 * self.corpus["proving_s_per_package"]))
        return made
