# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""What the tests of deep inspection share: a station, one inspection of a directory, and what its report says."""
import json
import os
import pathlib
import subprocess

from tap import BUILD, make_databases

# Whatever is refused under this, a check has refused.
EVERYTHING = """format: lazaret.rules/1
title: everything
rules:
  - name: everything
    match:
      type: "*/*"
    verdict: approve
    why: Only the checks decide.
"""


class Report:
    def __init__(self, status, out, err):
        self.status, self.err = status, err.decode(errors="replace")
        try:
            self.json = json.loads(out)
        except ValueError:
            self.json = {"files": [], "outcome": "no report"}
        self.files = {f["path"]: f for f in self.json["files"]}

    def verdict(self, path):
        return self.files[path]["verdict"] if path in self.files else "absent"

    def reasons(self, path):
        """[(code, member, detail)]"""
        return [(r["code"], r["member"], r["detail"]) for r in self.files[path]["reasons"]] if path in self.files else []

    def codes(self, path):
        return sorted({code for code, _, _ in self.reasons(path)})

    def says(self, path, code, member=None, words=""):
        return any(c == code and (member is None or m == member) and words in (d or "") for c, m, d in self.reasons(path))

    def shown(self, *paths):
        lines = ["status %s, outcome %s" % (self.status, self.json["outcome"])]
        for p in paths or list(self.files)[:20]:
            lines.append("%s: %s by %s" % (p, self.verdict(p), self.files[p]["rule"] if p in self.files else "-"))
            lines += ["    %s @%s: %s" % r for r in self.reasons(p)]
        return "\n".join(lines + ([] if self.files else [self.err[-1500:]]))


class Station:
    """`rules`: text, or None for those of the profile. `config`: further sections of lazaret.yaml."""

    def __init__(self, work, name, profile="documents", rules=EVERYTHING, config=""):
        self.at, self.work, self.number = pathlib.Path(work) / name, pathlib.Path(work), 0
        db = make_databases(self.work / "db")
        subprocess.run([BUILD / "bin" / "lazaret", "init", self.at, "--db", db, "--profile", profile], check=True,
                       stdout=subprocess.DEVNULL)
        if rules is not None:
            (self.at / "rules.yaml").write_text(rules)
        self.plain = (self.at / "lazaret.yaml").read_text()
        self.configure(config)

    def configure(self, config):
        (self.at / "lazaret.yaml").write_text(self.plain + "\n" + config)

    def lazaret(self, *args, timeout=600):
        return subprocess.run([BUILD / "bin" / "lazaret", "-C", self.at, *args], stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=timeout)

    def medium(self, files):
        """A directory with {path: bytes}."""
        self.number += 1
        top = self.work / ("%s-medium-%d" % (self.at.name, self.number))
        for path, data in files.items():
            (top / path).parent.mkdir(parents=True, exist_ok=True)
            (top / path).write_bytes(data)
        os.chmod(top, 0o755)
        return top

    def inspect(self, source, timeout=600):
        """`source`: {path: bytes}, or a path."""
        r = self.lazaret("inspect", "--json", self.medium(source) if isinstance(source, dict) else source, timeout=timeout)
        return Report(r.returncode, r.stdout, r.stderr)

    def begin(self, source):
        """As inspect(), without waiting for it: finish() gives the report."""
        self.out = open(self.work / (self.at.name + ".out"), "w+b")
        self.err = open(self.work / (self.at.name + ".err"), "w+b")
        self.process = subprocess.Popen([BUILD / "bin" / "lazaret", "-C", self.at, "inspect", "--json",
                                         self.medium(source) if isinstance(source, dict) else source],
                                        stdin=subprocess.DEVNULL, stdout=self.out, stderr=self.err, start_new_session=True)
        return self.process

    def finish(self, timeout=600):
        self.process.wait(timeout)
        for f in (self.out, self.err):
            f.seek(0)
        return Report(self.process.returncode, self.out.read(), self.err.read())

    def spool(self):
        return sorted(p.name for p in (self.at / "spool").iterdir())

    def spooled(self):
        """Bytes on disk in the spool at this moment."""
        total = 0
        for base, _, names in os.walk(self.at / "spool"):
            for name in names:
                try:
                    total += os.lstat(os.path.join(base, name)).st_blocks * 512
                except OSError:
                    pass  # gone meanwhile
        return total


def descendants(pid):
    """[(pid, name of the program, pid of the parent)] of all that a process has started and they in turn; dead ones are left out."""
    parents = {}
    for p in os.listdir("/proc"):
        if p.isdigit():
            try:
                with open("/proc/%s/stat" % p, encoding="utf-8", errors="replace") as f:
                    text = f.read()
            except OSError:
                continue
            end = text.rindex(")")
            state, parent = text[end + 2:].split()[:2]
            if state != "Z":
                parents[int(p)] = (int(parent), text[text.index("(") + 1:end])
    found, known = [], {pid}
    while True:
        more = [(p, name, parent) for p, (parent, name) in parents.items() if parent in known and p not in known]
        if not more:
            return found
        found += more
        known |= {p for p, _, _ in more}


def is_confined(pid):
    try:
        return "\nSeccomp:\t2\n" in pathlib.Path("/proc/%d/status" % pid).read_text()
    except OSError:
        return False


def fork_server(pid, program):
    """(its pid or None, the pids of its children), of a descendant. What it forks while it makes its sandbox is none of these."""
    def of_program():
        return [(p, parent) for p, name, parent in descendants(pid) if name == program[:15]]
    found = of_program()
    server = next((p for p, parent in found if parent not in {q for q, _ in found}), None)
    return server, [p for p, parent in of_program() if parent == server] if server and is_confined(server) else []
