/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Members on their way out: named, counted, told, and their bytes sent to the vault. Counts and names are this file's,
 * whatever the format's function believes. */
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "container/private.h"

_Static_assert(REASON_COUNT_ <= 32, "reasons are bits of an uint32_t");

/* What ends a container, and is kept: -EREMOTEIO the vault takes nothing more, -ENOTCONN the supervisor is gone. */
static int end_with(struct container *c, int r)
{
	if (c->private->error == 0)
		c->private->error = r;
	return c->private->error;
}

static int stream_said(struct container *c, int r)
{
	return r < 0 ? end_with(c, -EREMOTEIO) : 0;
}

/* Not opened, and `status` says to the vault that the member's bytes are not to be kept. */
static int drop_member(struct container *c, enum stream_status status)
{
	struct container_private *p = c->private;

	p->has_member = false;
	p->is_broken = true;
	return p->error == -EREMOTEIO ? p->error : stream_said(c, stream_end(&p->stream, p->member_id, status));
}

int private_tell(struct container *c, enum reason reason, const struct clean_name *name, const char *detail)
{
	struct container_private *p = c->private;
	uint32_t *told = name ? &p->member_reasons : &p->container_reasons, bit = 1u << reason;
	bool is_further = *told & bit || (p->findings >= FINDINGS_TOLD_MAX && p->reasons & bit);
	int r;

	*told |= bit;
	if (is_further)
		return 0;
	p->reasons |= bit;
	p->findings++;
	encoder_init(&p->out);
	encode_u32(&p->out, (uint32_t)reason);
	encode_str(&p->out, detail);
	encode_bytes(&p->out, name ? name->path : "", name ? name->size : 0);
	r = channel_send(p->channel, MESSAGE_CONTAINER_FINDING, &p->out, NULL, 0);
	return r < 0 ? end_with(c, -ENOTCONN) : 0;
}

static _printf_(4, 0) int tell_all(struct container *c, enum reason reason, const struct clean_name *name, const char *fmt,
				   va_list args)
{
	char detail[CONTAINER_DETAIL_MAX + 1];

	(void)vsnprintf(detail, sizeof(detail), fmt, args); /* cut where it does not fit */
	return private_tell(c, reason, name, detail);
}

static int over_budget(struct container *c, const char *more, uint64_t limit, const char *unit)
{
	char words[160];
	int r;

	(void)snprintf(words, sizeof(words), "%s than the %" PRIu64 " %s that this station allows, or has left for the file", more,
		       limit, unit);
	r = private_tell(c, REASON_LIMIT_EXCEEDED, NULL, words);
	return r < 0 ? r : end_with(c, -EDQUOT);
}

static int remember(struct container *c, enum name_kind kind, const char **ret_why)
{
	int r = names_add(c->private->names, &c->private->name, kind, ret_why);

	if (r == -EDQUOT)
		return over_budget(c, "more members and directories", c->private->limits.members, "members");
	return r < 0 ? end_with(c, r) : 0;
}

/* Every entry: count it, clean its name into `name`, remember it. What is wrong with it is returned in `*ret_why`. */
static int enter(struct container *c, const char *raw_path, size_t path_size, enum name_kind kind, const char **ret_why)
{
	struct container_private *p = c->private;
	const char *known = NULL;
	int r;

	if (p->error < 0)
		return p->error;
	if (p->has_member) /* the format's function forgot an end: a mistake of ours, and nothing is known of these bytes */
		return end_with(c, -EINVAL);
	if (p->entries >= p->limits.members)
		return over_budget(c, "more members", p->limits.members, "members");
	p->entries++;
	p->member_reasons = 0;
	if (c->shape == CONTAINER_STREAM) {
		*ret_why = NULL;
		name_of_stream(c->path, &p->name);
		return 0;
	}
	*ret_why = name_clean(c->shape, raw_path ? raw_path : "", raw_path ? path_size : 0, &p->name);
	r = remember(c, kind, &known);
	if (!*ret_why)
		*ret_why = known;
	if (p->name.size == 0) /* it must be called something */
		p->name.size = (size_t)snprintf(p->name.path, sizeof(p->name.path), "unnamed-%" PRIu64, p->entries);
	return r;
}

static int object_to(struct container *c, const char *why)
{
	return why ? private_tell(c, REASON_ARCHIVE_UNSAFE, &c->private->name, why) : 0;
}

static int begin_member(struct container *c, uint64_t announced)
{
	struct container_private *p = c->private;
	int r;

	encoder_init(&p->out);
	encode_u64(&p->out, p->next_id);
	encode_u64(&p->out, announced);
	encode_bytes(&p->out, p->name.path, p->name.size);
	r = channel_send(p->channel, MESSAGE_CONTAINER_MEMBER, &p->out, NULL, 0);
	if (r < 0)
		return end_with(c, -ENOTCONN);
	p->member_id = p->next_id++;
	p->member_bytes = 0;
	p->announced = announced;
	p->has_member = true;
	p->files++;
	return stream_said(c, stream_begin(&p->stream, p->member_id));
}

/* May `size` more bytes come, of all members and of the one at hand? */
static int allow(struct container *c, uint64_t size)
{
	const struct container_private *p = c->private;

	if (size > p->limits.largest - p->member_bytes)
		return over_budget(c, "a member is larger", p->limits.largest, "bytes of one member");
	if (size > p->limits.bytes - p->bytes)
		return over_budget(c, "more", p->limits.bytes, "bytes");
	return 0;
}

int container_member(struct container *c, const char *raw_path, size_t path_size, uint64_t announced)
{
	const char *why = NULL;
	int r = enter(c, raw_path, path_size, NAME_FILE, &why);

	if (r == 0)
		r = begin_member(c, announced);
	if (r == 0)
		r = object_to(c, why);
	if (r == 0 && announced != CONTAINER_SIZE_UNKNOWN) /* by its own word already too much */
		r = allow(c, announced);
	return r;
}

static int account(struct container *c, uint64_t size)
{
	struct container_private *p = c->private;
	int r;

	if (p->error < 0)
		return p->error;
	if (!p->has_member)
		return end_with(c, -EINVAL);
	r = allow(c, size);
	if (r < 0)
		return r;
	p->member_bytes += size;
	p->bytes += size;
	return 0;
}

int container_data(struct container *c, const void *data, size_t size)
{
	int r = account(c, size);

	return r < 0 ? r : stream_said(c, stream_add(&c->private->stream, data, size));
}

int container_zeros(struct container *c, uint64_t size)
{
	int r = account(c, size);

	return r < 0 ? r : stream_said(c, stream_add_zeros(&c->private->stream, size));
}

int container_end(struct container *c)
{
	struct container_private *p = c->private;
	char words[120];

	if (p->error < 0)
		return p->error;
	if (!p->has_member)
		return end_with(c, -EINVAL);
	if (p->announced != CONTAINER_SIZE_UNKNOWN && p->announced != p->member_bytes) {
		(void)snprintf(words, sizeof(words), "said to be %" PRIu64 " bytes, and holds %" PRIu64, p->announced,
			       p->member_bytes);
		if (object_to(c, words) < 0)
			return p->error;
		p->is_broken |= p->member_bytes < p->announced; /* the rest of it is somewhere */
	}
	p->has_member = false;
	return stream_said(c, stream_end(&p->stream, p->member_id, STREAM_COMPLETE));
}

int container_broken(struct container *c, enum reason reason, const char *fmt, ...)
{
	struct container_private *p = c->private;
	va_list args;
	int r;

	if (p->error < 0)
		return p->error;
	va_start(args, fmt);
	r = tell_all(c, reason, p->has_member ? &p->name : NULL, fmt, args);
	va_end(args);
	p->is_broken = true;
	return r == 0 && p->has_member ? drop_member(c, STREAM_UNREADABLE) : r;
}

int container_finding(struct container *c, enum reason reason, const char *fmt, ...)
{
	va_list args;
	int r;

	if (c->private->error < 0)
		return c->private->error;
	va_start(args, fmt);
	r = tell_all(c, reason, c->private->has_member ? &c->private->name : NULL, fmt, args);
	va_end(args);
	return r;
}

bool container_has_room(const struct container *c, uint64_t bytes)
{
	const struct container_private *p = c->private;

	return p->error == 0 && bytes <= p->limits.bytes - p->bytes;
}

/* The root of the tree, which many archives list: "." or "./". */
static bool is_root(const char *raw, size_t size)
{
	return size > 0 && raw[0] == '.' && (size == 1 || (size == 2 && raw[1] == '/'));
}

int container_directory(struct container *c, const char *raw_path, size_t path_size)
{
	const char *why = NULL;
	int r = enter(c, raw_path, path_size, NAME_DIRECTORY, &why);

	if (r == 0 && !(raw_path && is_root(raw_path, path_size)))
		r = object_to(c, why);
	return r;
}

int container_symlink(struct container *c, const char *raw_path, size_t path_size, const char *raw_target, size_t target_size)
{
	const char *why = NULL;
	int r = enter(c, raw_path, path_size, NAME_SYMLINK, &why);

	if (r == 0 && !why)
		why = name_target(c->shape, &c->private->name, raw_target ? raw_target : "", raw_target ? target_size : 0);
	return r < 0 ? r : object_to(c, why);
}

int container_hardlink(struct container *c, const char *raw_path, size_t path_size, const char *raw_target, size_t target_size)
{
	struct container_private *p = c->private;
	enum name_kind kind;
	const char *why = NULL, *wrong;
	int r;

	if (p->error < 0)
		return p->error;
	wrong = name_clean(c->shape, raw_target ? raw_target : "", raw_target ? target_size : 0, &p->target);
	kind = names_find(p->names, &p->target);
	if (!wrong && (kind == NAME_FREE || kind == NAME_DIRECTORY) && c->shape != CONTAINER_OBJECT)
		wrong = "a hard link to what was not there before";
	/* what it is from now on: a link to a symbolic link is one */
	r = enter(c, raw_path, path_size, kind == NAME_FREE || kind == NAME_DIRECTORY ? NAME_FILE : kind, &why);
	return r < 0 ? r : object_to(c, why ? why : wrong);
}

int container_special(struct container *c, const char *raw_path, size_t path_size)
{
	const char *why = NULL;
	int r = enter(c, raw_path, path_size, NAME_SPECIAL, &why);

	if (r == 0 && !why && c->shape != CONTAINER_ROOT)
		why = "a device, pipe or socket";
	return r < 0 ? r : object_to(c, why);
}

int private_begin(struct container *c, uint64_t first_id, const struct container_limits *limits, int stream_fd)
{
	struct container_private *p = c->private;

	p->limits = *limits;
	p->next_id = first_id;
	p->entries = p->files = p->bytes = 0;
	p->error = 0;
	p->is_broken = p->has_member = false;
	p->findings = p->reasons = p->container_reasons = p->member_reasons = 0;
	stream_writer_init(&p->stream, stream_fd);
	/* directories that are only implied count, too: deep names would otherwise make many of them */
	p->names = names_new(c->shape, limits->members > UINT64_MAX / 2 ? UINT64_MAX : 2 * limits->members);
	return p->names ? 0 : -ENOMEM;
}

void private_done(struct container *c)
{
	c->private->names = names_free(c->private->names);
}

static int tell_end(struct container *c, int r)
{
	const struct container_private *p = c->private;
	char words[160];

	switch (r) {
	case 0:
		return 0;
	case -EBADMSG:
		return p->is_broken || p->container_reasons ? 0 : private_tell(c, REASON_ARCHIVE_UNSAFE, NULL, "damaged");
	case -EDQUOT:
		return p->reasons & 1u << REASON_LIMIT_EXCEEDED ? 0 :
			private_tell(c, REASON_LIMIT_EXCEEDED, NULL, "more than this station allows");
	case -ENOMEM:
		return private_tell(c, REASON_LIMIT_EXCEEDED, NULL, "unpacking it needs more memory than this station gives");
	case -EREMOTEIO:
		return private_tell(c, REASON_SCAN_ERROR, NULL, "its members could not be stored");
	default:
		(void)snprintf(words, sizeof(words), "it could not be opened: %s", strerror(-r));
		return private_tell(c, REASON_SCAN_ERROR, NULL, words);
	}
}

int private_finish(struct container *c, int r, bool *ret_opened)
{
	struct container_private *p = c->private;
	int told;

	if (p->error < 0)
		r = p->error;
	if (r == 0 && p->has_member)
		r = -EINVAL;
	if (p->has_member)
		(void)drop_member(c, r == -EDQUOT ? STREAM_QUOTA : STREAM_UNREADABLE); /* if it fails, that is one more reason */
	if (p->error == -ENOTCONN)
		return p->error;
	told = tell_end(c, r);
	*ret_opened = r == 0 && p->error == 0 && !p->is_broken;
	if (told == 0 && !*ret_opened && p->findings == 0)
		told = private_tell(c, REASON_SCAN_ERROR, NULL, "it was not opened");
	return told;
}
