# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""Media that go, break or crawl while they are inspected."""
from system.lib.media import MANY, MANY_BAD
from system.lib.scenario import scenario
from system.lib.snapshot import STATION


def reading(s, files=1):
    """Until that many files have been read."""
    s.wait_medium(lambda m: m["progress"]["files_read"] >= files and not m["removable"], 120, "%d files to be read" % files)


@scenario
def pulled_while_reading(s):
    """pulled out while files are read: aborted, nothing published"""
    stick = s.vm.plug_stick(s.media.get("big"), bytes_per_second=2_000_000)
    reading(s, 2)
    s.wait_screen("LEAVE THE MEDIUM IN")
    stick.unplug()
    medium = s.finished()
    s.equal((medium["outcome"], medium["trouble"]["code"], medium["removable_at"]), ("aborted", "removed", None), "outcome")
    s.equal([f["path"] for f in s.report(medium)["files"] if f["published_as"]], [], "published files")
    s.nothing_published()
    s.equal(s.agent.sh("ls -A %s/spool" % STATION).out, "", "spool")
    s.agent.run("lazaret", "-C", STATION, "audit", "verify", timeout=60)
    s.wait_screen("NOTHING WAS TRANSFERRED")
    s.picture("removed-while-reading")


@scenario
def pulled_while_examining(s):
    """pulled out once it has been read: the inspection goes on to its end"""
    image = s.media.get("big")
    stick = s.vm.plug_stick(image)
    s.wait_medium(lambda m: m["removable"] and m["state"] != "done", 180, "the medium to be read")
    stick.unplug()
    medium = s.finished()
    s.inspected(s.report(medium), image, ["kernel:vfat"])
    s.wait_screen("6 OF 7 FILES WERE TRANSFERRED")


@scenario
def slow(s):
    """a medium of 1.5 MB/s"""
    image = s.media.get("big")
    s.vm.plug_stick(image, bytes_per_second=1_500_000)
    reading(s)
    s.wait_screen("LEAVE THE MEDIUM IN", "Reading the files")
    s.picture("reading")
    s.inspected(s.report(s.finished()), image, ["kernel:vfat"])


@scenario
def bad_sectors_on_a_stick(s):
    """bad sectors under one file: that file alone is not approved"""
    image = s.media.get("big")
    path = "data/block-3.txt"
    data = image.contents[0][path]
    sector = (image.path.read_bytes().index(data[:4096]) + len(data) // 2) // 512
    s.vm.plug_stick(image, bad_sectors=[sector])
    medium = s.finished()
    bad = {f["path"]: [r["code"] for r in f["reasons"]] for f in s.report(medium)["files"] if f["verdict"] != "approved"}
    s.equal(set(bad), {path, "game.com"}, "what was not approved")
    s.equal(bad[path], ["unreadable"], "reasons of the file on bad sectors")
    s.wait_screen("5 OF 7 FILES WERE TRANSFERRED", path)


@scenario(lifetime=1900)
def many_files(s):
    """20,000 files, or as many as LAZARET_MANY says"""
    image = s.media.get("many-%d" % MANY)
    s.vm.plug_stick(image)
    medium = s.finished(patience=1700)
    s.inspected(s.report(medium), image, ["kernel:vfat"], bad=(MANY_BAD,))
    s.wait_screen("{:,} OF {:,} FILES WERE TRANSFERRED".format(MANY - 1, MANY))
