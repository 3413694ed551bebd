# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""Reports that no station wrote: every reason code, hostile names, any number of files."""
import base64
import json
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
FILES = '"files":['


def codes():
    """(code, verdict) of every reason there is."""
    text = (ROOT / "kiosk/common/reason.def").read_text()
    return [(c, v.lower()) for c, v in re.findall(r'^R\(\w+, "([^"]+)", (\w+),', text, flags=re.M)]


# As text_escape() leaves them: what a medium can put into a name and what of it reaches a report.
HOSTILE = [
    "<script>alert(1)</script>.txt",
    "\"><img src=x onerror=alert(1)>.txt",
    "</style><style>body{display:none}.txt",
    "a&amp;b &lt; '\"`.txt",
    "\\x1b]0;owned\\x07\\x1b[2Jterminal.txt",
    "\\u{202E}gnp.exe",
    "line\\x0abreak\\x0d.txt",
    "\u05e9\u05dc\u05d5\u05dd/\u0645\u0644\u0641.txt",
    "\u4e2d\u6587\u6587\u4ef6\u540d/\u65e5\u672c\u8a9e\u306e\u9577\u3044\u30d5\u30a1\u30a4\u30eb\u540d\u3067\u3059" + "\u3042" * 60 + ".txt",
    "combining e\u0301\u0323 a\u0308\u0304 \uac00\u1100\u1161.txt",
    "emoji \U0001f600\U0001f468.txt",
    "deep/" + "/".join("folder-%02d" % n for n in range(40)) + "/end.txt",
    "no-break-" + "x" * 3000 + ".bin",
    "javascript:alert(1)",
    "spaces   and   more   ",
]


def file(path, verdict, reasons=(), **fields):
    f = {"volume": 1, "path": path, "size": 1234, "sha256": "%064x" % (len(path) * 7919), "type": "text/plain", "verdict": verdict,
         "rule": "text" if verdict == "approved" else None, "reasons": list(reasons), "signers": [], "published_as": None}
    f.update(fields)
    if "\\" in path:
        f["path_b64"] = base64.b64encode(b"raw bytes of it").decode()
    return f


def reason(code, detail="", member=None):
    return {"code": code, "detail": detail, "member": member}


def head(files, **fields):
    count = {v: sum(f["verdict"] == v for f in files) for v in ("approved", "held", "blocked")}
    h = {
        "format": "lazaret.report/1", "transfer": "20261122T062801Z-a1b2c3", "outcome": "published", "started": 1795328881,
        "finished": 1795329000, "operator": "M. Weber", "reason": "controller update for line 4",
        "station": {"id": "3f9a2c0011223344", "name": "Gate 3, building 7", "version": "0.1.0", "policy": "strict 7",
                    "policy_sha256": "0" * 64, "sandbox": "accounts+namespaces+landlock7+seccomp", "manifest_key": "8D0C5F27A1B2C3D4"},
        "engines": [
            {"name": "clamav", "version": "1.4.3", "database_version": "27831", "database_time": 1795190000, "database_age_s": 138881,
             "signatures": 8724633},
            {"name": "libmagic", "version": "5.44", "database_version": "", "database_time": 0, "database_age_s": 0, "signatures": 0},
            {"name": "yara", "version": "4.2.3", "database_version": "site rules", "database_time": 1794000000, "database_age_s": 1328881,
             "signatures": 412}],
        "medium": {"kind": "device", "vendor": "SanDisk", "model": "Ultra USB 3.0", "serial": "4C530001230607117122", "size": 15376318464,
                   "write_protected": True, "sectors_written": 0, "removable_at": 1795328950,
                   "volumes": [{"index": 1, "fs": "exfat", "label": "TRANSFER", "uuid": "6A3F-11C2", "driver": "kernel:exfat", "outcome": "read", "detail": ""},
                               {"index": 2, "fs": "crypto_LUKS", "label": "<b>secret</b>", "uuid": "", "driver": "", "outcome": "refused",
                                "detail": "encrypted, and nobody gave the passphrase"}]},
        "counts": {"files": len(files), "bytes": sum(f["size"] for f in files), **count},
        "previous": "ab" * 32, "audit": {"seq": 417, "hash": "cd" * 32},
    }
    h.update(fields)
    return h


def write(path, files, **fields):
    """`files` may be a list, of any length."""
    empty = json.dumps(dict(head(files, **fields), files=[]), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    before, after = empty.split(FILES + "]", 1)
    with open(path, "w", encoding="utf-8") as out:
        out.write(before + FILES + "\n")
        for n, f in enumerate(files):
            out.write(json.dumps(f, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + (",\n" if n + 1 < len(files) else "\n"))
        out.write("]" + after + "\n")
    return path


def every_reason():
    """One file a code, hostile names among all three verdicts, signers, what a signature vouches for."""
    files = []
    for n, (code, verdict) in enumerate(codes()):
        detail = {"malware": "Win.Test.EICAR_HDB-1", "type-denied": "application/vnd.microsoft.portable-executable"}.get(code, "")
        files.append(file("every/%s.bin" % code, verdict, [reason(code, detail, "inner/deep/<member>.exe" if n % 4 == 0 else None)]))
    files.append(file("several.zip", "blocked", [reason(c, "detail %d, " % k + "long " * (60 * (k == 2))) for k, (c, _) in enumerate(codes()[:9])]))
    for n, name in enumerate(HOSTILE):
        files.append(file(name, "blocked", [reason("unsafe-name", name)]))
        files.append(file("held/" + name, "held", [reason("type-unknown", "", name)]))
        files.append(file("approved/" + name, "approved", signers=[{"key": "AB" * 20, "name": "vendor-x", "via": name}] if n % 2 else []))
    files.append(file("firmware/update.lzo", "approved", vouched=[reason("container-opaque", "lzop")], size=18446744,
                      signers=[{"key": "AB" * 20, "name": "vendor-x", "via": "SHA256SUMS.minisig \u2192 SHA256SUMS"},
                               {"key": "CD" * 20, "name": "integrator <&>", "via": "update.lzo.asc"}]))
    return files


def many(count):
    """A hundred thousand approved files in folders, and a few that were not."""
    kinds = ["text/plain", "application/pdf", "image/jpeg", "application/zip"]
    files = [file("folder-%02d/sub/file-%06d.txt" % (n % 60, n), "approved", type=kinds[n % 7 % 4],
                  signers=[{"key": "AB" * 20, "name": "vendor-x", "via": "Packages.xz"}] if n % 2 else []) for n in range(count - 40)]
    files += [file("tools/setup-%02d.exe" % n, "blocked", [reason("type-denied", "application/x-dosexec")]) for n in range(30)]
    files += [file("office/invoice-%02d.doc" % n, "held", [reason("active-content", "AutoOpen")]) for n in range(10)]
    return files
