#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""lazaret-fleet's units as they are installed, under a running systemd with all of their settings, and a real PostgreSQL over TLS (docs/fleet.md): no address but
the one that the administrator named, records as they are written, denials that the running station loads, a list that was spoilt. Needs root, for a systemd
of its own (tests/lib/own-systemd)."""
import os
import pathlib
import shutil
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import centre  # noqa: E402
import units  # noqa: E402
from centre import HOST, OWNER, Cluster  # noqa: E402
from tap import finish, make_databases, ok, skip  # noqa: E402

SCRIPT = r"""
set -u
say() { printf '%s\t%s\n' "$1" "$(printf %s "$2" | tr '\n' '|')" >>/out/results; }
patiently() { for i in $(seq 200); do "$@" && return 0; sleep 0.2; done; return 1; }
systemd-sysusers lazaret.conf
systemd-tmpfiles --create lazaret.conf
ip link set lo up
ip link add centre0 type veth peer name centre1
ip link set centre1 up
ip addr add 10.99.1.1/24 dev centre0
ip link set centre0 up
echo '10.99.1.1 @HOST@' >>/etc/hosts
pg="setpriv --reuid 65534 --regid 65534 --clear-groups env LC_ALL=C.UTF-8 HOME=/out/cluster @PROGRAMS@/pg_ctl -D /out/cluster/data -w -l /out/cluster/log"
cd /out/cluster
$pg -o "-c listen_addresses=10.99.1.1 -c port=5432 -k /out/cluster -c ssl_cert_file=/out/cluster/server.pem -c ssl_key_file=/out/cluster/server.key" start || cat /out/cluster/log
cd /
dsn='host=/out/cluster user=@OWNER@ dbname=centre'
sql() { psql -X -q -A -t -v ON_ERROR_STOP=1 -d "$dsn" -c "$1"; }
createdb -h /out/cluster -U @OWNER@ centre
/usr/share/doc/lazaret/fleet/migrate "$dsn" >/dev/null

lazaret init /var/lib/lazaret --db /out/db >/dev/null
id=$(sed -n "s/^  id: '\(.*\)'.*/\1/p" /var/lib/lazaret/lazaret.yaml)
sql "CREATE ROLE gate LOGIN PASSWORD 'not 1 to guess'; GRANT lazaret_station TO gate;" >/dev/null
sql "SELECT lazaret.add_station('$id', 'Gate', '$(sed -n 2p /var/lib/lazaret/keys/audit.pub)', 'gate')" >/dev/null
echo 'not 1 to guess' >/var/lib/lazaret/keys/fleet-password
chmod 600 /var/lib/lazaret/keys/fleet-password
cp /out/tls/ca.pem /var/lib/lazaret/keys/fleet-ca.pem
chmod 644 /var/lib/lazaret/keys/fleet-ca.pem
cat >>/var/lib/lazaret/lazaret.yaml <<END
fleet:
  database: 'host=@HOST@ port=5432 dbname=centre user=gate'
  password-file: keys/fleet-password
  ca: keys/fleet-ca.pem
  interval: 1s
END
mkdir /tmp/in
echo one >/tmp/in/a.txt
lazaret inspect /tmp/in >/dev/null
count() { sql "SELECT count(*) FROM lazaret.record"; }
trail() { cat /var/lib/lazaret/audit/audit*.jsonl | grep -c '^{"body"'; }

# no address was named: none is reached
systemctl start lazaret-fleet.service
failed() { lazaret fleet status 2>/dev/null | grep -q '^last error'; }
patiently failed
say 'rows before' "$(count)"
say 'status before' "$(lazaret fleet status 2>&1 | tr '\n' '|')"
mkdir -p /etc/systemd/system/lazaret-fleet.service.d
printf '[Service]\nIPAddressAllow=10.99.1.1\n' >/etc/systemd/system/lazaret-fleet.service.d/override.conf
systemctl daemon-reload
systemctl restart lazaret-fleet.service
all_there() { [ "$(count)" = "$(trail)" ]; }
say 'complete' "$(patiently all_there && echo yes)"
echo two >/tmp/in/b.txt
lazaret inspect /tmp/in >/dev/null
say 'goes on' "$(patiently all_there && echo yes || echo "$(count) rows, $(trail) records")"
mkdir /tmp/pub
cp /var/lib/lazaret/keys/audit.pub /tmp/pub/$id.pub
whole() { lazaret fleet check --keys /tmp/pub "$dsn" >/tmp/check 2>&1; } # a report's record comes before the report
say 'check' "$(patiently whole; echo $?) $(tail -1 /tmp/check)"

pid=$(pgrep -f 'libexec/lazaret/lazaret-fleet' | tail -1)
say 'confined' "$(sed -n 's/^NoNewPrivs:\t//p' /proc/$pid/status) $(sed -n 's/^Seccomp:\t//p' /proc/$pid/status) $(stat -c %U /proc/$pid)"
visible() { # root of a process
	for f in run/lazaret/control.sock var/lib/lazaret/lazaret.yaml var/lib/lazaret/keys/fleet-password var/lib/lazaret/staging var/lib/lazaret/reports \
		var/lib/lazaret/spool etc/passwd usr/bin/sh home srv; do [ ! -e "$1/$f" ] || echo "$f"; done; }

# denials come back, and a running station has them
sed -i -e '/^#* *hash-list:/d' -e 's/^  media-ports: .*/  source: none/' /var/lib/lazaret/lazaret.yaml
echo 'hash-list: fleet/denied.sha256' >>/var/lib/lazaret/lazaret.yaml
systemctl start lazaretd.socket lazaretd.service
ready() { lazaret status 2>/dev/null | grep -q '^daemon *ready'; }
say 'daemon' "$(patiently ready && echo ready)"
lazaret status >/out/status 2>&1
say 'seen by root' "$(visible '' | wc -l)"
say 'seen' "$(visible /proc/$(pgrep -f libexec/lazaret/lazaret-fleet | tail -1)/root)"
evil=$(sha256sum </tmp/in/a.txt | cut -c 1-64)
records() { cat /var/lib/lazaret/audit/audit*.jsonl | grep -c "\"type\":\"$1\""; }
more() { [ "$(records $1)" -gt "$2" ]; }
before=$(records station-reloaded)
sql "SELECT lazaret.decide('deny', '$evil', 'officer', 'seen at another gate')" >/dev/null
listed() { grep -q "^$evil" /var/lib/lazaret/fleet/denied.sha256; }
say 'listed' "$(patiently listed && echo yes)"
say 'reloaded' "$(patiently more station-reloaded $before && echo yes)"
lazaret inspect /tmp/in >/dev/null
say 'denied' "$(grep -o '"code":"[a-z-]*"' $(ls -t /var/lib/lazaret/reports/*.json | head -1) | sort | uniq -c)"

# the other side spoils the list: what was loaded stays; emptied, the station goes on without
systemctl stop lazaret-fleet.service
systemctl start lazaret-fleet-lists.path
before=$(records reload-failed)
echo 'not a line' >>/var/lib/lazaret/fleet/denied.sha256
say 'spoilt' "$(patiently more reload-failed $before && echo refused)"
say 'goes on with what it has' "$(patiently ready && echo ready)"
systemctl stop lazaret-fleet-lists.path lazaretd.service
systemctl start --no-block lazaretd.service
none() { lazaret status 2>/dev/null | grep -q 'No medium is accepted\|scanner could not be started'; }
say 'one that starts' "$(patiently none && echo 'takes no medium')"
: >/var/lib/lazaret/fleet/denied.sha256
lazaret reload >/dev/null 2>&1
say 'emptied' "$(patiently ready && echo ready)"
lazaret status >/out/status 2>&1
journalctl --no-pager -o cat -u 'lazaret*' >/out/journal
$pg -m immediate stop >/dev/null
"""


def tests(work):
    out = work / "out"
    out.mkdir(mode=0o755)
    work.chmod(0o755)
    make_databases(out / "db")
    cluster = Cluster(out)
    (cluster.at / "data" / "pg_hba.conf").write_text("local all all trust\nhostssl all all 10.99.1.1/32 scram-sha-256\n")
    units.install(work)
    found = units.run(work, SCRIPT.replace("@HOST@", HOST).replace("@OWNER@", OWNER).replace("@PROGRAMS@", str(cluster.programs)), last="emptied")
    if not found:
        return
    have, tail = found

    def said(name, wanted, what):
        ok(have.get(name) == wanted, what, (name, have.get(name), tail))

    said("rows before", "0", "while no address is named, none is reached")
    ok("last error" in have.get("status before", ""), "the station says so", have.get("status before"))
    said("complete", "yes", "with the unit's settings and one address allowed, all records come")
    said("goes on", "yes", "what is recorded later comes, too")
    ok(have.get("check", "").startswith("0 complete: 1 stations"), "the centre finds nothing missing", have.get("check"))
    said("confined", "1 2 _lazaret-fleet", "an account of its own, no new privileges, a filter")
    said("seen by root", "10", "what is looked for is there")
    said("seen", "", "it sees neither the control socket nor what was published, no secret, no program")
    said("daemon", "ready", "the station runs")
    said("listed", "yes", "what the centre denies comes into the list")
    said("reloaded", "yes", "and the running station loads it")
    ok(have.get("denied", "").split() == ["1", '"code":"hash-denied"'], "what is denied there is blocked here", have.get("denied"))
    said("spoilt", "refused", "a line that is none: the reload is refused")
    said("goes on with what it has", "ready", "the station goes on with what it has")
    said("one that starts", "takes no medium", "one that starts then takes no medium")
    said("emptied", "ready", "with an emptied list it does")


def main():
    lacking = centre.missing() + [t for t in ("ip", "unshare", "nsenter", "createdb", "pgrep") if not shutil.which(t)]
    if os.geteuid() != 0:
        skip("lazaret-fleet's units", "needs root, for a systemd of its own")
    elif lacking or not os.path.exists("/lib/systemd/systemd"):
        skip("lazaret-fleet's units", "not installed: " + " ".join(lacking or ["systemd"]))
    else:
        with tempfile.TemporaryDirectory(prefix="lazaret-fleet-units.", dir="/var/tmp") as work:
            tests(pathlib.Path(work))
    return finish()


sys.exit(main())
