# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""docs/install.md, "From an empty PC", followed to the letter: its commands are read out of it and run, and at the machine is done what it says."""
import hashlib
import json
import os
import re
import shutil
import subprocess

import tap

from image.cases import NAME, READY, case, enrol_keys
from image.cases_install import PROMPT, Empty
from image.cases_slots import UPDATE_PATIENCE
from image.machine import run

MONTH_LATER = "2026-12-23T08:00:00"  # at the machine
DAY_BEFORE = "2026-12-22 10:00:00"  # outside, when the databases came and were packed
NEW = b"something that is known since the month after\n" * 40


def commands(source):
    section = (source / "docs/install.md").read_text().partition("## From an empty PC\n")[2].partition("\n## ")[0]
    return re.findall(r"^ *```\n(.*?)^ *```$", section, re.M | re.S)


class Book:
    """The administrator's desk: a directory in the place of /safe."""

    def __init__(self, s):
        self.source, self.safe = s.things.source, s.dir / "safe"
        self.blocks = commands(self.source)
        self.environment = {**os.environ, "PATH": "%s:%s" % (s.things.programs, os.environ["PATH"]), "BUILD": str(s.things.programs.parent), "IMAGE_ISO": "1"}
        self.safe.mkdir(exist_ok=True)

    def follow(self, word, replaced, when=None, **environment):
        """Run the one block with `word` in it, without a network. `replaced`: what only the reader has, {as it is there: as it is here}."""
        found = [b for b in self.blocks if word in b]
        if len(found) != 1:
            raise AssertionError("install.md has %d blocks with %r" % (len(found), word))
        text = found[0]
        for old, new in replaced.items():
            if text.count(old) != 1:
                raise AssertionError("install.md does not say %r any more" % old)
            text = text.replace(old, new)
        text = text.replace("/safe/", "%s/" % self.safe)
        done = subprocess.run(["unshare", "--net", *(("faketime", when) if when else ()), "sh", "-euc", text], cwd=self.source, env={**self.environment, **environment},
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode:
            raise AssertionError("%s\nexit %d:\n%s" % (text, done.returncode, done.stdout[-4000:]))


def databases(directory, *more, of=None):
    """Paths of databases that know EICAR, and `more`: contents. `of`: as old as that."""
    tap.make_databases(directory)
    with open(directory / "eicar.hdb", "a") as f:
        for data in more:
            f.write("%s:%d:Month-Later\n" % (hashlib.md5(data).hexdigest(), len(data)))
    paths = [directory / "eicar.hdb", directory / "eicar.ndb"]
    for path in paths if of else ():
        run("touch", "-d", of, path)  # in these formats it is the time of the file that counts
    return paths


def install_it(s, book):
    machine = s.machine = Empty(s.dir / "machine", book.safe / "image/lazaret-install.iso", None)
    machine.start()
    machine.wait_screen(PROMPT)
    machine.type("erase sda\n")
    machine.wait_screen("INSTALLED, and read back.", never=("NOT INSTALLED", "Kernel panic"))
    machine.kill()
    machine.take_out()
    enrol_keys(machine)
    machine.wait_screen(READY, NAME)
    return machine


def bring(s, machine, name, files, *seen, **how):
    medium = s.media.build(name, "--layout", "mbr", *how.pop("size", ()), "--part", "vfat:%0", volumes=[files])
    stick = machine.plug_stick(medium.path, port=2)  # the socket that the book calls 1-2
    machine.wait_screen(*seen, **how)
    machine.press("ret")
    stick.unplug()
    s.check(medium.unchanged(), "%s: the stick was written to" % name)


def packed(s, name):
    """What a command has left where it was run."""
    paths = s.things.source / name, s.things.source / (name + ".minisig")
    files = {p.name: p.read_bytes() for p in paths}
    for p in paths:
        p.unlink()
    return files


def transfers(s, machine, name):
    station = machine.data("lib/lazaret", s.dir / name)
    found = []
    for transfer in sorted((station / "staging").iterdir()):
        run(s.things.programs / "lazaret-verify", "--key", station / "keys/manifest.pub", transfer)
        manifest = json.loads((transfer / "manifest.json").read_text())
        found.append({f["path"]: f["verdict"] for f in manifest["files"]})
    run(s.things.programs / "lazaret", "-C", station, "audit", "verify")
    return found


WORK = {"letter.txt": b"Dear colleagues,\nthe pump is repaired.\n", "eicar.com": tap.EICAR, "new.txt": NEW}


def first_day(s, book, bundle):
    old = databases(s.dir / "old")
    outside = {**book.environment, "IMAGE_OUT": str(s.dir / "outside")}
    run("make", "-s", "image-bundle", "BUNDLE=%s" % bundle["BUNDLE"], cwd=book.source, env=outside)
    book.follow("make image-keys", {"cp main.cvd daily.cvd bytecode.cvd": "cp %s %s" % tuple(old)}, **bundle, IMAGE_OUT=str(book.safe / "image"))
    machine = install_it(s, book)
    bring(s, machine, "book-first", WORK, "FILES WERE TRANSFERRED", "eicar.com")
    machine.wait_screen(READY, NAME)
    machine.kill()


def month_later(s, book, bundle):
    machine, new = s.machine, databases(s.dir / "new", NEW, of=DAY_BEFORE)
    machine.clock = MONTH_LATER
    machine.start()
    machine.wait_screen(NAME, "The virus database is too old. Nothing is approved.")
    book.follow("--version 20261222", {"--database main.cvd --database daily.cvd --database bytecode.cvd": "--database %s --database %s" % tuple(new)}, when=DAY_BEFORE)
    bring(s, machine, "book-databases", packed(s, "databases.lazaret-pack"), "databases.lazaret-pack", "Seen", patience=UPDATE_PATIENCE)
    seen = machine.wait_screen(READY, NAME)
    s.check("too old" not in seen, "the new databases are too old:\n" + seen)
    bring(s, machine, "book-second", WORK, "FILES WERE TRANSFERRED", "new.txt")
    machine.wait_screen(READY, NAME)

    book.follow("IMAGE_VERSION=0.1.1", {}, **bundle)
    bring(s, machine, "book-system", packed(s, "system.lazaret-pack"), "system.lazaret-pack", "Seen", size=("--size", "192M"), patience=UPDATE_PATIENCE)
    machine.wait_screen("restarts at", "0.1.1", patience=UPDATE_PATIENCE)
    machine.wait_screen(READY, "version 0.1.1, since", patience=UPDATE_PATIENCE)
    bring(s, machine, "book-third", WORK, "FILES WERE TRANSFERRED", "new.txt")
    machine.wait_screen(READY, NAME)
    s.silent()
    machine.kill()


@case
def by_the_book(s):
    """install.md from an empty PC to a station, and to an update a month later, without a network: its own commands"""
    book, bundle = Book(s), {"BUNDLE": str(s.dir / "bundle")}
    first_day(s, book, bundle)
    month_later(s, book, bundle)
    good, bad = "approved", "blocked"
    wanted = [{"letter.txt": good, "eicar.com": bad, "new.txt": v} for v in (good, bad, bad)]
    found = transfers(s, s.machine, "data")
    s.check(found == wanted, "transfers: %s" % found)
    for name in ("bundle", "outside", "safe"):
        shutil.rmtree(s.dir / name)
