/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Parts of what is shown of one file; screen_file.c. `f`: an entry of the report (lazaret-report(5)), cleaned. */
#ifndef LAZARET_CONSOLE_FILE_H
#define LAZARET_CONSOLE_FILE_H

#include <jansson.h>

struct pen;

#define FILE_LABEL 14

void file_draw_path(const char *path, struct pen *p);
void file_draw_hash(const char *hash, struct pen *p);
/* Why, in words, with what each examiner found, and the next step. */
void file_draw_reasons(const json_t *f, struct pen *p);
/* What examiners said besides, and what signers stood in for. */
void file_draw_remarks(const json_t *f, struct pen *p);
void file_draw_signers(const json_t *f, struct pen *p);

#endif
