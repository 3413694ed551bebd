/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* lazaret-disk: virtual disks out of the images that QEMU, VMware and Hyper-V make. */
#include "disk/disk.h"

static const struct container_opener openers[] = {
	{ CONTAINER_QCOW, disk_open_qcow },
	{ CONTAINER_VMDK, disk_open_vmdk },
	{ CONTAINER_VHD, disk_open_vhd },
	{ CONTAINER_VHDX, disk_open_vhdx },
};

int main(void)
{
	static const struct container_role role = { .role = ROLE_DISK, .openers = openers, .opener_count = ARRAY_LEN(openers) };

	return container_main(&role);
}
