/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* share: what is written for Samba, NFS-Ganesha, OpenSSH and nftables. Whether these programs understand it, tests/integration/share.t asks them. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "common/fd.h"
#include "share/files.h"

#define ED25519 "AAAAC3NzaC1lZDI1NTE5AAAAIJi4P2tY/kY+E7iXE/opgyL9tF9rUnRkwkg+nqDj7OYv"

/* A station as `share:` makes it, with everything on. */
struct fixture {
	struct station_config config;
	struct share_maker maker;
	char dir[32], keys[64];
};

static struct fixture *fixture(void)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct station_share *s = &f->config.share;

	strcpy(f->dir, "/tmp/lazaret-share-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	(void)snprintf(f->keys, sizeof(f->keys), "%s/keys", f->dir);
	f->config.dir = f->dir;
	s->interface = (char *)"eth1";
	s->user = (char *)"importer";
	s->sftp_keys = f->keys;
	assert_int_equal(share_address_parse("10.20.0.2", false, &s->address), 0);
	assert_int_equal(share_address_parse("10.20.0.0/24", true, &s->clients[s->client_count++]), 0);
	assert_int_equal(share_address_parse("10.30.0.7", true, &s->clients[s->client_count++]), 0);
	for (int k = 0; k < SHARE_SERVICE_COUNT_; k++) {
		s->is_on[k] = true;
		s->port[k] = (uint16_t)(1000 + k);
	}
	s->has_firewall = true;
	s->push_dir = (char *)"/mnt/x";
	f->maker = (struct share_maker){ .config = &f->config, .root = "/run/lazaret/share", .uid = 977, .gid = 978 };
	return f;
}

static void done(struct fixture *f)
{
	assert_int_equal(dir_remove_tree(AT_FDCWD, f->dir), 0);
	free(f);
}

static void keys(struct fixture *f, const char *text)
{
	int fd = open(f->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(file_replace(fd, "keys", text, strlen(text), 0644), 0);
	close(fd);
}

static char *make(struct fixture *f, enum share_file file)
{
	char *text = NULL, *why = NULL;

	if (share_file_make(&f->maker, file, &text, &why) < 0)
		fail_msg("%s: %s", share_file_name(file), why ? why : "?");
	assert_null(why);
	return text;
}

static void has(struct fixture *f, enum share_file file, const char *const *lines, size_t count)
{
	char *text = make(f, file);

	for (size_t i = 0; i < count; i++)
		if (!strstr(text, lines[i]))
			fail_msg("%s: no '%s' in\n%s", share_file_name(file), lines[i], text);
	free(text);
}
#define HAS(file, ...)                                                                  \
	do {                                                                            \
		static const char *const lines_[] = { __VA_ARGS__ };                    \
		has(f, file, lines_, ARRAY_LEN(lines_));                                \
	} while (0)

static void every_value_arrives(void **state)
{
	struct fixture *f = fixture();

	HAS(SHARE_FILE_SMB, "\n   interfaces = 10.20.0.2\n   bind interfaces only = yes\n   smb ports = 1000\n",
	    "\n   hosts allow = 10.20.0.0/24 10.30.0.7\n", "\n   server signing = mandatory\n   server smb encrypt = required\n",
	    "\n   server min protocol = SMB3_11\n", "\n   read only = yes\n", "\n   valid users = importer\n",
	    "\n   path = /run/lazaret/share/export/staging\n", "\n   veto files = /.incoming-*/\n", "\n   map to guest = never\n");
	HAS(SHARE_FILE_NFS, "\tNFS_Port = 1001;\n\tBind_addr = 10.20.0.2;\n", "\tAccess_Type = NONE;\n",
	    "\t\tClients = 10.20.0.0/24, 10.30.0.7;\n\t\tAccess_Type = RO;\n\t\tSquash = All_Squash;\n",
	    "\tAnonymous_Uid = 977;\n\tAnonymous_Gid = 978;\n", "\tProtocols = 4;\n");
	HAS(SHARE_FILE_SFTP, "ListenAddress 10.20.0.2:1002\n", "ChrootDirectory /run/lazaret/share/export\n",
	    "ForceCommand internal-sftp -R -d /staging\n", "\nAllowUsers importer@10.20.0.0/24 importer@10.30.0.7\n",
	    "\nAuthenticationMethods publickey\n", "\nDisableForwarding yes\n");
	HAS(SHARE_FILE_FIREWALL, "hook input priority filter; policy drop;", "hook forward priority filter; policy drop;",
	    "hook output priority filter; policy drop;",
	    "\t\tiifname \"eth1\" ip daddr 10.20.0.2 ip saddr { 10.20.0.0/24, 10.30.0.7 } tcp dport { 1000, 1001, 1002 } ct state new accept\n");
	HAS(SHARE_FILE_PASSWD, "root:x:0:0::/:/usr/sbin/nologin\n", "importer:x:977:978::/:/usr/sbin/nologin\n");
	HAS(SHARE_FILE_SHADOW, "importer:*:1::::::\n");
	HAS(SHARE_FILE_PUSH, "/mnt/x\n");
	f->config.share.smb_encryption = SHARE_ENCRYPTION_OFFERED;
	HAS(SHARE_FILE_SMB, "server signing = mandatory\n   server smb encrypt = if_required\n");
	done(f);
}

static void the_other_family(void **state)
{
	struct fixture *f = fixture();
	struct station_share *s = &f->config.share;
	char *text = make(f, SHARE_FILE_FIREWALL);

	assert_null(strstr(text, "nd-neighbor")); /* nothing speaks IPv6: nothing of it passes */
	free(text);
	assert_int_equal(share_out_parse("[fd00::9]:53/udp", &s->out[s->out_count++]), 0);
	assert_int_equal(share_out_parse("10.1.1.1:5432", &s->out[s->out_count++]), 0);
	HAS(SHARE_FILE_FIREWALL, "oifname \"eth1\" ip6 hoplimit 255 icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept\n",
	    "oifname \"eth1\" ip6 daddr fd00::9 udp dport 53 ct state new accept\n", "oifname \"eth1\" ip daddr 10.1.1.1 tcp dport 5432 ct state new accept\n");
	assert_int_equal(share_address_parse("fd00::2", false, &s->address), 0);
	assert_int_equal(share_address_parse("fd00::/64", true, &s->clients[0]), 0);
	s->client_count = 1;
	HAS(SHARE_FILE_FIREWALL, "iifname \"eth1\" ip6 daddr fd00::2 ip6 saddr { fd00::/64 } tcp dport");
	HAS(SHARE_FILE_SFTP, "ListenAddress [fd00::2]:1002\n", "AllowUsers importer@fd00::/64\n");
	done(f);
}

static void wanted(void **state)
{
	struct fixture *f = fixture();
	struct station_share *s = &f->config.share;

	for (int k = 0; k < SHARE_FILE_COUNT_; k++)
		assert_true(share_file_wanted(&f->maker, (enum share_file)k));
	memset(s->is_on, 0, sizeof(s->is_on));
	s->has_firewall = false;
	s->push_dir = NULL;
	for (int k = 0; k < SHARE_FILE_COUNT_; k++)
		assert_false(share_file_wanted(&f->maker, (enum share_file)k));
	s->is_on[SHARE_SFTP] = true;
	assert_true(share_file_wanted(&f->maker, SHARE_FILE_KEYS));
	assert_true(share_file_wanted(&f->maker, SHARE_FILE_PASSWD));
	assert_false(share_file_wanted(&f->maker, SHARE_FILE_SMB));
	done(f);
}

static void keys_of_importers(void **state)
{
	static const struct {
		const char *line, *key; /* NULL: nothing; "": refused */
	} rows[] = {
		{ "", NULL },
		{ "   ", NULL },
		{ "# comment", NULL },
		{ "ssh-ed25519 " ED25519 " a b; c", "restrict ssh-ed25519 " ED25519 },
		{ "ssh-ed25519\t" ED25519 "\r", "restrict ssh-ed25519 " ED25519 },
		{ "ssh-ed25519", "" },
		{ "ssh-ed25519 ", "" },
		{ "ssh-ed25519 " ED25519 "A", "" },
		{ "ssh-rsa " ED25519, "" }, /* it says inside what it is */
		{ "ssh-dss " ED25519, "" },
		{ "ssh-ed25519-cert-v01@openssh.com " ED25519, "" },
		{ "command=\"sh\" ssh-ed25519 " ED25519, "" },
		{ "cert-authority ssh-ed25519 " ED25519, "" },
		{ " ssh-ed25519 " ED25519, "" },
		{ "ssh-ed25519 \"" ED25519 "\"", "" },
		{ "-----BEGIN OPENSSH PRIVATE KEY-----", "" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char *key = NULL;
		int r = share_key_line(rows[i].line, &key);

		if (r != (rows[i].key && !*rows[i].key ? -EINVAL : 0) || !key != !(rows[i].key && *rows[i].key) || (key && strcmp(key, rows[i].key) != 0))
			fail_msg("'%s': %d, '%s'", rows[i].line, r, key ? key : "(none)");
		free(key);
	}
}

static void refuses(struct fixture *f, enum share_file file, const char *words)
{
	char *text = NULL, *why = NULL;

	assert_true(share_file_make(&f->maker, file, &text, &why) < 0);
	assert_null(text);
	if (!why || !strstr(why, words))
		fail_msg("wanted '%s' in '%s'", words, why ? why : "(none)");
	free(why);
}

static void what_is_not_written(void **state)
{
	struct fixture *f = fixture();

	refuses(f, SHARE_FILE_KEYS, "there is none: put the importers' public keys there");
	keys(f, "# nobody yet\n\n");
	refuses(f, SHARE_FILE_KEYS, "has no key: nobody could log in");
	keys(f, "# one\nssh-ed25519 " ED25519 "\nrestrict,command=\"x\" ssh-ed25519 " ED25519 "\n");
	refuses(f, SHARE_FILE_KEYS, "keys:3: is no public key without options");
	f->config.dir = (char *)"/srv/my station";
	for (int k = 0; k < SHARE_FILE_COUNT_; k++)
		refuses(f, (enum share_file)k, "must lie at a path of");
	f->config.dir = (char *)"/srv/x\n[global]";
	refuses(f, SHARE_FILE_SMB, "must lie at a path of");
	f->config.dir = f->dir;
	done(f);
}

static bool exists(const char *dir, const char *name)
{
	_cleanup_free_ char *path = NULL;

	assert_true(asprintf(&path, "%s/%s", dir, name) > 0);
	return access(path, F_OK) == 0;
}

/* Whole or not at all; what is not configured any more goes; what others could change is not written into. */
static void written(void **state)
{
	struct fixture *f = fixture();
	char *why = NULL, *root = NULL, *smb = NULL;
	struct stat st;

	assert_true(asprintf(&root, "%s/root", f->dir) > 0);
	f->maker.root = root;
	keys(f, "nonsense\n");
	assert_int_equal(share_write(&f->maker, &why), -EINVAL);
	assert_non_null(strstr(why, "keys:1"));
	free(why);
	assert_false(exists(f->dir, "root"));
	f->config.share.is_on[SHARE_SFTP] = false; /* ssh-keygen may not be here */
	if (share_write(&f->maker, &why) < 0)
		fail_msg("%s", why);
	assert_true(exists(root, "smb.conf") && exists(root, "ganesha.conf") && exists(root, "firewall.nft") && exists(root, "accounts/passwd") &&
		    exists(root, "export/staging") && exists(root, "push.conf") && !exists(root, "sshd_config"));
	assert_true(asprintf(&smb, "%s/share/smb", f->dir) > 0);
	assert_int_equal(stat(smb, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	f->config.share.is_on[SHARE_SMB] = f->config.share.has_firewall = false;
	f->config.share.push_dir = NULL;
	assert_int_equal(share_write(&f->maker, &why), 0);
	assert_true(!exists(root, "smb.conf") && exists(root, "ganesha.conf") && !exists(root, "firewall.nft") && !exists(root, "push.conf"));
	assert_int_equal(chmod(root, 0777), 0);
	assert_int_equal(share_write(&f->maker, &why), -EPERM);
	assert_non_null(why);
	free(why);
	free(smb);
	free(root);
	done(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_value_arrives), cmocka_unit_test(the_other_family),    cmocka_unit_test(wanted),
		cmocka_unit_test(keys_of_importers),   cmocka_unit_test(what_is_not_written), cmocka_unit_test(written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
