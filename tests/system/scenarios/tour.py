# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""One insertion from the stick to the verified transfer. docs/tour.md is its record: LAZARET_TOUR=write writes it; otherwise
the walk has to look as that page says, but for times, numbers and names that are new each time."""
import os
import pathlib
import re
import shlex
import textwrap

from system.lib.scenario import scenario
from system.lib.snapshot import STATION

PAGE = pathlib.Path(__file__).resolve().parents[3] / "docs" / "tour.md"
BYTES_PER_S = 1_000_000

HEAD = """# A tour

One insertion, from a memory stick to a transfer that was verified. This page is a record, not a drawing: it was written by

```
LAZARET_TOUR=write tests/system/run -k tour
```

which installs the package on a Debian in a virtual machine, plugs in an emulated stick, presses keys on its keyboard, and copies
what the kernel has on the first screen (tests/system). `make check-system` walks it again and compares. The stick carries
drawings, notes, and the harmless EICAR test file, which every virus scanner recognises.
"""


class Walk:
    """What happened, as text: sections of words and of what a terminal showed."""

    def __init__(self, s):
        self.s, self.parts = s, [HEAD]

    def say(self, *paragraphs):
        self.parts += [textwrap.fill(p, 130) + "\n" for p in paragraphs]

    def shown(self, text):
        self.parts.append("```text\n%s\n```\n" % text.strip("\n"))

    def screen(self, *pieces):
        self.shown(squeezed(self.s.wait_screen(*pieces).text()))

    def ran(self, *command):
        done = self.s.agent.run(*command, timeout=120)
        self.shown("# %s\n%s" % (shlex.join(command), (done.out + done.err).rstrip()))

    def page(self):
        return "\n".join(self.parts)


def squeezed(text):
    """Where nothing stands, one line is enough."""
    return re.sub(r"\n{3,}", "\n\n", text)


def structure(page):
    """Without what is new each time: names, numbers, bars; of lines about progress only what they are about."""
    lines = []
    for line in page.splitlines():
        line = re.sub(r"^( ?)(Read|Examined|In all|Speed|Virus database|Free space)  .*", r"\1\2", line)
        if re.match(r" (In all|Speed)$", line):
            continue  # there once it is known
        line = re.sub(r"\d{8}T\d{6}Z-[0-9a-f]{6}", "TRANSFER", line)
        line = re.sub(r"\b[0-9a-fA-F]{16,}\b|RW[0-9A-Za-z+/=]{50,}", "HEX", line)
        line = re.sub(r"[\d,.]*\d", "0", line)
        lines.append(re.sub(r"  +|-{3,}", "  ", line).rstrip())
    return lines


def compare(s, walked):
    s.check(PAGE.exists(), "there is no docs/tour.md: LAZARET_TOUR=write tests/system/run -k tour")
    want, got = structure(PAGE.read_text(encoding="utf-8")), structure(walked)
    for number, (a, b) in enumerate(zip(want + [None] * (len(got) - len(want)), got + [None] * (len(want) - len(got))), 1):
        s.equal(b, a, "docs/tour.md is not what the station does any more; line %d of its structure" % number)


@scenario
def walk(s):
    """from the stick to the verified transfer; docs/tour.md"""
    s.agent.run("stty", "-F", "/dev/tty1", "cols", "80", "rows", "24")
    s.until(lambda: s.agent.screen().columns == 80, 30, "80 columns")
    w = Walk(s)
    w.say("## Idle", "The station waits. Nobody has logged in, and nobody can.")
    w.screen("READY. PLUG IN A MEDIUM.", "m Menu")

    w.say("## A stick is plugged in", "*The operator plugs in the stick, and presses nothing.* The station has read what the device says of itself "
          "while it was still switched off, has found just one mass-storage interface, switched it on, set it read-only, and reads:")
    image = s.media.get("tour")
    stick = s.vm.plug_stick(image, serial="4C530001230607117122", bytes_per_second=BYTES_PER_S)
    s.wait_medium(lambda m: m["progress"]["files_read"] >= 2 and not m["removable"], 120, "the first files")
    w.screen("Reading the files", "LEAVE THE MEDIUM IN.", "Receipt", "Read       [")

    w.say("## The result", "All has been read and examined; what the rules allow was transferred. One file was not.")
    medium = s.finished()
    report = s.report(medium)
    s.inspected(report, image, ["kernel:vfat"])
    w.screen("FILES WERE TRANSFERRED", "game.com", "You may remove the medium now.")
    s.picture("tour-result")
    w.say("*The operator presses `d`:* what is known of that file.")
    s.vm.press("d")
    w.screen("malware", "Found")
    w.say("*Esc, then Enter: seen. The stick is still in:*")
    s.vm.press("esc")
    s.wait_screen("FILES WERE TRANSFERRED")
    s.vm.press("ret")
    w.screen("! Take out:")
    w.say("*The operator takes it out.* The station is ready for the next one, and remembers this one.")
    stick.unplug()
    s.until(lambda: "Take out" not in s.agent.screen(), 60, "the stick to be forgotten")
    w.screen("READY. PLUG IN A MEDIUM.", medium["transfer"])

    staging = "%s/staging/%s" % (STATION, medium["transfer"])
    w.say("## What was transferred", "It stands in staging, complete from the first moment that it can be seen: one rename put it there. "
          "Beneath files/ is the tree of the medium, without what was refused.")
    w.ran("sh", "-c", "cd %s && find . -type f | LC_ALL=C sort" % staging)
    w.say("## Whoever fetches it", "checks it with the public key of the station, on another machine, with a program that needs nothing else:")
    w.ran("lazaret-verify", "--key", STATION + "/keys/manifest.pub", staging)
    w.say("## Whoever asks later", "finds it in the history, and in an audit trail in which each record carries the hash of the one before.")
    w.ran("lazaret", "-C", STATION, "history")
    w.ran("lazaret", "-C", STATION, "audit", "verify")
    w.say("The stick is as it was: its SHA-256 before and after is the same, and the kernel counted %d sectors written." % report["medium"]["sectors_written"])
    s.nothing_left()
    if os.environ.get("LAZARET_TOUR") == "write":
        PAGE.write_text(w.page(), encoding="utf-8")
    else:
        compare(s, w.page())
