# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""What the console does: what it asks of the station, what it keeps, how it ends."""
import os
import pathlib
import random
import re
import signal
import subprocess
import termios

from tap import ok, skip
from terminal import HERE, IS_SANITIZED, PROGRAM, ROOT, objects


def medium(name, **changes):
    return {**objects("medium-" + name), **changes}


class Many:
    """A million files, made as they are asked for."""

    def __len__(self):
        return 1000000

    def __getitem__(self, index):
        return {"index": index, "path": f"data/{index // 1000:04}/measurement-{index:07}.csv", "size": index,
                "verdict": "blocked", "code": "type-denied"}


# -- intents ------------------------------------------------------------------------------------------------

def test_dismiss(t):
    t.station.files = objects("files")
    t.station.tell(medium("result"))
    c = t.console()
    c.shows("9 OF 12")
    c.press("enter")
    ok(c.shows("READY. PLUG IN A MEDIUM.") and c.pump(lambda: [r["medium"] for r in t.station.asked("dismiss")] == [1], ""),
       "Enter on a result: seen, once", t.station.requests)
    ok(c.shows("! Take out: SanDisk Ultra"), "and the medium should be taken out")
    t.station.tell({"event": "medium-gone", "medium": 1})
    ok(c.pump(lambda: "Take out" not in c.text(), "") and "READY" in c.text(), "it was")
    t.station.tell(medium("result", medium=2))
    c.shows("9 OF 12")
    t.station.silent.add("dismiss")
    c.press("enter")
    c.shows("READY")
    t.station.tell(medium("result", medium=2, found=3))  # was under way
    c.quiet()
    ok("READY" in c.text(), "what was under way does not bring it back")
    t.station.silent.clear()
    t.station.tell(medium("result", medium=3))
    c.shows("9 OF 12")
    t.station.refuse["dismiss"] = "too-many"
    c.press("enter")
    ok(c.pump(lambda: len(t.station.asked("watch")) == 2, "") and c.shows("9 OF 12"), "a refusal brings it back")


def test_stays(t):
    t.station.files = objects("files")
    t.station.tell(medium("result"))
    c = t.console()
    c.shows("9 OF 12")
    t.station.tell(medium("result", present=False))
    c.press("x", "esc", "erase")
    c.quiet()
    ok("9 OF 12" in c.text() and not t.station.asked("dismiss"), "a result stays when the medium is taken out, and other keys are pressed")


def test_cancel(t):
    t.station.tell(medium("reading"))
    c = t.console()
    c.shows("LEAVE THE MEDIUM IN.")
    c.press("c")
    c.shows("Stop this inspection?")
    c.press("esc")
    ok(c.pump(lambda: "Stop this inspection?" not in c.text(), "") and not t.station.asked("cancel"), "cancel: Esc goes on")
    c.press("c", "c")
    ok(c.pump(lambda: t.station.asked("cancel"), "") and t.station.asked("cancel")[0]["medium"] == 1, "cancel: the key twice stops")


def memory_holds(pid, needle):
    """Is it anywhere in the writable memory of a process?"""
    with open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines():
            span, mode = line.split()[:2]
            if "w" not in mode or "[v" in line:
                continue
            start, end = (int(x, 16) for x in span.split("-"))
            try:
                memory.seek(start)
                if needle in memory.read(end - start):
                    return True
            except OSError:
                continue
    return False


def test_unlock(t):
    secret = "korrekt Pferd 7391 é"
    t.station.tell(medium("locked"))
    c = t.console()
    c.shows("THIS MEDIUM IS ENCRYPTED.")
    can_look = os.getuid() == 0 and not IS_SANITIZED
    if can_look:
        c.press(secret)
        c.shows("*" * len(secret))
        ok(memory_holds(c.inner(), secret.encode()), "a passphrase that is being typed can be found (the next test would notice)")
        c.press("\x15")
        c.shows("Passphrase")
    c.press(secret, "x", "erase", "enter")
    ok(c.pump(lambda: t.station.asked("unlock"), ""), "a passphrase is sent")
    request = t.station.asked("unlock")[0]
    ok((request["medium"], request["volume"], request["passphrase"]) == (1, 1, secret), "as it was typed", request)
    ok(secret.encode() not in c.raw and b"Pferd" not in c.raw, "it was never on the screen")
    t.station.tell(medium("opening"))
    c.shows("Looking at the medium")
    if can_look:
        ok(not memory_holds(c.inner(), secret.encode()) and not memory_holds(c.inner(), b"korrekt Pferd"), "it is nowhere in memory afterwards")
    else:
        skip("passphrase in memory", "only root may look into the console's memory, and a sanitizer keeps what was freed")
    t.station.tell(medium("locked", locked={**medium("locked")["locked"], "left": 2, "wrong": "no"}))
    c.shows("2 TRIES ARE LEFT.")
    c.press("esc")
    c.shows("Leave this volume out")
    c.press("s")
    ok(c.pump(lambda: len(t.station.asked("unlock")) == 2, "") and t.station.asked("unlock")[1].get("skip") is True
       and "passphrase" not in t.station.asked("unlock")[1], "a volume is left out")


def test_identify(t):
    t.station.tell(medium("identify"))
    c = t.console()
    c.shows("WHO BRINGS THIS MEDIUM?")
    c.press("enter")
    ok(c.shows("The station needs a name.") and not t.station.asked("identify"), "no name, no answer")
    c.press("Weberr", "erase", "enter", "update é", "enter")
    c.pump(lambda: t.station.asked("identify"), "")
    ok([(r["operator"], r["reason"]) for r in t.station.asked("identify")] == [("Weber", "update é")], "name and reason", t.station.requests)


def test_attention(t):
    t.station.tell(medium("examining"))
    c = t.console()
    c.shows("YOU MAY REMOVE")
    t.station.tell(medium("locked", medium=2, port="1-3", model="Cruzer"))
    ok(c.shows("THIS MEDIUM IS ENCRYPTED.", "> SanDisk Cruzer"), "a medium that waits for an answer is shown")
    c.press("tab")
    ok(c.shows("> SanDisk Ultra", "YOU MAY REMOVE"), "Tab leads on from a passphrase")


def test_refusal(t):
    t.station.files = objects("files")
    t.station.refuse["eject"] = "not-now"
    t.station.tell(medium("result", kind="optical"))
    c = t.console()
    c.shows("9 OF 12")
    c.press("e")
    ok(c.shows("Not possible now: The drive is being read."), "what the station refuses is said")


def test_refused_device(t):
    device = objects("device-keyboard")
    devices = {**objects("devices"), "usb": objects("devices")["usb"] + [device]}
    c = t.console()
    c.shows("READY")
    t.station.tell({**devices, "refused": device})
    ok(c.shows("A USB DEVICE WAS REFUSED."), "a refused device is shown")
    t.station.tell(objects("devices"))
    ok(c.shows("It has been taken out."), "also after it was taken out")
    t.station.tell({**devices, "refused": device})
    c.pump(lambda: "It has been taken out." not in c.text(), "")
    c.press("enter")
    ok(c.shows("READY"), "until somebody has seen it")
    t.station.tell({**devices, "refused": device, "guard": False})
    c.press("m", "d")
    ok(c.shows("USB devices", "Teensyduino"), "it is still listed")
    c.press("esc", "esc")
    ok(c.shows("READY"), "and not shown again while it stays in")
    t.station.tell(objects("devices"))
    t.station.tell({**devices, "refused": device})
    ok(c.shows("A USB DEVICE WAS REFUSED."), "but when it comes back")
    ok(not t.station.asked("dismiss"), "the station is not bothered with it")


def test_history_pages(t):
    t.station.transfers = [{"transfer": f"20261122T0528{k:02}Z-{k:06x}", "outcome": "published", "started": 1795329000 - 60, "finished": 1795329000,
                            "operator": "", "medium": f"Stick number {k}", "files": 1, "bytes": 1, "approved": 1, "held": 0, "blocked": 0}
                           for k in range(119, -1, -1)]
    for k, transfer in enumerate(t.station.transfers):
        transfer["transfer"] = f"20261122T{600000 - k:06}Z-abcdef"
    c = t.console(columns=132)
    c.shows("READY")
    c.press("m", "h")
    # drawn to its last line: the words above are there before the list that keys move in
    c.shows("page 1", "Stick number 119", "n Older")
    c.press("end")
    c.shows("Stick number 70")
    c.press("down")
    ok(c.shows("page 2", "Stick number 69"), "history: older")
    c.press("n")
    ok(c.shows("page 3", "Stick number 19") and c.pump(lambda: "n Older" not in c.text(), ""), "history: the oldest page")
    c.press("up")
    ok(c.shows("page 2", "Stick number 20"), "history: newer, from its end")


# -- no result and no trouble goes away unseen ---------------------------------------------------------------

def test_taken_out(t):
    t.station.tell(medium("reading"))
    c = t.console()
    c.shows("LEAVE THE MEDIUM IN.")
    t.station.tell({"event": "medium-gone", "medium": 1})
    ok(c.shows("NOTHING WAS TRANSFERRED.", "taken out before it had been read"), "taken out while it was read: told")
    c.press("enter")
    ok(c.shows("READY") and not t.station.asked("dismiss"), "until it was seen")


def test_station_restarts(t):
    c = t.console()
    c.shows("READY")
    t.station.stop()
    ok(c.shows("THE STATION IS NOT RUNNING."), "the station goes: told")
    t.station.start()
    ok(c.shows("READY"), "it comes back: so does the console, by itself")
    t.station.files = objects("files")
    t.station.tell(medium("result"))
    c.shows("9 OF 12")
    t.station.stop()
    t.station.media.clear()
    t.station.start()
    c.pump(lambda: len(t.station.asked("watch")) == 3, "")
    c.press("f")
    ok(c.shows("9 OF 12", "All files 1/12", "office/plan.dwg"), "a result that nobody saw outlives lazaretd, with its files")
    c.press("enter")
    ok(c.shows("READY") and not t.station.asked("dismiss"), "until it was seen")


def test_same_result_once(t):
    t.station.files = objects("files")
    t.station.tell(medium("result"))
    c = t.console()
    c.shows("9 OF 12")
    t.station.stop()
    t.station.media = {7: medium("result", medium=7)}
    t.station.start()
    c.pump(lambda: len(t.station.asked("watch")) == 2, "")
    c.quiet()
    ok("9 OF 12" in c.text() and "Tab Next medium" not in c.text(), "a result that comes again is not there twice", c.text())


def test_two_consoles(t):
    t.station.files = objects("files")
    t.station.tell(medium("result"))
    a, b = t.console(), t.console(columns=40, rows=12)
    a.shows("9 OF 12")
    b.shows("9 OF 12")
    a.press("enter")
    ok(a.shows("READY") and b.shows("READY"), "two consoles: what one has seen, the other need not")


def test_not_permitted(t):
    t.station.turn_away = True
    c = t.console()
    ok(c.shows("THIS ACCOUNT MAY NOT USE THE STATION."), "an account that may not connect is told so")


# -- a million files ----------------------------------------------------------------------------------------

def resident_kib(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1])


def test_million(t):
    t.station.files = Many()
    t.station.tell(medium("result", counts={"files": 1000000, "bytes": 10 ** 12, "approved": 0, "held": 0, "blocked": 1000000}, outcome="refused"))
    c = t.console()
    ok(c.shows("1/1,000,000", "measurement-0000000.csv"), "a million files: the first")
    before = resident_kib(c.inner())
    c.press("end")
    ok(c.shows("1,000,000/1,000,000", "measurement-0999999.csv"), "the last")
    asked = len(t.station.asked("files"))
    ok(asked <= 6, "and little was asked for", asked)
    for _ in range(400):
        c.press("pgup")
    ok(c.pump(lambda: "998,800/1,000,000" in c.text(), ""), "four hundred pages up", c.text())
    c.press("home")
    ok(c.shows("1/1,000,000", "measurement-0000000.csv"), "and home")
    for _ in range(2000):
        c.press("down")
    ok(c.shows("2,001/1,000,000", "measurement-0002000.csv"), "two thousand down", c.text())
    asked = len(t.station.asked("files"))
    ok(asked < 150, "requests are bounded by what was looked at", asked)
    ok(resident_kib(c.inner()) - before < 4096 or IS_SANITIZED, "and memory by what is on the screen", (before, resident_kib(c.inner())))
    t.station.delay_files = True
    c.press("end")
    ok(c.shows("1,000,000/1,000,000"), "keys work while the station is slow")
    c.press("m")
    ok(c.shows("MENU"), "all of them")
    t.station.release()


# -- the terminal -------------------------------------------------------------------------------------------

def restored(c, name):
    c.ends()
    c.quiet(0.05)
    now = termios.tcgetattr(c.slave)
    ok(c.status is not None and now == c.before, f"{name}: the terminal's settings are as before", (c.before, now))
    ok(c.raw.rfind(b"\x1b[?1049l") > c.raw.rfind(b"\x1b[?1049h") and c.raw.rfind(b"\x1b[?25h") > c.raw.rfind(b"\x1b[?25l"),
       f"{name}: the screen is left, the cursor is back", c.raw[-200:])


def test_restored(t):
    ways = {
        "q": lambda c: c.press("q"),
        "control-C": lambda c: c.press("ctrl-c"),
        "SIGTERM": lambda c: os.kill(c.pid, signal.SIGTERM),
        "SIGHUP": lambda c: os.kill(c.pid, signal.SIGHUP),
        "SIGTERM to the inner process": lambda c: os.kill(c.inner(), signal.SIGTERM),
        "SIGKILL": lambda c: os.kill(c.inner(), signal.SIGKILL),
        "SIGSEGV": lambda c: os.kill(c.inner(), signal.SIGSEGV),
        "SIGABRT": lambda c: os.kill(c.inner(), signal.SIGABRT),
    }
    for name, end in ways.items():
        c = t.console(term="xterm")
        c.shows("READY")
        ok(termios.tcgetattr(c.slave) != c.before, f"{name}: (raw before)")
        end(c)
        restored(c, name)
    c = t.console(term="xterm")
    c.shows("READY")
    inner = c.inner()
    os.kill(c.pid, signal.SIGKILL)
    c.pump(lambda: c.status is not None and not pathlib.Path(f"/proc/{inner}/exe").exists(), "")
    restored(c, "SIGKILL to the outer process")


def test_kiosk(t):
    c = t.console(arguments=("--kiosk",))
    c.shows("READY")
    ok("q Quit" not in c.text(), "a kiosk offers no way out")
    c.press("q", "ctrl-c", "ctrl-z", "\x1c", "\x04", "\x1b[[A", "\x1b[24~")
    os.kill(c.pid, signal.SIGINT)
    os.kill(c.inner(), signal.SIGTSTP)
    os.kill(c.inner(), signal.SIGQUIT)
    c.press("m")
    ok(c.shows("MENU") and c.status is None, "and takes none: keys and signals")
    c.press("q")
    c.quiet()
    ok(c.status is None and "MENU" in c.text(), "not in the menu either")


def test_resize(t):
    t.station.transfers = objects("transfers")
    c = t.console()
    t.golden(c, "idle", "READY")
    c.resize(40, 12)
    t.golden(c, "idle-40x12")
    c.resize(132, 43)
    t.golden(c, "idle-132x43")
    for columns, rows in ((1, 1), (2, 3), (10, 4), (79, 1), (300, 100), (7, 60)):
        c.resize(columns, rows)
        c.quiet(0.12)
    c.resize(80, 24)
    t.golden(c, "idle")
    t.station.files = objects("files")
    for name in ("reading", "locked", "identify", "result", "unknown"):
        t.station.tell(medium(name))
        for columns, rows in ((1, 1), (12, 5), (33, 9), (80, 24)):
            c.resize(columns, rows)
            c.press("ctrl-l")
            c.quiet(0.12)
    ok(c.status is None and c.shows("NOTHING WAS TRANSFERRED."), "every screen survives every size")


def test_colours(t):
    for name, options, expected in (("linux", {}, True), ("NO_COLOR", {"environment": {"NO_COLOR": "1"}}, False),
                                    ("vt100", {"term": "vt100"}, False), ("vt220", {"term": "vt220"}, False)):
        c = t.console(**options)
        c.shows("READY")
        ok(c.screen.is_coloured == expected, f"{name}: {'colours' if expected else 'no colours'}")
    c = t.console(term="vt100", arguments=("--ascii",), language="de")
    c.shows("BEREIT")
    ok(all(b < 0x80 for b in c.raw), "--ascii sends ASCII alone")
    c = t.console(environment={"LANG": "C"})
    c.shows("READY")
    c.press("l")
    ok(c.shows("Francais"), "a locale that is not UTF-8 means --ascii")
    c = t.console(term="no-such-terminal")
    ok(c.ends() and os.waitstatus_to_exitcode(c.status) == 1 and b"TERM" in c.raw, "an unknown TERM is said", c.raw)


def test_keys(t):
    c = t.console()
    c.shows("READY")
    c.press("m")
    c.shows("> h")
    c.press("app-down")
    ok(c.shows("> d"), "arrows of application mode")
    c.press("j")
    ok(c.shows("> v"), "letters instead of arrows")
    os.write(c.master, b"\x1b[")
    c.pump(lambda: False, "", 0.03)
    os.write(c.master, b"A")
    ok(c.shows("> d"), "an arrow that comes in pieces")
    c.press("\x1b[200~", "\x1b[31;1;99m", "\x1b]0;x\x07", "\x9b")
    c.press("esc")
    ok(c.shows("READY") and c.status is None, "other sequences do no harm")


# -- languages ----------------------------------------------------------------------------------------------

def test_language(t):
    c = t.console()
    c.shows("READY")
    c.press("l", "down", "enter")
    ok(c.shows("PRÊT. BRANCHEZ UN SUPPORT.", "l Langue"), "the language is changed while it runs")
    c.press("l", "down", "enter")
    ok(c.shows("BEREIT. STECKEN SIE EIN MEDIUM EIN."), "and again")
    c = t.console(environment={"LANG": "fr_CA.UTF-8"})
    ok(c.shows("PRÊT."), "the environment chooses it, whether that locale is there or not")
    c = t.console(language="tlh")
    ok(c.shows("READY."), "a language that is not there is English")


def test_catalogues(t):
    done = subprocess.run([ROOT / "kiosk/console/po/update", "--check"], capture_output=True, text=True)
    ok(done.returncode == 0, "catalogues are up to date and complete", done.stderr)
    for language in ("fr", "de"):
        done = subprocess.run(["msgfmt", "--check", "--check-accelerators=_", "-o", "/dev/null", ROOT / f"kiosk/console/po/{language}.po"],
                              capture_output=True, text=True)
        ok(done.returncode == 0, f"{language}: formats fit", done.stderr)


def test_true_words(t):
    promise = re.compile(r"\bclean\b|\b(is|are) safe\b|\bharmless\b|\bvirus-free\b|\bsauber\b|\bsain(e|s|es)?\b|\bsans virus\b", re.I)
    texts = {p.name: p.read_text() for p in [*(HERE / "golden").glob("*.txt"), *(ROOT / "kiosk/console/po").glob("*.po*")]}
    found = [(name, m.group(0)) for name, text in texts.items() for m in promise.finditer(text)]
    ok(not found and len(texts) > 50, "no screen promises what no scanner can know", found)


# -- a station that lies ------------------------------------------------------------------------------------

def mutated(value, random_):
    """The same object with something in it that does not belong there."""
    junk = [None, True, -1, 2 ** 62, "", "\u202e\x1b[2J" + "x" * 300, [], {}, [[[]]], {"a": 1}, "no\nline", 1.5]
    if isinstance(value, dict) and value:
        key = random_.choice(sorted(value))
        if random_.random() < 0.4:
            return {**value, key: random_.choice(junk)}
        return {**value, key: mutated(value[key], random_)}
    if isinstance(value, list) and value and random_.random() < 0.7:
        return [mutated(v, random_) for v in value]
    return random_.choice(junk)


def test_lies(t):
    random_ = random.Random(1)
    names = ["medium-" + n for n in ("reading", "examining", "result", "locked", "identify", "unknown")] + ["station", "devices"]
    t.station.files = [mutated(f, random_) if k % 2 else f for k, f in enumerate(objects("files"))]
    t.station.do_files = lambda r: {"total": random_.choice([-5, 0, 3, 2 ** 60]), "offset": random_.choice([r["offset"], 1, -1]),
                                    "files": random_.choice([[], None, {}, [None] * 3, [mutated({"index": 1, "path": "x", "size": 1,
                                                             "verdict": "held", "code": "no-rule"}, random_)] * 110])}
    t.station.do_file = lambda r: {"file": mutated(objects("files")[8], random_)}
    t.station.do_transfers = lambda r: {"transfers": mutated(objects("transfers"), random_), "more": True}
    c = t.console(arguments=("--kiosk",))
    c.shows("READY")
    for k in range(250):
        message = mutated(objects(random_.choice(names)), random_)
        message["event"] = message.get("event") if isinstance(message.get("event"), str) else "medium"
        for client, state in list(t.station.clients.items()):
            t.station.send(client, {**message, "medium": random_.choice([1, 2, 3, -1, "x", None]) if message["event"] == "medium" else 0})
        c.press(*random_.sample(["f", "d", "down", "m", "h", "enter", "esc", "end", "tab", "x", "erase"], 3))
        c.pump(lambda: False, "", 0.01)
    ok(c.status is None, "250 objects with wrong members: the console lives")
    ok(b"\x1b[2J" + b"x" * 20 not in c.raw, "and passes no escape sequence on")
    for client in list(t.station.clients):
        client.sendall(b"this is not JSON\n")
    before = len(t.station.asked("watch"))
    ok(c.pump(lambda: len(t.station.asked("watch")) > before, ""), "a station that speaks nonsense is left, and tried again")


def test_usage(t):
    for arguments, status, words in ((["--help"], 0, "usage:"), (["-h"], 0, "usage:"), (["--version"], 0, "lazaret-console "), (["--no-such"], 64, "usage:"),
                                     (["stray"], 64, "usage:"), ([], 1, "must be a terminal")):
        done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL)
        ok(done.returncode == status and words in done.stdout + done.stderr, f"lazaret-console {' '.join(arguments)}: {status}",
           (done.returncode, done.stdout, done.stderr))


def test_documents(t):
    done = subprocess.run([HERE / "manual", "--check"], capture_output=True, text=True)
    ok(done.returncode == 0, "docs/operator.md and docs/desk.md have the screens as they are", done.stderr)
    told = t.directory / "told"
    told.write_text(subprocess.run([PROGRAM, "--help"], capture_output=True, text=True).stdout)
    done = subprocess.run([ROOT / "tests/lib/documented", "options", "lazaret-console", ROOT / "docs/man/lazaret-console.1", told,
                           ROOT / "kiosk/console/main.c"], capture_output=True, text=True)
    ok(done.returncode == 0, "lazaret-console(1) has the options of lazaret-console", done.stdout + done.stderr)
