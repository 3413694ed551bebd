/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* lazaret-openpgp: OpenPGP signatures (RFC 9580; librnp), detached and around a text, by the certificates that the officer
 * trusts. All that it reads is hostile, through read-only descriptors of sealed copies; it can open no file.
 */
#include <time.h>

#include "openpgp/judge.h"
#include "openpgp/library.h"
#include "openpgp/openpgp.h"
#include "openpgp/ring.h"

static const struct proof_format formats[] = {
	{ EVIDENCE_OPENPGP, prove_openpgp },
	{ EVIDENCE_OPENPGP_TEXT, prove_openpgp_text },
};

static int prepare(const struct keyring *keys)
{
	int r = library_prepare();
	char now[TIME_TEXT_LEN + 1];

	time_text((uint64_t)time(NULL), now); /* the C library looks for a time zone once, even for UTC */
	return r == 0 ? ring_prepare(keys) : r;
}

int main(void)
{
	static const struct proof_role role = {
		.role = ROLE_OPENPGP,  .formats = formats, .format_count = ARRAY_LEN(formats),
		.prepare = prepare, .describe = describe_certificate,
	};

	/* Without what libraries do at exit: Botan unlocks memory, which the sandbox does not allow, and the kernel does anyway. */
	_exit(proof_main(&role));
}
