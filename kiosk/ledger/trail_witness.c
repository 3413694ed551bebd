/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The trail's own witness: one small file outside of the audit directory, best on another disk. Cutting off the end of a trail,
 * or putting back an older copy of it, leaves a good trail; the witness knows of a later record.
 */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fcntl.h>

#include "common/fd.h"
#include "ledger/trail_parts.h"

static bool has_witness(const struct trail *t)
{
	return t->options.witness_name != NULL;
}

int trail_witness_any(const struct trail *t)
{
	struct stat st;

	if (!has_witness(t))
		return 0;
	if (fstatat(t->options.witness_dir_fd, t->options.witness_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	return 1;
}

/* Told at the start, before there is a transfer that could not become visible for it. */
static int check_place(const struct trail *t, const char **ret_why)
{
	if (faccessat(t->options.witness_dir_fd, ".", R_OK | W_OK | X_OK, AT_EACCESS) == 0)
		return 0;
	*ret_why = "the directory of the trail's witness (records.witness) cannot be written by the ledger: `chown _lazaret-ledger` it, or name another";
	return -errno;
}

static bool has_seq(const void *context, const struct chain_record *r)
{
	return r->seq <= *(const uint64_t *)context;
}

int trail_witness_check(const struct trail *t, int fd, const struct chain_tail *tail, const char **ret_why)
{
	_cleanup_free_ char *text = NULL;
	struct chain_record record;
	struct chain_witness w;
	size_t size;
	int r;

	if (!has_witness(t))
		return 0;
	r = check_place(t, ret_why);
	if (r < 0)
		return r;
	r = file_read(t->options.witness_dir_fd, t->options.witness_name, CHAIN_WITNESS_MAX, &text, &size);
	if (r == -ENOENT)
		return 0; /* none was written yet */
	if (r < 0) {
		*ret_why = "the trail's witness (records.witness) cannot be read";
		return r;
	}
	if (chain_witness_parse(text, size, minisign_secret_public(t->key), &w, NULL) < 0) {
		*ret_why = "the trail's witness (records.witness) was altered, or is of another station";
		return -EBADMSG;
	}
	if (w.seq > tail->seq) {
		*ret_why = "it is shorter than its own witness says: its end was cut off, or an older copy was put back "
			   "(lazaret-audit(5), A trail that is older than its witness)";
		return -EBADMSG;
	}
	r = chain_find_back(t->dir_fd, fd, tail, has_seq, &w.seq, &record);
	if (r == 0) {
		r = record.seq == w.seq && memcmp(record.hash, w.hash, SHA256_LEN) == 0 ? 0 : -EBADMSG;
		chain_record_done(&record);
	}
	if (r == -EBADMSG || r == -ENODATA)
		*ret_why = "it is not the trail that its own witness knows";
	return r == -ENODATA ? -EBADMSG : r;
}

int trail_witness_keep(struct trail *t)
{
	_cleanup_free_ char *text = NULL;
	int r;

	if (!has_witness(t))
		return 0;
	r = trail_witness(t, &text);
	return r < 0 ? r : file_replace(t->options.witness_dir_fd, t->options.witness_name, text, strlen(text), 0640);
}
