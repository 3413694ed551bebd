# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""What hangs on the USB: other transports, several units, devices that are more than they say."""
from system.lib.scenario import scenario


@scenario
def uas(s):
    """a disk on USB Attached SCSI"""
    image = s.media.get("vfat")
    s.vm.plug_uas(image)
    s.wait_block()
    s.equal(s.agent.sh("basename $(readlink /sys/bus/usb/drivers/uas/*-*:*/driver)").out.strip(), "uas", "driver of the device")
    rc, (report,) = s.inspect("/dev/sda")
    s.inspected(report, image, ["kernel:vfat"])
    s.equal(rc, 1, "exit status")


@scenario
def multi_lun(s):
    """a stick with a disk and a virtual CD"""
    s.vm.plug_luns("usb-bot", [("scsi-hd", s.media.get("vfat")), ("scsi-cd", s.media.get("iso9660"))])
    s.wait_block("/dev/sda")
    s.wait_block("/dev/sr2")
    rc, reports = s.inspect("/dev/sda", "/dev/sr2")
    s.inspected(reports[0], s.media.get("vfat"), ["kernel:vfat"])
    s.inspected(reports[1], s.media.get("iso9660"), ["kernel:iso9660"])
    s.equal(rc, 1, "exit status")
