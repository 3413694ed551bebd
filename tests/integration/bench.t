#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""The bench itself, on a corpus that takes seconds: its record has the form that it should, it fails on input that does not prove, and
it leaves nothing lying about. No time and no ratio is asserted here.

BUILD: the build directory (default build).
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from tap import BUILD, ROOT, finish, ok, skip  # noqa: E402

PACKAGES = 200
TOOLS = ("apt-ftparchive", "gpg", "sha256sum", "openssl", "xargs")
BENCH = BUILD / "bench-test" / "bench"  # a BUILD of its own: a record of somebody's own stays as it is


def bench(*args):
    return subprocess.run([ROOT / "tests" / "bench" / "run", *args], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=600, check=False, env={**os.environ, "BUILD": str(BENCH.parent)})


def is_spread(entry, runs):
    s = sorted(entry["samples"])
    return (len(s) == runs and all(isinstance(x, float) and x > 0 for x in s) and (entry["min"], entry["max"]) == (s[0], s[-1])
            and s[0] <= entry["median"] <= s[-1])


def test_list():
    done = bench("--list")
    ok(done.returncode == 0 and "mirror" in [line.split()[0] for line in done.stdout.splitlines()], "figures are listed", done.stderr)
    ok(bench("--figure", "nothing").returncode == 2, "a figure that is not there is a usage error")
    ok(bench("--runs", "0").returncode == 2, "no runs are a usage error")


def test_whole(corpus):
    done = bench("--quick", "--figure", "mirror", "--runs", "2", "--corpus", corpus)
    ok(done.returncode == 0, "a mirror is measured", done.stdout + done.stderr)
    if done.returncode != 0:
        return
    data = json.loads((BENCH / "mirror.json").read_text())
    ok(data["format"] == "lazaret.bench/1" and data["figure"] == "mirror" and data["runs"] == 2
       and data["command"].startswith("tests/bench/run --quick"), "the record says what was run", data)
    ok(data["machine"]["cores"] >= 1 and data["machine"]["processor"] and data["machine"]["kernel"]
       and data["versions"]["lazaret"].startswith("lazaret ") and data["versions"]["sha256sum"], "and where, and with what", data)
    ok([m["name"] for m in data["measured"]] == ["sha256sum", "sha256sum-one", "openssl", "openssl-one", "proving"]
       and all(is_spread(m, 2) and m["unit"] == "s" and m["command"] for m in data["measured"]), "medians and ranges of all", data["measured"])
    ok(data["corpus"]["packages"] == PACKAGES and data["corpus"]["mean_of_archive"] > 100000 and data["corpus"]["mean_of_archive_from"],
       "and of what", data["corpus"])
    real = [r for r in data["ratios"] if r["reach"] is not None]
    ok(len(data["ratios"]) == 4 and all(is_spread(r, 2) for r in data["ratios"]) and len(real) == 1, "ratios have ranges", data["ratios"])
    ok(real[0]["computed"] and not real[0]["judged"] and real[0]["why_not_judged"],
       "a ratio that is computed says so, and is not judged on a corpus this small", real)
    ok(all(m["words"] in done.stdout for m in data["measured"]) and all(r["name"] in done.stdout for r in data["ratios"])
       and "not judged: " in done.stdout, "the table has all of it", done.stdout)


def fails(name, corpus, words):
    """Nothing is told of a run that did not do its work."""
    (BENCH / "mirror.json").write_text("{}")
    done = bench("--quick", "--figure", "mirror", "--runs", "1", "--corpus", corpus)
    ok(done.returncode == 1 and words in done.stderr and not done.stdout and not (BENCH / "mirror.json").exists(), name,
       done.stdout + done.stderr)


def test_broken(corpus):
    deb = sorted((corpus / "medium").rglob("*.deb"))[7]
    good = deb.read_bytes()
    deb.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    fails("one package that was changed is a failure", corpus, "1 of %d packages were not proved" % PACKAGES)
    deb.write_bytes(good)
    inline = next((corpus / "medium").rglob("InRelease"))
    text = inline.read_bytes()
    inline.write_bytes(text.replace(b"Label: Vendor", b"Label: Somebody"))
    fails("so is a signature that does not match", corpus, "%d of %d packages were not proved" % (PACKAGES, PACKAGES))
    inline.write_bytes(text)
    (corpus / "key.pgp").unlink()
    fails("so is a corpus without its key", corpus, "key.pgp")


def test_missed(corpus):
    """A judged ratio that is not reached fails the run, and is told: with a goal that nothing reaches. In quick mode one that is broken does."""
    copy = BENCH.parent / "tests"
    shutil.copytree(ROOT / "tests" / "bench", copy / "bench")
    shutil.copytree(ROOT / "tests" / "lib", copy / "lib")
    figure = copy / "bench" / "figures" / "mirror.py"
    figure.write_text(figure.read_text().replace("REACH = 0.10", "REACH = 0.0").replace("MEANINGFUL = 5000", "MEANINGFUL = 1"))

    def run(*mode):
        return subprocess.run([copy / "bench" / "run", *mode, "--figure", "mirror", "--runs", "1", "--corpus", corpus],
                              capture_output=True, text=True, timeout=600, check=False, env={**os.environ, "BUILD": str(BENCH.parent)})

    done = run()
    ok(done.returncode == 1 and "NOT REACHED" in done.stdout, "a judged ratio that is not reached fails", done.stdout + done.stderr)
    done = run("--quick")
    ok(done.returncode == 1 and "BROKEN" in done.stdout, "in quick mode one that is broken fails", done.stdout + done.stderr)
    figure.write_text(figure.read_text().replace("real.broken = REACH if", "real.broken = 1000 if"))
    done = run("--quick")
    ok(done.returncode == 0 and "NOT REACHED" in done.stdout, "and one that is short of its goal is told", done.stdout + done.stderr)


def test_document():
    """What was measured becomes a page with plots; records that were not measured together do not."""
    records, docs = BENCH.parent / "records", BENCH.parent / "docs"
    records.mkdir()
    docs.mkdir()
    shutil.copy(ROOT / "docs" / "performance.md", docs)
    curve = {"x": "files", "points": [{"x": n, "s": [n / 900, n / 800], "mib": [40 + n / 1000]} for n in (100, 1000, 10000)]}
    entry = {"median": 1.5, "min": 1.25, "max": 2.0, "samples": [1.25, 1.5, 2.0]}
    record = {"figure": "curves", "title": "a title", "command": "tests/bench/run --figure curves", "runs": 3, "notes": ["A note."], "curves": [curve],
              "machine": {"system": "Debian", "processor": "one", "cores": 2, "memory_kib": 1 << 20, "virtual": True, "kernel": "6.1"},
              "versions": {"lazaret": "lazaret 0.1.0", "commit": "c0ffee" * 6, "changed_since": False, "clamscan": ""}, "load": {"before": 0.0, "after": 0.0},
              "measured": [{"name": "ours", "words": "a | b", "unit": "s", "command": "x", **entry}],
              "ratios": [{"name": "ours / theirs", "reach": 1.0, "judged": True, "reached": False, "computed": None, "why_not_judged": None, **entry}]}
    (records / "curves.json").write_text(json.dumps(record))

    def document():
        return subprocess.run([ROOT / "tests" / "bench" / "document", records, docs], capture_output=True, text=True, timeout=60, check=False)

    has_plots = shutil.which("gnuplot")
    if not has_plots:
        skip("curves become plots", "not installed: gnuplot")
        (records / "curves.json").write_text(json.dumps({**record, "curves": None}))
    done = document()
    page = (docs / "performance.md").read_text() if done.returncode == 0 else ""
    ok("| ours / theirs | 1.5 (1.25 to 2) | <= 1: **not reached** |" in page and "| a \\| b | 1.5 (1.25 to 2) | s |" in page
       and page.startswith((ROOT / "docs" / "performance.md").read_text()[:2000]), "records become tables", done.stderr + page[-2000:])
    if has_plots:
        test_plots(document, docs, page)
    (records / "mirror.json").write_text(json.dumps({**record, "figure": "mirror", "versions": {**record["versions"], "commit": "d00d" * 10}}))
    done = document()
    ok(done.returncode == 1 and "2 commits" in done.stderr and (docs / "performance.md").read_text() == page, "records of two commits make none", done.stderr)


def test_plots(document, docs, page):
    plot = (docs / "performance-files.svg").read_text() if (docs / "performance-files.svg").exists() else ""
    ok("</svg>" in plot and "MiB (PSS)" in plot and "(performance-files.svg)" in page, "curves become plots", plot[:500])
    document()
    ok((docs / "performance.md").read_text() == page and (docs / "performance-files.svg").read_text() == plot, "the same numbers make the same page")


def main():
    missing = [t for t in TOOLS if not shutil.which(t)]
    if missing:
        skip("the bench", "not installed: " + " ".join(missing))
        return finish()
    work = pathlib.Path(tempfile.mkdtemp(prefix="lazaret-bench."))
    os.chmod(work, 0o755)
    shutil.rmtree(BENCH.parent, ignore_errors=True)
    BENCH.mkdir(parents=True)
    (BENCH.parent / "bin").symlink_to(BUILD / "bin")
    try:
        corpus = work / "mirror"
        subprocess.run([sys.executable, ROOT / "tests" / "lib" / "repository.py", "synthetic", corpus, str(PACKAGES), "1000"], check=True,
                       timeout=300)
        test_list()
        test_whole(corpus)
        test_missed(corpus)
        test_broken(corpus)
        test_document()
        ok(not list(BENCH.glob("work.*")), "nothing is left behind", list(BENCH.iterdir()))
    finally:
        shutil.rmtree(work, ignore_errors=True)
        shutil.rmtree(BENCH.parent, ignore_errors=True)
    return finish()


if __name__ == "__main__":
    sys.exit(main())
