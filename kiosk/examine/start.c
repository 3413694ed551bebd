/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "examine/start.h"

#include <string.h>

#define PATH_LENGTH_MAX 4095

static int decode_files(struct decoder *d, struct start *s)
{
	uint32_t count = decode_u32(d);

	if (count > DATABASE_FILES_MAX)
		return -EPROTO;
	for (; s->file_count < count; s->file_count++) {
		struct database_file *f = &s->files[s->file_count];

		f->name = decode_str(d, DATABASE_NAME_MAX * 2);
		f->sha256 = decode_str(d, 2 * SHA256_HEX_LEN);
	}
	return 0;
}

int start_decode(struct message *m, struct start *ret)
{
	struct decoder *d = &m->payload;
	int r;

	memset(ret, 0, sizeof(*ret));
	ret->database_fd = TAKE_FD(m->fds[0]);
	ret->private_parent = decode_str(d, PATH_LENGTH_MAX);
	r = decode_files(d, ret);
	ret->hash_list = decode_str(d, PATH_LENGTH_MAX);
	ret->scan_time_ms = decode_u64(d);
	ret->tmpfs_bytes = decode_u64(d);
	ret->jobs_max = decode_u32(d);
	ret->has_eicar = decode_u32(d) != 0;
	ret->shipped_dir = decode_str(d, PATH_LENGTH_MAX);
	if (r == 0)
		r = decoder_end(d);
	if (r < 0)
		start_done(ret);
	return r;
}

void start_done(struct start *s)
{
	for (size_t i = 0; i < s->file_count; i++) {
		free(s->files[i].name);
		free(s->files[i].sha256);
	}
	free(s->private_parent);
	free(s->hash_list);
	free(s->shipped_dir);
	close_p(&s->database_fd);
	memset(s, 0, sizeof(*s));
	s->database_fd = -EBADF;
}

int start_load(const struct start *s, struct examiner *ret, char ret_why[static WHY_MAX])
{
	struct clam_setup setup = { .database_fd = s->database_fd, .files = s->files,
				    .file_count = s->file_count, .private_parent = s->private_parent,
				    .shipped_dir = s->shipped_dir, .scan_time_ms = s->scan_time_ms };
	int r;

	*ret = (struct examiner){ .has_eicar = s->has_eicar };
	r = magic_open_engine(&ret->magic, ret_why);
	if (r == 0 && s->hash_list[0] != '\0')
		r = denylist_load(s->hash_list, &ret->denylist, ret_why);
	if (r == 0)
		r = clam_open(&setup, &ret->clam, ret_why);
	if (r < 0)
		examiner_done(ret);
	return r;
}

/* What it looks with, besides the code of programs and libraries: nobody has pinned libmagic's database or a signed one of ClamAV. */
static int sum_of_data(const struct examiner *e, const struct clam_info *info, uint8_t ret[static SHA256_LEN])
{
	uint8_t magic[SHA256_LEN];
	struct hash *h = hash_new();
	int r = h ? magic_engine_sum(magic) : -ENOMEM;

	if (r == 0)
		r = hash_update(h, info->loaded, SHA256_LEN);
	if (r == 0)
		r = hash_update(h, magic, sizeof(magic));
	if (r == 0 && e->denylist)
		r = hash_update(h, denylist_sum(e->denylist), SHA256_LEN);
	if (r == 0)
		r = hash_final(h, ret);
	hash_free(h);
	if (r == -ENODATA)
		memset(ret, 0, SHA256_LEN);
	return r == -ENODATA ? 0 : r;
}

int start_tell_engines(struct channel *c, const struct examiner *e)
{
	_cleanup_free_ struct encoder *m = malloc(sizeof(*m));
	uint8_t sum[SHA256_LEN];
	struct clam_info info;
	int r;

	if (!m)
		return -ENOMEM;
	clam_info(e->clam, &info);
	r = sum_of_data(e, &info, sum);
	if (r < 0)
		return r;
	encoder_init(m);
	encode_u32(m, e->denylist ? 3 : 2);
	encode_str(m, "libclamav");
	encode_str(m, info.version);
	encode_str(m, info.database_version);
	encode_u64(m, info.database_time);
	encode_u64(m, info.signatures);
	encode_str(m, "libmagic");
	encode_str(m, magic_engine_version());
	encode_str(m, "");
	encode_u64(m, 0);
	encode_u64(m, 0);
	if (e->denylist) {
		encode_str(m, "denylist");
		encode_str(m, LAZARET_VERSION);
		encode_str(m, "");
		encode_u64(m, 0);
		encode_u64(m, denylist_count(e->denylist));
	}
	encode_bytes(m, sum, sizeof(sum));
	return channel_send(c, MESSAGE_EXAMINE_ENGINES, m, NULL, 0);
}
