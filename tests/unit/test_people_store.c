/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The people of a station: what is written is read again, what breaks the form is refused whole; passwords. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <crypt.h>

#include "people/store.h"

#include "../lib/testing.h"

static char station[64];
static int station_fd;

static int make_station(void **state)
{
	station_fd = private_directory(station);
	return 0;
}

static int remove_station(void **state)
{
	remove_private_directory(station_fd, station);
	return 0;
}

static int people_dir(void)
{
	int fd = -EBADF;

	assert_int_equal(people_open(station, true, &fd), 0);
	return fd;
}

static struct people *load(void)
{
	struct people *p = NULL;

	assert_int_equal(people_load(station, &p, NULL), 0);
	return p;
}

static const struct person anna = { (char *)"anna", (char *)"Anna Ahrens", (char *)"account root", 1u << PERSON_OFFICER, 1000, 0 };
static const struct person ben = { (char *)"ben", (char *)"", (char *)"anna", 1u << PERSON_OPERATOR | 1u << PERSON_AUDITOR, 2000, 3000 };

static void test_nobody_yet(void **state)
{
	struct people *p = load();

	assert_int_equal(p->count, 0);
	assert_null(person_find(p, "anna"));
	assert_null(person_find(NULL, "anna"));
	assert_false(person_has_role(NULL, PERSON_OFFICER));
	people_free(p);
}

static void test_kept(void **state)
{
	int fd = people_dir();
	struct people *p = load();
	struct stat st;

	assert_int_equal(people_put(p, &ben), 0);
	assert_int_equal(people_put(p, &anna), 0);
	assert_int_equal(people_save(fd, p), 0);
	people_free(p);
	p = load();
	assert_int_equal(p->count, 2);
	assert_string_equal(p->list[0].name, "anna");
	assert_string_equal(person_find(p, "anna")->full_name, "Anna Ahrens");
	assert_true(person_has_role(person_find(p, "anna"), PERSON_OFFICER));
	assert_false(person_has_role(person_find(p, "anna"), PERSON_OPERATOR));
	assert_false(person_has_ended(person_find(p, "anna"), INT64_MAX));
	assert_false(person_has_ended(person_find(p, "ben"), 3000));
	assert_true(person_has_ended(person_find(p, "ben"), 3001));
	assert_string_equal(person_find(p, "ben")->by, "anna");
	assert_int_equal(fstatat(fd, PEOPLE_FILE, &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0600);

	assert_int_equal(people_take(p, "carl"), -ENOENT);
	assert_int_equal(people_take(p, "anna"), 0);
	assert_null(person_find(p, "anna"));
	assert_non_null(person_find(p, "ben"));
	people_free(p);
	close(fd);
}

static void test_put_replaces(void **state)
{
	struct people *p = load();
	struct person other = anna;

	other.roles = 1u << PERSON_AUDITOR;
	assert_int_equal(people_put(p, &anna), 0);
	assert_int_equal(people_put(p, &other), 0);
	assert_int_equal(p->count, 1);
	assert_int_equal(person_find(p, "anna")->roles, 1u << PERSON_AUDITOR);
	people_free(p);
}

static void test_room(void **state)
{
	struct people *p = load();
	char name[16];
	struct person one = anna;

	one.name = name;
	for (int k = 0; k < PEOPLE_MAX; k++) {
		(void)snprintf(name, sizeof(name), "p%d", k);
		assert_int_equal(people_put(p, &one), 0);
	}
	assert_int_equal(people_put(p, &anna), -ENOSPC);
	assert_int_equal(people_put(p, &one), 0); /* in the place of himself */
	for (size_t k = 1; k < p->count; k++)
		assert_true(strcmp(p->list[k - 1].name, p->list[k].name) < 0);
	people_free(p);
}

/* Whoever can change a byte of it must not gain a role by a form that is read generously. */
static void test_broken_forms(void **state)
{
	static const char *const forms[] = {
		"", "[]", "null", "{", "{\"anna\":{}}", "{\"anna\":1}",
		"{\"Anna\":{\"added_at\":1,\"by\":\"x\",\"full_name\":\"\",\"roles\":[\"officer\"],\"until\":0}}",
		"{\"anna\":{\"added_at\":1,\"by\":\"x\",\"full_name\":\"\",\"roles\":[],\"until\":0}}",
		"{\"anna\":{\"added_at\":1,\"by\":\"x\",\"full_name\":\"\",\"roles\":[\"root\"],\"until\":0}}",
		"{\"anna\":{\"added_at\":1,\"by\":\"x\",\"full_name\":\"\",\"roles\":[\"officer\",\"officer\"],\"until\":0}}",
		"{\"anna\":{\"added_at\":1,\"by\":\"x\",\"full_name\":\"\",\"roles\":\"officer\",\"until\":0}}",
		"{\"anna\":{\"added_at\":1,\"by\":\"x\",\"full_name\":\"a\\u001b\",\"roles\":[\"officer\"],\"until\":0}}",
		"{\"anna\":{\"added_at\":1,\"by\":\"x\",\"full_name\":\"\",\"roles\":[\"officer\"],\"until\":-1}}",
		"{\"anna\":{\"added_at\":1,\"by\":\"x\",\"full_name\":\"\",\"roles\":[\"officer\"],\"until\":\"0\"}}",
		"{\"anna\":{\"added_at\":1,\"by\":\"x\",\"full_name\":\"\",\"roles\":[\"officer\"]}}",
		"{\"anna\":{\"added_at\":1,\"by\":\"x\",\"extra\":1,\"full_name\":\"\",\"roles\":[\"officer\"],\"until\":0}}",
		"{\"a\":{\"added_at\":1,\"by\":\"x\",\"full_name\":\"\",\"roles\":[\"officer\"],\"until\":0},"
		"\"a\":{\"added_at\":1,\"by\":\"x\",\"full_name\":\"\",\"roles\":[\"officer\"],\"until\":0}}",
	};
	int fd = people_dir();

	for (size_t k = 0; k < ARRAY_LEN(forms); k++) {
		struct people *p = NULL;
		char *why = NULL;

		write_file(fd, PEOPLE_FILE, forms[k], strlen(forms[k]));
		assert_int_equal(people_load(station, &p, &why), -EUCLEAN);
		assert_null(p);
		assert_non_null(strstr(why, "people.json"));
		free(why);
	}
	close(fd);
}

static void test_names(void **state)
{
	static const char *const good[] = { "a", "anna", "anna.b-c_d", "1x", "a@b.example" };
	static const char *const bad[] = { "", "-a", ".a", "@a", "_a", "Anna", "a b", "a:b", "a/b", "a\n", "\xc3\xa4", PEOPLE_NOBODY };
	char longest[PERSON_NAME_MAX + 2];

	for (size_t k = 0; k < ARRAY_LEN(good); k++)
		assert_true(person_name_valid(good[k]));
	for (size_t k = 0; k < ARRAY_LEN(bad); k++)
		assert_false(person_name_valid(bad[k]));
	memset(longest, 'a', sizeof(longest));
	longest[PERSON_NAME_MAX] = '\0';
	assert_true(person_name_valid(longest));
	longest[PERSON_NAME_MAX] = 'a';
	longest[PERSON_NAME_MAX + 1] = '\0';
	assert_false(person_name_valid(longest));
	for (int k = 0; k < PERSON_ROLE_COUNT_; k++)
		assert_int_equal(person_role_by_name(person_role_name((enum person_role)k)), k);
	assert_int_equal(person_role_by_name("root"), -1);
	assert_null(person_role_name(PERSON_ROLE_COUNT_));
}

/* Others who could write there could make themselves administrators. */
static void test_directory_of_others(void **state)
{
	int fd = people_dir(), other = -EBADF;
	struct people *p = NULL;

	assert_int_equal(fchmod(fd, 0770), 0);
	assert_int_equal(people_open(station, false, &other), -EPERM);
	assert_int_equal(people_load(station, &p, NULL), -EPERM);
	assert_int_equal(fchmod(fd, 0702), 0);
	assert_int_equal(people_open(station, true, &other), -EPERM);
	assert_int_equal(fchmod(fd, 0755), 0);
	assert_int_equal(people_open(station, false, &other), 0);
	close(other);
	close(fd);
}

static char *passwd(int fd)
{
	char *text = NULL;

	assert_int_equal(file_read(fd, PEOPLE_PASSWD, 65536, &text, NULL), 0);
	return text;
}

static void test_passwd(void **state)
{
	int fd = people_dir();
	struct stat st;
	char *text;

	assert_int_equal(passwd_has(fd, "anna"), 0);
	assert_int_equal(passwd_set(fd, NULL, NULL), 0);
	text = passwd(fd);
	assert_true(strncmp(text, PEOPLE_NOBODY ":$y$", strlen(PEOPLE_NOBODY) + 4) == 0);
	free(text);
	assert_int_equal(passwd_set(fd, "anna", "first-hash"), 0);
	assert_int_equal(passwd_set(fd, "ann", "other-hash"), 0);
	assert_int_equal(passwd_set(fd, "anna", "second-hash"), 0);
	text = passwd(fd);
	assert_null(strstr(text, "first-hash"));
	assert_non_null(strstr(text, "\nann:other-hash\n"));
	assert_non_null(strstr(text, "\nanna:second-hash\n"));
	assert_int_equal(passwd_has(fd, "anna"), 1);
	free(text);
	assert_int_equal(passwd_set(fd, "anna", NULL), 0);
	assert_int_equal(passwd_has(fd, "anna"), 0);
	assert_int_equal(passwd_has(fd, "ann"), 1);
	assert_int_equal(passwd_has(fd, PEOPLE_NOBODY), 1);
	assert_int_equal(fstatat(fd, PEOPLE_PASSWD, &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	close(fd);
}

static void test_hash(void **state)
{
	struct crypt_data data = { 0 };
	char *one = NULL, *two = NULL;

	assert_int_equal(password_hash("correct horse", &one), 0);
	assert_int_equal(password_hash("correct horse", &two), 0);
	assert_true(strncmp(one, "$y$", 3) == 0);
	assert_string_not_equal(one, two); /* salted */
	assert_string_equal(crypt_r("correct horse", one, &data), one);
	assert_string_not_equal(crypt_r("correct horsf", one, &data), one);
	free(one);
	free(two);
}

static void test_refused_passwords(void **state)
{
	char longest[PERSON_SECRET_MAX + 2];

	assert_null(password_refused("twelve bytes", "anna", 12));
	assert_non_null(password_refused("eleven byte", "anna", 12));
	assert_non_null(password_refused("", "anna", 6));
	assert_non_null(password_refused("a\tb c d e f g h", "anna", 12));
	assert_non_null(password_refused("aaaaaaaaaaaaaa", "anna", 12));
	assert_non_null(password_refused("Anna.Ahrens.0", "anna.ahrens.0", 12));
	memset(longest, 'a', sizeof(longest));
	longest[0] = 'b';
	longest[PERSON_SECRET_MAX] = '\0';
	assert_null(password_refused(longest, "anna", 12));
	longest[PERSON_SECRET_MAX] = 'a';
	longest[PERSON_SECRET_MAX + 1] = '\0';
	assert_non_null(password_refused(longest, "anna", 12));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nobody_yet, make_station, remove_station),
		cmocka_unit_test_setup_teardown(test_kept, make_station, remove_station),
		cmocka_unit_test_setup_teardown(test_put_replaces, make_station, remove_station),
		cmocka_unit_test_setup_teardown(test_room, make_station, remove_station),
		cmocka_unit_test_setup_teardown(test_broken_forms, make_station, remove_station),
		cmocka_unit_test(test_names),
		cmocka_unit_test_setup_teardown(test_directory_of_others, make_station, remove_station),
		cmocka_unit_test_setup_teardown(test_passwd, make_station, remove_station),
		cmocka_unit_test(test_hash),
		cmocka_unit_test(test_refused_passwords),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
