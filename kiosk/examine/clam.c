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
	const struct clam_file *file;
	unsigned int matches;
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

/* Does opening the file bring out all of its bytes that mean something? Not so documents: of them the scripts and
 * attachments come out. */
static bool opens_whole(const struct containers *c)
{
	for (size_t i = 0; c && i < c->count; i++) {
		enum role_id role = container_info(c->list[i].format)->role;

		if (role != ROLE_UNPACK && role != ROLE_INTAKE)
			return false;
	}
	return c && c->count > 0 && !c->is_too_many;
}

/* What is too long for libclamav is nobody's limit where the file is opened member by member. False: it is. */
static bool owe_length(const struct clam_file *file, struct tally *t, const char *what)
{
	if (!t || !opens_whole(file->containers))
		return false;
	if (tally_owe(t, file->sum, NULL, what) < 0)
		abort(); /* without memory for this sentence nothing can be said */
	return !t->is_owed_full;
}

static void on_match(int fd, const char *signature, void *context)
{
	struct scan *s = context;
	enum reason reason = clam_reason(signature);

	s->matches++;
	if (strcmp(signature, "Heuristics.Limits.Exceeded.MaxFileSize") == 0 &&
	    owe_length(s->file, s->account.tally, "a member that is longer than libclamav looks"))
		return;
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
static cl_error_t run(struct clam *c, struct scan *s, const uint8_t *data, size_t size, uint32_t general)
{
	struct cl_scan_options options = { .general = general | CL_SCAN_GENERAL_HEURISTICS,
					   .parse = PARSE_OPTIONS, .heuristic = HEURISTIC_OPTIONS };
	cl_fmap_t *map = cl_fmap_open_memory(data, size);
	const char *name = s->file->raw_name && *s->file->raw_name ? s->file->raw_name : "file";
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
 * what the signature stands for ("encrypted", which a signer may excuse). Adds findings and debts, concludes nothing. */
static void look_behind_hit(struct clam *c, const struct scan *first, const uint8_t *data, size_t size, struct findings *f)
{
	struct scan s = { .lists_all = true, .file = first->file };
	struct findings all = { 0 };

	account_begin(&s.account, &all, first->account.tally, first->file->sum, now_ms() + c->scan_time_ms);
	s.account.is_raw = first->account.is_raw;
	(void)run(c, &s, data, size, CL_SCAN_GENERAL_ALLMATCHES); /* the verdict stands already */
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

/* One look at what one look can hold. True: it ran to its end. */
static bool look(struct clam *c, const struct clam_file *file, const uint8_t *data, size_t size, bool is_window,
		 struct findings *f, struct tally *tally)
{
	struct scan s = { .file = file };
	char text[FINDING_DETAIL_MAX];
	const char *gap;
	cl_error_t rc;

	account_begin(&s.account, f, tally, file->sum, now_ms() + c->scan_time_ms);
	s.account.is_raw = is_window;
	guard_arm();
	rc = run(c, &s, data, size, 0);
	gap = missing_evidence(&s, rc, text, sizeof(text));
	if (!gap && rc == CL_VIRUS && s.matches == 0)
		gap = "libclamav reports a match without a name";
	/* A worker without memory for this sentence must not live on. */
	if (gap && findings_add(f, REASON_SCAN_ERROR, NULL, "%s", gap) < 0)
		abort();
	if (s.account.was_hit)
		look_behind_hit(c, &s, data, size, f);
	if (tally && (gap || rc != CL_CLEAN || s.matches > 0))
		tally_forget_inspected(tally);
	return !gap && !has_reason(f, REASON_SCAN_TIMEOUT) && !has_reason(f, REASON_LIMIT_EXCEEDED);
}

/* A flat file past what libclamav takes. Each window is raw data: what it happens to begin with is no type. No signature is
 * longer than the overlap; those over whole files and from a file's end cannot match (see windows.c). */
static void look_in_windows(struct clam *c, const struct clam_file *file, struct findings *f)
{
	uint64_t at = 0;
	bool is_whole = true;

	for (;;) {
		size_t size = (size_t)MIN(c->window_bytes, file->size - at);

		is_whole = look(c, file, file->data + at, size, true, f, NULL) && is_whole;
		if (!is_whole || f->count == FINDINGS_MAX || at + size == file->size)
			break;
		at += c->window_bytes - c->window_overlap;
	}
	if (is_whole && at + c->window_bytes >= file->size)
		f->done |= CHECK_VIRUS;
}

static bool inspect_long(struct clam *c, const struct clam_file *file, struct findings *f, struct tally *tally)
{
	if (owe_length(file, tally, "longer than libclamav looks")) {
		f->done |= CHECK_VIRUS; /* of its members; the supervisor holds the file if they do not come out */
		return false;
	}
	if (file->window_note && file->containers && file->containers->count == 0) {
		look_in_windows(c, file, f);
		return true;
	}
	if (findings_add(f, REASON_LIMIT_EXCEEDED, NULL, "libclamav inspects files up to %lld bytes only",
			 SCAN_FILE_MAX) < 0)
		abort();
	return false;
}

bool clam_inspect(struct clam *c, const struct clam_file *file, struct findings *f, struct tally *tally)
{
	const uint8_t *data = file->data;
	size_t size = file->size;
	uint8_t small[16];

	if (size > c->look_max)
		return inspect_long(c, file, f, tally);
	if (size == 0) { /* there is nothing that could be found */
		f->done |= CHECK_VIRUS;
		return false;
	}
	if (size <= SCAN_BLIND_BYTES) {
		data = padded(data, size, small);
		size = sizeof(small);
	}
	if (look(c, file, data, size, false, f, tally))
		f->done |= CHECK_VIRUS;
	else if (tally)
		tally_forget_inspected(tally);
	return false;
}

void clam_scan(struct clam *c, const uint8_t *data, size_t size, const char *raw_name, struct findings *f)
{
	const struct clam_file file = { .data = data, .size = size, .raw_name = raw_name };

	(void)clam_inspect(c, &file, f, NULL); /* without a note there are no windows */
}
