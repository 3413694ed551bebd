#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""An update of the appliance: the pack, what is refused, the slot that is written, the trial, the way back, and a power cut before and after
each step. The disk is a file, the boot partition a directory; kernels are made and signed by the build's own steps. Booted: tests/image.

BUILD: the build directory (default build).
"""
import hashlib
import json
import os
import pathlib
import shutil
import sqlite3
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from tap import BUILD, ROOT, finish, make_databases, ok, skip  # noqa: E402

APPLIANCE = ROOT / "image/appliance"
SLOTS = APPLIANCE / "tree/usr/libexec/lazaret/lazaret-slots"
EFI = pathlib.Path("/usr/lib/systemd/boot/efi")
SCRATCH = pathlib.Path(tempfile.mkdtemp(prefix="lazaret-slots."))
ENV = {**os.environ, "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin", "LC_ALL": "C.UTF-8"}
SIZES = {"ESP_MIB": "40", "ROOT_MIB": "8", "VERITY_MIB": "2", "EPOCH": "1700000000", "SOURCE_DATE_EPOCH": "1700000000", "SALT": "61" * 32,
         "UUID": "6c617a61-7265-4174-8170-706c69616e63"}


def run(*command, check=True, **env):
    done = subprocess.run([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=300,
                          env={**ENV, **{k: str(v) for k, v in env.items()}}, check=False)
    if check and done.returncode:
        raise RuntimeError("%s: %d\n%s%s" % (command, done.returncode, done.stdout, done.stderr))
    return done


def build(version, keys, contents=None, data="plain"):
    """What `make image` leaves, of a root with one file; data: of which kind its data partition is."""
    out = SCRATCH / ("image-" + version)
    (out / "tree").mkdir(parents=True)
    (out / "tree/file").write_bytes(contents or b"".join(hashlib.sha256(b"%s %d" % (version.encode(), i)).digest() for i in range(20000)))
    run("tar", "-C", out / "tree", "--sort=name", "--mtime=@1700000000", "--owner=0", "--group=0", "-cf", out / "root.tar", ".")
    run(APPLIANCE / "verity", out, **SIZES)
    for name in ("linuxx64.efi.stub", "systemd-bootx64.efi"):
        shutil.copy(EFI / name, out)
    (out / "lazaret.os-release").write_text("ID=lazaret\nIMAGE_ID=lazaret\nIMAGE_VERSION=%s\n" % version)
    (out / "vmlinuz").write_bytes(os.urandom(70000))
    (out / "lazaret.initrd").write_bytes(os.urandom(50000))
    run(APPLIANCE / "uki", out, keys, **SIZES, DATA=data)
    return out


class Appliance:
    """A machine that runs `image` from slot A, switched off at the instant between two programs."""

    def __init__(self, name, image, version, keys):
        self.dir = SCRATCH / name
        self.var, self.site, self.esp, self.shims = (self.dir / n for n in ("var", "site", "esp", "shims"))
        self.station = self.var / "lib/lazaret"
        for d in (self.site, self.shims, self.esp / "EFI/Linux", self.var / "lib/lazaret-appliance"):
            d.mkdir(parents=True)
        run(APPLIANCE / "disk", image, "", VERSION=version, **SIZES)
        self.disk = self.dir / "disk"
        shutil.move(image / "lazaret-appliance.img", self.disk)
        shutil.copy(keys / "db.crt", self.site)
        self.kernels = self.esp / "EFI/Linux"
        shutil.copy(image / "lazaret.efi", self.kernels / ("lazaret-%s.efi" % version))
        run(BUILD / "bin/lazaret", "init", self.station, "--db", make_databases(SCRATCH / "db"))
        run(BUILD / "bin/lazaret", "-C", self.station, "key", "trust", SCRATCH / "site.pub", "--name", "site", "--for", "update", "--yes")
        self.runs(image, version, "a")
        # `lazaret update apply` of an appliance finds lazaret-slots among its own programs.
        self.bin = self.dir / "bin"
        shutil.copytree(BUILD / "bin", self.bin, copy_function=os.link, ignore=shutil.ignore_patterns("*.d"))
        (self.bin / "lazaret-slots").symlink_to(SLOTS)
        shutil.copytree(ROOT / "rules", self.dir / "share/lazaret/rules")
        self.asked = self.dir / "asked"
        self.asked.write_text("")
        self.ready = self.dir / "ready"
        self.ready.write_text("0")
        # What takes a running lazaretd, or PID 1, is answered here; all else is the real one.
        self.shim("lazaret", 'case "$*" in *"update slot restart "*) exit 0 ;; *"update slot ready") read -r s rest <%s; echo "$rest" >%s; exit "$s" ;; esac' %
                  (self.ready, self.ready), self.bin / "lazaret")
        self.shim("systemctl", 'case "$*" in *NRestarts*) echo 0 ;; *) echo "$*" >>%s ;; esac; exit 0' % self.asked)
        self.shim("sleep", "exit 0")

    def shim(self, name, body, then="/bin/true"):
        path = self.shims / name
        path.write_text('#!/bin/sh\n%s\nexec %s "$@"\n' % (body, then))
        path.chmod(0o755)

    def runs(self, image, version, slot):
        self.running = dict(CMDLINE=self.dir / "cmdline", OS_RELEASE=self.dir / "os-release", SLOT=slot)
        self.running["CMDLINE"].write_text("quiet lazaret.roothash=%s\n" % (image / "roothash").read_text())
        self.running["OS_RELEASE"].write_text("ID=lazaret\nIMAGE_VERSION=%s\n" % version)

    def environment(self):
        return {**self.running, "DISK": self.disk, "ESP": self.esp, "SITE": self.site, "VAR": self.var, "PATH": "%s:%s" % (self.shims, ENV["PATH"])}

    def slots(self, *args):
        return subprocess.run([str(SLOTS), *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=300,
                              env={**ENV, **{k: str(v) for k, v in self.environment().items()}}, check=False, start_new_session=True)

    def apply(self, image, number, name="system"):
        pack = self.dir / ("%s-%d.lazaret-pack" % (name, number))
        run(self.bin / "lazaret", "pack", "make", "--key", SCRATCH / "site.key", "--name", name, "--version", number, "--for", "any", "--appliance", image,
            "--out", pack)
        return run(self.bin / "lazaret", "-C", self.station, "update", "apply", pack, check=False, **self.environment())

    def part(self, name):
        for p in json.loads(run("sfdisk", "--json", self.disk).stdout)["partitiontable"]["partitions"]:
            if p["name"] == name:
                with open(self.disk, "rb") as f:
                    f.seek(p["start"] * 512)
                    return f.read(p["size"] * 512)
        raise KeyError(name)

    def holds(self, slot, image):
        return all(self.part(n + "-" + slot).startswith((image / ("root." + e)).read_bytes()) for n, e in (("root", "squashfs"), ("verity", "verity")))

    def names(self):
        return sorted(p.name for p in self.kernels.iterdir())

    def records(self):
        lines = (self.station / "audit/audit.jsonl").read_text().splitlines()
        return [(r["type"], r["body"]) for r in map(json.loads, lines) if r["type"].startswith("update-")]

    def types(self):
        return [t for t, _ in self.records()]

    def state(self):
        return json.loads((self.station / "slots.json").read_text())


def refusals(a, first, third_keys):
    plain = run(BUILD / "bin/lazaret", "pack", "make", "--name", "x", "--version", 1, "--for", "any", "--appliance", first, "--software", first / "root.tar",
                "--out", SCRATCH / "x.lazaret-pack", check=False)
    ok(plain.returncode == 64 and "Debian package" in plain.stderr, "a member that is none is no member beside an appliance", plain)
    twice = run(BUILD / "bin/lazaret", "pack", "make", "--name", "x", "--version", 1, "--for", "any", "--appliance", first, "--appliance", first,
                "--out", SCRATCH / "x.lazaret-pack", check=False)
    ok(twice.returncode == 64 and "one appliance" in twice.stderr, "a pack brings one", twice)
    done = a.apply(first, 1)
    ok(done.returncode == 1 and "runs already" in done.stderr, "what runs is refused", done)
    old = build("0.9.9", SCRATCH / "keys")
    done = a.apply(old, 2)
    ok(done.returncode == 1 and "goes forward only" in done.stderr and "0.9.9" in done.stderr, "an older version is refused", done)
    mixed = SCRATCH / "mixed"
    shutil.copytree(build("1.5", SCRATCH / "keys"), mixed)
    shutil.copy(first / "root.squashfs", mixed)
    done = a.apply(mixed, 3)
    ok(done.returncode == 1 and "not the one that its kernel was signed for" in done.stderr, "a root of another build is refused", done)
    done = a.apply(build("1.6", third_keys), 4)
    ok(done.returncode == 1 and "not signed with the db key" in done.stderr, "a kernel that the firmware would refuse is refused", done)
    done = a.apply(build("1.7", SCRATCH / "keys", data="tpm2"), 5)
    ok(done.returncode == 1 and "data partition that is tpm2, and that of this machine is plain" in done.stderr, "one that wants another data partition than there is is refused", done)
    a.running["CMDLINE"].write_text(a.running["CMDLINE"].read_text().strip() + " lazaret.data=tpm2\n")
    done = a.apply(build("1.8", SCRATCH / "keys"), 6)
    ok(done.returncode == 1 and "data partition that is plain, and that of this machine is tpm2" in done.stderr, "the other way round, too", done)
    a.runs(first, "1.0", "a")
    ok(a.types() == ["update-refused"] * 6 and a.names() == ["lazaret-1.0.efi"] and not (a.station / "sets/current").exists(), "nothing has changed; all is in the trail",
       (a.types(), a.names()))
    pack = a.dir / "system-1.lazaret-pack"
    done = run(BUILD / "bin/lazaret", "-C", a.station, "update", "apply", pack, check=False)
    ok(done.returncode == 1 and "this machine is none" in done.stderr and a.records()[-1][0] == "update-refused", "a machine that is no appliance refuses it", done)


def there_and_back(first, second, third):
    a = Appliance("there", first, "1.0", SCRATCH / "keys")
    refusals(a, first, SCRATCH / "other-keys")
    done = a.slots("settle")
    ok(done.returncode == 0 and a.names() == ["lazaret-1.0.efi"] and a.asked.read_text() == "", "nothing was brought: nothing is done", done)
    done = a.apply(second, 7)
    ok(done.returncode == 0 and a.types()[-1] == "update-applied" and a.names() == ["lazaret-1.0.efi"], "a pack is in force, and nothing written by that", done)
    shown = run(BUILD / "bin/lazaret", "pack", "show", a.dir / "system-7.lazaret-pack").stdout
    ok("appliance appliance/lazaret.efi" in shown and "appliance appliance/root.squashfs" in shown, "pack show says what it is", shown)
    ok("appliance  system 7" in run(BUILD / "bin/lazaret", "-C", a.station, "update", "list").stdout, "update list, too")
    (a.kernels / "lazaret-0.5+0-3.efi").write_bytes(b"what failed long ago")
    (a.kernels / "lazaret-0.6.new").write_bytes(b"half of one")
    kernel = (a.kernels / "lazaret-1.0.efi").read_bytes()
    done = a.slots("settle")
    ok(done.returncode == 0 and a.holds("b", second) and a.holds("a", first), "the slot that does not run is written, the other is not", done)
    ok(a.names() == ["lazaret-1.0.efi", "lazaret-2.0+3.efi"] and (a.kernels / "lazaret-1.0.efi").read_bytes() == kernel, "three tries; what could not start any more has gone",
       a.names())
    ok(a.types()[-1] == "update-written" and a.records()[-1][1]["version"] == "2.0" and a.records()[-1][1]["slot"] == "b" and a.state()["state"] == "written", "it is recorded",
       a.records()[-1])
    ok(a.asked.read_text().split() == ["--no-block", "reboot"], "and a restart asked for", a.asked.read_text())

    # It starts, and works.
    b = a.kernels / "lazaret-2.0+2-1.efi"
    (a.kernels / "lazaret-2.0+3.efi").rename(b)
    a.runs(second, "2.0", "b")
    done = a.slots("settle")
    ok(done.returncode == 0 and "on trial" in done.stdout and a.names() == ["lazaret-1.0.efi", b.name], "while on trial nothing is written", done)
    a.ready.write_text("1 1 0")
    a.asked.write_text("")
    done = a.slots("trial")
    ok(done.returncode == 0 and a.names() == ["lazaret-1.0.efi", "lazaret-2.0.efi"] and a.asked.read_text() == "", "ready at last: it loses its counter", (done, a.names()))
    ok(a.types()[-1] == "update-confirmed" and a.state()["state"] == "confirmed", "which is recorded", a.records()[-1])
    done = a.slots("trial")
    ok(done.returncode == 0 and a.types().count("update-confirmed") == 1, "and is no trial any more", done)
    ok(a.slots("settle").returncode == 0 and a.names() == ["lazaret-1.0.efi", "lazaret-2.0.efi"], "the pack that brought it does so once")

    # The next one does not work.
    done = a.apply(third, 8)
    ok(done.returncode == 0 and a.slots("settle").returncode == 0 and a.holds("a", third) and a.holds("b", second), "the next one goes into the other slot", done)
    ok(a.names() == ["lazaret-2.0.efi", "lazaret-3.0+3.efi"], "whose kernel has gone before", a.names())
    a.runs(third, "3.0", "a")
    (a.kernels / "lazaret-3.0+3.efi").rename(a.kernels / "lazaret-3.0+2-1.efi")
    a.ready.write_text("1 2")
    a.asked.write_text("")
    done = a.slots("trial")
    ok(done.returncode != 0 and "reboot" in a.asked.read_text() and a.names() == ["lazaret-2.0.efi", "lazaret-3.0+2-1.efi"], "bad: it restarts, and keeps its counter",
       (done, a.names()))
    (a.kernels / "lazaret-3.0+2-1.efi").rename(a.kernels / "lazaret-3.0+0-3.efi")
    a.runs(second, "2.0", "b")
    a.asked.write_text("")
    done = a.slots("settle")
    ok(done.returncode == 0 and a.types()[-1] == "update-rolled-back" and a.records()[-1][1]["version"] == "3.0" and a.state()["state"] == "rolled-back",
       "after three tries the old one says so", (done, a.records()[-1]))
    count = len(a.types())
    ok(a.slots("settle").returncode == 0 and len(a.types()) == count and a.asked.read_text() == "" and a.holds("a", third), "once; and does not try it again")
    missing = a.esp.rename(a.dir / "away")
    done = a.slots("trial")
    ok(a.asked.read_text() == "", "a trial of which nobody can say that it is one restarts nothing", done)
    missing.rename(a.esp)
    done = a.apply(build("3.1", SCRATCH / "keys"), 9)
    ok(done.returncode == 0 and a.slots("settle").returncode == 0 and a.names() == ["lazaret-2.0.efi", "lazaret-3.1+3.efi"] and a.state()["state"] == "written",
       "the next pack takes its place", (done, a.names()))

    # A boot loader that goes on with the old one.
    for _ in range(5):
        a.slots("settle")
    ok(a.asked.read_text().count("reboot") == 3 and a.state()["state"] == "failed" and "space bar" in a.state()["reason"], "a machine does not restart for ever",
       (a.asked.read_text(), a.state()))
    ok(run(BUILD / "bin/lazaret", "-C", a.station, "audit", "verify").returncode == 0, "the trail verifies")


def spoiled(first, second):
    a = Appliance("spoiled", first, "1.0", SCRATCH / "keys")
    ok(a.apply(second, 1).returncode == 0, "a pack for a machine that will not take it")
    kernel = next(a.station.glob("sets/*/appliance/lazaret.efi"))
    good = kernel.read_bytes()
    kernel.write_bytes(good[:-1] + b"?")
    done = a.slots("settle")
    ok(done.returncode != 0 and a.names() == ["lazaret-1.0.efi"] and not a.part("root-b").strip(b"\0"), "a file that is not as the pack brought it is not written", done)
    kernel.write_bytes(good)
    a.shim("cmp", "exit 1")
    done = a.slots("settle")
    ok(done.returncode != 0 and a.names() == ["lazaret-1.0.efi"] and a.types()[-1] == "update-failed" and "failing: replace it" in a.state()["reason"],
       "a disk that gives back something else gets no kernel for it", (done, a.names(), a.state()))
    (a.shims / "cmp").unlink()
    ok(a.slots("settle").returncode == 0 and a.names()[-1] == "lazaret-2.0+3.efi", "and another start tries again")


def partitions_that_the_kernel_has_no_name_for(first):
    """partx(8) at the first boot takes the names from the kernel's list: the boot partition was not found for that. The table on the disk has them."""
    disk = next((p for p in sorted(pathlib.Path("/dev").iterdir()) if p.is_block_device()), None)
    if disk is None:
        skip("partitions of a disk", "no block device here")
        return
    a = Appliance("sysfs", first, "1.0", SCRATCH / "keys")
    a.disk, esp, sys_disk, table = disk, a.dir / "fsck", a.dir / "sys/class/block" / disk.name, []
    for number, name in ((1, "esp"), (2, "root-a")):
        part = sys_disk / ("no-such-disk%d" % number)
        part.mkdir(parents=True)
        (part / "partition").write_text("%d\n" % number)
        (part / "size").write_text("2048\n")
        (part / "uevent").write_text("DEVTYPE=partition\n")
        (sys_disk.parent / part.name).symlink_to(part)
        table.append('/dev/%s : start= %d, size= 2048, type=X, uuid=Y, name="%s"' % (part.name, 2048 * number, name))
    a.shim("sfdisk", "cat <<'END'\nlabel: gpt\n%s\nEND" % "\n".join(table))
    a.shim("fsck.vfat", 'echo "$*" >%s; exit 4' % esp)
    a.running = {**a.running, "SYSFS": a.dir / "sys"}
    a.esp = ""
    done = a.slots("settle")
    ok(done.returncode != 0 and esp.exists() and esp.read_text() == "-a /dev/no-such-disk1\n" and "cannot be repaired" in done.stderr, "the boot partition is found by its name", done)


def startable(a, images):
    """Every kernel that the boot loader could choose has a slot with just its root."""
    bad = []
    for path in a.kernels.glob("*.efi"):
        own = [(i, s) for i in images for s in "ab" if path.read_bytes() == (i / "lazaret.efi").read_bytes() and a.holds(s, i)]
        if not own:
            bad.append(path.name)
    return bad


def power_cuts(first, second):
    """Killed before, and after, the Nth program that it starts, until it ends by itself."""
    pristine = Appliance("cuts", first, "1.0", SCRATCH / "keys")
    ok(pristine.apply(second, 1).returncode == 0, "a pack for power cuts")
    (pristine.kernels / "lazaret-0.5+0-3.efi").write_bytes(b"failed")
    kept = pristine.dir / "kept"
    kept.mkdir()
    saved = {"disk": pristine.disk, "esp": pristine.esp, "station": pristine.station}
    for name, path in saved.items():
        run("cp", "-a", "--sparse=always", path, kept / name)
    counter = pristine.dir / "counter"
    wrapped = ("rm", "sync", "dd", "cp", "mv")
    for name in wrapped:
        real = shutil.which(name, path=ENV["PATH"])
        half = 'f=$(eval echo "\\${$#}"); head -c 60000 "$1" >"$f"; ' if name == "cp" else ""
        pristine.shim(name, 'n=$(($(cat %s) - 1)); echo $n >%s; [ $n -ne 0 ] || { %skill -9 0; };' % (counter, counter, half), real)
    lost, n, ended = [], 0, False
    while not ended and n < 60:
        n += 1
        for name, path in saved.items():
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink()
            run("cp", "-a", "--sparse=always", kept / name, path)
        counter.write_text("%d\n" % n)
        done = pristine.slots("settle")
        ended = done.returncode == 0
        unstartable = [b for b in startable(pristine, (first, second)) if b != "lazaret-0.5+0-3.efi"]
        if unstartable or "lazaret-1.0.efi" not in pristine.names() or not pristine.holds("a", first):
            lost.append((n, pristine.names(), unstartable))
        counter.write_text("1000\n")
        again = pristine.slots("settle")
        if again.returncode != 0 or pristine.names() != ["lazaret-1.0.efi", "lazaret-2.0+3.efi"] or startable(pristine, (first, second)):
            lost.append((n, "again", again.stderr, pristine.names()))
    ok(ended and n > 10 and not lost, "cut before each of %d programs: what could start can, and the next start ends what was begun" % n, lost)


def left_by_a_newer_one():
    """What the old version does, after going back, with what the new one may have written."""
    at, medium = SCRATCH / "older", SCRATCH / "medium"
    medium.mkdir()
    (medium / "a.txt").write_text("words\n")
    run(BUILD / "bin/lazaret", "init", at, "--db", make_databases(SCRATCH / "db"))
    def inspect():
        return run(BUILD / "bin/lazaret", "-C", at, "inspect", medium, check=False)
    ok(inspect().returncode == 0, "a station")
    history = at / "history/history.sqlite"
    owner = history.stat()
    with sqlite3.connect(history) as c:
        c.execute("PRAGMA user_version=99")
    c.close()
    for path in history.parent.iterdir():
        os.chown(path, owner.st_uid, owner.st_gid)
    ok(inspect().returncode == 0, "a newer history: inspections go on without it")
    done = run(BUILD / "bin/lazaret", "-C", at, "history", check=False)
    ok(done.returncode == 2 and "made by a newer lazaret" in done.stderr, "and who asks for it is told why there is none", done)
    (at / "sets").mkdir(exist_ok=True)
    (at / "sets/current").write_text('{"format":"lazaret.sets/2"}')
    done = inspect()
    ok(done.returncode == 2 and "sets/current: not in the form of lazaret.sets/1" in done.stdout + done.stderr, "newer sets: no medium is taken, and the file is named", done)
    (at / "sets/current").unlink()
    with open(at / "lazaret.yaml", "a", encoding="utf-8") as f:
        f.write("brand-new: 1\n")
    done = inspect()
    ok(done.returncode == 2 and "lazaret.yaml:" in done.stdout + done.stderr and "brand-new" in done.stdout + done.stderr, "nor with a setting that is not known", done)


def main():
    missing = [t for t in ("mksquashfs", "veritysetup", "sfdisk", "mkfs.vfat", "sbverify", "sbsign", "faketime", "objcopy", "cert-to-efi-sig-list", "minisign")
               if not shutil.which(t, path=ENV["PATH"])]
    if missing or not (EFI / "linuxx64.efi.stub").exists():
        skip("slots", "%s: image/packages/install appliance" % ", ".join(missing or ["systemd-boot-efi"]))
        return finish()
    try:
        for name in ("keys", "other-keys"):
            run(APPLIANCE / "keys", SCRATCH / name)
        run("minisign", "-G", "-W", "-f", "-p", SCRATCH / "site.pub", "-s", SCRATCH / "site.key")
        first, second, third = (build(v, SCRATCH / "keys") for v in ("1.0", "2.0", "3.0"))
        there_and_back(first, second, third)
        spoiled(first, second)
        partitions_that_the_kernel_has_no_name_for(first)
        power_cuts(first, second)
        left_by_a_newer_one()
    finally:
        shutil.rmtree(SCRATCH, ignore_errors=True)
    return finish()


if __name__ == "__main__":
    sys.exit(main())
