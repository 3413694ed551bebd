/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* lazaret.yaml, `filesystems:`: which driver may read which file system. */
#include <string.h>

#include "station/config_parts.h"

struct fs_row {
	const char *name;
	const char *usual; /* drivers unless the file says otherwise */
	bool has_user;	   /* is there a user-space driver for it? */
	const char *aliases; /* as libblkid says, space separated */
};

/* The kernel does not tell where a file of an ISO 9660 lies (no FIEMAP; FIBMAP wants CAP_SYS_RAWIO), and a drive's head takes a tenth of a
 * second from one to another: our own reader does. xfs and btrfs are for servers' disks, without a user-space driver: the kernel would
 * have to parse them. */
static const struct fs_row fs_rows[STATION_FS_COUNT_] = {
	[STATION_FS_VFAT] = { "vfat", "kernel,user", true, "vfat" },
	[STATION_FS_EXFAT] = { "exfat", "kernel,user", true, "exfat" },
	[STATION_FS_NTFS] = { "ntfs", "kernel,user", true, "ntfs" },
	[STATION_FS_EXT] = { "ext", "kernel,user", true, "ext ext2 ext3 ext4" },
	[STATION_FS_ISO9660] = { "iso9660", "user,kernel", true, "iso9660" },
	[STATION_FS_UDF] = { "udf", "kernel,user", true, "udf" },
	[STATION_FS_SQUASHFS] = { "squashfs", "kernel,user", true, "squashfs" },
	[STATION_FS_XFS] = { "xfs", "", false, "xfs" },
	[STATION_FS_BTRFS] = { "btrfs", "", false, "btrfs" },
};

const char *station_fs_name(enum station_fs fs)
{
	return (unsigned int)fs < STATION_FS_COUNT_ ? fs_rows[fs].name : NULL;
}

static bool has_word(const char *words, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = words; n > 0 && (p = strstr(p, word)); p += n)
		if ((p == words || p[-1] == ' ') && (p[n] == ' ' || p[n] == '\0'))
			return true;
	return false;
}

const char *station_fs_drivers(const struct station_config *c, const char *fs)
{
	for (size_t i = 0; fs && !strchr(fs, ' ') && i < STATION_FS_COUNT_; i++)
		if (has_word(fs_rows[i].aliases, fs))
			return c->drivers[i];
	return "";
}

static const char *drivers_of(const struct yaml_strings *words)
{
	const char *first = words->count > 0 ? words->list[0].value : "";
	const char *second = words->count > 1 ? words->list[1].value : "";

	if (words->count > 2)
		return NULL;
	if (strcmp(first, "deny") == 0 && !*second)
		return "";
	if (strcmp(first, "kernel") == 0)
		return strcmp(second, "user") == 0 ? "kernel,user" : !*second ? "kernel" : NULL;
	if (strcmp(first, "user") == 0)
		return strcmp(second, "kernel") == 0 ? "user,kernel" : !*second ? "user" : NULL;
	return NULL;
}

static int load_filesystem(struct loader *l, const struct yaml_node *key, const struct yaml_node *value)
{
	const char *names[STATION_FS_COUNT_], *drivers, *near;
	struct yaml_strings words = { 0 };
	size_t fs = 0;
	int r;

	for (size_t i = 0; i < STATION_FS_COUNT_; i++)
		names[i] = fs_rows[i].name;
	while (fs < STATION_FS_COUNT_ && strcmp(names[fs], key->value) != 0)
		fs++;
	if (fs == STATION_FS_COUNT_) {
		near = yaml_did_you_mean(key->value, names, STATION_FS_COUNT_);
		yaml_node_error(l->doc, key, l->errors, "unknown file system '%s'%s%s%s", key->value,
				near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
		return -EINVAL;
	}
	r = yaml_strings_decode(l->doc, value, &words, l->errors);
	drivers = r == 0 ? drivers_of(&words) : NULL;
	if (r == 0 && !drivers)
		yaml_node_error(l->doc, value, l->errors, "%s: must be deny, kernel, user, [kernel, user] or [user, kernel]",
				key->value);
	else if (r == 0 && strstr(drivers, "user") && !fs_rows[fs].has_user)
		yaml_node_error(l->doc, value, l->errors, "%s: has no user-space driver; use kernel or deny", key->value);
	else if (r == 0)
		l->c->drivers[fs] = drivers;
	yaml_strings_done(&words);
	return r;
}

int config_load_filesystems(struct loader *l, const struct yaml_node *map)
{
	int ret = 0;

	for (size_t i = 0; i < STATION_FS_COUNT_; i++)
		l->c->drivers[i] = fs_rows[i].usual;
	if (!map)
		return 0;
	if (map->kind != YAML_KIND_MAP) {
		yaml_node_error(l->doc, map, l->errors, "filesystems: must be a map of 'file system: driver' lines");
		return 0;
	}
	for (size_t i = 0; i + 1 < map->count && ret != -ENOMEM; i += 2)
		ret = yaml_worse(ret, load_filesystem(l, map->children[i], map->children[i + 1]));
	return ret == -ENOMEM ? ret : 0; /* anything else is among the errors */
}
