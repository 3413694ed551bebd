# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""Media put in and taken out, thousands of times, with one daemon: at the end, in the middle, or cancelled. Nothing may pile up:
processes, descriptors, memory, mounts, loop devices, what lies in the spool.

The events are the kernel's, the media loop devices. These cannot be torn out of a reader's hands: taken out in the middle, they go when
nobody holds them any more. For the other kind there is tests/system."""
import collections
import contextlib
import pathlib
import random
import shutil
import subprocess
import time

import control
import station
import victim

Point = collections.namedtuple("Point", "role option label")
CYCLES, BATCH, GROWTH_KB = 10000, 25, 8192


class Daemon:
    """A station that runs; what it held after the first batch is what it may hold after each."""

    def __init__(self, bench):
        self.rng, self.cycles, self.ended, self.first, self.last = random.Random(bench.seed), 0, collections.Counter(), None, None
        self.work = bench.work
        self.station = station.Station(bench.work, "cycles")
        self.station.configure("staging:\n  min-free: 1MiB\n")
        self.station.start().ready()
        self.stick = station.Stick(bench.work, "cycles-stick", {f"{k}.txt": b"line %d\n" % k for k in range(40)})

    def family(self):
        """The daemon and what it started, by program and process."""
        parents = {}
        for p in pathlib.Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                name, rest = p.read_text().rsplit(") ", 1)
                parents[int(p.parent.name)] = (int(rest.split()[1]), name.split("(", 1)[1])
        family, grown = {self.station.process.pid}, True
        while grown:
            more = {pid for pid, (parent, _) in parents.items() if parent in family} - family
            grown = bool(more)
            family |= more
        return sorted((parents[pid][1], pid) for pid in family if pid in parents)

    def footprint(self):
        held = {}
        for name, pid in self.family():
            with contextlib.suppress(OSError):
                status = pathlib.Path(f"/proc/{pid}/status").read_text()
                rss = next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:")), 0)
                held[f"{name} {pid}"] = (len(list(pathlib.Path(f"/proc/{pid}/fd").iterdir())), rss)
        return held

    def cycle(self):
        """One medium; how its stay ended."""
        client, how = self.station.client, self.rng.choice(["done", "early", "cancelled"])
        known = max([*client.gone, *client.media, 0])
        self.stick.plug()
        number = client.wait_medium(lambda m: m["medium"] > known)["medium"]
        if how == "done":
            client.wait_state(number, "done")
        else:
            time.sleep(self.rng.uniform(0, 0.4))
        if how == "cancelled":
            with contextlib.suppress(control.Refused):
                client.ask("cancel", medium=number)
        self.stick.pull()
        client.wait_for(lambda c: number in c.gone or (c.media[number]["state"] == "done" and not c.media[number]["present"]), 120)
        outcome = client.media[number]["outcome"] if number in client.media else "queued"
        if number in client.media:
            client.ask("dismiss", medium=number)
            client.wait_for(lambda c: number in c.gone)
        client.seen.clear()
        self.cycles += 1
        self.ended[outcome] += 1
        return how, outcome

    def settled(self):
        """What is held when nothing is going on any more."""
        held = self.footprint()
        for _ in range(100):
            if self.first and set(held) == set(self.first):
                break
            time.sleep(0.1)
            held = self.footprint()
        return held

    def imported(self):
        """What an importer does: verify, and take away."""
        paths = [self.station.at / "staging" / name for name in self.station.staged()]
        done = victim.run(victim.BIN / "lazaret-verify", "--key", self.station.at / "keys" / "manifest.pub", *paths) if paths else None
        for path in paths:
            subprocess.run(["chmod", "-R", "u+w", path], check=True)
            shutil.rmtree(path)
        return ["lazaret-verify: " + done.stdout + done.stderr] if done and done.returncode else []

    def compare(self, held):
        if self.first is None:
            self.first = held
        self.last = held
        wrong = [f"processes {sorted(held)}, at first {sorted(self.first)}"] if set(held) != set(self.first) else []
        for name in set(held) & set(self.first):
            (fds, rss), (fds_then, rss_then) = held[name], self.first[name]
            if fds > fds_then:
                wrong.append(f"{name} has {fds} descriptors, at first {fds_then}")
            if rss > rss_then + GROWTH_KB:
                wrong.append(f"{name} has {rss} KiB, at first {rss_then}")
        wrong += [f"left in the spool: {name}" for name in self.station.spooled()] + victim.leaks(self.work / "cycles-stick.img")
        return wrong

    def done(self):
        self.stick.pull()
        status = self.station.stop()
        return [] if status == 0 else [f"the daemon ended with {status}: {self.station.log.read_text()[-2000:]}"]


def points(bench):
    """Batches; the first warms up."""
    return [Point("lazaretd", (k,), f"{BATCH} media, batch {k}") for k in range(CYCLES // BATCH)]


def attempt(bench, at, point):
    if not bench.daemon:
        bench.daemon = Daemon(bench)
    d, wrong = bench.daemon, []
    for _ in range(BATCH):
        how, outcome = d.cycle()
        if outcome not in ("published", "aborted", "queued") or (how == "done" and outcome != "published"):
            wrong.append(f"taken out {how}: {outcome}")
    wrong += d.imported() + d.compare(d.settled())
    verified = d.station.run("audit", "verify")
    if verified.returncode:
        wrong.append("audit verify: " + verified.stdout + verified.stderr)
    bench.measured = {"cycles": d.cycles, "ended": dict(sorted(d.ended.items())),
                      "descriptors": [sum(fds for fds, _ in held.values()) for held in (d.first, d.last)],
                      "processes": [len(d.first), len(d.last)], "rss_kib": [sum(rss for _, rss in held.values()) for held in (d.first, d.last)]}
    return "tried", wrong


def finish(bench):
    if not bench.daemon:
        return []
    wrong, bench.daemon = bench.daemon.done(), None
    return wrong
