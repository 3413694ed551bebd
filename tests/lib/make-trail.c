/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Lines of an audit trail, made and signed as lazaret-ledger makes them, without its disk: thousands in a moment.
 *
 *   make-trail KEY SEQ PREV TIME    standard input: "TYPE BODY" a line; standard output: the records from SEQ on, which follow the
 *                                   one with the hash PREV, a second apart from TIME
 */
#include <fcntl.h>
#include <string.h>

#include "common/chain.h"

static int make(const struct minisign_secret *key, uint64_t seq, uint8_t hash[static SHA256_LEN], int64_t time)
{
	char *line = NULL, *body_text, *made;
	size_t room = 0, size;
	ssize_t n;

	while ((n = getline(&line, &room, stdin)) > 0) {
		json_t *body = NULL;
		int r;

		line[n - 1] = '\0';
		body_text = strchr(line, ' ');
		if (!body_text)
			return -EINVAL;
		*body_text++ = '\0';
		r = chain_body_parse(body_text, strlen(body_text), &body, NULL);
		if (r == 0)
			r = chain_line_make(key, seq++, hash, time++, line, body, &made, &size, hash);
		if (r == 0 && fwrite(made, 1, size, stdout) != size)
			r = -EIO;
		json_decref(body);
		if (r < 0)
			return r;
		free(made);
	}
	free(line);
	return fflush(stdout) == 0 ? 0 : -EIO;
}

int main(int argc, char **argv)
{
	struct minisign_secret *key = NULL;
	uint8_t prev[SHA256_LEN];
	int fd = argc == 5 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1, r;

	if (fd < 0 || strlen(argv[3]) != SHA256_HEX_LEN || hex_decode(argv[3], prev, sizeof(prev)) < 0)
		return 64;
	r = minisign_secret_load(fd, &key);
	if (r == 0)
		r = make(key, strtoull(argv[2], NULL, 10), prev, strtoll(argv[4], NULL, 10));
	minisign_secret_free(key);
	(void)close(fd); /* read only */
	if (r < 0)
		fprintf(stderr, "make-trail: %s\n", strerror(-r));
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
