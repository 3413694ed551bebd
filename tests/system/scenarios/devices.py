# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""What hangs on the USB: other transports, several units, devices that are more than they say."""
from system.lib.scenario import scenario


@scenario
def uas(s):
    """a disk on USB Attached SCSI"""
    image = s.media.get("vfat")
    s.vm.plug_uas(image)
    medium = s.finished()
    s.inspected(s.report(medium), image, ["kernel:vfat"])
    s.check(s.agent.sh("ls -d /sys/bus/usb/drivers/uas/*:* 2>/dev/null | wc -l").out.strip() == "1", "the device is not driven by uas")


@scenario
def keyboard(s):
    """a keyboard on a port for media: not authorised, shown, and its keys go nowhere"""
    s.vm.plug_device("usb-kbd")
    s.wait_screen("keyboard")
    s.picture("keyboard-refused")
    refused = s.state()["devices"]["refused"]
    s.equal((refused["code"], refused["accepted"]), ("usb-keyboard", False), "the refusal")
    s.equal(s.agent.sh("grep -l 'QEMU USB Keyboard' /sys/class/input/*/name | wc -l", check=False).out.strip(), "0", "input devices made of it")


@scenario
def two_at_once(s):
    """two sticks at the same time"""
    s.vm.plug_stick(s.media.get("vfat"), serial="FIRST", port=1)
    s.vm.plug_stick(s.media.get("ext4"), serial="SECOND", port=2)
    s.inspected(s.report(s.finished("FIRST")), s.media.get("vfat"), ["kernel:vfat"])
    s.inspected(s.report(s.finished("SECOND")), s.media.get("ext4"), ["kernel:ext4"])
