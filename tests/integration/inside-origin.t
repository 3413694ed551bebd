#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""What vouches for files inside of containers: signed lists in archives, RECORD of wheels, images as `docker save`, skopeo and cosign
write them, and npm's lock files beside packages. Who signed all of it signed the container; what is not what was listed blocks it.

BUILD: the build directory (default build).
"""
import base64
import hashlib
import io
import json
import os
import pathlib
import subprocess
import sys
import tarfile
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import attestations  # noqa: E402
import certificates  # noqa: E402
import containers  # noqa: E402
import specimens  # noqa: E402
from inside import Station  # noqa: E402
from specimens import TEXT, make_tar, make_zip  # noqa: E402
from tap import finish, ok  # noqa: E402

PROGRAM = pathlib.Path("/bin/true").read_bytes()
SOFTWARE = {"bin/tool": PROGRAM, "readme.txt": TEXT}


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def zipped(files):
    return make_zip(sorted(files.items()))


def tarred(files):
    return make_tar(list(files.items()))


class Vendor:
    """minisign's key, a P-256 key for images, and a certificate's."""

    def __init__(self, work, name):
        self.name, self.dir = name, work / name
        self.dir.mkdir()
        subprocess.run(["minisign", "-G", "-W", "-f", "-p", self.dir / "minisign.pub", "-s", self.dir / "minisign.key"], check=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self.keys = attestations.Keys(str(self.dir))
        self.keys.make("image")
        self.authorities = certificates.Authorities(str(self.dir))
        self.authorities.ca("root")
        self.authorities.leaf("code", "root")

    def minisign(self, data, name="file"):
        (self.dir / name).write_bytes(data)
        subprocess.run(["minisign", "-S", "-s", self.dir / "minisign.key", "-m", self.dir / name, "-t", "file:" + name], check=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        return (self.dir / (name + ".minisig")).read_bytes()

    def listed(self, files, also=None):
        """`files` with a signed list of them; `also`: what nobody lists."""
        text = "".join("%s  %s\n" % (sha256(d), p) for p, d in sorted(files.items())).encode()
        return {**files, "SHA256SUMS": text, "SHA256SUMS.minisig": self.minisign(text, "SHA256SUMS"), **(also or {})}

    def cms(self, data):
        self.authorities.write("content", data)
        self.authorities.cms("content.p7s", "content", "code")
        return pathlib.Path(self.authorities.path("content.p7s")).read_bytes()


def signers(r, path):
    return [s["name"] for s in r.files[path]["signers"]]


def passes(r, path, who, name, via=None):
    ok(r.verdict(path) == "approved" and signers(r, path) == [who] and (via is None or r.files[path]["signers"][0]["via"] == via),
       name, r.shown(path) + str(r.files[path]["signers"]))


def held(r, path, name, code="unsigned"):
    ok(r.verdict(path) == "held" and code in r.codes(path) and not signers(r, path), name, r.shown(path) + str(r.files[path]["signers"]))


def blocked(r, path, code, member, name):
    ok(r.verdict(path) == "blocked" and r.says(path, code, member), name, r.shown(path))


def station(work, name, vendor, profile="updates"):
    s = Station(work, name, profile=profile, rules=None)
    for key, purposes in (("minisign.pub", ["files"]), ("image.pub", ["image"]), ("root.pem", ["files"])):
        done = s.lazaret("key", "trust", vendor.dir / key, "--name", vendor.name + "-" + key[:-4], "--yes",
                         *(a for p in purposes for a in ("--for", p)))
        assert done.returncode == 0, done.stderr
    return s


def lists(s, vendor, stranger):
    whole = vendor.listed(SOFTWARE)
    tar_gz = specimens.gz(tarred(whole))
    big = {"bin/%d" % k: PROGRAM + b"%d" % k for k in range(40)}
    r = s.inspect({
        "a.zip": zipped(whole), "a.tar": tarred(whole), "a.tar.gz": tar_gz, "in.zip": zipped({"a.tar.gz": tar_gz}),
        "more.zip": zipped(vendor.listed(SOFTWARE, {"bin/other": PROGRAM})),
        "beside.zip": zipped({"a.tar.gz": tar_gz, "tool": PROGRAM}),
        "stranger.zip": zipped(stranger.listed(SOFTWARE)),
        "unsigned.zip": zipped(SOFTWARE),
        "altered.zip": zipped({**whole, "bin/tool": PROGRAM + b"x"}),
        "altered-list.zip": zipped({**whole, "SHA256SUMS": whole["SHA256SUMS"].replace(b"readme", b"README")}),
        "case.zip": zipped({**{("BIN/TOOL" if p == "bin/tool" else p): d for p, d in whole.items()}, "BIN/TOOL": PROGRAM + b"x"}),
        # two trees: one's list says nothing of the other
        "one.tar": tarred(vendor.listed({"tool": PROGRAM})), "two.tar": tarred({"tool": PROGRAM + b"x"}),
        "tool": PROGRAM,
    })
    via = "SHA256SUMS.minisig \u2192 SHA256SUMS \u2192 all that is in it"
    for path in ("a.zip", "a.tar", "a.tar.gz", "in.zip"):
        passes(r, path, "vendor-minisign", "%s: who signed the list of all that is in it signed it" % path)
    ok(r.files["a.zip"]["signers"][0]["via"] == via, "with the path of proof", str(r.files["a.zip"]["signers"]))
    held(r, "more.zip", "one program that is not listed: not signed")
    held(r, "beside.zip", "a program beside a signed archive: not signed")
    held(r, "stranger.zip", "a stranger's list signs nothing")
    ok(any("SHA256SUMS.minisig vouches for nothing" in n for n in r.files["stranger.zip"].get("notes", [])), "and the report notes it",
       str(r.files["stranger.zip"]))
    held(r, "unsigned.zip", "no list, no signer")
    blocked(r, "altered.zip", "checksum-mismatch", "bin/tool", "an altered member blocks its archive, and is named")
    blocked(r, "altered-list.zip", "bad-signature", "SHA256SUMS", "so does an altered list")
    blocked(r, "case.zip", "checksum-mismatch", "BIN/TOOL", "and one whose name differs in the case of letters")
    ok(r.verdict("two.tar") == "held" and r.verdict("tool") == "held" and not signers(r, "tool"),
       "what is in one archive speaks of no other, nor of the medium", r.shown("two.tar", "tool"))
    r = s.inspect({"many.tar": tarred(vendor.listed(big)), "SHA256SUMS": b"%s  many.tar\n" % sha256(b"other").encode()})
    ok(r.verdict("many.tar") == "blocked" and r.says("many.tar", "checksum-mismatch", None), "the medium's list is about the archive itself", r.shown())
    ok(s.spool() == [], "nothing is left in the spool", s.spool())


def detached(s, vendor):
    good, other = vendor.minisign(PROGRAM, "tool"), vendor.minisign(PROGRAM + b"x", "tool")
    r = s.inspect({
        "before.tar": make_tar([("tool", PROGRAM), ("tool.minisig", good)]),
        "behind.tar": make_tar([("d/tool.minisig", good), ("d/tool", PROGRAM)]),
        "wrong.tar": make_tar([("tool", PROGRAM), ("tool.minisig", other)]),
        "wrong-behind.tar": make_tar([("tool.minisig", other), ("tool", PROGRAM)]),
        "other.tar": make_tar([("tool", PROGRAM), ("more", PROGRAM), ("tool.minisig", good)]),
    })
    for path in ("before.tar", "behind.tar"):
        passes(r, path, "vendor-minisign", "%s: a program and its signature" % path)
    for path in ("wrong.tar", "wrong-behind.tar"):
        blocked(r, path, "bad-signature", "tool", "%s: the signature of something else" % path)
    held(r, "other.tar", "a signature is over one file alone")


def wheel(files, change=None, sign=None):
    record = containers.record(files) + "x-1.0.dist-info/RECORD,,\n"
    whole = {**files, "x-1.0.dist-info/RECORD": record.encode()}
    if sign:
        whole["x-1.0.dist-info/RECORD.p7s"] = sign(record.encode())
    return zipped({**whole, **(change or {})})


PYTHON = {"x/__init__.py": b"print('hello')\n", "x/data.txt": TEXT, "x-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: x\nVersion: 1.0\n",
          "x-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nGenerator: bdist_wheel\nRoot-Is-Purelib: true\nTag: py3-none-any\n"}


def wheels(s, vendor):
    r = s.inspect({
        "x-1.0-py3-none-any.whl": wheel(PYTHON, sign=vendor.cms), "plain/x-1.0-py3-none-any.whl": wheel(PYTHON),
        "altered/x-1.0-py3-none-any.whl": wheel(PYTHON, {"x/__init__.py": b"import os\n"}),
        "added/x-1.0-py3-none-any.whl": wheel(PYTHON, {"x/evil.py": b"import os\n"}),
        "forged/x-1.0-py3-none-any.whl": wheel({**PYTHON, "x/__init__.py": b"import os\n"}, {"x-1.0.dist-info/RECORD.p7s": vendor.cms(b"other")}),
        # several packages in one archive: no list is of all
        "site.zip": wheel(PYTHON, {"y/__init__.py": b"import os\n", "y-1.0.dist-info/RECORD": containers.record({"y/__init__.py": b"import os\n"}).encode()}),
    })
    passes(r, "x-1.0-py3-none-any.whl", "vendor-root", "a wheel whose RECORD is signed")
    held(r, "plain/x-1.0-py3-none-any.whl", "RECORD alone is integrity, not origin")
    blocked(r, "altered/x-1.0-py3-none-any.whl", "checksum-mismatch", "x/__init__.py", "an altered module")
    blocked(r, "added/x-1.0-py3-none-any.whl", "checksum-mismatch", "x/evil.py", "a module that RECORD does not list")
    blocked(r, "forged/x-1.0-py3-none-any.whl", "bad-signature", "x-1.0.dist-info/RECORD", "another's signature of RECORD")
    ok(not r.says("site.zip", "checksum-mismatch"), "RECORD is of its own package alone where several are packed together", r.shown("site.zip"))


def layer_of(files):
    return tarred({"opt/" + p: d for p, d in files.items()})


def image(work, name, layer, keys=None):
    """An OCI layout in a directory, with cosign's signature where there are keys."""
    top = work / name
    layout = attestations.Layout(str(top))
    blob = layout.blob(layer)
    config = layout.blob(attestations.dump({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [blob["digest"]]}}))
    digest = layout.document({"schemaVersion": 2, "mediaType": attestations.MANIFEST,
                              "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **config},
                              "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", **blob}]}, "app")
    if keys:
        layout.cosign(keys, "image", digest)
    layout.finish()
    return top


def archive_of(top, change=None):
    """The directory as a tar; `change`: {path: bytes} instead or besides."""
    files = {str(p.relative_to(top)): p.read_bytes() for p in sorted(top.rglob("*")) if p.is_file()}
    return tarred({**files, **(change or {})})


def skopeo(top, form, out):
    subprocess.run(["skopeo", "--insecure-policy", "copy", "-q", "oci:%s:app" % top, "%s:%s%s" % (form, out, ":app:1" if form == "docker-archive" else "")],
                   check=True, stdout=subprocess.DEVNULL)
    return out.read_bytes()


def changed_tar(data, name_ends, content):
    out = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(data)) as old, tarfile.open(fileobj=out, mode="w") as new:
        for m in old:
            body = old.extractfile(m).read() if m.isfile() else b""
            if m.isfile() and m.name.endswith(name_ends):
                body, m.size = content, len(content)
            new.addfile(m, io.BytesIO(body))
    return out.getvalue()


def images(s, work, vendor, stranger):
    layer, evil = layer_of(SOFTWARE), layer_of({"evil": PROGRAM})
    signed, unsigned = image(work, "signed", layer, vendor.keys), image(work, "unsigned", layer)
    saved = skopeo(unsigned, "docker-archive", work / "saved.tar")
    layer_path = "blobs/sha256/" + sha256(layer)
    other = "blobs/sha256/" + sha256(evil)
    r = s.inspect({
        "signed.tar": archive_of(signed), "unsigned.tar": archive_of(unsigned), "signed.tar.gz": specimens.gz(archive_of(signed)),
        "stranger.tar": archive_of(image(work, "stranger", layer, stranger.keys)),
        "altered.tar": archive_of(signed, {layer_path: evil}), "more.tar": archive_of(signed, {other: evil}),
        "oci-archive.tar": skopeo(unsigned, "oci-archive", work / "oci.tar"),
        "saved.tar": saved, "saved-altered.tar": changed_tar(saved, sha256(layer) + ".tar", evil),
    })
    for path in ("signed.tar", "signed.tar.gz"):
        passes(r, path, "vendor-image", "%s: an image with cosign's signature" % path)
    held(r, "unsigned.tar", "an image that nobody signed")
    held(r, "stranger.tar", "one that a stranger signed")
    blocked(r, "altered.tar", "checksum-mismatch", layer_path, "one with another layer under the digest")
    held(r, "more.tar", "one with a further blob that no signature reaches")
    for path in ("oci-archive.tar", "saved.tar"):
        held(r, path, "%s: as skopeo writes it, digests walked, nothing amiss" % path)
    ok(r.verdict("saved-altered.tar") == "blocked" and r.says("saved-altered.tar", "checksum-mismatch"),
       "`docker save` with another layer than its configuration says", r.shown("saved-altered.tar"))
    attacks(s, work, vendor, signed, layer)
    ok(s.spool() == [], "nothing is left in the spool", s.spool())


def attacks(s, work, vendor, signed, layer):
    """Under the names of what nobody signs in an image, whatever somebody likes."""
    script = b"#!/bin/sh\nexec /bin/evil\n"
    config = attestations.dump({"architecture": "amd64", "os": "linux", "config": {"Cmd": ["/bin/evil"]},
                                "rootfs": {"type": "layers", "diff_ids": ["sha256:" + sha256(layer)]}})
    manifest = json.dumps([{"Config": "index.json", "RepoTags": ["app:1"], "Layers": ["blobs/sha256/" + sha256(layer)]}]).encode()

    def with_payload(change):
        """The signed image, with a manifest of the vendor's signatures that somebody has changed."""
        top = image(work, "attack-%s" % change.__name__, layer, vendor.keys)
        index = json.loads((top / "index.json").read_text())
        d = index["manifests"][-1]
        m = json.loads((top / "blobs/sha256" / d["digest"][7:]).read_text())
        (top / "blobs/sha256" / d["digest"][7:]).unlink()

        def blob(data):
            (top / "blobs/sha256" / sha256(data)).write_bytes(data)
            return {"digest": "sha256:" + sha256(data), "size": len(data)}
        change(m, blob)
        d.update(blob(attestations.dump(m)))
        (top / "index.json").write_bytes(attestations.dump(index))
        return archive_of(top)

    def layer_more(m, blob):
        m["layers"].append({"mediaType": "application/vnd.oci.image.layer.v1.tar", **blob(layer_of({"bin/evil": script}))})

    def other_configuration(m, blob):
        m["config"].update(blob(config))

    def payload_more(m, blob):
        m["layers"].append({**m["layers"][0], **blob(script)})

    index = json.loads((signed / "index.json").read_text())
    data = {**index, "manifests": [{**index["manifests"][0], "data": base64.b64encode(script).decode()}, *index["manifests"][1:]]}
    r = s.inspect({
        "frames.zip": zipped({**vendor.listed(SOFTWARE), **{n: script for n in ("oci-layout", "index.json", "manifest.json", "repositories")}}),
        "layout.tar": archive_of(signed, {"oci-layout": script}), "index.tar": archive_of(signed, {"index.json": config, "manifest.json": manifest}),
        "manifest.tar": archive_of(signed, {"manifest.json": manifest}), "data.tar": archive_of(signed, {"index.json": attestations.dump(data)}),
        "layer-more.tar": with_payload(layer_more), "configuration.tar": with_payload(other_configuration),
        "payload-more.tar": with_payload(payload_more),
    })
    for path in r.files:
        ok(r.verdict(path) != "approved" and not signers(r, path), "%s: bytes that nobody signed, under a name of an image's" % path,
           r.shown(path) + str(r.files[path]["signers"]))


def whole(s, work, vendor, stranger):
    """Who has signed the archive has signed what lies in it: nobody else is asked."""
    fixture = bytearray(stranger.minisign(PROGRAM))
    fixture[80] ^= 1
    inner = {"third.zip": zipped({"tool": PROGRAM, "tool.minisig": stranger.minisign(PROGRAM, "tool")}),
             "odd.zip": zipped({"tool": PROGRAM, "tool.sha256": b"<html>404</html>\n", "SHA256SUMS": b""}),
             "wrong.zip": zipped({"t/tool": PROGRAM, "t/SHA256SUMS": b"%s  tool\n" % (b"0" * 64)})}
    r = s.inspect({**inner, **{p + ".minisig": vendor.minisign(d, p) for p, d in inner.items()}})
    for path in inner:
        passes(r, path, "vendor-minisign", "%s: signed as a whole" % path)
    r = s.inspect(inner)
    held(r, "third.zip", "by a third party alone: not signed")
    held(r, "odd.zip", "with lists that are none: not signed, and no trouble")
    blocked(r, "wrong.zip", "checksum-mismatch", "t/tool", "with a wrong list: blocked where nobody signed it")


def scopes(work, vendor):
    s = Station(work, "scoped", profile="updates", rules=None)
    done = s.lazaret("key", "trust", vendor.dir / "minisign.pub", "--name", "scoped", "--yes", "--type", "application/gzip")
    assert done.returncode == 0, done.stderr
    files = vendor.listed(SOFTWARE)
    r = s.inspect({"tool": PROGRAM, "tool.minisig": vendor.minisign(PROGRAM, "tool"), "a.zip": zipped(files), "a.tar.gz": specimens.gz(tarred(files))})
    for path in ("tool", "a.zip", "a.tar.gz"):
        ok(r.verdict(path) != "approved" and not signers(r, path), "%s: packing takes nothing out of a key's scope" % path, r.shown(path))


def npm(s):
    package = specimens.gz(tarred({"package/package.json": b'{"name": "ms", "version": "2.1.3"}\n', "package/index.js": b"module.exports = 1\n"}))
    lock = json.dumps({"lockfileVersion": 3, "packages": {"node_modules/ms": {
        "resolved": "https://registry.example/ms/-/ms-2.1.3.tgz",
        "integrity": "sha512-" + base64.b64encode(hashlib.sha512(package).digest()).decode()}}}).encode()
    r = s.inspect({"a/package-lock.json": lock, "a/ms-2.1.3.tgz": package, "b/package-lock.json": lock, "b/ms-2.1.3.tgz": package + b"\0" * 512})
    ok("checksum-mismatch" not in r.codes("a/ms-2.1.3.tgz"), "npm: what the lock file says", r.shown())
    ok(r.verdict("b/ms-2.1.3.tgz") == "blocked" and "checksum-mismatch" in r.codes("b/ms-2.1.3.tgz"), "npm: a package that is another", r.shown())


def everywhere(work):
    """A mismatch blocks where nobody asks for signatures, too; systems' trees in packages are not asked."""
    s = Station(work, "any")
    notes = {"a.txt": TEXT, "b.txt": TEXT[::-1]}
    sums = {"SHA256SUMS": "".join("%s  %s\n" % (sha256(d), p) for p, d in notes.items()).encode()}
    r = s.inspect({"fine.zip": zipped({**notes, **sums}), "wrong.zip": zipped({**notes, **sums, "b.txt": b"other\n"}),
                   "sha512.zip": zipped({"a.txt": TEXT, "SHA512SUMS": b"%s  a.txt\n" % hashlib.sha512(b"other").hexdigest().encode()}),
                   "system.deb": containers.FORMATS["deb"].make({"usr/share/x/SHA256SUMS": sums["SHA256SUMS"], "usr/share/x/a.txt": b"patched\n"})})
    ok(r.verdict("fine.zip") == "approved" and not signers(r, "fine.zip"), "a list without a signature vouches for nothing and harms nothing", r.shown())
    blocked(r, "wrong.zip", "checksum-mismatch", "b.txt", "a mismatch blocks under any rules")
    ok(r.verdict("sha512.zip") == "approved", "of members SHA-256 alone is known: docs/formats.md says so", r.shown())
    ok(r.verdict("system.deb") == "approved", "lists in the tree of a package are not asked", r.shown())


def main():
    with tempfile.TemporaryDirectory(prefix="lazaret-inside-origin.") as tmp:
        os.chmod(tmp, 0o755)
        work = pathlib.Path(tmp)
        vendor, stranger = Vendor(work, "vendor"), Vendor(work, "stranger")
        s = station(work, "station", vendor)
        lists(s, vendor, stranger)
        detached(s, vendor)
        wheels(s, vendor)
        images(s, work, vendor, stranger)
        whole(s, work, vendor, stranger)
        scopes(work, vendor)
        npm(s)
        everywhere(work)
    finish()


if __name__ == "__main__":
    main()
