# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""lazaret-ledger with the test as its supervisor, and reports for it to keep."""
import json
import os
import re
import socket
import struct
import subprocess
import tempfile

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
BIN = os.path.join(os.path.abspath(os.environ.get("BUILD", os.path.join(ROOT, "build"))), "bin")

# -- the ledger's protocol, from its one source --------------------------------------------------------------------
with open(os.path.join(ROOT, "kiosk", "ipc", "messages.def"), encoding="utf-8") as f:
    NAMES = re.findall(r"^M\((\w+),", f.read(), re.M)


def put_str(text):
    data = text.encode()
    return struct.pack("<I", len(data)) + data


class Ledger:
    def __init__(self, station, segment=0, witness=None):
        """`segment`: bytes of the trail's file at which a new one is begun; `witness`: path of the trail's witness. Neither is
        what lazaret.yaml says: the supervisor reads that."""
        self.sock, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        os.set_inheritable(theirs.fileno(), True)
        self.process = subprocess.Popen(["/bin/sh", "-c", 'exec "$0" 3<&%d' % theirs.fileno(),
                                         os.path.join(BIN, "lazaret-ledger")], pass_fds=[theirs.fileno()])
        theirs.close()
        self.sock.settimeout(60)
        if segment:
            self.send("LEDGER_SEGMENT", struct.pack("<Q", segment))
        if witness:
            fd = os.open(os.path.dirname(witness), os.O_RDONLY)
            self.send("LEDGER_KEEP_WITNESS", put_str(os.path.basename(witness)), [fd])
            os.close(fd)
        fds = [os.open(os.path.join(station, name), os.O_RDONLY) for name in ("audit", "reports", "keys/audit.key", "history")]
        self.send("LEDGER_START", put_str("quay 7"), fds)
        for fd in fds:
            os.close(fd)
        self.expect("READY")

    def send(self, name, payload=b"", fds=()):
        socket.send_fds(self.sock, [struct.pack("<I", NAMES.index(name)) + payload], list(fds))

    def expect(self, name):
        data = self.sock.recv(65536)
        got = NAMES[struct.unpack_from("<I", data)[0]] if data else "end of file"
        if got != name:
            raise RuntimeError("expected %s, got %s %r" % (name, got, data))
        return data[4:]

    def append(self, kind, body):
        self.send("LEDGER_APPEND", put_str(kind) + put_str(json.dumps(body)))
        data = self.expect("LEDGER_APPENDED")
        return struct.unpack_from("<Q", data)[0], data[12:44].hex()

    def series(self, series, key):
        self.send("LEDGER_SERIES", put_str(series) + put_str(key))
        return struct.unpack("<Q", self.expect("LEDGER_SERIES_DATE"))[0]

    def report(self, transfer, files, witness):
        return self.keep(transfer, lambda previous: make_report(transfer, files, previous, witness))

    def keep(self, transfer, make):
        """The report that `make` makes, given the hash of the one before or None."""
        self.send("LEDGER_LOCK")
        report = make(self.expect("LEDGER_LOCKED")[4:].decode() or None)
        with tempfile.TemporaryFile() as f:
            f.write(report)
            f.flush()
            self.send("LEDGER_REPORT", put_str(transfer), [f.fileno()])
            self.expect("LEDGER_APPENDED")
        return report

    def stage(self, transfer, report):
        with tempfile.TemporaryFile() as f:
            f.write(report)
            f.flush()
            self.send("LEDGER_STAGE", put_str(transfer), [f.fileno()])
            self.expect("LEDGER_STAGED")

    def end(self):
        self.send("END")
        self.sock.close()
        return self.process.wait(60)


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def make_report(transfer, files, previous, witness):
    entries = [{"volume": 0, "path": p, "size": 1, "sha256": "%064x" % n, "type": "text/plain", "verdict": v, "rule": "text",
                "reasons": [] if v == "approved" else [{"code": "malware", "detail": "Eicar", "member": None}],
                "signers": [], "published_as": "files/" + p if v == "approved" else None}
               for n, (p, v) in enumerate(files)]
    count = {v: sum(e["verdict"] == v for e in entries) for v in ("approved", "held", "blocked")}
    report = {"format": "lazaret.report/1", "transfer": transfer, "outcome": "published", "started": 1795310000,
              "finished": 1795310042, "operator": "jo\\x1b[2J", "reason": "", "previous": previous, "engines": [],
              "station": {"id": "0123456789abcdef", "name": "quay 7", "version": "0.1.0", "policy": "documents",
                          "policy_sha256": "ab" * 32, "sandbox": "test"},
              "medium": {"kind": "image", "vendor": "ACME", "model": "Stick", "serial": "42", "size": 1048576,
                         "write_protected": True, "sectors_written": None, "removable_at": 1795310030, "volumes": []},
              "counts": dict(count, files=len(entries), bytes=len(entries)), "audit": {"seq": witness[0], "hash": witness[1]},
              "files": []}
    return framed(report, entries)


def framed(report, entries):
    """As lazaretd writes it: canonical, a line for each file."""
    before, after = canonical(report).split('"files":[]', 1)
    lines = ",\n".join(map(canonical, entries))
    return (before + '"files":[\n' + lines + ("\n" if lines else "") + "]" + after + "\n").encode()
