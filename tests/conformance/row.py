# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""What a row of the table consists of."""
ROWS = []


class Row:
    """
    name       short, unique; --row NAME runs it
    answers    whose weakness it answers: "usbsas U2", "Keysas K4", "libclamav 2.1#1" (research), "invariant 2"
    volumes    what the medium holds: one {name: (content, expectation)} a volume. Content: bytes, a function that gives
               them, Sparse, Link, HardLink, Fifo, Socket, Device, Directory, Mode, or None for an entry that `source`
               makes. Expectation: see bench.Expectation; "" for what is no entry of a report (directories).
    others     expectation of entries that no volume names; without it such an entry is a failure
    outcome    published, refused, aborted; "none": the station refuses to start, and there is no report; "unsaid": nothing
               is published, and the station may be too broken to keep a report; "any": chance decides (what must hold of
               every outcome still must)
    status     exit status of `lazaret inspect`; by default what outcome and expectations demand
    says       words that it must say on standard error
    profile    rules of the station: everything (one rule that approves every type, so that only the checks can refuse),
               documents, strict, updates
    config     sections of lazaret.yaml, {"limits": {"files": 50}}
    image      "mbr vfat16 ext4:label=X": the medium is an image made by tests/lib/media.py; without it the tree is the source
    source     function (bench) -> path of the source, when neither will do
    before     function (bench), when station and source stand
    during     function (bench, inspection), beside the running inspection
    after      function (bench, report)
    script     function (bench) that runs the inspections itself
    volume_outcomes  of the volumes that could hold files, in order; by default all are "read"
    is_live    the source changes by itself
    has_trail  False: the audit trail was made unwritable on purpose, and is not verified afterwards
    recovers   something may be left behind (spool, hidden transfer), and the next inspection must make up for it
    weight     seconds it takes about; long rows start first
    """

    def __init__(self, name, answers, files=None, volumes=None, others=None, outcome="published", status=None, says=(),
                 profile="everything", config=None, image=None, source=None, before=None, during=None, after=None,
                 script=None, volume_outcomes=None, is_live=False, has_trail=True, recovers=False, weight=1):
        self.name, self.answers = name, answers
        self.volumes = volumes if volumes is not None else [files or {}]
        self.others, self.outcome, self.says, self.profile = others, outcome, says, profile
        self.config, self.image, self.source = config or {}, image, source
        self.before, self.during, self.after, self.script = before, during, after, script
        self.volume_outcomes = volume_outcomes or ["read"] * len(self.volumes)
        self.is_live, self.has_trail, self.weight = is_live, has_trail, weight
        self.recovers = recovers
        self.status = self.default_status() if status is None else status

    def default_status(self):
        if self.outcome in ("aborted", "none", "unsaid"):
            return 2
        texts = [text for files in self.volumes for _, text in files.values() if text] + [self.others or "approved"]
        is_all = all(t == "approved" for t in texts) and set(self.volume_outcomes) == {"read"}
        return 0 if is_all and self.outcome == "published" else 1


def row(name, answers, files=None, **more):
    if any(r.name == name for r in ROWS):
        raise ValueError("two rows are called %s" % name)
    ROWS.append(Row(name, answers, files, **more))
