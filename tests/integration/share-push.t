#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""`lazaret share push` (docs/share.md): complete transfers to a directory of the isolated side, each once. The far end goes away, is full,
is read-only, lies, and is emptied by importers; the process is killed. No transfer appears there by its name but whole."""
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import json  # noqa: E402
import share  # noqa: E402
from tap import BUILD, finish, ok, skip  # noqa: E402

IS_ROOT = os.geteuid() == 0
HIDDEN = ".incoming-"


def said(done):
    return "status %d\n%s%s" % (done.returncode, done.stdout, done.stderr)


def remove(path):
    """A transfer's directories are read-only."""
    subprocess.run(["chmod", "-R", "u+w", path], check=True)
    shutil.rmtree(path)


class Far:
    """The isolated side's directory."""

    def __init__(self, at):
        self.at = at
        at.mkdir()
        self.ready()

    def ready(self):
        (self.at / ".lazaret-push").touch()
        if IS_ROOT:
            shutil.chown(self.at, "_lazaret-share")

    def seen(self):
        return sorted(p.name for p in self.at.iterdir() if not p.name.startswith("."))

    def hidden(self):
        return sorted(p.name for p in self.at.iterdir() if p.name.startswith(HIDDEN))


class Pusher:
    def __init__(self, work):
        self.station = share.Station(work)
        self.far = Far(work / "far")
        self.station.configure("share:\n  push: {directory: %s}\n" % self.far.at)
        self.words = self.station.at / "share/push"
        # with the capabilities that its unit leaves it
        self.command = [str(BUILD / "bin/lazaret"), "-C", str(self.station.at), "share", "push"]
        if IS_ROOT:
            caps = dict(share.unit("lazaret-share-push.service"))["CapabilityBoundingSet"].lower().replace("cap_", "+").split()
            self.command = ["setpriv", "--no-new-privs", "--bounding-set", "-all," + ",".join(caps), *self.command]

    def push(self):
        return subprocess.run(self.command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=300)

    def recorded(self, kind):
        lines = (self.station.at / "audit/audit.jsonl").read_text().splitlines()
        return [r["body"]["transfer"] for r in map(json.loads, lines) if r["type"] == kind]

    def whole(self, *names):
        return all(self.station.verify(self.far.at / n) is None for n in names)


def not_ready(p):
    first = p.station.publish()
    (p.far.at / ".lazaret-push").unlink()
    done = p.push()
    ok(done.returncode == 1 and "nothing is mounted there" in done.stderr and not p.far.seen() and not p.far.hidden(),
       "a directory that is not the far end gets nothing", said(done))
    remove(p.far.at)
    done = p.push()
    ok(done.returncode == 1 and not p.recorded("pushed"), "nor is anything counted when there is none", said(done))
    p.far = Far(p.far.at)
    return first


def plain(p, first):
    second = p.station.publish(files=1, size=10)
    (p.station.at / "staging/lost+found").mkdir()  # of a file system of its own
    (p.station.at / "staging/.incoming-20260101T000000Z-aaaaaa").mkdir()
    done = p.push()
    ok(done.returncode == 0 and p.far.seen() == sorted([first, second]) and not p.far.hidden() and p.whole(first, second), "two transfers are pushed, whole",
       (said(done), p.far.seen()))
    ok(sorted(p.recorded("pushed")) == sorted([first, second]), "each has a record", p.recorded("pushed"))
    if IS_ROOT:
        import pwd
        owners = {pwd.getpwuid(f.stat().st_uid).pw_name for n in (first, second) for f in (p.far.at / n).rglob("*")}
        ok(owners == {"_lazaret-share"}, "what touched the far end was not root", owners)
    for name in ("lost+found", ".incoming-20260101T000000Z-aaaaaa"):
        (p.station.at / "staging" / name).rmdir()
    before = {f: f.stat().st_ino for f in p.far.at.rglob("*")}
    remove(p.far.at / first)  # an importer has taken it
    done = p.push()
    ok(done.returncode == 0 and p.far.seen() == [second] and len(p.recorded("pushed")) == 2 and all(f.stat().st_ino == before[f] for f in p.far.at.rglob("*")),
       "a second time nothing happens, even where importers took one away", (said(done), p.far.seen()))
    return second


def after_the_rename(p, second):
    """Between the rename and the record: the word is "renaming"."""
    for what, prepare, wanted in (("it is there", lambda: None, [second]), ("importers took it away", lambda: remove(p.far.at / second), [])):
        prepare()
        (p.words / second).write_text("renaming")
        done = p.push()
        ok(done.returncode == 0 and p.far.seen() == wanted and (p.words / second).read_text() == "pushed", "a crash after the rename: " + what,
           (said(done), p.far.seen()))
    third = p.station.publish()
    shutil.copytree(p.station.at / "staging" / third, p.far.at / third)
    inode = (p.far.at / third).stat().st_ino
    done = p.push()
    ok(done.returncode == 0 and (p.far.at / third).stat().st_ino == inode and third in p.recorded("pushed"), "what is there already, whole, is counted", said(done))
    fourth = p.station.publish()
    hidden = p.far.at / (HIDDEN + fourth)
    hidden.mkdir()
    if IS_ROOT:
        shutil.chown(hidden, "_lazaret-share")
    (p.words / fourth).write_text("renaming")
    done = p.push()
    ok(done.returncode == 0 and p.whole(fourth) and not p.far.hidden(), "a crash before the rename: it is copied to its end", said(done))


def outage(p):
    """A small file system that fills up, is full, has room again; and one that is read-only."""
    name = p.station.publish(files=12, size=400000)
    size = sum(f.stat().st_size for f in (p.station.at / "staging" / name).rglob("*") if f.is_file())
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=%d" % (size // 2 // 4096 * 4096), "tmpfs", p.far.at], check=True)
    try:
        p.far.ready()
        done = p.push()
        ok(done.returncode == 1 and "No space left" in done.stderr and p.far.seen() == [] and p.far.hidden() == [HIDDEN + name], "a far end that is full", said(done))
        there = {f: (f.stat().st_ino, f.stat().st_mtime_ns) for f in (p.far.at / (HIDDEN + name)).rglob("*") if f.is_file()}
        complete = {f.relative_to(p.far.at / (HIDDEN + name)): t for f, t in there.items()
                    if f.stat().st_size == (p.station.at / "staging" / name / f.relative_to(p.far.at / (HIDDEN + name))).stat().st_size}
        subprocess.run(["mount", "-o", "remount,ro", p.far.at], check=True)
        done = p.push()
        ok(done.returncode == 1 and "Read-only file system" in done.stderr and p.far.seen() == [], "one that is read-only", said(done))
        subprocess.run(["mount", "-o", "remount,rw,size=%d" % (size * 2), p.far.at], check=True)
        ok(name not in p.recorded("pushed"), "nothing was counted")
        done = p.push()
        kept = [f for f, t in complete.items() if ((p.far.at / name / f).stat().st_ino, (p.far.at / name / f).stat().st_mtime_ns) == t]
        ok(done.returncode == 0 and p.whole(name) and not p.far.hidden(), "with room again it is pushed to its end", said(done))
        ok(complete and len(kept) == len(complete), "and what was there was not written again", (len(complete), len(kept)))
    finally:
        subprocess.run(["umount", p.far.at], check=True)


def killed(p):
    """SIGKILL while files are copied; the child at the far end goes with it."""
    for n in range(8):  # of a machine that is not ours alone: more each time
        name = p.station.publish(files=40 * (n + 1), size=100000)
        process = subprocess.Popen(p.command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        at = p.far.at / (HIDDEN + name) / "files"
        share.waits_until(lambda: at.exists() or (p.far.at / name).exists() or process.poll() is not None)
        process.send_signal(signal.SIGKILL)
        process.wait()
        if name not in p.far.seen():
            break
    ok(name not in p.far.seen() and p.far.hidden() == [HIDDEN + name] and name not in p.recorded("pushed"), "killed while it copied: nothing is seen, nothing counted",
       (p.far.seen(), p.far.hidden()))
    done = p.push()
    ok(done.returncode == 0 and p.whole(name) and p.recorded("pushed").count(name) == 1 and not p.far.hidden(), "resumed, whole, counted once", said(done))


def tampered(p):
    name = p.station.publish(files=30, size=100000)
    hidden = p.far.at / (HIDDEN + name)
    stop = threading.Event()

    def change():
        """One bit of the first file that is there, again and again."""
        while not stop.is_set():
            try:
                for f in sorted(hidden.rglob("*.txt"))[:1]:
                    with open(f, "r+b") as out:
                        out.seek(1)
                        out.write(b"\xff")
            except OSError:  # it goes while we look
                pass
            time.sleep(0.001)

    thread = threading.Thread(target=change)
    thread.start()
    done = p.push()
    again = p.push()
    stop.set()
    thread.join()
    ok(done.returncode == 1 and name not in p.far.seen() and "not whole" in done.stderr, "a far copy that was changed is noticed, and not counted", said(done))
    ok(again.returncode == 1 and p.recorded("push-failed") == [name] and name not in p.recorded("pushed"), "recorded once, not with every try",
       (said(again), p.recorded("push-failed")))
    hidden.mkdir(exist_ok=True)
    (hidden / "extra.exe").write_text("not of the transfer\n")
    if IS_ROOT:
        shutil.chown(hidden, "_lazaret-share")
    done = p.push()
    ok(done.returncode == 1 and name not in p.far.seen() and not p.far.hidden(), "so is a file too many", said(done))
    done = p.push()
    ok(done.returncode == 0 and p.whole(name), "left alone it is pushed", said(done))


def taken_name(p):
    name = p.station.publish()
    other = p.far.seen()[0]
    shutil.copytree(p.far.at / other, p.far.at / name)  # a good transfer, of this station, but another
    later = p.station.publish()
    done = p.push()
    ok(done.returncode == 1 and (p.far.at / name / "manifest.json").read_bytes() == (p.far.at / other / "manifest.json").read_bytes() and
       name not in p.recorded("pushed"), "another's directory of that name is not written over, and does not count", said(done))
    ok(later in p.recorded("pushed") and p.whole(later), "the next transfer goes on", said(done))
    remove(p.far.at / name)
    link = p.far.at / (HIDDEN + name)
    elsewhere = p.far.at.parent / "elsewhere"
    elsewhere.mkdir()
    link.symlink_to(elsewhere)
    done = p.push()
    ok(done.returncode == 1 and not list(elsewhere.iterdir()), "a link in its place is not followed", said(done))
    link.unlink()
    done = p.push()
    ok(done.returncode == 0 and p.whole(name), "and then it is pushed", said(done))


def one_at_a_time(p):
    import fcntl
    fd = os.open(p.words, os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_EX)
    done = p.push()
    os.close(fd)
    ok(done.returncode == 2 and "another push is at work" in done.stderr, "one at a time", said(done))
    gone = p.far.seen()[0]
    remove(p.station.at / "staging" / gone)
    done = p.push()
    ok(done.returncode == 0 and not (p.words / gone).exists(), "what left staging is forgotten", said(done))
    done = p.station.run("audit", "verify")
    ok(done.returncode == 0, "the audit trail is good", said(done))
    p.station.configure("")
    done = p.push()
    ok(done.returncode == 1 and "not configured" in done.stderr, "without 'push:' nothing is pushed", said(done))


def main():
    if subprocess.run(["getent", "passwd", "_lazaret-share"], capture_output=True).returncode != 0:
        skip("push", "there is no account _lazaret-share (image/packages/install makes it for root)")
        return finish()
    with tempfile.TemporaryDirectory(prefix="lazaret-push.") as name:
        work = pathlib.Path(name)
        work.chmod(0o755)
        p = Pusher(work)
        second = plain(p, not_ready(p))
        after_the_rename(p, second)
        if IS_ROOT and share.alone(None):
            outage(p)
        else:
            skip("a far end that is full", "needs root, for file systems in a namespace of its own")
        killed(p)
        tampered(p)
        taken_name(p)
        one_at_a_time(p)
    return finish()


if IS_ROOT:
    share.alone(None)  # starts this anew, or goes on without
sys.exit(main())
