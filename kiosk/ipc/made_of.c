/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "ipc/made_of.h"

#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <string.h>

#define BUILD_ID_MAX 64 /* SHA-1 has 20 bytes; ld may be told others */

struct making {
	struct hash *h;
	int error;
};

static size_t padded(size_t size)
{
	return (size + 3) & ~(size_t)3;
}

/* elf(5), "Notes (Nhdr)". */
static const uint8_t *find_id(const uint8_t *notes, size_t size, size_t *ret_size)
{
	size_t at = 0;

	while (at + sizeof(ElfW(Nhdr)) <= size) {
		ElfW(Nhdr) n;
		size_t name, id;

		memcpy(&n, notes + at, sizeof(n));
		name = at + sizeof(n);
		id = name + padded(n.n_namesz);
		if (id > size || n.n_descsz > size - id)
			return NULL;
		if (n.n_type == NT_GNU_BUILD_ID && n.n_namesz == sizeof(ELF_NOTE_GNU) && n.n_descsz <= BUILD_ID_MAX &&
		    memcmp(notes + name, ELF_NOTE_GNU, sizeof(ELF_NOTE_GNU)) == 0) {
			*ret_size = n.n_descsz;
			return notes + id;
		}
		at = id + padded(n.n_descsz);
	}
	return NULL;
}

static int add_object(struct dl_phdr_info *o, size_t info_size, void *context)
{
	struct making *m = context;
	const uint8_t *id = NULL;
	size_t size = 0;

	for (size_t k = 0; !id && k < o->dlpi_phnum; k++)
		if (o->dlpi_phdr[k].p_type == PT_NOTE)
			id = find_id((const uint8_t *)(o->dlpi_addr + o->dlpi_phdr[k].p_vaddr), o->dlpi_phdr[k].p_memsz, &size); // NOLINT(performance-no-int-to-ptr): as dl_iterate_phdr(3) tells it
	m->error = id ? hash_update(m->h, id, size) : -ENODATA;
	return m->error;
}

int program_made_of(uint8_t ret[static SHA256_LEN])
{
	struct making m = { .h = hash_new() };

	memset(ret, 0, SHA256_LEN);
	if (!m.h)
		return -ENOMEM;
	(void)dl_iterate_phdr(add_object, &m); /* its return is ours */
	if (m.error == 0)
		m.error = hash_final(m.h, ret);
	hash_free(m.h);
	return m.error;
}
