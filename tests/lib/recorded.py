# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""A station with transfers of which a test decides what they were: this script is the supervisor of a real lazaret-ledger, which
records and indexes them. For tests of what is made of records: history, metrics, monthly reports."""
import pathlib
import subprocess

import ledger
from tap import BUILD, make_databases

LAZARET = BUILD / "bin" / "lazaret"
DAY = 86400
NOVEMBER = 1793491200  # 2026-11-01 00:00 UTC


class Recorded:
    """`at`: the station's directory."""

    def __init__(self, work, extra=""):
        self.at = pathlib.Path(work) / "station"
        subprocess.run([LAZARET, "init", self.at, "--db", make_databases(pathlib.Path(work) / "db"), "--name", "quay <7> & \"co\""],
                       check=True, stdout=subprocess.DEVNULL)
        with open(self.at / "lazaret.yaml", "a", encoding="utf-8") as f:
            f.write(extra)
        self.ledger = ledger.Ledger(self.at)

    def append(self, kind, body):
        """A record of the trail; its number."""
        return self.ledger.append(kind, body)[0]

    def transfer(self, name, files=(), **fields):
        """A report; `files`: (path, verdict) or (path, verdict, code); `fields` of the report and, as a dict, of its `medium`."""
        self.ledger.keep(name, lambda previous: make_report(name, files, previous, fields))

    def end(self):
        return self.ledger.end()

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
    return ledger.framed(report, entries)
