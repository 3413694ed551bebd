# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""The scripted lazaretd's people, held files, decisions and update packs: docs/control.md, as tables. A session belongs to one
connection. What is refused is refused for the reason that a real one would give."""
import hashlib

from terminal import Station

NOW = 1795329000  # of objects/station.json
TRIES = 3
SESSION_S = 600


class Refused(Exception):
    def __init__(self, code, text="", **more):
        super().__init__(code)
        self.error = {"code": code, "text": text, **more}


def person(full_name, *roles, secret, prompts=()):
    return {"full_name": full_name, "roles": list(roles), "secret": secret, "prompts": list(prompts)}


def held(path, content, code, mime, at=NOW - 86400, detail="", signers=(), **more):
    digest = hashlib.sha256(content).hexdigest()
    return {"sha256": digest, "path": path, "size": len(content), "transfer": "20261121T143912Z-5e6f70", "held_at": at, "expires": at + 30 * 86400,
            "code": code, "type": mime, "state": "open", "proposal": None, "content": content, "detail": detail, "signers": list(signers), **more}


class Desk(Station):
    def open_desk(self):
        """People, and something to decide."""
        self.people = {
            "a.weber": person("Anna Weber", "officer", secret="Regen 4711"),
            "j.roth": person("Jan Roth", "officer", secret="Wolke 0815"),
            "s.lang": person("Silke Lang", "auditor", secret="Nebel 22"),
            "o.kern": person("Ole Kern", "operator", secret="Sturm 1"),
            "k.key": person("Kim Key", "officer", secret="Hagel 9", prompts=[("One-time code: ", False, "123456"), ("Which site? ", True, "north")]),
        }
        self.wrong = {}       # person -> tries
        self.locked = {}      # person -> until
        self.sessions = {}    # client -> person
        self.talks = {}       # client -> [person, prompts left, what to do then]
        self.proposals = []
        self.files_held = [
            held("office/invoice.doc", bytes(range(256)) * 40, "active-content", "application/msword", detail="VBA macros"),
            held("data/model.bin", b"\x1b[2J\x1b]0;title\x07" + b"plain words \x9b31m" * 3, "type-unknown", "application/octet-stream"),
            held("backup/archive.7z", b"7z\xbc\xaf\x27\x1c" + b"\0" * 20000, "encrypted", "application/x-7z-compressed",
                 signers=[{"key": "A1B2C3D4E5F60718", "name": "Pump vendor 2026", "via": "backup/archive.7z.minisig"}]),
        ]
        self.release = {"outcome": "published", "transfer": "20261122T063155Z-77aa01", "trouble": None}  # what comes of one
        self.release_waits = False
        self.bounds = 30 * 86400
        self.station_undo = None
        self.told_desk()

    def told_desk(self, **more):
        """The station's object, with what the desk adds."""
        open_ = sum(h["state"] == "open" for h in self.files_held)
        self.tell({**self.station, "held": {"files": len(self.files_held), "bytes": sum(h["size"] for h in self.files_held), "open": open_,
                                            "proposed": len(self.proposals)},
                   "sets": [{"name": "clamav", "version": "27820", "time": NOW - 93000, "age_s": 93000, "state": "ok"},
                            {"name": "site-rules", "version": 12, "time": NOW - 20 * 86400, "age_s": 20 * 86400, "state": "ok"}],
                   "trail": {"records": 12345, "bytes": 3565158, "state": "ok"}, "undo": self.station_undo, **more})

    # -- plumbing

    def refuse_with(self, sock, request, error):
        self.send(sock, {"answer": request["id"], "ok": False, "error": error})

    def answer(self, sock, request, error=None):
        self.asking = sock
        try:
            super().answer(sock, request, error)
        except Refused as refused:
            self.refuse_with(sock, request, refused.error)

    def need(self, *roles):
        who = self.sessions.get(self.asking)
        if not who or not set(roles) & set(self.people[who]["roles"]):
            raise Refused("not-permitted", "this takes " + " or ".join(roles))
        return who

    def stop(self):
        self.sessions, self.talks = {}, {}
        super().stop()

    # -- people

    def session(self, who):
        p = self.people[who]
        return {"person": who, "full_name": p["full_name"], "roles": p["roles"], "ends": NOW + SESSION_S}

    def fail(self, who):
        self.wrong[who] = self.wrong.get(who, 0) + 1
        if self.wrong[who] >= TRIES:
            self.locked[who] = NOW + 900
        raise Refused("wrong", "person or secret is wrong")

    def authenticate(self, who, secret, then):
        if who in self.locked:
            raise Refused("locked-out", "locked until 2026-11-22 06:45 UTC", until=self.locked[who])
        if who not in self.people or secret != self.people[who]["secret"]:
            self.fail(who)
        return self.go_on([who, list(self.people[who]["prompts"]), then])

    def go_on(self, talk):
        who, prompts, then = talk
        if not prompts:
            self.talks.pop(self.asking, None)
            self.wrong.pop(who, None)
            return then(who)
        self.talks[self.asking] = talk
        return {"prompt": {"text": prompts[0][0], "echo": prompts[0][1]}}

    def do_login(self, r):
        def begin(who):
            self.sessions[self.asking] = who
            return {"session": self.session(who)}
        return self.authenticate(r["person"], r["secret"], begin)

    def request(self, sock, request):
        # names with a hyphen are no Python names
        if request["request"] in ("login-answer", "login-cancel", "held-file", "held-bytes", "station-name"):
            request = {**request, "request": request["request"].replace("-", "_")}
        super().request(sock, request)

    def do_login_answer(self, r):
        talk = self.talks.get(self.asking)
        if not talk:
            raise Refused("not-now", "nobody is being asked")
        if r["secret"] != talk[1][0][2]:
            del self.talks[self.asking]
            self.fail(talk[0])
        talk[1].pop(0)
        return self.go_on(talk)

    def do_login_cancel(self, r):
        self.talks.pop(self.asking, None)
        return {}

    def do_logout(self, r):
        self.sessions.pop(self.asking, None)
        return {}

    def end_sessions(self):
        for client in self.sessions:
            self.send(client, {"event": "session", "person": None, "full_name": None, "roles": [], "ends": None})
        self.sessions = {}

    # -- held files

    def shown(self, h):
        return {k: v for k, v in h.items() if k not in ("content", "detail", "signers")}

    def of(self, digest):
        found = [h for h in self.files_held if h["sha256"] == digest]
        if not found:
            raise Refused("not-held", "nothing with this SHA-256 is held")
        return found[0]

    def do_held(self, r):
        self.need("officer", "auditor")
        assert 0 < r["limit"] <= 100
        wanted = {"open": ("open",), "proposed": ("proposed",), "decided": ("released", "rejected"), "all": None}[r["filter"]]
        found = [h for h in self.files_held if (not wanted or h["state"] in wanted) and (not r["search"] or r["search"].lower() in h["path"].lower())]
        return {"total": len(found), "held": [self.shown(h) for h in found[r["offset"]:r["offset"] + r["limit"]]]}

    def do_held_file(self, r):
        self.need("officer", "auditor")
        h = self.of(r["sha256"])
        place = {"transfer": h["transfer"], "path": h["path"], "started": h["held_at"] - 60}
        return {"held": self.shown(h), "places": [place],
                "file": {"volume": 1, "path": h["path"], "size": h["size"], "sha256": h["sha256"], "type": h["type"], "verdict": "held", "rule": "office-documents",
                         "reasons": [{"code": h["code"], "detail": h["detail"], "member": None}], "signers": h["signers"], "published_as": None},
                "seen": [{**place, "verdict": "held"}, {"transfer": "20261101T090000Z-001122", "path": "old/name of it.doc", "verdict": "blocked",
                                                        "started": NOW - 21 * 86400}]}

    def do_held_bytes(self, r):
        self.need("officer", "auditor")
        content = self.of(r["sha256"])["content"]
        assert 0 < r["size"] <= 4096 and r["offset"] >= 0
        return {"bytes": content[r["offset"]:r["offset"] + r["size"]].hex(), "size": len(content)}

    # -- decisions

    def do_propose(self, r):
        who = self.need("officer")
        assert isinstance(r["sha256"], list) and r["reason"].strip()
        needs_second = r["decision"] in ("release", "allow", "remove")
        if r["decision"] in ("release", "allow") and r["until"] is None:
            r["until"] = NOW + 7 * 86400
        if r["decision"] in ("release", "allow") and not NOW < r["until"] <= NOW + self.bounds:
            raise Refused("bad-request", f"until: at most {self.bounds // 86400} days (review.release-time)")
        proposal = {"id": f"{len(self.requests):08x}", "decision": r["decision"], "sha256": r["sha256"], "by": who, "reason": r["reason"],
                    "until": r["until"], "needs_second": needs_second}
        if r["decision"] in ("release", "reject"):
            h = self.of(r["sha256"][0])
            if h["state"] == "rejected":
                raise Refused("not-now", "it was rejected: that decision has to be removed first")
            h.update(state="proposed" if needs_second else "rejected", proposal=proposal if needs_second else None)
        if needs_second:
            self.proposals.append(proposal)
        self.told_desk()
        return {"proposal": proposal}

    def find(self, r):
        found = [p for p in self.proposals if p["id"] == r["proposal"]]
        if not found:
            raise Refused("not-found", "no such proposal")
        return found[0]

    def do_confirm(self, r):
        proposal = self.find(r)

        def act(who):
            if "officer" not in self.people[who]["roles"]:
                raise Refused("not-permitted", "an officer has to confirm")
            if who == proposal["by"]:
                raise Refused("same-person", "the second person must be another one")
            if proposal.get("is_late"):
                raise Refused("expired", "the proposal's time is over")
            self.proposals.remove(proposal)
            for h in self.files_held:
                if h["sha256"] in proposal["sha256"]:
                    h.update(state={"release": "released", "remove": "open"}.get(proposal["decision"], h["state"]), proposal=None)
            self.releasing = (self.asking, proposal["id"])
            self.told_desk()
            return {"decision": {"id": proposal["id"], "seq": 4711}}
        answer = self.authenticate(r["person"], r["secret"], act)
        return answer

    def send(self, sock, message):
        super().send(sock, message)
        if "decision" in message and not self.release_waits:
            self.released()

    def released(self):
        client, proposal = self.releasing
        if [r for r in self.requests if r["request"] == "propose" and r["decision"] == "release"][-1:]:
            self.send(client, {"event": "release", "proposal": proposal, "state": "running", "transfer": None, "outcome": None, "trouble": None})
            self.send(client, {"event": "release", "proposal": proposal, "state": "done", **self.release})

    def do_withdraw(self, r):
        self.need("officer")
        proposal = self.find(r)
        self.proposals.remove(proposal)
        for h in self.files_held:
            if h["sha256"] in proposal["sha256"]:
                h.update(state="open", proposal=None)
        return {}

    # -- going back

    def do_undo(self, r):
        first = self.need("officer")
        if r["sha256"] != (self.station_undo or {}).get("sha256"):
            raise Refused("not-found", "something else is in force by now: look at it first")

        def act(who):
            if who == first:
                raise Refused("same-person", "the second person must be another one")
            if not {"officer", "administrator"} & set(self.people[who]["roles"]):
                raise Refused("not-permitted", "the second person must be an officer or an administrator")
            return {"undo": r["sha256"]}
        return self.authenticate(r["person"], r["secret"], act)

    def do_proposals(self, r):
        self.need("officer")
        return {"proposals": self.proposals}


def undo(**more):
    def brought(name, version, days):
        return {"name": name, "version": version, "made": NOW - days * 86400}
    return {"sha256": "5" * 64, "applied_at": NOW - 3600, "by": "a.weber", "keys": ["pump-vendor"], "more_keys": 0,
            "changes": [{"kind": "database", "from": brought("clamav", 27821, 1), "to": brought("clamav", 27820, 2)},
                        {"kind": "rules", "from": brought("site-rules", 12, 20), "to": None}], **more}


def offers():
    return [{"pack": "1-2/site.pack", "name": "clamav", "version": 27821, "from": "SanDisk Ultra, port 1-2", "trouble": None},
            {"pack": "1-2/old.pack", "name": "older", "version": 11, "from": "SanDisk Ultra, port 1-2", "trouble": None},
            {"pack": "1-2/torn.pack", "name": "types", "version": 3, "from": "SanDisk Ultra, port 1-2",
             "trouble": "It is for another station (Gate 4)."}]

