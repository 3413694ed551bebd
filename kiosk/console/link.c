/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "console/link.h"

#define RETRY_MS 1000 /* as long as a person thinks that nothing happens */

void link_init(struct link *l, const char *path)
{
	*l = (struct link){ .path = path, .error = -ENOTCONN };
}

void link_done(struct link *l)
{
	l->client = control_client_free(l->client);
}

void link_drop(struct link *l, int64_t now_ms)
{
	l->client = control_client_free(l->client);
	l->retry_ms = now_ms + RETRY_MS;
}

bool link_renew(struct link *l, int64_t now_ms)
{
	int64_t r;

	if (l->client || now_ms < l->retry_ms)
		return false;
	r = control_client_new(l->path, &l->client);
	if (r == 0)
		r = control_client_request(l->client, "watch", NULL);
	if (r < 0) {
		l->error = (int)r;
		link_drop(l, now_ms);
		return false;
	}
	return true;
}

int link_wait(const struct link *l, int64_t now_ms)
{
	return l->client ? -1 : (int)MAX(l->retry_ms - now_ms, 0);
}

int64_t link_request(struct link *l, const char *name, json_t *fields)
{
	if (!l->client) {
		json_decref(fields);
		return -ENOTCONN;
	}
	return control_client_request(l->client, name, fields);
}

bool link_serve(struct link *l)
{
	int r = l->client ? control_client_serve(l->client) : 0;

	if (r < 0)
		l->error = r;
	return r == 0;
}

json_t *link_next(struct link *l)
{
	return l->client ? control_client_next(l->client) : NULL;
}
