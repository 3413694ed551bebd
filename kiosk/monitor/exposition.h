/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Prometheus' text format, version 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats/): families with HELP and
 * TYPE, samples with labels. Label values are escaped here, and cut: one that a device or a person chose cannot end its line. */
#ifndef LAZARET_MONITOR_EXPOSITION_H
#define LAZARET_MONITOR_EXPOSITION_H

#include <stdint.h>
#include <stdio.h>

#include "common/macros.h"

#define EXPOSITION_LABEL_MAX 128 /* bytes of a value */

/* Errors stay in `out` until it is closed. All strings are borrowed for the call. */
void exposition_family(FILE *out, const char *name, const char *type, const char *help);

/* One sample. `labels`: name, value, name, value, ..., NULL; NULL: none. */
void exposition_sample(FILE *out, const char *name, const char *const *labels, int64_t value);

/* A family of one sample without labels. */
void exposition_gauge(FILE *out, const char *name, const char *help, int64_t value);
void exposition_counter(FILE *out, const char *name, const char *help, uint64_t value);

/* A sample with one label. */
void exposition_labelled(FILE *out, const char *name, const char *label, const char *label_value, int64_t value);

#endif
