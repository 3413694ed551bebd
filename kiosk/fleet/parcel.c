/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "fleet/parcel.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "common/parcel.h"
#include "fleet/limits.h"

#define READ_SIZE  (1u << 18)
#define HEADER_MAX 4096 /* bytes */

struct reading {
	struct link *link;
	int fd;
	uint64_t size;	    /* of the file */
	uint64_t body_size; /* of what stands before the index */
	FILE *in;
	const struct minisign_public *key;
	struct parcel *parcel;
	uint8_t first_prev[SHA256_LEN], last_hash[SHA256_LEN]; /* as header and index have them */
	uint64_t next_seq;
	uint8_t next_prev[SHA256_LEN];
	bool is_report; /* the record before was one of a report */
	char *line;
	size_t room;
	struct batch batch;
	const char *why;
};

static void json_decref_p(json_t **j)
{
	json_decref(*j);
}

static int bad(struct reading *p, const char *why)
{
	p->why = why;
	return -EBADMSG;
}

static int read_at(int fd, void *data, size_t size, uint64_t offset)
{
	for (size_t have = 0; have < size;) {
		ssize_t n = pread(fd, (char *)data + have, size - have, (off_t)(offset + have));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -ENODATA;
		have += (size_t)n;
	}
	return 0;
}

static int take_hash(const char *hex, uint8_t ret[static SHA256_LEN])
{
	return strlen(hex) == SHA256_HEX_LEN ? hex_decode(hex, ret, SHA256_LEN) : -EINVAL;
}

/* -- index and header ------------------------------------------------------------------------------------------------ */

/* The first line says whose it is; it is believed when the index has proved all bytes to be that station's. */
static int read_header(struct reading *p, const struct keys *keys)
{
	char text[HEADER_MAX + 1] = "";
	size_t size = (size_t)MIN(p->size, (uint64_t)HEADER_MAX);
	_cleanup_(json_decref_p) json_t *j = NULL;
	const char *format, *prev, *public_key, *station, *end;
	json_int_t first, last;
	int r = read_at(p->fd, text, size, 0);

	if (r < 0)
		return r;
	end = memchr(text, '\n', size);
	if (end)
		j = json_loadb(text, (size_t)(end - text), JSON_REJECT_DUPLICATES, NULL);
	if (json_unpack(j, "{s:I,s:s,s:I,s:s,s:s,s:s!}", "first", &first, "format", &format, "last", &last, "prev", &prev, "public_key",
			&public_key, "station", &station) < 0 ||
	    strcmp(format, PARCEL_FORMAT) != 0 || first < 0 || last < first || take_hash(prev, p->first_prev) < 0 ||
	    strlen(station) >= sizeof(p->parcel->station))
		return bad(p, "it is no file of `lazaret fleet export`");
	memcpy(p->parcel->station, station, strlen(station) + 1);
	p->parcel->first = (uint64_t)first;
	p->parcel->last = (uint64_t)last;
	p->key = keys_get(keys, station);
	if (!p->key) {
		p->why = "no key of its station is known here";
		return -ENOKEY;
	}
	return 0;
}

static int check_sum(struct reading *p, const uint8_t expected[static SHA256_LEN])
{
	struct hash *h = hash_new();
	_cleanup_free_ char *data = malloc(READ_SIZE);
	uint8_t sum[SHA256_LEN];
	int r = h && data ? 0 : -ENOMEM;

	for (uint64_t at = 0; r == 0 && at < p->body_size;) {
		size_t size = (size_t)MIN(p->body_size - at, (uint64_t)READ_SIZE);

		r = read_at(p->fd, data, size, at);
		if (r == 0)
			r = hash_update(h, data, size);
		at += size;
	}
	if (r == 0)
		r = hash_final(h, sum);
	hash_free(h);
	if (r == 0 && memcmp(sum, expected, sizeof(sum)) != 0)
		r = bad(p, "it was altered: its bytes are not those of its index");
	return r;
}

static int check_index_record(struct reading *p, const struct chain_record *record)
{
	const char *hash, *sum;
	json_int_t first, last, size;
	uint8_t expected[SHA256_LEN];

	if (chain_record_verify(record, p->key) < 0)
		return bad(p, "its index is not signed by its station's audit key");
	if (strcmp(record->type, PARCEL_TYPE) != 0 ||
	    json_unpack(record->body, "{s:I,s:s,s:I,s:s,s:I}", "first", &first, "hash", &hash, "last", &last, "sha256", &sum, "size",
			&size) < 0 ||
	    take_hash(hash, p->last_hash) < 0 || take_hash(sum, expected) < 0)
		return bad(p, "it has no index at its end: it was cut");
	if ((uint64_t)size != p->body_size || (uint64_t)first != p->parcel->first || (uint64_t)last != p->parcel->last)
		return bad(p, "it was altered: its index is another file's");
	return check_sum(p, expected);
}

static int check_index(struct reading *p)
{
	size_t size = (size_t)MIN(p->size, (uint64_t)CHAIN_LINE_MAX);
	_cleanup_free_ char *text = malloc(size + 1);
	struct chain_record record = { 0 };
	const char *line;
	int r;

	if (!text)
		return -ENOMEM;
	r = read_at(p->fd, text, size, p->size - size);
	if (r < 0)
		return r;
	if (size < 2 || text[size - 1] != '\n')
		return bad(p, "its end is missing: it was cut");
	line = memrchr(text, '\n', size - 1);
	if (!line)
		return bad(p, "it has no index at its end: it was cut");
	line++;
	r = chain_line_parse(line, (size_t)(text + size - 1 - line), &record, NULL);
	p->body_size = p->size - (uint64_t)(text + size - line);
	if (r == 0)
		r = check_index_record(p, &record);
	else if (r != -ENOMEM)
		r = bad(p, "it has no index at its end: it was cut");
	chain_record_done(&record);
	return r;
}

/* -- records and reports ----------------------------------------------------------------------------------------------- */

static int flush_batch(struct reading *p)
{
	return carry_batch(p->link, p->parcel->station, "file", &p->batch, &p->parcel->carried);
}

static int take_record(struct reading *p, size_t size)
{
	struct chain_record record = { 0 };
	int r = chain_line_parse(p->line, size, &record, &p->why);

	if (r < 0)
		return r == -ENOMEM ? r : -EBADMSG;
	if (record.seq != p->next_seq || memcmp(record.prev, p->next_prev, SHA256_LEN) != 0)
		r = bad(p, "its records do not follow one another");
	else if (chain_record_verify(&record, p->key) < 0)
		r = bad(p, "a record in it is not signed by its station's audit key");
	p->next_seq = record.seq + 1;
	memcpy(p->next_prev, record.hash, SHA256_LEN);
	p->is_report = strcmp(record.type, CHAIN_TYPE_REPORT) == 0;
	chain_record_done(&record);
	if (r == 0)
		r = batch_add(&p->batch, p->line, size);
	return r == 0 && batch_full(&p->batch) ? flush_batch(p) : r;
}

static int take_report(struct reading *p, size_t size, uint64_t *at)
{
	_cleanup_(json_decref_p) json_t *j = json_loadb(p->line, size, JSON_REJECT_DUPLICATES, NULL);
	json_int_t seq, bytes;
	int r;

	if (json_unpack(j, "{s:I,s:I!}", "report", &seq, "size", &bytes) < 0 || bytes < 0 || !p->is_report ||
	    (uint64_t)seq + 1 != p->next_seq || (uint64_t)bytes >= p->body_size - *at)
		return bad(p, "a report in it stands in the wrong place");
	r = flush_batch(p);
	if (r == 0)
		r = carry_report(p->link, p->parcel->station, (uint64_t)seq, p->in, (uint64_t)bytes);
	if (r == -EBADMSG)
		return bad(p, "a report in it is not the one that its record names");
	if (r < 0)
		return r;
	if (fseeko(p->in, (off_t)(*at + (uint64_t)bytes), SEEK_SET) < 0 || getc(p->in) != '\n')
		return bad(p, "a report in it has no end");
	*at += (uint64_t)bytes + 1;
	p->parcel->reports++;
	return 0;
}

static int take_lines(struct reading *p)
{
	uint64_t at = 0;
	bool is_first = true;
	int r = 0;

	while (r == 0 && at < p->body_size) {
		ssize_t size = getline(&p->line, &p->room, p->in);

		if (size < 1 || p->line[size - 1] != '\n')
			return ferror(p->in) ? -EIO : bad(p, "a line in it has no end");
		at += (uint64_t)size;
		if (is_first)
			is_first = false;
		else if (strncmp(p->line, "{\"report\":", 10) == 0)
			r = take_report(p, (size_t)size - 1, &at);
		else
			r = take_record(p, (size_t)size - 1);
	}
	if (r == 0)
		r = flush_batch(p);
	if (r == 0 && (p->next_seq != p->parcel->last + 1 || memcmp(p->next_prev, p->last_hash, SHA256_LEN) != 0))
		r = bad(p, "its records do not reach to where its index says");
	return r;
}

/* The centre then knows how far this station's trail went at least. */
static int tell_witness(struct reading *p)
{
	char seq[24], hex[SHA256_HEX_LEN + 1];
	const char *const values[] = { p->parcel->station, seq, hex };
	_cleanup_(link_result_p) PGresult *r = NULL;

	(void)snprintf(seq, sizeof(seq), "%" PRIu64, p->parcel->last); /* fits */
	hex_encode(p->last_hash, SHA256_LEN, hex);
	r = link_query(p->link, "SELECT lazaret.put_witness($1, $2, $3)", 3, values, NULL, NULL);
	return r ? 0 : -EIO;
}

static int import(struct reading *p, const struct keys *keys)
{
	struct stat st;
	int r;

	if (fstat(p->fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return bad(p, "it is no regular file");
	p->size = (uint64_t)st.st_size;
	r = read_header(p, keys);
	if (r == 0)
		r = check_index(p);
	if (r < 0)
		return r;
	p->in = fdopen(p->fd, "r");
	if (!p->in)
		return -errno;
	p->fd = -EBADF; /* owned by in */
	rewind(p->in);
	p->next_seq = p->parcel->first;
	memcpy(p->next_prev, p->first_prev, SHA256_LEN);
	/* told before: when the link breaks on the way, what is missing is known to be missing */
	r = tell_witness(p);
	return r == 0 ? take_lines(p) : r;
}

int parcel_import(struct link *l, const struct keys *keys, int fd, struct parcel *ret, const char **ret_why)
{
	struct reading p = { .link = l, .parcel = ret, .fd = fcntl(fd, F_DUPFD_CLOEXEC, 0) };
	int r = p.fd < 0 ? -errno : import(&p, keys);

	close_p(&p.fd);
	fclose_p(&p.in);
	free(p.line);
	batch_done(&p.batch);
	*ret_why = p.why;
	return r;
}
