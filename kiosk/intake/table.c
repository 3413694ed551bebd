/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Runs in intake and, to fill it, in its child. Format of the parameters: Documentation/admin-guide/device-mapper/
 * dm-crypt.rst: CIPHER KEY IV_OFFSET DEVICE OFFSET [COUNT OPTION...]. */
#include "intake/table.h"

#include <stdarg.h>
#include <string.h>

#define KEY_BYTES_MIN 16
#define KEY_BYTES_MAX 64
#define FIELD_MAX 160

/* What LUKS, BitLocker, FileVault and VeraCrypt use, in the kernel's spelling. */
static const char *const ciphers[] = { "aes", "serpent", "twofish", "camellia" };
static const char *const modes[] = { "xts-plain64", "xts-plain", "cbc-essiv:sha256", "cbc-plain64", "cbc-plain" };
static const char *const others[] = { "aes-cbc-eboiv", "aes-cbc-elephant", "xchacha12,aes-adiantum-plain64",
				      "xchacha20,aes-adiantum-plain64" };

int table_add(struct table *t, uint64_t start, uint64_t size, const char *type, const char *params)
{
	struct table_target *target;

	if (t->count >= TABLE_TARGETS_MAX || strlen(type) > TABLE_TYPE_MAX || strlen(params) > TABLE_PARAMS_MAX)
		return -E2BIG;
	target = &t->targets[t->count++];
	target->start = start;
	target->size = size;
	(void)snprintf(target->type, sizeof(target->type), "%s", type);
	(void)snprintf(target->params, sizeof(target->params), "%s", params);
	return 0;
}

void table_encode(const struct table *t, struct encoder *e)
{
	encode_u32(e, (uint32_t)t->count);
	for (size_t i = 0; i < t->count; i++) {
		encode_u64(e, t->targets[i].start);
		encode_u64(e, t->targets[i].size);
		encode_str(e, t->targets[i].type);
		encode_str(e, t->targets[i].params);
	}
}

int table_decode(struct table *ret, struct decoder *d)
{
	uint32_t count = decode_u32(d);

	memset(ret, 0, sizeof(*ret));
	if (d->error || count > TABLE_TARGETS_MAX)
		return -EPROTO;
	for (uint32_t i = 0; i < count; i++) {
		ret->targets[i].start = decode_u64(d);
		ret->targets[i].size = decode_u64(d);
		decode_str_into(d, ret->targets[i].type, sizeof(ret->targets[i].type));
		decode_str_into(d, ret->targets[i].params, sizeof(ret->targets[i].params));
	}
	ret->count = count;
	return d->error ? -EPROTO : 0;
}

void table_wipe(struct table *t)
{
	explicit_bzero(t, sizeof(*t));
}

/* -- checking -------------------------------------------------------------------------------------------------- */

struct crypt_params {
	char cipher[FIELD_MAX], key[FIELD_MAX], iv_offset[FIELD_MAX], device[FIELD_MAX], offset[FIELD_MAX];
	uint64_t iv_number, offset_number;
	uint32_t sector_size; /* bytes; 0: not said */
	bool has_large_ivs;
};

static int refuse(char *words, size_t words_size, const char *fmt, ...) _printf_(3, 4);
static int refuse(char *words, size_t words_size, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(words, words_size, fmt, args); /* cut on purpose */
	va_end(args);
	return -EINVAL;
}

/* The next word of `*at`, which is separated by single spaces. */
static bool take_field(const char **at, char out[static FIELD_MAX])
{
	size_t size = strcspn(*at, " ");

	if (size == 0 || size >= FIELD_MAX)
		return false;
	memcpy(out, *at, size);
	out[size] = '\0';
	*at += size;
	if (**at == ' ')
		(*at)++;
	return true;
}

static bool parse_number(const char *text, uint64_t *ret)
{
	uint64_t n = 0;

	if (!text[0] || strlen(text) > 18)
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		n = n * 10 + (uint64_t)(*text - '0');
	}
	*ret = n;
	return true;
}

static bool cipher_is_known(const char *cipher)
{
	char name[64];

	for (size_t i = 0; i < ARRAY_LEN(ciphers); i++)
		for (size_t k = 0; k < ARRAY_LEN(modes); k++) {
			(void)snprintf(name, sizeof(name), "%s-%s", ciphers[i], modes[k]);
			if (strcmp(name, cipher) == 0)
				return true;
		}
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		if (strcmp(others[i], cipher) == 0)
			return true;
	return false;
}

static bool key_is_hex(const char *key)
{
	size_t size = strlen(key);

	return size % 2 == 0 && size >= 2 * KEY_BYTES_MIN && size <= 2 * KEY_BYTES_MAX &&
	       strspn(key, "0123456789abcdefABCDEF") == size;
}

static bool take_option(struct crypt_params *p, const char *option)
{
	static const char *const about_speed[] = { "allow_discards", "same_cpu_crypt", "submit_from_crypt_cpus",
						   "no_read_workqueue", "no_write_workqueue" };
	uint64_t n;

	for (size_t i = 0; i < ARRAY_LEN(about_speed); i++)
		if (strcmp(about_speed[i], option) == 0)
			return true;
	if (strcmp(option, "iv_large_sectors") == 0)
		return p->has_large_ivs = true;
	if (strncmp(option, "sector_size:", 12) != 0 || !parse_number(option + 12, &n) ||
	    (n != 512 && n != 1024 && n != 2048 && n != 4096))
		return false;
	p->sector_size = (uint32_t)n;
	return true;
}

static bool take_options(struct crypt_params *p, const char *at)
{
	char field[FIELD_MAX];
	uint64_t count;

	if (!*at)
		return true;
	if (!take_field(&at, field) || !parse_number(field, &count))
		return false;
	for (; count > 0; count--)
		if (!take_field(&at, field) || !take_option(p, field))
			return false;
	return !*at;
}

static int parse_crypt(struct crypt_params *p, const char *at, char *words, size_t words_size)
{
	if (!take_field(&at, p->cipher) || !take_field(&at, p->key) || !take_field(&at, p->iv_offset) ||
	    !take_field(&at, p->device) || !take_field(&at, p->offset) || !parse_number(p->iv_offset, &p->iv_number) ||
	    !parse_number(p->offset, &p->offset_number))
		return refuse(words, words_size, "its mapping is malformed");
	if (!cipher_is_known(p->cipher))
		return refuse(words, words_size, "its cipher (%s) is not one that this station opens", p->cipher);
	if (!key_is_hex(p->key))
		return refuse(words, words_size, "its key has an unusual length");
	if (strcmp(p->device, TABLE_MEDIUM) != 0)
		return refuse(words, words_size, "its mapping leads to another device");
	if (!take_options(p, at))
		return refuse(words, words_size, "it needs features that this station does not open (integrity, for one)");
	return 0;
}

static int write_crypt(struct table_target *t, const struct crypt_params *p, const char *device)
{
	bool has_size = p->sector_size > 512;
	char options[64] = "", size[32] = "";
	int n;

	if (has_size)
		(void)snprintf(size, sizeof(size), " sector_size:%u", p->sector_size);
	if (has_size || p->has_large_ivs)
		(void)snprintf(options, sizeof(options), " %d%s%s", has_size + p->has_large_ivs, size,
			       p->has_large_ivs ? " iv_large_sectors" : "");
	n = snprintf(t->params, sizeof(t->params), "%s %s %s %s %s%s", p->cipher, p->key, p->iv_offset, device, p->offset,
		     options);
	return n < 0 || (size_t)n >= sizeof(t->params) ? -EINVAL : 0;
}

static int check_crypt(struct table_target *t, const char *device, uint64_t medium_sectors, char *words, size_t words_size)
{
	struct crypt_params p = { .sector_size = 0 };
	int r = parse_crypt(&p, t->params, words, words_size);

	if (r == 0 && (p.offset_number > medium_sectors || t->size > medium_sectors - p.offset_number))
		r = refuse(words, words_size, "its mapping reaches past the end of the volume");
	if (r == 0)
		r = write_crypt(t, &p, device);
	explicit_bzero(&p, sizeof(p));
	return r;
}

int table_check(struct table *t, const char *device, uint64_t medium_sectors, uint64_t *ret_sectors, char *words,
		size_t words_size)
{
	uint64_t sectors = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < t->count; i++) {
		struct table_target *target = &t->targets[i];

		if (target->start != sectors || target->size == 0 || target->size > medium_sectors)
			return refuse(words, words_size, "its mapping has gaps or overlaps");
		sectors += target->size;
		if (strcmp(target->type, "zero") == 0)
			target->params[0] = '\0';
		else if (strcmp(target->type, "crypt") == 0)
			r = check_crypt(target, device, medium_sectors, words, words_size);
		else
			return refuse(words, words_size, "its mapping needs more than decryption");
	}
	if (r == 0 && (sectors == 0 || sectors > medium_sectors))
		return refuse(words, words_size, "its mapping is empty, or larger than the volume");
	if (r == 0)
		*ret_sectors = sectors;
	return r;
}
