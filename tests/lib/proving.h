/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Shared by the unit tests of roles that prove evidence: a role in its sandbox, with the test as its supervisor and a pretend
 * medium to ask for files. Include after <cmocka.h>, "ipc/channel.h" and "../lib/testing.h".
 *
 *	struct prover p;
 *	struct medium m = { 0 };
 *	struct proved told;
 *	const struct pretend_key keys[] = { { "vendor-x", KEY_MINISIGN, text, strlen(text), 0 } };
 *
 *	prover_start(&p, "lazaret-origin", keys, ARRAY_LEN(keys));
 *	medium_add(&m, "dir/a.bin", "data", 4);
 *	medium_add(&m, "dir/a.bin.minisig", sig, strlen(sig));
 *	prove(&p, &m, "dir/a.bin.minisig", EVIDENCE_MINISIGN, PROVING_NOW, &told);
 *	expect_signature(&told, 0, SIGNATURE_GOOD, "dir/a.bin", "vendor-x");
 *	proved_done(&told);
 *	prover_end(&p);
 *	medium_done(&m);
 */
#ifndef LAZARET_TESTS_PROVING_H
#define LAZARET_TESTS_PROVING_H

#include <jansson.h>
#include <poll.h>

#include "common/base64.h"
#include "common/hash.h"
#include "ipc/origin.h"

#include "tools.h"

#define PROVING_NOW 1800000000u /* s since 1970 */
#define PROVING_PATIENCE_MS 120000 /* a role that says nothing for so long hangs */

static struct encoder proving_out; /* 64 KiB each: too much for every test's stack */
static struct message proving_in;

/* -- the medium ------------------------------------------------------------------------------------------------ */

struct medium {
	struct medium_file {
		char *path;
		int fd; /* owned */
	} *files;
	size_t count;
};

/* Takes `fd` over. A path that is there already gets the new file. */
_unused_ static void medium_add_fd(struct medium *m, const char *path, int fd)
{
	for (size_t i = 0; i < m->count; i++) {
		if (strcmp(m->files[i].path, path) != 0)
			continue;
		(void)close(m->files[i].fd);
		m->files[i].fd = fd;
		return;
	}
	m->files = realloc(m->files, (m->count + 1) * sizeof(*m->files));
	assert_non_null(m->files);
	m->files[m->count].path = strdup(path);
	m->files[m->count++].fd = fd;
}

_unused_ static void medium_add(struct medium *m, const char *path, const void *data, size_t size)
{
	medium_add_fd(m, path, memory_file(data, size));
}

/* The file `name` of a directory on disk, under `path` on the medium. */
_unused_ static void medium_add_from(struct medium *m, const char *path, int dir_fd, const char *name)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		fail_msg("%s: %s", name, strerror(errno));
	medium_add_fd(m, path, fd);
}

/* Borrowed; -1 when there is none. */
_unused_ static int medium_find(const struct medium *m, const char *path)
{
	for (size_t i = 0; i < m->count; i++)
		if (strcmp(m->files[i].path, path) == 0)
			return m->files[i].fd;
	return -1;
}

_unused_ static void medium_done(struct medium *m)
{
	for (size_t i = 0; i < m->count; i++) {
		free(m->files[i].path);
		(void)close(m->files[i].fd);
	}
	free(m->files);
	*m = (struct medium){ 0 };
}

/* -- the role -------------------------------------------------------------------------------------------------- */

struct pretend_key {
	const char *name;
	enum key_kind kind;
	const void *bytes; /* as the trust store keeps it */
	size_t size;
	uint64_t until; /* s since 1970; 0: no end */
};

struct prover {
	struct peer peer;
};

/* Start `program` and send it the keys; READY (or FAILED) is still to come. */
_unused_ static void prover_send_start(struct prover *p, const char *program, const struct pretend_key *keys, size_t count)
{
	json_t *list = json_array();
	char *text;
	int fd;

	for (size_t i = 0; i < count; i++) {
		char *base64 = malloc(BASE64_LEN(keys[i].size) + 1);

		assert_non_null(base64);
		base64_encode(keys[i].bytes, keys[i].size, base64);
		assert_int_equal(json_array_append_new(list, json_pack("{s:s,s:s,s:s,s:I}", "name", keys[i].name, "kind",
								       key_kind_name(keys[i].kind), "key", base64, "until",
								       (json_int_t)keys[i].until)), 0);
		free(base64);
	}
	text = json_dumps(list, JSON_COMPACT);
	json_decref(list);
	assert_non_null(text);
	fd = memory_text(text);
	free(text);
	peer_start(&p->peer, program, CHANNEL_ORIGIN);
	encoder_init(&proving_out);
	peer_send(&p->peer, MESSAGE_ORIGIN_START, &proving_out, &fd, 1);
	(void)close(fd);
}

_unused_ static void prover_start(struct prover *p, const char *program, const struct pretend_key *keys, size_t count)
{
	prover_send_start(p, program, keys, count);
	peer_ready(&p->peer);
}

/* END, and a clean exit. */
_unused_ static void prover_end(struct prover *p)
{
	peer_end(&p->peer);
}

/* The next message into proving_in, in time. */
_unused_ static void prover_receive(struct prover *p)
{
	struct pollfd ready = { .fd = p->peer.channel.fd, .events = POLLIN };
	int r;

	if (poll(&ready, 1, PROVING_PATIENCE_MS) != 1)
		fail_msg("the role hangs");
	r = channel_receive(&p->peer.channel, &proving_in, false);
	if (r == -ENOTCONN) /* a crash, a forbidden system call */
		fail_msg("the role has ended with %d", peer_wait(&p->peer));
	assert_int_equal(r, 0);
}

/* -- RECOGNISE ------------------------------------------------------------------------------------------------- */

_unused_ static enum evidence_format recognise_fd(struct prover *p, const char *path, int fd)
{
	uint32_t format;

	encoder_init(&proving_out);
	encode_str(&proving_out, path);
	peer_send(&p->peer, MESSAGE_ORIGIN_RECOGNISE, &proving_out, &fd, 1);
	peer_expect(&p->peer, MESSAGE_ORIGIN_RECOGNISED, &proving_in);
	format = decode_u32(&proving_in.payload);
	assert_int_equal(decoder_end(&proving_in.payload), 0);
	message_done(&proving_in);
	return (enum evidence_format)format;
}

_unused_ static enum evidence_format recognise_bytes(struct prover *p, const char *path, const void *data, size_t size)
{
	_cleanup_close_ int fd = memory_file(data, size);

	return recognise_fd(p, path, fd);
}

/* -- DESCRIBE -------------------------------------------------------------------------------------------------- */

struct described {
	char kind[32], fingerprint[ORIGIN_KEY_ID_MAX + 1], key_id[ORIGIN_KEY_ID_MAX + 1], owner[ORIGIN_DETAIL_MAX + 1],
		trouble[ORIGIN_DETAIL_MAX + 1];
	uint64_t created, expires;
	uint8_t bytes[ORIGIN_KEY_BYTES_MAX + 1]; /* with a NUL behind them */
	size_t size;
};

_unused_ static void describe_bytes(struct prover *p, const void *data, size_t size, struct described *ret)
{
	_cleanup_close_ int fd = memory_file(data, size);
	struct decoder *d = &proving_in.payload;
	const uint8_t *bytes;

	encoder_init(&proving_out);
	peer_send(&p->peer, MESSAGE_ORIGIN_DESCRIBE, &proving_out, &fd, 1);
	peer_expect(&p->peer, MESSAGE_ORIGIN_DESCRIBED, &proving_in);
	decode_str_into(d, ret->kind, sizeof(ret->kind));
	decode_str_into(d, ret->fingerprint, sizeof(ret->fingerprint));
	decode_str_into(d, ret->key_id, sizeof(ret->key_id));
	decode_str_into(d, ret->owner, sizeof(ret->owner));
	ret->created = decode_u64(d);
	ret->expires = decode_u64(d);
	bytes = decode_bytes(d, ORIGIN_KEY_BYTES_MAX, &ret->size);
	assert_non_null(bytes);
	memcpy(ret->bytes, bytes, ret->size);
	ret->bytes[ret->size] = 0;
	decode_str_into(d, ret->trouble, sizeof(ret->trouble));
	assert_int_equal(decoder_end(d), 0);
	message_done(&proving_in);
}

/* -- PROVE ----------------------------------------------------------------------------------------------------- */

#define ABOVE_THE_MEDIUM "/above/" /* what stands before a path that leads out of the medium: the supervisor refuses it */

struct told_signature {
	enum signature_outcome outcome;
	char *path; /* that it covers, from the medium's root; "": the evidence itself, or its text */
	char key_id[ORIGIN_KEY_ID_MAX + 1], key_name[ORIGIN_KEY_NAME_MAX + 1], detail[ORIGIN_DETAIL_MAX + 1];
};

struct told_entry {
	char algorithm[ORIGIN_ALGORITHM_MAX + 1], hex[2 * ORIGIN_DIGEST_MAX + 1];
	uint8_t sum[ORIGIN_DIGEST_MAX];
	size_t sum_size;
	char *path; /* from the medium's root; "": whichever file has the digest; may begin with ABOVE_THE_MEDIUM */
};

struct proved {
	int error; /* 0, or of ORIGIN's FAILED: a negative errno, with `why`; then nothing else counts */
	char *why;
	enum list_outcome outcome;
	uint32_t bad, flags;
	uint64_t date, valid_until;
	char series[ORIGIN_SERIES_MAX + 1], detail[ORIGIN_DETAIL_MAX + 1];
	char *text; /* verified text that was written, with a NUL behind it */
	size_t text_size;
	struct told_signature *signatures;
	size_t signature_count;
	struct told_entry *entries;
	size_t entry_count;
	char **wanted; /* every file that was asked for, in order, from the medium's root */
	size_t wanted_count, batches;
};

_unused_ static void proved_done(struct proved *t)
{
	for (size_t i = 0; i < t->signature_count; i++)
		free(t->signatures[i].path);
	for (size_t i = 0; i < t->entry_count; i++)
		free(t->entries[i].path);
	for (size_t i = 0; i < t->wanted_count; i++)
		free(t->wanted[i]);
	free(t->signatures);
	free(t->entries);
	free(t->wanted);
	free(t->text);
	free(t->why);
	*t = (struct proved){ 0 };
}

/* `path` beneath the directory `up` levels above that of `evidence`. Owned by the caller. */
_unused_ static char *medium_resolve(const char *evidence, uint32_t up, const char *path)
{
	const char *slash = strrchr(evidence, '/');
	size_t size = slash ? (size_t)(slash - evidence) : 0;
	bool is_above = false;
	char *full;

	for (; up > 0; up--) {
		is_above |= size == 0;
		while (size > 0 && evidence[size - 1] != '/')
			size--;
		size -= size > 0;
	}
	assert_true(asprintf(&full, "%s%.*s%s%s", is_above ? ABOVE_THE_MEDIUM : "", (int)size, evidence, size > 0 ? "/" : "",
			     path) >= 0);
	return full;
}

/* As evidence_want() demands it of formats. */
_unused_ static bool is_proper_path(const char *path)
{
	for (const char *at = path;; at++) {
		size_t n = strcspn(at, "/");

		if (n == 0 || (n == 1 && at[0] == '.') || (n == 2 && at[0] == '.' && at[1] == '.'))
			return false;
		at += n;
		if (!*at)
			return true;
	}
}

_unused_ static void proving_give(struct prover *p, const struct medium *m, const char *evidence, struct proved *t)
{
	uint32_t up = decode_u32(&proving_in.payload);
	_cleanup_free_ char *path = decode_str(&proving_in.payload, ORIGIN_PATH_MAX);
	struct stat st;
	char *full;
	int fd;

	assert_int_equal(decoder_end(&proving_in.payload), 0);
	message_done(&proving_in);
	assert_true(up <= ORIGIN_UP_MAX);
	if (!is_proper_path(path))
		fail_msg("the role wants \"%s\"", path);
	full = medium_resolve(evidence, up, path);
	t->wanted = realloc(t->wanted, (t->wanted_count + 1) * sizeof(*t->wanted));
	assert_non_null(t->wanted);
	t->wanted[t->wanted_count++] = full;
	fd = medium_find(m, full);
	if (fd < 0) {
		peer_send(&p->peer, MESSAGE_ORIGIN_NOT_GIVEN, NULL, NULL, 0);
		return;
	}
	assert_int_equal(fstat(fd, &st), 0);
	encoder_init(&proving_out);
	encode_u64(&proving_out, (uint64_t)st.st_size);
	peer_send(&p->peer, MESSAGE_ORIGIN_GIVEN, &proving_out, &fd, 1);
}

_unused_ static void proving_take_signature(const char *evidence, struct proved *t)
{
	struct decoder *d = &proving_in.payload;
	struct told_signature *s;
	bool was_wanted = false;
	uint32_t up;
	char *path;

	t->signatures = realloc(t->signatures, (t->signature_count + 1) * sizeof(*s));
	assert_non_null(t->signatures);
	s = &t->signatures[t->signature_count++];
	*s = (struct told_signature){ .outcome = (enum signature_outcome)decode_u32(d) };
	up = decode_u32(d);
	path = decode_str(d, ORIGIN_PATH_MAX);
	decode_str_into(d, s->key_id, sizeof(s->key_id));
	decode_str_into(d, s->key_name, sizeof(s->key_name));
	decode_str_into(d, s->detail, sizeof(s->detail));
	assert_int_equal(decoder_end(d), 0);
	message_done(&proving_in);
	assert_true(s->outcome < SIGNATURE_OUTCOME_COUNT_);
	if (!*path && up == 0) {
		s->path = path;
		return;
	}
	s->path = medium_resolve(evidence, up, path);
	free(path);
	for (size_t i = 0; i < t->wanted_count; i++)
		was_wanted |= strcmp(t->wanted[i], s->path) == 0;
	if (!was_wanted)
		fail_msg("a signature over %s, which was not asked for", s->path);
}

_unused_ static void proving_take_entries(const char *evidence, struct proved *t)
{
	struct decoder *d = &proving_in.payload;
	uint32_t up = decode_u32(d), count = decode_u32(d);

	t->batches++;
	for (; d->error == 0 && count > 0; count--) {
		struct told_entry *e;
		const uint8_t *sum;
		char *path;

		if (t->entry_count % 1024 == 0)
			t->entries = realloc(t->entries, (t->entry_count + 1024) * sizeof(*e));
		assert_non_null(t->entries);
		e = &t->entries[t->entry_count++];
		*e = (struct told_entry){ 0 };
		decode_str_into(d, e->algorithm, sizeof(e->algorithm));
		sum = decode_bytes(d, ORIGIN_DIGEST_MAX, &e->sum_size);
		path = decode_str(d, ORIGIN_PATH_MAX);
		assert_non_null(sum);
		assert_non_null(path);
		memcpy(e->sum, sum, e->sum_size);
		hex_encode(e->sum, e->sum_size, e->hex);
		e->path = *path ? medium_resolve(evidence, up, path) : strdup("");
		free(path);
	}
	assert_int_equal(decoder_end(d), 0);
	message_done(&proving_in);
}

_unused_ static void proving_take_text(int fd, struct proved *t)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, t->text_size);
	t->text = calloc(1, t->text_size + 1);
	assert_non_null(t->text);
	assert_int_equal(pread(fd, t->text, t->text_size, 0), (ssize_t)t->text_size);
}

_unused_ static void proving_take_end(int text_fd, struct proved *t)
{
	struct decoder *d = &proving_in.payload;

	t->outcome = (enum list_outcome)decode_u32(d);
	assert_int_equal(decode_u32(d), t->entry_count);
	t->bad = decode_u32(d);
	t->flags = decode_u32(d);
	t->text_size = decode_u64(d);
	t->date = decode_u64(d);
	t->valid_until = decode_u64(d);
	decode_str_into(d, t->series, sizeof(t->series));
	decode_str_into(d, t->detail, sizeof(t->detail));
	assert_int_equal(decoder_end(d), 0);
	assert_true(t->outcome < LIST_OUTCOME_COUNT_);
	message_done(&proving_in);
	proving_take_text(text_fd, t);
}

_unused_ static void proving_take_failure(struct proved *t)
{
	struct decoder *d = &proving_in.payload;
	uint32_t error = decode_u32(d);
	_cleanup_free_ char *where = decode_str(d, 1024), *words = decode_str(d, 7000);

	assert_true(asprintf(&t->why, "%s: %s", where, words) >= 0);
	t->error = -(int)error;
	message_done(&proving_in);
}

/* Have the bytes behind `fd` (borrowed) proved as if they stood at `path`. `ret` is released with proved_done(). */
_unused_ static void prove_fd(struct prover *p, const struct medium *m, const char *path, int fd, enum evidence_format format,
			      uint64_t now, struct proved *ret)
{
	_cleanup_close_ int text_fd = memory_file("", 0);
	int fds[2] = { fd, text_fd };

	*ret = (struct proved){ 0 };
	encoder_init(&proving_out);
	encode_u32(&proving_out, format);
	encode_u64(&proving_out, now);
	encode_str(&proving_out, path);
	peer_send(&p->peer, MESSAGE_ORIGIN_PROVE, &proving_out, fds, 2);
	for (;;) {
		prover_receive(p);
		switch (proving_in.type) {
		case MESSAGE_ORIGIN_WANT:
			proving_give(p, m, path, ret);
			break;
		case MESSAGE_ORIGIN_SIGNED:
			proving_take_signature(path, ret);
			break;
		case MESSAGE_ORIGIN_ENTRIES:
			proving_take_entries(path, ret);
			break;
		case MESSAGE_ORIGIN_PROVED:
			proving_take_end(text_fd, ret);
			return;
		case MESSAGE_FAILED:
			proving_take_failure(ret);
			return;
		default:
			fail_msg("the role says %s", message_rule(proving_in.type)->name);
		}
	}
}

/* Have a file of the medium proved. */
_unused_ static void prove(struct prover *p, const struct medium *m, const char *path, enum evidence_format format, uint64_t now,
			   struct proved *ret)
{
	int fd = medium_find(m, path);

	if (fd < 0)
		fail_msg("%s is not on the pretend medium", path);
	prove_fd(p, m, path, fd, format, now, ret);
}

/* -- what to expect -------------------------------------------------------------------------------------------- */

_unused_ static void print_proved(const struct proved *t)
{
	if (t->error)
		print_message("  failed: %s (%s)\n", strerrorname_np(-t->error), t->why);
	for (size_t i = 0; i < t->signature_count; i++)
		print_message("  signature %d over \"%s\" key \"%s\" (%s): %s\n", t->signatures[i].outcome,
			      t->signatures[i].path, t->signatures[i].key_name, t->signatures[i].key_id,
			      t->signatures[i].detail);
	for (size_t i = 0; i < t->entry_count && i < 20; i++)
		print_message("  %s %s \"%s\"\n", t->entries[i].algorithm, t->entries[i].hex, t->entries[i].path);
	print_message("  outcome %d, %zu entries, %u bad, flags %x, text %zu: %s\n", t->outcome, t->entry_count, t->bad, t->flags,
		      t->text_size, t->detail);
}

/* The i-th signature is this one; `key_name` "": of no trusted key. */
#define expect_signature(t, i, outcome, path, key_name) \
	expect_signature_at(t, i, outcome, path, key_name, __FILE__, __LINE__)
_unused_ static void expect_signature_at(const struct proved *t, size_t i, enum signature_outcome outcome, const char *path,
					 const char *key_name, const char *file, int line)
{
	const struct told_signature *s = i < t->signature_count ? &t->signatures[i] : NULL;

	if (t->error == 0 && s && s->outcome == outcome && strcmp(s->path, path) == 0 && strcmp(s->key_name, key_name) == 0)
		return;
	print_proved(t);
	fail_msg("%s:%d: expected signature %zu to be %d over \"%s\" by \"%s\"", file, line, i, outcome, path, key_name);
}

/* The list says this of this file: `path` from the medium's root, digest in lower-case hexadecimal (NULL: any). */
_unused_ static const struct told_entry *find_entry(const struct proved *t, const char *path, const char *algorithm,
						    const char *hex)
{
	for (size_t i = 0; i < t->entry_count; i++)
		if (strcmp(t->entries[i].path, path) == 0 && strcmp(t->entries[i].algorithm, algorithm) == 0 &&
		    (!hex || strcmp(t->entries[i].hex, hex) == 0))
			return &t->entries[i];
	return NULL;
}

#endif
