/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* lazaret.yaml (`lazaret.station/1`, lazaret.yaml(5)): everything a station can be told, with its defaults. */
#ifndef LAZARET_STATION_CONFIG_H
#define LAZARET_STATION_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/macros.h"
#include "common/yaml.h"
#include "station/share.h"

#define STATION_FILE "lazaret.yaml"
#define STATION_NAME_MAX 64 /* bytes */
#define STATION_WORKERS_MAX 64 /* the supervisor polls so many */

struct station_database_file {
	char *file;	 /* one path component in database.dir */
	char *sha256;	 /* 64 lower-case hex digits; "" when the file is not pinned (*.cvd: signed in itself) */
};

struct station_database {
	char *dir;
	struct station_database_file *files; /* exactly these are loaded, in this order */
	size_t count;
	uint64_t warn_age_s, stop_age_s; /* age of the database at which reports warn, and nothing is approved */
	bool require_eicar;		 /* workers must recognise the EICAR file before they get a job */
	uint64_t at_once; /* databases in memory at a time: 1: a new one is loaded when the old one has gone */
};

/* What an update pack can bring (docs/updates.md), but keys, which go to the trust store. */
enum station_set_kind {
	SET_DATABASE,
	SET_RULES,
	SET_TYPES,
	SET_YARA,
	SET_HASH_LIST,
	SET_SOFTWARE, /* laid down; nothing of it is run from there */
	SET_APPLIANCE, /* as above; the appliance writes it into the slot that does not run (docs/appliance.md) */
	SET_KIND_COUNT_
};

/* A set in force: what it holds takes the place of what lazaret.yaml says (sets/current, station/sets.h). */
struct station_set {
	enum station_set_kind kind;
	char *set;  /* directory in sets/: NAME-VERSION */
	char *name; /* of the pack */
	char *pack; /* SHA-256 of the pack, 64 lower-case hex digits */
	uint64_t version;
	int64_t made, applied_at; /* s since 1970 */
};

/* Rules of the site for libyara. */
struct station_yara {
	char *dir; /* NULL: none */
	struct station_database_file *files; /* exactly these, in this order; each is pinned */
	size_t count; /* 0: no rules, no check */
};

/* A program of the site that is asked for its opinion of files. */
#define STATION_PLUGINS_MAX 8
struct station_plugin {
	char *name;
	char *program; /* absolute path */
	char *sha256;  /* of the program; 64 lower-case hex digits */
	uint64_t time_s; /* one file */
	struct yaml_strings types; /* patterns of MIME types that it is asked about; none: all */
	bool is_required; /* a file of which it cannot tell is held */
};

/* What was found in files before, so that the same bytes need not be examined again (supervisor/remembering.h). */
struct station_remember {
	uint64_t bytes;	 /* on disk; 0: nothing is remembered */
	uint64_t time_s; /* then a file is examined again */
	uint64_t again;	 /* one in so many that are known is examined all the same; 1: all are */
};

struct station_limits {
	uint64_t files;		    /* entries of one medium */
	uint64_t bytes;		    /* bytes read from one medium */
	uint64_t largest_file;	    /* bytes */
	uint64_t depth;		    /* directory levels */
	uint64_t scan_time_s;	    /* one file */
	uint64_t inspection_time_s; /* one medium, reading and examining */
	uint64_t stall_time_s;	    /* a medium that gives nothing for so long is given up */
	uint64_t answer_time_s;	    /* ledger or publisher that does not answer for so long is given up: the disk hangs */
	uint64_t workers;	    /* 0: one a core */
	uint64_t worker_tmpfs;	    /* bytes of private tmpfs a worker */
	uint64_t jobs_per_worker;   /* files before a worker is replaced */
};

/* What one file of the medium may cost with all that is in it. */
struct station_unpack {
	uint64_t depth;	  /* containers in containers */
	uint64_t members; /* of all of them */
	uint64_t bytes;	  /* of all members */
	uint64_t ratio;	  /* bytes of all members for each byte of the file (a quarter of a GiB is free) */
	uint64_t time_s;
	uint64_t at_once; /* files that are opened at a time; 0: one a core */
};

enum station_fs {
	STATION_FS_VFAT,
	STATION_FS_EXFAT,
	STATION_FS_NTFS,
	STATION_FS_EXT, /* ext2, ext3, ext4 */
	STATION_FS_ISO9660,
	STATION_FS_UDF,
	STATION_FS_SQUASHFS,
	STATION_FS_XFS,
	STATION_FS_BTRFS,
	STATION_FS_COUNT_
};

enum station_operators {
	STATION_OPERATORS_NONE,	 /* --operator may be given, and is recorded */
	STATION_OPERATORS_NAMED, /* an inspection without --operator is refused */
	STATION_OPERATORS_AUTHENTICATED, /* a person with the role operator has logged in for it */
};

/* What becomes of a signed index that says something bad about its own age. */
enum station_stale {
	STATION_STALE_HOLD,   /* a finding: it vouches for nothing */
	STATION_STALE_IGNORE,
};

struct station_origin {
	enum station_stale rollback;	/* older than one that this station has let in */
	enum station_stale valid_until; /* past the end that its vendor gave it */
};

enum station_device_source {
	STATION_DEVICES_UDEV,	/* events that udevd has processed */
	STATION_DEVICES_KERNEL, /* the kernel's own: for systems without udevd; loop devices, in tests */
	STATION_DEVICES_NONE,	/* no medium is waited for: `lazaret inspect` alone */
};

/* Where a USB device must be plugged in: "1-2.3" as in /sys/bus/usb/devices. */
struct station_input {
	char *port, *id; /* id: "VID:PID", four lower-case hex digits each */
};

#define STATION_DEVICE_LIST_MAX 256

struct station_devices {
	enum station_device_source source;
	bool is_guarded;		/* USB devices are authorised by us alone */
	struct yaml_strings media_ports; /* "1-2", or the one word "any"; none: no USB medium is accepted */
	struct station_input *inputs;	/* the station's own keyboard and the like */
	size_t input_count;
	struct yaml_strings hubs;	/* the station's own hubs, by port */
	struct yaml_strings allow, deny; /* "VID:PID" or "VID:PID:SERIAL"; no `allow`: all that `deny` does not name */
	bool has_optical;
	char *loop_dir; /* loop devices whose file is beneath it count as media, for trying and testing; NULL: none does */
	uint64_t at_once;      /* media inspected at a time; the others wait */
	uint64_t unlock_tries; /* passphrases for one volume; 0: encrypted volumes are refused */
	uint64_t unlock_time_s; /* for the operator to type one */
};

/* How the station finds out who is there (kiosk/people). */
struct station_people {
	char *service;		  /* of PAM */
	uint64_t tries;		  /* failed ones before a name is locked */
	uint64_t lock_time_s;
	uint64_t session_time_s;  /* without a request; then the person is logged out */
	uint64_t answer_time_s;	  /* for all that PAM asks in one attempt */
	uint64_t password_length; /* bytes at least of the station's own passwords */
	unsigned int second_roles; /* mask of 1u << enum person_role: who may be the second of two persons must have one of them; all: anybody */
};

/* Copies of held files, until officers have decided. What does not fit is not kept. */
struct station_held {
	char *dir;
	uint64_t bytes, files; /* of all together; 0: none is kept */
	uint64_t time_s;       /* then a copy is removed */
};

struct station_review {
	uint64_t release_time_s;  /* a release or an allowance holds for so long at most */
	uint64_t proposal_time_s; /* for the second person to come */
};

struct station_control {
	char *socket; /* absolute path */
	char *group;  /* its members may connect, besides root and the daemon's own account */
};

enum station_print {
	STATION_PRINT_LABEL, /* a slip in ESC/POS, with the QR code */
	STATION_PRINT_TEXT,  /* receipt.txt, in ASCII, for any printer of lines */
};

/* These are RECEIPT_LABEL_COLUMNS_* (receipt/receipt.h). */
#define STATION_LABEL_COLUMNS_MIN 24
#define STATION_LABEL_COLUMNS_MAX 80

struct station_receipts {
	char *printer; /* a device; NULL: nothing is printed */
	enum station_print form;
	uint64_t columns; /* of the label's paper */
	uint64_t time_s;  /* a printer that has not taken it by then is given up */
};

enum station_on_bad {
	STATION_ON_BAD_STOP, /* no medium is accepted */
	STATION_ON_BAD_WARN,
};

/* What the station makes of what it finds in itself (control/selfcheck.h). */
struct station_selfcheck {
	enum station_on_bad on_bad; /* an invariant that does not hold */
	uint64_t interval_s;	    /* between one look and the next */
};

/* The centre's database. */
#define STATION_FLEET_DIR "fleet" /* in the station's directory: what lazaret-fleet keeps */
struct station_fleet {
	char *database;	     /* libpq's words, without a password; NULL: none, and nothing connects */
	char *password_file; /* NULL: none */
	char *ca;	     /* certificates in PEM; NULL: none */
	uint64_t interval_s; /* between one look for new records and the next */
	bool reads_back;     /* the shared list of denied contents */
};

/* All strings owned; all paths absolute. */
struct station_config {
	char *dir;
	char *name;
	char *id;	 /* 16 lower-case hex digits */
	bool awaits_set_up; /* not yet a station: nothing is published, any keyboard types, media are looked through for answers alone */
	char *rules_file;
	char *types_dir;
	char *trust_dir; /* trusted public keys */
	char *manifest_key, *audit_key; /* secret keys */
	struct station_database database;
	struct station_yara yara;
	struct station_plugin plugins[STATION_PLUGINS_MAX];
	size_t plugin_count;
	char *hash_list; /* SHA-256 of forbidden files; NULL: none */
	char *spool_dir;
	uint64_t spool_bytes;
	char *staging_dir;
	uint64_t staging_min_free; /* bytes that stay free in staging */
	char *audit_dir, *reports_dir, *history_dir;
	char *witness_file;	  /* of the audit trail, outside of audit_dir; NULL: none is kept */
	uint64_t segment_bytes;	  /* of the trail's file, at which a new one is begun */
	uint64_t trail_warn_free; /* bytes: with less room for the trail the station warns */
	struct station_limits limits;
	struct station_unpack unpack;
	struct station_remember remember;
	const char *drivers[STATION_FS_COUNT_]; /* static: "kernel,user", "user,kernel", "kernel", "user", "" (denied) */
	uint32_t checks; /* enum check bits that every file needs; READ and NAME always among them */
	enum station_operators operators;
	struct station_origin origin;
	struct station_devices devices;
	bool has_kept_devices, has_kept_name; /* what maintenance.yaml has taken the place of (station/maintenance.h) */
	struct station_control control;
	struct station_held held;
	struct station_review review;
	struct yaml_strings groups; /* of stations, for packs that are made for several */
	char *known_good; /* directory of files in which an update may find nothing; NULL: the shipped ones alone */
	struct station_set sets[SET_KIND_COUNT_];
	size_t set_count;
	struct station_people people;
	char *metrics_file; /* for Prometheus' textfile collector; NULL: none */
	struct station_receipts receipts;
	struct station_selfcheck selfcheck;
	struct station_fleet fleet;
	struct station_share share;
};

/* Load DIR/lazaret.yaml. Blocks on disk. Returns 0; -EINVAL with every error of the file in `errors`; or another
 * negative errno, with an error added that says what is missing and what to do about it. */
_must_check_ int station_config_load(const char *dir, struct yaml_errors *errors, struct station_config **ret);
struct station_config *station_config_free(struct station_config *c);
void station_config_freep(struct station_config **c);

/* "none", "named", "authenticated"; static. */
const char *station_operators_name(enum station_operators operators);

/* "vfat", "exfat", "ntfs", "ext", "iso9660", "udf", "squashfs", "xfs", "btrfs"; NULL when out of range. */
const char *station_fs_name(enum station_fs fs);

/* Drivers allowed for a file system as libblkid names it ("ext2" and "ext4" are "ext"), in order and comma
 * separated; "" when it is denied or not known. Static. */
const char *station_fs_drivers(const struct station_config *c, const char *fs);

/* May this file be given to libclamav? Exact list: *.cvd and plain signatures; never .cld .cud (unsigned),
 * .ign .ign2 .fp .sfp .cfg .ftm (they switch detection off), which get a reason in `*ret_why` (static). The examiners
 * check the same again (examine/database.h). */
bool station_database_file_ok(const char *name, const char **ret_why);

/* Where the shipped profiles and type tables are: beside the program (PREFIX/share/lazaret/rules), or in the
 * source tree when run from its build directory. Owned by the caller. Returns 0, -ENOENT or -ENOMEM. */
_must_check_ int station_data_dir(char **ret);

#endif
