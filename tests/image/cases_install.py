# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""The installer, from a stick into an empty disk of a machine with Secure Boot."""
import hashlib

from image.cases import NAME, READY, case
from image.machine import Machine, partitions

PROMPT = "type \"erase\" and the name of the disk"


class Empty(Machine):
    """Nothing on its internal disk; the installer's stick, which it can write no more than a disc, is in at power-on."""

    def __init__(self, directory, iso, variables):
        super().__init__(directory, "/dev/null", variables)
        self.iso = iso

    def take_out(self):
        """The installer's stick, while the machine is off."""
        self.iso = None

    def command(self, incoming):
        if self.iso is None:
            return super().command(incoming)
        return super().command(incoming) + ["-blockdev", "driver=file,node-name=iso,read-only=on,filename=%s" % self.iso.resolve(),
                                            "-device", "usb-storage,id=installer,bus=xhci.0,drive=iso,bootindex=1,serial=INSTALL"]


def head_of(disk, count):
    with open(disk, "rb") as f:
        return f.read(count)


@case
def install(s):
    """a stick with the installer: nothing without being told, then the image on the internal disk, which starts; a wrong one does not"""
    s.machine = machine = Empty(s.dir / "machine", s.things.iso, s.things.enrolled(s.dir))
    machine.start()
    seen = machine.wait_screen("LAZARET: INSTALLATION", PROMPT)
    s.check(" sda " in seen and "8192 MiB" in seen, "the internal disk is not offered:\n" + seen)
    machine.type("erase sdb\n")  # the stick itself
    machine.wait_screen("Nothing was written.")
    machine.kill()
    s.check(not head_of(machine.disk, 1 << 20).strip(b"\0"), "something was written unasked")
    machine.start()
    machine.wait_screen(PROMPT)
    machine.type("erase sda\n")
    machine.wait_screen("INSTALLED, and read back.", never=("NOT INSTALLED", "Kernel panic"))
    machine.qmp.command("device_del", id="installer")  # as the screen says: else the station takes it for a medium
    machine.qmp.wait_event("DEVICE_DELETED", 30, device="installer")
    machine.press("ret")
    machine.wait_screen(READY, NAME)
    s.silent()
    machine.kill()
    wanted, found = hashlib.sha256(), hashlib.sha256()
    offset, size = partitions(s.things.image)["root-a"]
    for path, sum in ((s.things.image, wanted), (machine.disk, found)):
        with open(path, "rb") as f:
            f.seek(offset)
            sum.update(f.read(size))
    s.check(wanted.digest() == found.digest(), "slot A is not the image's")


@case
def install_changed(s):
    """an image on the stick that is not the one of the signed command line: read back, refused, and nothing starts from the disk"""
    iso = s.dir / "changed.iso"
    data = bytearray(s.things.iso.read_bytes())
    begin = data.index(b"\x1f\x8b\x08\0\0\0\0\0\x02\x03")  # RFC 1952, as gzip -n -9 writes it
    data[begin + 40000000] ^= 1
    iso.write_bytes(data)
    s.machine = machine = Empty(s.dir / "machine", iso, s.things.enrolled(s.dir))
    machine.start()
    machine.wait_screen(PROMPT)
    machine.type("erase sda\n")
    machine.wait_screen("NOT INSTALLED", never=("INSTALLED, and read back", "Kernel panic"))
    machine.kill()
    s.check(not head_of(machine.disk, 1 << 20).strip(b"\0"), "the disk has a partition table")
