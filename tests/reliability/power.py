# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""The power goes: what was not flushed to the disk is lost, wholly or in part, in any order.

A station lies on a file system of its own, on a loop device whose file QEMU's storage daemon exports and of which it logs each write
and each flush (driver blklogwrites; the format is that of the kernel's dm-log-writes). Disks are then made from the log as they may
have been at an instant, mounted, and looked at like a station whose processes were killed."""
import collections
import contextlib
import pathlib
import random
import shutil
import signal
import struct
import subprocess
import time

import victim

Point = collections.namedtuple("Point", "role option label")
Write = collections.namedtuple("Write", "at data is_flush is_forced")
DISK = 48 << 20
BLOCK = 4096  # what a disk writes whole, or not at all, as far as ext4 trusts it
FLUSH, FUA, DISCARD = 1, 2, 4
DAEMON = "qemu-storage-daemon"
AT_ONCE = 3  # disks with a part of what was not flushed, for each flush


def read_log(path):
    """The writes so far, in their order."""
    found = []
    with open(path, "rb") as f:
        magic, _, _, size = struct.unpack("<QQQI", f.read(28))
        if magic != 0x6A736677736872:
            raise RuntimeError(f"{path}: not a log of writes")
        at = size
        while True:
            f.seek(at)
            head = f.read(32)
            if len(head) < 32 or not any(head):
                return found
            sector, sectors, flags, _ = struct.unpack("<QQQQ", head)
            at += size
            data = None
            if flags & DISCARD:
                data = bytes(sectors * size)
            elif sectors:
                f.seek(at)
                data = f.read(sectors * size)
                at += sectors * size
            found.append(Write(sector * size, data, bool(flags & FLUSH), bool(flags & FUA)))


@contextlib.contextmanager
def mounted(device, at):
    """Of an image or an exported file."""
    loop = subprocess.run(["losetup", "--find", "--show", device], check=True, capture_output=True, text=True).stdout.strip()
    try:
        at.mkdir(exist_ok=True)
        subprocess.run(["blockdev", "--setrw", loop], check=True)  # a loop device that was a medium once stays write-blocked
        subprocess.run(["mount", "-t", "ext4", loop, at], check=True)
        try:
            yield at
        finally:
            subprocess.run(["sync", "--file-system", at], check=True)
            subprocess.run(["umount", at], check=True)
    finally:
        subprocess.run(["losetup", "--detach", loop], check=True)
        # A role that is just being started has a copy of all mounts for a moment: until it lets go, the file system lives on.
        for _ in range(500):
            if not subprocess.run(["losetup", "--associated", device], check=True, capture_output=True).stdout:
                break
            time.sleep(0.02)


@contextlib.contextmanager
def logged(work, disk):
    """An exported file that behaves like a disk with a cache, and the log of what reaches it."""
    export, log = work / "power.export", work / "power.log"
    for path in (export, log):
        with open(path, "wb") as f:
            f.truncate(0)
    p = subprocess.Popen([DAEMON, "--blockdev", f"driver=file,node-name=disk,filename={disk}", "--blockdev", f"driver=file,node-name=log,filename={log}",
                          "--blockdev", "driver=blklogwrites,node-name=both,file=disk,log=log",
                          "--export", f"type=fuse,id=e,node-name=both,mountpoint={export},writable=on"], stdin=subprocess.DEVNULL)
    try:
        for _ in range(500):
            if export.stat().st_size == disk.stat().st_size:
                break
            time.sleep(0.02)
        else:
            raise RuntimeError(f"{DAEMON} does not export")
        yield export, log
    finally:
        p.send_signal(signal.SIGTERM)
        p.wait(60)


def is_possible():
    return shutil.which(DAEMON) is not None and pathlib.Path("/dev/fuse").exists() and pathlib.Path("/dev/loop-control").exists()


class Record:
    """One inspection on a disk that is logged."""

    def __init__(self, bench):
        self.base, work = bench.work / "power.base", bench.work
        with open(self.base, "wb") as f:
            f.truncate(DISK)
        subprocess.run(["mkfs.ext4", "-q", "-F", self.base], check=True)
        with mounted(self.base, work / "power.at") as at:
            at.chmod(0o755)
            bench.original.copy(at / "station")
        disk = work / "power.disk"
        shutil.copy(self.base, disk)
        with logged(work, disk) as (export, log):
            with mounted(export, work / "power.at") as at:
                s = victim.Station(at / "station")
                self.known, self.begin = set(s.staged()), len(read_log(log))
                done = s.inspect(bench.small)
                self.writes = read_log(log)  # what the disk has when the operator is told
                self.told = sorted(set(s.staged()) - self.known)
                if done.returncode != 1 or not self.told:
                    raise RuntimeError(f"an undisturbed inspection on a logged disk: {done.stderr}")
        self.flushes = [k for k in range(self.begin, len(self.writes)) if self.writes[k].is_flush]


def points(bench):
    """After each flush: all before it. Between two: all before the first, and some of the blocks of what came since. At the end: what was
    flushed when the operator was told that it is done, and nothing else."""
    if not bench.record:
        bench.record = Record(bench)
    r, found = bench.record, []
    ends = [k + 1 for k in r.flushes] + [len(r.writes)]
    last = r.begin
    for end in ends:
        found.append(Point("flush", (end, end, 0), f"after write {end}, all of it"))
        found += [Point("between", (last, end, seed), f"before flush at write {end}, some of {end - last} writes, {seed}") for seed in range(1, AT_ONCE + 1)]
        last = end
    return found + [Point("told", (ends[-2], ends[-2], 0), "when the operator was told: what was flushed by then")]


def write_disk(bench, path, until, end, seed):
    """All writes before `until`; those until `end` each block as it falls."""
    r, rng = bench.record, random.Random(f"{bench.seed} {seed} {end}")
    shutil.copy(r.base, path)
    with open(path, "r+b") as f:
        for number, w in enumerate(r.writes[:end]):
            if w.data is None:
                continue
            for at in range(0, len(w.data), BLOCK):
                if number < until or w.is_forced or rng.random() < 0.5:
                    f.seek(w.at + at)
                    f.write(w.data[at:at + BLOCK])


def attempt(bench, at, point):
    disk = at.with_suffix(".disk")
    write_disk(bench, disk, *point.option)
    try:
        with mounted(disk, at.with_suffix(".at")) as mount:
            s = victim.Station(mount / "station")
            wrong = s.unfit()
            if point.role == "told" and not set(bench.record.told) <= set(s.staged()):
                wrong.append(f"the operator was told that {bench.record.told} was published; in staging: {s.staged()}")
            return "tried", wrong + s.recover(bench.small)
    finally:
        disk.unlink()
        at.with_suffix(".at").rmdir()
