/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The PCI function of a VIF: configuration space, MSI-X table, BARs. It is
 * there as long as the VIF is; clients come and go, one at a time.
 */
#ifndef SVIO_BUS_FUNCTION_H
#define SVIO_BUS_FUNCTION_H

#include <stdbool.h>
#include <stdint.h>

#include "msix.h"
#include "pci_config.h"

struct svio_vif;
struct bus_session;

struct bus_function {
	struct svio_vif *vif;
	struct bus_session *client; /* has shaken hands and not left yet; NULL: nobody */
	uint8_t *doorbell;          /* BAR2's memory, for clients that access it by message */
	bool dma_allowed;           /* what the VIF was last told */
	struct bus_pci_config config;
	struct bus_msix msix;
};

/* 0; -errno where the doorbell memory cannot be mapped. */
int bus_function_init(struct bus_function *function, struct svio_vif *vif, struct bus_pci_id id);
void bus_function_fini(struct bus_function *function);

/* Configuration space was written: tell the VIF whether it may do DMA, when that has changed. */
void bus_function_follow_config(struct bus_function *function);

/*
 * Configuration space and MSI-X table as after power-on, DMA off. The VIF's own
 * reset (svio_vif_reset()) is the caller's. Eventfds stay connected: a guest
 * that restores its configuration after a reset does not connect them again.
 */
void bus_function_reset(struct bus_function *function);

/* The client has left: reset, and the VIF drops what belonged to it. */
void bus_function_release(struct bus_function *function);

#endif /* SVIO_BUS_FUNCTION_H */
