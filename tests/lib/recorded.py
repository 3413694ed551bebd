# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""A station with transfers of which a test decides what they were: this script is the supervisor of a real lazaret-ledger, which
records and indexes them. For tests of what is made of records: history, metrics, monthly reports."""
import json
import os
import pathlib
import re
import socket
import struct
import subprocess
import tempfile

from tap import BUILD, ROOT, make_databases

NAMES = re.findall(r"^M\((\w+),", (ROOT / "kiosk" / "ipc" / "messages.def").read_text(), re.M)
LAZARET = BUILD / "bin" / "lazaret"
DAY = 86400
NOVEMBER = 1793491200  # 2026-11-01 00:00 UTC


def _text(text):
    data = text.encode()
    return struct.pack("<I", len(data)) + data


def _canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


class Recorded:
    """`at`: the station's directory."""

    def __init__(self, work, extra=""):
        self.at = pathlib.Path(work) / "station"
        subprocess.run([LAZARET, "init", self.at, "--db", make_databases(pathlib.Path(work) / "db"), "--name", "quay <7> & \"co\""],
                       check=True, stdout=subprocess.DEVNULL)
        with open(self.at / "lazaret.yaml", "a", encoding="utf-8") as f:
            f.write(extra)
        self._begin()

    def _begin(self):
        self.sock, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        os.set_inheritable(theirs.fileno(), True)
        self.process = subprocess.Popen(["/bin/sh", "-c", 'exec "$0" 3<&%d' % theirs.fileno(), BUILD / "bin" / "lazaret-ledger"],
                                        pass_fds=[theirs.fileno()])
        theirs.close()
        self.sock.settimeout(60)
        fds = [os.open(self.at / name, os.O_RDONLY) for name in ("audit", "reports", "keys/audit.key", "history")]
        self._send("LEDGER_START", _text("quay"), fds)
        for fd in fds:
            os.close(fd)
        self._expect("READY")

    def _send(self, name, payload=b"", fds=()):
        socket.send_fds(self.sock, [struct.pack("<I", NAMES.index(name)) + payload], list(fds))

    def _expect(self, name):
        data = self.sock.recv(65536)
        got = NAMES[struct.unpack_from("<I", data)[0]] if data else "end of file"
        if got != name:
            raise RuntimeError("expected %s, got %s %r" % (name, got, data))
        return data[4:]

    def append(self, kind, body):
        """A record of the trail; its number."""
        self._send("LEDGER_APPEND", _text(kind) + _text(json.dumps(body)))
        return struct.unpack_from("<Q", self._expect("LEDGER_APPENDED"))[0]

    def transfer(self, name, files=(), **fields):
        """A report; `files`: (path, verdict) or (path, verdict, code); `fields` of the report and, as a dict, of its `medium`."""
        self._send("LEDGER_LOCK")
        previous = self._expect("LEDGER_LOCKED")[4:].decode() or None
        with tempfile.TemporaryFile() as f:
            f.write(make_report(name, files, previous, fields))
            f.flush()
            self._send("LEDGER_REPORT", _text(name), [f.fileno()])
            self._expect("LEDGER_APPENDED")

    def end(self):
        self._send("END")
        self.sock.close()
        return self.process.wait(60)

    def run(self, *args, **options):
        """`lazaret -C STATION ARGS`."""
        return subprocess.run([LAZARET, "-C", self.at, *map(str, args)], stdin=subprocess.DEVNULL, capture_output=True, timeout=120,
                              **{"text": True, **options})


def make_report(transfer, files, previous, fields):
    entries = [{"volume": 0, "path": f[0], "size": 10, "sha256": "%064x" % n, "type": "text/plain", "verdict": f[1], "rule": "text",
                "reasons": [] if f[1] == "approved" else [{"code": f[2] if len(f) > 2 else "malware", "detail": "Eicar", "member": None}],
                "signers": [], "published_as": "files/" + f[0] if f[1] == "approved" else None}
               for n, f in enumerate(files)]
    count = {v: sum(e["verdict"] == v for e in entries) for v in ("approved", "held", "blocked")}
    fields = dict(fields)
    medium = {"kind": "device", "vendor": "ACME", "model": "Stick", "serial": "42", "size": 1048576, "write_protected": True,
              "sectors_written": None, "removable_at": None, "volumes": [], **fields.pop("medium", {})}
    report = {"format": "lazaret.report/1", "transfer": transfer, "outcome": "published", "started": NOVEMBER,
              "finished": NOVEMBER + 42, "operator": "", "reason": "", "previous": previous, "engines": [],
              "station": {"id": "0123456789abcdef", "name": "quay", "version": "0.1.0", "policy": "documents",
                          "policy_sha256": "ab" * 32, "sandbox": "test"},
              "medium": medium, "counts": dict(count, files=len(entries), bytes=10 * len(entries)), "audit": {"seq": 0, "hash": "00" * 32},
              "files": [], **fields}
    before, after = _canonical(report).split('"files":[]', 1)
    lines = ",\n".join(map(_canonical, entries))
    return (before + '"files":[\n' + lines + ("\n" if lines else "") + "]" + after + "\n").encode()
