/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "supervisor/backlog.h"

#include <string.h>

#include "supervisor/docket_members.h"

#define CHECKS (CHECK_VIRUS | CHECK_TYPE | CHECK_CONTENT)

struct backlog {
	struct inspection *i;
	struct job queue[BACKLOG_OPEN];
	size_t first, count;
	uint64_t deferred; /* behind those of the queue, in the docket */
	uint64_t wanted;   /* whose copy was asked for: comes behind the queue; 0: none */
};

struct backlog *backlog_new(struct inspection *i)
{
	struct backlog *b = calloc(1, sizeof(*b));

	if (b)
		b->i = i;
	return b;
}

static struct job *first(struct backlog *b)
{
	struct job *job = &b->queue[b->first];

	b->first = (b->first + 1) % BACKLOG_OPEN;
	b->count--;
	return job;
}

struct backlog *backlog_free(struct backlog *b)
{
	while (b && b->count > 0)
		job_done(first(b));
	free(b);
	return NULL;
}

static void append(struct backlog *b, struct job *job)
{
	job->wanted = CHECKS;
	b->queue[(b->first + b->count) % BACKLOG_OPEN] = *job;
	b->count++;
}

int backlog_add(struct backlog *b, struct job *job)
{
	int r;

	if (b->deferred == 0 && b->wanted == 0 && b->count < BACKLOG_OPEN) {
		append(b, job);
		return 0;
	}
	r = docket_defer(b->i->docket, job->id);
	if (r == 0)
		b->deferred++;
	job_done(job);
	return r;
}

static int fetch(struct backlog *b)
{
	int r;

	if (b->deferred == 0 || b->count == BACKLOG_OPEN || b->i->fetching != 0)
		return 0;
	r = docket_next_deferred(b->i->docket, &b->wanted);
	if (r <= 0)
		return r < 0 ? r : -ENOENT; /* the docket has lost one */
	b->deferred--;
	return inspection_fetch_copy(b->i, b->wanted);
}

int backlog_take_copy(struct backlog *b, uint64_t id, int *fd)
{
	struct docket_entry e = { 0 };
	int r;

	if (b->wanted == 0 || b->wanted != id)
		return 0;
	b->wanted = 0;
	r = docket_get(b->i->docket, id, &e);
	if (r > 0 && e.has_sum) {
		struct job job = { .id = id, .size = e.size, .path = TAKE_PTR(e.path), .fd = TAKE_FD(*fd) };

		memcpy(job.sum, e.sum, sizeof(job.sum));
		append(b, &job);
	} else if (r > 0) { /* since then something was told of it (one name for two files): whatever it is, it is not approved */
		close_p(fd);
		b->i->files_examined++;
		b->i->bytes_examined += e.size;
	}
	docket_entry_done(&e);
	return r == 0 ? -ENOENT : r;
}

int backlog_step(struct backlog *b)
{
	int r = 0;

	while (r == 0 && b->count > 0 && pool_has_room(b->i->pool)) {
		r = pool_give(b->i->pool, first(b));
		if (r < 0)
			inspection_trouble(b->i, "examining", r, pool_trouble(b->i->pool));
	}
	return r < 0 ? r : fetch(b);
}

bool backlog_is_empty(const struct backlog *b)
{
	return b->count == 0 && b->deferred == 0 && b->wanted == 0;
}
