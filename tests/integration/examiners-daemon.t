#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""The daemon with YARA rules and a plug-in: attached media go through all examiners; a reload prepares new ones beside those in
force; one that dies is started anew, with the others. Needs root and loop devices."""
import hashlib
import os
import shutil
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import station  # noqa: E402
from station import Station, Stick  # noqa: E402
from tap import ROOT, ok  # noqa: E402

GOOD = b"rule first { strings: $a = \"FIRST\" condition: $a }\n"
OTHER = b"rule second { strings: $a = \"SECOND\" condition: $a }\n"


def settings(work, rules, pin=None):
    (work / "rules").mkdir(exist_ok=True)
    (work / "rules" / "site.yar").write_bytes(rules)
    plugin = work / "plugin" / "hostile"
    if not plugin.exists():
        plugin.parent.mkdir()
        shutil.copy(ROOT / "tests" / "lib" / "hostile_plugin.py", plugin)
    return ("\nyara:\n  directory: %s\n  files: [{file: site.yar, sha256: %s}]\n"
            "plugins:\n  - {name: hostile, program: %s, sha256: %s, time: 5s, types: [\"text/*\"]}\n"
            % (work / "rules", pin or hashlib.sha256(rules).hexdigest(), plugin, hashlib.sha256(plugin.read_bytes()).hexdigest()))


def inspected(s, work, name, files):
    """{path: code} of what was refused."""
    stick = Stick(work, name, files).plug()
    before = set(s.client.media)
    try:
        m = s.client.wait_medium(lambda m: m["state"] == "done" and m["medium"] not in before)
        return m, {f["path"]: (f["code"], f.get("detail") or "") for f in m["findings"]}
    finally:
        stick.pull()


def examiners(work):
    s = Station(work, "examiners", extra=settings(work, GOOD)).start().ready()
    ok(len(s.children("lazaret-yara")) == 1 and len(s.children("lazaret-plugin")) == 1, "one parent for each examiner")
    m, found = inspected(s, work, "one", {"clean.txt": b"clean\nhello\n", "first.txt": b"clean\nFIRST\n", "second.txt": b"clean\nSECOND\n",
                                          "bad.txt": b"finding\nhello\n"})
    ok(found.get("first.txt", ("", ""))[0] == "malware" and "second.txt" not in found and "bad.txt" in found, "each has its say", found)

    s.configure(settings(work, OTHER))
    s.client.ask("reload")
    s.client.wait_for(lambda c: c.station["reload"] and c.station["reload"]["ok"])
    m, found = inspected(s, work, "two", {"clean.txt": b"clean\nhello\n", "first.txt": b"clean\nFIRST\n", "second.txt": b"clean\nSECOND\n"})
    ok(found.get("second.txt", ("", ""))[0] == "malware" and "first.txt" not in found, "reloaded: other rules", found)

    s.configure(settings(work, b"rule broken { condition: nothing }\n"))
    s.client.ask("reload")
    s.client.wait_for(lambda c: c.station["reload"] and not c.station["reload"]["ok"])
    ok("site.yar:1" in s.client.station["reload"]["text"] and s.client.station["state"] == "ready", "broken rules change nothing, and are told",
       s.client.station)
    m, found = inspected(s, work, "three", {"second.txt": b"clean\nSECOND\n"})
    ok("second.txt" in found, "those in force stay so", found)

    s.configure(settings(work, GOOD))
    for program in ("lazaret-yara", "lazaret-plugin"):
        ready = s.types().count("station-reloaded")
        s.kill(s.children(program))
        s.client.wait_for(lambda c: s.types().count("station-reloaded") > ready and c.station["state"] == "ready")
        ok(True, program + " died: all are started anew")
    m, found = inspected(s, work, "four", {"first.txt": b"clean\nFIRST\n", "clean.txt": b"clean\n"})
    ok(found.get("first.txt", ("", ""))[0] == "malware" and m["counts"]["approved"] == 1, "and work", (found, m))
    ok(s.stop() == 0 and not s.children("lazaret-yara") and not s.children("lazaret-plugin"), "ends in good order, with all of them",
       s.log.read_text()[-1500:])


if __name__ == "__main__":
    sys.exit(station.main((examiners,), sys.argv[1:]))
