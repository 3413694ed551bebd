/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The one user of libcryptsetup. Every byte of the medium's header is untrusted, and so is this process from the first of
 * them on: no capability, no network, nothing that it could write to. What it holds is the passphrase and, with it, the key of
 * this one volume. It works out a table and says it to intake; it maps nothing (dmrecord.h). */
#include <libcryptsetup.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "intake/dmrecord.h"
#include "intake/limits.h"
#include "intake/unlock.h"

#define MAPPED_NAME "volume"
#define TCRYPT_PASSPHRASE_MAX 128 /* bytes: VeraCrypt's longest */

static const struct {
	const char *fs;	  /* libblkid's name */
	const char *type; /* libcryptsetup's */
} formats[] = {
	{ "crypto_LUKS", CRYPT_LUKS },
	{ "BitLocker", CRYPT_BITLK },
	{ "cs_fvault2", CRYPT_FVAULT2 },
	{ UNLOCK_FS_NOISE, CRYPT_TCRYPT },
};

/* In one place, which stays out of swap (mlock) and is wiped. */
static struct {
	char passphrase[UNLOCK_PASSPHRASE_MAX];
	struct table table;
	struct encoder encoder;
} secret;

static char last_words[VOLUME_DETAIL_MAX / 2];

static struct crypt_device *device_free(struct crypt_device **cd)
{
	crypt_free(*cd);
	return *cd = NULL;
}

static void device_freep(struct crypt_device **cd)
{
	(void)device_free(cd); /* NULL, always */
}

/* What the library said last as an error. */
static void keep_words(int level, const char *text, void *context)
{
	if (level != CRYPT_LOG_ERROR)
		return;
	(void)snprintf(last_words, sizeof(last_words), "%s", text);
	last_words[strcspn(last_words, "\n")] = '\0';
}

static const char *format_of(const char *fs, bool *ret_is_known)
{
	for (size_t i = 0; i < ARRAY_LEN(formats); i++)
		if (strcmp(formats[i].fs, fs) == 0) {
			*ret_is_known = true;
			return formats[i].type;
		}
	*ret_is_known = false;
	return NULL;
}

bool unlock_knows(const char *fs)
{
	bool is_known;

	(void)format_of(fs, &is_known); /* NULL is LUKS of either version */
	return is_known;
}

static int open_device(const char *path, struct crypt_device **ret)
{
	int r = crypt_init(ret, path);

	if (r < 0)
		return r;
	crypt_set_log_callback(*ret, keep_words, NULL);
	return crypt_volume_key_keyring(*ret, 0);
}

static bool is_luks(const char *type)
{
	return strcmp(type, CRYPT_LUKS1) == 0 || strcmp(type, CRYPT_LUKS2) == 0;
}

/* Does the key derivation of this slot fit into what this process may have? */
static bool slot_fits(struct crypt_device *cd, int slot, uint32_t *least_kb)
{
	struct crypt_pbkdf_type pbkdf = { 0 };

	if (crypt_keyslot_get_pbkdf(cd, slot, &pbkdf) < 0)
		return false;
	*least_kb = MIN(*least_kb, pbkdf.max_memory_kb);
	return pbkdf.max_memory_kb <= UNLOCK_MEMORY_MAX_KB;
}

static bool slot_is_used(struct crypt_device *cd, int slot)
{
	crypt_keyslot_info info = crypt_keyslot_status(cd, slot);

	return info == CRYPT_SLOT_ACTIVE || info == CRYPT_SLOT_ACTIVE_LAST;
}

/* Before anybody is asked: is there a slot that a passphrase could open? */
static int check_slots(struct crypt_device *cd, char *words, size_t words_size)
{
	uint32_t least_kb = UINT32_MAX;
	unsigned int used = 0;

	for (int slot = 0; slot < crypt_keyslot_max(crypt_get_type(cd)); slot++) {
		if (!slot_is_used(cd, slot))
			continue;
		if (slot_fits(cd, slot, &least_kb))
			return 0;
		used++;
	}
	if (used == 0)
		(void)snprintf(words, words_size, "no passphrase opens it: it has no key slot in use");
	else
		(void)snprintf(words, words_size, "its key derivation wants %u MiB of memory, this station gives %u MiB",
			       least_kb / 1024, UNLOCK_MEMORY_MAX_KB / 1024);
	return used == 0 ? -ENOKEY : -ENOMEM;
}

static int load(const char *fs, const char *path, struct crypt_device **ret, char *words, size_t words_size)
{
	_cleanup_(device_freep) struct crypt_device *cd = NULL;
	bool is_known;
	const char *type = format_of(fs, &is_known);
	int r = is_known ? open_device(path, &cd) : -EINVAL;

	if (r == 0 && (!type || strcmp(type, CRYPT_TCRYPT) != 0))
		r = crypt_load(cd, type, NULL);
	if (r < 0) {
		(void)snprintf(words, words_size, "its header cannot be used: %s", last_words[0] ? last_words : strerror(-r));
		return r;
	}
	if (crypt_get_type(cd) && is_luks(crypt_get_type(cd)))
		r = check_slots(cd, words, words_size);
	if (r == 0) {
		*ret = cd;
		cd = NULL;
	}
	return r;
}

/* -- one passphrase ------------------------------------------------------------------------------------------ */

static int try_slots(struct crypt_device *cd, size_t size)
{
	uint32_t unused = UINT32_MAX;
	int r = -EPERM;

	for (int slot = 0; r == -EPERM && slot < crypt_keyslot_max(crypt_get_type(cd)); slot++)
		if (slot_is_used(cd, slot) && slot_fits(cd, slot, &unused))
			r = crypt_activate_by_passphrase(cd, MAPPED_NAME, slot, secret.passphrase, size,
							 CRYPT_ACTIVATE_READONLY);
	return r;
}

/* The header is only found by decrypting it. The outer volume is read; a hidden one inside it has another passphrase. */
static int try_tcrypt(const char *path, size_t size)
{
	_cleanup_(device_freep) struct crypt_device *cd = NULL;
	struct crypt_params_tcrypt params = { .passphrase = secret.passphrase,
					      .passphrase_size = size,
					      .flags = CRYPT_TCRYPT_LEGACY_MODES | CRYPT_TCRYPT_VERA_MODES };
	int r = size > TCRYPT_PASSPHRASE_MAX ? -EPERM : open_device(path, &cd);

	if (r == 0)
		r = crypt_load(cd, CRYPT_TCRYPT, &params);
	if (r == -ENOTSUP) /* only ciphers that OpenSSL does not have were left to be tried (dmrecord.c) */
		return -EPERM;
	return r < 0 ? r : crypt_activate_by_volume_key(cd, MAPPED_NAME, NULL, 0, CRYPT_ACTIVATE_READONLY);
}

static int try_passphrase(struct crypt_device *cd, const char *path, size_t size)
{
	const char *type = crypt_get_type(cd);
	int r;

	last_words[0] = '\0';
	dmrecord_begin(MAPPED_NAME, &secret.table);
	if (!type)
		r = try_tcrypt(path, size);
	else if (is_luks(type))
		r = try_slots(cd, size);
	else
		r = crypt_activate_by_passphrase(cd, MAPPED_NAME, CRYPT_ANY_SLOT, secret.passphrase, size,
						 CRYPT_ACTIVATE_READONLY);
	explicit_bzero(secret.passphrase, sizeof(secret.passphrase));
	/* What is no startup key either is invalid (BitLocker, with one among its protectors); the header was checked before. */
	if (r == -EINVAL && type && strcmp(type, CRYPT_BITLK) == 0 && !last_words[0])
		r = -EPERM;
	if (r >= 0 && !dmrecord_is_complete())
		r = -ENOTSUP;
	return MIN(r, 0);
}

static int answer(int sock, int error, const char *words)
{
	struct encoder *e = &secret.encoder;
	int r;

	encoder_init(e);
	encode_u32(e, (uint32_t)-error);
	encode_str(e, words);
	table_encode(&secret.table, e);
	r = e->error ? e->error : child_send(sock, e->data, e->size, -EBADF);
	explicit_bzero(e->data, e->size);
	table_wipe(&secret.table);
	return r;
}

static int serve(struct crypt_device *cd, const char *path, int sock)
{
	int r = 0;

	while (r == 0) {
		ssize_t n = recv(sock, secret.passphrase, sizeof(secret.passphrase), 0);

		if (n <= 0)
			return n < 0 ? -errno : 0;
		r = try_passphrase(cd, path, (size_t)n);
		r = answer(sock, r, last_words);
	}
	return r;
}

static int tell_loaded(int sock, int error, const char *format, const char *words)
{
	struct encoder *e = &secret.encoder;

	encoder_init(e);
	encode_u32(e, (uint32_t)-error);
	encode_str(e, format);
	encode_str(e, words);
	return e->error ? e->error : child_send(sock, e->data, e->size, -EBADF);
}

int unlock_serve(const char *fs, const char *path, int sock)
{
	_cleanup_(device_freep) struct crypt_device *cd = NULL;
	char words[VOLUME_DETAIL_MAX] = "";
	int r, told;

	(void)mlock(&secret, sizeof(secret)); /* where the limit allows: a kiosk has no swap */
	(void)crypt_metadata_locking(NULL, 0); /* nobody else writes: it is read-only */
	crypt_token_external_disable();	       /* what the header calls a token is no reason to load a library */
	crypt_set_log_callback(NULL, keep_words, NULL);
	r = load(fs, path, &cd, words, sizeof(words));
	told = tell_loaded(sock, r, r < 0 ? "" : crypt_get_type(cd) ? crypt_get_type(cd) : CRYPT_TCRYPT, words);
	if (r == 0)
		r = told;
	if (r == 0)
		r = serve(cd, path, sock);
	explicit_bzero(&secret, sizeof(secret));
	return r;
}
