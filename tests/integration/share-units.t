#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""The share's units as they are installed, under a running systemd with all of their settings (docs/share.md): what starts, what each server sees and
can write, that it serves all the same; what is turned off stops. Needs root, for a systemd of its own (tests/lib/own-systemd)."""
import os
import pathlib
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import share  # noqa: E402
import units  # noqa: E402
from tap import finish, make_databases, ok, skip  # noqa: E402

CAPABILITIES = {"CAP_DAC_READ_SEARCH": 2, "CAP_KILL": 5, "CAP_SETGID": 6, "CAP_SETUID": 7, "CAP_NET_BIND_SERVICE": 10, "CAP_SYS_CHROOT": 18}  # linux/capability.h
SERVERS = ("smb", "nfs", "sftp")

SCRIPT = r"""
set -u
say() { printf '%s\t%s\n' "$1" "$2" >>/out/results; }
states() { for u in lazaret-share.service lazaret-share-firewall.service lazaret-share-smb.service lazaret-share-nfs.service \
	lazaret-share-sftp.service lazaret-share-push.path lazaret-share-push.timer; do say "$1 $u" "$(systemctl is-active $u)"; done; }
patiently() { for i in $(seq 100); do "$@" && return 0; sleep 0.3; done; return 1; }
listed() { ls /mnt/far | wc -l | grep -qx "$1"; }
systemd-sysusers lazaret.conf
systemd-tmpfiles --create lazaret.conf
mkdir -p /run/netns
ip link set lo up
ip netns add client
ip link add iso0 type veth peer name eth0 netns client
ip addr add 10.99.1.1/24 dev iso0
ip link set iso0 up
ip -n client addr add 10.99.1.2/24 dev eth0
ip -n client link set eth0 up
lazaret init /var/lib/lazaret --db /out/db
mkdir -m 700 /var/lib/lazaret/share
ssh-keygen -q -t ed25519 -N '' -f /tmp/key
cp /tmp/key.pub /var/lib/lazaret/share/authorized_keys
mkdir -p /mnt/far /tmp/in /tmp/got /etc/lazaret
touch /mnt/far/.lazaret-push /etc/lazaret/secret
chown _lazaret-share /mnt/far
echo hello >/tmp/in/a.txt
cp /var/lib/lazaret/lazaret.yaml /tmp/plain
systemctl start lazaret-share.service
states off
cat >>/var/lib/lazaret/lazaret.yaml <<END
share:
  interface: iso0
  address: 10.99.1.1
  clients: [10.99.1.0/24]
  services: [smb, nfs, sftp]
  push: {directory: /mnt/far}
END
lazaret inspect /tmp/in
systemctl restart lazaret-share.service
printf 'p 7\np 7\n' | lazaret share password
client="ip netns exec client"
sftp="$client sftp -i /tmp/key -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -b -"
transfer=$(ls /var/lib/lazaret/staging | head -1)
pub=/var/lib/lazaret/keys/manifest.pub
smb() { $client smbclient -U 'importer%p 7' //10.99.1.1/staging -c "lcd /tmp/got; recurse on; prompt off; mget $transfer" >/dev/null 2>&1; }
patiently smb
say smb "$(lazaret-verify --key $pub /tmp/got/$transfer >/dev/null && echo verified)"
nfs() { $client nfs-cat "nfs://10.99.1.1/staging/$transfer/files/a.txt?version=4" 2>/dev/null | grep -qx hello; }
say nfs "$(patiently nfs && echo verified)"
fetch() { echo "get -r $transfer /tmp/sftp" | $sftp importer@10.99.1.1; }
patiently fetch
say sftp "$(lazaret-verify --key $pub /tmp/sftp >/dev/null && echo verified)"
states on
patiently listed 1
lazaret inspect /tmp/in
patiently listed 2
recorded() { [ "$(grep -c '"type":"pushed"' /var/lib/lazaret/audit/audit.jsonl)" = 2 ]; }
patiently recorded
say pushed "$(ls /mnt/far | wc -l)"
say recorded "$(grep -c '"type":"pushed"' /var/lib/lazaret/audit/audit.jsonl)"
say audit "$(lazaret audit verify >/dev/null 2>&1 && echo good)"
look='
	for f in /run/lazaret/control.sock /run/systemd/private /var/lib/lazaret/lazaret.yaml /var/lib/lazaret/keys /var/lib/lazaret/staging \
		/etc/lazaret/secret /etc/ssh/moduli /mnt/far /root/.profile; do [ ! -e $f ] || echo "sees $f"; done
	for d in / /etc /usr /run /run/lazaret /run/lazaret/share /run/lazaret/share/export /run/lazaret/share/export/staging /var /var/lib /srv; do
		! touch $d/written 2>/dev/null || echo "writes $d"; done
	grep -q "^importer:" /etc/passwd || echo "no importer"
	! grep -q "^_lazaret-ledger:" /etc/passwd || echo "the accounts of the machine"'
touch /run/lazaret/control.sock
say "seen by root" "$(sh -c "$look" | wc -l)"
rm -f /run/lazaret/share/written /run/lazaret/share/export/written
for s in smb nfs sftp; do
	pid=$(systemctl show -p MainPID --value lazaret-share-$s)
	nsenter -t $pid -m -- sh -c "$look" >/tmp/seen 2>&1
	say "seen $s" "$(tr '\n' ' ' </tmp/seen)"
	say "capabilities $s" "$(sed -n 's/^CapBnd:\t//p' /proc/$pid/status) $(sed -n 's/^NoNewPrivs:\t//p' /proc/$pid/status) $(sed -n 's/^Seccomp:\t//p' /proc/$pid/status)"
done
say listening "$(ss -Hltn | awk '{ print $4 }' | sort | tr '\n' ' ')"
say rules "$(nft list table inet lazaret | grep -c 'policy drop')"
sed -i 's/services: .*/services: [sftp]/; /push:/d' /var/lib/lazaret/lazaret.yaml
systemctl restart lazaret-share.service
patiently fetch
states less
say 'listening less' "$(ss -Hltn | awk '{ print $4 }' | sort | tr '\n' ' ')"
# a firewall that cannot be loaded: nothing is served
systemctl stop lazaret-share.service
sed -i 's/interface: iso0/interface: iso0\n  firewall: {on: true}/' /var/lib/lazaret/lazaret.yaml
mkdir -p /run/systemd/system/lazaret-share-firewall.service.d
printf '[Service]\nExecStart=\nExecStart=/bin/false\n' >/run/systemd/system/lazaret-share-firewall.service.d/broken.conf
systemctl daemon-reload
systemctl start lazaret-share.service
failed() { [ "$(systemctl is-active lazaret-share-firewall.service)" = failed ]; }
patiently failed
systemctl start lazaret-share-sftp.service # its job has ended when this returns
states broken
journalctl --no-pager -o cat -u 'lazaret-share*' >/out/journal
"""


def tests(work):
    out = work / "out"
    out.mkdir()
    make_databases(out / "db")
    units.install(work)
    found = units.run(work, SCRIPT, last="listening less")
    if not found:
        return
    have, tail = found

    def active(when):
        return {k.split(" ", 1)[1].replace("lazaret-share", "").strip("-").split(".service")[0] for k, v in have.items() if k.startswith(when + " ") and v == "active"}

    ok(active("off") == {""}, "without 'share:' no server is started", active("off"))
    ok(active("on") == {"", "firewall", "smb", "nfs", "sftp", "push.path", "push.timer"}, "what is configured is started", active("on"))
    for s in SERVERS:
        ok(have.get(s) == "verified", s + ": serves, with all of the unit's settings", (have, tail))
        ok(have.get("seen " + s) == "", s + ": sees staging and nothing else of the station, and writes nowhere", have.get("seen " + s))
        caps = dict(share.unit("lazaret-share-%s.service" % s))["CapabilityBoundingSet"].split()
        ok(have.get("capabilities " + s) == "%016x 1 2" % sum(1 << CAPABILITIES[c] for c in caps), s + ": the unit's capabilities, no new ones, a filter",
           have.get("capabilities " + s))
    ok(have.get("seen by root") == "22", "what is looked for is there", have.get("seen by root"))
    ok(have.get("listening") == "10.99.1.1:22 10.99.1.1:445 [::ffff:10.99.1.1]:2049 ", "nothing listens but they, on the one address", have.get("listening"))
    ok(have.get("rules") == "3", "the firewall is loaded", have.get("rules"))
    ok(have.get("pushed") == "2" and have.get("recorded") == "2" and have.get("audit") == "good", "transfers are pushed as they appear, and recorded", (have, tail))
    ok(active("less") == {"", "firewall", "sftp"} and have.get("listening less") == "10.99.1.1:22 ", "what is not configured any more is stopped", have)
    ok("sftp" not in active("broken") and have.get("broken lazaret-share-firewall.service") == "failed", "without its firewall nothing is served", active("broken"))


def main():
    lacking = share.missing("smbd", "smbclient", "smbpasswd", "ganesha.nfsd", "nfs-cat", "sshd", "sftp", "nft", "ip", "ss", "unshare", "nsenter")
    if os.geteuid() != 0:
        skip("the share's units", "needs root, for a systemd of its own")
    elif lacking or not os.path.exists("/lib/systemd/systemd"):
        skip("the share's units", "not installed: " + " ".join(lacking or ["systemd"]))
    else:
        # on a disk: NFS-Ganesha 6 serves no tmpfs
        with tempfile.TemporaryDirectory(prefix="lazaret-units.", dir="/var/tmp") as work:
            tests(pathlib.Path(work))
    return finish()


sys.exit(main())
