/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Every number that bounds intake, with the reason for it. A medium never chooses any of them. */
#ifndef LAZARET_INTAKE_LIMITS_H
#define LAZARET_INTAKE_LIMITS_H

/* Volumes and gaps told to the supervisor. GPT has 128 entries; 64 is beyond any honest medium and keeps the
 * answer of the probe within one message (64 * ~900 bytes < MESSAGE_MAX). */
#define VOLUMES_MAX 64

/* Partition table entries looked at, before they are cut to VOLUMES_MAX: a GPT of the usual size. */
#define PARTITIONS_MAX 128

/* Bytes without NUL. The longest label in use is NTFS's and UDF's (128 UTF-16 units); UUIDs are 36. */
#define VOLUME_FS_MAX 31
#define VOLUME_LABEL_MAX 255
#define VOLUME_UUID_MAX 63
#define VOLUME_DRIVER_MAX 31
#define VOLUME_DETAIL_MAX 400

/* Unclaimed space up to this many bytes is alignment: partitioning tools of the last fifteen years start the first
 * partition at 1 MiB, align the others to 1 MiB, put an extended boot record a further 1 MiB before each logical one,
 * and leave a GPT's 33 sectors at the end. More than that is told. */
#define GAP_SLACK_BYTES (2ull << 20)

/* How much of a gap, or of a volume without file system, is looked at for bytes other than zero: all of it up to
 * this size, else as many evenly spread blocks. 16 MiB take about a second on a slow USB 2 stick. */
#define LOOK_BYTES (16ull << 20)
#define LOOK_BLOCK_BYTES (64u << 10)

/* Reading a table and the super blocks takes milliseconds; a dying medium answers each bad sector after up to 30 s
 * of the kernel's own retries. Two such sectors are waited for. */
#define PROBE_TIME_MS 90000

/* One attempt of the kernel's driver, for the same reason. */
#define MOUNT_TIME_MS 90000

/* From starting a user-space driver to the first listing of its root: it reads the tables of one volume through
 * the window (NTFS: the first MFT records; ext: group descriptors). */
#define DRIVER_TIME_MS 90000

/* One passphrase: key derivation is meant to be slow. LUKS takes two seconds on the machine that made it; VeraCrypt tries
 * five hash functions of half a million rounds each, fifteen seconds on a common one. A slow station takes ten times as
 * long. Below what the supervisor waits between two messages. */
#define UNLOCK_TIME_MS 200000

/* Argon2's memory: cryptsetup takes 1 GiB at most by default. Below RLIMIT_DATA of ROLE_UNLOCK. */
#define UNLOCK_MEMORY_MAX_KB (1792u << 10)

/* Passphrases that anybody may ask to be tried, whatever the configuration says. */
#define UNLOCK_TRIES_MAX 100

/* A volume without any signature may be a VeraCrypt container when it is at least so large (VeraCrypt makes no smaller ones)
 * and where it was sampled each byte value is about as frequent as any other. */
#define NOISE_BYTES_MIN (292ull << 10)

/* What a driver may print before it is cut; it becomes the detail of a failure. */
#define DRIVER_WORDS_MAX 4096

/* Free loop devices are handed out without a reservation (LOOP_CTL_GET_FREE); another program may be faster. */
#define LOOP_TRIES 16

/* Bytes of one name without NUL. The longest are FAT's and UDF's: 255 UTF-16 units, up to three bytes each. */
#define NAME_BYTES_MAX 780

/* Names of one directory, and their bytes: more than FAT can have (65536 entries of 32 bytes), ten times what other
 * drivers are still quick with. */
#define LISTING_ENTRIES_MAX (1u << 20)
#define LISTING_NAMES_MAX (256u << 20)

/* FAT: clusters of directories that are remembered, so that loops are found, at 32 bytes each. The station's own limits on
 * a medium's files come long before. */
#define DIRECTORY_CLUSTERS_MAX (2u << 20)

/* Files and directories of a volume whose library knows them by name only. */
#define NODES_MAX (4u << 20)

/* Directories whose names are kept ready, and the memory they may take: a walk comes back to each level's directory
 * after each of its subdirectories. */
#define LISTINGS_KEPT 64
#define LISTINGS_BYTES_MAX (128u << 20)

#endif
