# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""The officer's screens: who is logged in, what waits, what is decided by one and by two, and every wrong order of it."""
import os
import random
import re
import subprocess

from behaviour import memory_holds, mutated
from desk import NOW, Refused, held, offers
from screens import LARGE, SMALL, medium
from tap import ok, skip
from terminal import IS_SANITIZED, Tmux, objects

DIGEST = "9f2c4be1d0775a3b6e8f1c2d3a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d"


def log_in(c, who="a.weber", secret="Regen 4711"):
    c.shows("o Log in")
    c.press("o")
    c.shows("WHO ARE YOU?")
    c.press(who, "enter", secret, "enter")


def officer(t, **options):
    """A console at which Anna Weber is logged in."""
    t.station.open_desk()
    c = t.console(**options)
    log_in(c)
    c.shows("READY", "Anna Weber until")
    return c


def in_review(t, **options):
    c = officer(t, **options)
    c.press("r")
    c.shows("Files that wait for a decision 1/3")
    return c


def at_file(t, **options):
    c = in_review(t, **options)
    c.shows("office/invoice.doc")
    c.press("enter")
    c.shows("State")
    return c


def at_second(t, reason="vendor confirmed by telephone"):
    """Anna has proposed to release the first file; the second person is asked for."""
    c = at_file(t)
    c.press("r")
    c.shows("RELEASE THIS FILE")
    c.press(reason, "enter", "enter")
    c.shows("A SECOND PERSON CONFIRMS")
    return c


# -- screens ------------------------------------------------------------------------------------------------

def test_officer_screens(t):
    t.station.transfers = objects("transfers")
    t.station.open_desk()
    t.station.told_desk(offers=offers())
    c = t.console()
    c.shows("o Log in")
    c.press("o")
    t.golden(c, "login", "WHO ARE YOU?", "Enter Next")
    c.press("a.weber", "enter", "Regen 4711", "enter")
    t.golden(c, "idle-officer", "Anna Weber until 06:40", "3 files of 3 held", "12,345 records", "clamav 27820, 25 hours old", "3 update packs", "r Review")
    c.press("m")
    t.golden(c, "menu-officer", "r  Review", "p  Proposals", "u  Update packs", "o  Log out", "Anna Weber")
    c.press("r")
    t.golden(c, "review", "1/3", "office/invoice.doc", "backup/archive.7z", "active content", "kept until 2026-12-21", "Anna Weber")
    c.press("enter")
    t.golden(c, "held", "VBA macros", "? waits", "r Release", "x Reject", "nobody whose key is trusted", "Anna Weber")
    c.press("end")
    t.golden(c, "held-end", "Other times this content was seen", "old/name of it.doc")
    c.press("v")
    t.golden(c, "bytes", "Bytes 0 of 10,240", "00 01 02 03", " !\"#$%&'()*+,-./", "Anna Weber")
    c.press("esc", "r")
    c.shows("RELEASE THIS FILE")
    c.press("Vendor confirmed by telephone")
    t.golden(c, "decide-release", "For how many days", "as long as the station allows", "Anna Weber")
    c.press("enter", "enter")
    t.golden(c, "decide-second", "A SECOND PERSON CONFIRMS", "Proposed", "Release, by a.weber", "2026-11-29", "Anna Weber")
    c.press("a.weber", "enter", "Regen 4711", "enter")
    t.golden(c, "decide-same-person", "THE SAME PERSON CANNOT DO BOTH.")
    c.press("\x15", "j.roth", "enter", "Wolke 0815", "enter")
    t.golden(c, "decide-over", "RELEASED.", "20261122T063155Z-77aa01", "Enter Seen")
    c.press("enter")
    c.shows("+ released")
    c.press("esc", "esc", "esc", "u")
    t.golden(c, "offers", "clamav, version 27821", "another station", "lazaret update apply 1-2/site.pack", "Anna Weber")


def test_officer_languages(t):
    t.station.open_desk()
    for language, idle, wait in (("fr", "PRÊT", None), ("de", "BEREIT", None)):
        c = t.console(language=language)
        c.shows(idle)
        c.press("o", "a.weber", "enter", "Regen 4711", "enter")
        t.golden(c, f"idle-officer-{language}", "Anna Weber")
        c.press("r")
        t.golden(c, f"review-{language}", "office/invoice.doc", "Anna Weber")
        c.press("enter")
        t.golden(c, f"held-{language}", "VBA macros", "Anna Weber")
        c.press("x")
        t.golden(c, f"decide-reject-{language}", "office/invoice.doc", "Anna Weber")
        c.press("esc", "esc", "esc")
        c.shows(idle)
        t.consoles.pop().close()


def test_officer_sizes(t):
    c = in_review(t, **SMALL)
    t.golden(c, "review-40x12", "invoice", "Anna Weber until")
    c.press("enter")
    t.golden(c, "held-40x12", "office/invoice.doc", "Anna Weber until")
    c.press("v")
    t.golden(c, "bytes-40x12", "00 01  02 03")
    c.press("esc", "r")
    t.golden(c, "decide-40x12", "RELEASE THIS FILE", "Reason")
    c = t.console(**LARGE)
    log_in(c)
    c.shows("READY", "Anna Weber")
    c.press("r")
    t.golden(c, "review-132x43", "macros, scripts", "Anna Weber until")
    c.press("enter")
    c.shows("VBA macros")
    c.press("v")
    t.golden(c, "bytes-132x43", "1f")
    for columns, rows in ((1, 1), (12, 5), (33, 9), (300, 100), (80, 24)):
        c.resize(columns, rows)
        c.press("ctrl-l")
        c.quiet(0.12)
    ok(c.status is None and c.shows("Bytes 0 of 10,240"), "the bytes survive every size")


# -- who is there -------------------------------------------------------------------------------------------

def test_no_desk(t):
    c = t.console()
    c.shows("READY")
    c.press("o", "r", "p", "u")
    c.quiet()
    ok("o Log in" not in c.text() and "READY" in c.text() and not t.station.asked("login"), "a station without people offers no log-in")


def test_login(t):
    t.station.open_desk()
    c = t.console()
    c.shows("o Log in")
    c.press("r", "p", "u")
    c.press("o")
    ok(c.shows("WHO ARE YOU?") and not t.station.asked("held"), "nobody is logged in: no review")
    c.press("enter")
    ok(c.shows("The station needs a name."), "no name, no request")
    c.press("a.weber", "enter", "enter")
    ok(c.shows("The station needs the secret") and not t.station.asked("login"), "no secret, no request")
    c.press("x")
    c.shows("********")
    c.press("yz" * 20)
    c.quiet()
    ok(re.search(r"Secret +\*{8}( |$)", c.text(), re.M), "what is typed is not shown, nor how long it is", c.text())
    c.press("enter")
    ok(c.shows("NOT RIGHT. The name or the secret is wrong"), "a wrong secret")
    unknown = t.console()
    log_in(unknown, "nobody", "Regen 4711")
    unknown.shows("NOT RIGHT.")
    same = [line.strip() for line in unknown.text().splitlines() if "NOT RIGHT" in line]
    ok(same and same[0] in c.text(), "a wrong name is told in the same words")
    c.press("Regen 4711", "enter")
    ok(c.shows("READY", "Anna Weber until 06:40", "r Review"), "the right one: logged in, until when")
    ok(all(r["person"] == "a.weber" for r in t.station.asked("login")[:1]), "the person is sent", t.station.requests)
    ok(b"Regen" not in c.raw, "the secret was never on the screen")
    c.press("o")
    ok(c.shows("You are logged out.", "o Log in") and c.pump(lambda: t.station.asked("logout"), "") and "Anna" not in c.text(), "logged out")


def test_login_memory(t):
    if os.getuid() != 0 or IS_SANITIZED:
        skip("secrets in memory", "only root may look into the console's memory, and a sanitizer keeps what was freed")
        return
    t.station.open_desk()
    c = t.console()
    c.shows("o Log in")
    c.press("o", "a.weber", "enter", "Regen 4711")
    c.shows("********")
    ok(memory_holds(c.inner(), b"Regen 4711"), "a secret that is being typed can be found (the next tests would notice)")
    c.press("enter")
    c.shows("Anna Weber until")
    ok(not memory_holds(c.inner(), b"Regen 4711"), "after the log-in it is nowhere in memory")
    c.press("o")
    c.shows("o Log in")
    c.press("o", "a.weber", "enter", "Hagelschlag 3")
    c.shows("********")
    c.press("esc")
    c.shows("READY")
    ok(not memory_holds(c.inner(), b"Hagelschlag"), "nor when the screen is left before it was sent")


def test_locked_out(t):
    t.station.open_desk()
    c = t.console()
    log_in(c, secret="wrong 1")
    c.shows("NOT RIGHT")
    for k in (2, 3):
        c.press(f"wrong {k}", "enter")
        c.pump(lambda k=k: len(t.station.asked("login")) == k, "")
        c.shows("NOT RIGHT")
    c.press("Regen 4711", "enter")
    ok(c.shows("LOCKED OUT UNTIL 2026-11-22 06:45"), "after three wrong tries the right secret does not help: locked out, until when")
    t.golden(c, "login-locked-out", "LOCKED OUT UNTIL 2026-11-22 06:45")
    c.press("esc")
    c.shows("READY")
    log_in(c)
    ok(c.shows("LOCKED OUT UNTIL"), "nor when the screen is opened anew")
    t.station.locked["a.weber"] = None

    def authenticate(*_):
        raise Refused("locked-out", "until somebody unlocks it")
    t.station.authenticate = authenticate
    c.press("x", "enter", "y", "enter")
    ok(c.shows("LOCKED OUT, after", "until somebody unlocks it"), "without an end: in the station's words")


def test_prompts(t):
    t.station.open_desk()
    c = t.console()
    log_in(c, "k.key", "Hagel 9")
    ok(c.shows("One-time code:"), "PAM asks for more")
    c.press("123456")
    c.shows("********")
    t.golden(c, "login-prompt", "One-time code:", "********", "Esc Call it off")
    c.press("enter")
    c.shows("Which site?")
    c.press("north")
    ok(c.shows("north"), "an answer that PAM lets be seen is seen")
    c.press("enter")
    ok(c.shows("READY", "Kim Key until"), "and all of it is one log-in")
    ok([r["secret"] for r in t.station.asked("login_answer")] == ["123456", "north"] and b"123456" not in c.raw, "answered in order, unseen")
    c.press("o")
    c.shows("You are logged out")
    log_in(c, "k.key", "Hagel 9")
    c.shows("One-time code:")
    c.press("999999", "enter")
    ok(c.shows("NOT RIGHT.", "Name"), "a wrong answer: from the beginning")
    c.press("Hagel 9", "enter")
    c.shows("One-time code:")
    c.press("123", "esc")
    ok(c.pump(lambda: t.station.asked("login_cancel"), "") and c.shows("WHO ARE YOU?", "Name"), "called off")
    ok(not t.station.talks, "at the station as well")
    c.press("esc")
    ok(c.shows("READY", "o Log in"), "and nobody is logged in")


def test_note(t):
    """PAM says something while it waits, and asks nothing."""
    t.station.open_desk()
    t.station.silent.add("login")
    c = t.console()
    log_in(c, "k.key", "Hagel 9")
    c.shows("Waiting for the station")
    note = {"event": "session", "person": None, "full_name": "", "roles": [], "ends": None, "note": "Please touch the key."}
    for client in t.station.clients:
        t.station.send(client, note)
    ok(c.shows("Please touch the key."), "what PAM says while it waits is shown")
    t.station.silent.clear()
    t.station.people["k.key"]["prompts"] = []
    t.station.answer(list(t.station.clients)[0], t.station.asked("login")[0])
    ok(c.shows("Kim Key until"), "touched: logged in")
    for client in t.station.clients:
        t.station.send(client, {"event": "release", "proposal": "00000001", "state": "done", "transfer": "20261101T000000Z-000000", "outcome": "published",
                                "trouble": None})
    c.quiet()
    ok("20261101T000000Z" not in c.text(), "a release of long ago is no news")


def test_no_copy(t):
    t.station.open_desk()
    t.station.files_held[0]["copy"] = False
    t.station.files_held[1].update(state="expired", until=NOW - 5)
    c = t.console()
    log_in(c)
    c.shows("Anna Weber")
    c.press("r", "f", "f", "f")
    c.shows("1/3", "? expired")
    c.press("enter")
    c.shows("There was no room for its bytes", "x Reject")
    c.press("r", "v")
    c.quiet()
    ok("r Release" not in c.text() and "v View" not in c.text() and "State" in c.text(), "of what there was no room for nothing can be released or looked at")
    c.press("esc")
    c.shows("1/3")
    c.press("down", "enter")
    ok(c.shows("? expired", "r Release", "Until"), "a release whose time is over can be made anew")


def test_late_session(t):
    """Whoever goes away while the station still thinks must not be logged in afterwards."""
    t.station.open_desk()
    t.station.silent.add("login")
    c = t.console()
    log_in(c)
    c.shows("Waiting for the station")
    c.press("esc")
    c.pump(lambda: "Waiting" not in c.text(), "")
    c.press("esc")
    c.shows("READY")
    t.station.silent.clear()
    request = t.station.asked("login")[0]
    t.station.answer(list(t.station.clients)[0], request)
    ok(c.pump(lambda: t.station.asked("logout"), "") and not t.station.sessions, "a session that comes too late is ended")
    c.quiet()
    ok("Anna" not in c.text() and "o Log in" in c.text(), "and not taken")


def test_session_ends(t):
    c = at_file(t)
    c.press("r")
    c.shows("RELEASE THIS FILE")
    c.press("half a reason")
    c.shows("half a reason")
    t.station.end_sessions()
    ok(c.shows("The session has ended.", "READY", "o Log in") and "Anna" not in c.text(), "the station ends the session: all that was open for it is closed", c.text())
    c.press("mm")
    c.quiet()
    ok("The session has ended." in c.text() and "MENU" not in c.text(), "the rest of what was being typed is no command")
    c.pump(lambda: False, "", 1.5)
    c.press("r")
    c.quiet()
    ok("Files that wait" not in c.text(), "and nothing opens again")
    log_in(c)
    c.shows("Anna Weber")
    c.press("r")
    c.shows("1/3")
    c.press("enter")
    c.shows("State")
    t.station.stop()
    # all at once: the words above may be read before what stands below them has been wiped
    ok(c.pump(lambda: "THE STATION IS NOT RUNNING." in c.text() and "invoice" not in c.text() and "Anna" not in c.text(), ""),
       "the connection goes, and the session with it")
    t.station.start()
    ok(c.shows("READY", "o Log in"), "and does not come back by itself")


def test_session_alone(t):
    t.station.open_desk()

    def session(who):
        t.station.told_desk()  # the clock: a session's length is what is left of it when it begins
        return {"person": who, "full_name": "", "roles": ["officer"], "ends": NOW + 3}
    t.station.session = session
    c = t.console()
    log_in(c)
    ok(c.shows("a.weber until"), "without a full name: the person's")
    c.press("r")
    c.shows("office/invoice.doc")
    ok(c.shows("The session has ended.", "READY") and c.pump(lambda: t.station.asked("logout"), ""), "nobody presses a key for as long as a session lasts: it is ended from here")


def test_session_of_another(t):
    c = officer(t)
    for client in t.station.clients:
        t.station.send(client, {"event": "session", "person": "j.roth", "full_name": "Jan Roth", "roles": ["officer", "administrator"], "ends": NOW + 9999})
    c.quiet()
    ok("Anna Weber until 06:40" in c.text() and "Jan" not in c.text(), "a session that nobody asked for is not taken")
    for client in t.station.clients:
        t.station.send(client, {"event": "session", "person": "a.weber", "full_name": "Anna Weber", "roles": ["officer"], "ends": NOW + 300})
    ok(c.shows("Anna Weber until 06:35"), "its own is: the station says until when")


def test_roles(t):
    t.station.open_desk()
    c = t.console()
    log_in(c, "s.lang", "Nebel 22")
    c.shows("Silke Lang until", "r Review")
    ok("p Proposals" in c.text(), "an auditor sees what is proposed")
    c.press("r")
    c.shows("1/3")
    c.press("enter")
    c.shows("State", "v View")
    c.press("r", "x", "a", "n", "u", "c", "w")
    c.quiet()
    ok("State" in c.text() and not t.station.asked("propose") and "x Reject" not in c.text(), "and decides nothing: his keys lead to no decision")
    c.press("v")
    ok(c.shows("Bytes 0 of"), "he may look at the bytes")
    c.press("esc", "esc", "esc", "o")
    c.shows("o Log in")
    log_in(c, "o.kern", "Sturm 1")
    c.shows("Ole Kern until")
    asked = len(t.station.asked("held"))
    c.press("r", "u")
    c.quiet()
    ok("r Review" not in c.text() and "To be decided" not in c.text() and len(t.station.asked("held")) == asked, "an operator is shown nothing of it")


# -- review -------------------------------------------------------------------------------------------------

def test_review(t):
    c = in_review(t)
    c.press("f")
    ok(c.shows("Files that wait for a second person", "None."), "filter: proposed")
    c.press("f", "f")
    ok(c.shows("All files that are held 1/3"), "filter: all")
    c.press("/", "ARCH", "enter")
    ok(c.shows("1/1  /ARCH", "backup/archive.7z"), "search")
    ok(t.station.asked("held")[-1]["search"] == "ARCH" and t.station.asked("held")[-1]["filter"] == "all", "is the station's", t.station.requests[-1])
    c.press("enter")
    ok(c.shows("Pump vendor 2026"), "signers are named")
    c.press("esc", "esc")
    ok(c.shows("All files that are held 1/3"), "Esc: all names again")
    t.station.refuse["held"] = "unavailable"
    c.press("r")
    ok(c.shows("The list of held files is not available now."), "what cannot be had is said")
    t.station.refuse.clear()
    c.press("r")
    ok(c.shows("office/invoice.doc"), "and asked for again")


def test_review_pages(t):
    t.station.open_desk()
    t.station.files_held = [held(f"many/file-{k:03}.bin", b"%d" % k, "type-unknown", "application/octet-stream") for k in range(120)]
    c = t.console()
    log_in(c)
    c.shows("Anna Weber")
    c.press("r")
    c.shows("1/120", "file-000")
    c.press("end", "down")
    ok(c.shows("51/120", "file-050"), "review: the next page")
    c.press("up")
    ok(c.shows("50/120", "file-049"), "and back, from its end")
    for _ in range(60):
        c.press("down")
    c.shows("51/120", "file-050")
    c.press("end")
    c.shows("100/120", "file-099")
    c.press("pgdn")
    c.shows("101/120")
    c.press("end")
    ok(c.shows("120/120", "file-119"), "to the end", c.text())
    ok(all(r["limit"] <= 100 for r in t.station.asked("held")), "in portions that the station gives")


def test_bytes(t):
    c = in_review(t)
    c.press("down", "enter")
    c.shows("data/model.bin", "State")
    c.press("v")
    ok(c.shows("1b 5b 32 4a", ".[2J.]0;title."), "escape sequences in a file are numbers and dots")
    c.quiet()
    ok(b"\x1b]0;title" not in c.raw and b"\x9b31m" not in c.raw, "none of it reaches the terminal")
    c.press("esc", "esc")
    c.shows("2/3")
    c.press("end", "enter")
    c.shows("backup/archive.7z", "State")
    c.press("v")
    c.shows("37 7a bc af", "7z..'.")
    before = len(t.station.asked("held_bytes"))
    for _ in range(1300):
        c.press("down")
    ok(c.shows("of 20,006") and c.pump(lambda: re.search(r"^ 00000049\w\w|^ 00000048\w\w|^ 00000047\w\w", c.text(), re.M)
                                      or "0000004e20" in c.text(), ""), "line by line to the end", c.text())
    ok(len(t.station.asked("held_bytes")) - before < 12, "in portions", len(t.station.asked("held_bytes")))
    c.press("g")
    ok(c.shows("0000000000  37 7a bc af"), "and to the beginning")


def test_bytes_lies(t):
    c = at_file(t)
    for answer in ({"bytes": "0", "size": 10}, {"bytes": "zz", "size": 10}, {"bytes": "00" * 5000, "size": 5000}, {"bytes": "", "size": 5}, {"bytes": None, "size": 5}, {},
                   {"bytes": "41 1b", "size": 2}):
        t.station.do_held_bytes = lambda r, answer=answer: answer
        c.press("v")
        told = c.shows("None.") if not answer else c.shows("The bytes of this file are not available now.")
        ok(told and c.status is None, f"bytes that are none: {str(answer)[:40]}")
        c.press("esc")
        c.shows("State")
    t.station.do_held_bytes = lambda r: {"bytes": "41", "size": 2 ** 62}
    c.press("v")
    c.shows("41")
    c.press("G")
    c.quiet()
    ok(c.status is None and c.shows("Bytes"), "a file of 4 EiB, by its own account")


def test_hostile_desk(t):
    evil = "\x1b[2J\u202e\x9b31m"
    t.station.open_desk()
    t.station.people["a.weber"]["full_name"] = "Anna" + evil
    t.station.files_held[0].update(path="x/" + evil + "name.doc", detail="macro " + evil)
    c = t.console()
    log_in(c)
    c.shows("Anna")
    c.press("r")
    ok(c.shows("\\x1b[2J\\u{202E}"), "a hostile path is escaped in the list")
    c.press("enter", "r")
    c.shows("RELEASE THIS FILE")
    c.press("why", "enter", "enter")
    c.shows("SECOND PERSON")
    c.press("esc", "esc", "p")
    c.shows("Proposals that wait")
    ok(b"\x1b[2J\xe2\x80\xae" not in c.raw and "\u202e".encode() not in c.raw, "and everywhere else")


# -- decisions ----------------------------------------------------------------------------------------------

def test_form(t):
    c = at_file(t)
    c.press("r")
    c.shows("RELEASE THIS FILE")
    c.press("enter")
    ok(c.shows("A decision needs a reason"), "no reason, no decision")
    c.press("   ", "enter", "enter")
    ok(c.shows("A decision needs a reason"), "blanks are none")
    c.press("\x15", "because", "enter")
    for days in ("0", "99999", "-1", "1.5", "1e3", "4294967297", "seven"):
        c.press("\x15", days, "enter")
        told = c.shows("A number of days, from 1 to 3650.")
        c.press("x", "erase")
        c.pump(lambda: "A number of days" not in c.text(), "")
        ok(told and not t.station.asked("propose"), f"days: {days!r} is no number of days")
    c.press("\x15", "31", "enter")
    c.shows("THE STATION REFUSED THAT.")
    ok(c.shows("THE STATION REFUSED THAT.", "at most 30 days"), "longer than the station allows: in its words, and the form stays")
    c.press("\x15", "2", "enter")
    c.shows("A SECOND PERSON CONFIRMS", "because", "2026-11-24")
    request = t.station.asked("propose")[-1]
    ok((request["decision"], request["reason"], request["sha256"]) == ("release", "because", [t.station.files_held[0]["sha256"]])
       and -10 <= request["until"] - (NOW + 2 * 86400) < 60, "decision, content, reason and end are sent", request)


def test_two_persons(t):
    c = at_second(t)
    c.press("j.roth", "enter", "wrong", "enter")
    ok(c.shows("NOT RIGHT."), "the second person mistypes")
    c.press("\x15", "Wolke 0815")
    t.station.release_waits = True
    c.press("enter")
    ok(c.shows("RELEASED.", "The transfer is being made..."), "two persons: released; the transfer is being made")
    t.station.released()
    ok(c.shows("20261122T063155Z-77aa01"), "and named")
    ok([(r["person"], r["secret"]) for r in t.station.asked("confirm")] == [("j.roth", "wrong"), ("j.roth", "Wolke 0815")], "who confirmed",
       t.station.asked("confirm"))
    ok(b"Wolke" not in c.raw, "the second secret was never on the screen")
    ok("Anna Weber until" in c.text(), "and the first person is still the one who is logged in")
    c.press("enter")
    ok(c.shows("+ released", "office/invoice.doc"), "the file is released")


def test_second_is_first(t):
    c = at_second(t)
    c.press("a.weber", "enter", "Regen 4711", "enter")
    ok(c.shows("THE SAME PERSON CANNOT DO BOTH. A second, different person has to confirm."), "one person twice: refused in words")
    ok(t.station.files_held[0]["state"] == "proposed", "nothing was decided")
    c.press("\x15", "s.lang", "enter", "Nebel 22", "enter")
    ok(c.shows("NOT PERMITTED to this person."), "an auditor as the second: refused")
    c.press("up", "\x15", "k.key", "enter", "Hagel 9", "enter")
    c.shows("One-time code")
    c.press("123456", "enter")
    c.shows("Which site?")
    c.press("north", "enter")
    ok(c.shows("RELEASED."), "a second person with a further factor")


def test_second_locked_out(t):
    c = at_second(t)
    c.press("j.roth", "enter")
    for k in range(3):
        c.press("guess", "enter")
        c.pump(lambda k=k: len(t.station.asked("confirm")) == k + 1, "")
        c.shows("NOT RIGHT")
    c.press("Wolke 0815", "enter")
    ok(c.shows("LOCKED OUT UNTIL 2026-11-22 06:45") and t.station.files_held[0]["state"] == "proposed", "guessing the second person's secret locks him out")


def test_too_late(t):
    c = at_second(t)
    t.station.proposals[0]["is_late"] = True
    c.press("j.roth", "enter", "Wolke 0815", "enter")
    ok(c.shows("TOO LATE: ITS TIME IS OVER."), "an expired proposal is refused")
    t.station.proposals.clear()
    c.press("Wolke 0815", "enter")
    ok(c.shows("THAT IS NOT THERE ANY MORE.") and c.shows("Enter Seen"), "one that somebody withdrew meanwhile, for good")
    c.press("enter")
    ok(c.shows("State"), "and it leads back")


def test_later(t):
    c = at_second(t)
    c.press("esc")
    ok(c.shows("! proposed", "c Confirm", "w Withdraw"), "later: the file shows its proposal")
    c.press("esc", "esc", "o")
    c.shows("You are logged out.")
    log_in(c, "j.roth", "Wolke 0815")
    c.shows("Jan Roth until", "1 waits for a second person")
    c.press("p")
    t.golden(c, "proposals", "Release, by a.weber", "vendor confirmed by telephone", "Jan Roth until", "Enter Confirm")
    c.press("enter")
    c.shows("A SECOND PERSON CONFIRMS")
    c.press("j.roth", "enter", "Wolke 0815", "enter")
    ok(c.shows("RELEASED.", "20261122T063155Z-77aa01"), "the second person comes later, and is asked for his secret all the same")
    c.press("enter")
    ok(c.shows("None."), "nothing waits any more")


def test_withdraw(t):
    c = at_second(t)
    c.press("esc")
    c.shows("w Withdraw")
    c.press("w")
    ok(c.shows("The proposal was withdrawn.", "? waits"), "a proposal is withdrawn at the file")
    c.press("r")
    c.shows("RELEASE")
    c.press("once more", "enter", "enter")
    c.shows("A SECOND PERSON")
    c.press("esc", "esc", "p")
    c.shows("Proposals that wait", "once more")
    c.press("w")
    ok(c.shows("None."), "and in the list")


def test_release_fails(t):
    t.station.open_desk()
    t.station.release = {"outcome": "aborted", "transfer": None, "trouble": {"code": "staging-full", "text": "", "next": ""}}
    c = t.console()
    log_in(c)
    c.shows("Anna Weber")
    c.press("r")
    c.shows("invoice")
    c.press("enter")
    c.shows("State")
    c.press("r")
    c.shows("RELEASE")
    c.press("why", "enter", "enter")
    c.shows("A SECOND PERSON")
    c.press("j.roth", "enter", "Wolke 0815", "enter")
    ok(c.shows("BUT NOTHING WAS TRANSFERRED:", "There is no room left for files that pass.", "Tell the administrator"), "a release that cannot be carried out says why")


def test_reject(t):
    c = at_file(t)
    c.press("x")
    c.shows("REJECT THIS FILE", "for good")
    ok("For how many days" not in c.text(), "a rejection has no end")
    c.press("never asked for it", "enter")
    ok(c.shows("REJECTED."), "one officer rejects, at once")
    ok(t.station.asked("propose")[-1]["until"] is None and not t.station.asked("confirm"), "without an end and without a second person")
    c.press("enter")
    ok(c.shows("x rejected", "u Undo the decision") and "r Release" not in c.text(), "it is final: no release any more")
    c.press("r")
    c.quiet()
    ok("RELEASE" not in c.text(), "not by key either")
    c.press("u")
    c.shows("UNDO THE DECISION")
    c.press("wrong file", "enter")
    ok(c.shows("A SECOND PERSON CONFIRMS"), "but by two persons")
    c.press("j.roth", "enter", "Wolke 0815", "enter")
    ok(c.shows("UNDONE."), "undone")


def test_not_held(t):
    c = at_file(t)
    c.press("r")
    c.shows("RELEASE")
    t.station.files_held.pop(0)
    c.press("why", "enter", "enter")
    ok(c.shows("THE STATION DOES NOT HOLD THIS FILE ANY MORE."), "what is not held any more cannot be released")


def test_allow(t):
    t.station.open_desk()
    t.station.files = objects("files")
    t.station.tell(medium("result"))
    c = t.console()
    c.shows("9 OF 12")
    c.press("d")
    c.shows("tools/archive.zip")
    c.press("a", "n")
    c.quiet()
    ok("a Allow" not in c.text() and "ALLOW" not in c.text(), "an operator decides nothing")
    c.press("esc", "m", "o")
    c.shows("WHO ARE YOU?")
    c.press("a.weber", "enter", "Regen 4711", "enter")
    c.shows("9 OF 12", "Anna Weber until")
    c.press("d")
    c.shows("a Allow", "n Never allow")
    c.press("a")
    c.shows("ALLOW THIS CONTENT")
    c.press("false positive, vendor's hash list", "enter", "enter")
    c.shows("A SECOND PERSON")
    c.press("j.roth", "enter", "Wolke 0815", "enter")
    ok(c.shows("ALLOWED. Insert the medium again"), "what is blocked by mistake is allowed by two")
    c.press("enter", "n")
    c.shows("NEVER ALLOW THIS CONTENT")
    c.press("stolen", "enter")
    ok(c.shows("ON THE LIST OF FORBIDDEN FILES."), "and denied by one")
    ok([r["decision"] for r in t.station.asked("propose")] == ["allow", "deny"], "as was asked for")


def test_interrupted(t):
    """A medium is plugged in while an officer types: what he types stays."""
    c = at_file(t)
    c.press("r")
    c.shows("RELEASE THIS FILE")
    c.press("half a reason")
    t.station.tell(medium("reading"))
    c.shows("There is news of a medium.")
    c.press(", and the rest", "enter", "enter")
    ok(c.shows("A SECOND PERSON") and t.station.asked("propose")[-1]["reason"] == "half a reason, and the rest", "and so does he")
    c.press("j.roth", "enter", "Wolke")
    t.station.tell(medium("identify", medium=2, port="1-3"))
    c.quiet()
    c.press(" 0815", "enter")
    ok(c.shows("RELEASED."), "a secret as well")


# -- updates ------------------------------------------------------------------------------------------------

def test_offers(t):
    t.station.open_desk()
    t.station.told_desk(offers=offers())
    c = t.console()
    c.shows("READY")
    c.press("u")
    c.quiet()
    ok("u Updates" not in c.text() and "READY" in c.text(), "nobody is logged in: no updates are offered")
    log_in(c)
    c.shows("3 update packs: press u")
    c.press("u")
    c.shows("clamav, version 27821")
    ok(c.shows("lazaret update apply 1-2/site.pack"), "the command that applies the chosen one")
    c.press("end")
    ok(c.shows("lazaret update apply 1-2/torn.pack", "another station"), "what is wrong with one is said")


def test_sets(t):
    t.station.open_desk()
    sets = [{"name": "yara", "version": 3, "time": NOW - 8 * 86400, "age_s": 8 * 86400, "state": "stop"}, {"name": "types", "version": 4, "time": NOW, "age_s": 60, "state": "ok"}]
    t.station.told_desk(sets=sets, trail={"records": 5, "bytes": 100, "state": "low"})
    c = t.console()
    ok(c.shows("! yara 3, 8 days old: too old", "little room is left") and "types" not in c.text(), "everybody sees what is wrong, and no more", c.text())
    log_in(c)
    ok(c.shows("types 4, 1 minute old"), "an officer sees all")
    t.station.told_desk(trail={"records": 5, "bytes": 100, "state": "full"})
    ok(c.shows("no room, no medium is begun"), "a full disk stops the station")


# -- who brings it ------------------------------------------------------------------------------------------

def test_asks(t):
    t.station.tell(medium("identify", asks=["operator", "owner", "ticket", "reason"]))
    c = t.console()
    t.golden(c, "identify-asks", "WHO BRINGS THIS MEDIUM?", "Whose medium", "Ticket", "What for")
    c.press("Weber", "enter", "enter")
    ok(c.shows("The station needs the owner"), "what the rules ask for has to be said")
    c.press("Pump Works Ltd", "enter", "T-4711", "enter", "update", "enter")
    c.pump(lambda: t.station.asked("identify"), "")
    r = t.station.asked("identify")[0]
    ok((r["operator"], r["owner"], r["ticket"], r["reason"]) == ("Weber", "Pump Works Ltd", "T-4711", "update"), "and is sent", r)
    t.station.tell(medium("identify", medium=2, asks=["ticket"]))
    t.station.tell({"event": "medium-gone", "medium": 1})
    c.shows("Ticket")
    c.press("enter")
    ok(c.shows("The station needs the number of the ticket") and "Your name" not in c.text(), "nothing else is asked for")
    t.station.station["questions"] = ["owner"]
    t.station.tell(t.station.station)
    c.quiet()
    ok("Whose medium" not in c.text(), "what a medium asks goes before what the station asks")
    t.station.refuse["identify"] = "not-now"
    c.press("T-1", "enter")
    c.shows("Not possible now")
    ok("T-1" in c.text(), "what was typed stays when it is refused", c.text())
    t.station.tell(medium("identify", medium=3))
    t.station.tell({"event": "medium-gone", "medium": 2})
    ok(c.shows("Your name", "Whose medium", "What for") and "Ticket" not in c.text(), "the station's questions are asked of each medium", c.text())


def test_authenticated(t):
    t.station.open_desk()
    t.station.station["operators"] = "authenticated"
    t.station.tell(medium("identify", asks=["operator", "reason"]))
    c = t.console()
    t.golden(c, "identify-authenticated", "WHO BRINGS THIS MEDIUM?", "Log in with your own name.", "Secret")
    c.press("o.kern", "enter", "wrong", "enter")
    ok(c.shows("NOT RIGHT.") and not t.station.asked("identify"), "a wrong secret: nobody")
    c.press("Sturm 1", "enter")
    ok(c.shows("You are logged in as Ole Kern.", "Ole Kern until", "What for"), "logged in for this medium")
    ok("Your name" not in c.text(), "no other name can be given")
    c.press("pump update", "enter")
    c.pump(lambda: t.station.asked("identify"), "")
    ok([(r["operator"], r["reason"]) for r in t.station.asked("identify")] == [("o.kern", "pump update")], "he brings it", t.station.requests)
    t.station.tell(medium("reading"))
    ok(c.shows("LEAVE THE MEDIUM IN.") and c.pump(lambda: t.station.asked("logout") and not t.station.sessions, ""), "and is logged out by it")
    ok(c.pump(lambda: "Ole Kern" not in c.text(), ""), "the next one is not he")
    t.station.tell(medium("identify", medium=2, port="1-3", asks=["operator", "reason"]))
    ok(c.shows("Log in with your own name."), "but asked for his own name")
    c.press("o.kern", "enter", "Sturm 1", "enter")
    c.shows("You are logged in as")
    c.press("esc")
    c.shows("o Log out")
    c.press("o")
    ok(c.shows("Log in with your own name.") and c.pump(lambda: not t.station.sessions, ""), "and may be somebody else")


# -- the code -----------------------------------------------------------------------------------------------

SHADES = {"black": 0, "white": 200, "default": 190, "red": 60, "green": 90, "brown": 100, "blue": 50, "magenta": 80, "cyan": 130}


def picture(screen, path, scale=6):
    """What a camera sees of it: half-blocks as they are, other characters as a smudge in the middle of their cell."""
    rows = []
    for y in range(screen.lines):
        halves = ([], [])
        for x in range(screen.columns):
            cell = screen.buffer[y][x]
            front, back = SHADES.get(cell.fg, 150), SHADES.get(cell.bg if cell.bg != "default" else "black", 0)
            if cell.reverse:
                front, back = back, front
            upper, lower = {"▀": (front, back), "▄": (back, front), "█": (front, front), " ": (back, back)}.get(cell.data, ((front + back) // 2,) * 2)
            halves[0].append(upper)
            halves[1].append(lower)
        rows += halves
    pixels = b"".join(bytes(v for v in row for _ in range(scale)) * scale for row in rows)
    path.write_bytes(b"P5 %d %d 255\n" % (screen.columns * scale, len(rows) * scale) + pixels)


def decoded(t, c):
    picture(c.screen, t.directory / "screen.pgm")
    done = subprocess.run(["zbarimg", "--quiet", "--raw", str(t.directory / "screen.pgm")], capture_output=True, text=True)
    return done.stdout.strip()


def test_key(t):
    key = t.station.station["manifest_key"]
    c = t.console()
    c.shows("READY")
    c.press("m", "v")
    t.golden(c, "key", "KEY OF THIS STATION", key[:14], key[-14:], "▀")
    ok(decoded(t, c) == key, "a decoder reads the station's key off the screen", decoded(t, c))
    small = t.console(**SMALL)
    small.shows("READY")
    small.press("m", "v")
    ok(small.shows(key[:14], key[14:28], key[28:42], key[42:]), "where there is no room for a code it can be typed", small.text())
    t.station.tell({**t.station.station, "manifest_key": None})
    ok(c.shows("The key cannot be read."), "one that cannot be read")


def test_code(t):
    t.station.files = objects("files")
    t.station.tell(medium("result", manifest_sha256=DIGEST))
    expected = "lazaret:20261122T062801Z-a1b2c3:" + DIGEST
    c = t.console()
    c.shows("9 OF 12", "c Code")
    c.press("c")
    t.golden(c, "code", "20261122T062801Z-a1b2c3", "9f2c4be1d0775a3b", "▀", "▄")
    ok(decoded(t, c) == expected, "a decoder reads the code off an 80x24 screen", decoded(t, c))
    c.press("enter")
    c.shows("9 OF 12")
    large = t.console(**LARGE)
    t.golden(large, "result-code-132x43", "9 OF 12", "tools/archive.zip", "▀")
    ok(decoded(t, large) == expected, "and off a large one, beside the list", decoded(t, large))
    plain = t.console(term="vt220")
    plain.shows("c Code")
    plain.press("c")
    is_read = plain.pump(lambda: decoded(t, plain) == expected, "the code, drawn to its end")
    ok(is_read, "and off a monochrome one", decoded(t, plain))
    small = t.console(**SMALL)
    small.shows("9 OF 12")
    small.press("c")
    ok(small.shows("too small") and "▀" not in small.text(), "where it does not fit it is not drawn")
    ascii_ = t.console(term="vt100", arguments=("--ascii",), **LARGE)
    ascii_.shows("9 OF 12")
    ok("Code" not in ascii_.text() and all(b < 0x80 for b in ascii_.raw), "nor on a terminal of ASCII alone")


def test_no_code(t):
    t.station.files = objects("files")
    c = t.console(**LARGE)
    for k, changes in enumerate(({}, {"manifest_sha256": None}, {"manifest_sha256": "short"}, {"manifest_sha256": DIGEST.upper()}, {"manifest_sha256": "\u2580" * 64},
                                 {"manifest_sha256": DIGEST, "outcome": "refused"}, {"manifest_sha256": DIGEST, "transfer": None})):
        t.station.tell(medium("result", found=k, **changes))
        c.quiet()
        c.press("c")
        c.quiet(0.15)
        ok("▀" not in c.text() and c.status is None, f"no code without a published manifest's hash ({changes})")


# -- a station that lies ------------------------------------------------------------------------------------

def test_desk_lies(t):
    random_ = random.Random(6)
    t.station.open_desk()
    honest = {name: getattr(t.station, "do_" + name) for name in ("login", "held", "held_file", "held_bytes", "propose", "proposals", "confirm", "withdraw")}
    for name, do in honest.items():
        setattr(t.station, "do_" + name, lambda r, do=do, name=name: mutated(do(r), random_) if random_.random() < 0.5 and name != "login" else do(r))
    dict_only = t.station.answer

    def answer(sock, request, error=None):
        try:
            dict_only(sock, request, error)
        except (TypeError, KeyError, AttributeError, IndexError, ValueError, AssertionError):
            t.station.refuse_with(sock, request, mutated({"code": "not-now", "text": "x", "until": NOW}, random_))
    t.station.answer = answer
    t.station.told_desk(offers=offers())
    c = t.console(arguments=("--kiosk",))
    log_in(c)
    c.shows("Anna Weber")
    keys = ["r", "p", "u", "y", "enter", "enter", "enter", "esc", "down", "v", "c", "w", "x", "a", "n", "7", "f", "end", "g", "o", "j.roth", "Wolke 0815"]
    for k in range(250):
        for client in list(t.station.clients):
            message = mutated(random_.choice([t.station.station, {"event": "session", **t.station.session("a.weber")},
                                              {"event": "release", "proposal": "1", "state": "done", **t.station.release}]), random_)
            if isinstance(message, dict) and message.get("event") in ("station", "session", "release") and message.get("person", "x"):
                t.station.send(client, message)
        c.press(*random_.sample(keys, 4))
        c.pump(lambda: False, "", 0.01)
        if "o Log in" in c.text():
            c.press("esc", "esc", "o", "a.weber", "enter", "Regen 4711", "enter")
    ok(c.status is None, "250 rounds of answers with wrong members: the console lives")
    ok(b"\x1b[2J" + b"x" * 20 not in c.raw, "and passes no escape sequence on")


# -- a real terminal ----------------------------------------------------------------------------------------

def test_tmux(t):
    """The main way once in a terminal that is not ours."""
    t.station.open_desk()
    c = Tmux(t.station, t.directory)
    t.consoles.append(c)
    c.shows("READY", "o Log in")
    c.press("o", "a.weber", "enter", "nothing", "enter")
    ok(c.shows("NOT RIGHT."), "tmux: a wrong secret")
    c.press("Regen 4711", "enter")
    ok(c.shows("Anna Weber until"), "tmux: logged in")
    c.press("r")
    c.shows("office/invoice.doc")
    c.press("enter")
    c.shows("VBA macros")
    c.press("v")
    c.shows("00 01 02 03")
    c.press("esc")
    c.shows("r Release")
    c.press("r")
    c.shows("RELEASE THIS FILE")
    c.press("checked", "enter", "enter")
    c.shows("A SECOND PERSON")
    c.press("a.weber", "enter", "Regen 4711", "enter")
    ok(c.shows("THE SAME PERSON CANNOT DO BOTH."), "tmux: one person twice")
    c.press("clear", "j.roth", "enter", "Wolke 0815", "enter")
    ok(c.shows("RELEASED.", "20261122T063155Z-77aa01"), "tmux: two persons release")
    ok("Wolke" not in c.text() and "Regen" not in c.text(), "tmux: no secret was shown")
