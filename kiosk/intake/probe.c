/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The probe: a child of intake in the sandbox of ROLE_PROBE, with the source descriptor and one socket. It may lie;
 * its answer is checked against the limits, and a lie gains it nothing but another view of the same medium. */
#include "intake/probe.h"

#include <string.h>

#include "intake/child.h"
#include "intake/content.h"
#include "intake/plan.h"
#include "sandbox/sandbox.h"

struct look {
	bool is_all; /* every byte was looked at */
	bool has_data;
	bool is_unreadable;
	uint64_t data_at; /* bytes from the start of the source, rounded down to a block */
};

static bool is_zero(const uint8_t *data, size_t size)
{
	return size == 0 || (data[0] == 0 && memcmp(data, data + 1, size - 1) == 0);
}

/* Look at [offset, offset + size) as far as LOOK_BYTES reach, evenly spread, until something is found. */
static void look_at(int fd, uint64_t offset, uint64_t size, struct look *ret)
{
	static uint8_t block[LOOK_BLOCK_BYTES];
	uint64_t blocks = LOOK_BYTES / LOOK_BLOCK_BYTES;
	uint64_t step = LOOK_BLOCK_BYTES;

	*ret = (struct look){ .is_all = size <= LOOK_BYTES };
	if (!ret->is_all)
		step = size / blocks / LOOK_BLOCK_BYTES * LOOK_BLOCK_BYTES;
	step = MAX(step, (uint64_t)LOOK_BLOCK_BYTES);
	for (uint64_t at = 0; at < size && !ret->has_data; at += step) {
		size_t want = (size_t)MIN(size - at, (uint64_t)sizeof(block));
		ssize_t n = pread(fd, block, want, (off_t)(offset + at));

		if (n < 0 || (size_t)n != want) {
			ret->is_unreadable = true;
			return;
		}
		if (!is_zero(block, want)) {
			ret->has_data = true;
			ret->data_at = offset + at;
		}
	}
}

/* Pearson's chi-square over 65536 bytes in 256 classes: 255 +- 23 for random ones. Text, programs, tables and zeros are
 * in the tens of thousands, compressed data with its headers mostly above 400. */
static bool is_random(int fd, uint64_t offset)
{
	static uint8_t block[LOOK_BLOCK_BYTES];
	uint32_t counts[256] = { 0 };
	uint64_t square = 0;

	if (pread(fd, block, sizeof(block), (off_t)offset) != (ssize_t)sizeof(block))
		return false;
	for (size_t i = 0; i < sizeof(block); i++)
		counts[block[i]]++;
	for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
		int64_t d = (int64_t)counts[i] - (int64_t)sizeof(block) / 256;

		square += (uint64_t)(d * d);
	}
	square /= sizeof(block) / 256;
	return square > 140 && square < 400;
}

/* An encrypted container without any signature looks like this where its headers are, and their copies (VeraCrypt: "Volume
 * Format Specification"); what lies between is whatever was there before, when it was formatted quickly. */
static bool is_noise(int fd, const struct volume *v)
{
	if (v->size < NOISE_BYTES_MIN)
		return false;
	return is_random(fd, v->offset) && is_random(fd, v->offset + v->size - LOOK_BLOCK_BYTES);
}

static void tell_look(int fd, struct volume *v)
{
	struct look look;

	look_at(fd, v->offset, v->size, &look);
	if (look.is_unreadable)
		volume_detail(v, "cannot be read throughout");
	else if (look.has_data)
		volume_detail(v, "holds data (near byte %llu of the medium)", (unsigned long long)look.data_at);
	else
		volume_detail(v, look.is_all ? "all bytes are zero" : "all bytes of a sample are zero");
	if (v->outcome == VOLUME_UNALLOCATED)
		return;
	/* Neither table nor file system: blank, or something that this station does not know. */
	if (look.is_unreadable)
		v->outcome = VOLUME_FAILED;
	else if (look.has_data)
		v->outcome = VOLUME_REFUSED;
	if (v->outcome == VOLUME_REFUSED) {
		volume_detail(v, "unknown: no file system that this station knows");
		v->is_noise = is_noise(fd, v);
	}
}

int probe_source_here(int source_fd, uint64_t source_size, struct volume_list *ret)
{
	_cleanup_free_ struct layout *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	memset(ret, 0, sizeof(*ret));
	if (source_size == 0)
		return 0;
	l->size = source_size;
	content_read(source_fd, 0, source_size, &l->whole);
	content_read_table(source_fd, l);
	for (size_t i = 0; i < l->partition_count; i++) {
		struct partition *p = &l->partitions[i];

		if (!p->is_container && partition_fits(l, p))
			content_read(source_fd, p->offset, p->size, &p->content);
	}
	plan_make(l, ret);
	for (size_t i = 0; i < ret->count; i++)
		if (ret->list[i].outcome == VOLUME_EMPTY || ret->list[i].outcome == VOLUME_UNALLOCATED)
			tell_look(source_fd, &ret->list[i]);
	return 0;
}

struct probe_task {
	int source_fd;
	uint64_t source_size;
	struct volume_list *list;
};

static int probe_run(void *arg, int sock)
{
	struct probe_task *task = arg;
	_cleanup_free_ struct encoder *e = malloc(sizeof(*e));
	int keep[] = { task->source_fd, sock };
	const char *where;
	int r;

	if (!e)
		return -ENOMEM;
	r = sandbox_enter(ROLE_PROBE, keep, ARRAY_LEN(keep), &where);
	if (r < 0)
		return r;
	r = probe_source_here(task->source_fd, task->source_size, task->list);
	if (r < 0)
		return r;
	encoder_init(e);
	volume_list_encode(task->list, e);
	return e->error ? e->error : child_send(sock, e->data, e->size, -EBADF);
}

int probe_source(int source_fd, uint64_t source_size, int timeout_ms, struct volume_list *ret)
{
	struct probe_task task = { .source_fd = source_fd, .source_size = source_size, .list = ret };
	_cleanup_(child_end) struct child child = CHILD_NONE;
	_cleanup_free_ uint8_t *answer = malloc(MESSAGE_MAX);
	size_t size = 0;
	int r;

	if (!answer)
		return -ENOMEM;
	r = child_start(&child, 0, probe_run, &task);
	if (r == 0)
		r = child_receive(&child, timeout_ms, answer, MESSAGE_MAX, &size, NULL);
	return r < 0 ? r : volume_list_decode(ret, source_size, answer, size);
}
