# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""One virtual machine: start, snapshot, restore, and what is plugged into it.

A machine lives in a directory of its own, which holds its sockets, its disks and its logs. It dies with the process that
started it, and by itself after `lifetime` seconds, whatever hangs.
"""
import ctypes
import os
import pathlib
import shutil
import signal
import subprocess
import threading
import time

from system.lib.agent import Agent, until
from system.lib.qmp import Qmp, QmpError

MEMORY_MIB = 1536
PR_SET_PDEATHSIG = 1
libc = ctypes.CDLL(None, use_errno=True)

# An emulated machine on two busy cores: a boot took 13 to 23 s, and 94 s while others compiled.
BOOT_PATIENCE = 240
PLUG_PATIENCE = 30


def accel():
    """-accel of QEMU. KVM only when it is asked for: on some nested hosts /dev/kvm opens, and kernels hang in it."""
    choice = os.environ.get("ACCEL", "tcg")
    return {"tcg": "tcg,thread=multi", "kvm": "kvm"}.get(choice, choice)


def run(*command, **options):
    return subprocess.run([str(c) for c in command], check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options).stdout


def make_disk(path, size, label):
    """An ext4 file system in a qcow2 file, without mounting anything."""
    raw = path.with_suffix(".raw")
    with open(raw, "wb") as f:
        f.truncate(size)
    run("mkfs.ext4", "-q", "-F", "-L", label, "-E", "lazy_itable_init=1,nodiscard", raw)
    run("qemu-img", "convert", "-O", "qcow2", raw, path)
    raw.unlink()


def overlay(path, backing):
    """A qcow2 file that keeps only what differs from `backing`."""
    run("qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", backing.resolve(), path)


class VM:
    DISKS = ("root", "station")

    def __init__(self, directory, base, guest, lifetime=600):
        self.dir = pathlib.Path(directory)
        self.base, self.guest = pathlib.Path(base), pathlib.Path(guest)
        self.process = self.qmp = self.agent = None
        self.lifetime = lifetime
        self.plugged = []
        self.count = 0

    # -- life ------------------------------------------------------------------------------------------------------
    def command(self, incoming):
        line = ["qemu-system-x86_64", "-name", "lazaret", "-nodefaults", "-no-user-config", "-machine", "q35", "-accel", accel(),
                "-cpu", "max", "-smp", "2", "-m", str(MEMORY_MIB), "-display", "none", "-vga", "std", "-no-reboot", "-rtc", "base=utc",
                "-chardev", "socket,id=qmp,path=qmp,server=on,wait=off", "-mon", "chardev=qmp,mode=control",
                "-serial", "file:serial.log",
                "-kernel", str(self.base / "vmlinuz"), "-initrd", str(self.guest / "initrd"),
                "-append", "console=ttyS0 console=tty0 quiet panic=-1 systemd.show_status=0",
                "-blockdev", "driver=file,node-name=base,read-only=on,filename=%s" % (self.base / "base.sqfs"),
                "-device", "virtio-blk-pci,drive=base,serial=base"]
        for name in self.DISKS:
            line += ["-blockdev", "driver=file,node-name=%s-file,filename=%s.qcow2" % (name, name),
                     "-blockdev", "driver=qcow2,node-name=%s,file=%s-file" % (name, name),
                     "-device", "virtio-blk-pci,drive=%s,serial=%s" % (name, name)]
        line += ["-device", "virtio-rng-pci", "-device", "virtio-serial-pci",
                 "-chardev", "socket,id=cmd,path=cmd,server=on,wait=off", "-device", "virtserialport,chardev=cmd,name=lazaret.cmd",
                 "-chardev", "file,id=log,path=journal.log", "-device", "virtserialport,chardev=log,name=lazaret.log",
                 "-device", "qemu-xhci,id=xhci,p2=8,p3=8", "-device", "virtio-scsi-pci,id=scsi",
                 "-device", "ide-cd,id=drive0,bus=ide.0", "-device", "scsi-cd,id=drive1,bus=scsi.0"]
        if incoming:
            line += ["-incoming", "exec:cat %s" % incoming]
        return line

    def launch(self, incoming=None):
        self.dir.mkdir(parents=True, exist_ok=True)
        for name in ("qmp", "cmd"):
            (self.dir / name).unlink(missing_ok=True)
        parent = os.getpid()

        def die_with_the_parent():
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(1)

        with open(self.dir / "qemu.log", "wb") as log:
            self.process = subprocess.Popen(self.command(incoming), cwd=self.dir, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            preexec_fn=die_with_the_parent)
        self.watchdog = threading.Timer(self.lifetime, self.process.kill)
        self.watchdog.daemon = True
        self.watchdog.start()
        try:
            self.connect()
        except (OSError, TimeoutError) as why:
            self.kill()
            raise RuntimeError("QEMU: %s\n%s" % (why, (self.dir / "qemu.log").read_text(errors="replace"))) from None

    def connect(self):
        self.qmp = Qmp(self.dir)
        self.agent = Agent(self.dir, 60)

    def boot(self):
        """From cold, on the disks that lie in the directory."""
        self.launch()
        self.agent.wait_ready(BOOT_PATIENCE)
        self.agent.set_clock(time.time())

    def save(self, state):
        """A snapshot of the running machine into the file `state`; the machine ends. Its disks belong to the snapshot."""
        self.qmp.command("stop")
        self.qmp.command("migrate", uri="exec:cat >%s" % state)
        def over():
            status = self.qmp.command("query-migrate").get("status")
            if status in ("failed", "cancelled"):
                raise RuntimeError("the snapshot failed: %s" % self.qmp.command("query-migrate"))
            return status == "completed"
        until(over, 120, "the snapshot")
        self.quit()

    def restore(self, state):
        self.launch(incoming=state)
        until(lambda: self.qmp.command("query-status")["status"] != "inmigrate", 120, "the snapshot to load")
        self.qmp.command("cont")
        self.agent.ask("hello", 60)
        self.agent.set_clock(time.time())

    def is_alive(self):
        return self.process is not None and self.process.poll() is None

    def quit(self):
        """QEMU ends by itself, disks written."""
        try:
            self.qmp.command("quit")
        except ConnectionError:
            pass
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            pass
        self.kill()

    def kill(self):
        """At once, as a power cut."""
        if self.process is not None:
            self.watchdog.cancel()
            if self.process.poll() is None:
                self.process.kill()
            self.process.wait()
        for end in (self.qmp, self.agent):
            if end is not None:
                end.close()
        self.qmp = self.agent = None

    # -- media -----------------------------------------------------------------------------------------------------
    def name(self, kind):
        self.count += 1
        return "%s%d" % (kind, self.count)

    def block(self, image, bad_sectors=(), bytes_per_second=0, read_only=False):
        """A block node of an image file. Unless told otherwise QEMU may write it: that nothing does is what the tests show.

        bad_sectors        sectors of 512 bytes that cannot be read
        bytes_per_second   a slow medium
        """
        node = self.name("node")
        below = {"driver": "file", "filename": str(image)}
        if bad_sectors:
            faults = [{"event": "none", "iotype": "read", "errno": 5, "sector": s} for s in bad_sectors]
            below = {"driver": "blkdebug", "image": below, "inject-error": faults}
        top = {"driver": "raw", "file": below, "read-only": read_only}
        if bytes_per_second:
            group = self.name("slow")
            self.qmp.command("object-add", qom_type="throttle-group", id=group, limits={"bps-read": bytes_per_second})
            top = {"driver": "throttle", "throttle-group": group, "file": top, "read-only": read_only}
        self.qmp.command("blockdev-add", node_name=node, **{k: v for k, v in top.items()})
        return node

    def release(self, node):
        """Let go of a node once no device has it any more, which QEMU finds out in its own time."""
        def gone():
            try:
                self.qmp.command("blockdev-del", node_name=node)
            except QmpError as why:
                if "in use" in str(why) or "busy" in str(why):
                    return False
                if "ailed to find node" not in str(why):
                    raise
            return True
        until(gone, PLUG_PATIENCE, "QEMU to let go of %s" % node)

    def plug_stick(self, image, serial="STICK-1", port=None, removable=False, **how):
        """An ordinary USB stick (bulk-only transport, one LUN)."""
        node = self.block(image, **how)
        device = Plugged(self, self.name("stick"), [node])
        where = {"port": str(port)} if port else {}
        errors = {"rerror": "report"} if how.get("bad_sectors") else {}
        self.qmp.command("device_add", driver="usb-storage", id=device.id, bus="xhci.0", drive=node, serial=serial, removable=removable, **where, **errors)
        return device

    def plug_uas(self, image, serial="UAS-1", port=None, **how):
        return self.plug_luns("usb-uas", [("scsi-hd", image)], serial, port, **how)

    def plug_luns(self, driver, luns, serial="MULTI-1", port=None, **how):
        """A USB device of several logical units. driver: usb-uas or usb-bot; luns: [(scsi-hd or scsi-cd, image)]"""
        device = Plugged(self, self.name("luns"), [self.block(image, **how) for _, image in luns])
        where = {"port": str(port)} if port else {}
        self.qmp.command("device_add", driver=driver, id=device.id, bus="xhci.0", **where)
        for lun, ((kind, _), node) in enumerate(zip(luns, device.nodes)):
            more = {"serial": "%s-%d" % (serial, lun)} if kind == "scsi-hd" else {}
            self.qmp.command("device_add", driver=kind, id="%s-%d" % (device.id, lun), bus=device.id + ".0", drive=node, lun=lun, **more)
        # Such a device shows itself to the machine only when it is complete.
        self.qmp.command("qom-set", path="/machine/peripheral/" + device.id, property="attached", value=True)
        return device

    def plug_reader(self, image, serial="READER-1", port=None):
        """A card reader, nothing in its slot. `image`: of any card, for QEMU wants a drive to begin with one."""
        device = Reader(self, self.name("reader"), [self.block(image)])
        self.qmp.command("device_add", driver="usb-bot", id=device.id, bus="xhci.0", **({"port": str(port)} if port else {}))
        self.qmp.command("device_add", driver="scsi-hd", id=device.slot, bus=device.id + ".0", drive=device.nodes[0], lun=0, removable=True, serial=serial)
        device.take_out()
        self.qmp.command("qom-set", path="/machine/peripheral/" + device.id, property="attached", value=True)
        return device

    def plug_device(self, driver, port=None, **properties):
        """Anything else on USB: usb-kbd, usb-mouse, usb-net, usb-serial, usb-hub ..."""
        device = Plugged(self, self.name("device"), [])
        where = {"port": str(port)} if port else {}
        self.qmp.command("device_add", driver=driver, id=device.id, bus="xhci.0", **where, **properties)
        return device

    # -- optical -----------------------------------------------------------------------------------------------------
    def insert_disc(self, image, drive="drive0", **how):
        """Open the tray, take out what is in it, put the disc in, close it. drive0 is on SATA, drive1 on SCSI."""
        node = self.block(image, read_only=True, **how)
        self.qmp.command("blockdev-open-tray", id=drive, force=True)
        self.qmp.command("blockdev-remove-medium", id=drive)
        self.qmp.command("blockdev-insert-medium", id=drive, node_name=node)
        self.qmp.command("blockdev-close-tray", id=drive)
        return node

    def press_eject(self, drive="drive0"):
        """The button on the drive. A drive that the machine has locked only reports it; returns whether it opened."""
        try:
            self.qmp.command("blockdev-open-tray", id=drive)
        except QmpError as why:
            if "locked" not in str(why):
                raise
        return self.is_tray_open(drive)

    def is_tray_open(self, drive="drive0"):
        return any(b.get("qdev") == drive and b.get("tray_open", False) for b in self.blocks())

    def is_tray_locked(self, drive="drive0"):
        return any(b.get("qdev") == drive and b.get("locked", False) for b in self.blocks())

    def blocks(self):
        return self.qmp.command("query-block")

    def force_eject(self, drive="drive0"):
        """A paper clip: the tray opens whatever the machine says."""
        self.qmp.command("blockdev-open-tray", id=drive, force=True)

    # -- the person in front of it -----------------------------------------------------------------------------------
    def press(self, *keys, hold_ms=40):
        """One stroke of keys that are held together: press('ret'), press('ctrl', 'alt', 'f2'). Names are QEMU's qcodes."""
        self.qmp.command("send-key", keys=[{"type": "qcode", "data": k} for k in keys], hold_time=hold_ms)

    def type(self, text):
        """What a person types on an American keyboard."""
        for c in text:
            key = PUNCTUATION.get(c, c)
            if c.isupper():
                self.press("shift", c.lower())
            elif isinstance(key, tuple):
                self.press(*key)
            else:
                self.press(key)

    def picture(self, path):
        """What the monitor shows, as PNG."""
        raw = self.dir / "screen.ppm"
        self.qmp.command("screendump", filename=str(raw.resolve()))
        with open(path, "wb") as out:
            subprocess.run(["pnmtopng", "-quiet", str(raw)], stdout=out, check=True)
        raw.unlink()


PUNCTUATION = {" ": "spc", "\n": "ret", "-": "minus", ".": "dot", ",": "comma", "/": "slash", "=": "equal", ";": "semicolon", "'": "apostrophe",
               "_": ("shift", "minus"), ":": ("shift", "semicolon"), "?": ("shift", "slash"), "!": ("shift", "1"), "@": ("shift", "2"),
               "#": ("shift", "3"), "$": ("shift", "4"), "%": ("shift", "5"), "*": ("shift", "8"), "+": ("shift", "equal"), "\t": "tab"}


class Plugged:
    """A device that was plugged in over QMP."""

    def __init__(self, vm, ident, nodes):
        self.vm, self.id, self.nodes, self.is_in = vm, ident, nodes, True
        vm.plugged.append(self)

    def unplug(self):
        """Pulled out, without a word to anybody."""
        if self.is_in:
            self.is_in = False
            self.vm.qmp.command("device_del", id=self.id)
            self.vm.qmp.wait_event("DEVICE_DELETED", PLUG_PATIENCE, device=self.id)
            for node in self.nodes:
                self.vm.release(node)


class Reader(Plugged):
    """A card reader and what is in its slot."""

    @property
    def slot(self):
        return self.id + "-slot"

    def take_out(self):
        self.vm.qmp.command("blockdev-open-tray", id=self.slot, force=True)
        self.vm.qmp.command("blockdev-remove-medium", id=self.slot)
        self.vm.release(self.nodes.pop())

    def insert(self, image, **how):
        self.nodes.append(self.vm.block(image, **how))
        self.vm.qmp.command("blockdev-insert-medium", id=self.slot, node_name=self.nodes[-1])
        self.vm.qmp.command("blockdev-close-tray", id=self.slot)


def clean_directory(path):
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
