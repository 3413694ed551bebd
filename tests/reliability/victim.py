# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""A station to be disturbed, and what must hold after whatever happened to it (oracle). Stations are copies of one that was made and
used once, so that history, staging and audit trail have a past that can be damaged."""
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time
import zipfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from tap import BUILD, EICAR, ROOT, make_databases  # noqa: E402,F401

BIN, TRACER = BUILD / "bin", BUILD / "tests" / "tracer"
PATIENCE = 90  # seconds for one inspection of less than one; the station's own deadlines (30 s for a role) lie below

# What the operator is told of a good inspection, by the first word of a line.
ORDINARY = {"transfer", "medium", "volume", "ready", "found", "blocked", "held", "report", "malware:", "type-mismatch:", "active-content:"}


def run(*argv, timeout=2 * PATIENCE, **more):
    return subprocess.run([str(a) for a in argv], stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
                          timeout=timeout, check=False, **more)


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Medium:
    """An ext4 image. `many` files besides those that each role has something to do with."""

    approved = set()  # of all media: (path, digest) of what an undisturbed inspection approves

    def __init__(self, work, name, many=0):
        tree, self.image = work / (name + ".tree"), work / (name + ".img")
        (tree / "docs").mkdir(parents=True)
        (tree / "a.txt").write_bytes(b"hello\n")
        (tree / "docs" / "b.txt").write_bytes(b"world\n" * 2000)
        (tree / "eicar.com").write_bytes(EICAR)
        with zipfile.ZipFile(tree / "c.zip", "w") as z:
            z.writestr("in.txt", "inside\n")
        for k in range(many):
            (tree / f"{k:04}.txt").write_bytes(b"line %d\n" % k * (1 + k * 37 % 1500))
        listed = [p for p in sorted(tree.rglob("*")) if p.is_file() and p.name != "eicar.com"]
        (tree / "SHA256SUMS").write_text("".join(f"{digest(p)}  {p.relative_to(tree)}\n" for p in listed))
        self.good = {str(p.relative_to(tree)): digest(p) for p in listed + [tree / "SHA256SUMS"]}
        self.approved.update(self.good.items())
        self.files = set(self.good) | {"eicar.com"}
        subprocess.run(["mkfs.ext4", "-q", "-F", "-O", "^has_journal", "-d", tree, self.image, "16M"], check=True, stdout=subprocess.DEVNULL)
        shutil.rmtree(tree)


class Station:
    def __init__(self, at):
        self.at = pathlib.Path(at)

    @classmethod
    def make(cls, work, media):
        """The original of all copies: made, and used once for each medium, which shows that the oracle is right about it."""
        s = cls(work / "original")
        done = run(BIN / "lazaret", "init", s.at, "--db", make_databases(work / "db"))
        if done.returncode:
            raise RuntimeError(done.stderr)
        with open(s.at / "lazaret.yaml", "a", encoding="utf-8") as f:
            f.write("staging:\n  min-free: 1MiB\n")  # power.py's disks are small
        for medium in media:
            done = s.inspect(medium)
            wrong = [f"exit status {done.returncode}: {done.stderr}"] if done.returncode != 1 else s.problems()
            for transfer in s.staged():
                wrong += s.refused(transfer, medium) if not wrong else []
            if wrong:
                raise RuntimeError("an undisturbed inspection: " + "; ".join(wrong))
        return s

    def copy(self, at):
        shutil.copytree(self.at, at, symlinks=True, copy_function=shutil.copy2)
        for path in [self.at, *self.at.rglob("*")]:  # of whom it is matters: the roles have accounts
            st, there = path.lstat(), at / path.relative_to(self.at)
            os.chown(there, st.st_uid, st.st_gid, follow_symlinks=False)
        return Station(at)

    def command(self, medium):
        return [str(BIN / "lazaret"), "-C", str(self.at), "inspect", str(medium.image)]

    def inspect(self, medium):
        return run(*self.command(medium))

    def traced(self, medium, *options):
        """An inspection under the tracer: what the tracer says of it, with what the inspection said."""
        summary = self.at.with_suffix(".summary")
        done = run(TRACER, "-o", summary, "-t", PATIENCE, *options, "--", *self.command(medium))
        if done.returncode:
            raise RuntimeError(f"tracer: {done.stderr}")
        told = json.loads(summary.read_text())
        summary.unlink()
        return {**told, "text": done.stdout + done.stderr}

    def staged(self):
        return sorted(p.name for p in (self.at / "staging").iterdir() if not p.name.startswith("."))

    def newest(self):
        return max(self.staged())

    def reports(self):
        return {p.stem: p.read_bytes() for p in (self.at / "reports").iterdir() if not p.name.startswith(".")}

    # -- oracle ---------------------------------------------------------------------------------------------------

    def unfit(self):
        """What of staging is not whole, not verifiable, or not what an undisturbed inspection approves. At any instant."""
        wrong, names = [], self.staged()
        if names:
            done = run(BIN / "lazaret-verify", "--key", self.at / "keys" / "manifest.pub", *(self.at / "staging" / n for n in names))
            if done.returncode:
                wrong.append("lazaret-verify: " + done.stdout + done.stderr)
        for name in names:
            files = self.at / "staging" / name / "files"
            for path in files.rglob("*"):
                if path.is_file() and (str(path.relative_to(files)), digest(path)) not in Medium.approved:
                    wrong.append(f"{name} has {path.relative_to(files)}, which must not pass")
        return wrong

    def refused(self, transfer, medium):
        """Of a published transfer: what it lacks without a reason."""
        report = json.loads((self.at / "staging" / transfer / "manifest.json").read_text())
        listed = {f["path"]: f for f in report["files"]}
        wrong = []
        if set(listed) != medium.files and all(v["outcome"] == "read" for v in report["medium"]["volumes"]):
            wrong.append(f"{transfer} tells of {sorted(listed)}, and that all was read")
        for path, f in listed.items():
            is_there = (self.at / "staging" / transfer / "files" / path).exists()
            if is_there != (f["verdict"] == "approved") or (not is_there and not f["reasons"]):
                wrong.append(f"{transfer}: {path} is {f['verdict']} for {f['reasons']}, and {'' if is_there else 'not '}there")
        return wrong

    def disturbed(self, told, known, medium):
        """What is wrong with a disturbed inspection, of which the tracer tells, and with what it left in staging."""
        wrong, new, text = self.unfit(), sorted(set(self.staged()) - known), told["text"]
        if told["timed_out"]:
            wrong.append(f"hangs: {told['left_behind']}")
        elif told["left_behind"]:
            wrong.append(f"leaves processes: {told['left_behind']}")
        if told["signal"] == 9 and not told["timed_out"]:
            return wrong  # whoever would say something was killed
        if told["exit"] not in (1, 2) and not (told["exit"] == 127 and not new):
            wrong.append(f"exit status {told['exit']}, signal {told['signal']}: {text}")
        if told["exit"] == 2 and not any(line.strip() and line.split()[0] not in ORDINARY for line in text.splitlines()):
            wrong.append(f"no reason: {text}")
        if told["exit"] == 2 and new and "is in staging, but" not in text and "lazaretd could not be run, or was killed" not in text:
            wrong.append(f"says that nothing was published, and {new} is in staging: {text}")
        if told["exit"] == 1 and not new and not any(t not in known for t in self.reports()):
            wrong.append(f"concluded, without report: {text}")
        for transfer in new:
            wrong += self.refused(transfer, medium)
        return wrong

    def problems(self):
        """What is wrong with a station that has recovered: staging, trail, line of reports, spool."""
        wrong = []
        done = run(BIN / "lazaret", "-C", self.at, "audit", "verify")
        if done.returncode:
            wrong.append("audit verify: " + done.stdout + done.stderr)
        records = [json.loads(line) for line in self.trail() if line.startswith("{")]
        reports = self.reports()
        of = {k: json.loads(v) for k, v in reports.items()}
        begun = {r["body"]["transfer"] for r in records if r["type"] == "inspection-started"}
        told = [r["body"]["transfer"] for r in records if r["type"] == "report"]
        previous = [r["previous"] for r in of.values()]
        sums = {hashlib.sha256(v).hexdigest() for v in reports.values()}
        if begun - set(reports):
            wrong.append(f"begun, without report: {sorted(begun - set(reports))}")
        if sorted(told) != sorted(reports):
            wrong.append(f"recorded {sorted(told)}, kept {sorted(reports)}")
        if len(set(previous)) != len(previous) or any(p and p not in sums for p in previous):
            wrong.append(f"the line of reports has a fork: {previous}")
        published = {k for k, r in of.items() if r["outcome"] == "published"}
        if published != set(self.staged()):
            wrong.append(f"published {sorted(published)}, in staging {self.staged()}")
        wrong += [f"left in {d}: {p.name}" for d in ("staging", "reports") for p in (self.at / d).iterdir() if p.name.startswith(".")]
        wrong += [f"left in the spool: {p.name}" for p in (self.at / "spool").iterdir()]
        return wrong

    def trail(self):
        return (self.at / "audit" / "audit.jsonl").read_text(errors="replace").splitlines()

    def recover(self, medium):
        """The next inspection, and what is wrong after it."""
        known = set(self.staged())
        done = self.inspect(medium)
        if done.returncode != 1 or len(set(self.staged()) - known) != 1:
            return [f"the next inspection: exit status {done.returncode}: {done.stdout}{done.stderr}"]
        # A directory that has no note yet is perhaps another's, which has just begun: it goes when it is a minute old.
        young = [p for p in (self.at / "spool").iterdir() if not (p / "inspection.json").exists()]
        for p in young:
            os.utime(p, (time.time() - 3600,) * 2)
        if young:
            self.inspect(medium)
        wrong = self.unfit()
        new = sorted(set(self.staged()) - known)
        for transfer in new:
            wrong += self.refused(transfer, medium)
        missing = [path for path in medium.good if not (self.at / "staging" / new[0] / "files" / path).exists()]
        return wrong + ([f"the next inspection did not approve {missing}"] if missing else []) + self.problems()


def leaks(work):
    """Loop devices and mounts of ours that nobody took away."""
    loops = [line for line in run("losetup", "--list", "--noheadings", "--output", "BACK-FILE").stdout.splitlines() if str(work) in line]
    mounts = [line for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines() if str(work) in line]
    return ["loop device of " + line for line in loops] + ["mount: " + line for line in mounts]
