#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""The appliance's units for set-up, machine and power button, under a running systemd with all of their settings: without answers the machine waits, of answers
it becomes a station, the helper answers root alone, and what it is asked to power off is powered off in order. Needs root, for a systemd of its own
(tests/lib/own-systemd). With firmware, screen and keys: tests/image."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import units  # noqa: E402
from tap import ROOT, finish, make_databases, ok, skip  # noqa: E402

SCRIPT = r"""
set -u
say() { printf '%s\t%s\n' "$1" "$2" >>/out/results; }
ask() { python3 -c 'import socket, sys
s = socket.socket(socket.AF_UNIX); s.settimeout(60); s.connect("/run/lazaret/machine.sock"); s.sendall(sys.argv[1].encode() + b"\n"); print(s.makefile().readline().strip())' "$1" 2>&1 | tail -n 1; }
station=/var/lib/lazaret
made=/var/lib/lazaret-appliance
umount /var/lib/lazaret # a directory like any other there, which set-up removes
systemd-sysusers lazaret.conf
systemd-tmpfiles --create lazaret.conf
mkdir -p $made
systemctl start lazaret-setup.service || journalctl -u lazaret-setup --no-pager | tail -n 20
say waits "$(grep -c '^awaits-set-up: true' $station/lazaret.yaml)"
number=$(cat $made/number)
mkdir -m 700 $station/set-up
cp /out/answers $station/set-up/answers
echo 'the test' >$station/set-up/by
systemctl restart lazaret-setup.service
say made "$(ls $made | tr '\n' ' ')"
say name "$(grep -c 'name: "Gate 3: north"' $station/lazaret.yaml)"
say number "$(grep -c "id: '$number'" $station/lazaret.yaml)"
say persons "$(lazaret person list | cut -d ' ' -f 1 | tr '\n' ' ')"
say trail "$(lazaret audit verify >/dev/null 2>&1 && echo good)"
say zone "$(head -c 4 $made/localtime)"
systemctl start lazaret-machine.socket
say socket "$(stat -c '%a %U' /run/lazaret/machine.sock)"
say stranger "$(setpriv --reuid=65534 --clear-groups python3 -c 'import socket
try:
    socket.socket(socket.AF_UNIX).connect("/run/lazaret/machine.sock"); print("in")
except PermissionError:
    print("refused")')"
say new-zone "$(ask 'zone Asia/Tokyo')"
say is-zone "$(cmp /usr/share/zoneinfo/Asia/Tokyo $made/localtime && echo same)"
say wrong "$(ask 'shell')"
say stops "$(systemctl show -p ActiveState --value poweroff.target)"
say power-off "$(ask 'power-off')"
sleep 30
say "still here" "after half a minute"
"""


def main():
    if os.geteuid() != 0:
        skip("units of the appliance", "needs root")
        return finish()
    work = pathlib.Path(tempfile.mkdtemp(prefix="lazaret-setup-units."))
    try:
        out = work / "out"
        out.mkdir()
        tree = units.install(work)
        shutil.copytree(ROOT / "image/appliance/tree/usr", tree / "usr", dirs_exist_ok=True)
        site = tree / "usr/lib/lazaret/site"
        site.mkdir()
        make_databases(site / "databases")
        subprocess.run(["minisign", "-G", "-W", "-p", site / "site.pub", "-s", work / "site.key"], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        (out / "answers").write_text('name: "Gate 3: north"\ntime-zone: Europe/Berlin\npersons: [{name: anna, roles: [administrator], hash: \'$6$saltsaltsalt$%s\'}]\n' % ("x" * 86))
        found = units.run(work, SCRIPT, timeout=600)
        if not found:
            return finish()
        said, why = found
        for key, wanted, what in (("waits", "1", "without answers it waits"), ("made", "localtime made number ", "of answers a station is made, and nothing else stays"),
                                  ("name", "1", "with their name"), ("number", "1", "and the machine's number"), ("persons", "anna ", "their persons"),
                                  ("trail", "good", "its trail verifies"), ("zone", "TZif", "the time zone"), ("socket", "600 root", "the helper listens for root"),
                                  ("stranger", "refused", "and for nobody else"), ("new-zone", "ok", "it sets a time zone"), ("is-zone", "same", "that one"),
                                  ("wrong", "error: not known", "and does nothing else"), ("stops", "inactive", "until then it runs")):
            ok(said.get(key) == wanted, what, why)
        ok(said.get("power-off") in ("ok", None) and "stops" in said and "still here" not in said, "it powers off", why)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return finish()


if __name__ == "__main__":
    sys.exit(main())
