# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""Discs in a drive on SATA (drive0) and on SCSI (drive1)."""
from system.lib.scenario import scenario


def disc(s, name, drive, driver):
    s.vm.insert_disc(s.media.get(name), drive)
    medium = s.finished()
    s.inspected(s.report(medium), s.media.get(name), [driver])
    s.equal(medium["kind"], "optical", "kind of the medium")
    s.wait_screen("4 OF 5 FILES WERE TRANSFERRED")


@scenario
def iso_on_sata(s):
    """ISO 9660 in a SATA drive"""
    disc(s, "iso9660", "drive0", "user:iso9660")


@scenario
def iso_on_scsi(s):
    """ISO 9660 in a SCSI drive"""
    disc(s, "iso9660", "drive1", "user:iso9660")


@scenario
def udf_on_sata(s):
    """UDF in a SATA drive"""
    disc(s, "udf", "drive0", "kernel:udf")


@scenario
def bad_sectors(s):
    """sectors that cannot be read: that file is not approved, the others are"""
    image = s.media.get("iso9660")
    path = "drawings/valve.png"
    start = image.path.read_bytes().index(image.contents[0][path])
    s.check(start % 2048 == 0, "the builder has not put the file on a sector")
    s.vm.insert_disc(image, "drive0", bad_sectors=range(start // 512 + 4, start // 512 + 8))
    report = s.report(s.finished())
    bad = {f["path"]: [r["code"] for r in f["reasons"]] for f in report["files"] if f["verdict"] != "approved"}
    s.equal(set(bad), {path, "game.com"}, "what was not approved")
    s.equal(bad[path], ["unreadable"], "reasons of the file on bad sectors")
    s.equal(len(report["files"]), 5, "files in the report")
    s.wait_screen("3 OF 5 FILES WERE TRANSFERRED", path)
