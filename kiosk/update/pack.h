/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Update packs (docs/updates.md): NAME.lazaret-pack, an uncompressed tar whose first member, pack.json, names every other one with its
 * size and SHA-256, and NAME.lazaret-pack.minisig over all its bytes.
 *
 *   pack.c    pack.json
 *   write.c   making one (libarchive writes)
 *   read.c    its signature; its members, brought out by lazaret-unpack
 *
 * No byte of a pack is parsed before its signature was found good, but by `lazaret pack show`; and then by code that takes only what
 * pack_write() makes: pack.json is compared with the text that it would have written, members come in its order, and none else.
 */
#ifndef LAZARET_UPDATE_PACK_H
#define LAZARET_UPDATE_PACK_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/hash.h"
#include "common/macros.h"
#include "common/minisign.h"
#include "common/trust.h"

#define PACK_FORMAT "lazaret.pack/1"
#define PACK_SUFFIX ".lazaret-pack"
#define PACK_SIGNATURE_SUFFIX ".minisig"
#define PACK_MANIFEST "pack.json"
#define PACK_MANIFEST_MAX (1u << 20) /* bytes */
#define PACK_MEMBERS_MAX 512
#define PACK_STATIONS_MAX 256
#define PACK_PATH_MAX 99 /* bytes: a name of POSIX.1-1988's ustar that needs no prefix */
#define PACK_MEMBER_BYTES_MAX (UINT64_C(8) << 30) /* ustar has eleven octal digits for the size of one */
#define PACK_BYTES_MAX (UINT64_C(16) << 30) /* a station with a database, a year of software and room to spare */
#define PACK_VERSION_MAX UINT64_C(999999999999) /* 202611221500 */

enum pack_kind {
	PACK_DATABASE,
	PACK_RULES,
	PACK_TYPES,
	PACK_YARA,
	PACK_HASH_LIST,
	PACK_KEY,
	PACK_SOFTWARE,
	PACK_APPLIANCE, /* all of PACK_APPLIANCE_FILES, or none */
	PACK_KIND_COUNT_
};

/* What `make image` leaves of the machine itself: root file system, its hash tree, and the signed kernel that names their hash. */
#define PACK_APPLIANCE_FILES { "root.squashfs", "root.verity", "lazaret.efi" }
#define PACK_APPLIANCE_COUNT 3

/* All strings owned. */
struct pack_member {
	enum pack_kind kind;
	char *path; /* DIRECTORY/FILE: pack_kind_directory(), and a name that pack_file_ok() takes */
	uint64_t size;
	int64_t time; /* when the file was last changed, s since 1970 */
	char sha256[SHA256_HEX_LEN + 1];
	char *name;	       /* of a key, in the trust store; NULL */
	unsigned int purposes; /* of a key: mask of 1 << enum key_purpose, never PURPOSE_UPDATE */
};

struct pack {
	char *name;	  /* trust_name_valid() */
	uint64_t version; /* 1 to PACK_VERSION_MAX; rises with each pack of a name */
	int64_t made;	  /* s since 1970 */
	char **stations;  /* ids, names of groups, or the one word "any"; sorted */
	size_t station_count;
	struct pack_member *members; /* in the order of the tar */
	size_t member_count;
};

const char *pack_kind_name(unsigned int kind);	    /* static; NULL when there is none */
const char *pack_kind_directory(unsigned int kind); /* the same, where its members are */
bool pack_file_ok(enum pack_kind kind, const char *file, const char **ret_why);
/* How many of PACK_APPLIANCE_FILES it brings: a pack that is sound brings 0 or PACK_APPLIANCE_COUNT. */
size_t pack_appliance_files(const struct pack *p);
/* An id or a group that a pack can be for, or "any". */
bool pack_station_ok(const char *word);

/* pack.json as pack_write() writes it, owned by the caller; NULL when out of memory. */
char *pack_text(const struct pack *p);
/* Exactly such a text. Returns 0, -EBADMSG with words in `*ret_why` (owned by the caller, NULL otherwise), or -ENOMEM. */
_must_check_ int pack_parse(const char *raw, size_t size, struct pack **ret, char **ret_why);
struct pack *pack_free(struct pack *p);

static inline void pack_freep(struct pack **p)
{
	*p = pack_free(*p);
}

/* Is it for the station with this id, which is in these groups? */
bool pack_is_for(const struct pack *p, const char *id, const char *const *groups, size_t group_count);

/* -- making (write.c) --------------------------------------------------------------------------------------------------- */

/* Write the tar to `fd` (an empty regular file, borrowed): pack.json, then sources[i] as p->members[i], of which size, sha256 and time
 * are set here. A file that changes meanwhile is an error. Blocks. 0, or a negative errno with words in `*ret_why` (owned by the
 * caller, NULL otherwise). */
_must_check_ int pack_write(struct pack *p, const char *const *sources, int fd, char **ret_why);

/* -- reading (read.c) --------------------------------------------------------------------------------------------------- */

/* Is the file behind `fd` (borrowed) signed by a key that is trusted for updates at `now`? `keys`: trust_load(). Reads all of it and
 * parses nothing but the signature (common/minisign.h). 0 with the key's name and id; -EKEYREJECTED with words in `*ret_why` when it
 * is not; or another negative errno. */
struct pack_signer {
	char name[TRUST_NAME_MAX + 1];
	char key_id[MINISIGN_ID_TEXT_LEN + 1];
	char comment[256]; /* the trusted one, which is signed, too; "" when it is longer */
};
_must_check_ int pack_verify(int fd, const void *raw_sig, size_t sig_size, const json_t *keys, int64_t now, struct pack_signer *ret,
			     char **ret_why);

/* What is done with a pack as soon as pack.json is known: 0 to go on, or a negative errno with words in `*ret_why`. */
typedef int pack_accept(void *context, const struct pack *p, char **ret_why);

/* Bring its members out: lazaret-unpack reads the tar in its sandbox, each member is compared with pack.json on its way, and written
 * beneath `dir_fd` (an empty directory; -EBADF: nowhere, they are only compared), synced. `accept` may be NULL. Waits at most
 * PACK_STALL_SECONDS for the next byte. 0 with the pack; -EBADMSG with words when it is not as pack_write() makes it; what `accept`
 * said; or another negative errno, with words or NULL. After an error the directory may hold anything. */
#define PACK_STALL_SECONDS 60
_must_check_ int pack_extract(int fd, int dir_fd, pack_accept *accept, void *context, struct pack **ret, char **ret_why);

/* An error in words: frees what was there; returns `error`. For this folder. */
int pack_fail(char **ret_why, int error, const char *fmt, ...) _printf_(3, 4);

#endif
