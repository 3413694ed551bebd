/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "fleet/keys.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>

#include "common/fd.h"
#include "common/log.h"
#include "fleet/limits.h"

#define STATION_LEN 16

struct known {
	char station[STATION_LEN + 1];
	struct minisign_public key;
};

struct keys {
	struct known *list;
	size_t count;
};

struct keys *keys_free(struct keys *k)
{
	if (k)
		free(k->list);
	free(k);
	return NULL;
}

static void keys_freep(struct keys **k)
{
	*k = keys_free(*k);
}

static int add(struct keys *k, const char *station, const struct minisign_public *key)
{
	struct known *grown = k->count < KEYS_MAX ? reallocarray(k->list, k->count + 1, sizeof(*grown)) : NULL;

	if (!grown)
		return -ENOMEM;
	k->list = grown;
	(void)snprintf(grown[k->count].station, sizeof(grown[k->count].station), "%s", station); /* STATION_LEN: checked */
	grown[k->count++].key = *key;
	return 0;
}

static bool is_station(const char *text, size_t size)
{
	return size == STATION_LEN && strspn(text, "0123456789abcdef") >= STATION_LEN;
}

static int load_one(struct keys *k, int dir_fd, const char *name)
{
	_cleanup_free_ char *text = NULL;
	struct minisign_public key;
	char station[STATION_LEN + 1];
	const char *why = NULL;
	size_t size;
	int r;

	if (!is_station(name, strcspn(name, ".")) || strcmp(name + STATION_LEN, ".pub") != 0)
		return 0;
	r = file_read(dir_fd, name, MINISIGN_PUBLIC_MAX, &text, &size);
	if (r == 0)
		r = minisign_public_parse(text, size, &key, &why);
	if (r < 0) {
		log_error("%s: %s", name, why ? why : strerror(-r));
		return r;
	}
	memcpy(station, name, STATION_LEN);
	station[STATION_LEN] = '\0';
	return add(k, station, &key);
}

int keys_load(const char *dir, struct keys **ret)
{
	_cleanup_(keys_freep) struct keys *k = calloc(1, sizeof(*k));
	_cleanup_(closedir_p) DIR *d = opendir(dir);
	struct dirent *entry;
	int r = k ? 0 : -ENOMEM;

	if (!d) {
		r = -errno;
		log_error("%s: %s", dir, strerror(-r));
		return r;
	}
	while (r == 0 && (errno = 0, entry = readdir(d)))
		r = load_one(k, dirfd(d), entry->d_name);
	if (r == 0 && k->count == 0) {
		log_error("%s: there is no key in it (STATION.pub, with the 16 hex digits of the station's id)", dir);
		r = -ENOENT;
	}
	if (r == 0)
		*ret = TAKE_PTR(k);
	return r;
}

int keys_fetch(struct link *l, struct keys **ret)
{
	_cleanup_(keys_freep) struct keys *k = calloc(1, sizeof(*k));
	_cleanup_(link_result_p) PGresult *rows = k ? link_query(l, "SELECT station, audit_key FROM lazaret.station", 0, NULL, NULL, NULL) : NULL;
	int r = 0;

	if (!k)
		return -ENOMEM;
	if (!rows)
		return -EIO;
	for (int i = 0, n = PQntuples(rows); r == 0 && i < n; i++) {
		const char *station = link_value(rows, i, 0), *text = link_value(rows, i, 1);
		struct minisign_public key;

		/* a key that is none is nobody's: the station's records are then without a key, which is told */
		if (is_station(station, strlen(station)) && minisign_public_parse(text, strlen(text), &key, NULL) == 0)
			r = add(k, station, &key);
	}
	if (r == 0)
		*ret = TAKE_PTR(k);
	return r;
}

const struct minisign_public *keys_get(const struct keys *k, const char *station)
{
	for (size_t i = 0; i < k->count; i++)
		if (strcmp(k->list[i].station, station) == 0)
			return &k->list[i].key;
	return NULL;
}
