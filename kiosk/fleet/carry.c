/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "fleet/carry.h"

#include <inttypes.h>
#include <string.h>

#include "common/report.h"
#include "fleet/limits.h"

int batch_add(struct batch *b, const char *line, size_t size)
{
	size_t needed = b->size + size + 2;

	if (needed > b->room) {
		char *grown = realloc(b->text, 2 * needed);

		if (!grown)
			return -ENOMEM;
		b->text = grown;
		b->room = 2 * needed;
	}
	memcpy(b->text + b->size, line, size);
	b->size += size;
	b->text[b->size++] = '\n';
	b->text[b->size] = '\0';
	b->count++;
	return 0;
}

bool batch_full(const struct batch *b)
{
	return b->count >= BATCH_RECORDS || b->size >= (b->limit ? b->limit : BATCH_FIRST);
}

void batch_done(struct batch *b)
{
	free(b->text);
	*b = (struct batch){ 0 };
}

static uint64_t number(const PGresult *r, int column)
{
	const char *text = link_value(r, 0, column);

	return text ? strtoull(text, NULL, 10) : 0;
}

static void note_forks(struct carried *c, const char *forks)
{
	size_t used = strlen(c->first_forks);

	c->forks++;
	for (const char *p = forks; *p; p++)
		c->forks += *p == ',';
	if (used + 2 < sizeof(c->first_forks))
		(void)snprintf(c->first_forks + used, sizeof(c->first_forks) - used, "%s%s", used ? "," : "", forks); /* the first ones */
}

int carry_batch(struct link *l, const char *station, const char *via, struct batch *b, struct carried *c)
{
	const char *const values[] = { station, b->text, via };
	_cleanup_(link_result_p) PGresult *r = NULL;

	if (b->count == 0)
		return 0;
	r = link_query(l, "SELECT added, known, forks FROM lazaret.put_records($1, $2, $3)", 3, values, NULL, NULL);
	if (!r || PQntuples(r) != 1)
		return -EIO;
	c->added += number(r, 0);
	c->known += number(r, 1);
	if (link_value(r, 0, 2))
		note_forks(c, link_value(r, 0, 2));
	b->size = b->count = 0;
	b->limit = MIN(2 * (b->limit ? b->limit : BATCH_FIRST), (size_t)BATCH_LAST);
	return 0;
}

int carry_known(struct link *l, const char *station, uint64_t *ret_seq, uint8_t ret_hash[static SHA256_LEN], uint64_t *ret_forks)
{
	const char *const values[] = { station }, *hex;
	_cleanup_(link_result_p) PGresult *r =
		link_query(l, "SELECT seq, encode(hash, 'hex'), forks FROM lazaret.known_to($1)", 1, values, NULL, NULL);

	if (!r || PQntuples(r) != 1)
		return -EIO;
	hex = link_value(r, 0, 1);
	*ret_forks = number(r, 2);
	if (!hex)
		return 0;
	*ret_seq = number(r, 0);
	if (strlen(hex) != SHA256_HEX_LEN || hex_decode(hex, ret_hash, SHA256_LEN) < 0) {
		(void)snprintf(l->error, sizeof(l->error), "the centre names a hash that is none");
		return -EIO;
	}
	return 1;
}

/* -- reports ------------------------------------------------------------------------------------------------------ */

/* The same bytes make the same parts, whoever sends them: PART_BYTES and what is left of the line then. */
static int read_part(FILE *in, uint64_t *left, char **data, size_t *ret_size)
{
	size_t room = PART_BYTES + REPORT_LINE_MAX + 1, size = (size_t)MIN(*left, (uint64_t)PART_BYTES);
	int c = 0;

	if (!*data)
		*data = malloc(room);
	if (!*data)
		return -ENOMEM;
	if (fread(*data, 1, size, in) != size)
		return ferror(in) ? -EIO : -ENODATA;
	*left -= size;
	while (*left > 0 && (*data)[size - 1] != '\n') {
		if (size == room)
			return -EBADMSG; /* no report: a line is longer than any */
		c = getc_unlocked(in);
		if (c == EOF)
			return ferror(in) ? -EIO : -ENODATA;
		(*data)[size++] = (char)c;
		(*left)--;
	}
	*ret_size = size;
	return 0;
}

static int send_part(struct link *l, const char *station, const char *seq, unsigned int part, const char *data, size_t size)
{
	char part_text[16];
	const char *const values[] = { station, seq, part_text, data };
	const int sizes[] = { 0, 0, 0, (int)size }, formats[] = { 0, 0, 0, 1 };
	_cleanup_(link_result_p) PGresult *r = NULL;

	(void)snprintf(part_text, sizeof(part_text), "%u", part); /* fits */
	r = link_query(l, "SELECT lazaret.put_report_part($1, $2, $3, $4)", 4, values, sizes, formats);
	return r ? 0 : -EIO;
}

int carry_report(struct link *l, const char *station, uint64_t seq, FILE *in, uint64_t size)
{
	_cleanup_(link_result_p) PGresult *r = NULL;
	_cleanup_free_ char *data = NULL;
	char seq_text[24];
	const char *const values[] = { station, seq_text };
	const char *outcome;
	size_t part_size = 0;
	int e;

	(void)snprintf(seq_text, sizeof(seq_text), "%" PRIu64, seq); /* fits */
	for (unsigned int part = 0; size > 0; part++) {
		e = read_part(in, &size, &data, &part_size);
		if (e == 0)
			e = send_part(l, station, seq_text, part, data, part_size);
		if (e < 0)
			return e;
	}
	r = link_query(l, "SELECT lazaret.finish_report($1, $2)", 2, values, NULL, NULL);
	if (!r || PQntuples(r) != 1)
		return -EIO;
	outcome = link_value(r, 0, 0);
	return outcome && strcmp(outcome, "bad") == 0 ? -EBADMSG : 0;
}
