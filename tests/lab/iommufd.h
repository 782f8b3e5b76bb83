/* SPDX-License-Identifier: BSD-3-Clause */
/* Settings of the modules that tests/lab/prepare iommufd compiles: included after the kernel's own. */
#define CONFIG_IOMMUFD_MODULE          1
#define CONFIG_IOMMUFD_VFIO_CONTAINER  1
#define CONFIG_INTERVAL_TREE_SPAN_ITER 1
#undef CONFIG_VFIO_CONTAINER
