/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* lazaret-authenticode: Microsoft's signatures in programs (PE), cabinets, installer packages and catalogs.
 *
 * Not by running osslsigncode. That is a program that opens what it reads by name, so it would take a process that may execute, open
 * and map files, on hostile bytes; its verdict is an exit status and prose, in which names out of certificates stand unescaped;
 * and what it accepts differs from release to release (2.5 in Debian 12, 2.9 in 13; 2.9 cannot read a certificate table with
 * two entries, as Microsoft's own signature of shim has). What is particular to Authenticode is small: which bytes of a file
 * are hashed (pe.c, prove_cab.c, prove_msi.c), and where the digest stands in the signature (spc.c). Everything cryptographic, and
 * all of ASN.1, is libcrypto's; the tests hold both against osslsigncode.
 *
 * Not taken, so never good, and nothing is said of them: scripts (PS1), PKCS #9 countersignatures as time stamps. Every certificate must lead to one that the officer trusts: this station brings none of Microsoft's.
 */
#include "authenticode/authenticode.h"

static const struct proof_format formats[] = {
	{ EVIDENCE_AUTHENTICODE, prove_authenticode },
	{ EVIDENCE_CATALOG, prove_catalog },
};

int main(void)
{
	static const struct proof_role role = {
		.role = ROLE_AUTHENTICODE, .formats = formats, .format_count = ARRAY_LEN(formats),
		.prepare = certificates_prepare,
	};

	return proof_main(&role);
}
