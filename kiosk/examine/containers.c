/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Runs in a worker, on untrusted bytes. */
#include "examine/containers.h"

#include <string.h>

#include "common/macros.h"
#include "examine/formats.h"
#include "examine/program.h"

#define ZIP_END_SIZE 22u
#define PDF_SPAN 1024u /* bytes in which readers look for a header (PDF 1.7, implementation note 13) */

static size_t find(const struct containers *c, enum container_format format)
{
	size_t i = 0;

	while (i < c->count && c->list[i].format != format)
		i++;
	return i;
}

static void add(struct containers *c, enum container_format format, const char *mime, bool is_behind)
{
	if (find(c, format) < c->count)
		return;
	if (c->count == CONTAINER_FORMATS_MAX) {
		c->is_too_many = true;
		return;
	}
	c->list[c->count].format = format;
	c->list[c->count].mime = mime ? mime : container_info(format)->mime;
	c->list[c->count++].is_behind = is_behind;
}

/* The end record of a zip; of several the one that ends where the file does. NULL: there is none. */
static const uint8_t *zip_end(const uint8_t *data, size_t size, bool *ret_is_last)
{
	size_t span = MIN(size, (size_t)ZIP_END_SIZE + 0xffff);
	const uint8_t *found = NULL;

	*ret_is_last = false;
	for (const uint8_t *p = data + size - span; (p = memmem(p, (size_t)(data + size - p), "PK\5\6", 4)) != NULL; p++) {
		size_t left = (size_t)(data + size - p), record;

		if (left < ZIP_END_SIZE)
			break;
		record = ZIP_END_SIZE + (size_t)(p[20] | p[21] << 8);
		if (record > left || (p[10] | p[11]) == 0)
			continue;
		found = p;
		*ret_is_last = record == left;
		if (*ret_is_last)
			break;
	}
	return found;
}

bool containers_keep_files(const struct containers *c)
{
	for (size_t i = 0; i < c->count; i++) {
		const struct container_info *info = container_info(c->list[i].format);

		if (!c->list[i].is_behind && !c->is_too_many &&
		    (info->role == ROLE_DISK ||
		     (info->shape != CONTAINER_STREAM && (info->role == ROLE_UNPACK || info->role == ROLE_INTAKE))))
			return true;
	}
	return false;
}

/* A document's opener brings out its attachments and scripts, not all of its bytes; nobody walks a program or a picture. */
static bool is_walked(const struct containers *c)
{
	for (size_t i = 0; i < c->count; i++)
		if (c->list[i].format != CONTAINER_PDF && c->list[i].format != CONTAINER_OLE)
			return true;
	return false;
}

/* A zip that is a stored member of a tar, or a file of a disk image, has its end record near theirs, with their padding
 * behind it. It is opened as a member; whatever stands behind the last member of an archive, its own opener tells. */
static bool is_zip_behind(const struct containers *c, const uint8_t *data, size_t size)
{
	bool is_last;

	return zip_end(data, size, &is_last) && (is_last || !is_walked(c));
}

/* Readers take a header behind up to a KiB of anything else, and a file without an object has nothing to show. */
static bool is_pdf_behind(const uint8_t *data, size_t size)
{
	const uint8_t *p = memmem(data, MIN(size, (size_t)PDF_SPAN), "%PDF-", 5);

	return p && p != data && memmem(p, size - (size_t)(p - data), " obj", 4);
}

/* An image that has more than the tree of ISO 9660 (a bridge to UDF, a hybrid with partitions) is read as a disk: there
 * intake reads each of its volumes, the ISO tree among them. */
static void settle_disc(struct containers *c)
{
	size_t iso = find(c, CONTAINER_ISO9660), disk = find(c, CONTAINER_DISK);

	if (iso == c->count || disk == c->count)
		return;
	c->list[disk].mime = c->list[iso].mime;
	memmove(&c->list[iso], &c->list[iso + 1], (c->count - iso - 1) * sizeof(c->list[0]));
	c->count--;
}

void containers_find(const uint8_t *data, size_t size, struct containers *ret)
{
	enum container_format archive;
	const struct format *f;
	size_t at = 0;

	memset(ret, 0, sizeof(*ret));
	while ((f = format_next(data, size, &at)) != NULL)
		if (f->container != CONTAINER_NONE)
			add(ret, f->container, f->mime, false);
	settle_disc(ret);
	if (is_zip_behind(ret, data, size))
		add(ret, CONTAINER_ZIP, NULL, true);
	if (is_pdf_behind(data, size))
		add(ret, CONTAINER_PDF, NULL, true);
	at = 0;
	while ((archive = program_archive_next(data, size, &at)) != CONTAINER_NONE)
		add(ret, archive, NULL, true);
}

bool containers_cover(const struct containers *c, enum container_format format)
{
	if (format == CONTAINER_NONE || c->is_too_many)
		return false;
	return find(c, format) < c->count || (format == CONTAINER_ISO9660 && find(c, CONTAINER_DISK) < c->count);
}
