/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "supervisor/describe.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "common/base64.h"
#include "common/fd.h"
#include "common/text.h"
#include "supervisor/proving.h"

#define PATIENCE_MS 60000 /* a loaded machine starts five processes in less */

struct describing {
	const char *file;
	struct events *events;
	struct patience patience;
	int fd; /* sealed copy */
	struct message m;
};

/* An answer, checked for form. */
struct description {
	char *kind, *fingerprint, *key_id, *owner, *trouble; /* owned; raw */
	uint64_t created, expires;
	uint8_t *bytes;
	size_t size;
};

static const struct {
	enum role_id role;
	unsigned int kinds; /* mask: what it may say that it found */
} roles[] = {
	{ ROLE_ORIGIN, 1u << KEY_MINISIGN | 1u << KEY_SIGNIFY | 1u << KEY_RAW },
	{ ROLE_OPENPGP, 1u << KEY_OPENPGP },
	{ ROLE_CMS, 1u << KEY_X509_CA | 1u << KEY_X509_SIGNER },
};

static void description_done(struct description *k)
{
	free(k->kind);
	free(k->fingerprint);
	free(k->key_id);
	free(k->owner);
	free(k->trouble);
	free(k->bytes);
	memset(k, 0, sizeof(*k));
}

/* -- the file --------------------------------------------------------------------------------------------- */

/* By what directories are, not by what they are called: mounts have further names for them. */
static bool is_beneath(const char *path, const char *dir)
{
	_cleanup_free_ char *parent = strdup(path);
	_cleanup_close_ int at = -EBADF;
	struct stat wanted, here, above;

	if (stat(dir, &wanted) < 0)
		return false; /* there is no such directory to be beneath */
	if (!parent)
		return true;
	*strrchr(parent, '/') = '\0';
	at = open(*parent ? parent : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (at < 0 || fstat(at, &here) < 0)
		return true; /* it was there a moment ago */
	for (int depth = 0; depth < PATH_MAX; depth++) {
		int up;

		if (here.st_dev == wanted.st_dev && here.st_ino == wanted.st_ino)
			return true;
		up = openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (up < 0 || fstat(up, &above) < 0) {
			close_p(&up);
			return true;
		}
		close_p(&at);
		at = up;
		if (above.st_dev == here.st_dev && above.st_ino == here.st_ino)
			return false;
		here = above;
	}
	return true;
}

static enum describe_status refuse_place(struct describing *d, const char *dir)
{
	events_error(d->events,
		     "%s: lies beneath %s, among files that came with a medium. Whoever sends files may not say which key "
		     "proves them: take the key from its owner by another way.",
		     d->file, dir);
	return DESCRIBE_NONE;
}

static int copy_sealed(int fd, uint64_t size)
{
	_cleanup_close_ int copy = memfd_create("key", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int r = copy < 0 ? -errno : fd_copy(copy, fd, size);

	if (r == 0 && fcntl(copy, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
		r = -errno;
	return r < 0 ? r : TAKE_FD(copy);
}

static enum describe_status take_file(struct describing *d, const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		events_error(d->events, "%s: %s", d->file, strerror(errno));
		return DESCRIBE_CANNOT;
	}
	if (!S_ISREG(st.st_mode) || st.st_size == 0 || (uint64_t)st.st_size > DESCRIBE_FILE_MAX) {
		events_error(d->events, "%s: %s; give the file with the one public key that is to be trusted", d->file,
			     !S_ISREG(st.st_mode) ? "not a regular file" :
			     st.st_size == 0	  ? "empty" :
						    "larger than any key (1 MiB)");
		return DESCRIBE_NONE;
	}
	d->fd = copy_sealed(fd, (uint64_t)st.st_size);
	if (d->fd < 0) {
		events_error(d->events, "%s: %s", d->file, strerror(-d->fd));
		return DESCRIBE_CANNOT;
	}
	return DESCRIBE_KEY;
}

static enum describe_status open_file(struct describing *d, const struct station_config *config)
{
	_cleanup_free_ char *path = realpath(d->file, NULL);

	if (!path) {
		events_error(d->events, "%s: %s", d->file, strerror(errno));
		return DESCRIBE_CANNOT;
	}
	if (is_beneath(path, config->spool_dir))
		return refuse_place(d, config->spool_dir);
	if (is_beneath(path, config->staging_dir))
		return refuse_place(d, config->staging_dir);
	return take_file(d, path);
}

/* -- the roles' answers ----------------------------------------------------------------------------------- */

/* What a person compares: digits that cannot look like others. */
static bool is_hex(const char *text)
{
	return *text && strspn(text, "0123456789abcdefABCDEF") == strlen(text);
}

static bool is_plausible(const struct description *k, unsigned int kinds)
{
	int kind = key_kind_by_name(k->kind);

	return kind >= 0 && kinds & 1u << kind && is_hex(k->fingerprint) && *k->key_id && k->created <= INT64_MAX &&
	       k->expires <= INT64_MAX && k->size > 0;
}

static int decode_description(struct decoder *d, unsigned int kinds, struct description *k)
{
	const uint8_t *bytes;
	int r;

	k->kind = decode_str(d, 31);
	k->fingerprint = decode_str(d, ORIGIN_KEY_ID_MAX);
	k->key_id = decode_str(d, ORIGIN_KEY_ID_MAX);
	k->owner = decode_str(d, ORIGIN_DETAIL_MAX);
	k->created = decode_u64(d);
	k->expires = decode_u64(d);
	bytes = decode_bytes(d, ORIGIN_KEY_BYTES_MAX, &k->size);
	k->trouble = decode_str(d, ORIGIN_DETAIL_MAX);
	r = decoder_end(d);
	if (r < 0)
		return r;
	if (!*k->kind)
		return 0;
	if (key_kind_by_name(k->kind) < 0 || (!*k->trouble && !is_plausible(k, kinds)))
		return -EPROTO; /* what is in trouble need not be a whole key */
	k->bytes = malloc(k->size + 1);
	if (!k->bytes)
		return -ENOMEM;
	if (k->size > 0)
		memcpy(k->bytes, bytes, k->size);
	return 1;
}

/* 1: described, 0: no key that this role knows, or a negative errno after telling. */
static int ask(struct describing *d, size_t which, int fd, struct description *k)
{
	const char *name = role_get(roles[which].role)->executable;
	_cleanup_free_ char *why = NULL;
	struct process p = { 0 };
	int r = proving_start(roles[which].role, NULL, &d->patience, &p, &why);

	if (r < 0) {
		events_error(d->events, "%s does not start: %s. `lazaret status` tells what this station lacks.", name,
			     why ? why : strerror(-r));
		return r;
	}
	r = channel_send(&p.channel, MESSAGE_ORIGIN_DESCRIBE, NULL, &fd, 1);
	if (r == 0)
		r = process_expect(&p, MESSAGE_ORIGIN_DESCRIBED, &d->patience, &d->m, &why);
	if (r == 0) {
		r = decode_description(&d->m.payload, roles[which].kinds, k);
		message_done(&d->m);
	}
	if (r < 0) {
		process_kill(&p);
		events_error(d->events, "%s: %s could not read it: %s. The key is not trusted.", d->file, name,
			     r == -ENOTCONN ? "it died of it" : why ? why : strerror(-r));
	} else {
		(void)process_end(&p); /* it has said all that it was for */
	}
	return r;
}

/* The line of base64 that is kept of minisign's keys and of signify's is the same: which it is, the file's comment said. */
static bool is_kind_again(const char *again, const char *kind)
{
	bool is_line = strcmp(kind, key_kind_name(KEY_SIGNIFY)) == 0 || strcmp(kind, key_kind_name(KEY_MINISIGN)) == 0;

	return strcmp(again, kind) == 0 || (is_line && strcmp(again, key_kind_name(KEY_MINISIGN)) == 0);
}

/* What is kept has to be the key that was shown, whenever it is read again: another process, which has not met the file,
 * must come to the same. */
static int check_kept(struct describing *d, size_t which, const struct description *k)
{
	struct description again = { 0 };
	int fd = memfd_create("key", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int r = fd < 0 ? -errno : fd_write_all(fd, k->bytes, k->size);

	if (r == 0)
		r = ask(d, which, fd, &again);
	else
		events_error(d->events, "%s: %s", d->file, strerror(-r));
	if (r >= 0 && (r == 0 || *again.trouble || !is_kind_again(again.kind, k->kind) ||
		       strcmp(again.fingerprint, k->fingerprint) != 0)) {
		events_error(d->events, "%s: its key does not read the same twice; it is not trusted", d->file);
		r = -EPROTO;
	}
	description_done(&again);
	close_p(&fd);
	return r < 0 ? r : 0;
}

static int tell(struct describing *d, const struct description *k)
{
	_cleanup_free_ char *owner = text_escape(k->owner, strlen(k->owner)), *trouble = text_escape(k->trouble, strlen(k->trouble));
	_cleanup_free_ char *text = malloc(BASE64_LEN(k->size) + 1), *id = text_escape(k->key_id, strlen(k->key_id));
	const char *fingerprint = is_hex(k->fingerprint) ? k->fingerprint : ""; /* of a key in trouble it may be anything */

	if (!owner || !trouble || !text || !id) {
		events_error(d->events, "%s: %s", d->file, strerror(ENOMEM));
		return -ENOMEM;
	}
	base64_encode(k->bytes, k->size, text);
	events_send(d->events, "key", json_pack("{s:s,s:s,s:s,s:s,s:I,s:I,s:s,s:s}", "kind", k->kind, "fingerprint", fingerprint,
						"key_id", id, "owner", owner, "created", (json_int_t)k->created, "expires",
						(json_int_t)k->expires, "key", text, "trouble", trouble));
	return 0;
}

static enum describe_status ask_all(struct describing *d)
{
	struct description k = { 0 };
	size_t which = 0;
	int r = 0;

	for (; which < ARRAY_LEN(roles); which++) {
		r = ask(d, which, d->fd, &k);
		if (r != 0)
			break;
		description_done(&k);
	}
	if (r > 0)
		r = *k.trouble || check_kept(d, which, &k) == 0 ? tell(d, &k) : -EPROTO;
	else if (r == 0)
		events_error(d->events,
			     "%s: no public key that this station knows: minisign, signify, an OpenPGP certificate, an X.509 "
			     "certificate, or an Ed25519 or ECDSA P-256 public key in PEM",
			     d->file);
	description_done(&k);
	return r < 0 ? DESCRIBE_CANNOT : which < ARRAY_LEN(roles) ? DESCRIBE_KEY : DESCRIBE_NONE;
}

enum describe_status describe_key_file(const struct station_config *config, const char *file, struct events *events,
				       int signal_fd)
{
	struct describing *d = calloc(1, sizeof(*d));
	enum describe_status status;

	if (!d) {
		events_error(events, "%s: %s", file, strerror(ENOMEM));
		return DESCRIBE_CANNOT;
	}
	d->file = file;
	d->events = events;
	d->patience = (struct patience){ signal_fd, monotonic_ms() + PATIENCE_MS };
	d->fd = -EBADF;
	status = open_file(d, config);
	if (status == DESCRIBE_KEY)
		status = ask_all(d);
	close_p(&d->fd);
	free(d);
	return status;
}
