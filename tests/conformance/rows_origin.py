# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""Rows about origin: who signed what, proved by which path, and every way in which that is said to be so and is not."""
import gzip
import hashlib
import json
import lzma
import os
import signal

import attestations
from bench import IS_ROOT, Skip, Sparse, put, sha256_file
from row import row
from rows_medium import nothing_unescaped
from vendors import firmware, origin_row, sums, tool, workshop


def flipped(data, at=None):
    at = len(data) // 2 if at is None else at
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]


# -- OpenPGP: detached signatures --------------------------------------------------------------------------------
def openpgp(m):
    vendor, second, stranger = (workshop.openpgp(n) for n in ("vendor", "second", "stranger"))
    for name in ("vendor", "second", "revoked", "old", "ended"):
        m.trust_openpgp(name)
    m.end_trust("ended")
    old = workshop.openpgp("past", expires="1y", created=1577836800)
    m.replace_key("old", old.certificate)
    revoked = workshop.openpgp("withdrawn")
    signed_before = revoked.detach(firmware("revoked"))
    revoked.revoke()
    m.replace_key("revoked", revoked.certificate)

    def case(name, signature, file, evidence, by=(), suffix=".asc", data=None):
        m.add(name + ".bin", firmware(name) if data is None else data, file, *["%s: %s.bin%s" % (b, name, suffix) for b in by])
        if signature is not None:
            m.add(name + ".bin" + suffix, signature, evidence, *by)

    case("good", vendor.detach(firmware("good")), "approved", "approved", ["vendor"])
    for suffix in (".sig", ".gpg", ".sign"):
        case("binary" + suffix[1:], vendor.detach(firmware("binary" + suffix[1:]), armour=False), "approved", "approved", ["vendor"], suffix)
    case("both", second.detach(firmware("both"), armour=False) + vendor.detach(firmware("both"), armour=False), "approved", "approved",
         ["second", "vendor"], ".sig")
    case("beside-stranger", stranger.detach(firmware("beside-stranger"), armour=False) +
         vendor.detach(firmware("beside-stranger"), armour=False), "approved", "approved", ["vendor"], ".sig")
    case("beside-bad", vendor.detach(firmware("beside-bad"), armour=False) + second.detach(b"another", armour=False),
         "blocked bad-signature", "blocked bad-signature", ["vendor"], ".sig")
    case("tampered", vendor.detach(firmware("tampered")), "blocked bad-signature", "blocked bad-signature",
         data=flipped(firmware("tampered")))
    case("stripped", None, "held unsigned", None)
    case("swapped-1", vendor.detach(firmware("swapped-2")), "blocked bad-signature", "blocked bad-signature")
    case("swapped-2", vendor.detach(firmware("swapped-1")), "blocked bad-signature", "blocked bad-signature")
    case("truncated", vendor.detach(firmware("truncated"), armour=False)[:-9], "refused bad-signature|untrusted-key",
         "refused bad-signature|untrusted-key", (), ".sig")
    case("replayed", vendor.detach(firmware("the version before")), "blocked bad-signature", "blocked bad-signature")
    case("expired", old.detach(firmware("expired"), at=1580000000), "held untrusted-key", "held untrusted-key")
    case("ended", workshop.openpgp("ended").detach(firmware("ended")), "held untrusted-key", "held untrusted-key")
    case("revoked", signed_before, "held untrusted-key", "held untrusted-key")
    case("stranger", stranger.detach(firmware("stranger")), "held untrusted-key", "held untrusted-key")
    m.add("stranger.asc", stranger.armoured, "approved")  # the key is no evidence, whatever it says of itself
    m.add("keys/vendor-key.pgp", stranger.certificate, "any")
    case("sha1", vendor.detach(firmware("sha1"), digest="SHA1"), "held untrusted-key", "held untrusted-key")
    # the name of an OpenPGP signature is convention: it goes with the file that it stands beside
    case("renamed", vendor.detach(firmware("first name")), "approved", "approved", ["vendor"], data=firmware("first name"))
    m.add("gone.bin.asc", vendor.detach(firmware("gone")), "any")
    m.add("found-elsewhere.bin", firmware("gone"), "held unsigned")


origin_row(row, "origin-openpgp", "signatures.md: expired, revoked, SHA-1 and unknown keys for which gpgv's exit status is 0", openpgp,
           weight=4)


# -- OpenPGP: text inside of signatures --------------------------------------------------------------------------
def clearsigned(m):
    vendor, stranger = workshop.openpgp("vendor"), workshop.openpgp("stranger")
    m.trust_openpgp("vendor")
    good, evil = firmware("good"), firmware("evil")

    def case(name, text, file, evidence, *by, of=good, list_name="CHECKSUM"):
        m.add("%s/%s" % (name, list_name), text, evidence, *by)
        m.add(name + "/image.bin", of, file, *["%s: %s/%s" % (b, name, list_name) for b in by])

    right, wrong = sums([("image.bin", good)]), sums([("image.bin", evil)])
    case("good", vendor.clearsign(right), "approved", "approved", "vendor")
    case("bsd", vendor.clearsign(sums([("image.bin", good)], bsd=True)), "approved", "approved", "vendor", list_name="CHECKSUM.asc")
    # what stands around the signed text says another thing: gpg drops it in silence, people read it
    case("before", right + vendor.clearsign(sums([("other.bin", good)])), "refused unsigned", "refused bad-signature|untrusted-key")
    case("after", vendor.clearsign(sums([("other.bin", good)])) + right, "refused unsigned", "refused bad-signature|untrusted-key")
    case("inside", vendor.clearsign(right).replace(right, right + wrong.replace(b"image", b"added")), "refused", "blocked bad-signature")
    case("tampered", vendor.clearsign(wrong).replace(wrong, right), "refused unsigned", "blocked bad-signature")
    case("stranger", stranger.clearsign(right), "held unsigned", "held untrusted-key")
    case("altered-file", vendor.clearsign(right), "blocked checksum-mismatch", "approved", of=evil)
    m.expect("altered-file/CHECKSUM", "approved", "vendor")
    case("stripped", right, "held unsigned", "approved")
    case("sha1", vendor.clearsign(right, digest="SHA1"), "held unsigned", "held untrusted-key")
    case("truncated", vendor.clearsign(right)[:-60], "held unsigned", "refused bad-signature|untrusted-key")
    # a signed message that wraps a signed list of somebody else: one signature, one text
    case("nested", vendor.clearsign(stranger.clearsign(right)), "held unsigned", "any", of=good)
    m.expect("nested/CHECKSUM", "any", None)


origin_row(row, "origin-clearsigned", "signatures.md: text around a signed text; only what was signed counts", clearsigned, weight=3)


# -- lists -------------------------------------------------------------------------------------------------------
def lists(m):
    vendor, stranger = workshop.minisign("vendor"), workshop.minisign("stranger")
    m.trust("vendor", vendor.public)

    def signed(path, data, by=vendor, *via):
        m.add(path, data, "approved", "vendor: %s.minisig" % path)
        m.add(path + ".minisig", by.sign_bytes(data), "approved", "vendor")

    def covered(path, via, data=None):
        m.add(path, firmware(path) if data is None else data, "approved", "vendor: " + via)
        return os.path.basename(path), firmware(path) if data is None else data

    # a chain within a directory, and one across directories
    m.add("chain/file.bin", firmware("chain"), "approved", "vendor: chain/SHA512SUMS.minisig > chain/SHA512SUMS > chain/SHA256SUMS")
    inner = m.add("chain/SHA256SUMS", sums([("file.bin", firmware("chain"))]), "approved",
                  "vendor: chain/SHA512SUMS.minisig > chain/SHA512SUMS")
    signed("chain/SHA512SUMS", sums([("SHA256SUMS", inner)], "sha512"))
    deep = m.add("top/parts/SHA256SUMS", sums([("more/deep.bin", firmware("deep"))]), "approved", "vendor: top/SHA256SUMS.minisig > top/SHA256SUMS")
    m.add("top/parts/more/deep.bin", firmware("deep"), "approved",
          "vendor: top/SHA256SUMS.minisig > top/SHA256SUMS > top/parts/SHA256SUMS")
    signed("top/SHA256SUMS", sums([("parts/SHA256SUMS", deep), ("parts/altered.bin", b"another")]))
    m.add("top/parts/altered.bin", firmware("altered"), "blocked checksum-mismatch")

    # an altered list in the middle vouches for nothing
    m.add("cut/file.bin", firmware("cut"), "held unsigned")
    m.add("cut/SHA256SUMS", sums([("file.bin", firmware("cut"))]), "blocked checksum-mismatch")
    signed("cut/SHA512SUMS", sums([("SHA256SUMS", b"as it was")], "sha512"))

    # entries that lead out of the directory of the list; sha256sum -c follows them
    m.add("outside.bin", firmware("outside"), "held unsigned")
    signed("out/SHA256SUMS", sums([("../outside.bin", firmware("outside")), ("/outside.bin", firmware("outside"))]))
    m.expect("out/SHA256SUMS", "any", None)
    m.expect("out/SHA256SUMS.minisig", "any", None)

    # digests that anybody can make a second file for; and one that is right in the weak list, wrong in the strong one
    m.add("weak/file.bin", firmware("weak"), "held unsigned")
    signed("weak/MD5SUMS", sums([("file.bin", firmware("weak"))], "md5"))
    m.add("weaker/file.bin", firmware("weaker"), "held unsigned")
    signed("weaker/SHA1SUMS", sums([("file.bin", firmware("weaker"))], "sha1"))
    m.add("both/file.bin", firmware("both"), "blocked checksum-mismatch", None)
    signed("both/MD5SUMS", sums([("file.bin", firmware("both"))], "md5"))
    signed("both/SHA256SUMS", sums([("file.bin", b"what was meant")]))

    # right digests that nobody signed, or a stranger, or the signature of another list
    m.add("unsigned/file.bin", firmware("unsigned"), "held unsigned")
    m.add("unsigned/SHA256SUMS", sums([("file.bin", firmware("unsigned"))]), "approved")
    m.add("strange/file.bin", firmware("strange"), "held unsigned")
    m.add("strange/SHA256SUMS", sums([("file.bin", firmware("strange"))]), "held untrusted-key")
    m.add("strange/SHA256SUMS.minisig", stranger.sign_bytes(sums([("file.bin", firmware("strange"))])), "held untrusted-key")
    m.add("other/file.bin", firmware("other"), "held unsigned")
    m.add("other/SHA256SUMS", sums([("file.bin", firmware("other"))]), "blocked bad-signature")
    m.add("other/SHA256SUMS.minisig", vendor.sign_bytes(sums([("file.bin", b"another")])), "blocked bad-signature")

    # unlisted files have no origin; a key beside them gives none
    signed("partial/SHA256SUMS", sums([covered("partial/listed.bin", "partial/SHA256SUMS.minisig > partial/SHA256SUMS")]))
    m.add("partial/unlisted.bin", firmware("unlisted"), "held unsigned")
    m.add("shipped/file.bin", firmware("shipped"), "held unsigned untrusted-key")
    m.add("shipped/file.bin.minisig", stranger.sign_bytes(firmware("shipped")), "held untrusted-key")
    with open(stranger.public, "rb") as f:
        m.add("shipped/minisign.pub", f.read(), "approved")

    # swapped, renamed, replayed under a list
    one, two = firmware("swap one"), firmware("swap two")
    signed("swap/SHA256SUMS", sums([("one.bin", one), ("two.bin", two)]))
    m.add("swap/one.bin", two, "blocked checksum-mismatch")
    m.add("swap/two.bin", one, "blocked checksum-mismatch")
    m.add("swap/three.bin", one, "held unsigned")
    # two names in the list for one file; the same name twice, in disagreement
    signed("twice/SHA256SUMS", sums([("file.bin", firmware("twice")), ("file.bin", b"another")]))
    m.add("twice/file.bin", firmware("twice"), "blocked checksum-mismatch", None)
    m.expect("twice/SHA256SUMS", "any", None)
    m.expect("twice/SHA256SUMS.minisig", "any", None)


origin_row(row, "origin-lists", "signatures.md: ../ in lists, unlisted files, MD5; chains of lists", lists, weight=3)


def two_signers(m):
    """Both are told, each once, by his way."""
    vendor, second = workshop.minisign("vendor"), workshop.openpgp("second")
    m.trust("vendor", vendor.public)
    m.trust_openpgp("second")
    data = firmware("both")
    listing = sums([("file.bin", data)])
    m.add("file.bin", data, "approved", "vendor: file.bin.minisig", "second: SHA256SUMS.asc > SHA256SUMS")
    m.add("file.bin.minisig", vendor.sign_bytes(data), "approved", "vendor")
    m.add("SHA256SUMS", listing, "approved", "second: SHA256SUMS.asc", "vendor: SHA256SUMS.minisig")
    m.add("SHA256SUMS.asc", second.detach(listing), "approved", "second")
    m.add("SHA256SUMS.minisig", vendor.sign_bytes(listing), "approved", "vendor")
    m.add("no.bin", firmware("no"), "held unsigned")


origin_row(row, "origin-several-signers", "issue 4: several valid signers are all reported", two_signers)


def two_volumes(m):
    """The list on one volume, what it lists on another; a file of the same name that is another stays the other's affair."""
    vendor = workshop.minisign("vendor")
    m.trust("vendor", vendor.public)
    a, b = firmware("a"), firmware("b")
    listing = sums([("a.bin", a), ("sub/b.bin", b), ("c.bin", b"what the first volume has")])
    m.add("SHA256SUMS", listing, "approved", "vendor: SHA256SUMS.minisig")
    m.add("SHA256SUMS.minisig", vendor.sign_bytes(listing), "approved", "vendor")
    m.add("a.bin", a, "approved", "vendor: SHA256SUMS.minisig > SHA256SUMS")
    m.add("a.bin", firmware("not a"), "held unsigned", volume=1)
    m.add("sub/b.bin", b, "approved", "vendor: SHA256SUMS.minisig > SHA256SUMS", volume=1)
    m.add("c.bin", firmware("c"), "held unsigned", volume=1)
    # a signature on the other volume than its file
    m.add("d.bin", firmware("d"), "approved", "vendor: d.bin.minisig")
    m.add("d.bin.minisig", vendor.sign_bytes(firmware("d")), "approved", "vendor", volume=1)
    # both have the name: a signature speaks of its own neighbour
    m.add("e.bin", firmware("another e"), "held unsigned")
    m.add("e.bin", firmware("e"), "approved", "vendor: e.bin.minisig", volume=1)
    m.add("e.bin.minisig", vendor.sign_bytes(firmware("e")), "approved", "vendor", volume=1)


origin_row(row, "origin-two-volumes", "issue 4: a chain may span volumes and directories of one medium", two_volumes, volumes=2,
           image="mbr ext4 ext4", weight=2)


# -- minisign, signify, plain signatures -------------------------------------------------------------------------
def small(m):
    """What binds the name, what tells another file, keys of one format on signatures of another."""
    vendor = workshop.minisign("vendor")
    m.trust("vendor", vendor.public)
    m.trust("signer", workshop.signify("signer")[0])
    keys = workshop.raw()
    for name in ("edwards", "second"):
        m.trust(name, keys.path(name, "pub"))

    def case(name, signature, by, verdict, suffix, evidence=None, data=None):
        path = name + ".bin" + suffix
        m.add(path, signature, evidence or verdict, *[by] * (verdict == "approved"))
        m.add(name + ".bin", firmware(name) if data is None else data, verdict, *["%s: %s" % (by, path)] * (verdict == "approved"))

    case("mini", vendor.sign_bytes(firmware("mini")), "vendor", "approved", ".minisig")
    altered = vendor.sign_bytes(firmware("comment")).replace(b"a delivery", b"A DELIVERY")
    case("comment", altered, "vendor", "blocked bad-signature", ".minisig")
    case("signify", workshop.signify_bytes("signer", firmware("signify")), "signer", "approved", ".sig")
    case("signify-bad", workshop.signify_bytes("signer", b"another"), "signer", "blocked bad-signature", ".sig")
    case("signify-stranger", workshop.signify_bytes("stranger", firmware("signify-stranger")), None, "held untrusted-key", ".sig")
    case("raw", keys.sign("edwards", firmware("raw")), "edwards", "approved", ".sig")
    case("raw-der", keys.sign("second", firmware("raw-der")), "second", "approved", ".sig")
    case("raw-p256", keys.sign("second", firmware("raw-p256")), "second", "approved", ".p256")
    case("raw-other", keys.sign("edwards", b"another"), None, "refused bad-signature|untrusted-key", ".sig")
    case("raw-cut", keys.sign("edwards", firmware("raw-cut"))[:-1], None, "held unsigned", ".sig", evidence="held unsigned")

    # a list inside of its signature
    listing = sums([("base.bin", firmware("base"))], bsd=True)
    m.add("openbsd/SHA256.sig", workshop.signify_bytes("signer", listing, embed=True, file="SHA256"), "approved", "signer")
    m.add("openbsd/base.bin", firmware("base"), "approved", "signer: openbsd/SHA256.sig")
    m.add("openbsd/added.bin", firmware("added"), "held unsigned")
    m.add("renewed/SHA256.sig", m.read("openbsd/SHA256.sig").replace(b"base.bin", b"evil.bin"), "blocked bad-signature")
    m.add("renewed/evil.bin", firmware("base"), "held unsigned")


origin_row(row, "origin-small-signatures", "signatures.md: only the trusted comment is signed; cosign's .sig has no mark", small, weight=3)


# -- lists that are meant to be complete -------------------------------------------------------------------------
def complete(m):
    """A bag and a crate, each with more than its list: whatever it is called, it is not what was signed."""
    vendor = workshop.minisign("vendor")
    m.trust("vendor", vendor.public)

    def signed(path, data, *via):
        m.add(path, data, "approved", "vendor: %s" % (via[0] if via else path + ".minisig"))
        if not via:
            m.add(path + ".minisig", vendor.sign_bytes(data), "approved", "vendor")
        return os.path.basename(path), data

    added = ("added.bin", "added.exe", "sub/added.rpm", "sub/added.sig", "sub/SHA256SUMS", "sub/added.txt", "sub/Packages")

    # RFC 8493
    top = "bag/tagmanifest-sha256.txt"
    data = firmware("bag")
    manifest = sums([("data/a.bin", data)])
    tags = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
    signed(top, sums([("bagit.txt", tags), ("manifest-sha256.txt", manifest)]))
    signed("bag/bagit.txt", tags, "%s.minisig > %s" % (top, top))
    signed("bag/manifest-sha256.txt", manifest, "%s.minisig > %s" % (top, top))
    signed("bag/data/a.bin", data, "%s.minisig > %s > bag/manifest-sha256.txt" % (top, top))
    m.add("bag/note.txt", b"beside the payload\n", "approved")

    top = "crate/.cargo-checksum.json"
    listed = {"lib.bin": firmware("lib"), "src/main.bin": firmware("main")}
    signed(top, json.dumps({"files": {n: hashlib.sha256(d).hexdigest() for n, d in listed.items()}, "package": "0" * 64}).encode())
    for name, content in listed.items():
        signed("crate/" + name, content, "%s.minisig > %s" % (top, top))
    for name in added:
        for place in ("bag/data/", "crate/"):
            m.add(place + name, b"added: " + name.encode(), "blocked checksum-mismatch")


origin_row(row, "origin-complete-lists", "signatures.md: extra files must fail; BagIt's payload set equals its manifest", complete)


# -- what a key is trusted for -----------------------------------------------------------------------------------
def scopes(m):
    for name, options in (("files", ("--for", "files")), ("path", ("--path", "fw/*")), ("type", ("--type", "application/x-rpm")),
                          ("base", ("--path", "*.bin")), ("gone", ())):
        m.trust(name, workshop.minisign(name).public, *options)
    m.trust_openpgp("repo", "--for", "repository")
    done = m.bench.station.lazaret("key", "distrust", "gone")
    if done.returncode != 0:
        m.bench.fail("key distrust: %s" % done.stderr.decode())

    def case(path, by, verdict, evidence):
        m.add(path, firmware(path), verdict, *["%s: %s.minisig" % (by, path)] * (verdict == "approved"))
        m.add(path + ".minisig", workshop.minisign(by).sign_bytes(firmware(path)), evidence, *[by] * (verdict == "approved"))

    case("fw/in.bin", "path", "approved", "approved")
    m.expect("fw/in.bin.minisig", "approved", "path")
    case("out.bin", "path", "held untrusted-key", "approved")
    case("fw2/in.bin", "path", "held untrusted-key", "approved")
    case("typed.bin", "type", "held untrusted-key", "approved")
    case("base.bin", "base", "approved", "approved")
    m.expect("base.bin.minisig", "approved")
    case("gone.bin", "gone", "held untrusted-key", "held untrusted-key")
    case("files.bin", "files", "approved", "approved")
    repo = workshop.openpgp("repo")
    m.add("repo.bin", firmware("repo"), "held untrusted-key")
    m.add("repo.bin.asc", repo.detach(firmware("repo")), "held untrusted-key")
    # a key for files is none for repositories, and one for repositories none for lists
    m.tree(workshop.repository().root, "debian", "any", None)
    release = m.read("debian/dists/specimen/InRelease")
    text = release.split(b"\n\n", 1)[1].split(b"-----BEGIN PGP SIGNATURE")[0]
    m.forget("debian/dists/specimen/InRelease")
    os.unlink(m.path("debian/dists/specimen/InRelease"))
    m.add("debian/dists/specimen/Release", text, "held untrusted-key")
    m.add("debian/dists/specimen/Release.minisig", workshop.minisign("files").sign_bytes(text), "held untrusted-key")
    for path in [p for v, p in m.entries if p.endswith(".deb")]:
        m.expect(path, "held unsigned")
    listing = sums([("listed.bin", firmware("listed"))])
    m.add("list/CHECKSUM", repo.clearsign(listing), "held untrusted-key")
    m.add("list/listed.bin", firmware("listed"), "held unsigned")
    # the list may be out of the scope of its key: what it lists is not
    m.add("fw/listed.bin", firmware("fw"), "approved", "path: SHA256SUMS.minisig > SHA256SUMS")
    listing = sums([("fw/listed.bin", firmware("fw")), ("listed.bin", firmware("not fw"))])
    m.add("SHA256SUMS", listing, "approved")
    m.add("SHA256SUMS.minisig", workshop.minisign("path").sign_bytes(listing), "approved")
    m.add("listed.bin", firmware("not fw"), "held untrusted-key")


origin_row(row, "origin-scopes", "issue 4: a key counts for its purposes, names and types alone; a distrusted one for nothing", scopes,
           weight=4)


# -- evidence that is an attack ----------------------------------------------------------------------------------
def hostile(m):
    vendor, second = workshop.minisign("vendor"), workshop.openpgp("second")
    m.trust("vendor", vendor.public)
    m.trust_openpgp("second")
    m.add("good.bin", firmware("good"), "approved", "vendor: good.bin.minisig")
    m.add("good.bin.minisig", vendor.sign_bytes(firmware("good")), "approved", "vendor")
    bomb = b"Package: x\nFilename: pool/x.deb\nSize: 1\nSHA256: %064x\n\n" % 1 * (40 << 20 >> 7)
    m.add("bomb/dists/x/main/binary-amd64/Packages.xz", lzma.compress(bomb, preset=0), "refused scan-error")
    m.add("bomb/dists/x/main/binary-amd64/Packages.gz", gzip.compress(bytes(40 << 20), 1), "held unsigned")
    m.add("deep/index.json", b'{"manifests":' + b"[" * 200000, "any")
    m.add("deep/app.dsse", b'{"payload":' + b"[" * 200000, "refused")
    m.add("many/file.bin", firmware("many"), "refused")
    m.add("many/file.bin.sig", second.detach(firmware("many"), armour=False) * 2000, "refused")
    m.add("huge/file.bin", firmware("huge"), "refused")
    m.add("huge/file.bin.asc", b"-----BEGIN PGP SIGNATURE-----\n\n" + b"A" * 64 + b"\n" * (8 << 20), "refused")
    m.add("long/file.bin", firmware("long"), "held unsigned")
    m.add("long/SHA256SUMS", b"0" * (9 << 20) + b"  file.bin\n", "refused")
    m.add("names/SHA256SUMS", b"".join(b"%064x  %s\n" % (n, b"../" * 300 + b"x") for n in range(2000)), "any")
    m.add("primary/repodata/0-primary.xml.gz", gzip.compress(
        b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">' + b"".join(
            b'<!ENTITY %c "%s">' % (98 + i, b"&%c;" % (97 + i) * 10) for i in range(9)) + b"]><metadata><x>&j;</x></metadata>"), "refused")


origin_row(row, "origin-hostile-evidence", "issue 4: bombs, endless lists, deep JSON hit limits with reasons", hostile, weight=6)

BIG = 96 << 20


def struck(m):
    if not IS_ROOT:
        raise Skip("the files of a role can be seen by root alone")
    m.trust_openpgp("vendor")
    vendor = workshop.openpgp("vendor")
    for name in ("before.bin", "later.bin"):
        m.add(name, firmware(name), "approved", "vendor: %s.asc" % name)
        m.add(name + ".asc", vendor.detach(firmware(name)), "approved", "vendor")
    m.add("big.bin", Sparse(BIG), "held unsigned")
    m.add("big.bin.asc", vendor.detach(bytes(BIG)), "refused scanner-crashed")


def holds(pid, size):
    """Has this process been handed a file of that size?"""
    try:
        return any(os.stat("/proc/%d/fd/%s" % (pid, fd)).st_size == size for fd in os.listdir("/proc/%d/fd" % pid))
    except OSError:
        return False


def strike(how):
    """Once it has the large file, it takes longer to hash it than to be shot."""
    def during(bench, inspection):
        find = lambda: [p.pid for p in inspection.roles("lazaret-openpgp") if holds(p.pid, BIG)]  # noqa: E731
        os.kill(inspection.wait_for("a role at work", find)[0], how)
    return during


LARGEST_SCANNED = (1 << 31) - 3  # bytes that libclamav takes


def oversize(m):
    """An image that no scanner takes, and archives that nobody here looks into: the vendor's word counts where a rule says so."""
    vendor = workshop.minisign("vendor")
    m.trust("vendor", vendor.public)
    put(m.path(), "image.bin", Sparse(LARGEST_SCANNED + 1))
    listing = b"%s  image.bin\n" % sha256_file(m.path("image.bin")).encode()
    m.expect("image.bin", "approved", "vendor: SHA256SUMS.minisig > SHA256SUMS")
    m.add("SHA256SUMS", listing, "approved", "vendor: SHA256SUMS.minisig")
    m.add("SHA256SUMS.minisig", vendor.sign_bytes(listing), "approved", "vendor")
    packed = tool("zstd", "-c", data=firmware("packed"))
    m.add("packed.zst", packed, "approved", "vendor: packed.zst.minisig")
    m.add("packed.zst.minisig", vendor.sign_bytes(packed), "approved", "vendor")
    m.add("unsigned.zst", tool("zstd", "-c", data=firmware("unsigned")), "held unsigned")
    closed, unsigned = (b"\x89LZO\0\r\n\x1a\n\x10\x40" + firmware(name) for name in ("closed", "unsigned"))  # nobody opens lzop
    m.add("closed.lzo", closed, "approved", "vendor: closed.lzo.minisig")
    m.add("closed.lzo.minisig", vendor.sign_bytes(closed), "approved", "vendor")
    m.add("unsigned.lzo", unsigned, "held unsigned container-opaque")


def unseen(bench, report):
    """The report says what the virus engine did not see, and why; and says so of nothing else."""
    told = {f["path"]: [v["code"] for v in f["vouched"]] for f in report["files"] if "vouched" in f}
    if told != {"image.bin": ["limit-exceeded"], "closed.lzo": ["container-opaque"]}:
        bench.fail("said to be vouched for: %s" % told)


origin_row(row, "origin-oversize", "signatures.md: 2 GiB is a hard limit of libclamav; signature and digest stand in for it", oversize,
           after=unseen, weight=25)
origin_row(row, "origin-role-killed", "invariant 1: a role that dies over one file costs that file's evidence alone", struck,
           during=strike(signal.SIGKILL), weight=8)
origin_row(row, "origin-role-stalled", "invariant 1: a role that never answers holds the station no longer than the officer allows", struck,
           during=strike(signal.SIGSTOP), config={"limits": {"inspection-time": "20s", "scan-time": "15s"}}, outcome="aborted", status=2,
           says=["longer than the station allows"], weight=20)


# -- what is put beside a good signature -------------------------------------------------------------------------
def appended(m):
    """A signature file counts as its signer's as well: so nothing that he did not sign may ride along in it."""
    vendor = workshop.openpgp("vendor")
    m.trust_openpgp("vendor")
    m.trust("mini", workshop.minisign("vendor").public)
    m.trust("signer", workshop.signify("signer")[0])

    def case(name, signature, suffix, data=None):
        m.add(name + ".bin", firmware(name), "any", None)
        m.add(name + ".bin" + suffix, signature, "any")  # whatever becomes of it: it is nobody's

    binary, armoured = (lambda n: vendor.detach(firmware(n), armour=False)), (lambda n: vendor.detach(firmware(n)))
    case("private", binary("private") + b"\xfc\xff\0\1\0\0" + bytes(65536), ".sig")
    case("marker", binary("marker") + b"\xca\x03any" * 3000, ".sig")
    case("trailing", binary("trailing") + b"payload" * 3000, ".sig")
    case("behind", armoured("behind") + b"and more text that nobody signed\n" * 1000, ".asc")
    case("in-front", b"text that nobody signed\n" * 1000 + armoured("in-front"), ".asc")
    case("mini", workshop.minisign("vendor").sign_bytes(firmware("mini")) + b"and more\n" * 1000, ".minisig")
    case("signify", workshop.signify_bytes("signer", firmware("signify")) + b"and more\n" * 1000, ".sig")


origin_row(row, "origin-appended", "signatures.md: junk outside of what is signed", appended, weight=2)


def hostile_names(m):
    """What a path of proof is made of comes from the medium, too."""
    keys = workshop.raw()
    m.trust("vendor", keys.path("vendor", "pub"))
    m.trust("mini", workshop.minisign("vendor").public)
    for n, odd in enumerate(("escape\x1b[2J", "bidi\u202egpj", "line\nok good")):
        data = firmware("odd %d" % n)
        statement = attestations.statement([("", {"sha256": hashlib.sha256(data).hexdigest()})])
        m.add("%s/app.dsse" % odd, attestations.dump(attestations.envelope(keys, ["vendor"], statement)), "blocked unsafe-name", None)
        m.add("good-%d.bin" % n, data, "approved", None)
        m.add("%s.bin" % odd, firmware(odd), "blocked unsafe-name", None)
        m.add("%s.bin.minisig" % odd, workshop.minisign("vendor").sign_bytes(firmware(odd)), "blocked unsafe-name", None)
    m.add(b"latin-\xe9.bin", firmware("latin"), "blocked unsafe-name", None)
    m.add("SHA256SUMS", sums([("x", b"")]).replace(b"  x", b"  latin-\xe9.bin"), "any", None)


def told_cleanly(bench, report):
    nothing_unescaped(bench, report)
    for n in range(3):
        entry = next(f for f in report["files"] if f["path"] == "good-%d.bin" % n)
        if [s["name"] for s in entry["signers"]] != ["vendor"]:
            bench.fail("%s: signers %s" % (entry["path"], entry["signers"]))


origin_row(row, "origin-hostile-names", "invariant 8: names in a path of proof", hostile_names, after=told_cleanly)
