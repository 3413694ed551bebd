# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""What a scenario is, and what it gets to work with.

    @scenario
    def vfat_stick(s):
        "an ordinary stick"                  # shown in the table
        s.vm.plug_stick(s.media.get("vfat"))
        ...

A scenario fails by an exception: AssertionError through s.check() and friends, TimeoutError, GuestError. After it, whatever
came of it, the runner checks that no image has changed.
"""
import hashlib
import json
import pathlib
import re
import time

from system.lib.agent import until
from system.lib.snapshot import STATION

REGISTRY = []

# What is there only as long as a medium is inspected. Programs have the names of their roles; without an inspection there are
# lazaretd with its helper, and a starter for each of ledger, examine, devices and records, besides the first. The machine's own
# disks are virtio's, so that all others are media.
LEFT = r"""
ps -eo comm= | grep -E '^(lazaret-(intake|reader|vault|publish|origin|unpack)|ntfs-3g|mount\.)'
[ "$(pgrep -c -x lazaretd)" -le 2 ] || pgrep -a -x lazaretd
[ "$(pgrep -c -x lazaret-starter)" -le 5 ] || pgrep -a -x lazaret-starter
cat /proc/[0-9]*/mountinfo 2>/dev/null | grep -E ' - [^ ]+ /dev/(sd|sr|loop|dm-|mapper)| - fuse(blk|\.[^ ]*)? ' | sort -u
ls -d /sys/block/dm-* /sys/block/loop*/loop/backing_file 2>/dev/null
ls -A %s/spool
"""


def scenario(function=None, *, lifetime=300, cold=False):
    """Register a scenario. lifetime: seconds until its machine is killed; cold: not from the snapshot, s.vm is not started."""
    def register(f):
        f.lifetime, f.is_cold = lifetime, cold
        f.topic = f.__module__.rpartition(".")[2]
        f.title = (f.__doc__ or f.__name__).strip().splitlines()[0]
        REGISTRY.append(f)
        return f
    return register(function) if function else register


class Stage:
    """One scenario's machine, media, and the questions that one asks of a station."""

    def __init__(self, vm, media, directory):
        self.vm, self.media, self.dir = vm, media, pathlib.Path(directory)
        self.screens = self.dir.parent.parent / "screens"

    @property
    def agent(self):
        return self.vm.agent

    # -- saying what must hold ----------------------------------------------------------------------------------------
    def check(self, condition, what):
        if not condition:
            raise AssertionError(what)

    def equal(self, got, want, what):
        if got != want:
            raise AssertionError("%s: %r, not %r" % (what, got, want))

    def until(self, condition, patience, what):
        return until(condition, patience, what)

    def still(self, condition, seconds, what):
        """It holds, and goes on to do so for that long: for what must not happen, which no event tells."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.check(condition(), "waited for %s; it does not" % what)
            time.sleep(0.1)

    # -- the station, as it says itself (docs/control.md) ----------------------------------------------------------------
    def state(self):
        return self.agent.control("state")

    def medium(self, serial=None):
        """The newest medium that lazaretd knows, or the one with this serial number; None when there is none."""
        media = [m for m in self.state()["media"] if serial in (None, m["serial"])]
        return max(media, key=lambda m: m["medium"], default=None)

    def wait_medium(self, condition, patience, what, serial=None):
        """Until the medium fulfils the condition; the last that was seen of it is in the error."""
        seen = [None]
        def good():
            seen[0] = self.medium(serial)
            return seen[0] if seen[0] is not None and condition(seen[0]) else None
        try:
            return until(good, patience, what)
        except TimeoutError as why:
            raise TimeoutError("%s; the medium: %s" % (why, json.dumps(seen[0]))) from None

    def finished(self, serial=None, patience=240):
        """Wait until the station has done with the medium; its object."""
        return self.wait_medium(lambda m: m["state"] == "done", patience, "the inspection to end", serial)

    def report(self, medium):
        """The report on a finished medium, as the station keeps it."""
        path = "%s/reports/%s.json" % (STATION, medium["transfer"])
        report = json.loads(self.agent.read(path))
        (self.dir / (medium["transfer"] + ".json")).write_text(json.dumps(report, indent=1, ensure_ascii=False))
        return report

    # -- the console on the first screen ---------------------------------------------------------------------------------
    def wait_screen(self, *pieces, patience=60):
        """Until all these pieces of text are on the screen; the screen."""
        seen = [None]
        def shown():
            seen[0] = self.agent.screen()
            return seen[0] if all(p in seen[0] for p in pieces) else None
        try:
            return until(shown, patience, "%s on the screen" % " and ".join(map(repr, pieces)))
        except TimeoutError as why:
            raise TimeoutError("%s; there is:\n%s" % (why, seen[0] and seen[0].text())) from None

    def picture(self, name):
        """Keep what the monitor shows, as PNG, beside the other pictures of the run."""
        self.screens.mkdir(parents=True, exist_ok=True)
        self.vm.picture(self.screens / (name + ".png"))

    # -- what a report has to say --------------------------------------------------------------------------------------
    def inspected(self, report, image, drivers=None, bad=("game.com",)):
        """The medium was read whole and never written; all its files are there with the right bytes; what is bad and
        nothing else is blocked. drivers: what each readable volume was opened with, in order."""
        medium = report["medium"]
        self.check(report["outcome"] == "published", "outcome %s: %s" % (report["outcome"], medium["volumes"]))
        self.check(medium["write_protected"], "the medium was not write-protected")
        if medium["kind"] == "device":
            self.equal(medium["sectors_written"], 0, "sectors written, by the kernel's counter")
        self.check(medium["removable_at"], "nothing was said of when the medium may go")
        volumes = [v for v in medium["volumes"] if v["outcome"] == "read"]
        self.equal(len(volumes), len(image.contents), "volumes read of %s" % medium["volumes"])
        if drivers is not None:
            self.equal([v["driver"] for v in volumes], list(drivers), "drivers")
        for volume, contents in zip(volumes, image.contents):
            self.same_files([f for f in report["files"] if f["volume"] == volume["index"]], contents, bad)
        self.equal(report["counts"]["files"], len(report["files"]), "count of files")
        self.published(report)

    def same_files(self, files, contents, bad):
        got = {f["path"]: f for f in files}
        self.equal(sorted(got), sorted(contents), "names on the volume")
        for path, data in contents.items():
            f = got[path]
            self.equal(f["sha256"], hashlib.sha256(data).hexdigest(), "SHA-256 of " + path)
            want = "blocked" if path.rpartition("/")[2] in bad else "approved"
            self.equal(f["verdict"], want, "verdict on %s (%s)" % (path, f["reasons"]))
            if want == "blocked":
                self.check("malware" in [r["code"] for r in f["reasons"]], "%s is blocked for %s" % (path, f["reasons"]))

    def published(self, report):
        """The transfer stands in staging, verifies, and holds what was approved, nothing else."""
        transfer = "%s/staging/%s" % (STATION, report["transfer"])
        self.agent.run("lazaret-verify", "--key", STATION + "/keys/manifest.pub", transfer, timeout=120)
        names = self.agent.run("find", transfer + "/files", "-type", "f", "-printf", "files/%P\\0", timeout=120).out
        self.equal(sorted(n for n in names.split("\0") if n), sorted(f["published_as"] for f in report["files"] if f["verdict"] == "approved"),
                   "files in staging")

    # -- what an inspection leaves behind ----------------------------------------------------------------------------------
    def nothing_left(self, patience=60):
        """Whatever an inspection made in the machine has gone: its processes, mounts in any name space, windows on volumes,
        mappings, and what lay in the spool."""
        seen = [None]
        def clean():
            seen[0] = self.agent.sh(LEFT % STATION, timeout=60, check=False).out.strip()
            return seen[0] == ""
        try:
            until(clean, patience, "nothing to be left of the inspection")
        except TimeoutError as why:
            raise TimeoutError("%s; there is:\n%s" % (why, seen[0])) from None

    def trail(self):
        """The records of the audit trail, which verifies."""
        self.agent.run("lazaret", "-C", STATION, "audit", "verify", timeout=60)
        return [json.loads(line) for line in self.agent.read(STATION + "/audit/audit.jsonl").decode().splitlines()]

    def audited(self, *events):
        """The trail has these events, in this order; their records."""
        records, found = self.trail(), []
        for record in records:
            if len(found) < len(events) and record["type"] == events[len(found)]:
                found.append(record)
        self.equal([r["type"] for r in found], list(events), "events in the trail (of %s)" % [r["type"] for r in records])
        return found

    # -- the station's settings ------------------------------------------------------------------------------------------
    def set_devices(self, *lines):
        """These lines are the section `devices` of lazaret.yaml from now on; the station has taken it over."""
        path = STATION + "/lazaret.yaml"
        text = self.agent.read(path).decode()
        section = "devices:\n" + "".join("  %s\n" % line for line in lines)
        changed = re.sub(r"(?m)^devices:\n(?:[ #].*\n)*", lambda _: section, text)
        self.check(changed != text, "lazaret.yaml has no section devices")
        self.agent.write(path, changed.encode())
        self.reload()

    def reload(self):
        """As an administrator does, and the station says that it worked."""
        before = self.state()["station"]["reload"]
        self.agent.run("systemctl", "reload", "lazaretd.service")
        after = self.until(lambda: (r := self.state()["station"])["reload"] != before and r["state"] == "ready" and r["reload"], 120,
                           "the station to have reloaded")
        self.check(after["ok"], "reload: %s" % after["text"])

    def nothing_published(self):
        self.equal(self.agent.sh("ls -A %s/staging" % STATION).out, "", "staging")
