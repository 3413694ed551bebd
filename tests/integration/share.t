#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""`lazaret share show` and `write` (docs/share.md): what is made of lazaret.yaml, Samba, NFS-Ganesha, OpenSSH and nftables themselves are asked
about; what is not configured is not there; what is wrong changes nothing. With clients: share-clients.t."""
import os
import pathlib
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import share  # noqa: E402
from tap import finish, ok, skip  # noqa: E402

SECTION = """share:
  interface: isolated0
  address: 10.20.0.2
  clients: [10.20.0.0/24, 10.30.0.7]
  services: [smb, nfs, sftp]
"""
SIX = """share:
  interface: isolated0
  address: fd00:20::2
  clients: ['fd00:20::/64']
  services: [smb, nfs, sftp]
  user: import-7
  smb: {encryption: offered, port: 1445}
  nfs: {port: 12049}
  sftp: {port: 2222}
  firewall: {out: ['10.9.9.9:5432', '[fd00:9::9]:123/udp']}
"""
WORDS = ("smb", "nfs", "sftp", "keys", "firewall", "network", "passwd")
FILES = {"smb.conf", "ganesha.conf", "sshd_config", "authorized_keys", "firewall.nft", "interface.network", "accounts/passwd", "accounts/group", "accounts/shadow"}


def tool(name):
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def run(*command, **more):
    return subprocess.run([str(c) for c in command], stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=120, **more)


def said(done):
    return "status %d\n%s%s" % (done.returncode, done.stdout, done.stderr)


def asked(what, program, name, *command, good=lambda done: done.returncode == 0, **more):
    if not tool(program):
        skip("%s: %s" % (name, what), "%s is not installed" % program)
        return None
    done = run(tool(program), *command, **more)
    ok(good(done), "%s: %s" % (name, what), said(done))
    return done


def files(root):
    return {str(p.relative_to(root)) for p in root.rglob("*") if p.is_file()} if root.exists() else set()


def off(station, root):
    for word in WORDS:
        done = station.run("share", "show", word)
        ok(done.returncode == 1 and not done.stdout and "not configured" in done.stderr, "without 'share:' there is no " + word, said(done))
    done = station.run("share", "write", "--root", root)
    ok(done.returncode == 0 and not files(root) and not (station.at / "share").exists(), "and nothing is written", (said(done), files(root)))


def programs_agree(station, root, work, name):
    done = station.run("share", "write", "--root", root)
    ok(done.returncode == 0 and files(root) == FILES, name + ": all is written", (said(done), files(root)))
    for word, file in zip(WORDS, ("smb.conf", "ganesha.conf", "sshd_config", "authorized_keys", "firewall.nft", "interface.network", "accounts/passwd")):
        shown = station.run("share", "show", "--root", root, word)
        ok(shown.returncode == 0 and shown.stdout == (root / file).read_text(), "%s: 'show %s' is %s" % (name, word, file), said(shown))
    odd = [p for p in root.rglob("*") if stat.S_IMODE(p.stat().st_mode) & 0o022 or p.is_symlink()]
    ok(not odd, name + ": nobody else can write there", odd)
    done = asked("testparm understands all of smb.conf", "testparm", name, "-s", root / "smb.conf",
                 good=lambda d: d.returncode == 0 and not re.search("(?i)unknown|ignor|invalid|error", d.stderr))
    if done:
        ok("\n\tread only = No" not in done.stdout and "server signing = required" in done.stdout and "veto files = /.incoming-*/" in
           run(tool("testparm"), "-s", "-v", "--section-name=staging", root / "smb.conf").stdout, name + ": and means the same", said(done))
    rules = (root / "firewall.nft").read_text()
    if tool("nft") and os.geteuid() == 0 and run("unshare", "--net", "true").returncode == 0:
        asked("nft understands firewall.nft", "unshare", name, "--net", "nft", "-c", "-f", root / "firewall.nft")
        done = run("unshare", "--net", "sh", "-c", 'nft -f "$1" && nft -f "$1" && nft list ruleset', "sh", root / "firewall.nft")
        ok(done.returncode == 0 and done.stdout.count("policy drop") == 3 and done.stdout.count("table ") == 1, name + ": loaded twice it is there once",
           said(done))
    else:
        skip(name + ": nft", "needs nftables, root and a network namespace")
    networkd(root, name)
    ok("policy accept" not in rules and rules.count("policy drop") == 3, name + ": the firewall drops what it does not name", rules)


def networkd(root, name):
    """systemd.network(5): one address and no network around it; ways to who may come and to what is allowed out, by no gateway."""
    text = (root / "interface.network").read_text()
    sections = re.findall(r"\[(\w+)\]\n((?:.+\n)*)", text)
    network = dict(line.split("=", 1) for section, body in sections if section == "Network" for line in body.splitlines())
    ok(network.get("Address") == ("fd00:20::2/128" if "IPv6" in name else "10.20.0.2/32"), name + ": the interface has the one address", text)
    ways = {dict(line.split("=", 1) for line in body.splitlines())["Destination"] for section, body in sections if section == "Route"}
    ok(ways == ({"fd00:20::/64", "10.9.9.9", "fd00:9::9"} if "IPv6" in name else {"10.20.0.0/24", "10.30.0.7"}) and "Gateway" not in text, name + ": and these ways, by no gateway", text)
    ok(all(network.get(k) == "no" for k in ("DHCP", "LinkLocalAddressing", "IPv6AcceptRA", "LLDP", "EmitLLDP")), name + ": and nothing is asked of the network", text)


def sshd_agrees(station, root, work, name):
    """sshd -t wants to be root for nothing but its host key and /run/sshd."""
    if not tool("sshd") or os.geteuid() != 0:
        skip(name + ": sshd", "needs openssh-server and root")
        return
    done = run("unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o mode=755 tmpfs /run && mkdir /run/sshd && exec "$@"', "sh", tool("sshd"), "-T", "-f",
               root / "sshd_config", "-C", "user=importer,host=x,addr=10.20.0.9")
    have = dict(line.split(" ", 1) for line in done.stdout.splitlines() if " " in line)
    wanted = {"passwordauthentication": "no", "kbdinteractiveauthentication": "no", "permitrootlogin": "no", "authenticationmethods": "publickey",
              "disableforwarding": "yes", "permittty": "no", "usepam": "no", "chrootdirectory": "%s/export" % root, "permituserenvironment": "no",
              "forcecommand": "internal-sftp -R -d /staging", "gssapiauthentication": "no", "hostbasedauthentication": "no", "x11forwarding": "no"}
    ok(done.returncode == 0 and all(have.get(k) == v for k, v in wanted.items()), name + ": sshd understands sshd_config, and means the same",
       (said(done), {k: have.get(k) for k, v in wanted.items() if have.get(k) != v}))


def ganesha_agrees(station, root, work, name):
    """It has no check of its own: it is started where nobody is, and says what it does not understand."""
    if not tool("ganesha.nfsd") or os.geteuid() != 0:
        skip(name + ": NFS-Ganesha", "needs nfs-ganesha and root")
        return
    conf = (root / "ganesha.conf").read_text()
    address = re.search("Bind_addr = (.*);", conf).group(1)

    def complains(text):
        file = work / "ganesha.conf"
        file.write_text(text)
        process = subprocess.Popen(["unshare", "--net", "sh", "-c", 'ip link set lo up; ip addr add "$1" dev lo; shift; exec "$@"', "sh",
                                    address, tool("ganesha.nfsd"), "-F", "-L", "STDOUT", "-p", work / "pid", "-f", file], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        lines, patience = [], threading.Timer(60, process.kill)
        patience.start()
        for line in process.stdout:
            lines.append(line)
            if "NFS SERVER INITIALIZED" in line:
                break
        patience.cancel()
        process.kill()
        process.stdout.close()
        done = subprocess.CompletedProcess([], process.wait(), "".join(lines), "")
        # a parameter that version 5 has brought (kiosk/share/nfs.c)
        return [line for line in re.findall(r".*Config File.*", done.stdout) if ":WARN :" not in line or "(Allow_Set_Io_Flusher_Fail)" not in line], done

    lines, done = complains(conf)
    ok(not lines and "NFS SERVER INITIALIZED" in done.stdout, name + ": NFS-Ganesha understands ganesha.conf", "\n".join(lines) + said(done))
    lines, done = complains(conf.replace("Access_Type = RO", "Access_Tipe = RO"))
    ok(lines, name + ": it would have said so", said(done))


def refusals(station, root):
    before = {f: (root / f).read_text() for f in files(root)}
    keys = station.at / "share/authorized_keys"
    good = keys.read_text()
    for what, text in (("a key with options", 'command="sh" ' + good), ("no key at all", "# later\n"), ("a private key", "-----BEGIN OPENSSH PRIVATE KEY-----\n")):
        keys.write_text(text)
        done = station.run("share", "write", "--root", root)
        ok(done.returncode == 2 and "authorized_keys" in done.stderr, "refused: " + what, said(done))
    keys.write_text(good)
    for what, section in (("a line end in a name", SECTION + '  user: "x\\n   guest ok = yes"\n'), ("a percent sign", SECTION + "  user: '%S'\n"),
                          ("an interface with words", SECTION.replace("isolated0", '"e accept"')),
                          ("a network with a list in it", SECTION.replace("10.30.0.7", "'10.0.0.0/8 } accept'")),
                          ("an address with more", SECTION.replace("10.20.0.2", "'10.20.0.2;'"))):
        station.configure(section)
        done = station.run("share", "write", "--root", root)
        ok(done.returncode == 2 and "lazaret.yaml:" in done.stderr, "refused: " + what, said(done))
    station.configure(SECTION)
    for bad in ("relative", "/run/a b", "/run/../x", "/run/x/", "/"):
        done = station.run("share", "write", "--root", bad)
        ok(done.returncode == 64, "refused: --root %s" % bad, said(done))
    ok({f: (root / f).read_text() for f in files(root)} == before, "all of this has changed nothing")
    station.configure(SECTION.replace(", nfs, sftp", ""))
    shutil.copytree(station.at, station.at.with_name("a b"))
    done = run(share.BUILD / "bin/lazaret", "-C", station.at.with_name("a b"), "share", "show", "smb")
    ok(done.returncode == 2 and "must lie at a path" in done.stderr, "refused: a station at a path with a blank", said(done))
    station.configure(SECTION)
    for words in (("show",), ("show", "smb", "x"), ("show", "ftp"), ("write", "x"), ("wipe",), (), ("show", "--colour", "smb")):
        ok(station.run("share", *words).returncode == 64, "usage: share " + " ".join(words))


def turned_off(station, root):
    host_key = station.at / "share/sftp/ssh_host_ed25519_key"
    before = host_key.read_bytes()
    station.configure(SECTION.replace("[smb, nfs, sftp]", "[sftp]") + "  firewall: {on: false}\n")
    done = station.run("share", "write", "--root", root)
    ok(done.returncode == 0 and files(root) == {f for f in FILES if "smb" not in f and "ganesha" not in f and "firewall" not in f},
       "what is not configured any more goes", (said(done), files(root)))
    ok(host_key.read_bytes() == before and stat.S_IMODE(host_key.stat().st_mode) == 0o600, "the host key stays what it was, its owner's alone")
    done = station.run("share", "password", "--root", root)
    ok(done.returncode == 1 and "not configured" in done.stderr, "no password without SMB", said(done))
    station.configure("")
    done = station.run("share", "write", "--root", root)
    ok(done.returncode == 0 and not files(root), "nor does anything stay when the section goes", (said(done), files(root)))


def main():
    if subprocess.run(["getent", "passwd", "_lazaret-share"], capture_output=True).returncode != 0:
        skip("the share's configuration", "there is no account _lazaret-share (image/packages/install makes it for root)")
        return finish()
    if not tool("ssh-keygen"):
        skip("the share's configuration", "needs openssh-client")
        return finish()
    with tempfile.TemporaryDirectory(prefix="lazaret-share.") as name:
        work = pathlib.Path(name)
        work.chmod(0o755)
        station, root = share.Station(work), work / "run"
        off(station, root)
        (station.at / "share").mkdir(mode=0o700)
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", work / "key")
        shutil.copy(work / "key.pub", station.at / "share/authorized_keys")
        for name, section in (("IPv6, all said", SIX), ("IPv4, the usual", SECTION)):
            station.configure(section)
            programs_agree(station, root, work, name)
            sshd_agrees(station, root, work, name)
            ganesha_agrees(station, root, work, name)
        refusals(station, root)
        turned_off(station, root)
    return finish()


sys.exit(main())
