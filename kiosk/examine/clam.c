/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* One scan: options, callbacks, the evidence rule. Runs in a worker on untrusted bytes. */
#include "examine/clam_engine.h"

#include <string.h>
#include <time.h>

#include "examine/account.h"
#include "examine/guard.h"

/* All parsers, without the fuzzy hash of images (decoders for nothing that a database here uses). */
#define PARSE_OPTIONS 0xfffu
#define HEURISTIC_OPTIONS                                                                          \
	(CL_SCAN_HEURISTIC_BROKEN | CL_SCAN_HEURISTIC_EXCEEDS_MAX | CL_SCAN_HEURISTIC_MACROS |     \
	 CL_SCAN_HEURISTIC_ENCRYPTED_ARCHIVE | CL_SCAN_HEURISTIC_ENCRYPTED_DOC |                   \
	 CL_SCAN_HEURISTIC_PARTITION_INTXN | CL_SCAN_HEURISTIC_BROKEN_MEDIA)

struct scan {
	struct account account;
	char message[256]; /* first error that libclamav wrote */
	bool lists_all;	   /* CL_SCAN_GENERAL_ALLMATCHES */
};

/* libclamav hands its context to the message callback only within a scan; the first failures come before. */
static struct scan *current;

static const struct {
	const char *prefix;
	enum reason reason;
} meanings[] = {
	{ "Heuristics.Limits.Exceeded.MaxScanTime", REASON_SCAN_TIMEOUT },
	{ "Heuristics.Limits.Exceeded.", REASON_LIMIT_EXCEEDED },
	{ "Heuristics.XZ.DicSizeLimit", REASON_LIMIT_EXCEEDED },
	{ "Heuristics.Encrypted.", REASON_ENCRYPTED },
	{ "Lazaret.Encrypted.", REASON_ENCRYPTED },
	{ "Heuristics.Broken.", REASON_ARCHIVE_UNSAFE },
	{ "Heuristics.GPTPartitionIntersection", REASON_ARCHIVE_UNSAFE },
	{ "Heuristics.APMPartitionIntersection", REASON_ARCHIVE_UNSAFE },
	{ "Heuristics.MBRPartition", REASON_ARCHIVE_UNSAFE },
	{ "Heuristics.OLE2.ContainsMacros", REASON_ACTIVE_CONTENT },
};

enum reason clam_reason(const char *signature)
{
	for (size_t i = 0; i < ARRAY_LEN(meanings); i++)
		if (strncmp(signature, meanings[i].prefix, strlen(meanings[i].prefix)) == 0)
			return meanings[i].reason;
	return REASON_MALWARE;
}

static void on_message(enum cl_msg severity, const char *full, const char *text, void *context)
{
	if (severity >= CL_MSG_ERROR && current && current->message[0] == '\0')
		(void)snprintf(current->message, sizeof(current->message), "%s", text);
	if (severity >= CL_MSG_ERROR && !current)
		clam_load_message(text);
}

static cl_error_t on_layer(int fd, const char *type, const char **ancestors, size_t parent_size, const char *name,
			   size_t size, const char *data, uint32_t level, uint32_t attributes, void *context)
{
	struct scan *s = context;

	account_layer(&s->account, level, type, name, (const uint8_t *)data, size,
		      attributes & LAYER_ATTRIBUTES_NORMALIZED);
	return CL_CLEAN;
}

static cl_error_t on_announced(const char *container, unsigned long packed, const char *name, unsigned long size,
			       int is_encrypted, unsigned int position, void *context)
{
	struct scan *s = context;

	account_announced(&s->account, container, name, size, is_encrypted != 0);
	return CL_CLEAN;
}

static cl_error_t on_layer_done(int fd, int result, const char *signature, void *context)
{
	struct scan *s = context;

	account_layer_done(&s->account, result);
	return CL_CLEAN;
}

static void on_match(int fd, const char *signature, void *context)
{
	struct scan *s = context;
	enum reason reason = clam_reason(signature);

	/* Heuristics are told at the very end, when no layer is left, and do not end the scan. A pass that lists all
	 * matches is not ended by any. */
	if (s->account.depth > 0 && !s->lists_all)
		s->account.was_hit = true;
	account_flag(&s->account, reason, NULL, "%s", signature);
}

void clam_set_callbacks(struct cl_engine *engine)
{
	cl_engine_set_clcb_file_inspection(engine, on_layer);
	cl_engine_set_clcb_meta(engine, on_announced);
	cl_engine_set_clcb_post_scan(engine, on_layer_done);
	cl_engine_set_clcb_virus_found(engine, on_match);
}

void clam_set_messages(void)
{
	cl_set_clcb_msg(on_message);
}

static uint64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail with this clock */
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* One pass. Returns libclamav's code; the scan's record is left in `s`. */
static cl_error_t run(struct clam *c, struct scan *s, const uint8_t *data, size_t size, const char *name,
		      uint32_t general)
{
	struct cl_scan_options options = { .general = general | CL_SCAN_GENERAL_HEURISTICS,
					   .parse = PARSE_OPTIONS, .heuristic = HEURISTIC_OPTIONS };
	cl_fmap_t *map = cl_fmap_open_memory(data, size);
	const char *signature = NULL;
	unsigned long scanned = 0;
	cl_error_t rc = CL_EMEM;

	current = s;
	if (map)
		rc = cl_scanmap_callback(map, name, &signature, &scanned, c->engine, &options, s);
	current = NULL;
	if (map)
		cl_fmap_close(map);
	return rc;
}

/* Second pass over a file with a hit: libclamav stops at the first one, and what lies behind it may be worse than
 * what the signature stands for ("encrypted"). Adds findings, concludes nothing. */
static void look_behind_hit(struct clam *c, const uint8_t *data, size_t size, const char *name, struct findings *f)
{
	struct scan s = { .lists_all = true };
	struct findings all = { 0 };

	account_begin(&s.account, &all, now_ms() + c->scan_time_ms);
	(void)run(c, &s, data, size, name, CL_SCAN_GENERAL_ALLMATCHES); /* the verdict stands already */
	(void)account_end(&s.account, CL_VIRUS);
	for (size_t i = 0; i < all.count; i++)
		if (findings_add(f, all.list[i].reason, all.list[i].member, "%s", all.list[i].detail) < 0)
			abort();
	findings_done(&all);
}

/* Countermeasure F. NULL, or why this scan proves nothing. */
static const char *missing_evidence(struct scan *s, cl_error_t rc, char *text, size_t text_size)
{
	const char *call, *gap;
	int error;
	bool has_failed = guard_disarm(&call, &error);

	gap = account_end(&s->account, rc);
	if (has_failed) {
		(void)snprintf(text, text_size, "libclamav: %s failed: %s", call, strerror(error));
		return text;
	}
	if (s->message[0] != '\0') {
		(void)snprintf(text, text_size, "libclamav: %s", s->message);
		return text;
	}
	if (guard_calls() == 0)
		return "libclamav's system calls cannot be watched in this build";
	if (rc != CL_CLEAN && rc != CL_VIRUS) {
		(void)snprintf(text, text_size, "libclamav: %s", cl_strerror(rc));
		return text;
	}
	return gap;
}

static bool has_reason(const struct findings *f, enum reason reason)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->list[i].reason == reason)
			return true;
	return false;
}

/* A file of five bytes or fewer is not looked at. Signatures need two bytes, and whole-file hashes are our own
 * list's business (denylist.h), so such a file is matched with zeros behind it. */
static const uint8_t *padded(const uint8_t *data, size_t size, uint8_t buffer[static 16])
{
	memset(buffer, 0, 16);
	memcpy(buffer, data, size);
	return buffer;
}

void clam_scan(struct clam *c, const uint8_t *data, size_t size, const char *raw_name, struct findings *f)
{
	struct scan s = { 0 };
	uint8_t small[16];
	char text[FINDING_DETAIL_MAX];
	const char *gap;
	size_t before = f->count;
	cl_error_t rc;

	if (size > SCAN_FILE_MAX) {
		if (findings_add(f, REASON_LIMIT_EXCEEDED, NULL, "libclamav inspects files up to %lld bytes only",
				 SCAN_FILE_MAX) < 0)
			abort();
		return;
	}
	if (size == 0) { /* there is nothing that could be found */
		f->done |= CHECK_VIRUS;
		return;
	}
	if (size <= SCAN_BLIND_BYTES) {
		data = padded(data, size, small);
		size = sizeof(small);
	}
	account_begin(&s.account, f, now_ms() + c->scan_time_ms);
	guard_arm();
	rc = run(c, &s, data, size, raw_name && *raw_name ? raw_name : "file", 0);
	gap = missing_evidence(&s, rc, text, sizeof(text));
	if (!gap && rc == CL_VIRUS && f->count == before)
		gap = "libclamav reports a match without a name";
	if (gap) {
		/* A worker without memory for this sentence must not live on. */
		if (findings_add(f, REASON_SCAN_ERROR, NULL, "%s", gap) < 0)
			abort();
	} else if (!has_reason(f, REASON_SCAN_TIMEOUT) && !has_reason(f, REASON_LIMIT_EXCEEDED)) {
		f->done |= CHECK_VIRUS;
	}
	if (s.account.was_hit)
		look_behind_hit(c, data, size, raw_name && *raw_name ? raw_name : "file", f);
}
