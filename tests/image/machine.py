# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""The appliance in a machine: a PC with UEFI firmware and Secure Boot, a SATA disk, a network card, and nobody inside who helps. What
it does is seen on its screen, on the firmware's serial line, in what it sends, and on its disk once it is off."""
import json
import os
import pathlib
import shutil
import struct
import subprocess
import time

from image import screen
from system.lib import vm as machines
from system.lib.qmp import Qmp

OVMF = pathlib.Path("/usr/share/OVMF")
DISK_BYTES = 8 << 30
# Emulated on an idle machine: 45 s to READY at the first boot, 30 s later. Others compile meanwhile.
BOOT_PATIENCE = int(os.environ.get("IMAGE_PATIENCE", "600"))
POLL = 1.0
MAC = bytes.fromhex("525400123456")  # QEMU's, for the first card
KEY_POLL = 0.5  # the boot loader looks for a key for 100 ms, and draws each one that it was given


def run(*command, **options):
    done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, **options)
    if done.returncode:
        raise RuntimeError("%s: exit %d\n%s" % (" ".join(map(str, command)), done.returncode, done.stdout.decode(errors="replace")))
    return done.stdout


def partitions(disk):
    """{name: (offset, bytes)}"""
    done = subprocess.run(["sfdisk", "--json", str(disk)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    return {p["name"]: (p["start"] * 512, p["size"] * 512) for p in json.loads(done.stdout)["partitiontable"]["partitions"]}


def frames(path):
    """pcap: 24 bytes of header, then for each frame 16 with its length, in the order of bytes of the machine that wrote it."""
    data = path.read_bytes()
    at = 24
    while at + 16 <= len(data):
        size = struct.unpack_from("=I", data, at + 8)[0]
        yield data[at + 16:at + 16 + size]
        at += 16 + size


NETDEV = "user,id=net,restrict=on,ipv6=off"


class Machine(machines.VM):
    """`image` is copied onto a larger disk; `variables` are the firmware's (None: as from the factory, no keys)."""

    clock = "utc"  # what its battery has kept: or a time, 2026-12-23T08:00:00

    def __init__(self, directory, image, variables=None, lifetime=3600):
        super().__init__(directory, "", "", lifetime)
        machines.clean_directory(self.dir)
        self.disk, self.variables = self.dir / "disk.raw", self.dir / "variables.fd"
        run("cp", "--sparse=always", image, self.disk)
        with open(self.disk, "r+b") as f:
            f.truncate(DISK_BYTES)
        shutil.copy(variables or OVMF / "OVMF_VARS_4M.fd", self.variables)
        self.font = screen.load_font()
        self.seen = None, ""

    def command(self, incoming):
        return ["qemu-system-x86_64", "-name", "appliance", "-nodefaults", "-no-user-config", "-machine", "q35,smm=on", "-accel", machines.accel(),
                "-global", "driver=cfi.pflash01,property=secure,value=on", "-global", "ICH9-LPC.disable_s3=1",
                "-cpu", "max", "-smp", "2", "-m", "1536", "-display", "none", "-vga", "std", "-rtc", "base=" + self.clock,
                "-chardev", "socket,id=qmp,path=qmp,server=on,wait=off", "-mon", "chardev=qmp,mode=control", "-serial", "file:serial.log",
                "-drive", "if=pflash,format=raw,unit=0,readonly=on,file=%s" % (OVMF / "OVMF_CODE_4M.secboot.fd"),
                "-drive", "if=pflash,format=raw,unit=1,file=variables.fd",
                "-blockdev", "driver=file,node-name=disk,filename=disk.raw,discard=unmap", "-device", "ide-hd,drive=disk,bus=ide.0,bootindex=0",
                "-netdev", NETDEV, "-device", "e1000e,netdev=net,romfile=", "-object", "filter-dump,id=dump,netdev=net,file=net.pcap",
                "-device", "qemu-xhci,id=xhci,p2=8,p3=8"]

    def connect(self):
        self.qmp = Qmp(self.dir)

    # -- what it shows -------------------------------------------------------------------------------------------------
    def screen(self):
        path = self.dir / "screen.ppm"
        self.qmp.command("screendump", filename=str(path.resolve()))
        picture = path.read_bytes()
        if picture != self.seen[0]:  # reading one takes as long as the machine takes to change it
            self.seen = picture, screen.text(path, self.font)
        return self.seen[1]

    def serial(self):
        return (self.dir / "serial.log").read_text(errors="replace")

    def wait_screen(self, *pieces, patience=BOOT_PATIENCE, never=("Kernel panic", "login:")):
        """Until all these pieces are on the screen; its text. One of `never` ends the wait: what it is waited for will not come."""
        end, seen = time.monotonic() + patience, ""
        while time.monotonic() < end:
            seen = self.screen()
            if all(p in seen for p in pieces):
                return seen
            bad = [n for n in never if n in seen]
            if bad:
                raise AssertionError("%r instead of %r:\n%s" % (bad, pieces, seen))
            if not self.is_alive():
                raise AssertionError("the machine ended while %r was waited for; there was:\n%s" % (pieces, seen))
            time.sleep(POLL)
        raise TimeoutError("no %r on the screen; there is:\n%s" % (pieces, seen))

    def press_until(self, key, *pieces, tries=20):
        """A key, again and again until it is answered, as a person does it: a keyboard that has just been plugged in is bound to its driver a moment later."""
        for n in range(tries):
            self.press(key)
            try:
                return self.wait_screen(*pieces, patience=15)
            except TimeoutError:
                if n == tries - 1:
                    raise
        return ""

    def wait_serial(self, *pieces, patience=BOOT_PATIENCE, meanwhile=None):
        """Until one of these pieces has come over the serial line, which is the firmware's and the boot loader's; which it was."""
        end = time.monotonic() + patience
        while time.monotonic() < end:
            seen = self.serial()
            for piece in pieces:
                if piece in seen:
                    return piece
            if meanwhile:
                meanwhile()
            time.sleep(KEY_POLL if meanwhile else POLL)
        raise TimeoutError("no %r on the serial line; there is:\n%s" % (pieces, self.serial()[-2000:]))

    def start(self):
        (self.dir / "serial.log").unlink(missing_ok=True)
        self.launch()

    def frames_sent(self):
        """How many of the frames in the dump are its own: QEMU's side of the cable advertises itself as a router every few minutes."""
        return sum(frame[6:12] == MAC for frame in frames(self.dir / "net.pcap"))

    # -- its disk, while it is off -------------------------------------------------------------------------------------
    def change(self, name, at, data):
        """Other bytes in a partition."""
        offset, size = partitions(self.disk)[name]
        with open(self.disk, "r+b") as f:
            f.seek(offset + (at if at >= 0 else size + at))
            f.write(data)

    def bytes_of(self, name, at, count):
        with open(self.disk, "rb") as f:
            f.seek(partitions(self.disk)[name][0] + at)
            return f.read(count)

    def boot_partition(self, change):
        """change(path of the file system) on the boot partition."""
        offset, size = partitions(self.disk)["esp"]
        path = self.dir / "esp.img"
        with open(self.disk, "r+b") as f:
            f.seek(offset)
            path.write_bytes(f.read(size))
            change(path)
            f.seek(offset)
            f.write(path.read_bytes())
        path.unlink()

    def data_partition(self, copy):
        """The data partition, as a file."""
        offset, size = partitions(self.disk)["data"]
        run("dd", "if=%s" % self.disk, "of=%s" % copy, "bs=1M", "iflag=skip_bytes,count_bytes", "skip=%d" % offset, "count=%d" % size, "conv=sparse", "status=none")

    def data_file_system(self, copy):
        """The file system in it, as a file."""
        self.data_partition(copy)

    def data(self, path, target):
        """What /var/PATH holds, as a directory or file `target` on the host; the file system is checked as the next boot would do it."""
        copy = self.dir / "data.img"
        self.data_file_system(copy)
        done = subprocess.run(["e2fsck", "-p", str(copy)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if done.returncode >= 4:
            raise RuntimeError("e2fsck: %s" % done.stdout.decode())
        target.mkdir(parents=True, exist_ok=True)
        run("debugfs", "-R", "rdump /%s %s" % (path, target), copy)
        copy.unlink()
        return target / os.path.basename(path)
