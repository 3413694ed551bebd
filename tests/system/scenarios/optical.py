# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""Discs in a drive on SATA (drive0, ide-cd) and on SCSI (drive1)."""
from system.lib.scenario import scenario
from system.lib.vm import PLUG_PATIENCE


def node_of(s, drive):
    """/dev/srN of drive0 (on SATA, with a serial number) or drive1."""
    bus = "ata" if drive == "drive0" else "virtio"
    return "/dev/" + s.agent.sh("cd /sys/block; for d in sr*; do readlink -f $d | grep -q /%s && echo $d; done" % bus).out.split()[0]


def insert(s, name, drive, **how):
    node = node_of(s, drive)
    s.vm.insert_disc(s.media.get(name), drive, **how)
    s.until(lambda: "ID_CDROM_MEDIA=1" in s.agent.run("udevadm", "info", "--query=property", node).out, PLUG_PATIENCE, "udev to see the disc")
    return node


def read_disc(s, name, drive, driver):
    node = insert(s, name, drive)
    rc, (report,) = s.inspect(node)
    s.inspected(report, s.media.get(name), [driver])
    s.equal(report["medium"]["kind"], "optical", "kind of the medium")
    s.equal(rc, 1, "exit status")


@scenario
def iso_on_sata(s):
    """ISO 9660 in a SATA drive"""
    read_disc(s, "iso9660", "drive0", "kernel:iso9660")


@scenario
def iso_on_scsi(s):
    """ISO 9660 in a SCSI drive"""
    read_disc(s, "iso9660", "drive1", "kernel:iso9660")


@scenario
def udf_on_sata(s):
    """UDF in a SATA drive"""
    read_disc(s, "udf", "drive0", "kernel:udf")


@scenario
def bad_sectors(s):
    """sectors that cannot be read: that file is not approved, the others are"""
    name = "iso9660"
    image = s.media.get(name)
    data = image.path.read_bytes()
    path = "drawings/valve.png"
    start = data.index(image.contents[0][path])
    s.check(start % 2048 == 0, "the builder has not put the file on a sector")
    node = insert(s, name, "drive0", bad_sectors=range(start // 512 + 4, start // 512 + 8))
    rc, (report,) = s.inspect(node)
    files = {f["path"]: f for f in report["files"]}
    s.equal(files[path]["sha256"], None, "SHA-256 of the unreadable file")
    s.equal([r["code"] for r in files[path]["reasons"]], ["unreadable"], "reasons")
    s.equal({p: f["verdict"] for p, f in files.items()},
            {"read me first.txt": "approved", "Wartungsplan März.txt": "approved", "drawings/old/長い名前.txt": "approved", "game.com": "blocked", path: files[path]["verdict"]},
            "verdicts")
    s.check(files[path]["verdict"] != "approved", "an unreadable file was approved")
    s.equal(rc, 1, "exit status")
