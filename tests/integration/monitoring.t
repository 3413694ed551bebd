#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""Metrics, alert rules and dashboard of docs/monitoring against a real Prometheus and a real node_exporter on loopback. They are not among
the packages of `make check` (image/packages/monitoring.txt says why): `make check-monitoring` installs them, and MONITORING=required makes
their absence a failure."""
import grp
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import control  # noqa: E402
import exposition  # noqa: E402
from recorded import Recorded  # noqa: E402
from tap import BUILD, ROOT, finish, ok, skip  # noqa: E402

DOCS = ROOT / "docs" / "monitoring"
# of stations that keep held files, get update packs, have reloaded: not so here
SOMETIMES = ("lazaret_held_", "lazaret_set_")


def wait(what, predicate, deadline_s=120):
    until = time.monotonic() + deadline_s
    while time.monotonic() < until:
        value = predicate()
        if value:
            return value
        time.sleep(0.1)
    raise TimeoutError("waited for " + what)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


# -- what needs no Prometheus ----------------------------------------------------------------------------------------
def metrics_in(expression):
    return set(re.findall(r"\blazaret_[a-z_]+", expression))


def expressions():
    """Every expression of the dashboard, as Grafana would ask it."""
    dashboard = json.loads((DOCS / "grafana.json").read_text())
    found = [t["expr"] for p in dashboard["panels"] for t in p["targets"]]
    return dashboard, [e.replace("$instance", ".*").replace("$__rate_interval", "5m").replace("$__range", "1h") for e in found]


def files():
    documented = set(re.findall(r"^\| `(lazaret_[a-z_]+)`", (DOCS / "metrics.md").read_text(), re.M))
    documented |= {"lazaret_inspection_duration_seconds_sum", "lazaret_inspection_duration_seconds_count"}
    dashboard, asked = expressions()
    unknown = {m for e in asked for m in metrics_in(e)} - documented
    ok(len(asked) >= 25 and not unknown, "the dashboard asks for metrics that there are", unknown)
    ids = [p["id"] for p in dashboard["panels"]]
    places = [(p["gridPos"]["x"] + dx, p["gridPos"]["y"] + dy) for p in dashboard["panels"] for dx in range(p["gridPos"]["w"]) for dy in range(p["gridPos"]["h"])]
    ok(len(set(ids)) == len(ids) and len(set(places)) == len(places) and max(x for x, _ in places) < 24, "its panels do not overlap", ids)
    rules = (DOCS / "alerts.yml").read_text()
    alerts = re.findall(r"alert: (\w+)", rules)
    ok(len(alerts) >= 15 and not {m for e in re.findall(r"expr: (.*)", rules) for m in metrics_in(e)} - documented, "so do the alert rules", alerts)
    cases = re.findall(r"- name: (\w+) (fires|does not fire)", (ROOT / "tests" / "monitoring" / "alerts.test.yml").read_text())
    ok(sorted(cases) == sorted((a, c) for a in alerts for c in ("fires", "does not fire")), "each alert has a case in which it fires, and one in which not", cases)
    return alerts


# -- promtool ---------------------------------------------------------------------------------------------------------
def promtool(text):
    for name, args, said in [("alert rules", ["check", "rules", DOCS / "alerts.yml"], ""),
                             ("configuration", ["check", "config", DOCS / "prometheus.yml"], ""),
                             ("cases of the alert rules", ["test", "rules", ROOT / "tests" / "monitoring" / "alerts.test.yml"], "")]:
        p = subprocess.run(["promtool", *args], capture_output=True, text=True, timeout=120)
        ok(p.returncode == 0 and said in p.stdout, "promtool: " + name, p.stdout + p.stderr)
    p = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=60)
    ok(p.returncode == 0 and not p.stderr, "promtool: metrics, names and help", p.stdout + p.stderr)
    p = subprocess.run(["promtool", "check", "metrics"], input=text.replace("lazaret_files_total", "lazaret_files"), capture_output=True, text=True)
    ok(p.returncode != 0, "it finds what is not as it should be", p.stdout + p.stderr)


# -- Prometheus -------------------------------------------------------------------------------------------------------
class Site:
    def __init__(self, work, collector):
        exporter, self.port = free_port(), free_port()
        config = (DOCS / "prometheus.yml").read_text().replace("127.0.0.1:9100", "127.0.0.1:%d" % exporter).replace("15s", "1s")
        shutil.copy(DOCS / "alerts.yml", work)
        (work / "prometheus.yml").write_text(config)
        self.log = work / "site.log"
        log = open(self.log, "wb")
        self.processes = [
            subprocess.Popen(["prometheus-node-exporter", "--web.listen-address=127.0.0.1:%d" % exporter, "--collector.disable-defaults",
                              "--collector.textfile", "--collector.textfile.directory=%s" % collector], stderr=log, stdin=subprocess.DEVNULL),
            subprocess.Popen(["prometheus", "--config.file=%s" % (work / "prometheus.yml"), "--storage.tsdb.path=%s" % (work / "tsdb"),
                              "--web.listen-address=127.0.0.1:%d" % self.port], stderr=log, stdin=subprocess.DEVNULL)]

    def ask(self, path, **fields):
        url = "http://127.0.0.1:%d/api/v1/%s?%s" % (self.port, path, urllib.parse.urlencode(fields))
        try:
            try:
                answer = urllib.request.urlopen(url, timeout=30)
            except urllib.error.HTTPError as e:  # an error of the question is JSON; "not ready yet" is not
                answer = e
            with answer:
                return json.loads(answer.read())
        except (OSError, ValueError, http.client.HTTPException) as e:
            return {"status": "down", "error": str(e)}

    def query(self, expression):
        answer = self.ask("query", query=expression)
        return answer["data"]["result"] if answer["status"] == "success" else None

    def end(self):
        for p in self.processes:
            p.send_signal(signal.SIGTERM)
            p.wait(60)


def queries(site, alerts, families):
    up = wait("a first answer", lambda: site.query("lazaret_up"))
    ok(len(up) == 1 and up[0]["value"][1] == "1" and up[0]["metric"]["job"] == "lazaret", "scraped: lazaretd runs", up)
    blocked = site.query('lazaret_files_total{verdict="blocked"}')
    ok(blocked and blocked[0]["value"][1] == "2", "the counters arrive", blocked)
    errors = site.query("node_textfile_scrape_error")
    ok(errors and errors[0]["value"][1] == "0", "node_exporter finds nothing wrong", errors)
    present = {m["metric"]["__name__"] for m in site.query('{__name__=~"lazaret_.+"}') or []}
    wanted = {key[0] for f in families.values() for key in f["samples"]}
    ok(wanted and present == wanted, "every metric of the file is there", present ^ wanted)
    wait("a second scrape", lambda: site.query("count_over_time(lazaret_up[5m]) > 2"))
    for expression in expressions()[1]:
        result = site.query(expression)
        is_sometimes = any(m.startswith(SOMETIMES) for m in metrics_in(expression))
        may_be_empty = is_sometimes or "> 0" in expression or "== 1" in expression
        ok(result is not None and (result or may_be_empty), "dashboard: %s" % expression[:90], site.ask("query", query=expression))
    loaded = wait("the rules", lambda: site.ask("rules").get("data", {}).get("groups"))
    ok(sorted(r["name"] for g in loaded for r in g["rules"]) == sorted(alerts), "its alert rules are loaded", loaded)
    ok(wait("their evaluation", lambda: all(r["health"] == "ok" for g in site.ask("rules").get("data", {}).get("groups", [{"rules": [{"health": "unknown"}]}]) for r in g["rules"])), "and evaluated")


def fires(site, daemon):
    """The station dies: the metrics get old, and Prometheus knows (LazaretSilent would fire 180 s later)."""
    daemon.kill()
    daemon.wait(60)
    old = wait("old metrics", lambda: site.query("time() - lazaret_metrics_timestamp_seconds > 3"))
    ok(len(old) == 1, "killed: its metrics get old", old)


def real(work, alerts):
    collector = work / "collector"
    collector.mkdir()
    group = grp.getgrgid(os.getgid()).gr_name  # an ordinary user cannot give the socket to another
    s = Recorded(work, extra="metrics:\n  file: %s\ncontrol:\n  group: %s\n" % (collector / "lazaret.prom", group))
    s.transfer("T-1", [("a", "approved"), ("b", "blocked"), ("c", "held", "encrypted"), ("d", "blocked")])
    s.end()
    yaml = s.at / "lazaret.yaml"
    yaml.write_text(yaml.read_text().replace("devices:\n", "devices:\n  source: none\n", 1))
    daemon = subprocess.Popen([BUILD / "bin" / "lazaretd", "-C", s.at], stdin=subprocess.DEVNULL, stderr=open(work / "log", "wb"))
    site = None
    try:
        with control.connect(s.at / "control.sock").watch() as client:
            client.wait_for(lambda c: c.station["state"] == "ready")
            client.ask("reload")
            client.wait_for(lambda c: c.station["reload"])
            text = client.ask("metrics")["text"]
        promtool(text)
        families = exposition.parse(text)
        site = Site(work, collector)
        queries(site, alerts, families)
        fires(site, daemon)
    except TimeoutError as e:
        ok(False, "Prometheus runs to its end", "%s\n%s" % (e, site.log.read_text() if site else (work / "log").read_text()))
    finally:
        daemon.kill()
        daemon.wait(60)
        if site:
            site.end()


rules = files()
missing = [p for p in ("promtool", "prometheus", "prometheus-node-exporter") if not shutil.which(p)]
if missing and os.environ.get("MONITORING") == "required":
    ok(False, "a real Prometheus", "%s: not installed" % ", ".join(missing))
elif missing:
    skip("a real Prometheus", "%s: not installed; `make check-monitoring` does that" % ", ".join(missing))
else:
    at = pathlib.Path(tempfile.mkdtemp(prefix="lazaret-monitoring.", dir="/var/tmp"))
    os.chmod(at, 0o755)
    try:
        real(at, rules)
    finally:
        shutil.rmtree(at, ignore_errors=True)
sys.exit(finish())
