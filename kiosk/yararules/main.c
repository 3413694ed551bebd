/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* lazaret-yara: the site's YARA rules, compiled once; workers that look at files with them. */
#include <string.h>

#include "examiner/examiner.h"
#include "yararules/limits.h"
#include "yararules/rules.h"

struct yara {
	struct yara_rules *rules;
	unsigned int timeout_s;
	char notes[YARA_TOLD_MAX];
};

struct start {
	struct yara_file files[YARA_FILES_MAX];
	size_t count;
	uint64_t scan_time_ms;
	uint32_t jobs;
	int dir_fd;
};

static void start_done(struct start *s)
{
	for (size_t i = 0; i < s->count; i++) {
		free(s->files[i].name);
		free(s->files[i].sha256);
	}
	close_p(&s->dir_fd);
}

static int start_decode(struct message *m, struct start *s)
{
	uint32_t count = decode_u32(&m->payload);

	s->dir_fd = TAKE_FD(m->fds[0]);
	if (count > YARA_FILES_MAX)
		return -EPROTO;
	for (; s->count < count; s->count++) {
		s->files[s->count].name = decode_str(&m->payload, YARA_NAME_MAX);
		s->files[s->count].sha256 = decode_str(&m->payload, SHA256_HEX_LEN);
	}
	s->scan_time_ms = decode_u64(&m->payload);
	s->jobs = decode_u32(&m->payload);
	return decoder_end(&m->payload);
}

static int sum_of_rules(const struct start *s, uint8_t ret[static SHA256_LEN])
{
	struct hash *h = hash_new();
	int r = h ? 0 : -ENOMEM;

	for (size_t k = 0; r == 0 && k < s->count; k++) {
		r = hash_update(h, s->files[k].name, strlen(s->files[k].name) + 1);
		if (r == 0) /* what does not have it was refused */
			r = hash_update(h, s->files[k].sha256, strlen(s->files[k].sha256));
	}
	if (r == 0)
		r = hash_final(h, ret);
	hash_free(h);
	return r;
}

static int tell_engine(struct channel *c, const struct start *s, const struct yara_info *info)
{
	_cleanup_free_ struct encoder *e = malloc(sizeof(*e));
	uint8_t sum[SHA256_LEN];
	int r = e ? sum_of_rules(s, sum) : -ENOMEM;

	if (r < 0)
		return r;
	encoder_init(e);
	encode_u32(e, 1);
	encode_str(e, "yara");
	encode_str(e, yara_version());
	encode_str(e, info->files);
	encode_u64(e, (uint64_t)info->newest);
	encode_u64(e, info->rules);
	encode_bytes(e, sum, sizeof(sum));
	return channel_send(c, MESSAGE_EXAMINE_ENGINES, e, NULL, 0);
}

static int load(void *context, struct channel *c, struct examiner_settings *ret, char ret_why[static EXAMINER_WHY_MAX])
{
	static struct start start = { .dir_fd = -EBADF };
	struct yara *y = context;
	struct yara_info info;
	struct message m;
	int r = channel_expect(c, MESSAGE_YARA_START, &m, NULL);

	if (r < 0)
		return r;
	r = start_decode(&m, &start);
	message_done(&m);
	if (r == 0)
		r = yara_load(start.dir_fd, start.files, start.count, &y->rules, &info, ret_why);
	if (r == 0) {
		y->timeout_s = (unsigned int)MAX((uint64_t)1, start.scan_time_ms / 1000);
		*ret = (struct examiner_settings){ .tmpfs_bytes = 1 << 20, .jobs_max = start.jobs };
		r = tell_engine(c, &start, &info);
	}
	start_done(&start);
	return r;
}

static int canary(void *context, char ret_why[static EXAMINER_WHY_MAX])
{
	struct yara *y = context;

	return yara_canary(y->rules, ret_why);
}

static void look(void *context, const struct examiner_job *job, struct examiner_answer *ret)
{
	struct yara *y = context;

	y->notes[0] = '\0';
	yara_look(y->rules, job->data, job->size, y->timeout_s, &ret->findings, y->notes, sizeof(y->notes));
	if (*y->notes)
		ret->notes[ret->note_count++] = y->notes;
}

static const struct examiner_role role = {
	.parent = ROLE_YARA, .load = load, .canary = canary, .look = look,
};

int main(void)
{
	static struct yara yara;

	return examiner_main(&role, &yara);
}
