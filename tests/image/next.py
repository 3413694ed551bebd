# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""The appliance's next version, cheaply: the root of the image that was built, with another version in it and whatever a case changes, its own
hash tree, and the kernel with the new root hash, signed with the same key. What `lazaret pack make --appliance` takes. Kept between runs.
Needs root, as the build does."""
import pathlib
import shutil

from image.machine import run


def replace(path, old, new):
    text = path.read_text()
    if old not in text:
        raise RuntimeError("%s does not say %s" % (path, old))
    path.write_text(text.replace(old, new))


def next_version(things, version, name, change=lambda root: None):
    """Directory with root.squashfs, root.verity, roothash, lazaret.efi of `version`. `change(root)` edits the tree; `name` tells it from others."""
    made_of = "%s %s" % ((things.out / "roothash").read_text(), version)
    out = things.work / "next" / name
    if (out / "made-of").exists() and (out / "made-of").read_text() == made_of:
        return out
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    tree = out / "tree"
    run("unsquashfs", "-quiet", "-no-progress", "-d", tree, things.out / "root.squashfs")
    for path in ("usr/lib/os-release", "usr/lib/lazaret/appliance.json"):
        replace(tree / path, things.version, version)
    change(tree)
    run("mksquashfs", tree, out / "root.squashfs", "-quiet", "-no-progress", "-comp", "zstd", "-Xcompression-level", "1", "-no-exports", "-no-xattrs")
    run("veritysetup", "format", out / "root.squashfs", out / "root.verity", "--salt=" + things.salt, "--root-hash-file=" + str(out / "roothash"))
    kernel(things, tree, out)
    shutil.rmtree(tree)
    (out / "made-of").write_text(made_of)
    return out


def kernel(things, tree, out):
    """Of the kernel that was built: without its signature, with the other os-release and root hash."""
    plain, old = out / "plain.efi", (things.out / "roothash").read_text()
    shutil.copy(things.out / "lazaret.efi", plain)
    run("sbattach", "--remove", plain)
    line = pathlib.Path(out / "cmdline")
    run("objcopy", "--dump-section", ".cmdline=%s" % line, plain, out / "unused.efi")
    replace(line, old, (out / "roothash").read_text())
    run("objcopy", "--update-section", ".cmdline=%s" % line, "--update-section", ".osrel=%s" % (tree / "usr/lib/os-release"), plain, out / "unsigned.efi")
    run("sbsign", "--key", things.keys / "db.key", "--cert", things.keys / "db.crt", "--output", out / "lazaret.efi", out / "unsigned.efi")
    for name in ("plain.efi", "unused.efi", "unsigned.efi", "cmdline"):
        (out / name).unlink()
