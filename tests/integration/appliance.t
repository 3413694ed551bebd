#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""The steps of the appliance's build that need neither a network nor a virtual machine: lists held to each other and to the units,
command line, SBOM, hash tree, partition table, set-up of the station. What comes of them together: tests/image."""
import gzip
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from tap import BUILD, ROOT, finish, make_databases, ok, skip  # noqa: E402

APPLIANCE = ROOT / "image/appliance"
SCRATCH = pathlib.Path(tempfile.mkdtemp(prefix="lazaret-appliance."))
HASH = "3f" * 32
CONTENTS = b"".join(hashlib.sha256(b"%d" % i).digest() for i in range(20000))  # more than one block of hashes
ENV = {**os.environ, "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin", "LC_ALL": "C.UTF-8"}


def run(*command, stdin=None, text=True, **env):
    return subprocess.run([str(c) for c in command], input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=text, timeout=600,
                          env={**ENV, **{k: str(v) for k, v in env.items()}}, check=False)


def entries(name):
    lines = (line.split("#")[0].strip() for line in (APPLIANCE / name).read_text().splitlines())
    return [line for line in lines if line]


# -- scripts and lists -----------------------------------------------------------------------------------------------
def scripts():
    files = [p for p in sorted(APPLIANCE.rglob("*")) if p.is_file() and p.read_bytes().startswith(b"#!")]
    bad = [(p.name, done.stderr) for p in files if (done := run("sh", "-n", p)).returncode]
    ok(len(files) >= 15 and not bad, "every step is a shell script", bad or len(files))
    ok(all(os.access(p, os.X_OK) for p in files), "and can be started", [p.name for p in files if not os.access(p, os.X_OK)])
    quiet = [p.name for p in files if "set -eu" not in p.read_text() and p.name not in ("init", "write-image")]  # these must go on
    ok(not quiet, "none goes on after an error", quiet)


def sections():
    found, name = {}, None
    for line in entries("modules.txt"):
        if line.startswith("["):
            name = line.strip("[]")
            found[name] = []
        else:
            found[name].append(line)
    return found


def modules():
    lists = sections()
    ok(set(lists) == {"initrd", "install", "base", "network", "never"}, "sections of modules.txt", list(lists))
    for name, wanted in lists.items():
        done = run(APPLIANCE / "section", name)
        ok(done.stdout.split() == wanted and wanted, "section %s is read" % name, done)
    ok(run(APPLIANCE / "section", "nothing").returncode != 0, "a section that is not there is an error")
    kept = {n.replace("-", "_") for s in ("initrd", "base", "network") for n in lists[s]}
    never = {n.replace("-", "_") for n in lists["never"]}
    ok(not kept & never, "nothing is kept that must never be there", kept & never)
    storage = {"usb_storage", "uas", "xhci_pci", "ehci_pci", "mmc_block", "sr_mod"}
    ok(not storage & set(lists["initrd"]), "media are out of reach before the root is verified", storage & set(lists["initrd"]))
    roles = (ROOT / "image/systemd/lazaret-roles.service").read_text()
    asked = set(re.findall(r"modprobe@(\w+)\.service", roles))
    ok(asked and asked <= kept, "modules that the units load are there", asked - kept)


def accounts():
    table = [line.split() for line in entries("accounts.txt")]
    numbers = [row[0] for row in table]
    ok(len(set(numbers)) == len(numbers), "every account has a number of its own", numbers)
    ok(all(500 <= int(n) < 1000 for n in numbers), "of the system's range, away from what packages are given", numbers)
    named = {row[1] for row in table}
    wanted = set()
    for conf in (ROOT / "image/sysusers").glob("*.conf"):
        wanted |= set(re.findall(r"^[ug] (\S+)", conf.read_text(), re.MULTILINE))
    ok(wanted and wanted == named, "accounts.txt has the accounts of image/sysusers, no others", wanted ^ named)
    root = SCRATCH / "accounts"
    (root / "etc").mkdir(parents=True)
    for name in ("passwd", "group", "shadow", "gshadow"):
        (root / "etc" / name).write_text("")
    run(APPLIANCE / "accounts", root)
    lines = (root / "etc/passwd").read_text().splitlines()
    ok(lines and all(line.endswith(":/usr/sbin/nologin") for line in lines), "none has a shell", lines)
    ok("lazaret" in (root / "etc/group").read_text() and not any(line.startswith("lazaret:") for line in lines), "lazaret is a group alone")
    secrets = [line.split(":")[1] for line in (root / "etc/shadow").read_text().splitlines()]
    ok(secrets and set(secrets) == {"!*"}, "none has a password", secrets)


def command_line():
    done = run(APPLIANCE / "cmdline", HASH)
    words = done.stdout.split()
    ok(done.returncode == 0 and words[-1] == "lazaret.roothash=" + HASH and len(done.stdout.splitlines()) == 1, "the command line ends with the root hash", done)
    wanted = {"usbcore.authorized_default=0", "lockdown=confidentiality", "intel_iommu=on", "iommu.passthrough=0", "module.sig_enforce=1", "init_on_alloc=1",
              "ipv6.disable=1", "systemd.gpt_auto=0", "systemd.import_credentials=no"}
    ok(wanted <= set(words), "what the threat model counts on is there", wanted - set(words))
    ok(not [w for w in words if re.match(r"init=|rdinit=|systemd\.debug|rd\.break|single$|emergency", w)], "nothing opens a shell", words)
    names = [w.partition("=")[0] for w in words]
    ok(sorted(names) == sorted(set(names)), "no word twice", sorted(n for n in names if names.count(n) > 1))
    installing = run(APPLIANCE / "cmdline", "install", HASH, "2266").stdout.split()
    ok(set(words) - set(installing) == {"usbcore.authorized_default=0", words[-1]} and set(installing) - set(words) == {"lazaret.image=" + HASH, "lazaret.image-mib=2266"},
       "the installer's is the same, but for USB, and names its image", installing)
    crypt = run(APPLIANCE / "cmdline", HASH, DATA="tpm2").stdout.split()
    ok(crypt[:-2] == words[:-1] and crypt[-2:] == ["lazaret.data=tpm2", words[-1]], "an encrypted one's says so, and nothing else besides", crypt)
    ok(run(APPLIANCE / "cmdline", HASH, DATA="clear").returncode != 0, "what its data partition is, is plain or tpm2")
    for wrong in ("", "3f" * 31, "3F" * 32, HASH + " init=/bin/sh"):
        ok(run(APPLIANCE / "cmdline", wrong).returncode != 0, "%r is no root hash" % wrong[:20])


def masked():
    units = entries("masked.txt")
    ok({"getty@.service", "serial-getty@.service", "debug-shell.service", "emergency.service", "rescue.service", "ctrl-alt-del.target"} <= set(units),
       "log-ins and shells are masked")
    ours = {p.name for p in (ROOT / "image/systemd").iterdir()} | {"lazaret-setup.service"}
    ok(not ours & set(units), "none of our own units is", ours & set(units))


# -- SBOM ------------------------------------------------------------------------------------------------------------
ROW = "libfoo1:amd64\t1:2.0+dfsg~rc1-3\tamd64\tfoo\t1:2.0+dfsg~rc1-3\tA \"B\" \\ C <c@example.org>\n"


def sbom():
    rows = ROW + "bash\t5.2\tamd64\tbash\t5.2\tM\n"
    done = run(APPLIANCE / "sbom", "image", "1.0", "1700000000", stdin=rows)
    document = json.loads(done.stdout)
    ok(document["spdxVersion"] == "SPDX-2.3" and document["creationInfo"]["created"] == "2023-11-14T22:13:20Z", "an SPDX document", document)
    packages = {p["name"]: p for p in document["packages"]}
    ok(set(packages) == {"libfoo1", "bash"}, "has every package", list(packages))
    foo = packages["libfoo1"]
    ok(foo["supplier"] == 'Organization: A "B" \\ C <c@example.org>' and foo["sourceInfo"] == "built from foo 1:2.0+dfsg~rc1-3", "with maintainer and source", foo)
    ok(foo["externalRefs"][0]["referenceLocator"] == "pkg:deb/debian/libfoo1@1%3A2.0%2Bdfsg%7Erc1-3?arch=amd64", "and a package URL", foo)
    ids = [p["SPDXID"] for p in document["packages"]]
    ok(sorted(ids) == sorted(r["relatedSpdxElement"] for r in document["relationships"]) and len(set(ids)) == 2, "all are described", document)
    again = run(APPLIANCE / "sbom", "image", "1.0", "1700000000", stdin="".join(reversed(rows.splitlines(True))))
    ok(again.stdout == done.stdout, "the same packages give the same bytes")
    other = json.loads(run(APPLIANCE / "sbom", "image", "1.0", "1700000000", stdin=ROW).stdout)
    ok(other["documentNamespace"] != document["documentNamespace"], "others another name space")
    for what, text in (("an empty list", ""), ("a line without its fields", "bash\t5.2\n"), ("a package that is there twice", ROW + ROW.replace("2.0", "3.0"))):
        ok(run(APPLIANCE / "sbom", "image", "1.0", "1700000000", stdin=text).returncode != 0, "%s is refused" % what)


# -- hash tree, partitions -------------------------------------------------------------------------------------------
def image(name, contents):
    """The steps verity and disk, on a tree of one file."""
    out = SCRATCH / name
    tree = out / "tree"
    (tree / "usr").mkdir(parents=True)
    (tree / "usr/file").write_bytes(contents)
    run("tar", "-C", tree, "--sort=name", "--mtime=@1700000000", "--owner=0", "--group=0", "--numeric-owner", "-cf", out / "root.tar", ".")
    env = {"EPOCH": 1700000000, "SOURCE_DATE_EPOCH": 1700000000, "VERSION": "1.0", "SALT": "61" * 32, "UUID": "6c617a61-7265-4174-8170-706c69616e63",
           "ESP_MIB": 40, "ROOT_MIB": 8, "VERITY_MIB": 2}
    made = run(APPLIANCE / "verity", out, **env)
    for part in ("boot.efi", "lazaret.efi"):
        (out / part).write_bytes(contents)
    laid = run(APPLIANCE / "disk", out, "", **env)
    return out, made, laid, env


def layout():
    missing = [t for t in ("mksquashfs", "veritysetup", "sfdisk", "mkfs.vfat", "mcopy") if not shutil.which(t, path=ENV["PATH"])]
    if missing:
        skip("hash tree and disk", "%s: make deps" % ", ".join(missing))
        return
    out, made, laid, env = image("one", CONTENTS)
    ok(made.returncode == 0 and laid.returncode == 0, "squashfs, hash tree, disk", made.stderr + laid.stderr)
    root_hash = (out / "roothash").read_text()
    tree = (out / "root.verity").read_bytes()
    # what image/appliance/init does to know its slot
    ok(hashlib.sha256(b"a" * 32 + tree[4096:8192]).hexdigest() == root_hash, "the topmost block has the root hash")
    table = json.loads(run("sfdisk", "--json", out / "lazaret-appliance.img").stdout)["partitiontable"]
    parts = {p["name"]: p for p in table["partitions"]}
    ok(list(parts) == ["esp", "root-a", "verity-a", "root-b", "verity-b"], "partitions", list(parts))
    disk = (out / "lazaret-appliance.img").read_bytes()
    def at(name):
        return disk[parts[name]["start"] * 512:(parts[name]["start"] + parts[name]["size"]) * 512]
    ok(at("root-a").startswith((out / "root.squashfs").read_bytes()) and at("verity-a").startswith(tree), "slot A is filled")
    ok(not at("root-b").strip(b"\0") and not at("verity-b").strip(b"\0"), "slot B is empty")
    for name in ("root", "verity"):
        ok(parts[name + "-a"]["size"] == parts[name + "-b"]["size"], "%s-b can take what %s-a has" % (name, name))
    esp = SCRATCH / "esp.img"
    esp.write_bytes(at("esp"))
    for path in ("::/EFI/BOOT/BOOTX64.EFI", "::/EFI/Linux/lazaret-1.0.efi"):
        ok(run("mcopy", "-n", "-i", esp, path, "-", text=False).stdout == CONTENTS, "%s is on the boot partition" % path[2:])
    ok("editor no" in run("mcopy", "-n", "-i", esp, "::/loader/loader.conf", "-").stdout, "the boot loader lets nobody edit")

    same = image("two-with-a-longer-name", CONTENTS)[0]
    ok((same / "lazaret-appliance.img").read_bytes() == disk, "the same contents give the same disk")
    other = image("three", CONTENTS[1:])[0]
    ids = [json.loads(run("sfdisk", "--json", d / "lazaret-appliance.img").stdout)["partitiontable"] for d in (out, other)]
    ok((other / "roothash").read_text() != root_hash and ids[0]["id"] != ids[1]["id"], "others another one, with other identifiers")
    (out / "root.squashfs").write_bytes(b"\0" * (9 << 20))
    done = run(APPLIANCE / "disk", out, "", **env)
    ok(done.returncode != 0 and "larger than its partition" in done.stderr, "what does not fit is refused", done)


def microcode():
    if not shutil.which("cpio"):
        skip("microcode", "cpio is not installed: make deps")
        return
    root = SCRATCH / "microcode"
    for name, text in (("intel-ucode/06-01", b"one"), ("intel-ucode/06-02", b"two"), ("intel-ucode/06-03.initramfs", b"no"), ("amd-ucode/microcode_amd.bin", b"amd"),
                       ("amd-ucode/README", b"no"), ("other.bin", b"no")):
        (root / "usr/lib/firmware" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "usr/lib/firmware" / name).write_bytes(text)
    done = run(APPLIANCE / "microcode", root, SCRATCH / "early", EPOCH=1700000000)
    out = SCRATCH / "early-out"
    out.mkdir()
    subprocess.run(["cpio", "--quiet", "-id"], input=(SCRATCH / "early").read_bytes(), cwd=out, check=False)
    found = {str(p.relative_to(out)): p.read_bytes() for p in out.rglob("*") if p.is_file()}
    ok(done.returncode == 0 and found == {"kernel/x86/microcode/GenuineIntel.bin": b"onetwo", "kernel/x86/microcode/AuthenticAMD.bin": b"amd"}, "microcode lies where the kernel looks", (done, found))
    ok(sorted(p.name for p in (root / "usr/lib/firmware").iterdir()) == ["other.bin"], "and not in the root")
    ok(run(APPLIANCE / "microcode", root, SCRATCH / "early", EPOCH=1700000000).returncode != 0, "none at all is an error")


def installer():
    """What puts the image on a disk, under the shell and the tools that it has there."""
    if not shutil.which("busybox"):
        skip("the installer", "busybox is not installed: image/packages/install system")
        return
    at = SCRATCH / "installer"
    (at / "bin").mkdir(parents=True)
    run("busybox", "--install", "-s", at / "bin")
    contents = CONTENTS * 115 + b"\1" * (-len(CONTENTS * 115) % (1 << 20))  # more than one part of it
    mib, sum_, image, disk = len(contents) >> 20, hashlib.sha256(contents).hexdigest(), at / "image.gz", at / "disk"

    def write(given, named=sum_, room=mib + 8):
        image.write_bytes(gzip.compress(given, 1))
        disk.write_bytes(b"\xee" * (room << 20))
        done = subprocess.run([at / "bin/sh", APPLIANCE / "installer/write-image", image, disk, str(mib), named], env={"PATH": str(at / "bin"), "TMPDIR": str(at)},
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600, check=False)
        return done, disk.read_bytes()

    done, there = write(contents)
    ok(done.returncode == 0 and mib > 65 and there[:len(contents)] == contents, "the image is written, as a whole", done)
    ok(not there[-1 << 20:].strip(b"\0"), "and an old table at the end of the disk is gone")
    damaged = contents[:50 << 20] + b"\2" + contents[(50 << 20) + 1:]
    for what, given, named in (("one changed byte", damaged, sum_), ("a changed byte of the table", b"\2" + contents[1:], sum_), ("an image that ends too soon", contents[:-1 << 20], sum_),
                               ("another sum on the command line", contents, HASH)):
        done, there = write(given, named)
        ok(done.returncode == 1 and "not the image that was signed" in done.stdout and not there[:1 << 20].strip(b"\0"), "%s: refused, and no table is left" % what, done)
    done, there = write(contents, room=mib - 1)
    ok(done.returncode == 1 and "smaller than the image" in done.stdout and there == b"\xee" * len(there), "a disk without room is left as it is", done)
    text = (APPLIANCE / "installer/write-image").read_text()
    ok(text.index('dd if="$head"') > text.index('[ "$found" = "$sum" ]'), "the table is written when the rest has been read back, not before")


# -- the station -------------------------------------------------------------------------------------------------------
def set_up(name, answers, key=None):
    site, var = SCRATCH / name / "site", SCRATCH / name / "var"
    site.mkdir(parents=True)
    make_databases(site / "databases")
    (site / "answers").write_text(answers)
    if key:
        shutil.copy(key, site / "site.pub")
    (var / "lib/lazaret").mkdir(parents=True)  # as the image has it
    return var, lambda: run(APPLIANCE / "tree/usr/lib/lazaret/set-up", SITE=site, VAR=var, PATH="%s:%s" % (BUILD / "bin", ENV["PATH"]))


def station():
    key = SCRATCH / "site.pub"
    run("minisign", "-G", "-W", "-f", "-p", key, "-s", SCRATCH / "site.key")
    var, begin = set_up("full", "name: \"Gate 3: 'north', 7\"\nprofile: documents\nmedia-ports: [1-2, 1-3]\n"
                        "inputs: [{port: 1-1, id: '046d:c31c'}]\nhubs: ['1-4']\n", key)
    (var / "lib/lazaret/half-made").write_text("by an attempt that the power ended")
    done = begin()
    ok(done.returncode == 0, "a station is made of the answers", done.stdout + done.stderr)
    text = (var / "lib/lazaret/lazaret.yaml").read_text()
    ok("  media-ports: ['1-2', '1-3']\n" in text and "    - {port: '1-1', id: '046d:c31c'}\n" in text and "  hubs: ['1-4']\n" in text, "ports are the site's", text)
    status = run(BUILD / "bin/lazaret", "-C", var / "lib/lazaret", "rules", "check")
    ok(status.returncode == 0 and "documents" in (var / "lib/lazaret/rules.yaml").read_text(), "the profile too, and the configuration is valid", status)
    ok("Gate 3: 'north'" in text.replace("''", "'"), "the name as well", text)
    ok(not (var / "lib/lazaret/half-made").exists(), "nothing is left of an attempt before")
    keys = run(BUILD / "bin/lazaret", "-C", var / "lib/lazaret", "key", "list").stdout
    ok("site" in keys and "update" in keys, "the site's key is trusted for updates", keys)
    before = text
    (var / "lib/lazaret/lazaret.yaml").write_text(before + "# changed\n")
    ok(begin().returncode == 0 and (var / "lib/lazaret/lazaret.yaml").read_text() != before, "a station that is there is left alone")

    var, begin = set_up("empty", "profile: strict\n")
    done = begin()
    ok(done.returncode == 0 and "media-ports" not in re.sub(r"#.*", "", (var / "lib/lazaret/lazaret.yaml").read_text()), "where no port is named none is for media", done)
    for wrong in ("profile: nonsense\n", "colour: blue\n", "media-ports: any\n", "name: [\n", "time-zone: Nowhere\n"):
        var, begin = set_up("wrong-%d" % sum(wrong.encode()), wrong)
        ok(begin().returncode != 0 and not (var / "lib/lazaret-appliance/made").exists(), "a wrong answer in the image makes no station: %s" % wrong.strip())
    unit = (APPLIANCE / "tree/usr/lib/systemd/system/lazaret-setup.service").read_text()
    ok("ConditionPathExists=!/var/lib/lazaret-appliance/made" in unit, "and lazaretd waits for it",
       unit)
    for waits in ("lazaretd.service.d", "lazaretd.socket.d"):
        ok("Requires=lazaret-setup.service" in (APPLIANCE / "tree/usr/lib/systemd/system" / waits / "appliance.conf").read_text(), "%s requires it" % waits)


def site_share():
    """lazaret-site-share.service's script: the image's files are put in force, each time; with an error there is no share."""
    lacking = [t for t in ("smbd", "smbpasswd", "pdbedit", "sshd", "nft") if not shutil.which(t, path=ENV["PATH"])]
    if lacking or os.geteuid() != 0 or run("getent", "passwd", "_lazaret-share").returncode:
        skip("the share of an appliance", "needs root, the account _lazaret-share and " + (", ".join(lacking) or "nothing else"))
        return
    section = "share:\n  interface: enp0s2\n  address: 10.20.0.2\n  clients: [10.20.0.0/24]\n  services: [%s]\n"
    var, begin = set_up("site-share", "profile: strict\n")
    ok(begin().returncode == 0, "a station for a share")
    at, site, root = var / "lib/lazaret", SCRATCH / "site-share/site/share", SCRATCH / "site-share/run"
    plain = (at / "lazaret.yaml").read_text()

    def boot(**files):
        shutil.rmtree(site, ignore_errors=True)
        if files:
            site.mkdir()
        for name, text in files.items():
            (site / {"section": "share.yaml"}.get(name, name)).write_text(text)
        return run(APPLIANCE / "tree/usr/lib/lazaret/site-share", SITE=site.parent, VAR=var, SHARE=root, PATH="%s:%s" % (BUILD / "bin", ENV["PATH"]))

    def password_hash():
        binds = "".join("mount --bind %s/accounts/%s /etc/%s\n" % (root, a, a) for a in ("passwd", "group", "shadow"))
        found = re.search(r"^importer:[0-9]+:X+:([0-9A-F]{32}):\[U +\]", run("unshare", "--mount", "sh", "-ec", binds + "pdbedit -s %s/smb.conf -L -w\n" % root).stdout, re.MULTILINE)
        return found and found.group(1)

    for name in ("importer", "host", "other"):
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", SCRATCH / name)
    public, host, other = (SCRATCH / "importer.pub").read_text(), (SCRATCH / "host").read_text(), (SCRATCH / "other.pub").read_text()
    done = boot()
    ok(done.returncode == 0 and (at / "lazaret.yaml").read_text() == plain and not (root / "smb.conf").exists(), "an image without one has none", done)
    done = boot(section=section % "smb, sftp", password="korrekt pferd 7\n", authorized_keys=public, ssh_host_ed25519_key=host)
    first = password_hash()
    ok(done.returncode == 0 and (at / "lazaret.yaml").read_text().endswith(section % "smb, sftp"), "the image's section is the station's", done)
    ok(first and not [p for p in at.rglob("*") if p.is_file() and b"korrekt pferd" in p.read_bytes()], "the importers' password too, as a hash alone", first)
    ok((at / "share/authorized_keys").read_text() == public and (at / "share/sftp/ssh_host_ed25519_key").read_text() == host, "importers' keys and the host key are the image's")
    odd = [p for p in (at / "share").rglob("*") if p.stat().st_mode & 0o077]
    ok(not odd, "for root alone", odd)
    with open(at / "lazaret.yaml", "a") as f:
        f.write("  firewall: {on: false}\n")
    done = boot(section=section % "smb, sftp", password="another 8\n", authorized_keys=other)
    ok(done.returncode == 0 and (at / "lazaret.yaml").read_text().count("share:\n") == plain.count("share:\n") + 1 and "on: false" not in (at / "lazaret.yaml").read_text(),
       "what was changed on the data partition does not last", (at / "lazaret.yaml").read_text()[-400:])
    ok((at / "share/authorized_keys").read_text() == other and password_hash() not in (None, first), "the next image's password and keys take the place of these", done)
    for what, files, words in (
            ("SMB without a password", {"section": section % "smb"}, "share/password"), ("NFS", {"section": section % "nfs"}, "no NFS"),
            ("IPv6", {"section": (section % "sftp").replace("10.20.0.2", "'fd00::2'").replace("10.20.0.0/24", "'fd00::/64'"), "authorized_keys": public}, "no IPv6"),
            ("a section with an error", {"section": section % "ftp"}, "lazaret.yaml"),
            ("another section", {"section": "devices:\n  media-ports: any\n" + section % "sftp", "authorized_keys": public}, "another section")):
        done = boot(**files)
        ok(done.returncode == 1 and words in done.stderr and (at / "lazaret.yaml").read_text() == plain and not (root / "interface.network").exists(),
           "no share, and the station as it was: " + what, done)


def brought():
    """The script of lazaret-brought.service, with the real `lazaret update`."""
    lazaret, minisign = BUILD / "bin/lazaret", SCRATCH / "site.key"
    var, begin = set_up("brought", "profile: strict\n", SCRATCH / "site.pub")
    ok(begin().returncode == 0, "a station for update packs")
    station, offers = var / "lib/lazaret", var / "lib/lazaret/updates"
    offers.mkdir()
    def offer(name, version, key):
        pack = offers / ("%s-%d.lazaret-pack" % (name, version))
        done = run(lazaret, "pack", "make", "--key", key, "--name", name, "--version", version, "--for", "any", "--rules", ROOT / "rules/documents.yaml", "--out", pack)
        pack.with_name(pack.name + ".json").write_text(json.dumps({"pack": pack.name, "name": name, "version": version}))
        return done
    def put_in_force():
        done = run(APPLIANCE / "tree/usr/lib/lazaret/brought", VAR=var, PATH="%s:%s" % (BUILD / "bin", ENV["PATH"]))
        trail = [json.loads(line) for line in (station / "audit/audit.jsonl").read_text().splitlines()]
        return done, [r["type"] for r in trail if r["type"].startswith("update-")]
    offer("site-rules", 1, minisign)
    done, events = put_in_force()
    ok(done.returncode == 0 and events == ["update-applied"], "a pack that the site has signed is put in force", (done, events))
    ok("documents" in run(lazaret, "-C", station, "rules", "check").stdout or "site-rules" in (station / "sets/current").read_text(), "and holds")
    other = SCRATCH / "other.key"
    run("minisign", "-G", "-W", "-f", "-p", SCRATCH / "other.pub", "-s", other)
    offer("site-rules", 2, other)
    time.sleep(1.1)  # or it is the same pack, byte for byte, which is not tried again
    offer("site-rules", 1, minisign)
    before = (station / "sets/current").read_bytes()
    done, events = put_in_force()
    ok(done.returncode == 0 and events == ["update-applied", "update-refused", "update-refused"], "one of another key, or not newer, is not", (done, events))
    ok((station / "sets/current").read_bytes() == before, "nothing has changed by it")
    done, events = put_in_force()
    ok(done.returncode == 0 and len(events) == 3, "and is not tried again", (done, events))
    cut_off(var, offer, put_in_force)


def cut_off(var, offer, put_in_force):
    """Found by power cuts in the booted image: a pack whose update was cut off had been tried for ever."""
    cut, command = SCRATCH / "cut", 'PATH=${PATH#*:} exec lazaret "$@"'
    cut.mkdir(exist_ok=True)
    (cut / "lazaret").write_text('#!/bin/sh\ncase "$*" in *" update apply "*) kill -9 "$PPID"; exit 1 ;; esac\n%s\n' % command)
    (cut / "lazaret").chmod(0o755)
    def power_fails():
        return run(APPLIANCE / "tree/usr/lib/lazaret/brought", VAR=var, PATH="%s:%s:%s" % (cut, BUILD / "bin", ENV["PATH"]))
    offer("site-rules", 3, SCRATCH / "site.key")
    ok(power_fails().returncode == -9 and power_fails().returncode == -9, "the power fails while it is put in force, twice")
    done, events = put_in_force()
    ok(done.returncode == 0 and events[3:] == ["update-applied"], "at the next boot it is", (done, events))
    offer("site-rules", 4, SCRATCH / "site.key")
    for _ in range(3):
        power_fails()
    done, events = put_in_force()
    ok(done.returncode == 0 and len(events) == 4 and "cut off three times" in done.stderr, "one that takes the machine down three times is given up", (done, events))
    done, events = put_in_force()
    ok(done.returncode == 0 and len(events) == 4 and "cut off" not in done.stderr, "once", (done, events))


def keys():
    if not shutil.which("cert-to-efi-sig-list"):
        skip("keys for Secure Boot", "efitools is not installed: image/packages/install appliance")
        return
    made = SCRATCH / "keys"
    done = run(APPLIANCE / "keys", made)
    names = {"%s.%s" % (n, e) for n in ("PK", "KEK", "db") for e in ("key", "crt", "auth")} | {"guid"}
    ok(done.returncode == 0 and {p.name for p in made.iterdir()} == names, "keys for Secure Boot", done)
    ok(made.stat().st_mode & 0o77 == 0 and all(p.stat().st_mode & 0o77 == 0 for p in made.iterdir()), "which nobody else reads")
    secret = (made / "db.key").read_bytes()
    ok(run(APPLIANCE / "keys", made).returncode != 0 and (made / "db.key").read_bytes() == secret, "are never made again over others")


try:
    scripts()
    modules()
    accounts()
    command_line()
    masked()
    sbom()
    layout()
    microcode()
    installer()
    station()
    site_share()
    brought()
    keys()
finally:
    shutil.rmtree(SCRATCH, ignore_errors=True)
sys.exit(finish())
