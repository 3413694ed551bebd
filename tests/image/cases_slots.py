# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""Updates of the appliance itself: a pack on a stick, the other slot, the trial, the way back."""
import json
import os
import random
import time

from image.cases import NAME, READY, case
from image.machine import BOOT_PATIENCE, run
from image.next import next_version

# Reading a pack of 90 MB from an emulated stick, writing and comparing a slot, a minute in which nobody is at work.
UPDATE_PATIENCE = 4 * BOOT_PATIENCE
KERNELS = "::/EFI/Linux"


def newer(things):
    """A version that sorts behind that of the image, as long as it."""
    head, _, last = things.version.rpartition(".")
    return "%s.%d" % (head, int(last) + 1)


def stick_with(s, name, image):
    packs = s.dir / "packs"
    packs.mkdir()
    run(s.things.programs / "lazaret", "pack", "make", "--key", s.things.work / "site.key", "--name", "system", "--version", "1", "--for", "any",
        "--appliance", image, "--out", packs / "system.lazaret-pack")
    medium = s.media.build(name, "--layout", "mbr", "--size", "192M", "--part", "vfat:%0", volumes=[{p.name: p.read_bytes() for p in packs.iterdir()}])
    for p in packs.iterdir():
        p.unlink()
    return medium


def bring(s, machine, medium):
    """By an operator: plug in, wait for the result, take it out."""
    machine.wait_screen(READY, NAME)
    stick = machine.plug_stick(medium.path)
    machine.wait_screen("system.lazaret-pack", "Seen", patience=UPDATE_PATIENCE)
    machine.press("ret")
    stick.unplug()


def kernels(machine):
    found = []
    def look(esp):
        found.extend(sorted(run("mdir", "-b", "-i", esp, KERNELS).decode().split()))
    machine.boot_partition(look)
    return [f.rpartition("/")[2] for f in found]


def trail(s, machine, name):
    station = machine.data("lib/lazaret", s.dir / name)
    run(s.things.programs / "lazaret", "-C", station, "audit", "verify")
    return [(r["type"], r["body"]) for r in map(json.loads, (station / "audit/audit.jsonl").read_text().splitlines()) if r["type"].startswith("update-")]


@case
def update_slot_b(s):
    """the next version comes on a stick, is written, tried and confirmed; nobody does more than plug it in and out"""
    version = newer(s.things)
    medium = stick_with(s, "slot-b", next_version(s.things, version, "good"))
    machine = s.off()
    machine.start()
    bring(s, machine, medium)
    machine.wait_screen("restarts at", version, patience=UPDATE_PATIENCE)
    machine.wait_screen(READY, "version %s, since" % version, patience=UPDATE_PATIENCE)
    s.silent()
    machine.kill()
    s.check(medium.unchanged(), "the stick was written to")
    s.check(kernels(machine) == ["lazaret-%s.efi" % s.things.version, "lazaret-%s.efi" % version], "kernels: %s" % kernels(machine))
    records = trail(s, machine, "data")
    s.check([t for t, _ in records if t != "update-offered"] == ["update-applied", "update-written", "update-confirmed"], "the trail: %s" % records)
    machine.start()
    machine.wait_screen(READY, "version %s, since" % version)


@case
def rollback(s):
    """a version whose lazaretd does not start: three tries, then the one before, which says so"""
    def broken(root):
        path = root / "usr/sbin/lazaretd"
        path.unlink()
        path.write_text("#!/bin/sh\nexit 1\n")
        path.chmod(0o755)
    version = newer(s.things)
    medium = stick_with(s, "rollback", next_version(s.things, version, "broken", broken))
    machine = s.off()
    machine.start()
    bring(s, machine, medium)
    seen = machine.wait_screen(READY, "version %s did not work" % version, patience=3 * UPDATE_PATIENCE)
    s.check("tell the" in seen, "nobody is told what to do:\n" + seen)
    machine.kill()
    s.check(kernels(machine) == ["lazaret-%s.efi" % s.things.version, "lazaret-%s+0-3.efi" % version], "kernels: %s" % kernels(machine))
    records = trail(s, machine, "data")
    s.check([t for t, _ in records if t != "update-offered"] == ["update-applied", "update-written", "update-rolled-back"], "the trail: %s" % records)
    machine.start()
    machine.wait_screen(READY, "version %s did not work" % version)


@case
def update_power_cuts(s):
    """power cuts at random instants from the pack's arrival on: always one version is READY, and the trail verifies"""
    seed = int(os.environ.get("IMAGE_SEED", "0")) or random.SystemRandom().randrange(1 << 30)
    chance = random.Random(seed)
    print("  IMAGE_SEED=%d" % seed, flush=True)
    version = newer(s.things)
    medium = stick_with(s, "cuts", next_version(s.things, version, "good"))
    machine = s.off()
    machine.start()
    bring(s, machine, medium)
    for _ in range(int(os.environ.get("IMAGE_CUTS", "5"))):
        time.sleep(chance.uniform(0, 90))
        machine.kill()
        machine.start()
        machine.wait_screen(READY, NAME, patience=UPDATE_PATIENCE)
    # Cuts in its first minutes count as tries: then it is the old version that says so.
    end = time.monotonic() + UPDATE_PATIENCE
    while "version %s, since" % version not in (seen := machine.screen()) and "version %s did not work" % version not in seen:
        s.check(time.monotonic() < end and "Kernel panic" not in seen, "neither confirmed nor rolled back:\n" + seen)
        time.sleep(1)
    machine.wait_screen(READY, NAME)
    machine.kill()
    records = trail(s, machine, "data")
    s.check(records[-1][0] in ("update-confirmed", "update-rolled-back"), "the trail: %s" % records)
