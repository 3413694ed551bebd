# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""What is shown of the appliance. A case is a function of a Stage and fails by an exception; its first line is its title."""
import hashlib
import json
import os
import pathlib
import random
import shutil
import subprocess
import time

from image.machine import BOOT_PATIENCE, Machine, run

CASES = []
NAME = "Gate 3, building 7"
READY = "READY. PLUG IN A MEDIUM."


def case(function):
    function.title = function.__doc__.strip().splitlines()[0]
    CASES.append(function)
    return function


class Stage:
    def __init__(self, directory, things, media):
        self.dir, self.things, self.media = pathlib.Path(directory), things, media
        self.machine = None

    def check(self, condition, what):
        if not condition:
            raise AssertionError(what)

    def off(self, keys_enrolled=True, name="machine"):
        """A machine with the image on its disk, switched off; a factory-new one has no keys."""
        if self.machine is not None:
            self.machine.kill()
        self.machine = Machine(self.dir / name, self.things.image, self.things.enrolled(self.dir) if keys_enrolled else None)
        return self.machine

    def silent(self):
        self.check(self.machine.frames_sent() == 0, "the machine sent %d frames" % self.machine.frames_sent())


MENU_PATIENCE, MENU_TRIES = 60, 8


def menu(machine, waits):
    """The boot loader's menu; unless it waits, by the space bar. It looks for a key for a moment, and a slow machine misses it: then one starts again, as
    a person does."""
    enrol_entry = "Enroll Secure Boot keys: site"
    if waits:
        machine.start()
        machine.wait_serial(enrol_entry)
        return
    for _ in range(MENU_TRIES):
        machine.start()
        machine.wait_serial("BdsDxe: starting", meanwhile=lambda: machine.press("spc"))
        try:
            machine.wait_serial(enrol_entry, patience=MENU_PATIENCE, meanwhile=lambda: machine.press("spc"))
            return
        except TimeoutError:
            machine.kill()
    raise TimeoutError("no menu of the boot loader in %d starts" % MENU_TRIES)


def enrol_keys(machine, menu_waits=False):
    """What install.md tells an administrator to do: the space bar, unless the menu waits; the entry; wait for the restart."""
    menu(machine, menu_waits)
    machine.press("end")
    machine.press("ret")
    machine.wait_serial("Enrolling")
    def restarted():
        return machine.serial().count("BdsDxe: starting") >= 2
    end = time.monotonic() + BOOT_PATIENCE
    while not restarted():
        if time.monotonic() > end:
            raise TimeoutError("no restart after the keys were enrolled:\n" + machine.serial()[-2000:])
        time.sleep(1)


def menu_stays(esp):
    """loader.conf is not signed: how long the menu waits is all that it can say."""
    text = run("mcopy", "-n", "-i", esp, "::/loader/loader.conf", "-").decode()
    run("mcopy", "-o", "-i", esp, "-", "::/loader/loader.conf", input=text.replace("timeout 0", "timeout menu-force").encode())


@case
def enrol(s):
    """the site's keys, by the boot loader's menu; then Secure Boot is on"""
    machine = s.off(keys_enrolled=False)
    before = machine.variables.read_bytes()
    s.check(b"Lazaret site PK" not in before, "the firmware has the keys already")
    enrol_keys(machine)
    machine.wait_screen(READY, NAME)
    after = machine.variables.read_bytes()
    for name in ("PK", "KEK", "db"):
        s.check(b"Lazaret site " + name.encode() in after, "the firmware has no %s of the site" % name)
    s.silent()
    machine.kill()
    shutil.copy(machine.variables, s.things.variables)


@case
def first_boot(s):
    """from an empty disk to the idle screen; again; nothing to log in to"""
    machine = s.off()
    machine.start()
    seen = machine.wait_screen(READY, NAME)
    s.check("strict" in seen, "another profile than the answers':\n" + seen)
    for keys in (("alt", "f2"), ("ctrl", "alt", "delete"), ("alt", "sysrq", "b"), ("alt", "f1")):
        for _ in range(8):  # systemd counts a burst
            machine.press(*keys)
        time.sleep(2)
        s.check("login" not in machine.screen().lower(), "a log-in after %s:\n%s" % (keys, machine.screen()))
    machine.wait_screen(READY, NAME, patience=60)
    s.silent()
    machine.kill()
    log = machine.data("lib/lazaret", s.dir / "first")
    station = (log / "lazaret.yaml").read_text()
    s.check("media-ports: ['1-1', '1-2'" in station, "the ports are not those of the answers")
    identity = [line for line in station.splitlines() if line.strip().startswith("id:")]
    machine.start()
    machine.wait_screen(READY, NAME)
    machine.kill()
    station = (machine.data("lib/lazaret", s.dir / "second") / "lazaret.yaml").read_text()
    s.check(identity and identity[0] in station, "another station after the second boot")


@case
def unsigned_kernel(s):
    """a kernel image without the site's signature does not start"""
    machine = s.off()
    def strip(esp):
        run("mcopy", "-n", "-i", esp, s.things.uki_path, machine.dir / "uki.efi")
        run("sbattach", "--remove", machine.dir / "uki.efi")
        run("mcopy", "-o", "-i", esp, machine.dir / "uki.efi", s.things.uki_path)
    machine.boot_partition(strip)
    refused(s, machine, kernel_refused(s))


@case
def changed_kernel(s):
    """a signed kernel image with another command line does not start"""
    machine = s.off()
    def change(esp):
        path = machine.dir / "uki.efi"
        run("mcopy", "-n", "-i", esp, s.things.uki_path, path)
        data = path.read_bytes()
        s.check(data.count(b"lockdown=confidentiality") == 1, "the command line is not where it was expected")
        path.write_bytes(data.replace(b"lockdown=confidentiality", b"init=/bin/sh lockdown=no"))
        run("mcopy", "-o", "-i", esp, path, s.things.uki_path)
    machine.boot_partition(change)
    refused(s, machine, kernel_refused(s))


@case
def unsigned_loader(s):
    """a boot loader without the site's signature does not start"""
    machine = s.off()
    def strip(esp):
        run("mcopy", "-n", "-i", esp, "::/EFI/BOOT/BOOTX64.EFI", machine.dir / "boot.efi")
        run("sbattach", "--remove", machine.dir / "boot.efi")
        run("mcopy", "-o", "-i", esp, machine.dir / "boot.efi", "::/EFI/BOOT/BOOTX64.EFI")
    machine.boot_partition(strip)
    refused(s, machine, LOADER_REFUSED)


LOADER_REFUSED = "BdsDxe: failed to load Boot0001"  # by the firmware itself


def kernel_refused(s):
    return "Error loading %s: Access Denied" % s.things.uki_path.removeprefix("::").replace("/", "\\")


def refused(s, machine, message):
    """The firmware says so, of the very file, and goes on to the next thing that it could start: which is nothing."""
    machine.start()
    machine.wait_serial(message)
    machine.wait_serial("Access Denied", patience=60)
    line = next(l for l in machine.serial().splitlines() if message in l)
    s.check("Access Denied" in line, "refused for another reason: " + line)
    time.sleep(60)
    seen = machine.screen()
    s.check(READY not in seen and "Kernel panic" not in seen and "Linux version" not in seen, "something was started:\n" + seen)


@case
def tampered_root(s):
    """one changed byte of the root: the kernel stops, at once or when the byte is read"""
    for place, at in (("superblock", 40), ("table of inodes", s.things.root_bytes - 4096)):
        machine = s.off(name=place.split()[0])
        offset = at // 4096 * 4096
        block = machine.bytes_of("root-a", offset, 4096)
        machine.change("root-a", offset + at % 4096, bytes([block[at % 4096] ^ 1]))
        machine.start()
        seen = machine.wait_screen("Kernel panic", never=(READY,))
        s.check("dm-verity" in seen or "corrupt" in seen or "not what was signed" in seen or "no file system" in seen, "%s: a panic for another reason:\n%s" % (place, seen))
        machine.kill()


@case
def tampered_hashes(s):
    """a root with a hash tree of its own, both exchanged, is not the one that was signed"""
    machine = s.off()
    other = machine.dir / "other"
    root = bytearray(machine.bytes_of("root-a", 0, s.things.root_bytes))
    root[40] ^= 1
    other.write_bytes(root)
    run("veritysetup", "format", other, machine.dir / "other.verity", "--salt=" + s.things.salt)
    machine.change("root-a", 0, bytes(root))
    machine.change("verity-a", 0, (machine.dir / "other.verity").read_bytes())
    machine.start()
    seen = machine.wait_screen("Kernel panic", never=(READY,))
    s.check("no internal disk has a slot with the root hash" in seen, "a panic for another reason:\n" + seen)


@case
def slot_b(s):
    """the same contents in slot B, nothing in A: the machine finds them"""
    machine = s.off()
    for part in ("root", "verity"):
        size = s.things.root_bytes if part == "root" else s.things.verity_bytes
        machine.change(part + "-b", 0, machine.bytes_of(part + "-a", 0, size))
        machine.change(part + "-a", 0, bytes(size))
    machine.start()
    machine.wait_screen(READY, NAME)


@case
def operator(s):
    """a stick, by keys and screen: what passes is published and verifies, the stick is as it was"""
    image = s.media.get("vfat")
    machine = s.off()
    machine.start()
    machine.wait_screen(READY, NAME)
    stick = machine.plug_stick(image)
    machine.wait_screen("FILES WERE TRANSFERRED", "game.com")
    machine.press("ret")
    stick.unplug()
    machine.wait_screen(READY, NAME, "Last transfers")
    machine.press("m")
    machine.wait_screen("History")
    machine.press("esc")
    machine.wait_screen(READY, NAME)
    s.silent()
    machine.kill()  # at once: what was said to be transferred is on the disk
    s.check(image.unchanged(), "the stick was written to")
    station = machine.data("lib/lazaret", s.dir / "data")
    transfers = sorted((station / "staging").iterdir())
    s.check(len(transfers) == 1, "transfers: %s" % transfers)
    run(s.things.programs / "lazaret-verify", "--key", station / "keys/manifest.pub", transfers[0])
    manifest = json.loads((transfers[0] / "manifest.json").read_text())
    verdicts = {f["path"]: f["verdict"] for f in manifest["files"]}
    wanted = {path: "blocked" if path == "game.com" else "approved" for path in image.contents[0]}
    s.check(verdicts == wanted, "verdicts: %s" % verdicts)
    for f in manifest["files"]:
        if f["verdict"] == "approved":
            s.check(hashlib.sha256((transfers[0] / f["published_as"]).read_bytes()).hexdigest() == hashlib.sha256(image.contents[0][f["path"]]).hexdigest(),
                    "%s has other bytes" % f["path"])
    run(s.things.programs / "lazaret", "-C", station, "audit", "verify")


@case
def update_pack(s):
    """rules that the site has signed come on a stick, and are in force a moment later; those that another has signed are not"""
    packs = s.dir / "packs"
    packs.mkdir()
    def make(name, key, rules):
        run(s.things.programs / "lazaret", "pack", "make", "--key", key, "--name", name, "--version", "7", "--for", "any",
            "--rules", s.things.source / "rules" / rules, "--out", packs / (name + ".lazaret-pack"))
    run("minisign", "-G", "-W", "-f", "-p", packs / "other.pub", "-s", packs / "other.key")
    make("evil", packs / "other.key", "updates.yaml")
    make("site", s.things.work / "site.key", "documents.yaml")
    contents = {p.name: p.read_bytes() for p in packs.glob("*.lazaret-pack*")}
    s.check(len(contents) == 4, "packs: %s" % sorted(contents))
    image = s.media.build("packs", "--layout", "mbr", "--part", "vfat:%0", volumes=[contents])
    machine = s.off()
    machine.start()
    seen = machine.wait_screen(READY, NAME)
    s.check("strict, of" in seen, "other rules than the answers':\n" + seen)
    stick = machine.plug_stick(image.path)
    machine.wait_screen("evil.lazaret-pack", "Seen")
    machine.press("ret")
    stick.unplug()
    machine.wait_screen(READY, "documents, of")
    s.silent()
    machine.kill()
    s.check(image.unchanged(), "the stick was written to")
    station = machine.data("lib/lazaret", s.dir / "data")
    records = [json.loads(line) for line in (station / "audit/audit.jsonl").read_text().splitlines()]
    s.check([r["type"] for r in records if r["type"] == "update-applied"] == ["update-applied"], "the trail: %s" % [r["type"] for r in records])
    s.check('"evil"' not in (station / "sets/current").read_text(), "rules of another key are in force")
    machine.start()
    machine.wait_screen(READY, "documents, of")


@case
def power_cuts(s):
    """power cuts at random instants of the first boot, and later; then it works"""
    seed = int(os.environ.get("IMAGE_SEED", "0")) or random.SystemRandom().randrange(1 << 30)
    chance = random.Random(seed)
    print("  IMAGE_SEED=%d" % seed, flush=True)
    machine = s.off()
    for _ in range(int(os.environ.get("IMAGE_CUTS", "5"))):
        machine.start()
        # From the boot loader on: before it nothing is written.
        machine.wait_serial("BdsDxe: starting")
        time.sleep(chance.uniform(4, 40))
        machine.kill()
    machine.start()
    machine.wait_screen(READY, NAME)
    machine.kill()
    machine.start()
    machine.wait_screen(READY, NAME)
    machine.kill()
    station = machine.data("lib/lazaret", s.dir / "data")
    run(s.things.programs / "lazaret", "-C", station, "audit", "verify")


@case
def same_bits(s):
    """two builds in different directories give the same image"""
    done = subprocess.run([str(s.things.source / "image/appliance/twice"), str(s.dir / "twice")], env=s.things.environment, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    s.check(done.returncode == 0 and "equal: lazaret-appliance.img" in done.stdout.splitlines(), done.stdout)
    shutil.rmtree(s.dir / "twice")
