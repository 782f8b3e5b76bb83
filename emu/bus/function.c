// SPDX-License-Identifier: BSD-3-Clause
#include "function.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "registry.h"

int bus_function_init(struct bus_function *function, struct svio_vif *vif, struct bus_pci_id id)
{
	uint16_t vectors = svio_vif_vectors(vif);
	void *doorbell = mmap(NULL, SVIO_BAR_DOORBELL_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
			      svio_vif_doorbell_fd(vif), 0);

	if (doorbell == MAP_FAILED)
		return -errno;
	memset(function, 0, sizeof(*function));
	function->vif = vif;
	function->doorbell = doorbell;
	bus_pci_config_init(&function->config, id, vectors);
	bus_msix_reset(&function->msix, vectors);
	return 0;
}

void bus_function_fini(struct bus_function *function)
{
	munmap(function->doorbell, SVIO_BAR_DOORBELL_BYTES);
	function->doorbell = NULL;
}

void bus_function_follow_config(struct bus_function *function)
{
	bool allowed = bus_pci_config_dma_allowed(&function->config);

	if (allowed == function->dma_allowed)
		return;
	function->dma_allowed = allowed;
	svio_vif_bus_master_set(function->vif, allowed);
}

void bus_function_reset(struct bus_function *function)
{
	bus_pci_config_reset(&function->config);
	bus_msix_reset(&function->msix, function->config.vectors);
	bus_function_follow_config(function);
}

void bus_function_release(struct bus_function *function)
{
	function->client = NULL;
	bus_function_reset(function);
	svio_vif_disconnected(function->vif);
}
