# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""Golden screens of every state. Their names are used by docs/operator.md (manual.py)."""
from terminal import objects

LANGUAGES = ("en", "fr", "de")
SMALL = {"columns": 40, "rows": 12}
LARGE = {"columns": 132, "rows": 43}
PLAIN = {"term": "vt100", "arguments": ("--ascii",)}  # a monochrome terminal that shows ASCII alone


def medium(name, **changes):
    return {**objects("medium-" + name), **changes}


def trouble(code, text="", following=""):
    return {"code": code, "text": text, "next": following}


def in_languages(t, name, words, **options):
    """The same state in each language. `words`: what stands on the English screen."""
    for language in LANGUAGES:
        suffix = "" if language == "en" else "-" + language
        t.golden(t.console(language=language, **options), name + suffix, *(words if language == "en" else ()))
        t.consoles.pop().close()


# -- idle ---------------------------------------------------------------------------------------------------

def test_idle(t):
    t.station.transfers = objects("transfers")
    in_languages(t, "idle", ["READY. PLUG IN A MEDIUM.", "241 of 241 files transferred", "nothing transferred"])
    t.golden(t.console(**SMALL), "idle-40x12", "READY. PLUG IN A MEDIUM.", "m Menu")
    t.golden(t.console(**LARGE), "idle-132x43", "1,198 of 1,204 files transferred")
    plain = t.console(language="fr", **PLAIN)
    t.golden(plain, "idle-fr-ascii", "Derniers transferts")


def test_idle_warnings(t):
    t.station.station.update(database_state="warn", database_age_s=4 * 86400, staging_state="full", staging_free=1048576,
                             reload={"at": 1795328000, "ok": False, "text": "rules.yaml:14:3: unknown key \"alow\""})
    t.golden(t.console(), "idle-warnings", "! 4 days old: tell the administrator", "transfers are full", "unknown key")


def selfcheck(state="", name="", failed=False):
    wrong = [{"name": name, "state": state, "sentence": "", "text": "told elsewhere"}] if name else []
    return {"at": 1795328000, "running": False, "failed": failed, "stops": False, "detail": "", "good": 16 if name else 17, "wrong": wrong,
            "warnings": int(state == "warning"), "bad": int(state == "bad"), "not_applicable": 10}


def test_selfcheck(t):
    t.station.station.update(selfcheck=selfcheck())
    t.golden(t.console(), "selfcheck-good", "Self-check", "17 of 17 good")
    t.station.station.update(selfcheck=selfcheck("bad", "core-dumps"))  # the longest
    in_languages(t, "selfcheck-bad", ["! Memory may be written to disk when a program dies.", "(core-dumps)"])
    t.station.station.update(selfcheck=selfcheck("warning", "rtc"))
    t.golden(t.console(**SMALL), "selfcheck-warning-40x12", "! The clock and its")
    t.station.station.update(selfcheck=selfcheck(failed=True))
    t.golden(t.console(), "selfcheck-failed", "could not be looked at")


def test_not_ready(t):
    t.station.station.update(state="stopped", database_state="stop", database_age_s=9 * 86400,
                             trouble=trouble("database-stale", "The virus database is too old. Nothing is approved."))
    in_languages(t, "stopped", ["THIS STATION ACCEPTS NOTHING NOW.", "The virus database is too old.", "Tell the security officer"])
    t.station.station.update(state="ready")
    t.golden(t.console(), "ready-nothing-approved", "READY, BUT NOT EVERYTHING WORKS.", "Nothing is approved.")
    t.station.station.update(state="stopped", trouble={**trouble("configuration"), "detail": "lazaret.yaml:12:3: unknown key \"spol\""})
    t.golden(t.console(), "stopped-detail", "configuration has an error", "lazaret.yaml:12:3", "Tell the administrator")
    t.station.station.update(state="starting", trouble=None, databases=[])
    t.golden(t.console(), "starting", "THE STATION IS STARTING.")
    t.station.station.update(state="ending")
    t.golden(t.console(), "ending", "THE STATION IS BEING SHUT DOWN.")


def test_lost(t):
    t.station.stop()
    t.station.path = "/nonexistent/control.sock"
    in_languages(t, "lost", ["THE STATION IS NOT RUNNING.", "ENOENT"])
    t.golden(t.console(**SMALL), "lost-40x12", "THE STATION IS NOT RUNNING.")


# -- inspecting ---------------------------------------------------------------------------------------------

def test_inspecting(t):
    t.station.tell(medium("opening"))
    t.golden(t.console(), "inspecting-opening", "Looking at the medium", "LEAVE THE MEDIUM IN.")
    t.station.tell(medium("reading"))
    in_languages(t, "inspecting-reading", ["LEAVE THE MEDIUM IN.", "51 %", "about 53 s left"])
    t.golden(t.console(**SMALL), "inspecting-40x12", "LEAVE THE MEDIUM IN.", "51 %", "c Stop the inspection")
    t.station.tell(medium("examining"))
    in_languages(t, "inspecting-examining", ["YOU MAY REMOVE THE MEDIUM NOW.", "Win.Test.EICAR_HDB-1"])
    t.golden(t.console(**LARGE), "inspecting-132x43", "YOU MAY REMOVE THE MEDIUM NOW.")
    t.station.tell(medium("examining", present=False, state="checking", warnings=["The medium's own counter shows 8 sectors written."]))
    t.golden(t.console(**PLAIN), "inspecting-taken-out", "The medium has been taken out", "Checking signatures", "8 sectors")


def test_unknown_amount(t):
    progress = {**medium("reading")["progress"], "files_total": 0, "bytes_total": 0, "left_s": None}
    t.station.tell(medium("reading", progress=progress))
    t.golden(t.console(), "inspecting-unknown-amount", "[.....", "1.1 GiB, 2,950 files")


def test_cancel_dialog(t):
    t.station.tell(medium("reading"))
    c = t.console()
    c.shows("LEAVE THE MEDIUM IN.")
    c.press("c")
    t.golden(c, "cancel", "Stop this inspection?", "c Stop it", "Esc Go on inspecting")


def test_several(t):
    t.station.tell(medium("examining"), medium("opening", medium=2, port="1-3", vendor="Kingston", model="DataTraveler 3.0", state="queued",
                                               queue={"position": 1, "why": "turn"}))
    c = t.console()
    t.golden(c, "several", "> SanDisk Ultra", "Waiting for its turn", "Tab Next medium")
    c.press("tab")
    t.golden(c, "several-queued", "> Kingston", "number 1 in the queue")
    t.station.station.update(state="stopped", trouble=trouble("trail"))
    t.station.tell(t.station.station, medium("opening", medium=2, port="1-3", vendor="Kingston", model="DataTraveler 3.0", state="queued",
                                             queue={"position": 1, "why": "station"}))
    t.golden(c, "several-not-ready", "Waiting until the station is ready", "The audit trail cannot be written.")


# -- questions ----------------------------------------------------------------------------------------------

def test_unlock(t):
    t.station.tell(medium("locked"))
    in_languages(t, "unlock", ["THIS MEDIUM IS ENCRYPTED.", "You have 3 tries.", "Enter Unlock"])
    locked = {**medium("locked")["locked"], "left": 2, "wrong": "No key available with this passphrase."}
    t.station.tell(medium("locked", locked=locked))
    c = t.console()
    c.shows("2 TRIES ARE LEFT.")
    c.press("secret")
    t.golden(c, "unlock-wrong", "THAT WAS NOT THE PASSPHRASE. 2 TRIES ARE LEFT.", "******")
    c.press("esc")
    t.golden(c, "unlock-something-else", "s Leave this volume out", "c Stop the inspection")


def test_identify(t):
    t.station.tell(medium("identify"))
    c = t.console()
    c.shows("WHO BRINGS THIS MEDIUM?")
    c.press("Ångström, 李明", "enter", "Pump update 7")
    t.golden(c, "identify", "Ångström, 李明", "Pump update 7", "Enter Go on")


# -- results ------------------------------------------------------------------------------------------------

def test_result(t):
    t.station.files = objects("files")
    t.station.tell(medium("result", operator="M. Weber"))
    words = ["9 OF 12 FILES WERE TRANSFERRED.", "2 WERE REFUSED. 1 WAITS FOR A DECISION.", "20261122T062801Z-a1b2c3",
             "The virus scanner recognised malicious content.", "Do not use this file anywhere."]
    in_languages(t, "result", words)
    t.golden(t.console(**SMALL), "result-40x12", words[0], words[1].split(".")[0], words[2], "Enter Seen")
    t.golden(t.console(**LARGE), "result-132x43", *words)
    t.golden(t.console(language="de", **PLAIN), "result-de-ascii", "tools/archive.zip")


def test_result_all(t):
    t.station.files = [f for f in objects("files") if f["verdict"] == "approved"]
    t.station.tell(medium("all"))
    in_languages(t, "result-all", ["ALL 12 FILES WERE TRANSFERRED.", "+ transferred"])
    t.station.tell(medium("all", counts={"files": 1, "bytes": 512, "approved": 1, "held": 0, "blocked": 0}))
    t.golden(t.console(**SMALL), "result-one-40x12", "THE FILE WAS TRANSFERRED.")


def test_result_nothing(t):
    t.station.files = objects("files")[8:10]
    t.station.tell(medium("result", outcome="refused", counts={"files": 2, "bytes": 8388608, "approved": 0, "held": 0, "blocked": 2}))
    t.golden(t.console(), "result-nothing", "NOTHING WAS TRANSFERRED.", "2 WERE REFUSED.")


def test_result_partial(t):
    t.station.files = objects("files")
    t.station.tell(medium("result", complete=False, trouble=trouble("partial"), present=False))
    t.golden(t.console(), "result-partial", "9 OF 12 FILES WERE TRANSFERRED.", "A PART OF THE MEDIUM COULD NOT BE READ.",
             "ask for a new copy of the rest")
    # all that was read passed; still not "all"
    t.station.files = [f for f in objects("files") if f["verdict"] == "approved"]
    t.station.tell(medium("all", complete=False))
    t.golden(t.console(), "result-all-of-a-part", "12 OF 12 FILES WERE TRANSFERRED.", "A PART OF THE MEDIUM COULD NOT BE READ.")


def test_result_passed_for_nothing(t):
    t.station.files = objects("files")
    t.station.tell(medium("result", outcome="aborted", trouble=trouble("staging-full")))
    t.golden(t.console(), "result-aborted", "NOTHING WAS TRANSFERRED.", "9 files passed, but were not transferred.",
             "There is no room left for files that pass.")


def test_filters(t):
    t.station.files = objects("files")
    t.station.tell(medium("result"))
    c = t.console()
    c.shows("tools/archive.zip")
    c.press("f")
    t.golden(c, "filter-all", "All files 1/12", "office/invoice.doc", "+ transferred")
    c.press("f")
    t.golden(c, "filter-approved", "Approved files 1/9")
    c.press("f", "f", "f", "f", "/", "img")
    t.golden(c, "search-typed", "Search for", "img")
    c.press("enter")
    t.golden(c, "search-found", "All files 1/3  /img", "photos/IMG_0003.jpg", "Esc All names")
    c.press("/", "nothing-like-it", "enter")
    t.golden(c, "search-nothing", "No file's name contains that.")


HOSTILE = [
    "ok\\x1b[2J\\x07bell",                       # as lazaretd sends it
    "raw \x1b[2J\x1b]0;title\x07 escape",          # as a lazaretd that fails would
    "bidi \u202egnp.exe",
    "zero\u200bwidth \ufeffbom",
    "wide 世界の資料 한국어 ｆｕｌｌ.txt",
    "marks e\u0301\u0300\u0302\u0303\u0304\u0305 tower",
    "emoji 👩‍👩‍👧 family.png",
    "tag\U000e0041\U000e0042 private \ue000 unassigned \U000323b0",
    "new\nline and tab\t.txt",
    "a/" + "very-long-directory-name/" * 8 + "資料" * 20 + "/the-end.txt",
    "back\\\\slash \\u{202E} already escaped",
]


def test_hostile_names(t):
    t.station.files = [{**objects("files")[9], "path": p, "size": 1000 + k} for k, p in enumerate(HOSTILE)]
    t.station.tell(medium("result", vendor="Evil\x1b[31m", model="世界\u202e"))
    c = t.console(rows=40)
    t.golden(c, "hostile", "\\x1b[2J", "\\u{202E}gnp.exe", "the-end.txt")
    c.press("end")
    t.golden(c, "hostile-end", "wide 世界の資料")
    t.golden(t.console(rows=40, **PLAIN), "hostile-ascii", "\\u{4E16}")
    narrow = t.console(**SMALL)
    t.golden(narrow, "hostile-40x12", "m Menu")


def test_file(t):
    t.station.files = objects("files")
    t.station.tell(medium("result"))
    c = t.console()
    c.shows("tools/archive.zip")
    c.press("d")
    in_file = ["tools/archive.zip", "Win.Test.EICAR_HDB-1", "inner/deep/eicar.com", "x refused"]
    t.golden(c, "file", *in_file)
    c.press("esc")
    c.shows("9 OF 12")
    c.press("end", "d")
    t.golden(c, "file-held", "office/invoice.doc", "? waits", "VBA macros")
    c.press("esc", "f", "f", "/", "firmware", "enter")
    c.shows("Approved files 1/1")
    c.press("right")
    t.golden(c, "file-signed", "Pump vendor 2026", "files/updates/firmware.bin", "+ transferred")
    small = t.console(**SMALL)
    small.shows("archive.zip")
    small.press("d", "down", "down", "down")
    t.golden(small, "file-40x12", "Esc Back")


# -- trouble ------------------------------------------------------------------------------------------------

def test_trouble(t):
    t.station.tell(medium("unknown"))
    in_languages(t, "trouble", ["NOTHING WAS TRANSFERRED.", "Ask for it on a medium", "zfs_member"])
    t.golden(t.console(**SMALL), "trouble-40x12", "NOTHING WAS TRANSFERRED.", "Enter Seen")
    t.station.tell(medium("unknown", trouble=trouble("encrypted"),
                          volumes=[{"index": 1, "fs": "crypto_LUKS", "label": "", "driver": "", "outcome": "refused", "detail": "not unlocked"}]))
    t.golden(t.console(), "trouble-encrypted", "This medium is encrypted and was not unlocked.")
    t.station.tell(medium("unknown", kind="optical", vendor="", model="", trouble=trouble("audio"), volumes=[]))
    t.golden(t.console(), "trouble-audio", "This is an audio disc.", "e Open the tray")
    t.station.tell(medium("unknown", trouble=trouble("from-the-future", "A new kind of trouble.", "Read the manual of the newer version.")))
    t.golden(t.console(), "trouble-unknown-code", "A new kind of trouble.", "Read the manual of the newer version.")


def test_refused_device(t):
    device = objects("device-keyboard")
    t.station.devices = {**objects("devices"), "refused": device, "usb": objects("devices")["usb"] + [device]}
    in_languages(t, "trouble-device", ["A USB DEVICE WAS REFUSED.", "keyboard or mouse", "16c0:0486"])


# -- menu ---------------------------------------------------------------------------------------------------

def test_menu(t):
    t.station.transfers = objects("transfers")
    t.station.files = objects("files")
    device = objects("device-keyboard")
    t.station.devices = {**objects("devices"), "usb": objects("devices")["usb"] + [device]}
    in_menu = t.console(language="de")
    in_menu.shows("BEREIT")
    in_menu.press("m")
    t.golden(in_menu, "menu-de")
    c = t.console()
    c.shows("READY")
    c.press("m")
    t.golden(c, "menu", "h  History", "q  Leave this program")
    c.press("a")
    t.golden(c, "about", "3f9c01a277e4b810", "6,647,427 signatures", "General Public License")
    c.press("esc", "d")
    t.golden(c, "devices", "x refused", "Teensyduino", "+ accepted")
    c.press("esc", "h")
    t.golden(c, "history", "Transfers, page 1", "1,198 of 1,204 files transferred")
    c.press("down", "down", "enter")
    t.golden(c, "past", "1,198 OF 1,204 FILES WERE TRANSFERRED.", "4 WERE REFUSED. 2 WAIT FOR A DECISION.", "A. Martin", "Esc Back")
    c.press("esc", "/", "weber", "enter")
    t.golden(c, "history-search", "/weber", "20261121T160455Z-0c1d2e", "Esc All transfers")
    kiosk = t.console(arguments=("--kiosk",))
    kiosk.shows("READY")
    kiosk.press("m")
    t.golden(kiosk, "menu-kiosk", "h  History")
    kiosk.press("l")
    t.golden(kiosk, "language", "Français", "Deutsch")
