/* SPDX-License-Identifier: GPL-2.0-only */
/* The VIF from RESET to READY with all settings that do not belong to queues. */
#ifndef SVIO_DEVICE_H
#define SVIO_DEVICE_H

struct svio;

/*
 * Reset the device, negotiate, start the admin queue and restore settings (MAC,
 * MTU, offloads, filters) and link state. On an error it is left in RESET:
 * -ENODEV the function is gone, or as svio_hw_reset(), svio_hw_negotiate() and
 * svio_adminq_exec(). Under rtnl, or before the netdev is registered.
 */
int svio_device_start(struct svio *svio);

/* To RESET: no memory of ours is touched any more. The pairs are down. Under rtnl. */
void svio_device_stop(struct svio *svio);

#endif /* SVIO_DEVICE_H */
