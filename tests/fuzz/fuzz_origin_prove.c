/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Hostile evidence in every format that lazaret-origin proves, with this target in the place of kiosk/proof: whatever it asks for, lists
 * or says keeps to proof/proof.h. The first bytes choose format and name, and cut off what is given for any file that it asks for. No key
 * is trusted, so that nothing may be good.
 */
#include <stdarg.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/fd.h"
#include "origin/formats.h"
#include "origin/json_input.h"
#include "origin/public_key.h"
#include "proof/certificate.h"

#include "input.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);

static const char *const paths[] = {
	"SHA256SUMS", "d/SHA512SUMS", "a.sha256", "a.minisig", "d/a.sig", "dists/x/InRelease", "dists/x/main/binary-amd64/Packages",
	"Sources", "a_1.dsc", "a.changes", "index.json", "blobs/sha256/e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	"a.dsse", "a.intoto.jsonl", "a.sigstore.json", "model.sig", "bag/manifest-sha256.txt", "bag/tagmanifest-sha512.txt",
	"v/.cargo-checksum.json", "x-1.dist-info/RECORD", "package-lock.json", "manifest.json",
};

static struct {
	struct input other; /* what is given */
	uint64_t text, entries;
	unsigned int wanted;
} now;

static int memory(struct input in)
{
	int fd = memfd_create("evidence", MFD_CLOEXEC);

	CLAIM(fd >= 0 && ftruncate(fd, (off_t)in.left) == 0);
	CLAIM(in.left == 0 || pwrite(fd, in.at, in.left, 0) == (ssize_t)in.left);
	return fd;
}

static void claim_path(const char *path, size_t size, unsigned int up, bool may_be_empty)
{
	CLAIM(size <= ORIGIN_PATH_MAX && up <= ORIGIN_UP_MAX && (size > 0 || may_be_empty));
	for (size_t at = 0; at < size;) {
		const char *slash = memchr(path + at, '/', size - at);
		size_t n = slash ? (size_t)(slash - path) - at : size - at;

		CLAIM(n > 0 && !(n == 1 && path[at] == '.') && !(n == 2 && path[at] == '.' && path[at + 1] == '.'));
		at += n + 1;
		CLAIM(at <= size || !slash); /* no '/' at the end */
	}
}

int evidence_want(struct evidence *e, unsigned int up, const char *path, int *ret_fd, uint64_t *ret_size)
{
	(void)e;
	claim_path(path, strlen(path), up, false);
	if (++now.wanted % 3 == 0)
		return 0; /* not there */
	*ret_fd = memory(now.other);
	*ret_size = now.other.left;
	return 1;
}

int evidence_signed(struct evidence *e, enum signature_outcome outcome, unsigned int up, const char *path, const struct trusted_key *key,
		    const char *key_id, const char *detail_format, ...)
{
	va_list args;
	char detail[ORIGIN_DETAIL_MAX + 1];

	(void)e;
	CLAIM(outcome < SIGNATURE_OUTCOME_COUNT_ && outcome != SIGNATURE_GOOD && !key && key_id && strlen(key_id) <= ORIGIN_KEY_ID_MAX);
	claim_path(path, strlen(path), up, true);
	va_start(args, detail_format);
	(void)vsnprintf(detail, sizeof(detail), detail_format, args);
	va_end(args);
	return 0;
}

int evidence_lists(struct evidence *e, const struct digest *d, const uint8_t *sum, unsigned int up, const char *path, size_t path_size)
{
	uint8_t copy[ORIGIN_DIGEST_MAX];

	CLAIM(d && d->size <= sizeof(copy));
	memcpy(copy, sum, d->size);
	claim_path(path, path_size, up, true);
	if (e->summary.outcome == LIST_NONE)
		e->summary.outcome = LIST_READ;
	return ++now.entries > PROOF_ENTRIES_MAX ? -E2BIG : 0;
}

int evidence_text(struct evidence *e, const void *data, size_t size)
{
	CLAIM(data || size == 0);
	now.text += size;
	return now.text > e->size ? -EFBIG : 0;
}

static const struct keyring nobody;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	CLAIM(digests_prepare() == 0 && minisign_prepare(&nobody) == 0 && signify_prepare(&nobody) == 0);
	json_input_prepare();
	CLAIM(certificates_prepare(&nobody) == 0 && public_keys_prepare(&nobody) == 0);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	const struct proof_format *format = &origin_formats[take_byte(&in) % ORIGIN_FORMAT_COUNT];
	const char *path = paths[take_byte(&in) % ARRAY_LEN(paths)];
	struct evidence e = { .path = path, .name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path, .now = 1800000000, .keys = &nobody };
	int r;

	memset(&now, 0, sizeof(now));
	now.other = take_part(&in, take_number(&in, 2));
	e.fd = memory(in);
	e.size = in.left;
	(void)recognise(path, e.fd, e.size);
	r = format->prove(&e);
	CLAIM(r <= 0 && e.summary.outcome < LIST_OUTCOME_COUNT_);
	CLAIM(memchr(e.summary.detail, 0, sizeof(e.summary.detail)) && memchr(e.summary.series, 0, sizeof(e.summary.series)));
	(void)close(e.fd);
	return 0;
}
