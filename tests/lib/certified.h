/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Roles that are trusted with certificates, and the specimens that tests/lib/certificates.py makes for them. Include after
 * "../lib/proving.h". */
#ifndef LAZARET_TESTS_CERTIFIED_H
#define LAZARET_TESTS_CERTIFIED_H

#define CERTIFIED_MAX 4 /* keys at once */

static char directory[64];
static int dir_fd = -EBADF;

/* `kind`: as certificates.py has it. For a set-up function's return. */
_unused_ static int certified_make(const char *kind)
{
	char path[PATH_MAX];

	dir_fd = private_directory(directory);
	if (!realpath("tests/lib/certificates.py", path)) /* tests run in the source tree */
		return -1;
	tool_run(directory, "python3", path, kind, directory);
	return 0;
}

_unused_ static int certified_remove(void **state)
{
	remove_private_directory(dir_fd, directory);
	return 0;
}

/* Start `program` with these certificates, NAME.pem in the order given; "alone", "code" and "tls" are pinned as signers, the
 * others are trusted as authorities. */
_unused_ static void certified_start(struct prover *p, const char *program, const char *const *names, uint64_t until)
{
	struct pretend_key keys[CERTIFIED_MAX] = { 0 };
	char *pems[CERTIFIED_MAX];
	size_t count = 0;

	for (; names[count]; count++) {
		const char *name = names[count];
		bool is_signer = strcmp(name, "alone") == 0 || strcmp(name, "code") == 0 || strcmp(name, "tls") == 0;
		char file[64];
		size_t size;

		assert_true(count < CERTIFIED_MAX);
		(void)snprintf(file, sizeof(file), "%s.pem", name);
		pems[count] = read_whole(dir_fd, file, &size);
		keys[count] = (struct pretend_key){ name, is_signer ? KEY_X509_SIGNER : KEY_X509_CA, pems[count], size, until };
	}
	prover_start(p, program, keys, count);
	for (size_t i = 0; i < count; i++)
		free(pems[i]);
}

#endif
