/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "common/evidence_name.h"

#include <fnmatch.h>
#include <string.h>
#include <strings.h>

#include "common/list_name.h"

/* Behind the name of what they are about. The longer first. */
static const char *const signature_suffixes[] = {
	".minisig", ".sig", ".asc", ".gpg", ".pgp", ".sign", ".signature", ".ed25519", ".p256",	/* signatures */
	".p7s", ".p7b", ".p7", ".p7c", ".cms",							/* CMS */
	".dsse", ".intoto.jsonl", ".jsonl", ".att", ".sigstore.json", ".sigstore", ".bundle", ".intoto.json",	/* attestations */
};

static const char *const suffixes[] = {
	".dsc", ".changes", ".buildinfo",	/* Debian */
	".rpm",					/* RPM */
	".exe", ".dll", ".sys", ".ocx", ".efi", ".scr", ".cpl", ".mui", ".drv", ".msi", ".msp", ".msu", ".cab", ".cat",
};

/* Of the last component. */
static const char *const names[] = {
	"InRelease", "Release", "Packages", "Packages.*", "Sources", "Sources.*",	/* Debian repositories */
	"repomd.xml", "*primary.xml", "*primary.xml.*",					/* RPM repositories */
	"index.json", "manifest.json",							/* OCI layout, `docker save` */
	"manifest-*.txt", "tagmanifest-*.txt", ".cargo-checksum.json",			/* BagIt, Cargo */
	"package-lock.json", "npm-shrinkwrap.json",					/* npm */
};

/* Of the whole path. */
static const char *const paths[] = { "*/by-hash/*", "blobs/sha256/*", "*/blobs/sha256/*", "*.dist-info/RECORD" };

const char *evidence_base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

bool evidence_has_suffix(const char *name, const char *suffix)
{
	size_t n = strlen(name), m = strlen(suffix);

	return n > m && strcasecmp(name + n - m, suffix) == 0;
}

size_t evidence_signed_length(const char *path)
{
	const char *name = evidence_base_name(path);

	for (size_t i = 0; i < ARRAY_LEN(signature_suffixes); i++)
		if (evidence_has_suffix(name, signature_suffixes[i]))
			return strlen(path) - strlen(signature_suffixes[i]);
	return 0;
}

bool evidence_name_promises(const char *path)
{
	const char *name = evidence_base_name(path);

	if (evidence_signed_length(path) > 0)
		return true;
	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++)
		if (evidence_has_suffix(name, suffixes[i]))
			return true;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (fnmatch(names[i], name, FNM_CASEFOLD) == 0)
			return true;
	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		if (fnmatch(paths[i], path, FNM_CASEFOLD) == 0)
			return true;
	return list_name_promises(name);
}
