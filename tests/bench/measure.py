# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""What the figures of the bench (figures/*.py) share: samples in turn, medians and ranges, what a ratio is, what machine this is.

A figure is a module with

    TITLE        one line: what is compared with what
    PARAMETERS   name -> Parameter: each becomes an option of tests/bench/run; figures may share one
    Figure       Figure(work, p) makes its corpora beneath `work`, `p` has the parameters as attributes, and then has
                   contestants   name -> Contestant: ours and the peers, in the order in which each run measures them
                   corpus        what the corpora are, for the record: a dict for JSON
                   notes         sentences that a reader of the numbers has to know
                   curves        (after ratios; may be missing) [{"x": what, "points": [{"x": how much, "s": seconds, "mib": memory, of each run}]}]
                   ratios(s)     a list of Ratio; s: name -> samples, of which the n-th are all of the same run

Whatever a contestant was to do and did not raises Broken: a run that failed early is no fast run.
"""
import dataclasses
import datetime
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import time
from typing import Callable

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from tap import BUILD, ROOT  # noqa: E402


class Broken(Exception):
    """In words, why there is nothing to compare."""


@dataclasses.dataclass
class Parameter:
    full: object
    quick: object
    words: str
    kind: Callable = int


@dataclasses.dataclass
class Contestant:
    command: str  # what a reader would type
    measure: Callable[[], float]  # one run, in `unit`
    words: str
    unit: str = "s"


@dataclasses.dataclass
class Ratio:
    name: str
    values: list  # one a run
    reach: float = None  # at most this; None: only told
    is_judged: bool = False  # is it meaningful at this size? Only then does it fail the bench
    broken: float = None  # in quick mode: above it something has become worse by far more than machines differ, and the bench fails
    computed: str = ""  # how, when it was not measured as it stands
    why: str = ""  # why it is not judged

    @property
    def is_reached(self):
        return self.reach is None or statistics.median(self.values) <= self.reach

    @property
    def is_broken(self):
        return self.broken is not None and statistics.median(self.values) > self.broken


def spread(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def alternate(contestants, runs, tell=lambda words: None):
    """Each contestant once a run, in turn: what else the machine does meets all of them. Samples by name."""
    samples = {name: [] for name in contestants}
    for n in range(runs):
        for name, c in contestants.items():
            samples[name].append(c.measure())
            tell("run %d of %d: %s %.3f %s" % (n + 1, runs, name, samples[name][-1], c.unit))
    return samples


def timed(argv, **kw):
    """Seconds that a command takes to succeed."""
    before = time.monotonic()
    done = subprocess.run(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False, **kw)
    seconds = time.monotonic() - before
    if done.returncode != 0:
        raise Broken("%s: exit status %d: %s" % (argv[0], done.returncode, done.stderr.strip()[-500:]))
    return seconds


# -- the record ----------------------------------------------------------------------------------------------------

def first_line(*argv):
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    except OSError:
        return ""
    return done.stdout.strip().split("\n")[0] if done.returncode == 0 else ""


def _field(path, key, separator):
    try:
        for line in pathlib.Path(path).read_text().splitlines():
            if line.startswith(key):
                return line.split(separator, 1)[1].strip().strip('"')
    except OSError:
        pass
    return ""


def machine():
    flags = _field("/proc/cpuinfo", "flags", ":").split()
    return {"processor": _field("/proc/cpuinfo", "model name", ":") or platform.machine(), "cores": os.cpu_count(),
            "sha_instructions": "sha_ni" in flags, "virtual": "hypervisor" in flags,
            "memory_kib": int((_field("/proc/meminfo", "MemTotal", ":") or "0").split()[0]),
            "kernel": platform.release(), "system": _field("/etc/os-release", "PRETTY_NAME", "="),
            "is_root": os.geteuid() == 0}


def busy(seconds=2):
    """Processor cores that are in use now, also by other machines on the same host (steal): proc(5), /proc/stat."""
    def used():
        fields = [int(x) for x in pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
        return sum(fields) - fields[3] - fields[4]  # idle, iowait

    before = used()
    time.sleep(seconds)
    return (used() - before) / os.sysconf("SC_CLK_TCK") / seconds


def versions():
    commit = first_line("git", "-C", ROOT, "rev-parse", "HEAD")
    changed = bool(commit) and bool(first_line("git", "-C", ROOT, "status", "--porcelain", "--untracked-files=no"))
    return {"lazaret": first_line(BUILD / "bin" / "lazaret", "--version"), "commit": commit, "changed_since": changed,
            "sha256sum": first_line("sha256sum", "--version"), "openssl": first_line("openssl", "version"), "clamscan": first_line("clamscan", "--version")}


def record(name, module, figure, p, runs, samples, ratios, command, load_before):
    """What build/bench/NAME.json has."""
    return {
        "format": "lazaret.bench/1", "figure": name, "title": module.TITLE, "command": command,
        "time": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "machine": machine(), "versions": versions(), "load": {"before": load_before, "after": busy()},
        "parameters": {k: str(v) if isinstance(v, pathlib.Path) else v for k, v in vars(p).items()}, "runs": runs,
        "corpus": figure.corpus,
        "measured": [{"name": k, "words": c.words, "command": c.command, "unit": c.unit, "samples": samples[k], **spread(samples[k])}
                     for k, c in figure.contestants.items()],
        "ratios": [{"name": r.name, "samples": r.values, **spread(r.values), "reach": r.reach, "judged": r.is_judged,
                    "reached": r.is_reached if r.reach is not None else None, "broken_above": r.broken, "broken": r.is_broken, "computed": r.computed or None,
                    "why_not_judged": r.why or None} for r in ratios],
        "curves": getattr(figure, "curves", None), "notes": figure.notes,
    }


def is_disturbed(data):
    """Did others use the machine when the first run began?"""
    return data["load"]["before"] > data["machine"]["cores"] / 4


def table(data):
    """The record, for a person."""
    m, load = data["machine"], data["load"]
    lines = ["%s: %s" % (data["figure"], data["title"]),
             "  %s; %s, %d cores, %d MiB%s; %s" % (m["system"], m["processor"], m["cores"], m["memory_kib"] // 1024,
                                                   ", virtual" if m["virtual"] else "", data["versions"]["lazaret"]),
             "  %s" % data["command"], "",
             "  %-72s %10s  %s" % ("seconds, %d runs" % data["runs"], "median", "range")]
    for s in data["measured"]:
        lines.append("  %-72s %10.3f  %.3f-%.3f %s" % (s["words"], s["median"], s["min"], s["max"], s["unit"]))
    lines += ["", "  %-72s %10s  %-15s %s" % ("ratio", "median", "range", "to reach")]
    for r in data["ratios"]:
        reach = "" if r["reach"] is None else "<= %g: %s" % (r["reach"], "not judged" if not r["judged"] else
                                                             "reached" if r["reached"] else "NOT REACHED")
        if r["broken"]:
            reach += " BROKEN: above %g" % r["broken_above"]
        lines.append("  %-72s %10.3f  %-15s %s" % (r["name"], r["median"], "%.3f-%.3f" % (r["min"], r["max"]), reach))
        lines += ["    %s: %s" % (words, r[k]) for k, words in (("computed", "computed"), ("why_not_judged", "not judged")) if r[k]]
    lines += [""] + ["  " + note for note in data["notes"]]
    if is_disturbed(data):
        lines.append("  Others used this machine (%.1f cores before the first run): do not quote these numbers." % load["before"])
    return "\n".join(lines)
