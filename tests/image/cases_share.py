# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""The share in the appliance: an image of its own, built with IMAGE_SHARE=smb,sftp, and the isolated side around it."""
import json
import os
import re
import shutil
import subprocess
import time

from image.cases import NAME, READY, case
from image.isolated import Connected, Isolated, lacking
from image.machine import BOOT_PATIENCE, run

HERE, CLIENT, STRANGER = "10.20.0.2", "10.20.0.9", "10.20.0.77"
PASSWORD = "korrekt pferd 7"
SHARE = "share:\n  interface: enp0s2\n  address: %s\n  clients: [%s]\n  services: [smb, sftp]\n" % (HERE, CLIENT)
TRANSFER = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{6}")
# Below 2000 all; above what Debian's services are known by.
PORTS = [*range(1, 2000), 2049, 3306, 4369, 5355, 5432, 6010, 8080, 8443, 9090, 9100, 11211, 20048, 49152, 65535]


def image_with_a_share(s):
    """The site's files with a share, the importers' key and password, and the servers. It is kept between runs as the other one is."""
    site, out, key = s.things.work / "site-share", s.things.work / "image-share", s.things.work / "importer"
    image = out / "lazaret-appliance.img"
    if not key.exists():
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
    shutil.copytree(s.things.site, site, dirs_exist_ok=True)
    (site / "share").mkdir(exist_ok=True)
    (site / "share/share.yaml").write_text(SHARE)
    (site / "share/password").write_text(PASSWORD + "\n")
    shutil.copy(str(key) + ".pub", site / "share/authorized_keys")
    if not (s.things.is_built and image.exists()):
        done = subprocess.run([s.things.source / "image/appliance/build", out], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                              env={**s.things.environment, "SITE": str(site), "IMAGE_SHARE": "smb,sftp"})
        s.check(done.returncode == 0, "no image with a share:\n" + done.stdout[-4000:])
    return image, key


class Smb:
    def __init__(self, isolated, work):
        self.isolated = isolated
        work.mkdir()
        self.base = ["smbclient", "-s", work / "smb.conf", "-A", work / "auth", "--client-protection=encrypt", "-m", "SMB3_11", "//%s/staging" % HERE, "-c"]
        (work / "auth").write_text("username = importer\npassword = %s\n" % PASSWORD)
        (work / "auth").chmod(0o600)
        (work / "smb.conf").write_text("[global]\n" + "".join("  %s = %s\n" % (d, work) for d in
                                                              ("lock directory", "private dir", "cache directory", "state directory")))

    def ask(self, command, timeout=300):
        return self.isolated.run(*self.base, command, timeout=timeout)

    def fetch(self, name, to):
        to.mkdir()
        return self.ask("lcd %s; prompt off; recurse on; mget %s" % (to, name))


def wait_for(s, what, ask, patience=BOOT_PATIENCE):
    end, done = time.monotonic() + patience, None
    while time.monotonic() < end:
        done = ask()
        if done.returncode == 0:
            return done
        s.check(s.machine.is_alive(), "the machine ended while %s was waited for" % what)
        time.sleep(1)
    raise TimeoutError("no %s; last:\n%s" % (what, done.stdout))


def listed(done):
    return sorted({m.group() for m in TRANSFER.finditer(done.stdout)}) if done.returncode == 0 else []


@case
def share(s):
    """staging by SMB and SFTP on the isolated side: whole when it is seen, nothing else answers, nothing is sent unasked"""
    why = lacking()
    s.check(why is None, why)
    image, key = image_with_a_share(s)
    with Isolated(CLIENT, STRANGER) as isolated:
        machine = s.machine = Connected(isolated, s.dir / "machine", image, s.things.enrolled(s.dir))
        machine.start()
        machine.wait_screen(READY, NAME)
        s.check(machine.sent() == {}, "sent before anybody asked: %s" % machine.sent())
        smb = Smb(isolated, s.dir / "smb")
        wait_for(s, "SMB", lambda: smb.ask("ls"))

        # -- an importer that looks all the time takes what it sees, as soon as it sees it
        stick = machine.plug_stick(s.media.get("vfat"))
        first = None
        end = time.monotonic() + BOOT_PATIENCE
        while first is None and time.monotonic() < end:
            first = next(iter(listed(smb.ask("ls"))), None)
        s.check(first is not None, "no transfer was listed:\n" + machine.screen())
        done = smb.fetch(first, s.dir / "at-once")
        s.check(done.returncode == 0, "mget: " + done.stdout)
        machine.wait_screen("FILES WERE TRANSFERRED")
        machine.press("ret")
        stick.unplug()
        machine.wait_screen(READY, NAME, "Last transfers")
        smb.fetch(first, s.dir / "later")
        sftp = lambda *commands: sftp_batch(isolated, s.dir, key, *commands)
        done = wait_for(s, "SFTP", lambda: sftp("get -r %s %s" % (first, s.dir / "by-sftp")))

        # -- nothing can be written, and nobody else comes in
        (s.dir / "new.txt").write_text("x")
        for command in ("put %s new.txt" % (s.dir / "new.txt"), "mkdir new", "cd %s; del SHA256SUMS" % first, "rename %s other" % first):
            done = smb.ask(command)
            s.check("NT_STATUS_" in done.stdout, "SMB took %r: %s" % (command, done.stdout))
        for command in ("put %s new.txt" % (s.dir / "new.txt"), "mkdir new", "rm %s/SHA256SUMS" % first, "rename %s other" % first):
            s.check(sftp(command).returncode != 0, "SFTP took %r" % command)
        s.check(listed(smb.ask("ls")) == [first], "staging is not what it was")
        wrong = isolated.run("smbclient", "-s", s.dir / "smb/smb.conf", "-U", "importer%wrong", "//%s/staging" % HERE, "-c", "ls")
        s.check(wrong.returncode != 0 and "LOGON_FAILURE" in wrong.stdout, "another password: " + wrong.stdout)
        anonymous = isolated.run("smbclient", "-s", s.dir / "smb/smb.conf", "-N", "-L", HERE)
        s.check("staging" not in anonymous.stdout, "shares are listed to nobody: " + anonymous.stdout)

        # -- the rest of the machine is not there
        ports = isolated.answers(HERE, PORTS)
        s.check(ports == ["22", "445"], "ports: %s" % ports)
        s.check(isolated.answers(HERE, [53, 67, 69, 111, 123, 137, 138, 161, 514, 1900, 2049, 5353, 5355], kind="udp") == [], "something answers on UDP")
        s.check(isolated.answers(HERE, [22, 445], source=STRANGER) == [], "an address that is not in `clients` is answered")
        s.check(isolated.run("ping", "-c", "2", "-W", "3", HERE).returncode != 0, "it answers pings")
        machine.wait_screen(READY, NAME)
        sent = machine.sent()
        odd = [w for w in sent if not re.fullmatch(r"arp (answers|asks for) %s|tcp from (22|445) to %s" % (re.escape(CLIENT), re.escape(CLIENT)), w) and
               w != "arp answers " + STRANGER]
        s.check(sent and not odd, "it has sent: %s" % sent)
        machine.kill()

    station = machine.data("lib/lazaret", s.dir / "data")
    for copy in (s.dir / "at-once" / first, s.dir / "later" / first, s.dir / "by-sftp"):
        run(s.things.programs / "lazaret-verify", "--key", station / "keys/manifest.pub", copy)
    records = [json.loads(line) for line in (station / "audit/audit.jsonl").read_text().splitlines()]
    looked = [r["body"] for r in records if r["type"] == "self-check"]
    s.check(looked and looked[0]["machine"] == "appliance", "no self-check of an appliance in the trail: %s" % looked)
    wrong = {w["name"]: w["text"] for body in looked for w in body["wrong"]}
    s.check(not set(wrong) - {"iommu"}, "the self-check finds: %s" % wrong)  # this machine has none


def sftp_batch(isolated, work, key, *commands):
    batch = work / "batch"
    batch.write_text("".join(c + "\n" for c in commands))
    os.chmod(key, 0o600)
    return isolated.run("sftp", "-F", "/dev/null", "-o", "UserKnownHostsFile=%s" % (work / "known"), "-o", "StrictHostKeyChecking=accept-new", "-o", "IdentitiesOnly=yes",
                        "-o", "BatchMode=yes", "-i", key, "-b", batch, "importer@" + HERE)
