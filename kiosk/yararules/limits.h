/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#ifndef LAZARET_YARARULES_LIMITS_H
#define LAZARET_YARARULES_LIMITS_H

#define YARA_FILES_MAX 256	    /* in one YARA_START */
#define YARA_NAME_MAX 255	    /* bytes of a file name */
#define YARA_TEXT_MAX (64u << 20)   /* bytes of one file: the largest public sets have 10 MiB */
#define YARA_RULES_MAX 200000	    /* of all files; the largest public sets have some 20,000 */
#define YARA_STRINGS_MAX 2000000    /* of all rules: libyara keeps some 200 bytes of state for each in every worker */
#define YARA_STRINGS_OF_RULE_MAX 20000 /* twice the usual limit of libyara: lists of digests and domains */
#define YARA_TOLD_MAX 900	    /* bytes of a note */
#define YARA_WARNINGS_MAX 100	    /* that are told one by one */

#endif
