/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#ifndef LAZARET_RECORDS_LIMITS_H
#define LAZARET_RECORDS_LIMITS_H

#define TRANSFERS_MAX 100    /* of one answer (docs/control.md) */
#define FILES_MAX     200    /* of one answer */
#define SEARCH_MAX    512    /* bytes of a text to be searched for */
#define ANSWER_MAX    59000  /* bytes of JSON: RECORDS_ANSWER carries 60000 */
#define ANSWER_MS     5000   /* an answer takes no longer: the daemon would give us up */

#endif
