/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* HDF5. */
#include "detector.h"

static const struct place places[] = {
	{ "a.h5", NULL, "application/x-hdf5" },
};

FUZZ_DETECTOR(look_model_hdf5, places)
