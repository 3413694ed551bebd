#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""What `make install` gives to systemd and udev, without either of them running: the units are understood, hardened as far as is
promised, and name what is installed; accounts are made; udev keeps its hands off media; lazaret-starter obeys its line."""
import array
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from tap import BUILD, ROOT, finish, ok, skip  # noqa: E402

EXPOSURE_MAX = {"lazaretd.service": 2.0, "lazaret-console.service": 0.5, "lazaret-console@.service": 0.5, "lazaret-roles.service": 3.6,
                "lazaret-fleet.service": 3.6, "lazaret-fleet-lists.service": 1.5, "lazaret-selfcheck@.service": 3.6,
                "lazaret-share.service": 1.0, "lazaret-share-firewall.service": 1.5, "lazaret-share-smb.service": 2.7,
                "lazaret-share-nfs.service": 2.7, "lazaret-share-push.service": 3.2, "lazaret-share-sftp.service": 2.7}
SERVERS = ("usr/sbin/smbd", "usr/bin/ganesha.nfsd", "usr/sbin/sshd", "usr/sbin/nft")  # of other packages
SCRATCH = pathlib.Path(tempfile.mkdtemp(prefix="lazaret-systemd."))
TREE = SCRATCH / "tree"
UNITS = TREE / "usr/lib/systemd/system"


def run(*command, **more):
    return subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300, **more)


def tool(name):
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/lib/systemd:/lib/systemd")


# -- installation ------------------------------------------------------------------------------------------------
def install():
    done = run("make", "-s", "-C", ROOT, "install", "BUILD=%s" % BUILD, "DESTDIR=%s" % TREE, "PREFIX=/usr",
               env={k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")})
    ok(done.returncode == 0, "make install", done.stdout)
    wanted = [*(ROOT / "image/systemd").iterdir()]
    here = {p.name for p in UNITS.iterdir()}
    ok(wanted and all(p.name in here for p in wanted), "every unit is installed", here)


def settings(unit):
    """[(name, value)], comments and sections left out."""
    lines = (UNITS / unit).read_text().replace("\\\n", " ").splitlines()
    return [tuple(part.strip() for part in line.split("=", 1)) for line in lines if "=" in line and not line.startswith("#")]


def paths_are_installed():
    missing = []
    for unit in sorted(p.name for p in UNITS.iterdir()):
        for name, value in settings(unit):
            words = value.split() if name in ("ExecStart", "ExecPaths") else []
            words += [w[5:] for w in value.split() if w.startswith("file:")]
            for word in words:
                if re.match(r"/(usr|etc)/.*lazaret", word) and not (TREE / word[1:]).exists():
                    missing.append(f"{unit}: {word}")
    ok(not missing, "what the units name is installed", "\n".join(missing))
    execs = [v.split() for u in EXPOSURE_MAX for n, v in settings(u) if n == "ExecStart"]
    ok(len(execs) == len(EXPOSURE_MAX), "every service starts something", execs)
    unknown = []
    for command in execs:
        if command[0][1:] in SERVERS:
            continue  # share-clients.t starts them by these lines
        usage = run(TREE / command[0][1:], "--help").stdout if not command[0].endswith("starter") else ""
        unknown += [w for w in command if w.startswith("--") and w not in usage]
    ok(not unknown, "options in the units are the programs' own", unknown)


# -- units -------------------------------------------------------------------------------------------------------
def verify():
    """In a tree with systemd's own units, so that what ours refer to is there."""
    for directory in ("/usr/lib/systemd/system", "/lib/systemd/system"):
        if os.path.isdir(directory):
            for entry in os.scandir(directory):
                if not (UNITS / entry.name).exists() and not entry.is_dir():
                    shutil.copy(entry.path, UNITS / entry.name, follow_symlinks=False)
    for system in ("bin/kill", "usr/bin/kill", *SERVERS):
        (TREE / system).parent.mkdir(parents=True, exist_ok=True)
        (TREE / system).touch(0o755)
    ours = [UNITS / p.name for p in (ROOT / "image/systemd").iterdir()]
    done = run("systemd-analyze", "verify", "--root=%s" % TREE, "--man=no", "--recursive-errors=no", *ours)
    said = [line for line in done.stdout.splitlines() if "lazaret" in line]
    ok(not said, "systemd-analyze verify has nothing to say", done.stdout)
    broken = UNITS / "lazaret-broken.service"
    broken.write_text((UNITS / "lazaretd.service").read_text().replace("ProtectHome=", "ProtectHouse="))
    done = run("systemd-analyze", "verify", "--root=%s" % TREE, "--man=no", "--recursive-errors=no", broken)
    ok("ProtectHouse" in done.stdout, "it would have", done.stdout)
    broken.unlink()


def exposure(path):
    """(the sum that systemd-analyze prints, what each missing setting adds)"""
    text = run("systemd-analyze", "security", "--offline=true", "--no-pager", path).stdout
    total = re.search(r"Overall exposure level for \S+ ([0-9.]+)", text)
    table = run("systemd-analyze", "security", "--offline=true", "--json=short", path).stdout
    parts = json.loads(table[table.index("["):table.rindex("]") + 1]) if "[" in table else []
    return (float(total.group(1)) if total else 10.0), {p["json_field"]: p["exposure"] for p in parts if p.get("exposure")}


def hardening():
    for unit, most in EXPOSURE_MAX.items():
        total, parts = exposure(UNITS / unit)
        ok(total <= most, f"{unit}: exposure {total}, at most {most}", json.dumps(parts, indent=1))
    done = run("systemd-analyze", "security", "--offline=true", "--threshold=20", UNITS / "lazaretd.service")
    ok(done.returncode == 0, "lazaretd.service passes --threshold=20", done.stdout[-400:])
    soft = SCRATCH / "lazaretd.service"
    soft.write_text(re.sub(r"(?m)^(CapabilityBoundingSet|PrivateNetwork|RestrictNamespaces)=.*\n", "",
                           (UNITS / "lazaretd.service").read_text()))
    total, _ = exposure(soft)
    ok(total > 2.0, f"without capabilities, network and namespaces refused it would be {total}")
    have = dict(settings("lazaretd.service"))
    ok(not re.search("SYS_|SETUID|SETGID|MKNOD", have["CapabilityBoundingSet"]) and have["RestrictNamespaces"] == "yes",
       "lazaretd can neither mount nor make namespaces nor change accounts", have)
    writable = [v for u in ("lazaretd.service", "lazaret-roles.service") for n, v in settings(u) if n == "DeviceAllow" and
                v.startswith("block-") and "w" in v.split()[1]]
    ok(not writable, "no block device can be opened for writing", writable)
    ok(("RestrictSUIDSGID", "yes") not in settings("lazaret-roles.service"),
       "roles keep openat2(2), which RestrictSUIDSGID= would take from the reader")


def twins():
    """The serial console is the console, but for its terminal."""
    def normal(unit, terminal):
        own = ("Description", "Conflicts", "BindsTo", "After", "ConditionPathExists", "WantedBy", "TTYVTDisallocate")
        return [(n, v.replace(terminal, "TTY")) for n, v in settings(unit) if n not in own]
    one, other = normal("lazaret-console.service", "/dev/tty1"), normal("lazaret-console@.service", "/dev/%I")
    ok(one == other, "lazaret-console@.service is lazaret-console.service", sorted(set(one) ^ set(other)))


def accounts():
    root = SCRATCH / "accounts"
    (root / "etc").mkdir(parents=True)
    done = run("systemd-sysusers", "--root=%s" % root, TREE / "usr/lib/sysusers.d/lazaret.conf")
    users = {line.split(":")[0]: line.split(":") for line in (root / "etc/passwd").read_text().splitlines()}
    groups = {line.split(":")[0]: line.split(":")[3] for line in (root / "etc/group").read_text().splitlines()}
    roles = set(re.findall(r'\.account = "(_[^"]*)"', (ROOT / "kiosk/sandbox/role.c").read_text()))
    ok(done.returncode == 0 and len(roles) > 8 and roles <= set(users), "every role's account is made", roles - set(users))
    ok(all(u[6].endswith("nologin") for u in users.values()), "nobody can log in by them")
    ok("_lazaret-console" in groups.get("lazaret", "").split(","), "the console may use the control socket", groups)
    wanted = {v for u in UNITS.glob("lazaret*") for n, v in settings(u.name)
              if n in ("User", "Group", "SocketGroup", "SocketUser", "SupplementaryGroups")}
    ok(wanted and wanted <= set(users) | set(groups) | {"root"}, "the units name accounts that are made", wanted)
    done = run("systemd-tmpfiles", "--root=%s" % root, "--create", TREE / "usr/lib/tmpfiles.d/lazaret.conf")
    ok((root / "run/lazaret").is_dir(), "the directory of the control socket is made", done.stdout)


# -- udev ----------------------------------------------------------------------------------------------------------
PCI = "/devices/pci0000:00"
STICK = PCI + "/0000:00:14.0/usb1/1-2/1-2:1.0/host0/target0:0:0/0:0:0:0/block/sda"
PART = STICK + "/sda1"
DISC = PCI + "/0000:00:1f.2/ata1/host1/target1:0:0/1:0:0:0/block/sr0"
OWN = PCI + "/0000:00:1f.2/ata2/host2/target2:0:0/2:0:0:0/block/sdb"
DEVICES = f"""P: {PCI}/0000:00:14.0/usb1/1-2
E: DEVTYPE=usb_device
E: SUBSYSTEM=usb
A: idVendor=0951

""" + "".join(f"""P: {path}
N: {path.split("/")[-1]}
E: DEVNAME=/dev/{path.split("/")[-1]}
E: DEVTYPE={kind}
E: MAJOR={major}
E: MINOR={minor}
E: SUBSYSTEM=block
A: removable={removable}

""" for path, kind, major, minor, removable in ((STICK, "disk", 8, 0, 0), (PART, "partition", 8, 1, 0), (DISC, "disk", 11, 0, 1),
                                                (OWN, "disk", 8, 16, 0)))

# Other people's rules are those of the system, and one of an automounter. `blockdev` notes what it is asked; /dev and /run are
# the test's own, since `udevadm test` makes links and files there.
SIMULATE = r"""
set -e
mount --make-rprivate /
for d in /usr/lib/udev/rules.d /lib/udev/rules.d; do if [ -d $d ]; then cp -n $d/*.rules "$1/rules" 2>/dev/null || true; fi; done
echo 'SUBSYSTEM=="block", RUN+="/usr/bin/automount $devnode", ENV{SYSTEMD_WANTS}="automount.service"' >"$1/rules/85-automount.rules"
cp "$2"/*.rules "$1/rules"
mount --bind "$1/rules" /usr/lib/udev/rules.d
mount --bind "$1/blockdev" /usr/sbin/blockdev
mount -t tmpfs none /run
mkdir -p /run/udev /run/dev
mount -t tmpfs none /run/dev
touch /run/dev/null; mount --bind /dev/null /run/dev/null
mount --rbind /run/dev /dev
shift 2
exec "$@"
"""


def simulate(device, more=""):
    """Properties, and the programs that would be run, for one event; `more`: a property that the kernel's event has, too."""
    scratch = SCRATCH / "udev"
    (scratch / "rules").mkdir(parents=True, exist_ok=True)
    devices = DEVICES.replace("P: %s\n" % device, "P: %s\nE: %s\n" % (device, more)) if more else DEVICES
    (scratch / "devices").write_text(devices)
    (scratch / "blockdev").write_text('#!/bin/sh\necho "$@" >>"%s/asked"\n' % scratch)
    (scratch / "blockdev").chmod(0o755)
    (scratch / "asked").write_text("")
    done = run("unshare", *([] if os.geteuid() == 0 else ["-r"]), "-m", "sh", "-c", SIMULATE, "sh", scratch,
               TREE / "usr/lib/udev/rules.d", "umockdev-run", "-d", scratch / "devices", "--", tool("udevadm"), "test",
               "-a", "change", "/sys" + device)
    found = dict(re.findall(r"(?m)^ *([A-Z_0-9]+)=(.*)$", done.stdout))
    # udev 252 runs what PROGRAM names, 257 says that it would.
    asked = (scratch / "asked").read_text() + "".join(
        "%s\n" % words for words in re.findall(r"(?m): Running in test mode, skipping execution of '\S*/blockdev (.*)'\.$", done.stdout))
    programs = re.findall(r"(?m)^(?:run: '| *RUN\{\w+\} : )(.*?)'?$", done.stdout)
    return found, programs, asked, done.stdout


def udev():
    names = ("a stick is a medium, without links, mounts or programs", "it is set read-only", "its partition, too",
             "a disc is a medium; its drive is not opened", "the button of its drive ejects nothing",
             "the station's own disk is none of ours", "udev has nothing to say about our rules")
    missing = [t for t in ("udevadm", "umockdev-run", "unshare") if not tool(t)]
    if missing or not os.path.isdir("/usr/lib/udev/rules.d"):
        for name in names:
            skip(name, "needs %s" % " ".join(missing or ["/usr/lib/udev/rules.d"]))
        return
    medium = {"LAZARET_MEDIUM": "1", "UDEV_DISABLE_PERSISTENT_STORAGE_RULES_FLAG": "1", "SYSTEMD_READY": "0", "UDISKS_IGNORE": "1"}
    found, programs, asked, said = simulate(STICK)
    ok(medium.items() <= found.items() and programs == ["/usr/bin/true"] and not found.get("SYSTEMD_WANTS") and
       "builtin command 'blkid'" not in said and "disk/by-" not in said, names[0], said)
    ok(found.get("LAZARET_WRITE_BLOCK") == "set" and asked == "--setro /dev/sda\n", names[1], asked)
    found, programs, asked, said = simulate(PART)
    ok(found.get("LAZARET_WRITE_BLOCK") == "set" and asked == "--setro /dev/sda1\n" and programs == ["/usr/bin/true"], names[2], said)
    found, programs, asked, said = simulate(DISC)
    ok(medium.items() <= found.items() and asked == "" and "builtin command 'blkid'" not in said, names[3], said)
    found, programs, asked, said = simulate(DISC, "DISK_EJECT_REQUEST=1")
    ok(found.get("DISK_EJECT_REQUEST") == "1" and programs == ["/usr/bin/true"], names[4], said)
    found, programs, asked, out = simulate(OWN)
    ok("LAZARET_MEDIUM" not in found and asked == "" and "/usr/bin/automount /dev/sdb" in programs and
       ("builtin command 'blkid'" in out or not os.path.exists("/usr/lib/udev/rules.d/60-persistent-storage.rules")), names[5], out)
    ok(not re.search(r"(?m)^\S*lazaret\.rules:\d+ (?!RUN|Command|Importing)", said), names[6], said)


def udev_syntax():
    name = "udevadm verify accepts the rules"
    udevadm = tool("udevadm")
    if not udevadm or "verify" not in run(udevadm, "--help").stdout:
        return skip(name, "no udevadm that can (systemd 254)")
    done = run(udevadm, "verify", *sorted((TREE / "usr/lib/udev/rules.d").glob("*lazaret.rules")))
    ok(done.returncode == 0, name, done.stdout)


# -- lazaret-starter -------------------------------------------------------------------------------------------------
START, PROBE, KILL, RELEASE, STARTED, FAILED, ENDED = range(0x10, 0x17)
VAULT, DRIVER = 1, 4  # kiosk/sandbox/role.h


class Starter:
    """As systemd starts it: descriptor 3 listens."""
    def __init__(self):
        self.path = SCRATCH / "roles.sock"
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        listening.bind(str(self.path))
        listening.listen()
        listening.set_inheritable(True)  # it may be 3 already
        self.process = subprocess.Popen([BUILD / "bin/lazaret-starter"], stderr=subprocess.DEVNULL, close_fds=False,
                                        preexec_fn=lambda: os.dup2(listening.fileno(), 3))
        listening.close()


class Line:
    """One connection, one role."""
    def __init__(self, starter):
        self.ours = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.ours.settimeout(30)
        self.ours.connect(str(starter.path))

    def send(self, kind, value=0, fds=()):
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        self.ours.sendmsg([struct.pack("<Bi", kind, value)], rights)

    def hear(self):
        said = self.ours.recv(200)
        return struct.unpack("<Bi", said[:5]) if said else None

    def start(self, role):
        self.channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, open(os.devnull, "w") as error:
            self.send(START, role, (theirs.fileno(), error.fileno()))
        return self.hear()


def comes_true(what):
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if what():
            return True
        time.sleep(0.01)
    return False


def has_ended(pid):
    """Nobody may be there to wait for it."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def is_gone(pid):
    return comes_true(lambda: has_ended(pid))


def becomes_vault(pid):
    return comes_true(lambda: os.readlink(f"/proc/{pid}/exe").endswith("/lazaret-vault"))


def starter():
    names = ("the sandbox is probed", "a role is started and killed when the line closes", "a role is killed when told to",
             "the end of a role is told", "a role that was released outlives its line", "what is no role is refused",
             "what is no message is refused", "descriptors are demanded", "roles end with lazaret-starter",
             "it does not start without a listening socket")
    if os.geteuid() != 0:
        for name in names:
            skip(name, "roles are asked for by root")
        return
    it = Starter()
    line = Line(it)
    line.send(PROBE)
    ok(line.hear() == (STARTED, 0), names[0])
    line = Line(it)
    kind, pid = line.start(VAULT)
    there = kind == STARTED and becomes_vault(pid)
    line.ours.close()
    ok(there and is_gone(pid), names[1], (kind, pid, there))
    line = Line(it)
    kind, pid = line.start(VAULT)
    line.send(KILL)
    ok(line.hear() == (ENDED, signal.SIGKILL) and is_gone(pid) and line.hear() is None, names[2])
    line = Line(it)
    kind, pid = line.start(VAULT)
    line.channel.close()  # the vault's supervisor has gone
    heard = line.hear()
    ok(heard and heard[0] == ENDED and is_gone(pid), names[3], heard)
    line = Line(it)
    kind, pid = line.start(VAULT)
    line.send(RELEASE)
    line.ours.close()
    time.sleep(0.3)  # that nothing happens can only be seen by waiting
    alive = os.path.exists(f"/proc/{pid}")
    line.channel.close()
    ok(alive and is_gone(pid), names[4], alive)
    ok(Line(it).start(DRIVER) is None, names[5])
    line = Line(it)
    line.ours.send(b"\x10\x01")
    ok(line.hear() is None, names[6])
    line = Line(it)
    line.send(START, VAULT)
    ok(line.hear() is None, names[7])
    line = Line(it)
    kind, pid = line.start(VAULT)
    it.process.kill()
    it.process.wait(30)
    ok(kind == STARTED and is_gone(pid), names[8])
    done = subprocess.run([BUILD / "bin/lazaret-starter"], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=30)
    ok(done.returncode == 1 and "does not listen" in done.stderr, names[9], done.stderr)


def main():
    missing = [t for t in ("systemd-analyze", "systemd-sysusers", "systemd-tmpfiles") if not tool(t)]
    try:
        install()
        paths_are_installed()
        twins()
        if missing:
            skip("units, hardening, accounts", "needs " + " ".join(missing))
        else:
            hardening()
            accounts()
            verify()
        udev_syntax()
        udev()
        starter()
    finally:
        shutil.rmtree(SCRATCH, ignore_errors=True)
    return finish()


sys.exit(main())
