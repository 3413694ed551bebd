/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* lazaret-cms: CMS (PKCS#7) signatures of files, and the X.509 certificates that an officer wants to trust. libcrypto parses
 * ASN.1 here; the bytes are hostile, and no file can be opened.
 */
#include "cms/cms.h"
#include "proof/certificate.h"

static const struct proof_format formats[] = {
	{ EVIDENCE_CMS, prove_cms },
};

int main(void)
{
	static const struct proof_role role = {
		.role = ROLE_CMS, .formats = formats, .format_count = ARRAY_LEN(formats),
		.prepare = certificates_prepare, .describe = describe_certificate,
	};

	return proof_main(&role);
}
