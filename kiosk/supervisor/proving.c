/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "supervisor/proving.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "common/fd.h"

/* -- starting ------------------------------------------------------------------------------------------------- */

static int put_keys(int fd, const json_t *keys)
{
	json_t *list = json_array(), *key;
	size_t k;
	int r = list ? 0 : -ENOMEM;

	json_array_foreach((json_t *)keys, k, key)
		if (json_array_append_new(list, json_pack("{s:O,s:O,s:O,s:O}", "name", json_object_get(key, "name"), "kind",
							  json_object_get(key, "kind"), "key", json_object_get(key, "key"), "until",
							  json_object_get(key, "until"))) < 0)
			r = -ENOMEM;
	if (r == 0 && json_dumpfd(list, fd, JSON_COMPACT) < 0)
		r = -EIO;
	json_decref(list);
	return r;
}

static int keys_file(const json_t *keys)
{
	_cleanup_close_ int fd = memfd_create("keys", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int r = fd < 0 ? -errno : put_keys(fd, keys);

	if (r == 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
		r = -errno;
	return r < 0 ? r : TAKE_FD(fd);
}

int proving_start(enum role_id role, const json_t *keys, const struct patience *patience, struct process *ret, char **ret_why)
{
	_cleanup_close_ int fd = keys_file(keys);
	int r = fd < 0 ? fd : process_start(role, ret);

	if (r < 0)
		return r;
	r = channel_send(&ret->channel, MESSAGE_ORIGIN_START, NULL, &fd, 1);
	if (r == 0)
		r = process_ready(ret, patience, ret_why);
	if (r < 0)
		(void)process_end(ret);
	return r;
}

/* -- recognising ---------------------------------------------------------------------------------------------- */

int proving_recognise(struct process *p, const char *path, int fd, const struct patience *patience, enum evidence_format *ret)
{
	_cleanup_free_ struct encoder *e = malloc(sizeof(*e));
	_cleanup_free_ struct message *m = malloc(sizeof(*m));
	_cleanup_free_ char *why = NULL;
	uint32_t format;
	int r = e && m ? 0 : -ENOMEM;

	if (r < 0)
		return r;
	encoder_init(e);
	encode_bytes(e, path, strlen(path));
	r = channel_send(&p->channel, MESSAGE_ORIGIN_RECOGNISE, e, &fd, 1);
	if (r == 0)
		r = process_expect(p, MESSAGE_ORIGIN_RECOGNISED, patience, m, &why);
	if (r < 0)
		return why ? -EBADMSG : r; /* the number is the role's word, which must not pass for an error of ours */
	format = decode_u32(&m->payload);
	r = decoder_end(&m->payload);
	message_done(m);
	if (r < 0 || (format != EVIDENCE_NONE && !evidence_info(format)))
		return r < 0 ? r : -EPROTO;
	*ret = (enum evidence_format)format;
	return 0;
}

/* -- paths ---------------------------------------------------------------------------------------------------- */

static bool is_clean(const char *path)
{
	for (const char *at = path; *at;) {
		size_t n = strcspn(at, "/");

		if (n == 0 || (n == 1 && at[0] == '.') || (n == 2 && at[0] == '.' && at[1] == '.') || (at[n] == '/' && !at[n + 1]))
			return false;
		at += n + (at[n] == '/');
	}
	return true;
}

char *proving_resolve(const char *evidence, uint32_t up, const char *path)
{
	const char *slash = strrchr(evidence, '/');
	size_t dir = slash ? (size_t)(slash - evidence) : 0; /* without its '/' */
	char *result;

	errno = EINVAL;
	if (!is_clean(path) || up > ORIGIN_UP_MAX)
		return NULL;
	for (; up > 0; up--) {
		if (dir == 0)
			return NULL; /* above the medium */
		while (dir > 0 && evidence[--dir] != '/')
			;
	}
	if (!*path)
		return strdup("");
	if (asprintf(&result, "%.*s%s%s", (int)dir, evidence, dir > 0 ? "/" : "", path) < 0) {
		errno = ENOMEM;
		return NULL;
	}
	return result;
}

/* -- proving -------------------------------------------------------------------------------------------------- */

struct proving {
	struct process *process;
	const char *path;
	uint64_t entries_left;
	const struct proving_events *events;
	void *context;
	struct message m;
	struct encoder e;
};

static int on_want(struct proving *p)
{
	uint32_t up = decode_u32(&p->m.payload);
	_cleanup_free_ char *path = decode_str(&p->m.payload, ORIGIN_PATH_MAX), *full = NULL;
	_cleanup_close_ int fd = -EBADF;
	uint64_t size = 0;
	int r = decoder_end(&p->m.payload);

	if (r < 0)
		return r;
	full = proving_resolve(p->path, up, path);
	if (!full && errno == ENOMEM)
		return -ENOMEM;
	r = full && *full ? p->events->want(p->context, full, &fd, &size) : 0; /* above the medium there is nothing */
	if (r < 0)
		return r;
	if (r == 0)
		return channel_send(&p->process->channel, MESSAGE_ORIGIN_NOT_GIVEN, NULL, NULL, 0);
	encoder_init(&p->e);
	encode_u64(&p->e, size);
	return channel_send(&p->process->channel, MESSAGE_ORIGIN_GIVEN, &p->e, &fd, 1);
}

static int on_signed(struct proving *p)
{
	struct decoder *d = &p->m.payload;
	uint32_t outcome = decode_u32(d), up = decode_u32(d);
	_cleanup_free_ char *path = decode_str(d, ORIGIN_PATH_MAX), *key_id = decode_str(d, ORIGIN_KEY_ID_MAX);
	_cleanup_free_ char *name = decode_str(d, ORIGIN_KEY_NAME_MAX), *detail = decode_str(d, ORIGIN_DETAIL_MAX), *full = NULL;
	int r = decoder_end(d);

	if (r < 0 || outcome >= SIGNATURE_OUTCOME_COUNT_)
		return r < 0 ? r : -EPROTO;
	full = proving_resolve(p->path, up, path);
	if (!full)
		return errno == ENOMEM ? -ENOMEM : -EPROTO;
	return p->events->signature(p->context, (enum signature_outcome)outcome, *full ? full : NULL, name, key_id, detail);
}

static int on_entries(struct proving *p)
{
	struct decoder *d = &p->m.payload;
	uint32_t up = decode_u32(d), n = decode_u32(d);
	int r = d->error;

	if (n > p->entries_left)
		return -EPROTO; /* more than such a file can hold */
	p->entries_left -= n;
	for (; r == 0 && n > 0; n--) {
		char algorithm[ORIGIN_ALGORITHM_MAX + 1];
		_cleanup_free_ char *path = NULL, *full = NULL;
		const uint8_t *digest;
		size_t size;

		decode_str_into(d, algorithm, sizeof(algorithm));
		digest = decode_bytes(d, ORIGIN_DIGEST_MAX, &size);
		path = decode_str(d, ORIGIN_PATH_MAX);
		if (!path)
			return d->error ? d->error : -ENOMEM;
		full = proving_resolve(p->path, up, path);
		if (!full && errno == ENOMEM)
			return -ENOMEM;
		if (full) /* what it lists above the medium is not here */
			r = p->events->listing(p->context, full, algorithm, digest, size);
	}
	return r == 0 ? decoder_end(d) : r;
}

static int on_failed(struct proving *p, struct proving_summary *s)
{
	_cleanup_free_ char *where = NULL;

	(void)decode_u32(&p->m.payload);
	where = decode_str(&p->m.payload, 255);
	s->detail = decode_str(&p->m.payload, 4000);
	return decoder_end(&p->m.payload) < 0 || !s->detail ? -EPROTO : -EBADMSG;
}

/* The role has written the text; from now on nobody can. */
static int seal_text(int fd, uint64_t size, struct proving_summary *s)
{
	struct stat st;

	if (size == 0)
		return 0;
	if (fstat(fd, &st) < 0 || size > (uint64_t)st.st_size)
		return -EPROTO;
	if (ftruncate(fd, (off_t)size) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
		return -EPROTO; /* it keeps a writable map */
	s->text_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return s->text_fd < 0 ? -errno : 0;
}

static int on_proved(struct proving *p, int text_fd, struct proving_summary *s)
{
	struct decoder *d = &p->m.payload;
	uint32_t outcome = decode_u32(d);
	uint64_t text_size;

	(void)decode_u32(d); /* entries, which were counted */
	(void)decode_u32(d);
	s->flags = decode_u32(d);
	text_size = decode_u64(d);
	s->date = decode_u64(d);
	s->valid_until = decode_u64(d);
	s->series = decode_str(d, ORIGIN_SERIES_MAX);
	s->detail = decode_str(d, ORIGIN_DETAIL_MAX);
	if (decoder_end(d) < 0 || outcome >= LIST_OUTCOME_COUNT_ || !s->series || !s->detail)
		return -EPROTO;
	s->outcome = (enum list_outcome)outcome;
	return seal_text(text_fd, text_size, s);
}

/* 1: go on; 0: proved. */
static int on_message(struct proving *p, int text_fd, struct proving_summary *s)
{
	int r;

	switch (p->m.type) {
	case MESSAGE_ORIGIN_WANT:
		r = on_want(p);
		break;
	case MESSAGE_ORIGIN_SIGNED:
		r = on_signed(p);
		break;
	case MESSAGE_ORIGIN_ENTRIES:
		r = on_entries(p);
		break;
	case MESSAGE_ORIGIN_PROVED:
		return on_proved(p, text_fd, s);
	case MESSAGE_FAILED:
		return on_failed(p, s);
	default:
		return -EPROTO;
	}
	return r < 0 ? r : 1;
}

/* As large as the evidence and no larger: a role that was taken over cannot fill memory with it. */
static int text_file(uint64_t size)
{
	_cleanup_close_ int fd = memfd_create("text", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, (off_t)size) < 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_GROW) < 0)
		return -errno;
	return TAKE_FD(fd);
}

void proving_summary_done(struct proving_summary *s)
{
	free(s->series);
	free(s->detail);
	close_p(&s->text_fd);
	*s = (struct proving_summary){ .text_fd = -EBADF };
}

int proving_prove(struct process *process, enum evidence_format format, const char *path, int fd, uint64_t now, uint64_t entries,
		  const struct patience *patience, const struct proving_events *events, void *context, struct proving_summary *ret)
{
	_cleanup_free_ struct proving *p = malloc(sizeof(*p));
	_cleanup_close_ int text_fd = -EBADF;
	struct stat st;
	int r = p ? (fstat(fd, &st) < 0 ? -errno : 1) : -ENOMEM;

	*ret = (struct proving_summary){ .text_fd = -EBADF };
	if (r < 0)
		return r;
	text_fd = text_file(evidence_info(format)->kinds & EVIDENCE_COVERS ? (uint64_t)st.st_size : 0);
	if (text_fd < 0)
		return text_fd;
	p->process = process;
	p->path = path;
	p->entries_left = entries;
	p->events = events;
	p->context = context;
	encoder_init(&p->e);
	encode_u32(&p->e, format);
	encode_u64(&p->e, now);
	encode_bytes(&p->e, path, strlen(path));
	{
		const int fds[] = { fd, text_fd };

		r = channel_send(&process->channel, MESSAGE_ORIGIN_PROVE, &p->e, fds, ARRAY_LEN(fds));
	}
	if (r == 0)
		r = 1;
	while (r > 0) {
		r = wait_readable(process->channel.fd, patience);
		if (r == 0)
			r = channel_receive(&process->channel, &p->m, false);
		if (r < 0)
			break;
		r = on_message(p, text_fd, ret);
		message_done(&p->m);
	}
	return r;
}
