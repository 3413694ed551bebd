/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* A range of a station's records with their reports in a file (`lazaret.fleet/1`, docs/fleet.md), where there is no network:
 *
 *   {"first":F,"format":"lazaret.fleet/1","last":L,"prev":H,"public_key":K,"station":S}
 *   records F to L, a line each, as they stand in the trail; behind each record of a report
 *   {"report":SEQ,"size":N}, the N bytes of the report, a newline
 *   the record of the type PARCEL_TYPE by which the station's trail tells of this file
 *
 * The last line is the index, signed by the ledger like any record: its body has first, last, the last record's hash, and SHA-256 and
 * size of all that stands before it. A file that was cut or altered has no such end. */
#ifndef LAZARET_COMMON_PARCEL_H
#define LAZARET_COMMON_PARCEL_H

#define PARCEL_FORMAT "lazaret.fleet/1"
#define PARCEL_TYPE   "fleet-exported" /* {first, hash, last, sha256, size} */

#endif
