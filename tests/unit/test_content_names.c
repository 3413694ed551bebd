/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Names that make somebody take a file for something else. */
#include "content_fixture.h"

#define NAME(name) look_text("x", name, NULL, "text/plain")
#define IN(container, name) look_text("x", name, container, "text/plain")
#define TAR "application/x-tar"

static void disguises(void **state)
{
	MISMATCH(NAME("in/invoice.pdf.exe"), "a double extension: pdf.exe");
	MISMATCH(NAME("Photo.JPG.SCR"), "JPG.SCR");
	MISMATCH(NAME("notes.txt.lnk"), "txt.lnk");
	MISMATCH(NAME("report.doc .js"), "doc.js");
	MISMATCH(NAME("report.pdf.desktop"), "pdf.desktop");
	MISMATCH(NAME("report                    .exe"), "blanks");
	MISMATCH(NAME("report.pdf\xe2\x80\x83\xe2\x80\x83\xe2\x80\x83\xe2\x80\x83.com"), "blanks");
	MISMATCH(NAME("report\xe2\x80\xae" "fdp.exe"), "another order");
	MISMATCH(NAME("a\xe2\x81\xa7" "b.txt"), "another order");
}

static void honest(void **state)
{
	static const char *const names[] = { "a.tar.gz", "setup.exe", "jquery.min.js", "index.html.en", "report.pdf.html", "lib.so.1.2.3",
					     "notes.txt.sh", "data.csv.py", "pdf.js", "x.pdf.worker.js", ".exe", "..", "a..exe", "v1.2.exe",
					     "manual.pdf.gz", "page.png.html", "a b c.exe", "", "." };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		said_nothing(NAME(names[i]));
}

static void shell_items(void **state)
{
	MISMATCH(NAME("tools.{20D04FE0-3AEA-1069-A2D8-08002B30309D}"), "an item of its shell");
	MISMATCH(IN(TAR, "x.{20d04fe0-3aea-1069-a2d8-08002b30309d}/a.txt"), "an item of its shell");
	said_nothing(NAME("{20D04FE0-3AEA-1069-A2D8-08002B30309D}.txt"));
	said_nothing(NAME("x.{20D04FE0-3AEA-1069-A2D8}"));
	said_nothing(NAME("x.{20D04FE0-3AEA-1069-A2D8-08002B30309D}y"));
}

static void streams(void **state)
{
	MISMATCH(NAME("readme.txt:a.exe"), "stream");
	MISMATCH(NAME("readme.txt:hidden:$DATA"), "stream");
	said_nothing(NAME("readme.txt:Zone.Identifier"));
	said_nothing(NAME("readme.txt:Zone.Identifier:$DATA"));
	said_nothing(NAME("Foo::Bar.3pm"));
	said_nothing(NAME("log-12:30:00.txt"));
	said_nothing(NAME("libc6:amd64.list"));
	said_nothing(NAME(":a.exe"));
}

static void dot_files(void **state)
{
	ACTIVE(IN(TAR, ".bashrc"), "home directory");
	ACTIVE(IN("application/zip", "./.ssh/authorized_keys"), "authorized_keys");
	ACTIVE(IN(TAR, ".config/autostart/a.desktop"), "autostart");
	ACTIVE(IN(TAR, "project/.git/hooks/pre-commit"), "git");
	said_nothing(IN(TAR, "project/.git/hooks/pre-commit.sample"));
	said_nothing(IN(TAR, "etc/skel/.bashrc"));
	said_nothing(IN("application/x-rpm", ".bashrc"));
	said_nothing(IN(TAR, "dotfiles.bashrc"));
	said_nothing(NAME(".bashrc"));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(disguises), cmocka_unit_test(honest), cmocka_unit_test(shell_items),
					    cmocka_unit_test(streams), cmocka_unit_test(dot_files) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
