/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "cli/explain.h"

#include <string.h>

#include "cli/daemon.h"
#include "common/log.h"

static const char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

int explain_take_facts(struct explain_facts *f, const json_t *e)
{
	struct subject *s = &f->subject;
	size_t k;
	json_t *o;

	s->path = text_of(e, "path");
	s->size = (uint64_t)json_integer_value(json_object_get(e, "size"));
	f->findings.done = (uint32_t)json_integer_value(json_object_get(e, "done"));
	json_array_foreach(json_object_get(e, "types"), k, o)
		if (s->type_count < EXPLAIN_MAX && json_is_string(o))
			f->types[s->type_count++] = json_string_value(o);
	json_array_foreach(json_object_get(e, "containers"), k, o) {
		if (s->container_count == EXPLAIN_CONTAINERS_MAX || !json_is_string(o))
			return -EBADMSG; /* one left out could be the one that a rule is about */
		f->containers[s->container_count++] = json_string_value(o);
	}
	json_array_foreach(json_object_get(e, "findings"), k, o) {
		enum reason reason;
		int r = reason_parse(text_of(o, "code"), &reason);

		if (r == 0)
			r = findings_add(&f->findings, reason, json_string_value(json_object_get(o, "member")), "%s",
					 text_of(o, "detail"));
		if (r < 0)
			return r;
	}
	return 0;
}

/* The event is kept for its strings. */
static int take_file(struct explain_facts *f, json_t *e)
{
	struct subject *s = &f->subject;
	size_t k;
	json_t *o;

	f->file = json_incref(e);
	json_array_foreach(json_object_get(e, "signers"), k, o)
		if (s->signer_count < EXPLAIN_MAX)
			f->signers[s->signer_count++] =
				(struct judge_signer){ text_of(o, "name"), text_of(o, "key"), text_of(o, "via") };
	json_array_foreach(json_object_get(e, "lists"), k, o)
		if (s->listing_count < EXPLAIN_MAX)
			f->listings[s->listing_count++] = (struct judge_listing){ text_of(o, "list"), text_of(o, "algorithm"),
										  json_string_value(json_object_get(o, "signed_by")) };
	return explain_take_facts(f, e);
}

static int take_member(struct explain_facts *f, json_t *e)
{
	if (!f->members)
		f->members = json_array();
	return json_array_append(f->members, e) == 0 ? 0 : -ENOMEM;
}

/* Of the file that was asked for, which comes first, and of what is in it. */
static int take_facts(struct explain_facts *f, json_t *e)
{
	if (!json_is_true(json_object_get(e, "asked")))
		return 0;
	if (json_array_size(json_object_get(e, "containers")) > 0)
		return take_member(f, e);
	return f->file ? 0 : take_file(f, e);
}

static int read_events(FILE *in, struct explain_facts *f)
{
	_cleanup_free_ char *line = NULL;
	size_t room = 0;
	ssize_t n;
	int r = 0;

	/* read to the end after an error too, or the other side stops at a full pipe */
	while ((n = getline(&line, &room, in)) > 0) {
		json_t *e = json_loadb(line, (size_t)n, 0, NULL);

		if (strcmp(text_of(e, "event"), "error") == 0)
			fprintf(stderr, "lazaret: error: %s\n", text_of(e, "text"));
		if (r == 0 && strcmp(text_of(e, "event"), "facts") == 0)
			r = take_facts(f, e);
		json_decref(e);
	}
	return r == 0 && !f->file ? -ENODATA : r;
}

int explain_from_examination(const char *station_dir, const char *file, const char *root, struct explain_facts *f)
{
	const char *const alone[] = { "-C", station_dir, "--explain", "--", file, NULL };
	const char *const rooted[] = { "-C", station_dir, "--explain", "--root", root, "--", file, NULL };
	_cleanup_fclose_ FILE *in = NULL;
	pid_t pid = 0;
	int fd = daemon_start(root ? rooted : alone, &pid), r;

	if (fd < 0) {
		log_error("lazaretd: %s", strerror(-fd));
		return fd;
	}
	in = fdopen(fd, "r");
	r = in ? read_events(in, f) : -ENOMEM;
	if (daemon_wait(pid) != 0 && r == 0)
		r = -EIO;
	if (r < 0)
		log_error("%s could not be examined", file);
	return r;
}
