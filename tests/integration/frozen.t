#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""A staging share that hangs: a real file system, frozen. Whoever writes to it sleeps in the kernel, where nothing ends him, as with a disk that
does not answer or a share whose server is gone. Needs root and loop devices."""
import fcntl
import json
import os
import pathlib
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import station  # noqa: E402
from station import MIB, losetup  # noqa: E402
from tap import BUILD, make_databases, ok  # noqa: E402

LAZARET, VERIFY = BUILD / "bin" / "lazaret", BUILD / "bin" / "lazaret-verify"

FIFREEZE, FITHAW = 0xc0045877, 0xc0045878  # linux/fs.h
ANSWER_S = 2


class Share:
    """`at`: a mount point whose owner and mode its root gets."""

    def __init__(self, at, mib):
        self.at, image = at, at.parent / "share.img"
        with open(image, "wb") as f:
            f.truncate(mib * MIB)
        subprocess.run(["mkfs.ext4", "-q", "-F", image], check=True)
        before = at.stat()
        self.node = losetup("--find", "--show", image)
        subprocess.run(["blockdev", "--setrw", self.node], check=True)  # a station that had this device before has set it read-only
        subprocess.run(["mount", self.node, at], check=True)
        os.rmdir(at / "lost+found")
        os.chown(at, before.st_uid, before.st_gid)
        os.chmod(at, before.st_mode & 0o7777)
        self.fd, self.is_frozen = os.open(at, os.O_RDONLY | os.O_DIRECTORY), False

    def freeze(self):
        fcntl.ioctl(self.fd, FIFREEZE, 0)
        self.is_frozen = True

    def thaw(self):
        if self.is_frozen:
            fcntl.ioctl(self.fd, FITHAW, 0)
        self.is_frozen = False

    def close(self):
        self.thaw()
        os.close(self.fd)
        for _ in range(100):
            if subprocess.run(["umount", self.at], capture_output=True, check=False).returncode == 0:
                break
            time.sleep(0.1)
        losetup("--detach", self.node)


def prepare(work, name, mib, sizes):
    at, medium = work / name / "station", work / name / "medium"
    medium.mkdir(parents=True)
    subprocess.run([LAZARET, "init", at, "--db", make_databases(work / name / "db")], check=True, stdout=subprocess.DEVNULL)
    with open(at / "lazaret.yaml", "a", encoding="utf-8") as f:
        f.write("limits:\n  answer-time: %ds\n" % ANSWER_S)
    for n, size in enumerate(sizes):
        (medium / ("f%d.txt" % n)).write_bytes(b"0123456789abcde\n" * (size // 16))
    return at, medium, Share(at / "staging", mib)


class Result:
    def __init__(self, status, out, err, took):
        self.returncode, self.stdout, self.stderr, self.took = status, out, err, took


def inspect(at, medium, patience_s=150):
    """Into files: who sleeps in the kernel keeps our standard error open."""
    out, err, begun = at.parent / "out", at.parent / "err", time.monotonic()
    with open(out, "wb") as o, open(err, "wb") as e:
        status = subprocess.run([LAZARET, "-C", at, "inspect", "--json", medium], stdin=subprocess.DEVNULL, stdout=o, stderr=e, timeout=patience_s, check=False).returncode
    return Result(status, out.read_text(), err.read_text(), time.monotonic() - begun)


def none_left(at):
    """Processes of this station: those that slept end when they wake up."""
    for _ in range(100):
        left = [p for p in os.listdir("/proc") if p.isdigit() and str(at).encode() in command_of(p)]
        if not left:
            return True
        time.sleep(0.1)
    return False


def command_of(pid):
    try:
        return pathlib.Path("/proc", pid, "cmdline").read_bytes()
    except OSError:
        return b""


def records(at):
    trail = at / "audit" / "audit.jsonl"
    return [json.loads(line) for line in trail.read_text().splitlines()] if trail.exists() else []


def whole(at, what):
    """The trail verifies, each transfer in staging does, and is one that the trail says was published, and the other way round."""
    visible = sorted(p.name for p in (at / "staging").iterdir() if not p.name.startswith("."))
    told = sorted(r["body"]["transfer"] for r in records(at) if r["type"] == "published")
    audit = subprocess.run([LAZARET, "-C", at, "audit", "verify"], capture_output=True, text=True, check=False)
    bad = [t for t in visible if subprocess.run([VERIFY, "--key", at / "keys" / "manifest.pub", at / "staging" / t], capture_output=True, check=False).returncode != 0]
    ok(visible == told and not bad and audit.returncode == 0, what, (visible, told, bad, audit.stderr))
    return visible


def share_hangs_before(work):
    """Nothing of the transfer is in staging, nor will be: that can be said at once."""
    at, medium, share = prepare(work, "before", 512, [4096] * 5)
    try:
        r = inspect(at, medium)
        ok(r.returncode == 0, "it works", r.stderr)
        share.freeze()
        r = inspect(at, medium)
        report = json.loads(r.stdout)
        ok(r.returncode == 2 and report["outcome"] == "aborted" and "staging does not answer" in r.stderr and "answer-time" in r.stderr,
           "staging that hangs: aborted, in these words", (r.stdout, r.stderr))
        ok(r.took < 60, "soon", r.took)
        share.thaw()
        ok(none_left(at), "no process is left then")
        r = inspect(at, medium)
        ok(r.returncode == 0 and json.loads(r.stdout)["outcome"] == "published", "then it answers again: published", r.stderr)
        visible = whole(at, "and staging and trail agree")
        ok(len(visible) == 2 and not [p for p in (at / "staging").iterdir() if p.name.startswith(".") and any(p.iterdir())], "nothing of the first is left",
           list((at / "staging").iterdir()))
    finally:
        share.close()


def share_hangs_in_the_commit(work):
    """It was told to become visible: whether it has is not known, is not guessed, and is recorded by whoever can see it."""
    at, medium, share = prepare(work, "commit", 1024, [MIB] * 150)
    unknown = 0
    try:
        for _ in range(6):
            before = sum(r["type"] == "publishing" for r in records(at))
            is_over = threading.Event()

            def catch(before=before, is_over=is_over):
                trail = at / "audit" / "audit.jsonl"
                while not is_over.is_set():
                    if trail.exists() and trail.read_text().count('"publishing"') > before:
                        share.freeze()
                        return

            catcher = threading.Thread(target=catch)
            catcher.start()
            r = inspect(at, medium)
            is_over.set()
            catcher.join()
            is_unknown = "is found out" in r.stderr + r.stdout
            unknown += is_unknown
            ended = [x["type"] for x in records(at) if x["type"] in ("published", "report", "publishing")]
            if is_unknown:
                ok(r.returncode == 2 and ended[-1] == "publishing" and len(list((at / "spool").iterdir())) == 1,
                   "a share that hangs in the commit: not known, neither said nor recorded", (r.returncode, ended, r.stderr))
            share.thaw()
            if is_unknown:
                break
        ok(unknown == 1, "it was caught in the commit")
        small = medium.parent / "small"
        small.mkdir()
        (small / "a.txt").write_text("hello\n")
        r = inspect(at, small)
        ok(r.returncode == 0, "the next inspection", r.stderr)
        whole(at, "has found out: staging and trail agree")
        started = [x["body"]["transfer"] for x in records(at) if x["type"] == "inspection-started"]
        reports = sorted(p.stem for p in (at / "reports").iterdir())
        ok(reports == sorted(started) and not list((at / "spool").iterdir()), "each has its report", (reports, started))
    finally:
        share.close()


if __name__ == "__main__":
    sys.exit(station.main([share_hangs_before, share_hangs_in_the_commit], sys.argv[1:]))
