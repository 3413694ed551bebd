# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""A centre for tests/integration/fleet.t: a PostgreSQL cluster of its own, a wire to it that can be cut, and stations with real
trails and reports."""
import glob
import hashlib
import json
import os
import pathlib
import pwd
import random
import shutil
import signal
import socket
import subprocess
import threading

from tap import BUILD, ROOT, make_databases

BIN = BUILD / "bin"
HOST = "centre.test"  # in the certificate; nothing looks it up
OWNER = "owner"
ZERO = "00" * 32


def newest_postgres():
    """The directory of the server's programs, or None."""
    found = [pathlib.Path(p).parent for p in glob.glob("/usr/lib/postgresql/*/bin/initdb")]
    return max(found, key=lambda p: int(p.parent.name), default=None)


def missing():
    """What is not there of what the test needs."""
    needs = [t for t in ("psql", "openssl", "setpriv") if not shutil.which(t)]
    return needs + ([] if newest_postgres() else ["a PostgreSQL server"])


def checked(*command, text="", **more):
    done = subprocess.run([str(c) for c in command], input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=240, **more)
    if done.returncode != 0:
        raise RuntimeError("%s: %d\n%s" % (" ".join(map(str, command)), done.returncode, done.stdout))
    return done.stdout


class Cluster:
    """Trusts whoever comes by its Unix socket; over TCP it wants TLS and a password."""

    def __init__(self, work):
        self.programs, self.at, self.tls = newest_postgres(), work / "cluster", work / "tls"
        self.at.mkdir(mode=0o755)
        self.run = []
        if os.geteuid() == 0:  # which the server refuses
            user = pwd.getpwnam("nobody")
            self.run = ["setpriv", "--reuid", str(user.pw_uid), "--regid", str(user.pw_gid), "--clear-groups"]
            os.chown(self.at, user.pw_uid, user.pw_gid)
        self.certificates()
        self.environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": str(self.at)}
        checked(*self.run, self.programs / "initdb", "-D", self.at / "data", "-A", "trust", "-U", OWNER, "-N", "--encoding", "UTF8",
                "--locale", "C.UTF-8", env=self.environment, cwd=self.at)
        self.port = self.free_port()
        settings = {"listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": self.at, "fsync": "off", "ssl": "on",
                    "ssl_cert_file": self.at / "server.pem", "ssl_key_file": self.at / "server.key", "shared_buffers": "32MB",
                    "max_connections": 60, "log_min_messages": "warning"}
        lines = "".join("%s = '%s'\n" % pair for pair in settings.items())
        self.write(self.at / "data" / "postgresql.auto.conf", lines)
        self.write(self.at / "data" / "pg_hba.conf", "local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n")
        self.process = None

    def write(self, path, text):
        owner = os.stat(path)
        path.write_text(text)
        if os.geteuid() == 0:
            os.chown(path, owner.st_uid, owner.st_gid)

    @staticmethod
    def free_port():
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            return s.getsockname()[1]

    def certificates(self):
        self.tls.mkdir()
        for name in ("ca", "other-ca"):
            checked("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj",
                    "/CN=" + name, "-keyout", self.tls / (name + ".key"), "-out", self.tls / (name + ".pem"))
        checked("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=" + HOST, "-keyout",
                self.at / "server.key", "-out", self.tls / "server.csr")
        (self.tls / "san").write_text("subjectAltName=DNS:%s\n" % HOST)
        checked("openssl", "x509", "-req", "-in", self.tls / "server.csr", "-CA", self.tls / "ca.pem", "-CAkey", self.tls / "ca.key",
                "-CAcreateserial", "-days", "30", "-extfile", self.tls / "san", "-out", self.at / "server.pem")
        os.chmod(self.at / "server.key", 0o600)
        if os.geteuid() == 0:
            user = pwd.getpwnam("nobody")
            os.chown(self.at / "server.key", user.pw_uid, user.pw_gid)

    def start(self):
        checked(*self.run, self.programs / "pg_ctl", "-D", self.at / "data", "-w", "-t", "60", "-l", self.at / "log", "start",
                env=self.environment, cwd=self.at)
        return self

    def stop(self, how="immediate"):
        """`immediate`: as if it had been killed."""
        subprocess.run([*self.run, str(self.programs / "pg_ctl"), "-D", str(self.at / "data"), "-m", how, "-w", "stop"],
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=self.environment, cwd=self.at, timeout=60)

    def kill(self):
        """The postmaster and, with it, all of its processes, at once."""
        os.kill(int((self.at / "data" / "postmaster.pid").read_text().splitlines()[0]), signal.SIGKILL)

    def dsn(self, database="centre", user=OWNER):
        return "host=%s port=%d dbname=%s user=%s" % (self.at, self.port, database, user)

    def sql(self, text, database="centre", user=OWNER):
        return checked("psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", self.dsn(database, user), "-f", "-", text=text).rstrip("\n")

    def refused(self, text, user):
        """The words of the refusal; None: it was not refused."""
        done = subprocess.run(["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", self.dsn(user=user), "-c", text],
                              capture_output=True, text=True, timeout=60)
        return done.stderr if done.returncode else None

    def json(self, text, database="centre"):
        return json.loads(self.sql("SELECT coalesce(json_agg(q), '[]') FROM (%s) q" % text, database))

    def copy(self, database):
        self.sql("DROP DATABASE IF EXISTS " + database, "postgres")
        self.sql("CREATE DATABASE %s TEMPLATE centre" % database, "postgres")


class Wire:
    """A way to the centre that breaks: each connection after as many bytes from the station as `budget()` says (None: never), and
    then what `at_break` does, too. Stalled, it takes what comes and passes nothing on."""

    def __init__(self, port):
        self.to, self.cuts, self.budget, self.at_break, self.is_stalled = port, 0, lambda: None, None, False
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                one, _ = self.listening.accept()
            except OSError:
                return
            try:
                other = socket.create_connection(("127.0.0.1", self.to), timeout=60)
            except OSError:
                one.close()
                continue
            left = [self.budget()]
            for a, b, counted in ((one, other, True), (other, one, False)):
                threading.Thread(target=self.pass_on, args=(a, b, left if counted else [None]), daemon=True).start()

    def pass_on(self, a, b, left):
        try:
            while True:
                data = a.recv(65536)
                if not data:
                    break
                while self.is_stalled:
                    threading.Event().wait(0.05)
                if left[0] is not None and len(data) >= left[0]:
                    b.sendall(data[:left[0]])
                    self.cuts += 1
                    if self.at_break:
                        self.at_break()
                    break
                if left[0] is not None:
                    left[0] -= len(data)
                b.sendall(data)
        except OSError:
            pass
        for s in (a, b):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()

    def close(self):
        self.listening.close()


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


class Station:
    """A station directory with a key of its own; its trail is made by tests/lib/make-trail.c, its own programs can go on with it."""

    def __init__(self, work, number, seed):
        self.number, self.at, self.name = number, work / ("station-%d" % number), "quay %d" % number
        checked(BIN / "lazaret", "init", self.at, "--db", make_databases(work / "db"))
        self.original = (self.at / "lazaret.yaml").read_text()
        self.id = self.original.split("  id: '")[1][:16]
        self.key = (self.at / "keys" / "audit.pub").read_text().splitlines()[1]
        self.random, self.clock, self.previous = random.Random(seed), 1795310000, None
        self.trail = self.at / "audit" / "audit.jsonl"

    def configure(self, database, ca="", extra=""):
        lines = "fleet:\n  database: '%s'\n  interval: 1s\n" % database
        if ca:
            lines += "  ca: '%s'\n  password-file: fleet-password\n" % ca
            (self.at / "fleet-password").write_text(self.password() + "\n")
            os.chmod(self.at / "fleet-password", 0o600)
        (self.at / "lazaret.yaml").write_text(self.original + lines + extra)

    def login(self):
        return "station_%d" % self.number

    def password(self):
        return hashlib.sha256(self.id.encode()).hexdigest()

    # -- records
    def files(self):
        closed = sorted(self.at.glob("audit/audit-*.jsonl"))
        return closed + ([self.trail] if self.trail.exists() else [])

    def lines(self):
        return [line for f in self.files() for line in f.read_text().splitlines() if line.startswith('{"body"')]

    def make(self, specs):
        """Append records: [(type, body)]."""
        lines = self.lines()
        last = json.loads(lines[-1]) if lines else {"seq": -1, "hash": ZERO}
        if not lines:
            specs = [("genesis", {"format": "lazaret.audit/1", "public_key": self.key, "station": self.id})] + list(specs)
        text = "".join("%s %s\n" % (kind, canonical(body)) for kind, body in specs)
        made = subprocess.run([str(BUILD / "tests/make-trail"), str(self.at / "keys/audit.key"), str(last["seq"] + 1), last["hash"],
                               str(self.clock)], input=text, stdout=subprocess.PIPE, text=True, check=True, timeout=60).stdout
        self.clock += len(specs)
        with open(self.trail, "a", encoding="utf-8") as f:
            f.write(made)
        return self.hand_over(self.trail)

    def hand_over(self, *paths):
        """What the ledger goes on with is its own."""
        if os.geteuid() == 0:
            ledger = pwd.getpwnam("_lazaret-ledger")
            for p in paths:
                os.chown(p, ledger.pw_uid, ledger.pw_gid)
        return self

    def some(self, count):
        """Records as a station has them, a report among every thirty."""
        specs = []
        while len(specs) < count:
            n = self.clock + len(specs)
            if self.random.random() < 1 / 30:
                self.make(specs)
                count -= len(specs)
                specs = [self.report()]
            else:
                kind = self.random.choice(("inspection-started", "inspection-concluded", "publishing", "published", "explained"))
                specs.append((kind, {"transfer": "20261122T%06dZ-%06x" % (n % 1000000, n % 0xffffff), "words": self.words(), "n": n}))
        return self.make(specs)

    def words(self):
        return "".join(self.random.choice('abc "\\/{}[]:,\u00e9\u20ac\U0001f512\t\x01') for _ in range(self.random.randrange(200)))

    def report(self, files=None):
        """Keep a report, and what its record says."""
        seen = [json.loads(line) for line in self.lines()] or [{"seq": 0, "hash": ZERO}]
        number = self.random.randrange(1 << 24)
        transfer = "20261122T%06dZ-%06x" % (self.random.randrange(235959), number)
        count = self.random.randrange(12) if files is None else files
        entries = [self.entry(n) for n in range(count)]
        counts = {v: sum(e["verdict"] == v for e in entries) for v in ("approved", "held", "blocked")}
        report = {"format": "lazaret.report/1", "transfer": transfer, "outcome": "published", "started": self.clock, "finished": self.clock + 9,
                  "operator": "jo", "reason": self.words().replace("\t", "").replace("\x01", ""), "previous": self.previous, "engines": [],
                  "station": {"id": self.id, "name": self.name, "version": "0.1.0", "policy": "documents", "policy_sha256": "ab" * 32,
                              "sandbox": "test"},
                  "medium": {"kind": "image", "vendor": "ACME", "model": "Stick", "serial": str(number), "size": 1 << 20, "write_protected": True,
                             "sectors_written": None, "removable_at": None, "volumes": []},
                  "counts": dict(counts, files=count, bytes=count), "audit": {"seq": seen[-1]["seq"], "hash": seen[-1]["hash"]}, "files": []}
        before, after = canonical(report).split('"files":[]', 1)
        text = before + '"files":[\n' + ",\n".join(map(canonical, entries)) + ("\n" if entries else "") + "]" + after + "\n"
        (self.at / "reports" / (transfer + ".json")).write_text(text, encoding="utf-8")
        digest = hashlib.sha256(text.encode()).hexdigest()
        body = {"outcome": "published", "previous": self.previous, "sha256": digest, "size": len(text.encode()), "transfer": transfer}
        self.previous = digest
        return ("report", body)

    def entry(self, n):
        verdict = self.random.choice(("approved", "approved", "held", "blocked"))
        code = {"held": "unsigned", "blocked": "malware"}.get(verdict)
        return {"volume": 0, "path": "d/%d %s" % (n, self.random.choice(("a,b.txt", "{x}.pdf", "\u00e9.doc", '"].zip'))), "size": n,
                "sha256": None if verdict == "held" else hashlib.sha256(b"%d" % self.random.randrange(50)).hexdigest(), "type": "text/plain",
                "verdict": verdict, "rule": None, "reasons": [{"code": code, "detail": "Eicar", "member": None}] * 2 if code else [],
                "signers": [{"key": "AB12", "name": "vendor-x", "via": "SHA256SUMS.asc"}] if verdict == "approved" else [],
                "published_as": "files/%d" % n if verdict == "approved" else None}

    def close_segment(self):
        """As a rotation leaves it: the file gets the number of its first record, the next one goes on."""
        first = json.loads(self.trail.read_text().split("\n", 1)[0])["seq"]
        self.trail.rename(self.at / "audit" / ("audit-%010d.jsonl" % first))
        return self

    # -- programs
    def lazaret(self, *args):
        return subprocess.run([str(BIN / "lazaret"), "-C", str(self.at), *map(str, args)], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=300)

    def push(self):
        return self.lazaret("fleet", "push")

    def status(self):
        done = self.lazaret("--json", "fleet", "status")
        return done.returncode, json.loads(done.stdout)

    def state(self):
        return json.loads((self.at / "fleet" / "state.json").read_text())
