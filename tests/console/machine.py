# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""A machine that is not set up yet, and what an administrator does at one that is. What a real lazaretd makes of it is in
tests/integration/setup.t."""
from desk import NOW, Refused, offers, person, undo
from screens import SMALL, medium
from tap import ok
from terminal import objects

WAITING = {"set_up": {"by": None, "refused": None, "password_length": 12}, "machine": True, "name": "Lazaret"}
REFUSED = "lazaret-answers: its signature does not match its bytes: it was changed or cut off on its way. Fetch it again"


def waiting(t, **more):
    t.station.tell({**t.station.station, **WAITING, "set_up": {**WAITING["set_up"], **more}})


def test_setup_screens(t):
    waiting(t)
    c = t.console()
    t.golden(c, "setup", "THIS MACHINE IS NOT SET UP YET.", "3f9c01a277e4b810", "port 1-1", "Enter Type the answers")
    t.golden(t.console(**SMALL), "setup-40x12", "THIS MACHINE IS NOT SET UP YET.", "Enter Type")
    for language in ("de", "fr"):
        t.golden(t.console(language=language), f"setup-{language}", "lazaret-answers.minisig")
    t.station.tell(medium("reading"))
    c.shows("is being looked through")
    t.station.tell({"event": "medium-gone", "medium": 1})
    waiting(t, refused=REFUSED)
    t.golden(c, "setup-refused", "THESE ANSWERS ARE NOT TAKEN:", "does not match its bytes")
    c.press("enter")
    t.golden(c, "setup-station", "1 OF 5: THE STATION", "< strict >", "2026-11-22 06:30 UTC", "Enter Next")
    c.press("Gate 4", "enter", "right", "enter", "Europe/Berlin", "enter", "enter")
    t.golden(c, "setup-administrator", "2 OF 5: THE ADMINISTRATOR", "Once more")
    c.press("anna", "enter", "the horse eats hay", "enter", "the horse eats hay", "enter")
    c.shows("3 OF 5")
    c.press("ben", "enter", "nine green bottles", "enter", "nine green bottles", "enter")
    t.golden(c, "setup-ports", "4 OF 5: PORTS", "port 1-1: 046d:c31c", "port 1-2")
    c.press("enter")
    t.golden(c, "setup-last", "5 OF 5", "Gate 4", "updates", "Europe/Berlin", "anna", "ben", "port 1-2", "Enter Set up")
    ok("bottles" not in c.text() and "hay" not in c.text(), "no password is on the screen")
    t.station.refuse["set-up"] = "bad-request"
    c.press("enter")
    c.shows("The drive is being read.")  # what the scripted station says to what it refuses
    del t.station.refuse["set-up"]
    c.press("enter")
    c.pump(lambda: len(t.station.asked("set-up")) == 2, "sent")
    sent = t.station.asked("set-up")[-1]["answers"]
    ok(sent["profile"] == "updates" and sent["media-ports"] == ["1-2"] and sent["inputs"] == [{"port": "1-1", "id": "046d:c31c"}] and
       [(p["name"], p["roles"]) for p in sent["persons"]] == [("anna", ["administrator"]), ("ben", ["officer"])], "what is sent", sent)
    waiting(t, by="typed at the machine")
    t.golden(c, "setup-taken", "THE ANSWERS ARE TAKEN. THE MACHINE RESTARTS.", "typed at the machine")


def test_setup_wipes_what_was_typed(t):
    from behaviour import memory_holds
    waiting(t)
    c = t.console()
    c.shows("NOT SET UP")
    c.press("enter", "Gate 4", "enter", "enter", "enter", "enter", "anna", "enter", "sesame-of-the-test", "esc", "esc")
    c.shows("NOT SET UP")
    c.press("l")
    c.shows("Deutsch")
    ok(not memory_holds(c.inner(), b"sesame-of-the-test"), "a form that is left is forgotten")


def test_setup_hubs_before_what_is_used_are_the_stations(t):
    waiting(t)
    usb = [{"port": p, "id": "1d6b:0002", "vendor": "", "product": "Hub", "serial": "", "interfaces": "09:00:00", "role": "hub", "accepted": True, "why": "", "code": None}
           for p in ("1-4", "1-5")]
    kbd = {"port": "1-4.1", "id": "046d:c31c", "vendor": "L", "product": "K", "serial": "", "interfaces": "03:01:01", "role": "input", "accepted": True, "why": "", "code": None}
    t.station.tell({**t.station.devices, "usb": [*usb, kbd]})
    c = t.console()
    c.shows("port 1-4.1")
    c.press("enter", "G", "enter", "enter", "enter", "enter")
    for who in ("anna", "ben"):
        c.press(who, "enter", "a long password", "enter", "a long password", "enter")
    c.shows("4 OF 5")
    c.press("enter", "enter")
    c.pump(lambda: t.station.asked("set-up"), "sent")
    ok(t.station.asked("set-up")[0]["answers"]["hubs"] == ["1-4"], "the hub before the keyboard, and no other", t.station.asked("set-up"))


# -- maintenance ------------------------------------------------------------------------------------------------

PEOPLE = [{"person": "a.weber", "full_name": "Anna Weber", "roles": ["administrator"], "until": 0, "locked_until": 0, "password": True},
          {"person": "j.roth", "full_name": "", "roles": ["officer", "auditor"], "until": 0, "locked_until": NOW + 900, "password": True},
          {"person": "new", "full_name": "New Person", "roles": ["operator"], "until": 0, "locked_until": 0, "password": False}]
CHECKS = {"checks": [{"name": "sandbox", "state": "ok", "text": "accounts, namespaces, Landlock and system-call filter were tried"},
                     {"name": "clock", "state": "warning", "text": "the battery's clock is 400 s behind"},
                     {"name": "secure-boot", "state": "bad", "text": "Secure Boot is off"},
                     {"name": "iommu", "state": "not-applicable", "text": "only an appliance has to have one"}]}


def in_maintenance(t, **options):
    t.station.open_desk()
    t.station.people["m.berg"] = person("Mara Berg", "administrator", secret="Ebbe 77 und Flut")
    t.station.do_people = lambda r: {"people": PEOPLE, "more": False}
    t.station.do_selfcheck = lambda r: {"selfcheck": CHECKS}
    t.station.told_desk(machine=True)
    c = t.console(**options)
    c.shows(" s ")
    c.press("s", "m.berg", "enter", "Ebbe 77 und Flut", "enter")
    return c


def test_maintenance_screens(t):
    c = in_maintenance(t)
    t.golden(c, "maintenance", "MAINTENANCE", "p  People", "x  Switch the machine off", "Mara Berg until")
    c.pump(lambda: t.station.asked("maintenance"), "entered")
    ok(t.station.asked("maintenance")[0]["action"] == "enter", "entering is told")
    c.press("p")
    t.golden(c, "people", "! locked until", "! has no password yet", "officer, auditor", "a Let in")
    c.press("a")
    t.golden(c, "person-add", "LET SOMEBODY IN", "4 [ ] administrator")
    c.press("o.kern", "enter", "Ole Kern", "enter", "1", "enter", "first password", "enter", "other password", "enter")
    c.shows("These are two different passwords.")
    ok(not t.station.asked("person"), "nothing was sent")
    c.press("first password", "enter", "first password", "enter")
    c.shows("Done. It is in the audit trail.")
    ok({k: v for k, v in t.station.asked("person")[0].items() if k != "id"} ==
       {"request": "person", "action": "add", "person": "o.kern", "full_name": "Ole Kern", "roles": ["operator"], "secret": "first password"}, "what is sent",
       t.station.asked("person"))
    c.press("esc", "k")
    t.golden(c, "checks", "+ good", "! warning", "x bad", "- not here", "r Look again")
    c.press("esc", "c")
    t.golden(c, "clock", "CLOCK AND TIME ZONE", "2026-11-22 06:30 UTC", "Enter Set the clock")
    c.press("esc", "r")
    t.golden(c, "restart", "RESTART THE MACHINE?", "Enter Restart")
    c.press("esc", "esc")
    c.shows("READY")
    c.pump(lambda: len(t.station.asked("maintenance")) == 2, "left")
    ok(t.station.asked("maintenance")[-1]["action"] == "leave", "leaving is told")


def sent(t):
    c = t.consoles[-1]
    c.pump(lambda: t.station.asked("person"), "sent")
    return {k: v for k, v in t.station.asked("person")[-1].items() if k in ("action", "person", "roles")}


def test_maintenance_loses_no_key_while_the_list_is_fetched_again(t):
    c = in_maintenance(t)
    c.shows("MAINTENANCE")
    c.press("p")
    c.shows("j.roth")
    t.station.silent.add("people")  # coming back from a form asks again: slowly
    c.press("down", "x", "esc", "e", "3", "1", "enter")
    ok(sent(t) == {"action": "change", "person": "j.roth", "roles": ["operator", "officer"]}, "the roles that were typed are sent", t.station.asked("person"))


def test_maintenance_form_is_about_whom_it_was_opened_for(t):
    c = in_maintenance(t)
    c.shows("MAINTENANCE")
    c.press("p")
    c.shows("j.roth")
    t.station.silent.add("people")
    c.press("down", "e", "esc")
    c.pump(lambda: len(t.station.asked("people")) == 2, "asked again")
    c.press("x")
    c.shows("REMOVE j.roth?")
    more = [{**PEOPLE[0], "person": "a.first"}, *PEOPLE]
    for sock in list(t.station.clients):
        t.station.send(sock, {"answer": t.station.asked("people")[-1]["id"], "ok": True, "people": more, "more": False})
    c.press("enter")
    ok(sent(t) == {"action": "remove", "person": "j.roth", "roles": []}, "whoever came above him meanwhile", t.station.asked("person"))
    c.shows("a.first")
    c.press("u")
    c.pump(lambda: len(t.station.asked("person")) == 2, "sent")
    ok(sent(t)["person"] == "j.roth", "and the cursor is still on him", t.station.asked("person"))


def test_maintenance_languages(t):
    for language in ("de", "fr"):
        t.golden(in_maintenance(t, language=language), f"maintenance-{language}", "Mara Berg")
        t.consoles.pop().close()


def test_maintenance_small(t):
    t.golden(in_maintenance(t, **SMALL), "maintenance-40x12", "MAINTENANCE")


def test_maintenance_is_for_administrators(t):
    t.station.open_desk()
    t.station.told_desk(machine=True)
    c = t.console()
    c.shows("s Maintenance")
    c.press("s", "a.weber", "enter", "Regen 4711", "enter")
    ok(c.shows("READY", "Maintenance takes an administrator.", "Anna Weber until"), "an officer is told", c.text())
    ok(not t.station.asked("maintenance") and "s Maintenance" not in c.text(), "and offered it no more", c.text())
    c.press("o")
    c.shows("You are logged out.")
    c.press("s", "esc", "o", "a.weber", "enter", "Regen 4711", "enter")
    ok(c.shows("Anna Weber until") and "takes an administrator" not in c.text(), "who thought better of it is not told later", c.text())


def test_maintenance_ends_with_the_session(t):
    c = in_maintenance(t)
    c.shows("MAINTENANCE")
    c.press("p", "a", "o.kern")
    c.shows("LET SOMEBODY IN")
    t.station.end_sessions()
    ok(c.shows("READY", "The session has ended."), "with all that was open", c.text())


def test_maintenance_power(t):
    c = in_maintenance(t)
    c.shows("MAINTENANCE")
    t.station.tell(medium("reading"))
    c.press("x")
    ok(c.shows("SWITCH THE MACHINE OFF?", "medium is being inspected: it is stopped"), "what runs is said before", c.text())
    t.station.refuse["machine"] = "unavailable"
    c.press("enter")
    ok(c.shows("The drive is being read."), "what the station says to it is shown", c.text())
    del t.station.refuse["machine"]
    c.press("enter")
    ok(c.shows("THE MACHINE IS SWITCHED OFF."), "then it goes", c.text())


def test_offers_at_an_appliance(t):
    t.station.open_desk()
    t.station.told_desk(machine=True, offers=offers())
    c = t.console()
    c.shows("o Log in")
    c.press("o", "a.weber", "enter", "Regen 4711", "enter")
    c.shows("u Updates")
    c.press("u")
    t.golden(c, "offers-appliance", "clamav, version 27821", "a Put in force", "x Drop")
    c.press("a")
    ok(c.shows("Passed on."), "passed on", c.text())
    ok(t.station.asked("update")[0]["action"] == "approve" and t.station.asked("update")[0]["pack"] == "1-2/site.pack", "the chosen one", t.station.asked("update"))


# -- going back -------------------------------------------------------------------------------------------------

def at_updates(t, waiting=(), **options):
    t.station.open_desk()
    t.station.people["m.berg"] = person("Mara Berg", "administrator", secret="Ebbe 77 und Flut")
    t.station.station_undo = undo()
    t.station.told_desk(machine=True, offers=list(waiting))
    c = t.console(**options)
    c.shows(" o ")
    c.press("o", "a.weber", "enter", "Regen 4711", "enter")
    c.shows("Anna Weber")
    c.press("u")
    return c


def test_undo_screens(t):
    c = at_updates(t)
    c.shows("None.", "b Go back")
    c.press("b")
    t.golden(c, "undo", "GO BACK TO WHAT WAS IN FORCE BEFORE?", "clamav, version 27820, 2 days old", "instead of clamav, version 27821, 1 day old",
             "what the station was set up with", "No longer trusted   pump-vendor", "Enter Go on")
    c.press("enter")
    ok(c.shows("A decision needs a reason"), "not without a reason", c.text())
    c.press("false alarms in our tool", "enter")
    t.golden(c, "undo-second", "A SECOND PERSON CONFIRMS THIS, OR NOT.", "false alarms in our tool", "clamav, version 27820", "Second person")
    c.press("a.weber", "enter", "Regen 4711", "enter")
    ok(c.shows("THE SAME PERSON CANNOT DO BOTH."), "one person is not two", c.text())
    c.press("s.lang", "enter", "Nebel 22", "enter")
    ok(c.shows("NOT PERMITTED", "an officer or an administrator"), "nor is an auditor the second", c.text())
    c.press("up", "\x15", "m.berg", "enter", "Ebbe 77 und Flut", "enter")
    ok(c.shows("Passed on. It is in the audit trail."), "an administrator is", c.text())
    ok({k: v for k, v in t.station.asked("undo")[-1].items() if k != "id"} ==
       {"request": "undo", "person": "m.berg", "secret": "Ebbe 77 und Flut", "reason": "false alarms in our tool", "sha256": "5" * 64}, "what is sent")


def test_undo_more_keys_than_fit(t):
    c = at_updates(t)
    t.station.station_undo = undo(keys=["vendor-%02d" % k for k in range(20)], more_keys=492)
    t.station.told_desk(machine=True)
    c.shows("b Go back")
    c.press("b")
    ok(c.shows("vendor-00, vendor-01", "and 492 others"), "how many keys go is said", c.text())


def test_undo_is_of_what_was_shown(t):
    c = at_updates(t)
    c.shows("b Go back")
    c.press("b", "a reason")
    c.shows("GO BACK TO WHAT WAS IN FORCE BEFORE?", "a reason")
    t.station.station_undo = undo(sha256="6" * 64)
    t.station.told_desk(machine=True)
    c.press("enter", "m.berg", "enter", "Ebbe 77 und Flut", "enter")
    ok(c.shows("something else is in force by now: look at it first", "b Go back"), "another pack came into force meanwhile", c.text())
    ok(t.station.asked("undo")[-1]["sha256"] == "5" * 64, "what was on the screen is meant")


def test_undo_is_asked_for_more(t):
    c = at_updates(t)
    c.shows("b Go back")
    c.press("b", "a reason", "enter", "k.key", "enter", "Hagel 9", "enter")
    c.shows("One-time code:")
    c.press("123456", "enter")
    c.shows("Which site?")
    c.press("north", "enter")
    ok(c.shows("Passed on."), "a second person with a second factor", c.text())


def test_undo_is_not_offered(t):
    c = at_updates(t, offers())
    c.shows("a Put in force", "b Go back")
    t.station.station_undo = None
    t.station.told_desk(machine=True, offers=offers())
    c.pump(lambda: "b Go back" not in c.text(), "gone")
    c.press("b")
    ok("b Go back" not in c.text() and "a Put in force" in c.text() and not t.station.asked("undo"), "where there is nothing to go back to", c.text())
    t.station.station_undo = undo()
    t.station.told_desk(machine=False, offers=offers())
    c.shows("lazaret update apply")
    c.press("b")
    c.quiet()
    ok("b Go back" not in c.text() and "GO BACK" not in c.text(), "nor where it is done by command", c.text())


def test_undo_languages(t):
    for language in ("de", "fr"):
        c = at_updates(t, language=language)
        c.press("b")
        t.golden(c, f"undo-{language}", "clamav", "pump-vendor")
        t.consoles.pop().close()


def test_undo_small(t):
    c = at_updates(t, **SMALL)
    c.press("b")
    t.golden(c, "undo-40x12", "GO BACK", "clamav", "Reason")
    c.press("a reason", "enter")
    t.golden(c, "undo-second-40x12", "Second person")


# -- ports, keyboards, the name ---------------------------------------------------------------------------------

HUB = {"port": "1-4", "id": "05e3:0608", "vendor": "Genesys", "product": "USB Hub", "serial": "", "interfaces": "09:00:00", "role": "hub", "accepted": False,
       "why": "This kind of device is not accepted here.", "code": "usb-class"}
SECOND = {"port": "1-5", "id": "04d9:0169", "vendor": "Holtek", "product": "Keyboard", "serial": "", "interfaces": "03:01:01", "role": "input", "accepted": False,
          "why": "The device says that it is a keyboard.", "code": "usb-keyboard"}
PHONE = {"port": "1-6", "id": "18d1:4ee7", "vendor": "Google", "product": "Pixel", "serial": "", "interfaces": "06:01:01", "role": "other", "accepted": False,
         "why": "This kind of device is not accepted here.", "code": "usb-class"}


def at_ports(t, configured=None, **options):
    lists = {"media-ports": ["1-2", "1-3"], "inputs": [{"port": "1-1", "id": "046d:c31c"}, {"port": "1-7", "id": "046d:c31c"}], "hubs": ["1-8"], **(configured or {})}
    t.station.do_ports = lambda r: {"configured": lists, "guard": True, "file": "lazaret.yaml", "name_file": "lazaret.yaml"}
    t.station.do_port = lambda r: {}
    t.station.tell({**t.station.devices, "usb": [*t.station.devices["usb"], HUB, SECOND, PHONE]})
    c = in_maintenance(t, **options)
    c.shows("Mara Berg")
    c.press("d")
    return c


def test_ports_screens(t):
    c = at_ports(t)
    t.golden(c, "ports", "Ports and keyboards", "+ the station's own  Logitech USB Keyboard", "+ for media  SanDisk Ultra", "- hub, switched off", "- keyboard, switched off",
             "! bound, not plugged in", "! hub, not plugged in", "Enter Change")
    changes = (("port-keyboard", 4, "BIND THIS KEYBOARD TO ITS PORT?", "keyboard", "1-5", "04d9:0169"), ("port-media", 5, "MAKE THIS PORT ONE FOR MEDIA?", "media", "1-6", "18d1:4ee7"),
               ("port-hub", 3, "IS THIS HUB THE STATION'S OWN?", "hub", "1-4", "05e3:0608"), ("port-no-keyboard", 1, "TAKE THIS KEYBOARD OR DEVICE AWAY?", "no-keyboard", "1-1", "046d:c31c"),
               ("port-no-media", 2, "THIS PORT NO LONGER FOR MEDIA?", "no-media", "1-2", "0781:5581"), ("port-no-hub", 8, "THIS HUB NO LONGER THE STATION'S OWN?", "no-hub", "1-8", ""))
    for name, row, heading, action, port, device in changes:
        c.press("home", *["down"] * (row - 1), "enter")
        t.golden(c, name, heading, "Enter Yes, change it")
        c.press("enter")
        c.shows("Done. It is in the audit trail.", "Ports and keyboards")
        asked = t.station.asked("port")[-1]
        ok((asked["action"], asked["port"], asked["device"]) == (action, port, device), f"{name}: what is sent", t.station.asked("port")[-1])
    c.press("home", "down", "down")
    ok(c.shows("This kind of device is not accepted here."), "why a device is off is said", c.text())


def test_ports_change_is_of_what_was_shown(t):
    c = at_ports(t)
    c.shows("- keyboard, switched off")
    c.press("down", "down", "down", "enter")
    c.shows("BIND THIS KEYBOARD", "04d9:0169")
    t.station.tell({**t.station.devices, "usb": [{**SECOND, "port": "1-5", "id": "dead:beef"}]})
    c.press("enter")
    c.pump(lambda: t.station.asked("port"), "sent")
    ok(t.station.asked("port")[0]["device"] == "04d9:0169", "another device is there meanwhile: the one that was shown is named", t.station.asked("port"))


def test_ports_last_one_for_media(t):
    c = at_ports(t, {"media-ports": ["1-2"]})
    c.shows("+ for media")
    c.press("down", "enter")
    ok(c.shows("It is the last one: no USB medium is accepted then."), "the last port for media", c.text())


def test_ports_refusals(t):
    """Whatever the station says is shown, and what was asked for is still there."""
    c = at_ports(t)
    c.shows("+ the station's own")
    c.press("enter")
    c.shows("TAKE THIS KEYBOARD")

    def refuse(r):
        raise Refused("not-now", "this is the last keyboard that types here: plug another one in and bind it first")
    t.station.do_port = refuse
    c.press("enter")
    t.golden(c, "port-refused", "this is the last keyboard that types here", "TAKE THIS KEYBOARD")
    c.press("esc")
    ok(c.shows("Ports and keyboards", "+ the station's own"), "nothing has changed", c.text())


def test_ports_without_a_guard(t):
    c = at_ports(t)
    c.press("esc")
    c.shows("MAINTENANCE")
    t.station.do_ports = lambda r: {"configured": {"media-ports": ["any"], "inputs": [], "hubs": []}, "guard": False, "file": "lazaret.yaml", "name_file": "lazaret.yaml"}
    c.press("d")
    ok(c.shows("does not guard its ports"), "a station whose guard is off says so", c.text())


def test_ports_hostile_strings(t):
    c = at_ports(t)
    t.station.do_ports = lambda r: {"configured": 5, "guard": "x"}
    for usb in (5, [5, {"port": 5}, {}], [{**SECOND, "vendor": "\x1b[2J" * 50}] * 60):
        t.station.tell({**t.station.devices, "usb": usb})
        c.press("esc", "d", "down", "enter", "esc", "end", "enter", "esc")
        c.pump(lambda: False, "", 0.05)
    ok(c.status is None and b"\x1b[2J\x1b[2J" not in c.raw, "the console lives, and passes no escape sequence on")


def test_ports_languages(t):
    for language in ("de", "fr"):
        c = at_ports(t, language=language)
        t.golden(c, f"ports-{language}", "SanDisk")
        c.press("down", "down", "down", "enter")
        t.golden(c, f"port-keyboard-{language}", "04d9:0169")
        t.consoles.pop().close()


def test_ports_small(t):
    t.golden(at_ports(t, **SMALL), "ports-40x12", "1-1", "046d:c31c")


def test_ports_are_of_an_appliance(t):
    c = in_maintenance(t)
    c.shows("d  Ports and keyboards", "n  The station's name")
    t.station.told_desk(machine=False)
    c.pump(lambda: "Ports and keyboards" not in c.text(), "gone")
    c.press("d", "n")
    c.quiet()
    ok("MAINTENANCE" in c.text() and not t.station.asked("ports"), "elsewhere they are in lazaret.yaml", c.text())


def test_station_name(t):
    c = in_maintenance(t)
    c.shows("MAINTENANCE")
    t.station.do_station_name = lambda r: {}
    c.press("n")
    t.golden(c, "station-name", "THE STATION'S NAME", "Name now          Gate 3, building 7", "Enter Keep")
    c.press("enter")
    ok(c.shows("The station needs a name."), "nothing is no name", c.text())
    c.press("Tor 4: Süd", "enter")
    ok(c.shows("Done. It is in the audit trail.", "MAINTENANCE"), "renamed", c.text())
    ok(t.station.asked("station_name")[-1]["name"] == "Tor 4: Süd", "what is sent")
