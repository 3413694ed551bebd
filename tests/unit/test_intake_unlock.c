/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Unlocking up to the mapping, which takes no device mapper: LUKS volumes made here by cryptsetup, opened by the child in its
 * sandbox; the proposed table against what cryptsetup itself says of the volume. The mapping itself is proved in the system
 * tests. Started by root; without it only what needs no loop device. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dlfcn.h>
#include <openssl/evp.h>

#include "intake/unlock.h"

#include "../lib/testing.h"

#define MIB (1ull << 20)
#define PASSPHRASE "correct horse"

static char directory[64];
static int directory_fd = -1;
static char words[400];
static struct table table;

static int make_directory(void **state)
{
	directory_fd = private_directory(directory);
	return 0;
}

static int remove_directory(void **state)
{
	remove_private_directory(directory_fd, directory);
	return 0;
}

/* Run cryptsetup on `image` with these further arguments (up to NULL), the passphrase on its standard input. */
static int cryptsetup(const char *image, const char *const *arguments, char *out, size_t out_size)
{
	const char *argv[24] = { "/usr/sbin/cryptsetup", "--batch-mode", "--key-file", "-" };
	size_t count = 4;
	int in[2], result[2], status;
	ssize_t n, at = 0;
	pid_t pid;

	for (; *arguments; arguments++)
		argv[count++] = *arguments;
	argv[count] = image;
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(result, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		(void)dup2(in[0], 0);
		(void)dup2(result[1], 1);
		(void)execv(argv[0], (char **)argv);
		_exit(127);
	}
	close_p(&in[0]);
	close_p(&result[1]);
	assert_int_equal(write(in[1], PASSPHRASE, strlen(PASSPHRASE)), strlen(PASSPHRASE));
	close_p(&in[1]);
	while (out && (n = read(result[0], out + at, out_size - 1 - (size_t)at)) > 0)
		at += n;
	if (out)
		out[at] = '\0';
	assert_int_equal(waitpid(pid, &status, 0), pid);
	close_p(&result[0]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* A volume at `offset` of an image; above the descriptor of the supervisor's channel. */
static int make_luks(const char *name, const char *const *arguments)
{
	char path[128];
	int fd, high;

	(void)snprintf(path, sizeof(path), "%s/%s", directory, name);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 32 * (off_t)MIB), 0);
	assert_int_equal(cryptsetup(path, arguments, NULL, 0), 0);
	close_p(&fd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	high = fcntl(fd, F_DUPFD_CLOEXEC, 10);
	close_p(&fd);
	assert_true(high >= 0);
	return high;
}

#define FAST "--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000"
static const char *const luks1[] = { "luksFormat", "--type", "luks1", "--pbkdf-force-iterations", "1000", NULL };
static const char *const luks2[] = { "luksFormat", "--type", "luks2", FAST, "--sector-size", "512", NULL };
static const char *const luks2_4k[] = { "luksFormat", "--type", "luks2", FAST, "--sector-size", "4096", NULL };
static const char *const argon2[] = { "luksFormat", "--type", "luks2", "--pbkdf", "argon2id", "--pbkdf-memory", "65536",
				      "--pbkdf-parallel", "4", "--pbkdf-force-iterations", "4", NULL };

static bool is_here(void)
{
	_cleanup_close_ int fd = open("/dev/loop-control", O_RDWR | O_CLOEXEC);

	if (geteuid() == 0 && fd >= 0)
		return true;
	print_message("needs root and loop devices: not run\n");
	return false;
}

/* The key in the table is the volume's: cryptsetup prints it as "aa bb\n\tcc". */
static void check_key(const char *name)
{
	static const char *const dump[] = { "luksDump", "--dump-volume-key", NULL };
	char path[128], text[4096], key[257] = "";
	const char *at;
	size_t size = 0;

	(void)snprintf(path, sizeof(path), "%s/%s", directory, name);
	assert_int_equal(cryptsetup(path, dump, text, sizeof(text)), 0);
	at = strstr(text, "MK dump:");
	if (!at)
		at = strstr(text, "Key dump:");
	if (!at)
		at = strstr(text, "key dump:");
	assert_non_null(at);
	for (at = strchr(at, ':') + 1; *at && size < sizeof(key) - 1; at++)
		if (strchr("0123456789abcdef", *at))
			key[size++] = *at;
	assert_int_equal(size, 128);
	assert_non_null(strstr(table.targets[0].params, key));
}

static void check_volume(const char *name, const char *const *arguments, const char *format, const char *cipher)
{
	_cleanup_close_ int fd = make_luks(name, arguments);
	struct unlock u = UNLOCK_NONE;
	uint64_t sectors = 0;

	assert_int_equal(unlock_start("crypto_LUKS", fd, 0, 32 * MIB, &u, words, sizeof(words)), 0);
	assert_string_equal(u.format, format);
	assert_int_equal(unlock_try(&u, "wrong", 5, &table, &sectors, words, sizeof(words)), -EPERM);
	assert_int_equal(table.count, 0);
	assert_int_equal(unlock_try(&u, PASSPHRASE, strlen(PASSPHRASE), &table, &sectors, words, sizeof(words)), 0);
	assert_int_equal(table.count, 1);
	assert_true(sectors > 0 && sectors < 32 * MIB / 512);
	assert_ptr_equal(strstr(table.targets[0].params, cipher), table.targets[0].params);
	assert_non_null(strstr(table.targets[0].params, u.device));
	check_key(name);
	table_wipe(&table);
	unlock_end(&u);
}

static void test_luks(void **state)
{
	if (!is_here())
		return;
	check_volume("luks1", luks1, "LUKS1", "aes-xts-plain64 ");
	check_volume("luks2", luks2, "LUKS2", "aes-xts-plain64 ");
	check_volume("luks2-4k", luks2_4k, "LUKS2", "aes-xts-plain64 ");
	check_volume("argon2", argon2, "LUKS2", "aes-xts-plain64 "); /* its threads run and end inside the sandbox */
}

/* What the child is, while it waits for a passphrase. */
static void test_child_is_confined(void **state)
{
	static const char *const wanted[] = { "CapPrm:\t0000000000000000", "CapEff:\t0000000000000000", "CapBnd:\t0000000000000000",
					      "NoNewPrivs:\t1", "Seccomp:\t2" };
	struct unlock u = UNLOCK_NONE;
	char path[64], link[2][64], status[8192] = "";
	int fd, status_fd;

	if (!is_here())
		return;
	fd = make_luks("confined", luks2);
	assert_int_equal(unlock_start("crypto_LUKS", fd, 0, 32 * MIB, &u, words, sizeof(words)), 0);
	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)u.child.pid);
	status_fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(read(status_fd, status, sizeof(status) - 1) > 0);
	close_p(&status_fd);
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
		assert_non_null(strstr(status, wanted[i]));
	assert_null(strstr(status, "Uid:\t0"));
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)u.child.pid);
	memset(link, 0, sizeof(link));
	assert_true(readlink(path, link[0], sizeof(link[0]) - 1) > 0);
	assert_true(readlink("/proc/self/ns/net", link[1], sizeof(link[1]) - 1) > 0);
	assert_string_not_equal(link[0], link[1]);
	(void)snprintf(path, sizeof(path), "/proc/%d/root/dev/loop-control", (int)u.child.pid);
	assert_true(access(path, F_OK) < 0);
	(void)snprintf(path, sizeof(path), "/proc/%d/root/dev/medium", (int)u.child.pid);
	assert_int_equal(access(path, F_OK), 0);
	unlock_end(&u);
	close_p(&fd);
}

/* Replace `from` by `to` (equally long) in both copies of a LUKS2 header's JSON, and make the checksums right again: LUKS2
 * On-Disk Format Specification 1.1.2, 2.1 and 3: binary header of 4096 bytes, SHA-256 at 448, over all with that field zero. */
static void patch_luks2(int fd, const char *from, const char *to)
{
	static uint8_t header[16384];
	unsigned int patched = 0;

	for (off_t at = 0; at <= 16384; at += 16384) {
		uint8_t sum[32];
		char *place;

		assert_int_equal(pread(fd, header, sizeof(header), at), sizeof(header));
		place = memmem(header + 4096, sizeof(header) - 4096, from, strlen(from));
		assert_non_null(place);
		memcpy(place, to, strlen(to));
		memset(header + 448, 0, 64);
		assert_int_equal(EVP_Digest(header, sizeof(header), sum, NULL, EVP_sha256(), NULL), 1);
		memcpy(header + 448, sum, sizeof(sum));
		assert_int_equal(pwrite(fd, header, sizeof(header), at), sizeof(header));
		patched++;
	}
	assert_int_equal(patched, 2);
}

static int start_patched(const char *name, const char *const *arguments, const char *from, const char *to)
{
	_cleanup_close_ int fd = make_luks(name, arguments), writable_fd = -EBADF;
	struct unlock u = UNLOCK_NONE;
	char path[128];
	int r;

	(void)snprintf(path, sizeof(path), "%s/%s", directory, name);
	writable_fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(writable_fd >= 0);
	patch_luks2(writable_fd, from, to);
	words[0] = '\0';
	r = unlock_start("crypto_LUKS", fd, 0, 32 * MIB, &u, words, sizeof(words));
	unlock_end(&u);
	return r;
}

static void test_hostile_headers(void **state)
{
	if (!is_here())
		return;
	assert_int_equal(start_patched("same", argon2, "\"memory\":65536", "\"memory\":65536"), 0);
	assert_true(start_patched("broken", argon2, "\"memory\":65536,", "\"memory\":65536;") < 0); /* no JSON any more */
	assert_non_null(strstr(words, "header cannot be used"));
	assert_int_equal(start_patched("hungry", (const char *const[]){ "luksFormat", "--type", "luks2", "--pbkdf", "argon2id",
									   "--pbkdf-memory", "1048576", "--pbkdf-parallel", "4",
									   "--pbkdf-force-iterations", "4", NULL },
				       "\"memory\":1048576", "\"memory\":4048576"), -ENOMEM);
	assert_non_null(strstr(words, "wants 3953 MiB of memory, this station gives 1792 MiB"));
}

static void test_no_header(void **state)
{
	_cleanup_close_ int fd = -EBADF;
	struct unlock u = UNLOCK_NONE;
	char path[128];

	if (!is_here())
		return;
	(void)snprintf(path, sizeof(path), "%s/zeros", directory);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(ftruncate(fd, (off_t)MIB), 0);
	assert_true(unlock_start("crypto_LUKS", fd, 0, MIB, &u, words, sizeof(words)) < 0);
	assert_non_null(strstr(words, "header cannot be used"));
	assert_true(unlock_start("BitLocker", fd, 0, MIB, &u, words, sizeof(words)) < 0);
	assert_true(unlock_start("vfat", fd, 0, MIB, &u, words, sizeof(words)) < 0);
}

static void test_what_can_be_asked_about(void **state)
{
	assert_true(unlock_knows("crypto_LUKS") && unlock_knows("BitLocker") && unlock_knows("cs_fvault2") &&
		    unlock_knows(UNLOCK_FS_NOISE));
	assert_false(unlock_knows("vfat") || unlock_knows("") || unlock_knows("LVM2_member"));
}

/* No call of the library reaches the real device mapper, or the kernel's ciphers: held against each new version of it. */
static void test_every_import_is_ours(void **state)
{
	static const char command[] = "nm -D --undefined-only \"$(ldconfig -p | awk '/libcryptsetup.so.12/ {print $NF; exit}')\" | "
				      "sed -n 's/^ *U \\(dm_[a-z_]*\\|socket\\|bind\\)@.*/\\1/p'";
	FILE *list = popen(command, "r");
	_cleanup_free_ char *line = NULL;
	unsigned int count = 0;
	size_t room = 0;
	Dl_info here, there;

	assert_non_null(list);
	assert_true(dladdr((void *)(uintptr_t)&test_every_import_is_ours, &here));
	while (getline(&line, &room, list) > 0) {
		void *found;

		line[strcspn(line, "\n")] = '\0';
		found = dlsym(RTLD_DEFAULT, line);
		if (!found || !dladdr(found, &there) || there.dli_fbase != here.dli_fbase)
			fail_msg("libcryptsetup imports %s, which is not ours", line);
		count++;
	}
	assert_int_equal(pclose(list), 0);
	assert_true(count > 30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_luks),	   cmocka_unit_test(test_child_is_confined),
		cmocka_unit_test(test_hostile_headers), cmocka_unit_test(test_no_header),
		cmocka_unit_test(test_what_can_be_asked_about), cmocka_unit_test(test_every_import_is_ours),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
