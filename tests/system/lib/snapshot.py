# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""The machine from which every scenario starts: booted, the packages installed, a station made; saved with its disks.

$BUILD/system/snapshot-HASH/ holds `state`, the disks, and what installation printed. It is made anew when a package, the
image or this file change.
"""
import hashlib
import pathlib
import shutil
import subprocess
import time

from system.lib import vm as machines
from system.lib.agent import GuestError, until
from system.lib.media import EICAR

HERE = pathlib.Path(__file__).resolve().parent
DATABASES = "/opt/databases"
STATION = "/var/lib/lazaret"
DISK_BYTES = 3 << 30


class Snapshot:
    def __init__(self, directory, base, guest):
        self.dir, self.base, self.guest = pathlib.Path(directory), base, guest

    def disks(self, target):
        for name in machines.VM.DISKS:
            machines.overlay(target / (name + ".qcow2"), self.dir / (name + ".qcow2"))

    def restored(self, target, lifetime):
        """A machine of this snapshot, running, in the directory `target`."""
        self.disks(target)
        vm = machines.VM(target, self.base, self.guest, lifetime)
        try:
            vm.restore(self.dir.resolve() / "state")
        except BaseException:
            vm.kill()
            raise
        return vm

    def cold(self, target, lifetime):
        """A machine with the disks of this snapshot, not started: boot() it. For the disks that was a power cut."""
        self.disks(target)
        return machines.VM(target, self.base, self.guest, lifetime)


def key(base, guest, debs):
    h = hashlib.sha256()
    version = subprocess.run(["qemu-system-x86_64", "--version"], stdout=subprocess.PIPE, check=True).stdout
    for part in (base.name.encode(), guest.name.encode(), version, machines.accel().encode()):
        h.update(part + b"\0")
    for path in (*debs, HERE / "vm.py", HERE / "snapshot.py"):
        h.update(hashlib.sha256(path.read_bytes()).digest())
    return h.hexdigest()[:16]


def install(vm, debs, log):
    """What a site does: install the packages, bring databases, make a station."""
    agent = vm.agent
    state = agent.run("systemctl", "is-system-running", "--wait", timeout=machines.BOOT_PATIENCE, check=False).out.strip()
    if state != "running":
        raise GuestError("the machine is %s before anything was installed:\n%s" % (state, agent.sh("systemctl --failed --no-legend").out))
    log.write(dpkg_install(agent, debs))
    agent.write(DATABASES + "/eicar.hdb", b"%s:%d:Eicar-Test\n" % (hashlib.md5(EICAR).hexdigest().encode(), len(EICAR)))
    agent.write(DATABASES + "/eicar.ndb", b"Eicar-Body:0:*:%s\n" % EICAR[:44].hex().encode())
    log.write(agent.run("lazaret", "init", STATION, "--db", DATABASES, timeout=120).out)
    log.write(agent.run("lazaret", "-C", STATION, "status", timeout=120, check=False).out)
    agent.run("systemctl", "start", "lazaretd.socket", "lazaretd.service", "lazaret-console.service", timeout=180)
    until(lambda: is_ready(agent), 120, "the station to be ready")
    until(lambda: "READY" in agent.screen(), 120, "the console to say so")
    failed = agent.sh("systemctl --failed --no-legend").out
    if failed:
        raise GuestError("after the installation:\n" + failed)
    agent.sh("sync")


def dpkg_install(agent, debs):
    """What dpkg said."""
    places = ["/opt/" + deb.name for deb in debs]
    for deb, place in zip(debs, places):
        agent.write(place, deb.read_bytes())
    return agent.run("dpkg", "-i", *places, timeout=300).out


def is_ready(agent):
    try:
        return agent.control("state")["station"]["state"] == "ready"
    except GuestError:  # nobody listens yet
        return False


def make(target, base, guest, debs):
    vm = machines.VM(target, base, guest, lifetime=900)
    for name in vm.DISKS:
        machines.make_disk(target / (name + ".qcow2"), DISK_BYTES, name)
    with open(target / "install.log", "w", encoding="utf-8") as log:
        try:
            begun = time.monotonic()
            vm.boot()
            booted = time.monotonic()
            install(vm, debs, log)
            installed = time.monotonic()
            vm.save(target.resolve() / "state")
            log.write("boot %.1f s, installation %.1f s, snapshot %.1f s\n" % (booted - begun, installed - booted, time.monotonic() - installed))
        except BaseException:
            if vm.agent is not None:  # nothing is left of this machine otherwise
                print(agent_view(vm), file=log)
            raise
        finally:
            vm.kill()


def agent_view(vm):
    try:
        return vm.agent.screen().text() + "\n" + vm.agent.sh("journalctl --boot -o short-monotonic | tail -n 150", timeout=60, check=False).out
    except Exception as why:
        return "the machine does not answer: %s" % why


def get(system, base, guest, debs):
    """The snapshot for these inputs, made when it is not there. Others are removed: each is some hundred MiB."""
    target = system / ("snapshot-" + key(base, guest, debs))
    if not (target / "state").exists():
        making = system / ".making-snapshot"
        machines.clean_directory(making)
        make(making, base, guest, debs)
        for old in system.glob("snapshot-*"):
            shutil.rmtree(old)
        making.rename(target)
    return Snapshot(target, base, guest)
