/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#ifndef LAZARET_PLUGIN_LIMITS_H
#define LAZARET_PLUGIN_LIMITS_H

#define PLUGIN_PROGRAM_MAX (512ull << 20) /* bytes; statically linked Go has a tenth of it */
#define PLUGIN_TMPFS (256ull << 20)	   /* bytes of its private /tmp */
#define PLUGIN_PROCESSES 256 /* and threads, of all that run at once for one plug-in: of several files */
#define PLUGIN_ANSWER_MAX (64u << 10) /* bytes of a verdict: 32 findings of 512 bytes and their members */
#define PLUGIN_WORDS_MAX (4u << 10)   /* bytes of standard error that are kept for the log; the rest is read and dropped */
#define PLUGIN_WORDS_READ (1u << 20)  /* past which it is stopped */
#define PLUGIN_DEPTH_MAX 8	      /* levels of an answer; the format has four */
#define PLUGIN_TEXT_MAX 400	      /* bytes of a detail or an engine's field */
#define PLUGIN_MEMBER_MAX 1024

#endif
