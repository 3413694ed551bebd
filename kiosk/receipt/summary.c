/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "receipt/summary.h"

#include <string.h>

#include "common/fd.h"
#include "common/report.h"

#define ROOT_FOLDER "/" /* files that lie in none */

static const char *text_of(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "";
}

static void keep_place(struct places *p, const struct report_reader *reader)
{
	if (p->count < p->max) {
		report_place(reader, &p->list[p->count].at, &p->list[p->count].size);
		p->count++;
	}
}

static int add_to(struct groups *g, const char *name, size_t size, uint64_t bytes)
{
	struct group *found = NULL;

	for (size_t k = 0; !found && k < g->count; k++)
		if (strncmp(g->list[k].name, name, size) == 0 && !g->list[k].name[size])
			found = &g->list[k];
	if (!found && g->count < GROUPS_KEPT) {
		found = &g->list[g->count];
		found->name = strndup(name, size);
		if (!found->name)
			return -ENOMEM;
		g->count++;
	}
	if (!found)
		found = &g->others;
	found->files++;
	found->bytes += bytes;
	return 0;
}

static int add_signer(struct summary *s, const json_t *signer)
{
	const char *name = text_of(signer, "name"), *key = text_of(signer, "key");
	struct signer *to;

	for (size_t k = 0; k < s->signer_count; k++)
		if (strcmp(s->signers[k].name, name) == 0 && strcmp(s->signers[k].key, key) == 0) {
			s->signers[k].files++;
			return 0;
		}
	if (s->signer_count == SIGNERS_KEPT) {
		s->has_more_signers = true;
		return 0;
	}
	to = &s->signers[s->signer_count];
	*to = (struct signer){ strdup(name), strdup(key), 1 };
	if (!to->name || !to->key) {
		free(to->name);
		free(to->key);
		return -ENOMEM;
	}
	s->signer_count++;
	return 0;
}

static int take_approved(struct summary *s, const struct report_reader *reader, const json_t *file)
{
	const char *path = text_of(file, "path"), *type = text_of(file, "type"), *slash = strchr(path, '/');
	uint64_t bytes = (uint64_t)json_integer_value(json_object_get(file, "size"));
	json_t *signer;
	size_t k;
	int r;

	s->approved_bytes += bytes;
	if (json_array_size(json_object_get(file, "vouched")) > 0) {
		s->approved_vouched++;
		keep_place(&s->vouched, reader);
	}
	r = slash ? add_to(&s->folders, path, (size_t)(slash - path + 1), bytes) : add_to(&s->folders, ROOT_FOLDER, 1, bytes);
	if (r == 0)
		r = *type ? add_to(&s->types, type, strlen(type), bytes) : add_to(&s->types, "unknown", 7, bytes);
	json_array_foreach(json_object_get(file, "signers"), k, signer)
		if (r == 0)
			r = add_signer(s, signer);
	return r;
}

static void take_refused(struct summary *s, const json_t *file)
{
	bool seen[REASON_COUNT_] = { false };
	json_t *finding;
	size_t k;

	json_array_foreach(json_object_get(file, "reasons"), k, finding) {
		enum reason reason;

		if (reason_parse(text_of(finding, "code"), &reason) == 0 && !seen[reason]) {
			seen[reason] = true;
			s->reasons[reason]++;
		}
	}
}

static int take_file(struct summary *s, const struct report_reader *reader, const json_t *file)
{
	const char *verdict = text_of(file, "verdict");
	unsigned int v = 0;

	while (v < VERDICT_COUNT_ && strcmp(verdict_name((enum verdict)v), verdict) != 0)
		v++;
	if (v == VERDICT_COUNT_)
		return -EBADMSG;
	s->files++;
	s->verdicts[v]++;
	keep_place(&s->places[v], reader);
	if (v == VERDICT_APPROVED)
		return take_approved(s, reader, file);
	take_refused(s, file);
	return 0;
}

static int read_report(struct summary *s, FILE *in)
{
	_cleanup_(report_reader_freep) struct report_reader *reader = NULL;
	json_t *file;
	int r = report_reader_new(in, &reader);

	while (r == 0 && (r = report_next(reader, &file)) == 1) {
		r = take_file(s, reader, file);
		json_decref(file);
	}
	if (r == 0)
		r = report_rest(reader, &s->head);
	return r == 0 && !report_transfer_valid(text_of(s->head, "transfer")) ? -EBADMSG : r;
}

static int make_places(struct places *p, size_t max)
{
	p->list = calloc(max, sizeof(*p->list));
	p->max = max;
	return p->list ? 0 : -ENOMEM;
}

int summary_new(int fd, struct summary **ret)
{
	_cleanup_(summary_freep) struct summary *s = calloc(1, sizeof(*s));
	uint8_t sum[SHA256_LEN];
	int r = s ? sha256_fd(fd, sum, NULL) : -ENOMEM;
	FILE *in;

	if (r == 0)
		r = make_places(&s->places[VERDICT_APPROVED], APPROVED_LISTED);
	if (r == 0)
		r = make_places(&s->places[VERDICT_HELD], REFUSED_LISTED);
	if (r == 0)
		r = make_places(&s->places[VERDICT_BLOCKED], REFUSED_LISTED);
	if (r == 0)
		r = make_places(&s->vouched, VOUCHED_LISTED);
	if (r < 0)
		return r;
	s->fd = fd;
	hex_encode(sum, sizeof(sum), s->sha256);
	in = lseek(fd, 0, SEEK_SET) < 0 ? NULL : fd_stream(fd, "r");
	if (!in)
		return -errno;
	r = read_report(s, in);
	(void)fclose(in); /* was only read */
	if (r == 0 && lseek(fd, 0, SEEK_SET) < 0)
		r = -errno;
	if (r < 0)
		return r;
	groups_sort(&s->folders);
	groups_sort(&s->types);
	*ret = TAKE_PTR(s);
	return 0;
}

static void groups_done(struct groups *g)
{
	for (size_t k = 0; k < g->count; k++)
		free(g->list[k].name);
}

struct summary *summary_free(struct summary *s)
{
	if (!s)
		return NULL;
	for (size_t v = 0; v < VERDICT_COUNT_; v++)
		free(s->places[v].list);
	free(s->vouched.list);
	groups_done(&s->folders);
	groups_done(&s->types);
	for (size_t k = 0; k < s->signer_count; k++) {
		free(s->signers[k].name);
		free(s->signers[k].key);
	}
	json_decref(s->head);
	free(s);
	return NULL;
}

int summary_file(const struct summary *s, const struct place *place, json_t **ret)
{
	_cleanup_free_ char *text = place->size <= REPORT_LINE_MAX ? malloc(place->size + 1) : NULL;
	ssize_t n;

	if (!text)
		return place->size <= REPORT_LINE_MAX ? -ENOMEM : -EBADMSG;
	n = pread(s->fd, text, place->size, (off_t)place->at);
	if (n < 0)
		return -errno;
	*ret = (uint64_t)n == place->size ? json_loadb(text, place->size, JSON_REJECT_DUPLICATES, NULL) : NULL;
	return *ret ? 0 : -EBADMSG;
}

static int compare_groups(const void *a, const void *b)
{
	const struct group *x = a, *y = b;

	return x->files != y->files ? (x->files < y->files ? 1 : -1) : strcmp(x->name, y->name);
}

void groups_sort(struct groups *g)
{
	if (g->count > 0)
		qsort(g->list, g->count, sizeof(g->list[0]), compare_groups);
	while (g->count > GROUPS_SHOWN) {
		struct group *last = &g->list[--g->count];

		g->others.files += last->files;
		g->others.bytes += last->bytes;
		free(last->name);
	}
}
