/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The lazaret.yaml that `lazaret init` writes: complete, with comments, every default shown. */
#ifndef LAZARET_STATION_TEMPLATE_H
#define LAZARET_STATION_TEMPLATE_H

/* printf arguments: name (YAML, quoted), id, further lines, database directory (YAML, quoted), list of database files, lines of `devices`. */
#define STATION_TEMPLATE                                                                                              \
	"# Configuration of this station; see lazaret.yaml(5). Relative paths are beneath this file's directory.\n"   \
	"# Unknown keys are errors. Lines that begin with '#' show what holds when nothing is said.\n"                \
	"format: lazaret.station/1\n"                                                                                 \
	"\n"                                                                                                          \
	"station:\n"                                                                                                  \
	"  name: %s\n"                                                                                                \
	"  id: '%s'   # made at random by `lazaret init`; reports carry it\n"                                         \
	"%s"                                                                                                          \
	"\n"                                                                                                          \
	"# What may pass: lazaret-rules(5). `lazaret rules check` after each change.\n"                               \
	"# rules:\n"                                                                                                  \
	"#   file: rules.yaml\n"                                                                                      \
	"#   types: types\n"                                                                                          \
	"\n"                                                                                                          \
	"# Exactly these databases are loaded. A .cvd is signed; all others are pinned by their SHA-256, so that a\n" \
	"# changed or added file stops the station instead of changing what it finds.\n"                              \
	"database:\n"                                                                                                 \
	"  directory: %s\n"                                                                                           \
	"  files:\n"                                                                                                  \
	"%s"                                                                                                          \
	"#  warn-age: 3d         # reports warn from this age on\n"                                                   \
	"#  stop-age: 7d         # nothing is approved from this age on\n"                                            \
	"#  require-eicar: true  # each worker must recognise the EICAR test file first\n"                            \
	"#  at-once: 2           # databases in memory; 1: a new one is loaded when the old one has gone\n"             \
	"\n"                                                                                                          \
	"# A file of SHA-256 sums, one a line, of contents that never pass.\n"                                        \
	"# hash-list: denied.sha256\n"                                                                                \
	"\n"                                                                                                           \
	"# Update packs: `lazaret update`. What they bring takes the place of what stands here.\n"                      \
	"# update:\n"                                                                                                  \
	"#   known-good: known-good  # files in which an update may find nothing\n"                                     \
	"\n"                                                                                                           \
	"# A site's own YARA rules (yara:) and programs that are asked for their opinion of files (plugins:) are described\n"\
	"# in lazaret.yaml(5); there are none by default.\n"                                                           \
	"\n"                                                                                                           \
	"# keys:\n"                                                                                                   \
	"#   trust: trust                  # public keys of vendors: `lazaret key trust`\n"                           \
	"#   manifest: keys/manifest.key   # signs what is published\n"                                               \
	"#   audit: keys/audit.key         # signs the audit trail\n"                                                 \
	"\n"                                                                                                          \
	"# Where a medium is copied to while it is examined.\n"                                                       \
	"# spool:\n"                                                                                                  \
	"#   directory: spool\n"                                                                                      \
	"#   bytes: 64GiB\n"                                                                                          \
	"\n"                                                                                                          \
	"# Where importers find what passed.\n"                                                                       \
	"# staging:\n"                                                                                                \
	"#   directory: staging\n"                                                                                    \
	"#   min-free: 256MiB\n"                                                                                      \
	"\n"                                                                                                          \
	"# records:\n"                                                                                                \
	"#   audit: audit\n"                                                                                          \
	"#   reports: reports\n"                                                                                      \
	"#   history: history\n"                                                                                      \
	"#   witness: history/audit.witness   # tells when the trail was cut; better on another disk, or 'none'\n"   \
	"#   segment: 16MiB       # of the audit trail's file, at which a new one is begun\n"                         \
	"#   warn-free: 512MiB    # less room than this for the records is said on the screen\n"                      \
	"\n"                                                                                                          \
	"# limits:\n"                                                                                                 \
	"#   files: 1000000          # of one medium\n"                                                               \
	"#   bytes: 1TiB             # of one medium\n"                                                               \
	"#   largest-file: 64GiB     # past 2147483645 bytes the scanner cannot look: such a file is held or vouched for\n" \
	"#   depth: 64               # directories\n"                                                                 \
	"#   scan-time: 120s         # of one file\n"                                                                 \
	"#   inspection-time: 12h    # of one medium\n"                                                               \
	"#   stall-time: 5m          # a medium that gives nothing for so long is given up\n"                             \
	"#   answer-time: 10m        # our own disks: no answer for so long, and the inspection ends\n"                   \
	"#   workers: 0              # 0: one a processor core\n"                                                     \
	"#   worker-tmpfs: 4GiB      # what one worker may unpack into memory\n"                                      \
	"#   jobs-per-worker: 500    # files before a worker is replaced\n"                                           \
	"\n"                                                                                                          \
	"# What one file may cost with all that is in it: archives, packages, images, documents.\n"                     \
	"# unpack:\n"                                                                                                 \
	"#   depth: 16               # containers in containers\n"                                                   \
	"#   members: 500000\n"                                                                                       \
	"#   bytes: 64GiB            # of all members\n"                                                             \
	"#   ratio: 200              # of all members for each byte of the file; 256MiB are free\n"                  \
	"#   time: 1h\n"                                                                                              \
	"#   at-once: 0              # files that are opened at a time; 0: one a processor core\n"                    \
	"\n"                                                                                                          \
	"# Files that were examined before are not examined again, while databases, rules and programs are the same.\n"	\
	"# remember:\n"                                                                                               \
	"#   bytes: 512MiB           # on disk; 0: each file is examined each time\n"                                \
	"#   time: 30d               # then it is examined again\n"                                                  \
	"#   again: 64               # one in so many is examined all the same\n"                                    \
	"\n"                                                                                                          \
	"# deny, kernel, user (a driver in a sandboxed process), [kernel, user] or [user, kernel]; in this order.\n"  \
	"# filesystems:\n"                                                                                            \
	"#   vfat: [kernel, user]\n"                                                                                  \
	"#   exfat: [kernel, user]\n"                                                                                 \
	"#   ntfs: [kernel, user]\n"                                                                                  \
	"#   ext: [kernel, user]\n"                                                                                   \
	"#   iso9660: [user, kernel]\n"                                                                               \
	"#   udf: [kernel, user]\n"                                                                                   \
	"#   squashfs: [kernel, user]\n"                                                                              \
	"#   xfs: deny\n"                                                                                             \
	"#   btrfs: deny\n"                                                                                           \
	"\n"                                                                                                          \
	"# Checks that every file must pass to its end, beside reading and naming, which always count.\n"             \
	"# checks:\n"                                                                                                 \
	"#   virus: true\n"                                                                                           \
	"#   type: true\n"                                                                                            \
	"#   lists: true             # checksum lists on the medium\n"                                                \
	"#   origin: true            # signatures on the medium\n"                                                    \
	"\n"                                                                                                          \
	"# Signed indexes of repositories: hold one that is older than one that was let in before, or past the end\n"  \
	"# that its vendor gave it (a mirror on a medium often is).\n"                                                \
	"# origin:\n"                                                                                                \
	"#   rollback: hold          # hold, ignore\n"                                                               \
	"#   valid-until: ignore     # hold, ignore\n"                                                               \
	"\n"                                                                                                          \
	"# named: an inspection without --operator is refused. authenticated: who brings a medium has logged in, and\n" \
	"# has the role operator: `lazaret person add`.\n"                                                              \
	"# operators: none\n"                                                                                          \
	"\n"                                                                                                          \
	"# What lazaretd waits for. USB ports as `lazaret devices` names them.\n"                                     \
	"devices:\n"                                                                                                  \
	"%s"                                                                                                          \
	"#  source: udev           # udev, kernel (where no udevd runs), none\n"                                      \
	"#  usb-guard: true        # nothing on USB works unless it is named here or is one plain mass-storage device\n" \
	"#  # the station's own keyboard and hubs, bound to their ports, and lists of sticks, such as\n"             \
	"#  # inputs: [{port: 1-1, id: '046d:c31c'}]   hubs: ['1-4']\n"                                              \
	"#  # allow: ['0951:1666', '0781:5581:SERIAL']   deny: ['090c:1000']   VID:PID or VID:PID:SERIAL;\n"          \
	"#  # without `allow` every stick that `deny` does not name\n"                                               \
	"#  optical: true\n"                                                                                          \
	"#  # loop: images         # loop devices whose file is beneath this directory count as media, for trying\n"  \
	"#  at-once: 2             # media inspected at a time; the others wait\n"                                    \
	"#  unlock-tries: 3        # passphrases for an encrypted volume; 0: refused without asking\n"                \
	"#  unlock-time: 5m        # for the operator to type one\n"                                                  \
	"\n"                                                                                                          \
	"# Who works here: `lazaret person`. Secrets are checked by PAM, service file pam.d/lazaret.\n"                  \
	"# people:\n"                                                                                                \
	"#   tries: 5                # failed ones before a name is locked\n"                                        \
	"#   lock-time: 15m\n"                                                                                        \
	"#   session-time: 10m       # without doing anything; then one is logged out\n"                             \
	"#   password-length: 12     # of the station's own passwords, at least\n"                                   \
	"\n"                                                                                                          \
	"# Copies of held files, until officers have decided (`lazaret review`). What does not fit is not kept.\n"         \
	"# held:\n"                                                                                                  \
	"#   directory: held\n"                                                                                       \
	"#   bytes: 16GiB\n"                                                                                          \
	"#   files: 10000\n"                                                                                          \
	"#   time: 30d\n"                                                                                             \
	"# review:\n"                                                                                                \
	"#   release-time: 7d        # a release or an allowance holds for so long at most\n"                         \
	"#   proposal-time: 1d       # for the second person to come\n"                                               \
	"\n"                                                                                                          \
	"# Where the console and `lazaret` reach lazaretd, and who may besides root.\n"                               \
	"# control:\n"                                                                                                \
	"#   socket: control.sock\n"                                                                                  \
	"#   group: lazaret\n"                                                                                          \
	"\n"                                                                                                          \
	"# A share of staging for the isolated side (share: SMB, NFSv4, SFTP, firewall, push) is described in lazaret.yaml(5).\n" \
	"\n"                                                                                                          \
	"# The station looks at itself: at the start, and then in this interval (lazaret selfcheck).\n"                \
	"# selfcheck:\n"                                                                                              \
	"#   on-bad: stop         # an invariant that does not hold: stop: no medium is accepted; warn: it is told\n" \
	"#   interval: 1d\n"                                                                                          \
	"\n"                                                                                                          \
	"# Metrics for Prometheus' textfile collector; without this section none are written.\n"                      \
	"# metrics:\n"                                                                                                \
	"#   file: /var/lib/prometheus/node-exporter/lazaret.prom\n"

/* Where nothing else is said. */
#define STATION_TEMPLATE_DEVICES "  media-ports: any        # any, or [1-2, 1-3]; without this line no USB medium is accepted\n"

#define STATION_TEMPLATE_AWAITS                                                                                        \
	"\n"                                                                                                          \
	"# Not yet a station: nothing is published, any keyboard types, media are looked through for answers alone.\n" \
	"awaits-set-up: true\n"                                                                                      \
	"selfcheck: {on-bad: warn}   # what is wrong, such as the clock, is put right by the set-up\n"

#endif
