/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Sentences about media, troubles and reasons that several screens have in common, in the language spoken. */
#ifndef LAZARET_CONSOLE_SENTENCE_H
#define LAZARET_CONSOLE_SENTENCE_H

#include "console/console.h"

/* {code, text, next}: what happened; and what to do. Translated by code, in lazaretd's words where the code is not known. */
void sentence_trouble(struct pen *p, const json_t *trouble);
void sentence_what_to_do(struct pen *p, const json_t *trouble);
/* Translated, borrowed: "" for REASON_COUNT_. */
const char *sentence_reason(enum reason r);
const char *sentence_next(enum reason r);
/* By code; the code itself when it is not known. */
const char *sentence_code(const char *code);

/* "Reading the files": the stage of a medium in plain words. */
const char *sentence_stage(const json_t *medium);
/* "SanDisk Ultra, 14.9 GiB, port 1-2". */
void sentence_medium(const json_t *medium, char out[static 512]);
/* Why a USB device was refused. */
const char *sentence_device(const json_t *device);

/* The word for a verdict in a list, with its sign: "x refused". */
const char *sentence_verdict(enum verdict v, bool is_published);
enum style sentence_verdict_style(enum verdict v, bool is_published);

#endif
