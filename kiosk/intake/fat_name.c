/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Names of FAT (FAT, "Long File Name Implementation"). Runs as ROLE_DRIVER. */
#include "intake/fat_name.h"

#include <string.h>

#define LAST_ENTRY 0x40
#define ENTRIES_MAX 20
#define UNITS 13

/* Code page 437, upper half: what short names were written in where nothing else was chosen. The volume does not say which
 * code page it was; files with other characters than ASCII have a long name since 1995. */
static const uint16_t code_page_437[128] = {
	0x00c7, 0x00fc, 0x00e9, 0x00e2, 0x00e4, 0x00e0, 0x00e5, 0x00e7, 0x00ea, 0x00eb, 0x00e8, 0x00ef,
	0x00ee, 0x00ec, 0x00c4, 0x00c5, 0x00c9, 0x00e6, 0x00c6, 0x00f4, 0x00f6, 0x00f2, 0x00fb, 0x00f9,
	0x00ff, 0x00d6, 0x00dc, 0x00a2, 0x00a3, 0x00a5, 0x20a7, 0x0192, 0x00e1, 0x00ed, 0x00f3, 0x00fa,
	0x00f1, 0x00d1, 0x00aa, 0x00ba, 0x00bf, 0x2310, 0x00ac, 0x00bd, 0x00bc, 0x00a1, 0x00ab, 0x00bb,
	0x2591, 0x2592, 0x2593, 0x2502, 0x2524, 0x2561, 0x2562, 0x2556, 0x2555, 0x2563, 0x2551, 0x2557,
	0x255d, 0x255c, 0x255b, 0x2510, 0x2514, 0x2534, 0x252c, 0x251c, 0x2500, 0x253c, 0x255e, 0x255f,
	0x255a, 0x2554, 0x2569, 0x2566, 0x2560, 0x2550, 0x256c, 0x2567, 0x2568, 0x2564, 0x2565, 0x2559,
	0x2558, 0x2552, 0x2553, 0x256b, 0x256a, 0x2518, 0x250c, 0x2588, 0x2584, 0x258c, 0x2590, 0x2580,
	0x03b1, 0x00df, 0x0393, 0x03c0, 0x03a3, 0x03c3, 0x00b5, 0x03c4, 0x03a6, 0x0398, 0x03a9, 0x03b4,
	0x221e, 0x03c6, 0x03b5, 0x2229, 0x2261, 0x00b1, 0x2265, 0x2264, 0x2320, 0x2321, 0x00f7, 0x2248,
	0x00b0, 0x2219, 0x00b7, 0x221a, 0x207f, 0x00b2, 0x25a0, 0x00a0,
};

void fat_long_name_add(struct fat_long_name *n, const uint8_t entry[static 32])
{
	/* Positions of the units (FAT, "Organization and Association"). */
	static const uint8_t places[UNITS] = { 1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30 };
	unsigned int number = entry[0] & 0x3f;

	if (entry[0] & LAST_ENTRY) { /* comes first */
		n->count = 0;
		if (number == 0 || number > ENTRIES_MAX)
			return;
		n->count = number * UNITS;
		n->checksum = entry[13];
	} else if (n->count == 0 || number == 0 || number != n->next || entry[13] != n->checksum) {
		n->count = 0;
		return;
	}
	n->next = number - 1;
	for (unsigned int i = 0; i < UNITS; i++)
		n->units[n->next * UNITS + i] = (uint16_t)(entry[places[i]] | entry[places[i] + 1] << 8);
}

/* FAT, "ChkSum()". */
static uint8_t checksum(const uint8_t *name)
{
	uint8_t sum = 0;

	for (int i = 0; i < 11; i++)
		sum = (uint8_t)((uint8_t)(sum << 7 | sum >> 1) + name[i]);
	return sum;
}

static size_t put_utf8(char *out, uint32_t c)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/* Up to the first NUL, as Windows and Linux read it: what is behind it is filling. */
static size_t long_to_utf8(const struct fat_long_name *n, char *out)
{
	size_t size = 0;

	for (unsigned int i = 0; i < n->count && n->units[i] != 0; i++) {
		uint32_t c = n->units[i];

		if (c >= 0xd800 && c < 0xdc00 && i + 1 < n->count && n->units[i + 1] >= 0xdc00 &&
		    n->units[i + 1] < 0xe000)
			c = 0x10000 + ((c - 0xd800) << 10) + (n->units[++i] - 0xdc00u);
		size += put_utf8(out + size, c);
	}
	return size;
}

static size_t put_part(char *out, const uint8_t *part, size_t width, bool is_lower)
{
	size_t size = 0;

	while (width > 0 && part[width - 1] == ' ')
		width--;
	for (size_t i = 0; i < width; i++) {
		uint32_t c = part[i];

		if (is_lower && c >= 'A' && c <= 'Z')
			c += 'a' - 'A';
		size += put_utf8(out + size, c < 0x80 ? c : code_page_437[c - 0x80]);
	}
	return size;
}

/* Eight and three characters; byte 12 says which half Windows NT was given in lower case. */
static size_t short_to_utf8(const uint8_t *entry, char *out)
{
	uint8_t base[8];
	size_t size;

	memcpy(base, entry, sizeof(base));
	if (base[0] == 0x05) /* stands for 0xE5, which would mean "deleted" */
		base[0] = 0xe5;
	size = put_part(out, base, sizeof(base), entry[12] & 0x08);
	if (memcmp(entry + 8, "   ", 3) != 0) {
		out[size++] = '.';
		size += put_part(out + size, entry + 8, 3, entry[12] & 0x10);
	}
	return size;
}

size_t fat_name_finish(struct fat_long_name *n, const uint8_t entry[static 32], char out[static FAT_NAME_ROOM])
{
	size_t size = 0;

	if (n->count > 0 && n->next == 0 && n->checksum == checksum(entry))
		size = long_to_utf8(n, out);
	if (size == 0)
		size = short_to_utf8(entry, out);
	n->count = 0;
	out[size] = '\0';
	return size;
}
