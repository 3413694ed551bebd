#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""Staging for the isolated side (docs/share.md): real Samba, NFS-Ganesha and OpenSSH on the station's side of a network, real clients on
the other. Whatever a client lists while transfers are being published is complete and verifies; nobody can write; nothing but the
configured ports is reached, from nowhere else, and the station opens nothing by itself. Needs root, for namespaces."""
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import share  # noqa: E402
from share import HERE, HERE6, SHARE, THERE, Server, Station, inside, reaches, waits_until  # noqa: E402
from tap import finish, ok, skip  # noqa: E402

NAME = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{6}")
SECTION = """share:
  interface: iso0
  address: %s
  clients: ['%s']
  services: [smb, nfs, sftp]
"""
PASSWORD = "korrekt pferd 7"
NFS_CLIENT = "nfs://%s/staging" % HERE


def said(done):
    return "status %d\n%s%s" % (done.returncode, done.stdout, done.stderr)


# -- clients -----------------------------------------------------------------------------------------------------
class Smb:
    name, port = "smb", 445

    def __init__(self, work):
        self.auth = work / "smb-auth"
        self.auth.write_text("username = importer\npassword = %s\n" % PASSWORD)
        self.auth.chmod(0o600)
        self.conf = work / "client.conf"
        self.conf.write_text("[global]\n  lock directory = %s\n  private dir = %s\n  cache directory = %s\n  state directory = %s\n"
                             "  client smb encrypt = desired\n" % ((work,) * 4))

    def ask(self, command, *more):
        return inside("isolated", "smbclient", "-s", self.conf, "-A", self.auth, *more, "//%s/staging" % HERE, "-c", command)

    def listing(self):
        done = self.ask("ls")
        return None if done.returncode else [line.split()[0] for line in done.stdout.splitlines() if re.match(r"  \S", line) and
                                                    line.split()[0] not in (".", "..")]

    def fetch(self, name, to):
        return self.ask("lcd %s; prompt off; recurse on; mget %s" % (to, name))

    def writes(self, name, local):
        return {what: self.ask(command) for what, command in {
            "put": "put %s new.txt" % local, "mkdir": "mkdir new", "remove": "cd %s; del SHA256SUMS" % name,
            "rename": "rename %s other" % name}.items()}


class Nfs:
    name, port = "nfs", 2049

    def __init__(self, work):
        pass

    def listing(self):
        done = inside("isolated", "nfs-ls", NFS_CLIENT + "?version=4")
        return None if done.returncode else [line.split()[-1] for line in done.stdout.splitlines() if line]

    def fetch(self, name, to):
        done = inside("isolated", "nfs-ls", "-R", "%s/%s?version=4" % (NFS_CLIENT, name))
        for line in done.stdout.splitlines():
            found = re.match(r"(.)\S+ +\d+ +\S+ +\S+ +(\d+) (.*)$", line)
            if not found or found.group(1) != "-":
                continue
            path = found.group(3).lstrip("/")
            at = to / (path if path.startswith(name) else name + "/" + path)
            at.parent.mkdir(parents=True, exist_ok=True)
            got = subprocess.run(["ip", "netns", "exec", "isolated", "nfs-cat", "%s/%s?version=4" % (NFS_CLIENT, at.relative_to(to))],
                                 capture_output=True, timeout=120)
            if got.returncode:
                return got
            at.write_bytes(got.stdout)
        return done

    def writes(self, name, local):
        return {"put": inside("isolated", "nfs-cp", local, "%s/new.txt?version=4" % NFS_CLIENT)}


class Sftp:
    name, port = "sftp", 22

    def __init__(self, work):
        self.work = work
        self.key = work / "importer"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.key], check=True)
        self.options = ["-o", "UserKnownHostsFile=%s" % (work / "known"), "-o", "StrictHostKeyChecking=accept-new", "-o", "IdentitiesOnly=yes",
                        "-o", "BatchMode=yes", "-o", "GlobalKnownHostsFile=/dev/null", "-F", "/dev/null"]

    def ask(self, *commands, key=None, user="importer"):
        batch = self.work / ("batch%d" % threading.get_ident())
        batch.write_text("".join(c + "\n" for c in commands))
        return inside("isolated", "sftp", *self.options, "-i", key or self.key, "-b", batch, "%s@%s" % (user, HERE))

    def listing(self):
        done = self.ask("ls -1a")
        return None if done.returncode else [line for line in done.stdout.splitlines() if not line.startswith("sftp>") and line not in (".", "..")]

    def fetch(self, name, to):
        return self.ask("get -r %s %s/" % (name, to))

    def writes(self, name, local):
        return {what: self.ask(command) for what, command in {
            "put": "put %s new.txt" % local, "mkdir": "mkdir new", "remove": "rm %s/SHA256SUMS" % name, "rename": "rename %s other" % name,
            "chmod": "chmod 777 %s" % name, "link": "ln -s /etc new"}.items()}


# -- tests -------------------------------------------------------------------------------------------------------
def consume(station, client, work, stop, found):
    """As an importer does: again and again, whatever is new in the listing is taken and verified."""
    to = work / ("at-" + client.name)
    to.mkdir()
    while True:
        last = stop.is_set()
        listed = client.listing()
        if listed is None:
            found["errors"].append("no listing")
        for name in listed or []:
            if name.startswith(".incoming-"):
                found["hidden"].add(name)
            elif name not in found["taken"]:
                found["taken"].append(name)
                done = client.fetch(name, to)
                why = station.verify(to / name) if done.returncode == 0 else str(done)
                if why:
                    found["errors"].append("%s: %s" % (name, why))
        if last:
            return


def while_publishing(station, clients, work):
    stop = threading.Event()
    found = {c.name: {"taken": [], "hidden": set(), "errors": []} for c in clients}
    threads = [threading.Thread(target=consume, args=(station, c, work, stop, found[c.name])) for c in clients]
    for t in threads:
        t.start()
    try:
        published = [station.publish() for _ in range(8)]
    finally:
        stop.set()
        for t in threads:
            t.join()
    for c in clients:
        f = found[c.name]
        ok(not f["errors"], c.name + ": every transfer that was listed while others were published is complete and verifies", "\n".join(f["errors"])[:3000])
        ok(sorted(f["taken"]) == sorted(station.staged()) and set(published) <= set(f["taken"]), c.name + ": all of them were seen, and nothing else",
           (f["taken"], station.staged()))
        if c.name == "smb":
            ok(not f["hidden"], "smb: no transfer in the making was listed", f["hidden"])


def in_the_making(station, clients, work):
    """A hidden transfer that stays: what can each see of it?"""
    hidden = station.at / "staging/.incoming-20260101T000000Z-aaaaaa"
    hidden.mkdir(mode=0o700)
    (hidden / "secret.txt").write_text("half of it\n")
    shutil.chown(hidden, "_lazaret-publish", "_lazaret-publish")
    try:
        smb, nfs, sftp = clients
        ok(hidden.name not in smb.listing(), "smb: it is not listed")
        done = smb.ask("ls %s\\\\*" % hidden.name)
        ok("secret.txt" not in done.stdout and done.returncode != 0, "smb: nor can it be entered", said(done))
        done = inside("isolated", "nfs-ls", "%s/%s?version=4" % (NFS_CLIENT, hidden.name))
        ok("secret.txt" not in done.stdout, "nfs: what is in it is not listed", said(done))
        done = inside("isolated", "nfs-cat", "%s/%s/secret.txt?version=4" % (NFS_CLIENT, hidden.name))
        ok("half" not in done.stdout and done.returncode != 0, "nfs: nor read", said(done))
        done = sftp.ask("ls %s" % hidden.name)
        ok("secret.txt" not in done.stdout and done.returncode != 0, "sftp: what is in it is not listed", said(done))
        done = sftp.ask("get %s/secret.txt %s/stolen" % (hidden.name, work))
        ok(done.returncode != 0 and not (work / "stolen").exists(), "sftp: nor read", said(done))
    finally:
        shutil.rmtree(hidden)


SNIFFER = """
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.ntohs(3))
s.setsockopt(socket.SOL_SOCKET, 33, 1 << 28)  # SO_RCVBUFFORCE: nothing may be lost
s.bind(("iso0", 0))
s.settimeout(1)
word, end = sys.argv[1].encode(), b"that was all of it"
print("up", flush=True)
while True:
    try:
        data = s.recv(65536)
    except TimeoutError:
        data = b""
    if word in data:
        print("plain", flush=True)
        break
    if end in data:
        break
"""


def on_the_wire(station, clients, work):
    """What passes by: NFS in the clear, which shows that we look; SMB and SFTP not."""
    name = station.staged()[0]
    for c in clients:
        look = subprocess.Popen(["ip", "netns", "exec", "station", sys.executable, "-c", SNIFFER, "nothing special"], stdout=subprocess.PIPE, text=True)
        look.stdout.readline()
        to = work / ("wire-" + c.name)
        to.mkdir()
        c.fetch(name, to)
        inside("isolated", sys.executable, "-c", "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'that was all of it', ('%s', 9))" % HERE)
        seen = look.communicate(timeout=60)[0]
        ok((to / name / "files/.hidden.txt").exists() and ("plain" in seen) == (c.name == "nfs"),
           "%s: what is read is %s on the wire" % (c.name, "plain" if c.name == "nfs" else "encrypted"), (seen, sorted(str(p) for p in to.rglob("*"))))


def nobody_writes(station, clients, work):
    local = work / "local.txt"
    local.write_text("from outside\n")
    name = station.staged()[0]
    before = sorted(str(p) for p in (station.at / "staging").rglob("*"))
    for c in clients:
        for what, done in c.writes(name, local).items():
            ok(done.returncode != 0 or re.search("NT_STATUS_(MEDIA_WRITE_PROTECTED|ACCESS_DENIED)", done.stdout), "%s: %s is refused" % (c.name, what), said(done))
    after = sorted(str(p) for p in (station.at / "staging").rglob("*"))
    ok(before == after and station.verify(station.at / "staging" / name) is None, "nothing has changed in staging", set(before) ^ set(after))


def who_may(station, clients, work):
    smb, _, sftp = clients
    wrong = work / "wrong-auth"
    wrong.write_text("username = importer\npassword = wrong\n")
    done = inside("isolated", "smbclient", "-s", smb.conf, "-A", wrong, "//%s/staging" % HERE, "-c", "ls")
    ok("NT_STATUS_LOGON_FAILURE" in done.stdout + done.stderr, "smb: a wrong password", said(done))
    done = inside("isolated", "smbclient", "-s", smb.conf, "-N", "//%s/staging" % HERE, "-c", "ls")
    ok(done.returncode != 0, "smb: no guest", said(done))
    done = smb.ask("ls", "-m", "SMB3_02")
    ok(done.returncode != 0, "smb: nothing older than SMB 3.1.1", said(done))
    other = work / "other"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", other], check=True)
    ok(sftp.ask("ls", key=other).returncode != 0, "sftp: not with another key")
    done = inside("isolated", "ssh", *sftp.options, "-i", sftp.key, "importer@" + HERE, "id")
    ok(done.returncode != 0 and "uid" not in done.stdout, "sftp: no command", said(done))
    done = inside("isolated", "ssh", *sftp.options, "-i", sftp.key, "-o", "ExitOnForwardFailure=yes", "-W", "%s:445" % HERE, "importer@" + HERE)
    ok(done.returncode != 0, "sftp: no forwarding", said(done))
    done = inside("isolated", "ssh", *sftp.options, "-o", "PreferredAuthentications=none", "importer@" + HERE)
    ok("Permission denied (publickey)" in done.stderr, "sftp: a key is the only way", said(done))
    done = sftp.ask("cd /", "ls -1a")
    ok(done.stdout.split("\n", 2)[2].split() == [".", "..", "staging"], "sftp: there is nothing but staging", said(done))
    done = sftp.ask("ls /etc")
    ok(done.returncode != 0, "sftp: nor anything of the machine", said(done))
    done = inside("isolated", "nfs-ls", "nfs://%s/?version=4" % HERE)
    ok("etc" not in done.stdout, "nfs: nor over NFS", said(done))


LISTENER = "import socket,sys,time\nfor k in sys.argv[1:]:\n s=socket.socket(socket.AF_INET6); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); " \
    "s.bind(('::',int(k))); s.listen(); globals()['s'+k]=s\nprint('up',flush=True); time.sleep(600)"


def listen(ns, *ports):
    p = subprocess.Popen(["ip", "netns", "exec", ns, sys.executable, "-c", LISTENER, *map(str, ports)], stdout=subprocess.PIPE, text=True)
    p.stdout.readline()
    return p


def firewall_first(listeners):
    """Without the firewall all that listens is reached: what is missing below is its doing."""
    ok(reaches("isolated", HERE, [8080]) == ["8080"] and reaches("dirty", "10.99.2.1", [8080]) == ["8080"] and
       reaches("isolated", HERE6, [8080]) == ["8080"] and reaches("station", THERE, [8081]) == ["8081"],
       "without the firewall another port is reached from both sides, and the other side from here")


def firewall(station):
    ports = [1, 22, 111, 139, 445, 2049, 8080, 20048]
    ok(sorted(reaches("isolated", HERE, ports)) == ["2049", "22", "445"], "from the isolated side the three ports and no other", reaches("isolated", HERE, ports))
    silent = [("nothing is reached: " + what, ns, host, [22, 445, 2049, 8080], "tcp") for what, ns, host in (
        ("the station's other address", "isolated", "10.99.2.1"), ("IPv6, which is not configured", "isolated", HERE6),
        ("the dirty side", "dirty", "10.99.2.1"), ("the dirty side, by the address of the isolated one", "dirty", HERE),
        ("the dirty side, by IPv6", "dirty", "fd00:99:2::1"), ("the isolated side, through the station", "dirty", THERE),
        ("the dirty side, through the station", "isolated", share.DIRTY))]
    silent += [("the station opens nothing outwards: %s, %s" % (kind, host), "station", host, [53, 123, 8081], kind)
               for kind in ("tcp", "udp") for host in (THERE, share.DIRTY, share.THERE6)]
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        for row, got in zip(silent, pool.map(lambda row: reaches(*row[1:]), silent)):
            ok(not got, row[0], got)
    done = inside("station", "ping", "-c", "1", "-W", "1", THERE) if shutil.which("ping") else None
    ok(done is None or done.returncode != 0, "nor does it send echo requests")
    inside("station", "ip", "addr", "add", "10.99.1.77/24", "dev", "iso0")
    done = inside("isolated", "ip", "addr", "add", "10.99.1.200/24", "dev", "eth0")
    ok(done.returncode == 0 and reaches("isolated", "10.99.1.77", [22, 445, 8080]) == [], "another address of the same interface is not served")


def firewall_out(station):
    """What the configuration lets out, and that over the isolated side alone; IPv6 with its neighbour discovery."""
    text = SECTION % (HERE6, "fd00:99:1::/64") + "  firewall: {out: ['[%s]:8081', '%s:8081', '%s:8081']}\n" % (share.THERE6, THERE, share.DIRTY)
    station.configure(text)
    done = station.run("share", "write")
    loaded = subprocess.run(["ip", "netns", "exec", "station", *dict(share.unit("lazaret-share-firewall.service"))["ExecStart"].split()], capture_output=True, text=True)
    ok(done.returncode == 0 and loaded.returncode == 0, "another configuration is loaded over the first", said(done) + said(loaded))
    inside("isolated", "ip", "-6", "neigh", "flush", "all")
    inside("station", "ip", "-6", "neigh", "flush", "all")
    ok(reaches("station", share.THERE6, [8081, 8082]) == ["8081"], "one port of one address, by IPv6 with neighbour discovery", reaches("station", share.THERE6, [8081]))
    ok(reaches("station", THERE, [8081, 8082]) == ["8081"], "and by IPv4")
    ok(reaches("station", share.DIRTY, [8081]) == [], "but not over the dirty side's interface")
    ok(reaches("isolated", HERE, [22, 445]) == [], "what is not configured any more is not reached any more")


def tests(work):
    station = Station(work)
    smb, nfs, sftp = clients = [Smb(work), Nfs(work), Sftp(work)]
    (station.at / "share").mkdir(mode=0o700)
    shutil.copy(str(sftp.key) + ".pub", station.at / "share/authorized_keys")
    station.configure(SECTION % (HERE, "10.99.1.0/25"))
    done = station.run("share", "write")
    ok(done.returncode == 0, "lazaret share write", said(done))
    done = subprocess.run([str(share.BUILD / "bin/lazaret"), "-C", str(station.at), "share", "password"], input="%s\n%s\n" % (PASSWORD, PASSWORD),
                          capture_output=True, text=True, timeout=60)
    ok(done.returncode == 0 and "importer" in done.stdout, "lazaret share password", said(done))
    ok(subprocess.run(["getent", "passwd", "importer"], capture_output=True).returncode != 0, "the importers' name is no account of this machine")
    subprocess.run(["mount", "--bind", "-o", "ro", station.at / "staging", SHARE / "export/staging"], check=True)
    listeners = [listen("station", 8080), listen("isolated", 8081, 8082), listen("dirty", 8081)]
    servers = {}
    try:
        firewall_first(listeners)
        done = subprocess.run(["ip", "netns", "exec", "station", *dict(share.unit("lazaret-share-firewall.service"))["ExecStart"].split()], capture_output=True, text=True)
        ok(done.returncode == 0, "the firewall is loaded", said(done))
        servers = {c.name: Server("lazaret-share-%s.service" % c.name, work / (c.name + ".log")) for c in clients}
        station.publish()
        for c in clients:
            ok(waits_until(lambda: c.listing() is not None), "%s answers" % c.name, servers[c.name].said())
        while_publishing(station, clients, work)
        in_the_making(station, clients, work)
        on_the_wire(station, clients, work)
        nobody_writes(station, clients, work)
        who_may(station, clients, work)
        firewall(station)
        firewall_out(station)
        for name, server in servers.items():
            ok(server.process.poll() is None, name + ": the server is still there", server.said())
    finally:
        for p in (*servers.values(), *listeners):
            if isinstance(p, Server):
                p.stop()
            else:
                p.terminate()
                p.wait()


def main():
    lacking = share.missing("smbd", "smbclient", "smbpasswd", "ganesha.nfsd", "nfs-ls", "nfs-cat", "sshd", "sftp", "nft", "ip", "setpriv", "unshare")
    if os.geteuid() != 0:
        skip("the share and its clients", "needs root, for namespaces")
    elif lacking:
        skip("the share and its clients", "not installed: " + " ".join(lacking))
    elif not share.alone(None):
        skip("the share and its clients", "no namespaces of the network can be made here")
    else:
        share.own_run()
        share.network()
        # on a disk: NFS-Ganesha 6 serves no tmpfs
        with tempfile.TemporaryDirectory(prefix="lazaret-share.", dir="/var/tmp") as work:
            pathlib.Path(work).chmod(0o755)
            try:
                tests(pathlib.Path(work))
            finally:
                subprocess.run(["umount", "-l", SHARE / "export/staging"], capture_output=True)
    return finish()


sys.exit(main())
