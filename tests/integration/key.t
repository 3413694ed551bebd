#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""lazaret key trust | distrust | list: keys of every kind, made by the tools of their owners; files that are no keys, or keys
that nobody should trust; scope, ends, and a trust store that somebody else has written to.

BUILD: the build directory (default build).
"""
import base64
import hashlib
import json
import os
import pathlib
import pty
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from tap import BUILD, finish, make_databases, ok  # noqa: E402

LAZARET = BUILD / "bin" / "lazaret"
PURPOSES = ["files", "repository", "package", "image", "attestation", "code"]


def tool(*args, **kw):
    done = subprocess.run([str(a) for a in args], stdin=subprocess.DEVNULL, capture_output=True, timeout=120,
                          cwd=kw.pop("cwd", work), **kw)
    if done.returncode != 0:
        raise RuntimeError("%s: %s" % (args, (done.stdout + done.stderr).decode("utf-8", "replace")))
    return done.stdout


def key(*args, is_json=False):
    """lazaret key ...: status, standard output, standard error."""
    argv = [LAZARET, "-C", station, *(["--json"] if is_json else []), "key", *args]
    done = subprocess.run([os.fspath(a) for a in argv], stdin=subprocess.DEVNULL, capture_output=True, timeout=120)
    return done.returncode, done.stdout.decode("utf-8", "backslashreplace"), done.stderr.decode("utf-8", "backslashreplace")


def expect(status, words, *args, name=None):
    got, out, err = key(*args)
    ok(got == status and words in out + err, name or "%s: %d, %s" % (" ".join(os.path.basename(a) for a in args), status, words),
       "status %d\n%s%s" % (got, out, err))
    return out + err


def listed():
    got, out, err = key("list", is_json=True)
    return {k["name"]: k for k in map(json.loads, out.splitlines())} if got == 0 else {"error": err}


def last_record():
    with open(station / "audit" / "audit.jsonl", encoding="utf-8") as f:
        return json.loads(f.read().splitlines()[-1])


def records():
    with open(station / "audit" / "audit.jsonl", encoding="utf-8") as f:
        return len(f.read().splitlines())


def file(name, data):
    (work / name).write_bytes(data)
    return work / name


# -- keys, by their owners' tools ------------------------------------------------------------------------------------
def gpg(*args, home="gnupg", **kw):
    directory = work / home
    directory.mkdir(mode=0o700, exist_ok=True)
    return tool("gpg", "--batch", "--homedir", directory, "--pinentry-mode", "loopback", "--passphrase", "", *args, **kw)


def gpg_key(name, kind, expire="never", at=None, home="gnupg"):
    """A primary key that signs; returns its fingerprint."""
    time = ["--faked-system-time", at] if at else []
    gpg(*time, "--quick-gen-key", name, kind, "sign", expire, home=home)
    colons = gpg("--with-colons", "--list-keys", name, home=home).decode()
    return [line.split(":")[9] for line in colons.splitlines() if line.startswith("fpr:")][0]


def openpgp_keys():
    prints = {"pgp": gpg_key("Vendor P <p@vendor.example>", "ed25519"),
              "pgp-hostile": gpg_key("Evil \u202etxt <e@vendor.example>", "ed25519"),
              "pgp-expired": gpg_key("Old <old@vendor.example>", "ed25519", "2020-02-01", "20200101T000000!"),
              "pgp-ending": gpg_key("Ending <ending@vendor.example>", "ed25519", "2099-12-31")}
    prints["pgp-revoked"] = gpg_key("Revoked <revoked@vendor.example>", "ed25519")
    revocation = (work / "gnupg" / "openpgp-revocs.d" / (prints["pgp-revoked"] + ".rev")).read_text()
    gpg("--import", file("revocation", revocation.replace(":-----BEGIN", "-----BEGIN").encode()))
    for name, fingerprint in prints.items():
        file(name, gpg("--export", fingerprint))
    file("pgp-armoured", gpg("--export", "--armor", prints["pgp"]))
    file("pgp-two", gpg("--export", prints["pgp"], prints["pgp-ending"]))
    file("pgp-secret", gpg("--export-secret-keys", prints["pgp"]))
    gpg("--allow-weak-key-signatures", "--enable-large-rsa", "--quick-gen-key", "Short <s@vendor.example>", "rsa1024", "sign", "never")
    file("pgp-short", gpg("--export", "s@vendor.example"))
    return prints


def certificate(name, subject, *extensions, key_kind=("ed25519",), end="20991231235959Z", start="20200101000000Z"):
    """Self-signed, with a beginning and an end, which only `openssl ca` could set for a long time."""
    (work / "ca").mkdir(exist_ok=True)
    file("ca/index.txt", b"")
    config = ("[ca]\ndefault_ca=d\n[d]\ndatabase=%s/ca/index.txt\nnew_certs_dir=%s/ca\nrand_serial=yes\ndefault_md=sha256\n"
              "policy=p\nx509_extensions=x\n[p]\ncommonName=supplied\n[x]\n%s\n[req]\ndistinguished_name=n\n[n]\n"
              % (work, work, "\n".join(extensions)))
    file("ca/config", config.encode())
    tool("openssl", "genpkey", "-algorithm", *key_kind, "-out", name + ".key")
    tool("openssl", "req", "-new", "-config", "ca/config", "-key", name + ".key", "-subj", subject, "-utf8", "-out", name + ".csr")
    tool("openssl", "ca", "-config", "ca/config", "-batch", "-selfsign", "-notext", "-keyfile", name + ".key", "-in", name + ".csr",
         "-out", name, "-startdate", start, "-enddate", end)
    told = tool("openssl", "x509", "-in", name, "-noout", "-fingerprint", "-sha256").decode()
    return told.strip().split("=")[1].replace(":", "")


CA = ("basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign")
SIGNER = ("basicConstraints=critical,CA:FALSE", "keyUsage=critical,digitalSignature", "extendedKeyUsage=codeSigning")


def x509_keys():
    prints = {"ca": certificate("ca.pem", "/CN=Vendor CA", *CA),
              "signer": certificate("signer.pem", "/CN=Vendor signer", *SIGNER, key_kind=("rsa", "-pkeyopt", "rsa_keygen_bits:2048"))}
    certificate("expired.pem", "/CN=Old signer", *SIGNER, end="20210101000000Z")
    certificate("short.pem", "/CN=Short", *SIGNER, key_kind=("rsa", "-pkeyopt", "rsa_keygen_bits:1024"))
    certificate("useless.pem", "/CN=Web server", *SIGNER[:2], "extendedKeyUsage=serverAuth")
    tool("openssl", "x509", "-in", "ca.pem", "-outform", "DER", "-out", "ca.der")
    pem = (work / "ca.pem").read_bytes()
    file("two.pem", pem + (work / "signer.pem").read_bytes())
    file("with-key.pem", (work / "signer.pem.key").read_bytes() + (work / "signer.pem").read_bytes())
    return prints


def raw_keys():
    prints = {}
    for name, kind in (("ed", ("ed25519",)), ("ec", ("ec", "-pkeyopt", "ec_paramgen_curve:P-256")),
                       ("rsa-short", ("rsa", "-pkeyopt", "rsa_keygen_bits:1024")), ("x25519", ("x25519",))):
        tool("openssl", "genpkey", "-algorithm", *kind, "-out", name + ".key")
        tool("openssl", "pkey", "-in", name + ".key", "-pubout", "-out", name + ".pem")
        der = tool("openssl", "pkey", "-in", name + ".key", "-pubout", "-outform", "DER")
        prints[name] = hashlib.sha256(der).hexdigest()
    return prints


def small_keys():
    """minisign and signify: algorithm, key id, key. The fingerprint is of the last two."""
    tool("minisign", "-G", "-W", "-p", "mini.pub", "-s", "mini.key")
    tool("signify-openbsd", "-G", "-n", "-p", "signify.pub", "-s", "signify.sec", "-c", "Vendor S")
    tool("minisign", "-G", "-W", "-p", "other.pub", "-s", "other.key")
    lines = {name: (work / (name + ".pub")).read_text().splitlines()[1] for name in ("mini", "signify")}
    return {name: (line, hashlib.sha256(base64.b64decode(line)[2:]).hexdigest()) for name, line in lines.items()}


# -- tests --------------------------------------------------------------------------------------------------------------
def trusted(name, path, kind, fingerprint, owner, created=False, expires=False):
    """Trust it by its whole fingerprint as its owner tells it; list, store and trail have to say the same."""
    shown = " ".join(fingerprint[i:i + 4] for i in range(0, len(fingerprint), 4))
    expect(0, "%s is trusted" % name, "trust", path, "--name", name, "--fingerprint", shown.swapcase(), name=name + ": trusted")
    k = listed().get(name, {})
    ok(k.get("kind") == kind and k.get("fingerprint", "").lower() == fingerprint.lower() and k.get("owner") == owner and
       k.get("purposes") == PURPOSES and k.get("paths") == [] and k.get("types") == [] and k.get("until") == 0 and
       bool(k.get("created")) == created and bool(k.get("expires")) == expires and k.get("expired") is False, name + ": listed", k)
    kept, body = (station / "trust" / (name + ".pub")), last_record()
    data = kept.read_bytes() if kept.exists() else b""
    ok(body["type"] == "key-trusted" and body["body"].get("name") == name and
       body["body"].get("sha256") == hashlib.sha256(data).hexdigest() and
       all(body["body"].get(f) == k.get(f) for f in ("kind", "fingerprint", "key_id", "owner", "purposes", "paths", "types", "until",
                                                      "created", "expires", "added_at", "by")), name + ": recorded", body)
    ok(base64.b64decode(k.get("key", "")) == data and data, name + ": kept")
    again = work / "again"
    again.write_bytes(data)
    expect(1, "trusted already, as " + name, "trust", again, "--name", "other", "--yes", name=name + ": the kept bytes are the same key")
    return k


def every_kind():
    small, pgp, x509, raw = small_keys(), openpgp_keys(), x509_keys(), raw_keys()
    trusted("mini", work / "mini.pub", "minisign", small["mini"][1], "")
    text = key("list")[1]
    ok("public key   " + small["mini"][0] in text and "kind         minisign" in text, "what minisign's owners publish is shown", text)
    trusted("signify", work / "signify.pub", "signify", small["signify"][1], "Vendor S")
    trusted("pgp", work / "pgp", "openpgp", pgp["pgp"], "Vendor P <p@vendor.example>", created=True)
    expect(1, "trusted already, as pgp", "trust", work / "pgp-armoured", "--name", "pgp-2", "--yes")
    trusted("ending", work / "pgp-ending", "openpgp", pgp["pgp-ending"], "Ending <ending@vendor.example>", created=True, expires=True)
    trusted("hostile", work / "pgp-hostile", "openpgp", pgp["pgp-hostile"], "Evil \\u{202E}txt <e@vendor.example>", created=True)
    ok("\u202e" not in key("list")[1], "a name cannot turn the line round")
    trusted("ca", work / "ca.pem", "x509-ca", x509["ca"], "CN=Vendor CA", True, True)
    expect(1, "trusted already, as ca", "trust", work / "ca.der", "--name", "ca-2", "--yes")
    trusted("signer", work / "signer.pem", "x509-signer", x509["signer"], "CN=Vendor signer", True, True)
    trusted("ed", work / "ed.pem", "raw", raw["ed"], "")
    trusted("ec", work / "ec.pem", "raw", raw["ec"], "")
    ok(sorted(listed()) == sorted(["mini", "signify", "pgp", "ending", "hostile", "ca", "signer", "ed", "ec"]), "all are listed", listed())
    for name in listed():
        expect(0, "no longer trusted", "distrust", name)
    ok(listed() == {} and [p.name for p in (station / "trust").iterdir()] == ["keys.json"], "all are gone",
       os.listdir(station / "trust"))


def refuse(path, words, status=1):
    before = records(), listed()
    expect(status, words, "trust", path, "--name", "wrong", "--yes", name="refused: %s" % os.path.basename(path))
    ok((records(), listed()) == before and not (station / "trust" / "wrong.pub").exists(), "nothing changed")


def wrong_files():
    none = "no public key that this station knows"
    refuse(file("empty", b""), "empty")
    refuse(file("text", b"RW" + b"Q" * 53 + b"\n"), none)
    refuse(file("picture", base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJg"
                                            "gg==")), none)
    refuse(file("noise", bytes(range(256)) * 1000), none)
    with open(work / "huge", "wb") as f:
        f.truncate(1 << 30)
    refuse(work / "huge", "larger than any key")
    refuse(work / "none", "No such file", 2)
    refuse(work, "not a regular file")
    os.mkfifo(work / "pipe")
    refuse(work / "pipe", "not a regular file")
    refuse(pathlib.Path("/dev/zero"), "not a regular file")
    refuse(file("armour", b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n"), "")
    for name in ("mini.key", "signify.sec", "pgp-secret", "ed.key", "with-key.pem"):
        refuse(work / name, "")
    refuse(work / "with-key.pem", "private key")
    refuse(work / "pgp-two", "")
    refuse(work / "two.pem", "several certificates")
    refuse(work / "pgp-short", "")
    refuse(work / "short.pem", "too short")
    refuse(work / "rsa-short.pem", "")
    refuse(work / "x25519.pem", "")
    refuse(work / "pgp-expired", "expired")
    refuse(work / "pgp-revoked", "revoked")
    refuse(work / "expired.pem", "expired")
    refuse(work / "useless.pem", "")
    mini = (work / "mini.pub").read_bytes()
    refuse(file("mini-two", mini + mini), "")
    refuse(file("signify-hostile", (work / "signify.pub").read_bytes().replace(b"Vendor", b"\x1b[2J")), "")
    refuse(file("mini-tail", mini + b"x"), "")
    refuse(file("mini-cut", mini[:-8]), "")


def wrong_places():
    """What comes with a medium does not say which key proves it."""
    inside = station / "staging" / "20261122T000000Z-abcdef" / "files"
    inside.mkdir(parents=True)
    shutil.copy(work / "mini.pub", inside / "vendor.pub")
    refuse(inside / "vendor.pub", "by another way")
    (work / "link").symlink_to(inside / "vendor.pub")
    refuse(work / "link", "by another way")
    (work / "directory").symlink_to(inside)
    refuse(work / "directory" / "vendor.pub", "by another way")
    shutil.copy(work / "mini.pub", station / "spool" / "vendor.pub")
    refuse(station / "spool" / "vendor.pub", "by another way")
    shutil.rmtree(inside.parent)
    (station / "spool" / "vendor.pub").unlink()
    (work / "good-link").symlink_to(work / "mini.pub")
    expect(0, "is trusted", "trust", work / "good-link", "--name", "linked", "--yes", name="a link to a key elsewhere will do")
    expect(0, "no longer", "distrust", "linked")


def scope():
    pub = work / "mini.pub"
    for words, args in (("not a purpose", ("--for", "everything")), ("not a purpose", ("--for", "")),
                        ("can match no file", ("--path", "/etc/*")), ("can match no file", ("--path", "dir/")),
                        ("can match no file", ("--path", "")), ("can match no file", ("--path", "a" * 256)),
                        ("not UTF-8", ("--path", b"\xff*")), ("not a MIME type", ("--type", "pdf")),
                        ("not a day", ("--until", "tomorrow")), ("not a day", ("--until", "2030-02-31")),
                        ("that day is over", ("--until", "2020-01-01")), ("usage", ("--loud",)),
                        ("more than 32", ("--path", "a") * 33)):
        got, out, err = key("trust", pub, "--name", "x", "--yes", *args)
        ok(got == 64 and words in err, "%s: %s" % (args[0], words), err)
    expect(64, "usage", "trust", pub, name="without a name")
    expect(64, "a-z", "trust", pub, "--name", "../x", "--yes")
    expect(64, "a-z", "trust", pub, "--name", "X", "--yes")
    got, out, err = key("trust", pub, "--name", "pump", "--for", "package", "--for", "files", "--for", "package", "--path", "*.fw",
                        "--path", "pump/*", "--type", "application/x-fw", "--until", "2098-12-31", "--by", "ann\x1b", "--yes")
    ok(got == 0, "trusted for some", err)
    ok("trusted for  files, package\n" in err and "only paths   *.fw, pump/*\n" in err and "only types   application/x-fw\n" in err and
       "until        2098-12-31 23:59:59 UTC\n" in err, "what it is trusted for is shown before", err)
    k = listed()["pump"]
    ok(k["purposes"] == ["files", "package"] and k["paths"] == ["*.fw", "pump/*"] and k["types"] == ["application/x-fw"] and
       k["until"] == 4070908799 and k["by"] == "ann\\x1b", "and kept", k)
    text = key("list")[1]
    ok("ann\\x1b" in text and "only paths   *.fw, pump/*" in text and "EXPIRED" not in text, "and listed", text)
    expect(1, "name is taken", "trust", work / "other.pub", "--name", "pump", "--yes")
    expect(1, "trusted already, as pump", "trust", pub, "--name", "wider", "--yes", name="not under another name with a wider scope")


def ends():
    """The store is the officer's: what he changes by hand counts, as far as it has its form."""
    store = station / "trust" / "keys.json"
    good = store.read_text()
    store.write_text(good.replace('"until": 4070908799', '"until": 1000000000'))
    text = key("list")[1]
    ok("pump  EXPIRED" in text and "(over: counts no more)" in text and listed()["pump"]["expired"], "expired ones are marked", text)
    store.write_text(good.replace('"expires": 0', '"expires": 1000000000'))
    ok("pump  EXPIRED" in key("list")[1], "also by the key's own end")
    for name, bad in (("no JSON", good[:-3]), ("another format", good.replace("trust/1", "trust/9")), ("empty", ""),
                      ("no purpose", good.replace('"files"', '"all"')), ("a field too many", good.replace('"by"', '"x": 1, "by"')),
                      ("no fingerprint", good.replace('"fingerprint": "', '"fingerprint": "!')),
                      ("a name that is a path", good.replace('"pump"', '"../pump"')), ("a key twice", good.replace('"kind"', '"by": "", "kind"'))):
        store.write_text(bad)
        expect(2, "keys.json", "list", name="keys.json: " + name)
        expect(2, "keys.json", "trust", work / "other.pub", "--name", "x", "--yes", name="nothing is added to it: " + name)
        ok(store.read_text() == bad and not (station / "trust" / "x.pub").exists(), "it is left alone")
    store.write_text(good)


def behind_its_back():
    kept = station / "trust" / "pump.pub"
    good = kept.read_bytes()
    line = (work / "other.pub").read_text().splitlines()[1].encode()
    for name, data in (("another key", line), ("a byte more", good + b"\n"), ("empty", b""), ("too large", b"x" * 50000)):
        kept.write_bytes(data)
        expect(2, "pump.pub", "list", name="replaced by %s: list" % name)
        got = subprocess.run([LAZARET, "-C", station, "inspect", work / "ca"], capture_output=True, timeout=120)
        ok(got.returncode == 2 and b"pump.pub" in got.stderr, "nothing is inspected then", got.stderr.decode())
    kept.unlink()
    expect(2, "`lazaret key distrust pump`", "list", name="gone: list tells what to do")
    kept.write_bytes(good)
    (station / "trust" / "smuggled.pub").write_bytes(line)
    ok(list(listed()) == ["pump"], "a file alone trusts nobody", listed())
    kept.write_bytes(line)
    expect(0, "no longer trusted", "distrust", "pump", "--reason", "stolen\n", "--by", "bob", name="a key that was replaced can be distrusted")
    body = last_record()
    ok(body["type"] == "key-distrusted" and body["body"]["reason"] == "stolen\\x0a" and body["body"]["by"] == "bob" and
       body["body"]["kind"] == "minisign" and len(body["body"]["fingerprint"]) == 64, "recorded", body)
    ok(listed() == {} and not kept.exists(), "and is gone")
    expect(1, "no key of this name", "distrust", "pump")


def ask(answer):
    """On a terminal."""
    pid, fd = pty.fork()
    if pid == 0:
        os.execv(LAZARET, [str(LAZARET), "-C", str(station), "key", "trust", str(work / "pgp"), "--name", "asked"])
    said = b""
    try:
        while True:
            data = os.read(fd, 4096)
            if not data:
                break
            said += data
            if b"[y/N] " in said and answer is not None:
                os.write(fd, answer)
                answer = None
    except OSError:
        pass  # the terminal has gone with the program
    os.close(fd)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), said.decode("utf-8", "replace")


def agreeing():
    fingerprint = gpg("--with-colons", "--list-keys", "p@vendor.example").decode().split("fpr:")[1].split(":")[8]
    shown = " ".join(fingerprint[i:i + 4] for i in range(0, 40, 4))
    for given in ("00" * 20, fingerprint[-16:], fingerprint + "0", fingerprint[:-1], ""):
        expect(1, "not the one given", "trust", work / "pgp", "--name", "asked", "--fingerprint", given, name="fingerprint %r" % given)
    expect(1, "--fingerprint", "trust", work / "pgp", "--name", "asked", name="nobody is there to be asked")
    for answer in (b"n\n", b"\n", b"\x04"):
        status, said = ask(answer)
        ok(status == 1 and "not trusted" in said and shown.lower() in said.lower(), "answer %r" % answer, said)
    ok(listed() == {}, "nothing is trusted yet")
    status, said = ask(b"y\n")
    ok(status == 0 and "asked is trusted" in said, "yes", said)
    at = said.find("[y/N]")
    ok(all(0 <= said.find(w) < at for w in ("openpgp", "Vendor P", "created", "trusted for  " + ", ".join(PURPOSES))),
       "kind, owner, dates and purposes are shown before the question", said)
    expect(0, "no longer", "distrust", "asked")
    public = (work / "mini.pub").read_text().splitlines()[1]
    expect(1, "not the one given", "trust", work / "mini.pub", "--name", "m", "--fingerprint", public.swapcase(), name="base64 has case")
    expect(0, "is trusted", "trust", work / "mini.pub", "--name", "m", "--fingerprint", public, name="minisign's own text will do")
    expect(0, "no longer", "distrust", "m")


if not os.access(LAZARET, os.X_OK):
    print("Bail out! %s is not built" % LAZARET)
    sys.exit(1)
work = pathlib.Path(tempfile.mkdtemp(prefix="lazaret-key-", dir="/var/tmp"))
station = work / "station"
try:
    work.chmod(0o755)
    tool(LAZARET, "init", station, "--db", make_databases(work / "db"))
    every_kind()
    wrong_files()
    wrong_places()
    scope()
    ends()
    behind_its_back()
    agreeing()
    done = subprocess.run([LAZARET, "-C", station, "audit", "verify"], capture_output=True, timeout=120)
    ok(done.returncode == 0, "the trail is whole", done.stderr.decode())
finally:
    subprocess.run(["gpgconf", "--homedir", str(work / "gnupg"), "--kill", "all"], stdin=subprocess.DEVNULL, check=False)
    shutil.rmtree(work)
sys.exit(finish())
