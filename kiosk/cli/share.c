/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* `lazaret share`: the configuration of the servers that give staging to the isolated side (share/files.h), shown and written. */
#include "cli/share.h"

#include <getopt.h>
#include <pwd.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>

#include "cli/records.h"
#include "common/log.h"
#include "share/files.h"

#define EXIT_NONE 1

static const struct {
	const char *word;
	enum share_file file;
} shown[] = {
	{ "smb", SHARE_FILE_SMB },	    { "nfs", SHARE_FILE_NFS },	       { "sftp", SHARE_FILE_SFTP }, { "keys", SHARE_FILE_KEYS },
	{ "firewall", SHARE_FILE_FIREWALL }, { "network", SHARE_FILE_NETWORK }, { "passwd", SHARE_FILE_PASSWD },
};

static int usage(void)
{
	(void)fputs("usage: lazaret share show [--root DIR] smb | nfs | sftp | keys | firewall | network | passwd\n"
		    "       lazaret share write [--root DIR]\n"
		    "       lazaret share password [--root DIR]\n"
		    "       lazaret share push\n",
		    stderr);
	return EXIT_USAGE;
}

/* Told when there is none. */
static int find_account(struct share_maker *m)
{
	const struct passwd *pw = getpwnam(SHARE_ACCOUNT);

	if (!pw) {
		log_error("there is no account %s; systemd-sysusers makes it", SHARE_ACCOUNT);
		return -ENOENT;
	}
	m->uid = pw->pw_uid;
	m->gid = pw->pw_gid;
	return 0;
}

static int fail(int error, const char *why)
{
	log_error("%s", why ? why : strerror(-error));
	return EXIT_CANNOT;
}

static int show(const struct share_maker *m, const char *word)
{
	_cleanup_free_ char *text = NULL, *why = NULL;
	size_t k = 0;
	int r;

	while (k < ARRAY_LEN(shown) && strcmp(shown[k].word, word) != 0)
		k++;
	if (k == ARRAY_LEN(shown))
		return usage();
	if (!share_file_wanted(m, shown[k].file)) {
		log_error("%s: not configured: see 'share:' in lazaret.yaml(5)", word);
		return EXIT_NONE;
	}
	r = share_file_make(m, shown[k].file, &text, &why);
	if (r < 0)
		return fail(r, why);
	return fputs(text, stdout) < 0 || fflush(stdout) != 0 ? fail(-EIO, NULL) : EXIT_SUCCESS;
}

static int write_all(const struct share_maker *m)
{
	_cleanup_free_ char *why = NULL;
	int r = share_write(m, &why);

	return r < 0 ? fail(r, why) : EXIT_SUCCESS;
}

/* The importers' name is an account in ROOT/accounts alone, and smbpasswd(8) asks for one: these files stand in for the machine's, for it
 * and for nobody else. */
static int see_accounts(const struct share_maker *m)
{
	static const char *const names[] = { "passwd", "group", "shadow" };

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -errno;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		_cleanup_free_ char *from = NULL, *to = NULL;

		if (asprintf(&from, "%s/accounts/%s", m->root, names[i]) < 0)
			from = NULL;
		if (asprintf(&to, "/etc/%s", names[i]) < 0)
			to = NULL;
		if (!from || !to)
			return -ENOMEM;
		if (mount(from, to, NULL, MS_BIND, NULL) < 0)
			return -errno;
	}
	return 0;
}

/* Samba's own program asks, twice, or reads two lines where there is no terminal. */
static int password(const struct share_maker *m)
{
	_cleanup_free_ char *file = NULL;
	int r;

	if (!m->config->share.is_on[SHARE_SMB]) {
		log_error("smb: not configured: see 'share:' in lazaret.yaml(5)");
		return EXIT_NONE;
	}
	if (asprintf(&file, "%s/%s", m->root, share_file_name(SHARE_FILE_SMB)) < 0) {
		file = NULL;
		return fail(-ENOMEM, NULL);
	}
	if (access(file, R_OK) < 0) {
		log_error("%s: %s; 'lazaret share write' makes it", file, strerror(errno));
		return EXIT_CANNOT;
	}
	r = see_accounts(m);
	if (r < 0) {
		log_error("the accounts of the share cannot be put in place, which takes root: %s", strerror(-r));
		return EXIT_CANNOT;
	}
	(void)execl("/usr/bin/smbpasswd", "smbpasswd", "-c", file, "-a", isatty(STDIN_FILENO) ? m->config->share.user : "-s",
		    isatty(STDIN_FILENO) ? NULL : m->config->share.user, NULL);
	return fail(-errno, "smbpasswd cannot be started: install samba (samba-common-bin)");
}

static int run(const struct cli *cli, const char *root, int argc, char **argv)
{
	struct share_maker m = { .root = root };
	struct station_config *c;
	int status = EXIT_CANNOT;

	if (!share_path_ok(root)) {
		log_error("--root: must be an absolute path of A-Z a-z 0-9 . _ - / alone");
		return EXIT_USAGE;
	}
	c = records_config(cli);
	m.config = c;
	if (c && find_account(&m) == 0)
		status = strcmp(argv[0], "push") == 0 ? share_push(c, m.uid, m.gid) : argc == 2 ? show(&m, argv[1]) : strcmp(argv[0], "write") == 0 ? write_all(&m) : password(&m);
	station_config_free(c);
	return status;
}

int cmd_share(struct cli *cli)
{
	static const struct option options[] = { { "root", required_argument, NULL, 'r' }, { NULL, 0, NULL, 0 } };
	static const char usual[] = SHARE_ROOT;
	const char *root = usual;
	int o;

	while ((o = getopt_long(cli->argc, cli->argv, "", options, NULL)) != -1) {
		if (o != 'r')
			return usage();
		root = optarg;
	}
	cli->argc -= optind;
	cli->argv += optind;
	if (cli->argc == 2 && strcmp(cli->argv[0], "show") == 0)
		return run(cli, root, cli->argc, cli->argv);
	if (cli->argc == 1 && strcmp(cli->argv[0], "push") == 0 && root == usual)
		return run(cli, root, cli->argc, cli->argv);
	if (cli->argc == 1 && (strcmp(cli->argv[0], "write") == 0 || strcmp(cli->argv[0], "password") == 0))
		return run(cli, root, cli->argc, cli->argv);
	return usage();
}
