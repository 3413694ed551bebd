# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""Rows about the formats in which vendors deliver: Debian and RPM repositories, images, attestations, CMS, Authenticode."""
import json
import os
import re
import shutil

import attestations
import repository
import rpms
from attestations import dump, envelope, sha256, statement
from bench import put
from row import row
from vendors import firmware, origin_row, sums, tool, workshop


def flipped(data, at=None):
    at = len(data) // 2 if at is None else at
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]


# -- Debian ------------------------------------------------------------------------------------------------------
DIST = "dists/specimen/"
INDEX = DIST + "main/binary-amd64/Packages.xz"
SOURCES = DIST + "main/source/Sources.xz"


def debian_tree(m, at, release="InRelease", index=INDEX, by="vendor", verdict="approved"):
    """A copy of the vendor's repository at `at`; returns it, with the paths of its packages relative to the medium."""
    made = workshop.repository()
    m.tree(made.root, at, verdict)
    repo = repository.Repository(m.path(at))
    repo.debs = [repo.root / d.relative_to(made.root) for d in made.debs]
    chain = "%s: %s/%s > %s/%s" % (by, at, DIST + release, at, index)
    m.expect("%s/%sInRelease" % (at, DIST), verdict, by)
    for path in (INDEX, SOURCES):
        m.expect("%s/%s" % (at, path), verdict, "%s: %s/%s" % (by, at, DIST + release))
    names = [str(d.relative_to(m.path())) for d in repo.debs]
    for name in names:
        m.expect(name, verdict, chain)
    for path in made.root.glob("pool/**/hello_*"):
        m.expect("%s/%s" % (at, path.relative_to(made.root)), verdict, chain.replace(index, SOURCES))
    return repo, names


def unproved(m, at, verdict="held unsigned"):
    """Nothing of the pool has an origin, and the lists neither."""
    for (volume, path) in [k for k in m.signers if k[1].startswith(at + "/")]:
        is_software = path.endswith((".deb", ".xz"))
        m.expect(path, verdict if is_software else "approved", volume=volume)


def debian(m):
    m.trust_openpgp("vendor")
    debian_tree(m, "good")

    repo, names = debian_tree(m, "tampered")
    repo.tamper(repo.debs[0])
    m.expect(names[0], "blocked checksum-mismatch")

    repo, names = debian_tree(m, "swapped")
    repo.swap(*repo.debs[:2])
    for name in names:
        m.expect(name, "blocked checksum-mismatch")

    repo, names = debian_tree(m, "truncated")
    data = m.read(names[0])
    m.add(names[0], data[:-100], "blocked checksum-mismatch")

    repo, names = debian_tree(m, "smuggled")
    extra = repository.synthetic_debs(m.bench.scratch, 1, prefix="smuggled")[0]
    m.expect(str(repo.smuggle(extra).relative_to(m.path())), "held unsigned")

    repo, names = debian_tree(m, "stripped")
    repo.strip()
    m.forget("stripped/%sInRelease" % DIST)
    unproved(m, "stripped")
    m.expect("stripped/%sRelease" % DIST, "approved")

    # another index in place of the signed one: what it lists has right digests, and no origin
    repo, names = debian_tree(m, "index-replaced")
    unproved(m, "index-replaced")
    m.expect("index-replaced/%sInRelease" % DIST, "approved", "vendor")
    for path in [p for v, p in m.signers if p.startswith("index-replaced/pool/") and "hello" in p] + ["index-replaced/" + SOURCES]:
        m.expect(path, "approved", "vendor: index-replaced/%sInRelease%s" % (
            DIST, "" if path.endswith("Sources.xz") else " > index-replaced/" + SOURCES))
    text = tool("xz", "-dc", m.path("index-replaced", INDEX)) + b"\n"
    put(m.path(), "index-replaced/" + INDEX, tool("xz", "-c", data=text))
    m.expect("index-replaced/" + INDEX, "blocked checksum-mismatch")

    # an index that is cut off
    repo, names = debian_tree(m, "index-truncated")
    data = m.read("index-truncated/" + INDEX)
    m.add("index-truncated/" + INDEX, data[:-20], "blocked checksum-mismatch")
    for name in names:
        m.expect(name, "held unsigned")

    # an index that is a link, to a genuine one
    repo, names = debian_tree(m, "linked")
    os.rename(m.path("linked", INDEX), m.path("linked", "Packages.xz"))
    os.symlink("../../../../Packages.xz", m.path("linked", INDEX))
    m.expect("linked/" + INDEX, "blocked symlink")
    m.expect("linked/Packages.xz", "held unsigned")
    for name in names:
        m.expect(name, "held unsigned")

    # InRelease with another text, or somebody else's, or a key of somebody else beside it
    repo, names = debian_tree(m, "forged")
    unproved(m, "forged")
    inline = m.read("forged/%sInRelease" % DIST)
    m.add("forged/%sInRelease" % DIST, inline.replace(b"Suite: stable", b"Suite: stabil"), "blocked bad-signature")
    repo, names = debian_tree(m, "strange")
    unproved(m, "strange")
    stranger = workshop.openpgp("stranger")
    text = re.search(rb"\n\n(.*\n)-----BEGIN PGP SIGNATURE", m.read("strange/%sInRelease" % DIST), re.S).group(1)
    m.add("strange/%sInRelease" % DIST, stranger.clearsign(text), "held untrusted-key")
    m.add("strange/vendor.asc", stranger.armoured, "approved")


origin_row(row, "origin-debian", "signatures.md: a lone .deb carries no signature; InRelease \u2192 Packages \u2192 .deb", debian, weight=5)


def debian_forms(m):
    """Release and Release.gpg, indexes under their digests alone, plain ones, flat repositories, clearsigned sources."""
    vendor = workshop.openpgp("vendor")
    m.trust_openpgp("vendor")
    debs = repository.synthetic_debs(os.path.join(m.bench.scratch, "debs"), 2)

    def publish(name, **how):
        repo = repository.Repository(m.path(name), flat=how.pop("flat", False)).add(debs)
        repo.publish(vendor, **how)
        return repo

    def expect(repo, release, via, *indexes):
        at = os.path.relpath(repo.root, m.path())
        for base, _, files in os.walk(repo.root):
            for f in files:
                path = os.path.relpath(os.path.join(base, f), m.path())
                if f.endswith(".deb"):
                    m.expect(path, "approved", "vendor: %s > %s" % (via, indexes[0]))
                elif f in ("InRelease", "Release.gpg"):
                    m.expect(path, "approved", "vendor")
                elif f == "Release":
                    m.expect(path, "approved", "vendor: " + release)
                else:
                    m.expect(path, "approved", "vendor: " + via)
        return at

    d = "detached/" + DIST
    expect(publish("detached", detached=True), d + "Release.gpg", d + "Release.gpg > " + d + "Release", "detached/" + INDEX)
    d = "by-hash/" + DIST
    repo = publish("by-hash", by_hash="only")
    index = os.path.relpath(next(repo.root.glob("dists/**/by-hash/SHA256/*")), m.path())
    expect(repo, None, d + "InRelease", index)
    d = "by-hash-stripped/" + DIST  # what is left there is listed by nobody
    repo = publish("by-hash-stripped", by_hash="only")
    expect(repo, None, d + "InRelease", "")
    index = next(repo.root.glob("dists/**/by-hash/SHA256/*"))
    index.unlink()
    m.forget(str(index.relative_to(m.path())))
    for deb in repo.debs:
        m.expect(str(deb.relative_to(m.path())), "held unsigned")
    d = "plain/" + DIST
    expect(publish("plain", suffixes=(), plain=True), None, d + "InRelease", "plain/" + INDEX[:-3])
    d = "gz/" + DIST
    expect(publish("gz", suffixes=(".gz",)), None, d + "InRelease", "gz/" + INDEX[:-3] + ".gz")
    expect(publish("flat", flat=True), None, "flat/InRelease", "flat/Packages.xz")

    # Release of today with the signature of yesterday
    repo = publish("replayed", detached=True)
    signature = m.read("replayed/%sRelease.gpg" % DIST)
    publish("replayed", detached=True, label="Another")
    m.add("replayed/%sRelease.gpg" % DIST, signature, "blocked bad-signature")
    m.expect("replayed/%sRelease" % DIST, "blocked bad-signature")
    m.expect("replayed/" + INDEX, "held unsigned")
    for deb in repo.debs:
        m.expect(str(deb.relative_to(m.path())), "held unsigned")

    # a source package that its maintainer signed: each file that the .dsc lists
    dsc = repository.source_package(m.bench.scratch, "signed")
    text = vendor.clearsign(dsc.read_bytes())
    tarball = dsc.with_name("signed_1.0.tar.xz").read_bytes()
    m.add("source/signed_1.0.dsc", text, "approved", "vendor")
    m.add("source/signed_1.0.tar.xz", tarball, "approved", "vendor: source/signed_1.0.dsc")
    m.add("altered/signed_1.0.dsc", text, "approved", "vendor")
    m.add("altered/signed_1.0.tar.xz", tool("xz", "-c", data=b"another"), "blocked checksum-mismatch")
    m.add("unsigned/signed_1.0.dsc", dsc.read_bytes(), "approved")
    m.add("unsigned/signed_1.0.tar.xz", tarball, "held unsigned")


origin_row(row, "origin-debian-forms", "issue 4: Release.gpg, by-hash, flat repositories, .dsc", debian_forms, weight=5)


# -- RPM ---------------------------------------------------------------------------------------------------------
def rpm(m):
    """Packages by themselves, then a repository of packages that nobody signed."""
    made = workshop.rpms()
    for name in ("vendor", "second"):
        m.trust(name, os.path.join(made, "keys", name + ".pgp"))
    for name in ("expired", "revoked", "short"):  # as they have become since
        m.trust_openpgp(name)
        with open(os.path.join(made, "keys", name + ".pgp"), "rb") as f:
            m.replace_key(name, f.read())

    def package(name, verdict, *by):
        with open(os.path.join(made, name + ".rpm"), "rb") as f:
            m.add(name + ".rpm", f.read(), verdict, *by)

    for name in ("signed", "both", "sha512", "legacy", "older"):
        package(name, "approved", "vendor")
    package("unsigned", "held unsigned")
    for name in ("stranger", "sha1", "expired", "revoked", "short"):
        package(name, "held untrusted-key")
    for name in ("payload-changed", "header-changed", "payload-of-another", "payload-longer", "payload-shorter", "payload-gone",
                 "signature-of-another"):
        package(name, "blocked bad-signature")
    for name in ("header-only", "payload-sha1", "legacy-payload-changed", "truncated-header", "truncated-signatures", "junk-signature",
                 "outside-region"):
        package(name, "refused")
    # renamed: what is inside is what it was
    m.add("another-name.rpm", m.read("signed.rpm"), "approved", "vendor")

    repomd, packages = "%s/repodata/repomd.xml", ("Packages/s/specimen-1.0-1.noarch.rpm", "Packages/s/specimen & co-0.9-1.noarch.rpm")

    def repository_at(at, verdict="approved"):
        m.tree(os.path.join(made, "repo"), at, verdict, "vendor: %s.asc > %s" % (repomd % at, repomd % at))
        m.expect(repomd % at, verdict, "vendor: %s.asc" % repomd % at)
        m.expect((repomd % at) + ".asc", verdict, "vendor")
        for name in packages:
            m.expect("%s/%s" % (at, name), verdict, None)
        return next(p for p in os.listdir(m.path(at, "repodata")) if p.endswith("primary.xml.gz"))

    repository_at("repo")
    name = repository_at("replaced")
    m.add("replaced/repodata/" + name, tool("gzip", "-c", data=b"<metadata/>"), "blocked checksum-mismatch")
    repository_at("altered")
    m.add("altered/" + packages[0], m.read("older.rpm"), "blocked checksum-mismatch", None)
    repository_at("unsigned-repo", "held unsigned")
    os.unlink(m.path((repomd % "unsigned-repo") + ".asc"))
    m.forget((repomd % "unsigned-repo") + ".asc")
    for base, _, names in os.walk(m.path("unsigned-repo")):
        for n in names:
            path = os.path.relpath(os.path.join(base, n), m.path())
            m.expect(path, "approved" if n.endswith((".rpm", "repomd.xml")) else "held unsigned", *["vendor"] * n.endswith(".rpm"))

    # signed by the repository alone
    os.makedirs(m.path("plain", "Packages"))
    shutil.copyfile(os.path.join(made, "unsigned.rpm"), m.path("plain", "Packages", "plain.rpm"))
    tool("createrepo_c", "--quiet", "--general-compress-type", "gz", m.path("plain"))
    vendor = workshop.openpgp("vendor")
    m.trust_openpgp("repository", key=vendor)
    chain = "repository: plain/repodata/repomd.xml.asc"
    m.add("plain/repodata/repomd.xml.asc", vendor.detach(m.read("plain/repodata/repomd.xml")), "approved", "repository")
    for n in os.listdir(m.path("plain", "repodata")):
        if n == "repomd.xml":
            m.expect("plain/repodata/" + n, "approved", chain)
        elif n != "repomd.xml.asc":
            m.expect("plain/repodata/" + n, "approved", chain + " > plain/repodata/repomd.xml")
        if n.endswith("primary.xml.gz"):
            m.expect("plain/Packages/plain.rpm", "approved", chain + " > plain/repodata/repomd.xml > plain/repodata/" + n)


origin_row(row, "origin-rpm", "signatures.md: rpmkeys -K says of unsigned packages that digests are OK, with exit status 0", rpm, weight=7)


# -- OCI images --------------------------------------------------------------------------------------------------
def image(m):
    keys = workshop.raw()
    m.trust("vendor", keys.path("vendor", "pub"))

    def blob(at, digest):
        return "%s/blobs/sha256/%s" % (at, digest.split(":")[1])

    def an_image(l, text, tag):
        """With a layer that is unpacked by nobody, and one as tools make it."""
        config = l.blob(dump({"architecture": "amd64", "os": "linux", "text": text}))
        layers = [l.blob(firmware(text)), l.blob(tool("gzip", "-nc", data=b"a tar " + text.encode() * 99))]
        return l.document({"schemaVersion": 2, "mediaType": attestations.MANIFEST,
                           "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **config},
                           "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", **layer} for layer in layers]}, tag)

    def layout(at, make):
        """What lists and configurations are may pass in any case; layers may not."""
        l = attestations.Layout(m.path(at))
        told = make(l)
        l.finish()
        for base, _, names in os.walk(m.path(at)):
            for n in names:
                path = os.path.relpath(os.path.join(base, n), m.path())
                m.expect(path, "approved" if m.read(path)[:1] == b"{" else "held unsigned")
        return told

    def parts(at, digest):
        manifest = json.loads(m.read(blob(at, digest)))
        return [blob(at, d["digest"]) for d in [manifest["config"], *manifest["layers"]]]

    def signed(l):
        digest = an_image(l, os.path.basename(l.dir), "v1")
        return digest, l.cosign(keys, "vendor", digest)

    def payload(at, signature):
        """What cosign signs: a small document that names the manifest's digest."""
        m.expect(parts(at, signature)[1], "approved", "vendor: " + blob(at, signature))

    digest, signature = layout("good", signed)
    payload("good", signature)
    m.expect(blob("good", digest), "approved", "vendor: " + blob("good", signature))
    for path in parts("good", digest):
        m.expect(path, "approved", "vendor: %s > %s" % (blob("good", signature), blob("good", digest)))

    # a layer that is another
    digest, signature = layout("altered", signed)
    payload("altered", signature)
    m.expect(blob("altered", digest), "approved", "vendor: " + blob("altered", signature))
    for path in parts("altered", digest):
        m.expect(path, "approved", "vendor: %s > %s" % (blob("altered", signature), blob("altered", digest)))
    m.add(path, firmware("another"), "blocked checksum-mismatch")

    # by a stranger, or by nobody: every digest is right
    digest, signature = layout("strange", lambda l: (an_image(l, "strange", "v1"), l.cosign(keys, "stranger", l.manifests[0]["digest"])))
    for path in (blob("strange", signature), blob("strange", digest), parts("strange", signature)[1]):
        m.expect(path, "held untrusted-key")
    layout("unsigned", lambda l: an_image(l, "unsigned", "v1"))

    # a good signature, copied into a manifest with other layers
    def foreign(l):
        digest, signature = signed(l)
        with open(os.path.join(l.dir, "blobs/sha256", signature[7:]), "rb") as f:
            manifest = json.load(f)
        manifest["layers"].append({"mediaType": "application/vnd.oci.image.layer.v1.tar", **l.blob(firmware("evil"))})
        os.unlink(os.path.join(l.dir, "blobs/sha256", signature[7:]))
        l.manifests.pop()
        return digest, l.document(manifest, digest.replace(":", "-") + ".sig")

    digest, signature = layout("foreign", foreign)
    payload("foreign", signature)
    m.expect(blob("foreign", digest), "approved", "vendor: " + blob("foreign", signature))
    for path in parts("foreign", digest):
        m.expect(path, "approved", "vendor: %s > %s" % (blob("foreign", signature), blob("foreign", digest)))

    # a signature of another image under the tag of this one
    def replayed(l):
        digest, other = an_image(l, "replayed", "v1"), an_image(l, "another", "v2")
        return digest, other, l.cosign(keys, "vendor", other, tagged=digest)

    digest, other, signature = layout("replayed", replayed)
    payload("replayed", signature)
    m.expect(blob("replayed", other), "approved", "vendor: " + blob("replayed", signature))
    for path in parts("replayed", other):
        m.expect(path, "approved", "vendor: %s > %s" % (blob("replayed", signature), blob("replayed", other)))


origin_row(row, "origin-oci", "signatures.md: digests are consistent with each other whoever made them; cosign signatures are files",
           image, weight=2)


# -- attestations ------------------------------------------------------------------------------------------------
def attested(m):
    keys = workshop.raw()
    m.trust("vendor", keys.path("vendor", "pub"))
    m.trust("ca", keys.path("ca", "pem"))
    m.authorities.add("ca")
    m.trust("files-alone", keys.path("second", "pub"), "--for", "files")

    def subject(name, data, label=None):
        return label or name, {"sha256": sha256(data)}

    def case(at, thing, evidence, verdict, *by, file="app.dsse", data=None):
        path = "%s/%s" % (at, file)
        m.add(path, thing if isinstance(thing, bytes) else dump(thing), evidence, *by)
        m.add(at + "/app.bin", firmware(at) if data is None else data, verdict, *["%s: %s" % (b, path) for b in by])

    def of(at, *signers):
        return envelope(keys, signers, statement([subject("app.bin", firmware(at))]))

    case("good", of("good", "vendor"), "approved", "approved", "vendor")
    case("two", of("two", "stranger", "vendor"), "approved", "approved", "vendor")
    tampered = dict(of("tampered", "vendor"), payload=attestations.b64(statement([subject("app.bin", b"evil")])))
    case("tampered", tampered, "refused bad-signature|untrusted-key", "refused")
    case("stripped", dict(of("stripped", "vendor"), signatures=[]), "refused bad-signature|untrusted-key", "held unsigned")
    case("strange", of("strange", "stranger"), "held untrusted-key", "held unsigned")
    case("purpose", of("purpose", "second"), "held untrusted-key", "held unsigned")
    case("truncated", dump(of("truncated", "vendor"))[:-30], "refused", "held unsigned")
    case("replayed", of("the version before", "vendor"), "approved", "blocked checksum-mismatch")
    m.expect("replayed/app.dsse", "approved", "vendor")
    m.add("good/renamed.bin", firmware("good"), "held unsigned")  # under the name that it attests, and no other
    case("bundle", attestations.bundle(attestations.key_material(), {"dsseEnvelope": of("bundle", "vendor")}), "approved", "approved",
         "vendor", file="app.sigstore.json")
    case("chain", attestations.bundle(attestations.chain_material(keys, "leaf", "ca"), {"dsseEnvelope": of("chain", "leaf")}),
         "approved", "approved", "ca", file="app.sigstore.json")
    case("blob", attestations.bundle(attestations.key_material(), attestations.message(keys, "vendor", firmware("blob"))), "approved",
         "approved", "vendor", file="app.bin.sigstore.json")
    m.expect("blob/app.bin.sigstore.json", "approved")

    # a signed model is what the signature lists, and nothing besides
    for at, extra in (("model", None), ("model-more", "added.bin"), ("model-less", None), ("model-changed", None)):
        files = {"weights.bin": firmware(at), "sub/config.bin": firmware(at + "-config")}
        if at == "model-less":
            files["gone.bin"] = b"what is not on this medium"
        content = attestations.bundle(attestations.key_material(), {"dsseEnvelope": envelope(keys, ["vendor"], attestations.model_statement(files))})
        m.add(at + "/model.sig", dump(content), "approved", "vendor")
        files.pop("gone.bin", None)
        for name, data in files.items():
            m.add("%s/%s" % (at, name), data, "approved", "vendor: %s/model.sig" % at)
        if extra:
            m.add("%s/%s" % (at, extra), firmware("added"), "blocked checksum-mismatch")
    m.add("model-changed/weights.bin", firmware("changed"), "blocked checksum-mismatch")


origin_row(row, "origin-attestations", "signatures.md: every file must be a subject, extra files must fail", attested, weight=3)


# -- CMS ---------------------------------------------------------------------------------------------------------
def cms(m):
    a = workshop.authorities()
    m.trust("root", a.path("root.pem"), "--for", "files", "--for", "code")
    m.authorities.add("root")

    def case(name, signature, verdict, evidence=None, data=None, suffix=".p7s"):
        path = name + ".bin" + suffix
        m.add(path, signature, evidence or verdict, *["root"] * (verdict == "approved"))
        m.add(name + ".bin", firmware(name) if data is None else data, verdict, *["root: " + path] * (verdict == "approved"))

    case("good", workshop.cms("code", firmware("good")), "approved")
    case("pem", workshop.cms("code", firmware("pem"), form="PEM"), "approved")
    case("smime", workshop.cms("smime", firmware("smime")), "approved", suffix=".p7b")
    case("two", workshop.cms(["code", "stranger"], firmware("two"), chain=("inter", "other")), "approved")
    case("tampered", workshop.cms("code", firmware("tampered")), "blocked bad-signature", data=flipped(firmware("tampered")))
    case("replayed", workshop.cms("code", firmware("the version before")), "blocked bad-signature")
    case("truncated", workshop.cms("code", firmware("truncated"))[:-9], "refused bad-signature|untrusted-key")
    case("followed", workshop.cms("code", firmware("followed")) + b"\0", "refused bad-signature|untrusted-key")
    case("stranger", workshop.cms("stranger", firmware("stranger"), chain=("other",)), "held untrusted-key")
    case("expired", workshop.cms("expired", firmware("expired")), "held untrusted-key")
    case("tls", workshop.cms("tls", firmware("tls")), "held untrusted-key")
    case("sha1", workshop.cms("code", firmware("sha1"), options=("-binary", "-md", "sha1")), "held untrusted-key")
    case("short", workshop.cms("short", firmware("short")), "held untrusted-key")
    case("impostor", workshop.cms("impostor", firmware("impostor"), chain=("plain", "inter")), "held untrusted-key")
    case("false-root", workshop.cms("false-root", firmware("false-root"), chain=()), "held untrusted-key")
    m.add("stripped.bin", firmware("stripped"), "held unsigned")
    m.add("other-ca.pem", a.read("other.pem"), "approved")


origin_row(row, "origin-cms", "signatures.md: purposes, SHA-1, an openssl that prints successful without a chain", cms, weight=3)


# -- Authenticode ------------------------------------------------------------------------------------------------
def authenticode(m):
    made = workshop.authenticode()
    m.trust("root", os.path.join(made, "root.pem"))
    m.authorities.add("root")

    def program(name, verdict, *by, file=None):
        with open(os.path.join(made, name), "rb") as f:
            m.add(file or name + ".exe", f.read(), verdict, *by)

    for name in ("program-code", "program32-code", "stamped"):
        program(name, "approved", "root")
    program("stripped", "held unsigned")
    for name in ("program-stranger", "program-expired", "stamped-late", "stamped-future", "stamped-stranger"):
        program(name, "held untrusted-key")
    for name in ("tampered", "moved"):
        program(name, "blocked bad-signature")
    for name in ("appended", "padded-data", "section-in-table", "odd-entry"):
        program(name, "refused")
    # installers
    program("package-code", "approved", "root", file="pump.msi")
    program("cabinet-code", "approved", "root", file="pump.cab")
    program("package-nameless", "held untrusted-key", file="nameless.msi")
    program("package-border", "blocked bad-signature", file="border.msi")
    program("package-appended", "refused", file="appended.msi")
    program("cabinet-tampered", "blocked bad-signature", file="tampered.cab")
    # a catalog, and what it lists
    program("good.cat", "approved", None, file="drivers/good.cat")
    program("driver.sys", "approved", None, file="drivers/driver.sys")
    program("tampered.cat", "blocked bad-signature", None, file="forged/tampered.cat")
    program("driver.sys", "refused", None, file="forged/driver.sys")


origin_row(row, "origin-authenticode", "signatures.md: data after the signature, time stamps, catalogs", authenticode, weight=6)


# -- purposes ----------------------------------------------------------------------------------------------------
PURPOSES = ("files", "repository", "package", "image", "attestation", "code")


def purposes(is_right):
    """Each format by a key of its own, which is trusted for its purpose and no other; or for every other."""
    def build(m):
        def options(purpose):
            return [word for p in PURPOSES if (p == purpose) == is_right for word in ("--for", p)]

        def expect(path, data, by, via="", *, is_evidence=False):
            """What has no other type than text may pass without an origin."""
            is_text = data[:1] in b"{-<F" or data[:5] == b"untru"
            if is_right:
                m.add(path, data, "approved", None)
                m.signers[0, path] = [(by, (via or path).replace(" > ", " \u2192 "))]
            elif is_evidence:
                m.add(path, data, "held untrusted-key")
            else:
                m.add(path, data, "approved" if is_text else "held")

        # files
        pgp = workshop.openpgp("for-files")
        m.trust_openpgp("for-files", *options("files"))
        expect("a.bin", firmware("a"), "for-files", "a.bin.asc")
        expect("a.bin.asc", pgp.detach(firmware("a")), "for-files", is_evidence=True)
        expect("list/CHECKSUM", pgp.clearsign(sums([("b.bin", firmware("b"))])), "for-files", is_evidence=True)
        expect("list/b.bin", firmware("b"), "for-files", "list/CHECKSUM")
        mini = workshop.minisign("for-files")
        m.trust("mini", mini.public, *options("files"))
        expect("c.bin", firmware("c"), "mini", "c.bin.minisig")
        expect("c.bin.minisig", mini.sign_bytes(firmware("c")), "mini", is_evidence=True)
        a = workshop.authorities()
        m.trust("cms", a.path("root.pem"), *options("files"))
        m.authorities.add("cms")
        expect("d.bin", firmware("d"), "cms", "d.bin.p7s")
        expect("d.bin.p7s", workshop.cms("code", firmware("d")), "cms", is_evidence=True)
        # repositories
        repo = workshop.openpgp("vendor")
        m.trust_openpgp("repository", *options("repository"), key=repo)
        debian_tree(m, "debian", by="repository")
        if not is_right:
            unproved(m, "debian")
            m.expect("debian/%sInRelease" % DIST, "held untrusted-key")
        # packages
        made = workshop.rpms()
        m.trust("package", os.path.join(made, "keys", "vendor.pgp"), *options("package"))
        with open(os.path.join(made, "signed.rpm"), "rb") as f:
            expect("signed.rpm", f.read(), "package", is_evidence=True)
        packager = workshop.openpgp("packager")
        m.trust_openpgp("packager", *options("package"))
        dsc = repository.source_package(m.bench.scratch, "signed")
        expect("signed_1.0.dsc", packager.clearsign(dsc.read_bytes()), "packager", is_evidence=True)
        expect("signed_1.0.tar.xz", dsc.with_name("signed_1.0.tar.xz").read_bytes(), "packager", "signed_1.0.dsc")
        # attestations
        keys = workshop.raw()
        m.trust("attestation", keys.path("vendor", "pub"), *options("attestation"))
        expect("e.bin", firmware("e"), "attestation", "e.dsse")
        expect("e.dsse", dump(envelope(keys, ["vendor"], statement([("e.bin", {"sha256": sha256(firmware("e"))})]))), "attestation",
               is_evidence=True)
        # images
        m.trust("image", keys.path("edwards", "pub"), *options("image"))
        l = attestations.Layout(os.path.join(m.bench.scratch, "image"))
        digest = l.document({"schemaVersion": 2, "mediaType": attestations.MANIFEST, "config": l.blob(b"{}"),
                             "layers": [l.blob(firmware("layer"))]}, "v1")[7:]
        signature = l.cosign(keys, "edwards", "sha256:" + digest)[7:]
        l.finish()
        m.tree(l.dir, "image", "any", None)
        layer = "image/blobs/sha256/" + sha256(firmware("layer"))
        m.expect(layer, "approved", "image: image/blobs/sha256/%s > image/blobs/sha256/%s" % (signature, digest))
        if not is_right:
            m.expect(layer, "held unsigned")
            m.expect("image/blobs/sha256/" + digest, "held untrusted-key")
        # programs
        place = workshop.authenticode()
        m.trust("code", os.path.join(place, "root.pem"), *options("code"))
        m.authorities.add("code")
        with open(os.path.join(place, "program-code"), "rb") as f:
            expect("program.exe", f.read(), "code", is_evidence=True)

    return build


origin_row(row, "origin-purpose", "issue 4: a key for one purpose does for that", purposes(True), weight=5, status=0)
origin_row(row, "origin-other-purposes", "issue 4: a key for every other purpose does not", purposes(False), weight=5)
