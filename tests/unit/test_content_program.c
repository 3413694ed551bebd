/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What is behind a program, and within the field of its signature. The ELF is this very test. */
#include "content_fixture.h"

#include <fcntl.h>
#include <sys/stat.h>

#define NOISE 8192

static uint8_t noise[NOISE];

static void put16(uint8_t *p, unsigned int value)
{
	p[0] = (uint8_t)value;
	p[1] = (uint8_t)(value >> 8);
}

static void put32(uint8_t *p, uint32_t value)
{
	put16(p, value & 0xffff);
	put16(p + 2, value >> 16);
}

#define PE_SIZE 1024
#define SIGNATURE_DIRECTORY (0x80 + 24 + 112 + 4 * 8)

/* PE32+ of one section, 512 bytes at 512. */
static void make_pe(uint8_t pe[static PE_SIZE], unsigned int machine)
{
	memset(pe, 0, PE_SIZE);
	memcpy(pe, "MZ", 2);
	put32(pe + 60, 0x80);
	memcpy(pe + 0x80, "PE\0\0", 4);
	put16(pe + 0x84, machine);
	put16(pe + 0x86, 1);
	put16(pe + 0x94, 240);
	put16(pe + 0x98, 0x20b);
	put32(pe + 0x98 + 60, 512);  /* SizeOfHeaders */
	put32(pe + 0x98 + 108, 16); /* directories */
	memcpy(pe + 0x98 + 240, ".text", 5);
	put32(pe + 0x98 + 240 + 12, 0x1000);
	put32(pe + 0x98 + 240 + 16, 512);
	put32(pe + 0x98 + 240 + 20, 512);
}

static struct looked look_pe(const uint8_t *data, size_t size)
{
	return look_bytes(data, size, "a.exe", NULL, "application/vnd.microsoft.portable-executable");
}

static void behind_pe(void **state)
{
	uint8_t pe[PE_SIZE + NOISE];

	make_pe(pe, 0x8664);
	memset(pe + PE_SIZE, 0, NOISE);
	said_nothing(look_pe(pe, PE_SIZE));
	said_nothing(look_pe(pe, sizeof(pe))); /* zeros */
	memcpy(pe + PE_SIZE, noise, NOISE);
	said_nothing(look_pe(pe, PE_SIZE + 1000));
	ACTIVE(look_pe(pe, sizeof(pe)), "8192 bytes of data behind");
	memcpy(pe + PE_SIZE, "\0\0\0\0\xef\xbe\xad\xdeNullsoftInst", 20);
	said_nothing(look_pe(pe, sizeof(pe)));
	survives_cutting(pe, PE_SIZE, "a.exe", NULL, "application/octet-stream");
}

/* A table of one certificate: 8 bytes of head, `der` bytes of DER, `more` of something else. */
static size_t sign(uint8_t *at, unsigned int der, unsigned int more)
{
	unsigned int size = 8 + der + more;

	memset(at, 0, size);
	put32(at, size);
	put16(at + 4, 0x200);
	put16(at + 6, 2);
	at[8] = 0x30;
	at[9] = 0x82;
	at[10] = (uint8_t)((der - 4) >> 8);
	at[11] = (uint8_t)(der - 4);
	memcpy(at + 8 + der, noise, more);
	return size;
}

static void signatures(void **state)
{
	uint8_t pe[PE_SIZE + 2 * NOISE];
	size_t size;

	make_pe(pe, 0x14c);
	put32(pe + SIGNATURE_DIRECTORY, PE_SIZE);
	size = sign(pe + PE_SIZE, 6000, 0);
	put32(pe + SIGNATURE_DIRECTORY + 4, (uint32_t)size);
	said_nothing(look_pe(pe, PE_SIZE + size)); /* as signed programs are */
	memcpy(pe + PE_SIZE + size, noise, 5000);
	ACTIVE(look_pe(pe, PE_SIZE + size + 5000), "5000 bytes of data behind");
	size = sign(pe + PE_SIZE, 1000, 4096);
	put32(pe + SIGNATURE_DIRECTORY + 4, (uint32_t)size);
	ACTIVE(look_pe(pe, PE_SIZE + size), "4096 bytes of data within the field of the signature");
	put32(pe + SIGNATURE_DIRECTORY, 0xfffffff0); /* beyond the file, and its end beyond all */
	put32(pe + SIGNATURE_DIRECTORY + 4, 0xfffffff0);
	ACTIVE(look_pe(pe, sizeof(pe)), "behind the program");
}

static void kinds_of_pe(void **state)
{
	uint8_t pe[PE_SIZE];

	make_pe(pe, 0x1f0); /* PowerPC */
	ACTIVE(look_pe(pe, sizeof(pe)), "0x1f0");
	make_pe(pe, 0x14c);
	put32(pe + 0x98 + 112 + 14 * 8, 0x2000);
	said_is(look_pe(pe, sizeof(pe)), "application/x-dotnet-assembly");
}

static void elf(void **state)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct looked l;
	struct stat st;
	uint8_t *data;
	size_t size;

	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	size = (size_t)st.st_size;
	data = malloc(size + NOISE);
	assert_non_null(data);
	assert_int_equal(read(fd, data, size), size);
	(void)close(fd);
#define ELF(n) look_bytes(data, n, "a", NULL, "application/x-pie-executable")
	said_nothing(ELF(size));
	memcpy(data + size, noise, NOISE);
	ACTIVE(ELF(size + NOISE), "8192 bytes of data behind");
	memcpy(data + size + NOISE - 28, "~Module signature appended~\n", 28);
	said_nothing(ELF(size + NOISE));
	survives_cutting(data, 200, "a", NULL, "application/x-pie-executable");
	data[60] = 0xff; /* as many sections as fit into the field, of no size */
	data[61] = 0xff;
	data[58] = 0;
	l = ELF(size);
	findings_done(&l.findings);
	free(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(behind_pe), cmocka_unit_test(signatures), cmocka_unit_test(kinds_of_pe),
					    cmocka_unit_test(elf) };

	for (size_t i = 0; i < NOISE; i++)
		noise[i] = (uint8_t)(i * 31 + i / 256 + 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
