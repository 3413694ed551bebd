/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The configuration of the programs that give staging to the isolated side: Samba, NFS-Ganesha, OpenSSH and nftables do the work and
 * are described here, never re-implemented (docs/share.md). Made of lazaret.yaml's `share:` alone (station/share.h has its checks).
 *
 * Every server is shown one directory, ROOT/export, in which staging is bound read-only by its unit, and accounts of ROOT/accounts
 * in place of the machine's. Nothing written below ROOT is secret; host key and passwords stay in the station's directory.
 */
#ifndef LAZARET_SHARE_FILES_H
#define LAZARET_SHARE_FILES_H

#include <stdio.h>
#include <sys/types.h>

#include "common/macros.h"
#include "station/config.h"

#define SHARE_ROOT "/run/lazaret/share"
#define SHARE_ACCOUNT "_lazaret-share" /* what importers are on the station: it owns nothing and writes nowhere */
#define SHARE_PUSH_FILE "push.conf"

enum share_file {
	SHARE_FILE_SMB,
	SHARE_FILE_NFS,
	SHARE_FILE_SFTP,
	SHARE_FILE_KEYS, /* of SFTP's importers: lines of share.sftp.keys, restricted */
	SHARE_FILE_FIREWALL,
	SHARE_FILE_NETWORK, /* of systemd-networkd: the interface's address; read where the machine is an appliance */
	SHARE_FILE_PASSWD,
	SHARE_FILE_GROUP,
	SHARE_FILE_SHADOW,
	SHARE_FILE_PUSH,
	SHARE_FILE_COUNT_
};

struct share_maker {
	const struct station_config *config; /* borrowed */
	const char *root;		     /* borrowed; accepted by share_path_ok() */
	uid_t uid;			     /* of SHARE_ACCOUNT */
	gid_t gid;
};

/* Below ROOT: "smb.conf", ...; static. */
const char *share_file_name(enum share_file file);
/* Is it part of what is configured? */
bool share_file_wanted(const struct share_maker *m, enum share_file file);

/* The text of a file that is wanted, owned by the caller. Returns 0; -EINVAL with `*ret_why` (owned by the caller) when something that
 * it would have to hold is not fit for it; -ENOMEM; or what reading the importers' keys gave. */
_must_check_ int share_file_make(const struct share_maker *m, enum share_file file, char **ret_text, char **ret_why);

/* An importer's public key, one line of authorized_keys(5) without options: a known type, base64, a comment that is left out.
 * `ret` (owned by the caller) is the line to be written: "restrict TYPE BASE64". NULL for a blank line or a comment. 0 or -EINVAL. */
_must_check_ int share_key_line(const char *line, char **ret);

/* The writers, for share_file_make(). Errors stay in the stream. */
void share_put_smb(const struct share_maker *m, FILE *out);
void share_put_nfs(const struct share_maker *m, FILE *out);
void share_put_sftp(const struct share_maker *m, FILE *out);
void share_put_firewall(const struct share_maker *m, FILE *out);
void share_put_network(const struct share_maker *m, FILE *out);

/* Write all that is wanted below ROOT, each by one rename, and remove what is not; make what the servers keep in the station's
 * directory. ROOT's parent must be there. 0, or a negative errno with `*ret_why` (owned by the caller, may be NULL). */
_must_check_ int share_write(const struct share_maker *m, char **ret_why);

#endif
