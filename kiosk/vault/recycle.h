/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Files of copies that were forgotten, to be written anew.
 *
 * A package has thousands of members, each of which is a copy for a moment. ext4 does not hand out the inode of a file that was deleted in the
 * last minute (fs/ext4/ialloc.c, recently_deleted()) and looks past all of them for each new one: making a file took two thirds of the
 * vault's time. A file that nobody else has open any more is as good as a new one, and costs nothing of that.
 *
 * That nobody has it open, or mapped, is proved by a write lease (fcntl(2), F_SETLEASE F_WRLCK is refused otherwise): who once got a copy
 * and kept it, an opener that was taken over, never sees another one in it.
 */
#ifndef LAZARET_VAULT_RECYCLE_H
#define LAZARET_VAULT_RECYCLE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/macros.h"

#define RECYCLED_MAX 512		/* files; as many copies of members are under way at most */
#define RECYCLED_BYTES_MAX (64u << 10) /* of one: longer ones give their room back */

struct recycle {
	struct {
		uint64_t name, id; /* the copy that the file was made for, after which it is named; the one that it is now */
		bool is_free;
	} files[RECYCLED_MAX];
	size_t count;
};

/* The file of copy `id`, by the name of the copy that it was made for. false: there is none of that id; it was forgotten. */
bool recycle_find(const struct recycle *r, uint64_t id, uint64_t *ret_name);

/* Copy `id` is forgotten, and its file of `size` bytes, named `name`, may become another. false: it is to be removed. */
bool recycle_put(struct recycle *r, uint64_t id, uint64_t name, uint64_t size);

/* The file of this name is gone. */
void recycle_drop(struct recycle *r, uint64_t name);

/* A file beneath `dir_fd` for copy `id`, open for writing alone and at its beginning, which may still have another copy's bytes: whoever
 * writes cuts it to length. Names by `format_name`. A negative errno: there is none; what could not be taken was removed. */
_must_check_ int recycle_take(struct recycle *r, int dir_fd, uint64_t id, void (*format_name)(uint64_t name, char text[static 24]), uint64_t *ret_name);

#endif
