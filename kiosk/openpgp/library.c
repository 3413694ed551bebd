/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "openpgp/library.h"

#include <string.h>
#include <time.h>

#include <jansson.h>

#include "common/base64.h"

static struct library lib;

struct library *library(void)
{
	return &lib;
}

int library_error(rnp_result_t r)
{
	if (r == RNP_SUCCESS)
		return 0;
	return r == RNP_ERROR_OUT_OF_MEMORY ? -ENOMEM : -EBADMSG;
}

/* -- rules ---------------------------------------------------------------------------------------------------- */

/* Collisions can be made for all of them. A signature claims its own date, so there is none from which a rule may start. */
static const char *const broken_hashes[] = { RNP_ALGNAME_MD5, RNP_ALGNAME_SHA1, RNP_ALGNAME_RIPEMD160 };

/* librnp's own rules go: they differ by release, and let SHA-1 of before 2019 pass. */
static int forget_rules(rnp_ffi_t ffi)
{
	return rnp_remove_security_rule(ffi, NULL, NULL, 0, RNP_SECURITY_REMOVE_ALL, 0, NULL) == RNP_SUCCESS ? 0 : -ENOTSUP;
}

static int set_rules(rnp_ffi_t ffi)
{
	for (size_t i = 0; i < ARRAY_LEN(broken_hashes); i++) {
		uint32_t flags = RNP_SECURITY_VERIFY_DATA, level = RNP_SECURITY_DEFAULT;

		if (rnp_add_security_rule(ffi, RNP_FEATURE_HASH_ALG, broken_hashes[i], RNP_SECURITY_OVERRIDE, 0,
					  RNP_SECURITY_INSECURE) != RNP_SUCCESS ||
		    rnp_get_security_rule(ffi, RNP_FEATURE_HASH_ALG, broken_hashes[i], 1, &flags, NULL, &level) != RNP_SUCCESS ||
		    level == RNP_SECURITY_DEFAULT)
			return -ENOTSUP;
	}
	return 0;
}

static int open_ffi(rnp_ffi_t *ret, bool is_strict)
{
	int r;

	if (rnp_ffi_create(ret, "GPG", "GPG") != RNP_SUCCESS)
		return -ENOTSUP;
	r = forget_rules(*ret);
	return r == 0 && is_strict ? set_rules(*ret) : r;
}

/* -- rings ---------------------------------------------------------------------------------------------------- */

static int clear_ring(rnp_ffi_t ffi, uint64_t now)
{
	rnp_result_t r = rnp_unload_keys(ffi, RNP_KEY_UNLOAD_PUBLIC | RNP_KEY_UNLOAD_SECRET);

	if (r == RNP_SUCCESS)
		r = rnp_set_timestamp(ffi, MAX(now, 1u)); /* 0 would mean the system's clock */
	return r == RNP_SUCCESS ? 0 : -ENOTSUP;
}

int library_clear(uint64_t now)
{
	int r = clear_ring(lib.strict, now);

	return r == 0 ? clear_ring(lib.lax, now) : r;
}

static int load_ring(rnp_ffi_t ffi, const uint8_t *data, size_t size)
{
	_cleanup_rnp_input_ rnp_input_t input = NULL;
	rnp_result_t r = rnp_input_from_memory(&input, data, size, false);

	if (r == RNP_SUCCESS)
		r = rnp_load_keys(ffi, "GPG", input, RNP_LOAD_SAVE_PUBLIC_KEYS);
	return library_error(r);
}

int library_load(const uint8_t *data, size_t size)
{
	int r = load_ring(lib.strict, data, size);

	return r == 0 ? load_ring(lib.lax, data, size) : r;
}

/* -- known answers -------------------------------------------------------------------------------------------- */

/* By GnuPG 2.2.40: an Ed25519 certificate of 2020-01-01, and signatures over the byte 0x72 of 2020-01-02. */
static const char answer_certificate[] =
	"mDMEXgvhABYJKwYBBAHaRw8BAQdAF/zwuRl20aQxd5FghN768cXgHASDvPglY9eiFil5ub60BmFuc3dlcoiQBBMWCAA4FiEExUGCWqkRX6Bozcbv"
	"FLFv5R6liFwFAl4L4QACGwMFCwkIBwIGFQoJCAsCBBYCAwECHgECF4AACgkQFLFv5R6liFzazAD/eGtvUXyU6CJrr6dkrYq9tFiUsnhxZUKqIP3f"
	"EJVZJKQBAPWMMntyqbiNrai+fEW+UBE61cJ0fjQJiuFzOijdEZsC";
static const char answer_sha512[] =
	"iHUEABYKAB0WIQTFQYJaqRFfoGjNxu8UsW/lHqWIXAUCXg0ygAAKCRAUsW/lHqWIXECZAQD5/mnk4OHV6NvAtp5cgu4HalLwrbt8tsBtClBTiLBI"
	"cgD9EbfQPds2euoCV1crV/SkSbpaizslMCeNwOnX963P6Qk=";
static const char answer_sha1[] =
	"iHUEABYCAB0WIQTFQYJaqRFfoGjNxu8UsW/lHqWIXAUCXg0ygAAKCRAUsW/lHqWIXCjUAP9s6RUqX8AdORH4kOT23Gmr2GdrJCDyJrwLSlEJ8FlV"
	"GQD/cjgI66i2eh5lVHkpQqpRkTXR9qK4VvEeoXp0h8Jmfgw=";
#define ANSWER_CERTIFICATE_LEN 207
#define ANSWER_SIGNATURE_LEN 119
#define ANSWER_TIME 1609459200 /* 2021-01-01 */

static rnp_result_t ask(rnp_ffi_t ffi, const char *signature_base64, uint8_t message)
{
	_cleanup_rnp_input_ rnp_input_t data = NULL, signature = NULL;
	_cleanup_rnp_verify_ rnp_op_verify_t op = NULL;
	rnp_op_verify_signature_t s;
	uint8_t raw[ANSWER_SIGNATURE_LEN];
	size_t count = 0;

	if (base64_decode(signature_base64, strlen(signature_base64), raw, sizeof(raw)) < 0 ||
	    rnp_input_from_memory(&data, &message, 1, false) != RNP_SUCCESS ||
	    rnp_input_from_memory(&signature, raw, sizeof(raw), false) != RNP_SUCCESS ||
	    rnp_op_verify_detached_create(&op, ffi, data, signature) != RNP_SUCCESS)
		return RNP_ERROR_GENERIC;
	(void)rnp_op_verify_execute(op); /* the signature's own status is asked for */
	if (rnp_op_verify_get_signature_count(op, &count) != RNP_SUCCESS || count != 1 ||
	    rnp_op_verify_get_signature_at(op, 0, &s) != RNP_SUCCESS)
		return RNP_ERROR_GENERIC;
	return rnp_op_verify_signature_get_status(s);
}

static int try_answers(void)
{
	uint8_t certificate[ANSWER_CERTIFICATE_LEN];
	int r = base64_decode(answer_certificate, strlen(answer_certificate), certificate, sizeof(certificate));

	if (r == 0)
		r = library_clear(ANSWER_TIME);
	if (r == 0)
		r = library_load(certificate, sizeof(certificate));
	if (r == 0 && (ask(lib.strict, answer_sha512, 0x72) != RNP_SUCCESS ||
		       ask(lib.strict, answer_sha512, 0x73) != RNP_ERROR_SIGNATURE_INVALID ||
		       ask(lib.strict, answer_sha1, 0x72) != RNP_ERROR_SIGNATURE_INVALID ||
		       ask(lib.lax, answer_sha1, 0x72) != RNP_SUCCESS ||
		       ask(lib.none, answer_sha512, 0x72) != RNP_ERROR_KEY_NOT_FOUND))
		r = -EBADMSG;
	if (r == 0)
		r = library_clear(ANSWER_TIME);
	return r < 0 ? -ENOTSUP : 0;
}

/* -- silence -------------------------------------------------------------------------------------------------- */

static ssize_t discard(void *context, const char *data, size_t size)
{
	return (ssize_t)size;
}

/* Debian 12's librnp is a build that speaks of everything that it meets to stderr, in the medium's own words (names of
 * notations), which would reach a terminal unescaped; there is no way to tell it not to. This program itself writes to the
 * descriptor (common/log.c). A file that leads nowhere needs no descriptor in the sandbox. */
static int silence(void)
{
	FILE *nowhere = fopencookie(NULL, "w", (cookie_io_functions_t){ .write = discard });

	if (!nowhere)
		return -ENOMEM;
	stderr = nowhere;
	return 0;
}

int library_prepare(void)
{
	int r = silence();

	/* What would open files at first use, in the sandbox: Jansson its seed, strftime(3) the time zone. */
	json_object_seed(0);
	tzset();
	if (r == 0)
		r = open_ffi(&lib.strict, true);
	if (r == 0)
		r = open_ffi(&lib.lax, false);
	if (r == 0)
		r = open_ffi(&lib.none, true);
	return r == 0 ? try_answers() : r;
}
