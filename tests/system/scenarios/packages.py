# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""The station's packages are replaced, or taken away and brought back, on a machine that is in use. What dpkg does without a
running system is in tests/packages."""
from system.lib.packages import DEBS, STATION as PACKAGES, field, later, made
from system.lib.scenario import scenario
from system.lib.snapshot import STATION, dpkg_install, is_ready


def inspect(s, serial):
    """One stick, from plugging in to pulling out; its report."""
    image = s.media.get("vfat")
    stick = s.vm.plug_stick(image, serial=serial)
    report = s.report(s.finished(serial))
    s.inspected(report, image, ["kernel:vfat"])
    s.wait_screen("4 OF 5 FILES WERE TRANSFERRED", report["transfer"])
    stick.unplug()
    s.vm.press("ret")
    s.wait_screen("READY. PLUG IN A MEDIUM.")
    s.nothing_left()
    return report


def pid(s, unit):
    return int(s.agent.run("systemctl", "show", "--value", "-p", "MainPID", unit).out)


def versions(s):
    return set(s.agent.run("dpkg-query", "-W", "-f", "${db:Status-Status} ${Version}\n", *PACKAGES).out.split("\n")[:-1])


def goes_on(s, first, records):
    """The station has forgotten nothing, and inspects the next medium."""
    s.equal(s.agent.sh("systemctl --failed --no-legend").out, "", "failed units")
    s.equal(s.trail()[:len(records)], records, "the records of before")
    s.published(first)
    second = inspect(s, "SECOND")
    s.check(second["transfer"] != first["transfer"], "the second transfer has the name of the first")
    s.equal(sorted(s.agent.run("ls", STATION + "/staging").out.split()), sorted([first["transfer"], second["transfer"]]), "staging")
    history = s.agent.run("lazaret", "-C", STATION, "history", timeout=60).out
    s.check(first["transfer"] in history and second["transfer"] in history, "the history:\n" + history)
    s.audited("published", "station-ready", "published")


@scenario(lifetime=600)
def upgrade(s):
    """a running station is upgraded: all of it is of the new version, history and trail go on, the next medium is inspected"""
    debs = made(later())
    s.equal(versions(s), {"installed " + field(made(DEBS)[0], "Version")}, "version before")
    first = inspect(s, "FIRST")
    records = s.trail()
    units = ("lazaretd.service", "lazaret-roles.service", "lazaret-console.service")
    before = [pid(s, u) for u in units]
    dpkg_install(s.agent, debs)
    s.equal(versions(s), {"installed " + field(debs[0], "Version")}, "version after")
    s.until(lambda: is_ready(s.agent), 120, "the station to be ready again")
    after = [pid(s, u) for u in units]
    s.check(0 not in before + after and not set(before) & set(after), "processes before %s, after %s" % (before, after))
    s.wait_screen("READY. PLUG IN A MEDIUM.")
    goes_on(s, first, records)


@scenario(lifetime=600)
def removed_and_back(s):
    """the packages are removed from a running station: its data stay as they were; installed again it goes on"""
    first = inspect(s, "FIRST")
    records = s.trail()
    kept = "cd %s && find keys reports staging *.yaml -type f -exec sha256sum {} + | sort -k 2" % STATION
    data = s.agent.sh(kept, timeout=60).out
    s.check(first["transfer"] in data and "keys/" in data, "what the station has:\n" + data)
    s.agent.run("dpkg", "--remove", *PACKAGES, timeout=300)
    s.equal(s.agent.sh("ps -eo comm= | grep lazaret; ls /run/lazaret/*.sock 2>/dev/null", check=False).out, "", "processes and sockets that are left")
    s.equal(s.agent.sh("ls /usr/bin/lazaret* /usr/sbin/lazaret* /usr/libexec/lazaret /usr/lib/udev/rules.d/*lazaret* 2>/dev/null", check=False).out, "", "files that are left")
    s.equal(s.agent.sh("systemctl --failed --no-legend").out, "", "failed units")
    s.equal(s.agent.sh(kept, timeout=60).out, data, "what the station has")
    dpkg_install(s.agent, made(DEBS))
    s.until(lambda: is_ready(s.agent), 120, "the station to be ready again")
    s.agent.run("systemctl", "start", "lazaret-console.service", timeout=60)  # installing takes nobody's screen
    s.wait_screen("READY. PLUG IN A MEDIUM.")
    goes_on(s, first, records)
