# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""Media that go, break or crawl while they are inspected."""
import json

from system.lib.scenario import scenario
from system.lib.snapshot import STATION


def start_inspection(s, name, **how):
    stick = s.vm.plug_stick(s.media.get(name), **how)
    s.wait_block()
    return stick, s.agent.start("inspect", "lazaret", "-C", STATION, "inspect", "--json", "/dev/sda")


def aborted(s, job):
    """It ended by itself as aborted, with a report, nothing in staging, the trail whole, nothing left mounted or running."""
    done = job.wait(120)
    s.equal(done.rc, 2, "exit status (%s)" % done.err)
    report = json.loads(done.out)
    s.equal(report["outcome"], "aborted", "outcome")
    s.equal([f["path"] for f in report["files"] if f["published_as"]], [], "published files")
    s.nothing_published()
    s.agent.run("lazaret", "-C", STATION, "audit", "verify", timeout=60)
    s.equal(s.agent.sh("ls -A %s/spool" % STATION).out, "", "spool")
    s.equal(s.agent.sh("pgrep -a 'lazaret-|lazaretd' || true").out, "", "processes left behind")
    return report


def spooled(s, count):
    """Until so many copies lie in the spool: reading has begun."""
    s.until(lambda: int(s.agent.sh("ls %s/spool/*/copies 2>/dev/null | wc -l" % STATION).out) >= count, 120, "%d files to be read" % count)


@scenario
def pulled_while_reading(s):
    """pulled out while files are read: aborted, nothing published"""
    stick, job = start_inspection(s, "big", bytes_per_second=2_000_000)
    spooled(s, 2)
    stick.unplug()
    report = aborted(s, job)
    s.equal(report["medium"]["removable_at"], None, "time when the medium might go")


@scenario
def pulled_while_examining(s):
    """pulled out once it has been read: the inspection goes on to its end"""
    image = s.media.get("big")
    stick, job = start_inspection(s, "big")
    job.wait_output("remove", 120)
    stick.unplug()
    done = job.wait(200)
    report = json.loads(done.out)
    s.inspected(report, image, ["kernel:vfat"])


@scenario
def slow(s):
    """a medium of 1.5 MB/s"""
    image = s.media.get("vfat")
    s.vm.plug_stick(image, bytes_per_second=1_500_000)
    s.wait_block()
    rc, (report,) = s.inspect("/dev/sda")
    s.inspected(report, image, ["kernel:vfat"])
    s.equal(rc, 1, "exit status")


@scenario
def bad_sectors_on_a_stick(s):
    """bad sectors under one file: that file alone is not approved"""
    image = s.media.get("vfat")
    path = "drawings/valve.png"
    sector = image.path.read_bytes().index(image.contents[0][path]) // 512
    s.vm.plug_stick(image, bad_sectors=[sector + 8])
    s.wait_block()
    _, (report,) = s.inspect("/dev/sda")
    bad = {f["path"]: [r["code"] for r in f["reasons"]] for f in report["files"] if f["verdict"] != "approved"}
    s.equal(bad, {path: ["unreadable"], "game.com": ["malware"]}, "what was not approved")


@scenario(lifetime=600)
def many_files(s):
    """20,000 files"""
    image = s.media.get("many")
    s.vm.plug_stick(image)
    s.wait_block()
    rc, (report,) = s.inspect("/dev/sda", timeout=500)
    s.inspected(report, image, ["kernel:vfat"], bad=("file-12345.txt",))
    s.equal(rc, 1, "exit status")
