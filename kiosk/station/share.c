/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* lazaret.yaml, `share:`: read strictly, since other programs' configuration is made of it (share.h). */
#include "station/share.h"

#include <arpa/inet.h>
#include <string.h>

#include "station/config_parts.h"
#include "station/path.h"

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"
#define LETTERS LOWER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

#define USER_USUAL "importer"
#define KEYS_USUAL "share/authorized_keys"

static const char *const service_names[] = { "smb", "nfs", "sftp", NULL };
static const char *const encryption_names[] = { "required", "offered", NULL };
static const uint16_t usual_ports[] = { 445, 2049, 22 };

/* Port 0: not said. */
struct raw_service {
	uint64_t port;
	int encryption;
	char *keys;
};

struct raw_firewall {
	bool is_on;
	struct yaml_strings out;
};

struct raw_push {
	char *directory;
};

struct raw_share {
	char *interface, *address, *user;
	struct yaml_strings clients, services;
	struct raw_service service[SHARE_SERVICE_COUNT_];
	struct raw_firewall firewall;
	struct raw_push push;
};

static const struct yaml_field smb_fields[] = {
	YAML_FIELD(struct raw_service, "port", UINT, port, .min = 1, .max = 65535),
	YAML_FIELD(struct raw_service, "encryption", ENUM, encryption, .choices = encryption_names),
	YAML_FIELD_END,
};

static const struct yaml_field nfs_fields[] = {
	YAML_FIELD(struct raw_service, "port", UINT, port, .min = 1, .max = 65535),
	YAML_FIELD_END,
};

static const struct yaml_field sftp_fields[] = {
	YAML_FIELD(struct raw_service, "port", UINT, port, .min = 1, .max = 65535),
	YAML_FIELD(struct raw_service, "keys", STRING, keys),
	YAML_FIELD_END,
};

static const struct yaml_field firewall_fields[] = {
	YAML_FIELD(struct raw_firewall, "on", BOOL, is_on),
	YAML_FIELD(struct raw_firewall, "out", STRINGS, out),
	YAML_FIELD_END,
};

static const struct yaml_field push_fields[] = {
	YAML_FIELD(struct raw_push, "directory", STRING, directory, .is_required = true),
	YAML_FIELD_END,
};

static const struct yaml_field share_fields[] = {
	YAML_FIELD(struct raw_share, "interface", STRING, interface),
	YAML_FIELD(struct raw_share, "address", STRING, address),
	YAML_FIELD(struct raw_share, "clients", STRINGS, clients),
	YAML_FIELD(struct raw_share, "services", STRINGS, services),
	YAML_FIELD(struct raw_share, "user", STRING, user),
	YAML_FIELD(struct raw_share, "smb", MAP, service[SHARE_SMB], .fields = smb_fields),
	YAML_FIELD(struct raw_share, "nfs", MAP, service[SHARE_NFS], .fields = nfs_fields),
	YAML_FIELD(struct raw_share, "sftp", MAP, service[SHARE_SFTP], .fields = sftp_fields),
	YAML_FIELD(struct raw_share, "firewall", MAP, firewall, .fields = firewall_fields),
	YAML_FIELD(struct raw_share, "push", MAP, push, .fields = push_fields),
	YAML_FIELD_END,
};

/* -- values ---------------------------------------------------------------------------------------------- */
const char *share_service_name(enum share_service service)
{
	return (unsigned int)service < SHARE_SERVICE_COUNT_ ? service_names[service] : NULL;
}

bool share_is_any_on(const struct station_share *s)
{
	return s->is_on[SHARE_SMB] || s->is_on[SHARE_NFS] || s->is_on[SHARE_SFTP];
}

static bool is_of(const char *text, size_t max, const char *first, const char *rest)
{
	size_t len = strlen(text);

	return len > 0 && len <= max && strchr(first, text[0]) && strspn(text, rest) == len;
}

bool share_interface_ok(const char *name)
{
	/* lo: nobody on the isolated side would be reached by it, and the firewall lets all of it pass */
	return is_of(name, 15, LETTERS DIGITS, LETTERS DIGITS "._-") && strcmp(name, "lo") != 0;
}

bool share_user_ok(const char *name)
{
	return is_of(name, 32, LOWER, LOWER DIGITS "_-") && strcmp(name, "root") != 0;
}

bool share_path_ok(const char *path)
{
	size_t len = strlen(path);

	if (path[0] != '/' || len < 2 || len > 1000 || path[len - 1] == '/' || strspn(path, LETTERS DIGITS "._-/") != len)
		return false;
	for (const char *at = path; at; at = strchr(at + 1, '/')) {
		size_t size = strcspn(at + 1, "/");

		if (size == 0 || (at[1] == '.' && (size == 1 || (size == 2 && at[2] == '.'))))
			return false;
	}
	return true;
}

/* Decimal, without sign, blank or leading zero. */
static bool parse_number(const char *text, unsigned int max, unsigned int *ret)
{
	size_t len = strlen(text);
	unsigned int value = 0;

	if (len == 0 || len > 5 || strspn(text, DIGITS) != len || (len > 1 && text[0] == '0'))
		return false;
	for (size_t i = 0; i < len; i++)
		value = value * 10 + (unsigned int)(text[i] - '0');
	if (value > max)
		return false;
	*ret = value;
	return true;
}

static bool is_host_ipv4(const uint8_t *a)
{
	return a[0] != 0 && a[0] != 127 && a[0] < 224 && !(a[0] == 169 && a[1] == 254);
}

/* RFC 4291: unspecified and loopback (::/127, and with them IPv4-compatible ones), IPv4-mapped, link-local, multicast are none. */
static bool is_host_ipv6(const uint8_t *a)
{
	static const uint8_t zeros[10];

	return memcmp(a, zeros, sizeof(zeros)) != 0 && a[0] != 0xff && !(a[0] == 0xfe && (a[1] & 0xc0) == 0x80);
}

static bool is_clear_beyond(const uint8_t *a, size_t bits, size_t prefix)
{
	for (size_t i = prefix; i < bits; i++)
		if (a[i / 8] & (0x80u >> (i % 8)))
			return false;
	return true;
}

int share_address_parse(const char *text, bool may_be_network, struct share_address *ret)
{
	struct share_address a = { .is_ipv6 = strchr(text, ':') };
	const char *slash = strchr(text, '/');
	size_t size = slash ? (size_t)(slash - text) : strlen(text);
	unsigned int bits = a.is_ipv6 ? 128 : 32, prefix = bits;
	char host[INET6_ADDRSTRLEN];
	uint8_t raw[16];

	if (size >= sizeof(host) || (slash && !may_be_network) || (slash && !parse_number(slash + 1, bits, &prefix)) || prefix == 0)
		return -EINVAL;
	memcpy(host, text, size);
	host[size] = 0;
	if (inet_pton(a.is_ipv6 ? AF_INET6 : AF_INET, host, raw) != 1 || !(a.is_ipv6 ? is_host_ipv6(raw) : is_host_ipv4(raw)) ||
	    !is_clear_beyond(raw, bits, prefix) || !inet_ntop(a.is_ipv6 ? AF_INET6 : AF_INET, raw, host, sizeof(host)))
		return -EINVAL;
	a.prefix = (uint8_t)prefix;
	if (prefix == bits)
		(void)snprintf(a.text, sizeof(a.text), "%s", host);
	else
		(void)snprintf(a.text, sizeof(a.text), "%s/%u", host, prefix);
	*ret = a;
	return 0;
}

int share_out_parse(const char *text, struct share_out *ret)
{
	struct share_out o = { 0 };
	char copy[128], *host = copy, *port, *protocol;
	unsigned int number;

	if ((size_t)snprintf(copy, sizeof(copy), "%s", text) >= sizeof(copy))
		return -EINVAL;
	port = strrchr(copy, ':');
	if (!port)
		return -EINVAL;
	*port++ = 0;
	if (host[0] == '[') {
		size_t len = strlen(host);

		if (host[len - 1] != ']')
			return -EINVAL;
		host[len - 1] = 0;
		host++;
	} else if (strchr(host, ':')) {
		return -EINVAL;
	}
	protocol = strchr(port, '/');
	if (protocol) {
		*protocol++ = 0;
		o.is_udp = strcmp(protocol, "udp") == 0;
		if (!o.is_udp && strcmp(protocol, "tcp") != 0)
			return -EINVAL;
	}
	if (!parse_number(port, 65535, &number) || number == 0 || share_address_parse(host, false, &o.to) < 0 ||
	    o.to.is_ipv6 != (host != copy))
		return -EINVAL;
	o.port = (uint16_t)number;
	*ret = o;
	return 0;
}

/* -- the section ----------------------------------------------------------------------------------------- */
static void string_error(struct loader *l, const struct yaml_string *at, const char *key, const char *what)
{
	yaml_errors_add(l->errors, l->doc->file, at->line, at->column, "%s: '%s' %s", key, at->value, what);
}

static void load_services(struct loader *l, const struct raw_share *raw, const struct yaml_node *map)
{
	struct station_share *s = &l->c->share;

	for (size_t i = 0; i < raw->services.count; i++) {
		size_t k = 0;

		while (k < SHARE_SERVICE_COUNT_ && strcmp(service_names[k], raw->services.list[i].value) != 0)
			k++;
		if (k == SHARE_SERVICE_COUNT_)
			string_error(l, &raw->services.list[i], "services", "is not one of: smb, nfs, sftp");
		else
			s->is_on[k] = true;
	}
	for (size_t k = 0; k < SHARE_SERVICE_COUNT_; k++) {
		const struct yaml_node *section = yaml_map_get(map, service_names[k]);

		s->port[k] = raw->service[k].port ? (uint16_t)raw->service[k].port : usual_ports[k];
		if (section && !s->is_on[k])
			yaml_node_error(l->doc, section, l->errors, "%s: has no effect: 'services' does not name it", service_names[k]);
		for (size_t j = 0; j < k; j++)
			if (s->is_on[j] && s->is_on[k] && s->port[j] == s->port[k])
				yaml_node_error(l->doc, map, l->errors, "%s and %s: port %u is used twice", service_names[j],
						service_names[k], s->port[k]);
	}
	s->smb_encryption = (enum share_encryption)raw->service[SHARE_SMB].encryption;
}

static void load_clients(struct loader *l, const struct raw_share *raw)
{
	struct station_share *s = &l->c->share;

	for (size_t i = 0; i < raw->clients.count; i++) {
		const struct yaml_string *at = &raw->clients.list[i];

		if (i == SHARE_CLIENTS_MAX) {
			string_error(l, at, "clients", "is one too many: 64 addresses and networks at most");
			return;
		}
		if (share_address_parse(at->value, true, &s->clients[s->client_count]) < 0)
			string_error(l, at, "clients", "is no address and no network such as 10.20.0.0/24 (bits beyond the prefix are zero)");
		else if (raw->address && s->clients[s->client_count].is_ipv6 != s->address.is_ipv6)
			string_error(l, at, "clients", "is not of the family of 'address', and could not reach it");
		else
			s->client_count++;
	}
}

static void load_out(struct loader *l, const struct raw_share *raw)
{
	struct station_share *s = &l->c->share;

	for (size_t i = 0; i < raw->firewall.out.count; i++) {
		const struct yaml_string *at = &raw->firewall.out.list[i];

		if (i == SHARE_OUT_MAX) {
			string_error(l, at, "out", "is one too many: 16 at most");
			return;
		}
		if (share_out_parse(at->value, &s->out[s->out_count]) < 0)
			string_error(l, at, "out", "is not ADDRESS:PORT, [IPV6]:PORT, or either with /udp");
		else
			s->out_count++;
	}
}

static void check_interface(struct loader *l, const struct raw_share *raw, const struct yaml_node *map)
{
	struct station_share *s = &l->c->share;

	if (raw->interface && !share_interface_ok(raw->interface))
		yaml_node_error(l->doc, yaml_map_get(map, "interface"), l->errors,
				"interface: must be the name of a network interface: 1 to 15 of a-z A-Z 0-9 . _ -, and not lo");
	if (raw->address && share_address_parse(raw->address, false, &s->address) < 0)
		yaml_node_error(l->doc, yaml_map_get(map, "address"), l->errors,
				"address: must be this station's own IPv4 or IPv6 address on the isolated side, such as 10.20.0.2");
	if (raw->user && !share_user_ok(raw->user))
		yaml_node_error(l->doc, yaml_map_get(map, "user"), l->errors,
				"user: must be 1 to 32 of a-z 0-9 _ -, begin with a letter, and not be root");
}

/* A setting without effect is an error, and so is one without which others have none. */
static void check_complete(struct loader *l, const struct raw_share *raw, const struct yaml_node *map)
{
	const struct station_share *s = &l->c->share;
	bool is_any = raw->services.count > 0, is_filtering = raw->firewall.is_on && raw->interface;

	if (is_any && !raw->interface)
		yaml_node_error(l->doc, map, l->errors, "share: services need 'interface', the isolated side's");
	if (is_any && !raw->address)
		yaml_node_error(l->doc, map, l->errors, "share: services need 'address', this station's on the isolated side");
	if (is_any && raw->clients.count == 0)
		yaml_node_error(l->doc, map, l->errors, "share: services need 'clients', the addresses or networks that may connect");
	if (!is_any && raw->clients.count > 0)
		yaml_node_error(l->doc, yaml_map_get(map, "clients"), l->errors, "clients: has no effect without 'services'");
	if (!is_any && raw->address)
		yaml_node_error(l->doc, yaml_map_get(map, "address"), l->errors, "address: has no effect without 'services'");
	if (raw->user && !s->is_on[SHARE_SMB] && !s->is_on[SHARE_SFTP])
		yaml_node_error(l->doc, yaml_map_get(map, "user"), l->errors, "user: has no effect without 'smb' or 'sftp' in 'services'");
	if (!is_any && raw->interface && !raw->firewall.is_on)
		yaml_node_error(l->doc, yaml_map_get(map, "interface"), l->errors,
				"interface: has no effect without 'services' and with the firewall off");
	if (raw->firewall.out.count > 0 && !is_filtering)
		yaml_node_error(l->doc, yaml_map_get(map, "firewall"), l->errors,
				"out: has no effect without the firewall, which needs 'interface' and 'on: true'");
	if (!is_any && !raw->interface && !raw->push.directory)
		yaml_node_error(l->doc, map, l->errors, "share: has no effect without 'services', 'interface' or 'push'");
}

static int take_path(struct loader *l, char **ret, const char *given, const struct yaml_node *at, const char *what)
{
	*ret = path_resolve(l->c->dir, given);
	if (!*ret)
		return -ENOMEM;
	if (!share_path_ok(*ret))
		yaml_node_error(l->doc, at, l->errors, "%s: '%s' must be a path of A-Z a-z 0-9 . _ - / alone, without '.' and '..'", what, *ret);
	return 0;
}

static int take_share(struct loader *l, struct raw_share *raw, const struct yaml_node *map)
{
	struct station_share *s = &l->c->share;
	const struct yaml_node *push = yaml_map_get(map, "push");
	int r = 0;

	s->interface = TAKE_PTR(raw->interface);
	s->user = raw->user ? TAKE_PTR(raw->user) : strdup(USER_USUAL);
	s->has_firewall = raw->firewall.is_on && s->interface;
	if (!s->user)
		return -ENOMEM;
	if (s->is_on[SHARE_SFTP])
		r = take_path(l, &s->sftp_keys, raw->service[SHARE_SFTP].keys ? raw->service[SHARE_SFTP].keys : KEYS_USUAL, map, "keys");
	if (r == 0 && raw->push.directory && raw->push.directory[0] != '/')
		yaml_node_error(l->doc, push, l->errors, "directory: must be an absolute path: where a directory of the isolated side is mounted");
	else if (r == 0 && raw->push.directory)
		r = take_path(l, &s->push_dir, raw->push.directory, push, "directory");
	return r;
}

static void raw_done(struct raw_share *raw)
{
	char *strings[] = { raw->interface, raw->address, raw->user, raw->service[SHARE_SFTP].keys, raw->push.directory };

	for (size_t i = 0; i < ARRAY_LEN(strings); i++)
		free(strings[i]);
	yaml_strings_done(&raw->clients);
	yaml_strings_done(&raw->services);
	yaml_strings_done(&raw->firewall.out);
}

int config_load_share(struct loader *l, const struct yaml_node *map)
{
	struct raw_share raw = { .firewall.is_on = true };
	int r;

	if (!map)
		return 0;
	r = yaml_decode(l->doc, map, share_fields, &raw, l->errors);
	if (r == 0) {
		check_interface(l, &raw, map);
		load_services(l, &raw, map);
		load_clients(l, &raw);
		load_out(l, &raw);
		check_complete(l, &raw, map);
		r = take_share(l, &raw, map);
	}
	raw_done(&raw);
	return r == -ENOMEM ? r : 0;
}

void config_share_done(struct station_config *c)
{
	free(c->share.interface);
	free(c->share.user);
	free(c->share.sftp_keys);
	free(c->share.push_dir);
}
