/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* station: `share:` of lazaret.yaml. Its strings end up in other programs' configuration: what could be more than a value is refused. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/fd.h"
#include "station/config.h"

#define HEAD                                                                                                  \
	"format: lazaret.station/1\nstation: {name: s, id: 0123456789abcdef}\n"                               \
	"database: {directory: /db, files: [{file: daily.cvd}]}\nshare:\n"
#define SIDE "  interface: eth1\n  address: 10.20.0.2\n  clients: [10.20.0.0/24]\n"

/* Errors as printed; owned by the caller. */
static char *load(const char *text, struct station_config **ret)
{
	char dir[] = "/tmp/lazaret-share-XXXXXX", *printed = NULL;
	struct yaml_errors errors = { 0 };
	size_t size = 0;
	FILE *f = open_memstream(&printed, &size);
	int fd, r;

	*ret = NULL;
	assert_non_null(mkdtemp(dir));
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(file_replace(fd, STATION_FILE, text, strlen(text), 0644), 0);
	close(fd);
	r = station_config_load(dir, &errors, ret);
	assert_int_equal(r < 0, yaml_errors_any(&errors));
	yaml_errors_print(&errors, f);
	fclose(f);
	yaml_errors_done(&errors);
	assert_int_equal(dir_remove_tree(AT_FDCWD, dir), 0);
	return printed;
}

static struct station_config *load_good(const char *text)
{
	struct station_config *c;
	char *errors = load(text, &c);

	assert_string_equal(errors, "");
	free(errors);
	return c;
}

static void off_by_default(void **state)
{
	struct station_config *c = load_good("format: lazaret.station/1\nstation: {name: s, id: 0123456789abcdef}\n"
					     "database: {directory: /db, files: [{file: daily.cvd}]}\n");

	assert_false(share_is_any_on(&c->share));
	assert_false(c->share.has_firewall);
	assert_null(c->share.interface);
	assert_null(c->share.push_dir);
	station_config_free(c);
}

static void what_is_usual(void **state)
{
	struct station_config *c = load_good(HEAD SIDE "  services: [smb, sftp]\n");
	char *keys;

	assert_true(share_is_any_on(&c->share));
	assert_true(c->share.is_on[SHARE_SMB]);
	assert_false(c->share.is_on[SHARE_NFS]);
	assert_true(c->share.is_on[SHARE_SFTP]);
	assert_int_equal(c->share.port[SHARE_SMB], 445);
	assert_int_equal(c->share.port[SHARE_NFS], 2049);
	assert_int_equal(c->share.port[SHARE_SFTP], 22);
	assert_int_equal(c->share.smb_encryption, SHARE_ENCRYPTION_REQUIRED);
	assert_string_equal(c->share.interface, "eth1");
	assert_string_equal(c->share.address.text, "10.20.0.2");
	assert_int_equal(c->share.client_count, 1);
	assert_string_equal(c->share.clients[0].text, "10.20.0.0/24");
	assert_string_equal(c->share.user, "importer");
	assert_true(asprintf(&keys, "%s/share/authorized_keys", c->dir) > 0);
	assert_string_equal(c->share.sftp_keys, keys);
	assert_true(c->share.has_firewall);
	assert_int_equal(c->share.out_count, 0);
	free(keys);
	station_config_free(c);
}

static void all_of_it(void **state)
{
	struct station_config *c = load_good(HEAD "  interface: enp1s0.20\n  address: FD00:0::2\n  clients: ['fd00::/64', 'fd00:1::7']\n"
						  "  services: [nfs, sftp, smb]\n  user: import-7\n  smb: {port: 1445, encryption: offered}\n"
						  "  nfs: {port: 12049}\n  sftp: {port: 2222, keys: /etc/lazaret/importers.pub}\n"
						  "  firewall: {out: ['10.20.0.5:5432', '[fd00::9]:123/udp']}\n"
						  "  push: {directory: /mnt/isolated/incoming}\n");

	assert_string_equal(c->share.address.text, "fd00::2");
	assert_true(c->share.address.is_ipv6);
	assert_int_equal(c->share.client_count, 2);
	assert_int_equal(c->share.clients[0].prefix, 64);
	assert_string_equal(c->share.clients[1].text, "fd00:1::7");
	assert_int_equal(c->share.port[SHARE_SMB], 1445);
	assert_int_equal(c->share.port[SHARE_NFS], 12049);
	assert_int_equal(c->share.port[SHARE_SFTP], 2222);
	assert_int_equal(c->share.smb_encryption, SHARE_ENCRYPTION_OFFERED);
	assert_string_equal(c->share.sftp_keys, "/etc/lazaret/importers.pub");
	assert_string_equal(c->share.user, "import-7");
	assert_int_equal(c->share.out_count, 2);
	assert_string_equal(c->share.out[0].to.text, "10.20.0.5");
	assert_int_equal(c->share.out[0].port, 5432);
	assert_false(c->share.out[0].is_udp);
	assert_string_equal(c->share.out[1].to.text, "fd00::9");
	assert_true(c->share.out[1].is_udp);
	assert_string_equal(c->share.push_dir, "/mnt/isolated/incoming");
	station_config_free(c);
	c = load_good(HEAD "  push: {directory: /mnt/isolated}\n");
	assert_false(c->share.has_firewall);
	assert_false(share_is_any_on(&c->share));
	station_config_free(c);
	c = load_good(HEAD "  interface: eth1\n");
	assert_true(c->share.has_firewall);
	station_config_free(c);
	c = load_good(HEAD SIDE "  services: nfs\n  firewall: {on: false}\n");
	assert_false(c->share.has_firewall);
	station_config_free(c);
}

static void bad_sections(void **state)
{
	static const struct {
		const char *text, *error;
	} rows[] = {
		{ "  services: [smb]\n", "share: services need 'interface'" },
		{ "  services: [smb]\n", "share: services need 'address'" },
		{ "  services: [smb]\n", "share: services need 'clients'" },
		{ SIDE "  services: [ftp]\n", ":8:14: services: 'ftp' is not one of: smb, nfs, sftp" },
		{ SIDE "  services: [smb, smb]\n", "'smb' is in the list twice" },
		{ SIDE "  services: [smb]\n  nfs: {port: 5}\n", ":9:8: nfs: has no effect" },
		{ SIDE "  services: [smb, nfs]\n  nfs: {port: 445}\n", "smb and nfs: port 445 is used twice" },
		{ SIDE "  services: [smb]\n  smb: {port: 0}\n", "port: 0 is out of range (1 to 65535)" },
		{ SIDE "  services: [smb]\n  smb: {encryption: off}\n", "'off' is not one of: required, offered" },
		{ SIDE "  services: [nfs]\n  user: x\n", "user: has no effect without 'smb' or 'sftp'" },
		{ SIDE, "clients: has no effect without 'services'" },
		{ "  interface: eth1\n  address: 10.0.0.1\n", "address: has no effect without 'services'" },
		{ "  interface: eth1\n  firewall: {on: false}\n", "interface: has no effect" },
		{ "  push: {directory: /mnt/x}\n  firewall: {out: ['10.0.0.1:1']}\n", "out: has no effect without the firewall" },
		{ "  user: x\n", "share: has no effect without" },
		{ "  push: {}\n", "missing key 'directory'" },
		{ "  push: {directory: mnt}\n", "directory: must be an absolute path" },
		{ "  push: {directory: '/mnt/a b'}\n", "directory: '/mnt/a b' must be a path of" },
		{ "  push: {directory: /mnt/../etc}\n", "directory: '/mnt/../etc' must be a path of" },
		{ "  interface: \"eth1\\n  accept\"\n", "interface: control characters are not allowed" },
		{ "  interface: 'eth*'\n", "interface: must be the name" },
		{ "  interface: lo\n", "interface: must be the name" },
		{ "  interface: eth1\n  firewall: {out: ['10.0.0.1:53 accept; tcp dport 1']}\n", "is not ADDRESS:PORT" },
		{ "  interface: eth1\n  address: 10.0.0.1/24\n  services: [nfs]\n  clients: 10.0.0.0/8\n", "address: must be this station's own" },
		{ "  interface: eth1\n  address: 10.0.0.1\n  services: [nfs]\n  clients: ['10.0.0.0/24, 0.0.0.0/0']\n", "is no address and no network" },
		{ "  interface: eth1\n  address: 10.0.0.1\n  services: [nfs]\n  clients: ['fd00::/64']\n", "is not of the family of 'address'" },
		{ SIDE "  services: [smb]\n  user: \"importer\\n   guest ok = yes\"\n", "user: control characters are not allowed" },
		{ SIDE "  services: [smb]\n  user: '%U'\n", "user: must be 1 to 32" },
		{ SIDE "  services: [sftp]\n  sftp: {keys: \"k\\nPermitRootLogin yes\"}\n", "keys: control characters are not allowed" },
		{ SIDE "  services: [sftp]\n  sftp: {keys: 'a%h'}\n", "must be a path of A-Z" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct station_config *c;
		_cleanup_free_ char *text = NULL;
		char *errors;

		assert_true(asprintf(&text, "%s%s", HEAD, rows[i].text) > 0);
		errors = load(text, &c);
		if (c || !strstr(errors, rows[i].error))
			fail_msg("wanted '%s' in '%s'", rows[i].error, errors);
		free(errors);
	}
}

static void addresses(void **state)
{
	static const struct {
		const char *text, *host, *network; /* as they come back; NULL: refused */
	} rows[] = {
		{ "10.1.2.3", "10.1.2.3", "10.1.2.3" },	     { "10.1.2.0/24", NULL, "10.1.2.0/24" },
		{ "10.1.2.3/24", NULL, NULL },		     { "10.1.2.3/32", NULL, "10.1.2.3" },
		{ "10.1.2.0/024", NULL, NULL },		     { "10.1.2.0/-1", NULL, NULL },
		{ "10.1.2.0/33", NULL, NULL },		     { "10.1.2.0/", NULL, NULL },
		{ "0.0.0.0/0", NULL, NULL },		     { "0.0.0.0", NULL, NULL },
		{ "127.0.0.1", NULL, NULL },		     { "169.254.1.1", NULL, NULL },
		{ "224.0.0.1", NULL, NULL },		     { "255.255.255.255", NULL, NULL },
		{ "010.1.2.3", NULL, NULL },		     { "10.1.2", NULL, NULL },
		{ "10.1.2.3 ", NULL, NULL },		     { "", NULL, NULL },
		{ "10.1.2.3\n", NULL, NULL },		     { "fd00::1", "fd00::1", "fd00::1" },
		{ "FD00:0:0::1", "fd00::1", "fd00::1" },     { "fd00::/64", NULL, "fd00::/64" },
		{ "fd00::1/64", NULL, NULL },		     { "::/0", NULL, NULL },
		{ "::1", NULL, NULL },			     { "::ffff:10.1.2.3", NULL, NULL },
		{ "fe80::1", NULL, NULL },		     { "fe80::1%eth0", NULL, NULL },
		{ "ff02::1", NULL, NULL },		     { "fd00::1;", NULL, NULL },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct share_address a;

		if ((share_address_parse(rows[i].text, false, &a) == 0) != (rows[i].host != NULL) ||
		    (rows[i].host && strcmp(a.text, rows[i].host) != 0))
			fail_msg("'%s' as an address", rows[i].text);
		if ((share_address_parse(rows[i].text, true, &a) == 0) != (rows[i].network != NULL) ||
		    (rows[i].network && strcmp(a.text, rows[i].network) != 0))
			fail_msg("'%s' as a network", rows[i].text);
	}
}

static void names_and_paths(void **state)
{
	static const char *const good_interfaces[] = { "eth1", "enp1s0", "vlan.20", "a_b-c", "123456789012345" };
	static const char *const bad_interfaces[] = { "", "lo", "eth 1", "eth1\n", "eth*", "eth+", "-x", ".x", "a/b", "a;b", "a\"b", "1234567890123456" };
	static const char *const good_users[] = { "importer", "a", "x_1-2" };
	static const char *const bad_users[] = { "", "root", "Importer", "1a", "-a", "a b", "a\nb", "a:b", "a,b", "a%b", "@wheel", "+x",
						 "abcdefghijklmnopqrstuvwxyz1234567" };
	static const char *const good_paths[] = { "/a", "/var/lib/lazaret", "/a/.b/c-d_e.f", "/a/..b" };
	static const char *const bad_paths[] = { "", "/", "a", "/a/", "//a", "/a//b", "/a/./b", "/a/../b", "/..", "/a b", "/a\nb", "/a#b", "/a;b",
						 "/a%b", "/a$b", "/a\"b", "/a{b", "/a\\b", "/a*", "/\xc3\xa4" };
	static const char *const bad_outs[] = { "", "10.0.0.1", "10.0.0.1:", "10.0.0.1:0", "10.0.0.1:65536", "10.0.0.1:1/icmp", "10.0.0.0/8:1", ":1",
						"fd00::1:53", "[fd00::1]", "[10.0.0.1]:5", "[fd00::1:5", "10.0.0.1:+5", "10.0.0.1:5 }", "[]:5" };
	struct share_out o;

	for (size_t i = 0; i < ARRAY_LEN(good_interfaces); i++)
		assert_true(share_interface_ok(good_interfaces[i]));
	for (size_t i = 0; i < ARRAY_LEN(bad_interfaces); i++)
		assert_false(share_interface_ok(bad_interfaces[i]));
	for (size_t i = 0; i < ARRAY_LEN(good_users); i++)
		assert_true(share_user_ok(good_users[i]));
	for (size_t i = 0; i < ARRAY_LEN(bad_users); i++)
		assert_false(share_user_ok(bad_users[i]));
	for (size_t i = 0; i < ARRAY_LEN(good_paths); i++)
		assert_true(share_path_ok(good_paths[i]));
	for (size_t i = 0; i < ARRAY_LEN(bad_paths); i++)
		assert_false(share_path_ok(bad_paths[i]));
	for (size_t i = 0; i < ARRAY_LEN(bad_outs); i++)
		assert_int_equal(share_out_parse(bad_outs[i], &o), -EINVAL);
	assert_int_equal(share_out_parse("10.0.0.1:53/tcp", &o), 0);
	assert_string_equal(share_service_name(SHARE_SFTP), "sftp");
	assert_null(share_service_name(SHARE_SERVICE_COUNT_));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(off_by_default), cmocka_unit_test(what_is_usual), cmocka_unit_test(all_of_it), cmocka_unit_test(bad_sections),
		cmocka_unit_test(addresses),	  cmocka_unit_test(names_and_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
