/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What the roles that open containers (kiosk/container), the examiners and the supervisor tell each other. */
#ifndef LAZARET_IPC_CONTAINER_H
#define LAZARET_IPC_CONTAINER_H

#include <stdint.h>

#include "common/macros.h"
#include "sandbox/role.h"

#define CONTAINER_PATH_MAX 4095	  /* bytes without NUL of a member's path; longer ones are not safe to unpack */
#define CONTAINER_DETAIL_MAX 400  /* bytes without NUL; longer ones are cut */
#define CONTAINER_FORMATS_MAX 4	  /* that one file can be at once */
#define CONTAINER_SIZE_UNKNOWN UINT64_MAX

enum container_format {
	CONTAINER_NONE,
#define C(name, text, role, shape, mime) CONTAINER_##name,
#include "ipc/container.def"
#undef C
	CONTAINER_COUNT_
};

enum container_shape {
	CONTAINER_STREAM,
	CONTAINER_ARCHIVE,
	CONTAINER_ROOT,
	CONTAINER_OBJECT,
};

struct container_info {
	const char *name; /* "deb" */
	enum role_id role; /* ROLE_INTAKE: read like a medium */
	enum container_shape shape;
	const char *mime;
};

/* Static; NULL for CONTAINER_NONE and what is none. */
const struct container_info *container_info(unsigned int format);

/* What may be spent on one container, and what its whole tree has left (the supervisor keeps the account). */
struct container_limits {
	uint64_t members; /* entries of any kind */
	uint64_t bytes;	  /* of all members together */
	uint64_t largest; /* bytes of one member */
};

#endif
