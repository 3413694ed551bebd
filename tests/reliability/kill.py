# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""kill -9 of one process, or of all, when it is about to make its Nth system call. What was written is all there: for what a power cut
takes away see power.py."""
import collections
import random

Point = collections.namedtuple("Point", "role option label")


def calls(log):
    """Of a log of the tracer: (process, call's number, phase, name)."""
    for line in log.read_text(errors="replace").splitlines():
        process, number, phase, name = line.split("\t")[:4]
        yield process, int(number), int(phase), name


def role_of(process):
    return process.rsplit(".", 1)[0]


def points(bench):
    """Each process at each of its calls, and all at each call of each; not those of the loader before main(), but for one."""
    seen, loading = [], set()
    for process, number, phase, name in calls(bench.log):
        if phase == 0 and process in loading:
            continue
        if phase == 0:
            loading.add(process)
        seen += [Point(role_of(process), ["-k", f"{process}/{number}"], f"kill {process} at call {number}, {name}"),
                 Point("all", ["-K", f"{process}/{number}"], f"kill all at call {number} of {process}, {name}")]
    return seen


def points_large(bench):
    """All, at 1,000 random instants of an inspection of some hundred files."""
    rng = random.Random(bench.seed)
    return [Point("all", ["-K", f"all/{n}"], f"kill all at call {n} of the large transfer") for n in
            sorted(rng.sample(range(1, bench.large_calls), min(1000, bench.large_calls - 1)))]


def attempt(bench, at, point, medium):
    s = bench.original.copy(at)
    known = set(s.staged())
    told = s.traced(medium, *point.option)
    if not told["fired"]:
        return "missed", []
    return "tried", s.disturbed(told, known, medium) + s.recover(medium)


def small(bench, at, point):
    return attempt(bench, at, point, bench.small)


def large(bench, at, point):
    return attempt(bench, at, point, bench.large)
