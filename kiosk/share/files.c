/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "share/files.h"

#include <fcntl.h>
#include <pwd.h>
#include <string.h>

#include "common/fd.h"

#define KEYS_SIZE_MAX (1u << 20) /* bytes; thousands of keys */

static const char *const names[] = {
	[SHARE_FILE_SMB] = "smb.conf",
	[SHARE_FILE_NFS] = "ganesha.conf",
	[SHARE_FILE_SFTP] = "sshd_config",
	[SHARE_FILE_KEYS] = "authorized_keys",
	[SHARE_FILE_FIREWALL] = "firewall.nft",
	[SHARE_FILE_NETWORK] = "interface.network",
	[SHARE_FILE_PASSWD] = "accounts/passwd",
	[SHARE_FILE_GROUP] = "accounts/group",
	[SHARE_FILE_SHADOW] = "accounts/shadow",
	[SHARE_FILE_PUSH] = SHARE_PUSH_FILE,
};

const char *share_file_name(enum share_file file)
{
	return names[file];
}

bool share_file_wanted(const struct share_maker *m, enum share_file file)
{
	const struct station_share *s = &m->config->share;

	switch (file) {
	case SHARE_FILE_SMB:
		return s->is_on[SHARE_SMB];
	case SHARE_FILE_NFS:
		return s->is_on[SHARE_NFS];
	case SHARE_FILE_SFTP:
	case SHARE_FILE_KEYS:
		return s->is_on[SHARE_SFTP];
	case SHARE_FILE_FIREWALL:
		return s->has_firewall;
	case SHARE_FILE_NETWORK:
	case SHARE_FILE_PASSWD:
	case SHARE_FILE_GROUP:
	case SHARE_FILE_SHADOW:
		return share_is_any_on(s);
	case SHARE_FILE_PUSH:
		return s->push_dir;
	default:
		return false;
	}
}

/* -- accounts -------------------------------------------------------------------------------------------- */
/* In place of the machine's: a server that was broken into finds no other account and no password. The importers' name is one here only, and
 * its password can be none ("*"), which sshd takes for an account that is not locked. */
struct entry {
	const char *name;
	uid_t uid;
	gid_t gid;
};

/* root; whom Samba takes for a guest; what sshd becomes before it knows who is there; importers. Returns how many. */
static size_t accounts(const struct share_maker *m, struct entry ret[static 4])
{
	const struct passwd *sshd;
	size_t count = 0;

	ret[count++] = (struct entry){ "root", 0, 0 };
	ret[count++] = (struct entry){ "nobody", 65534, 65534 };
	ret[count++] = (struct entry){ m->config->share.user, m->uid, m->gid };
	sshd = getpwnam("sshd");
	if (sshd && strcmp(m->config->share.user, "sshd") != 0)
		ret[count++] = (struct entry){ "sshd", sshd->pw_uid, sshd->pw_gid };
	return count;
}

static void put_accounts(const struct share_maker *m, enum share_file file, FILE *out)
{
	struct entry list[4];
	size_t count = accounts(m, list);

	for (size_t i = 0; i < count; i++) {
		const struct entry *e = &list[i];

		if (file == SHARE_FILE_PASSWD)
			fprintf(out, "%s:x:%u:%u::/:/usr/sbin/nologin\n", e->name, e->uid, e->gid);
		else if (file == SHARE_FILE_SHADOW)
			fprintf(out, "%s:*:1::::::\n", e->name);
		else if (e->gid != 65534)
			fprintf(out, "%s:x:%u:\n", e->name, e->gid);
	}
	if (file == SHARE_FILE_GROUP)
		fputs("nogroup:x:65534:\n", out);
}

/* -- keys of importers ----------------------------------------------------------------------------------- */
static int refuse(char **ret_why, const char *file, unsigned int line, const char *what)
{
	if (asprintf(ret_why, "%s%s%.0u: %s", file, line ? ":" : "", line, what) < 0)
		*ret_why = NULL;
	return -EINVAL;
}

static int put_keys(const struct share_maker *m, FILE *out, char **ret_why)
{
	const char *file = m->config->share.sftp_keys;
	_cleanup_free_ char *text = NULL;
	unsigned int number = 0, keys = 0;
	size_t size;
	char *rest;
	int r = file_read(AT_FDCWD, file, KEYS_SIZE_MAX, &text, &size);

	if (r < 0) {
		(void)refuse(ret_why, file, 0, r == -ENOENT ? "there is none: put the importers' public keys there, one a line" : strerror(-r));
		return r;
	}
	if (strlen(text) != size)
		return refuse(ret_why, file, 0, "holds a NUL byte");
	rest = text;
	for (char *line; (line = strsep(&rest, "\n"));) {
		_cleanup_free_ char *key = NULL;

		number++;
		r = share_key_line(line, &key);
		if (r == -EINVAL)
			return refuse(ret_why, file, number, "is no public key without options (ssh-ed25519 AAAA... comment)");
		if (r < 0)
			return r;
		if (key) {
			fprintf(out, "%s\n", key);
			keys++;
		}
	}
	return keys > 0 ? 0 : refuse(ret_why, file, 0, "has no key: nobody could log in");
}

/* -- one file -------------------------------------------------------------------------------------------- */
static int put(const struct share_maker *m, enum share_file file, FILE *out, char **ret_why)
{
	if (file == SHARE_FILE_KEYS)
		return put_keys(m, out, ret_why);
	if (file == SHARE_FILE_SMB)
		share_put_smb(m, out);
	else if (file == SHARE_FILE_NFS)
		share_put_nfs(m, out);
	else if (file == SHARE_FILE_SFTP)
		share_put_sftp(m, out);
	else if (file == SHARE_FILE_FIREWALL)
		share_put_firewall(m, out);
	else if (file == SHARE_FILE_NETWORK)
		share_put_network(m, out);
	else if (file == SHARE_FILE_PUSH)
		fprintf(out, "%s\n", m->config->share.push_dir);
	else
		put_accounts(m, file, out);
	return 0;
}

int share_file_make(const struct share_maker *m, enum share_file file, char **ret_text, char **ret_why)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	FILE *out;
	int r;

	*ret_why = NULL;
	if (!share_path_ok(m->config->dir))
		return refuse(ret_why, m->config->dir, 0, "a station with a share must lie at a path of A-Z a-z 0-9 . _ - / alone");
	out = open_memstream(&text, &size);
	if (!out)
		return -ENOMEM;
	r = put(m, file, out, ret_why);
	if (ferror(out) && r == 0)
		r = -ENOMEM;
	if (fclose(out) != 0 && r == 0)
		r = -ENOMEM;
	if (r == 0)
		*ret_text = TAKE_PTR(text);
	return r;
}
