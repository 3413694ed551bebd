/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Images of virtual disks: one container each, whose one member is the disk as the machine would see it. What is on that disk, the
 * next layer says: a raw disk is walked like a medium. libqcow, libvmdk and libvhdi (libyal) parse; they see a range of memory and
 * can open no file, so that an image that names another one (a backing file, a parent, an extent) leads nowhere.
 *
 * Each function is a container_opener.open. They tell what only the file's own fields say (snapshots, another file, a log that waits
 * to be replayed): there the disk that somebody sees is not the one that the library reads.
 */
#ifndef LAZARET_DISK_DISK_H
#define LAZARET_DISK_DISK_H

#define HAVE_LIBBFIO 1 /* for the headers of libqcow, libvmdk and libvhdi: they are built with it, and declare what takes a handle */
#include <libbfio.h>

#include "container/container.h"

/* QEMU, docs/interop/qcow2.txt: versions 2 and 3 */
int disk_open_qcow(struct container *c);
/* VMware, "Virtual Disk Format 5.0": one sparse or stream-optimised extent with its descriptor inside */
int disk_open_vmdk(struct container *c);
/* Microsoft, "Virtual Hard Disk Image Format Specification"; [MS-VHDX] */
int disk_open_vhd(struct container *c);
int disk_open_vhdx(struct container *c);

/* -- image.c: what they share ------------------------------------------------------------------------------------ */

/* The libraries' handles and errors are all of this type. */
struct disk_source {
	void *handle;
	ssize_t (*read)(intptr_t *handle, void *buffer, size_t size, off64_t offset, intptr_t **error);
	int (*describe)(intptr_t *error, char *text, size_t size); /* its words for an error */
	void (*forget)(intptr_t **error);
};

/* The container's bytes as the libraries want them; to be freed with libbfio_handle_free(). 0 or -ENOMEM. */
_must_check_ int disk_file(struct container *c, libbfio_handle_t **ret);

/* The whole disk as the container's member. */
_must_check_ int disk_give(struct container *c, const struct disk_source *source, uint64_t size);

/* It cannot be opened to the bottom, and is not counted as opened. Returns -EBADMSG, or what telling met. */
_must_check_ int disk_opaque(struct container *c, const char *why);
/* The same, damaged: in the library's words. Takes the error. */
_must_check_ int disk_damaged(struct container *c, const struct disk_source *source, intptr_t *error);

#endif
