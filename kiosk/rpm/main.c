/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* lazaret-rpm: RPM packages and repositories. Headers of packages are parsed by librpm, indexes by libxml2, signatures are
 * verified by librnp with the certificates that the officer trusts. All that it reads is hostile, through read-only descriptors
 * of sealed copies; it can open no file.
 */
#include "openpgp/library.h"
#include "openpgp/ring.h"
#include "rpm/formats.h"
#include "rpm/package.h"
#include "rpm/xml.h"

static const struct proof_format formats[] = {
	{ EVIDENCE_RPM, prove_rpm },
	{ EVIDENCE_REPOMD, prove_repomd },
	{ EVIDENCE_RPM_PRIMARY, prove_primary },
};

static int prepare(const struct keyring *keys)
{
	int r = library_prepare();

	package_prepare();
	if (r == 0)
		r = ring_prepare(keys);
	return r == 0 ? sax_prepare() : r;
}

int main(void)
{
	static const struct proof_role role = {
		.role = ROLE_RPM, .formats = formats, .format_count = ARRAY_LEN(formats), .prepare = prepare,
	};

	/* Destructors of librnp's libraries unlock memory (Botan's pool), which is none of this process's business any more. */
	_exit(proof_main(&role));
}
