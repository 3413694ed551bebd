# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""One row of the table, carried out: a station of its own, a medium, an inspection, and everything that must hold
whatever the row is about. Rows say what is special (rows_*.py); this module says what is always true."""
import base64
import contextlib
import filecmp
import hashlib
import importlib.machinery
import importlib.util
import itertools
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
LIB = os.path.join(ROOT, "tests", "lib")
BUILD = os.path.abspath(os.environ.get("BUILD") or os.path.join(ROOT, "build"))
BIN = os.path.join(BUILD, "bin")
IS_ROOT = os.geteuid() == 0
PATIENCE = 600  # seconds for one inspection, on a busy machine; a hang must not hang the suite
HASHED_MAX = 64 << 20  # larger files of a source directory are compared by size and times,
HASHED_FILES = 5000    # and so are those after the first so many
SAMPLE = 2000  # files of a report that go through the JSON schema; jsonschema takes a millisecond for each

sys.path.insert(0, LIB)
os.environ["PATH"] = os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin"


class Skip(Exception):
    """This row cannot run here, for the reason given."""


class Broken(Exception):
    """The row's own machinery failed: never a pass."""


def load_script(path, name):
    loader = importlib.machinery.SourceFileLoader(name, path)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module


def program(name):
    return os.path.join(BIN, name)


def run(*argv, timeout=PATIENCE, **more):
    return subprocess.run([os.fsdecode(a) for a in argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=timeout, check=False, **more)


def sha256_file(path):
    h = hashlib.sha256()
    with open(path, "rb") as f:
        for block in iter(lambda: f.read(1 << 20), b""):
            h.update(block)
    return h.hexdigest()


# -- what stands on a medium ------------------------------------------------------------------------------------
class Sparse:
    """A file of `size` bytes, zeros but for some (offset, bytes)."""

    def __init__(self, size, *pieces):
        self.size, self.pieces = size, pieces


class Link:
    def __init__(self, target):
        self.target = target


class HardLink(Link):
    """To another name of the same tree, which comes before."""


class Fifo:
    pass


class Socket:
    pass


class Device:
    """A character device like /dev/zero; needs root."""


class Directory:
    pass


class Mode:
    def __init__(self, mode, content):
        self.mode, self.content = mode, content


def put(root, name, content):
    path = os.path.join(os.fsencode(root), os.fsencode(name))
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if callable(content):
        content = content()
    if isinstance(content, Mode):
        put(root, name, content.content)
        os.chmod(path, content.mode)
    elif isinstance(content, Sparse):
        with open(path, "wb") as f:
            f.truncate(content.size)
            for offset, data in content.pieces:
                f.seek(offset)
                f.write(data)
    elif isinstance(content, HardLink):
        os.link(os.path.join(os.fsencode(root), os.fsencode(content.target)), path)
    elif isinstance(content, Link):
        os.symlink(content.target, path)
    elif isinstance(content, Fifo):
        os.mkfifo(path)
    elif isinstance(content, Socket):
        os.mknod(path, stat.S_IFSOCK | 0o644)
    elif isinstance(content, Device):
        os.mknod(path, stat.S_IFCHR | 0o644, os.makedev(1, 5))
    elif isinstance(content, Directory):
        os.makedirs(path, exist_ok=True)
    else:
        with open(path, "wb") as f:
            f.write(content)


# -- what a row expects of a file -------------------------------------------------------------------------------
class Expectation:
    """"approved", or "held REASON...", "blocked REASON...", "refused REASON..." (held or blocked).

    REASON is code[@member][~words], "_" in words for a space; all of them must be given, others may be. "a|b" is one of.
    """

    def __init__(self, text):
        verdict, *reasons = text.split()
        self.verdicts = {"refused": ("held", "blocked"), "any": ("held", "blocked", "approved")}.get(verdict, (verdict,))
        self.reasons = [[self.parse(alternative) for alternative in r.split("|")] for r in reasons]
        self.text = text

    @staticmethod
    def parse(text):
        text, _, words = text.partition("~")
        code, _, member = text.partition("@")
        return code, member, words.replace("_", " ")

    @property
    def is_approved(self):
        return self.verdicts == ("approved",)

    def problem(self, entry):
        given = ["%s%s (%s)" % (r["code"], "@" + r["member"] if r["member"] else "", r["detail"]) for r in entry["reasons"]]
        if entry["verdict"] not in self.verdicts:
            return "%s, expected: %s; given: %s" % (entry["verdict"], self.text, "; ".join(given))
        for alternatives in self.reasons:
            if not any(self.fits(alternative, r) for alternative in alternatives for r in entry["reasons"]):
                return "no reason %s; given: %s" % (" or ".join("%s@%s~%s" % a for a in alternatives), "; ".join(given))
        return None

    @staticmethod
    def fits(wanted, reason):
        code, member, words = wanted
        return reason["code"] == code and (not member or reason["member"] == member) and words in reason["detail"]


def raw_path(entry):
    return base64.b64decode(entry["path_b64"]) if "path_b64" in entry else os.fsencode(entry["path"])


# -- processes --------------------------------------------------------------------------------------------------
class Process:
    """One line of /proc/PID/stat."""

    def __init__(self, pid):
        with open("/proc/%d/stat" % pid, encoding="utf-8", errors="replace") as f:
            text = f.read()
        end = text.rindex(")")
        fields = text[end + 2:].split()
        self.pid, self.name = pid, text[text.index("(") + 1:end]
        self.state, self.parent = fields[0], int(fields[1])
        self.ticks = int(fields[11]) + int(fields[12])


def descendants(pid):
    everybody = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError, ValueError):
                everybody.append(Process(int(name)))
    found, known = [], {pid}
    for _ in range(6):  # generations
        for p in everybody:
            if p.parent in known and p.pid not in known:
                known.add(p.pid)
                found.append(p)
    return found


class Station:
    """Copied from a template, so that each row has its own trail, spool and staging."""

    def __init__(self, template, directory):
        self.dir = directory
        done = run("cp", "-a", template, directory)
        if done.returncode != 0:
            raise Broken("copying the template station: %s" % done.stderr.decode())

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def lazaret(self, *argv, **more):
        return run(program("lazaret"), "-C", self.dir, *argv, **more)

    def edit(self, change):
        with open(self.path("lazaret.yaml"), encoding="utf-8") as f:
            text = f.read()
        with open(self.path("lazaret.yaml"), "w", encoding="utf-8") as f:
            f.write(change(text))

    def configure(self, config):
        """{"limits": {"files": 50}, "hash-list": "denied"}: sections that the template leaves at their defaults."""
        lines = []
        for key, value in config.items():
            lines.append("%s:%s" % (key, "" if isinstance(value, dict) else " %s" % value))
            if isinstance(value, dict):
                lines += ["  %s: %s" % item for item in value.items()]
        self.edit(lambda text: text + "\n" + "\n".join(lines) + "\n")

    def transfers(self):
        return sorted(os.listdir(self.path("staging"))) if os.path.isdir(self.path("staging")) else []


class Inspection:
    """One run of `lazaret inspect --json`, its output kept in files: a process that is left behind must not hold us."""

    def __init__(self, station, sources, scratch, number=0, argv=()):
        self.out, self.err = (os.path.join(scratch, "%s-%d" % (n, number)) for n in ("out", "err"))
        with open(self.out, "wb") as out, open(self.err, "wb") as err:
            self.process = subprocess.Popen([program("lazaret"), "-C", station.dir, "inspect", "--json", *argv, *sources],
                                            stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True)

    def wait(self, timeout=PATIENCE):
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            for p in descendants(self.process.pid):
                with contextlib.suppress(OSError):
                    os.kill(p.pid, signal.SIGKILL)
            self.process.kill()
            self.process.wait()
            return None

    @property
    def daemon(self):
        return next((p for p in descendants(self.process.pid) if p.name == "lazaretd"), None)

    def roles(self, name):
        return [p for p in descendants(self.process.pid) if p.name == name[:15]]

    def forked(self, name):
        """Children of a fork server: it has the same name, and lazaretd as its parent."""
        found = self.roles(name)
        pids = {p.pid for p in found}
        return [p for p in found if p.parent in pids]

    def workers(self):
        return self.forked("lazaret-examine")

    def wait_for(self, what, find, timeout=60):
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            found = find()
            if found:
                return found
            if self.process.poll() is not None:
                break
            time.sleep(0.005)
        raise Broken("%s was not seen while the inspection ran" % what)

    def busy_worker(self):
        """A worker that has burnt half a second of processor time: only the victim takes that long."""
        clock = os.sysconf("SC_CLK_TCK")
        return self.wait_for("a busy scanner", lambda: [p for p in self.workers() if p.ticks > clock // 2])[0]

    def text(self):
        with open(self.err, encoding="utf-8", errors="backslashreplace") as f:
            return f.read()


# -- one row ----------------------------------------------------------------------------------------------------
class Bench:
    def __init__(self, row, shared, scratch):
        self.row, self.shared, self.scratch = row, shared, scratch
        self.problems, self.notes, self.codes = [], [], set()
        self.trees, self.inspections, self.cleanups = [], [], []
        self.source = self.report = self.station = None

    def fail(self, text):
        self.problems.append(text)

    def note(self, text):
        self.notes.append(text)

    def scratch_dir(self, name):
        path = os.path.join(self.scratch, name)
        os.makedirs(path)
        return path

    # .. the medium
    def make_trees(self):
        for number, files in enumerate(self.row.volumes):
            tree = self.scratch_dir("tree%d" % number)
            os.chmod(tree, 0o755)
            for name, (content, _) in files.items():
                if content is not None:
                    put(tree, name, content)
            self.trees.append(tree)

    def make_image(self):
        if not IS_ROOT and not os.access("/dev/fuse", os.R_OK | os.W_OK):
            raise Skip("an image needs root or /dev/fuse")
        image = os.path.join(self.scratch, "medium.img")
        layout, *types = self.row.image.split()
        argv = [os.path.join(LIB, "media.py"), image, "--layout", layout]
        for text, tree in itertools.zip_longest(types, self.trees, fillvalue=""):  # parts without a tree are empty
            kind, _, more = text.partition(":")
            argv += ["--part", ":".join(filter(None, (kind, tree, more)))]
        done = run("/usr/bin/python3", *argv)
        if done.returncode == 77:
            raise Skip(done.stderr.decode().strip())
        if done.returncode != 0:
            raise Broken("media.py: %s" % done.stderr.decode())
        return image

    def make_source(self):
        self.make_trees()
        if self.row.source:
            return self.row.source(self)
        return self.make_image() if self.row.image else self.trees[0]

    # .. the source before and after
    def snapshot(self):
        if self.row.is_live:
            return None
        if not os.path.isdir(self.source):
            return sha256_file(self.source) if os.path.isfile(self.source) else None
        seen = []
        for base, dirs, files in os.walk(os.fsencode(self.source)):
            for name in sorted(dirs + files):
                path = os.path.join(base, name)
                st = os.lstat(path)
                what = os.readlink(path) if stat.S_ISLNK(st.st_mode) else b""
                if stat.S_ISREG(st.st_mode) and st.st_size <= HASHED_MAX and len(seen) < HASHED_FILES and os.access(path, os.R_OK):
                    what = sha256_file(path)
                seen.append((path, st.st_mode, st.st_size, st.st_mtime_ns, st.st_ino, st.st_nlink, what))
        return seen

    # .. running
    def inspect(self, *sources, argv=(), wait=True):
        inspection = Inspection(self.station, sources or (self.source,), self.scratch, len(self.inspections), argv)
        self.inspections.append(inspection)
        if wait and inspection.wait() is None:
            self.fail("the inspection did not end within %d s" % PATIENCE)
        return inspection

    def execute(self):
        self.station = Station(self.shared.template(self.row.profile), os.path.join(self.scratch, "station"))
        self.station.configure(self.row.config)
        self.source = self.make_source()
        if self.row.before:
            self.row.before(self)
        before = self.snapshot()
        if self.row.script:  # a row of several inspections tells its own story
            self.row.script(self)
        else:
            self.one_inspection()
        if before != self.snapshot():
            self.fail("the source is not as it was before the inspection")
        if self.row.recovers:
            self.recover()
        self.check_station()

    def one_inspection(self):
        inspection = self.inspect(wait=False)
        helper = None
        if self.row.during:
            helper = threading.Thread(target=self.guarded, args=(self.row.during, inspection))
            helper.start()
        if inspection.wait() is None:
            self.fail("the inspection did not end within %d s" % PATIENCE)
        if helper:
            helper.join()
        self.check_inspection(inspection)

    def guarded(self, what, *args):
        try:
            what(self, *args)
        except Exception as e:  # in a thread of its own: it must not get lost
            self.fail("%s: %s" % (type(e).__name__, e))

    # .. what must hold of one inspection
    def check_inspection(self, inspection):
        status = inspection.process.returncode
        if self.row.outcome == "any":  # whatever it is, it must be one of the three, and consistent
            self.row.status = status if status in (0, 1, 2) else 2
        if status != self.row.status:
            self.fail("exit status %s, expected %d; it said: %s" % (status, self.row.status, inspection.text()[-2000:]))
        for words in self.row.says:
            if words not in inspection.text():
                self.fail("it did not say %r, but: %s" % (words, inspection.text()[-2000:]))
        if self.row.outcome == "none":
            if os.path.getsize(inspection.out) > 0:
                self.fail("a report was printed, and none was expected")
            return
        if self.row.outcome == "unsaid":  # the station is too broken to keep a report; if it says anything: aborted
            if os.path.getsize(inspection.out) == 0:
                return
            self.row.outcome = "aborted"
        self.report = self.read_report(inspection.out)
        if not self.report:
            return
        if self.row.outcome == "any":
            self.row.outcome = self.report["outcome"]
        if self.report["outcome"] != self.row.outcome:
            self.fail("outcome %s, expected %s; it said: %s" %
                      (self.report["outcome"], self.row.outcome, inspection.text()[-2000:]))
        self.check_kept(inspection.out, self.report["transfer"])
        self.check_volumes()
        self.check_files()
        self.check_published()
        if self.row.after:
            self.row.after(self, self.report)

    def read_report(self, path):
        with open(path, "rb") as f:
            data = f.read()
        if not data:
            self.fail("no report was printed")
            return None
        for problem in self.shared.report_problems(data):
            self.fail("report: %s" % problem)
        try:
            report = json.loads(data)
        except ValueError as e:
            self.fail("report: %s" % e)
            return None
        self.codes |= {r["code"] for f in report["files"] for r in f["reasons"]}
        return report

    def check_kept(self, printed, transfer):
        kept = self.station.path("reports", transfer + ".json")
        if not os.path.exists(kept) or not filecmp.cmp(printed, kept, shallow=False):
            self.fail("the report that was printed is not the one that was kept")

    def check_volumes(self):
        outcomes = [v["outcome"] for v in self.report["medium"]["volumes"]
                    if v["outcome"] not in ("unallocated", "covered", "empty")]
        if self.row.outcome != "aborted" and outcomes != self.row.volume_outcomes:
            self.fail("volumes: %s, expected %s" % (outcomes, self.row.volume_outcomes))

    def volume_order(self):
        read = sorted(v["index"] for v in self.report["medium"]["volumes"] if v["outcome"] in ("read", "partial"))
        return {index: number for number, index in enumerate(read)}

    def check_files(self):
        if self.row.outcome == "aborted":  # how far it came is chance; what it says of a file can only be that
            for entry in self.report["files"]:
                if entry["published_as"]:
                    self.fail("%s: published by an inspection that was aborted" % entry["path"])
            return
        order = self.volume_order()
        others = Expectation(self.row.others) if self.row.others else None
        expected = {(number, os.fsencode(name)): Expectation(text)
                    for number, files in enumerate(self.row.volumes) for name, (_, text) in files.items() if text}
        for entry in self.report["files"]:
            key = (order.get(entry["volume"], -1), raw_path(entry))
            wanted = expected.pop(key, None) or others
            if not wanted:
                self.fail("%r: nobody expected this entry: %s" % (key, entry))
                continue
            problem = wanted.problem(entry)
            if problem:
                self.fail("%r: %s" % (key, problem))
        for key in expected:
            self.fail("%r: not in the report" % (key,))

    def check_published(self):
        """Exactly the approved files are in staging, byte by byte those of the medium."""
        approved = [f for f in self.report["files"] if f["verdict"] == "approved"]
        if self.row.outcome != "published":
            return
        self.check_transfer(self.report, approved)

    def check_transfer(self, report, approved, sources=None):
        top = self.station.path("staging", report["transfer"])
        files = os.path.join(top, "files")
        found = set()
        for base, _, names in os.walk(os.fsencode(files)):
            found |= {os.path.relpath(os.path.join(base, n), os.fsencode(files)) for n in names}
        wanted = {os.fsencode(f["published_as"])[len("files/"):] for f in approved}
        if found != wanted:
            self.fail("staging: too many %s, missing %s" % (sorted(found - wanted)[:5], sorted(wanted - found)[:5]))
        order = self.volume_order() if report is self.report else {v["index"]: 0 for v in report["medium"]["volumes"]}
        for f in approved:
            here = os.path.join(os.fsencode(top), os.fsencode(f["published_as"]))
            there = os.path.join(os.fsencode((sources or self.trees)[order[f["volume"]]]), raw_path(f))
            if self.row.is_live:
                if sha256_file(here) != f["sha256"]:
                    self.fail("%s: not the bytes that were inspected" % f["path"])
            elif not os.path.exists(here) or not filecmp.cmp(here, there, shallow=False):
                self.fail("%s: not the bytes of the medium" % f["path"])
        self.verify(report["transfer"])

    def verify(self, transfer):
        top = self.station.path("staging", transfer)
        key = self.station.path("keys", "manifest.pub")
        for argv, cwd in (((program("lazaret-verify"), "--key", key, top), None),
                          (("minisign", "-V", "-q", "-p", key, "-m", os.path.join(top, "manifest.json")), None),
                          (("sha256sum", "-c", "--strict", "--quiet", "SHA256SUMS"), top)):
            done = run(*argv, cwd=cwd)
            if done.returncode != 0:
                self.fail("%s: exit %d: %s" % (os.path.basename(argv[0]), done.returncode,
                                               (done.stdout + done.stderr).decode(errors="replace")[-500:]))

    def recover(self):
        """The fault is over: the next inspection works, and makes up for what was left."""
        for cleanup in self.cleanups[::-1]:
            cleanup()
        self.cleanups = []
        tree = self.scratch_dir("next")
        os.chmod(tree, 0o755)
        put(tree, "next.txt", b"the next medium\n")
        inspection = self.inspect(tree)
        report = self.read_report(inspection.out)
        if inspection.process.returncode != 0 or not report:
            self.fail("the next inspection: exit status %s: %s" % (inspection.process.returncode, inspection.text()[-1000:]))
            return
        for name in os.listdir(self.station.path("reports")):
            with open(self.station.path("reports", name), "rb") as f:
                for problem in self.shared.report_problems(f.read()):
                    self.fail("report %s: %s" % (name, problem))
        for transfer in self.station.transfers():
            if not transfer.startswith("."):
                self.verify(transfer)
                if not os.path.exists(self.station.path("reports", transfer + ".json")):
                    self.fail("%s is in staging without a report" % transfer)

    # .. what must hold of the station, whatever happened
    def check_station(self):
        transfers = self.station.transfers()
        published = [i for i in transfers if not i.startswith(".")]
        if transfers != published:
            self.fail("staging: left behind: %s" % [t for t in transfers if t.startswith(".")])
        wanted = (self.row.outcome == "published") + self.row.recovers
        if not self.row.script and len(published) != wanted:
            self.fail("staging holds %s, expected %d transfers" % (published, wanted))
        spool = os.listdir(self.station.path("spool"))
        if spool:
            self.fail("spool: left behind: %s" % spool)
        if os.path.exists(self.station.path("audit", "audit.jsonl")) and self.row.has_trail:
            done = self.station.lazaret("audit", "verify")
            if done.returncode != 0:
                self.fail("audit verify: %s" % (done.stdout + done.stderr).decode(errors="replace")[-1000:])

    # .. helpers of rows
    def mount(self, *argv, target):
        if not IS_ROOT:
            raise Skip("mounting needs root")
        done = run("mount", *argv, target)
        if done.returncode != 0:
            raise Skip("mount: %s" % done.stderr.decode().strip())
        self.cleanups.append(lambda: run("umount", "-l", target))

    def tmpfs(self, name, options):
        """Put a tmpfs over a directory of the station, with the same owner and content."""
        target = self.station.path(name)
        st = os.stat(target)
        self.mount("-t", "tmpfs", "-o", "%s,uid=%d,gid=%d,mode=%o" % (options, st.st_uid, st.st_gid, st.st_mode & 0o7777),
                   "tmpfs", target=target)

    def hostile(self, scenario):
        """The suite's own file system (hostilefs.c), mounted."""
        binary = self.shared.hostilefs()
        if not os.access("/dev/fuse", os.R_OK | os.W_OK):
            raise Skip("/dev/fuse cannot be opened")
        if not IS_ROOT and not shutil.which("fusermount3"):
            raise Skip("without root, FUSE needs fusermount3")
        target = self.scratch_dir("hostile")
        log = open(os.path.join(self.scratch, "hostilefs.log"), "wb")
        process = subprocess.Popen([binary, scenario, target], stdin=subprocess.DEVNULL, stdout=log, stderr=log)

        def end():
            process.kill()
            process.wait()
            run("umount", "-l", target) if IS_ROOT else run("fusermount3", "-uz", target)
            log.close()

        self.cleanups.append(end)
        for _ in range(400):
            if os.path.ismount(target):
                return target
            if process.poll() is not None:
                raise Broken("hostilefs ended with %d" % process.returncode)
            time.sleep(0.01)
        raise Broken("hostilefs did not come up")

    def clean(self):
        for cleanup in reversed(self.cleanups):
            cleanup()
        self.cleanups = []
