/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench_vif_port.h"

static struct vif_port *to_vif_port(struct guest_port *port)
{
	return (struct vif_port *)port;
}

static uint32_t send_new(struct guest_port *port, const uint64_t *stamps, uint32_t n,
			 uint32_t bytes)
{
	struct svio_vif_queue *queue = to_vif_port(port)->queue;
	struct svio_vif_buf bufs[GUEST_BURST];
	uint32_t taken;

	n = svio_vif_alloc_burst(queue, bufs, n);
	for (uint32_t i = 0; i < n; i++) {
		guest_write(bufs[i].data, port, stamps[i]);
		bufs[i].len = (uint16_t)bytes;
	}
	taken = svio_vif_tx_burst(queue, bufs, n);
	svio_vif_free_burst(queue, bufs + taken, n - taken);
	return taken;
}

static uint32_t receive(struct guest_port *port, uint64_t *stamps)
{
	struct svio_vif_queue *queue = to_vif_port(port)->queue;
	struct svio_vif_buf bufs[GUEST_BURST];
	uint32_t n = svio_vif_rx_burst(queue, bufs, GUEST_BURST);

	for (uint32_t i = 0; i < n; i++)
		stamps[i] = guest_read(port, bufs[i].data);
	svio_vif_free_burst(queue, bufs, n);
	return n;
}

static uint32_t bounce(struct guest_port *port)
{
	struct svio_vif_queue *queue = to_vif_port(port)->queue;
	struct svio_vif_buf bufs[GUEST_BURST];
	uint32_t n = svio_vif_rx_burst(queue, bufs, GUEST_BURST);
	uint32_t taken;

	if (!n)
		return 0;
	for (uint32_t i = 0; i < n; i++)
		guest_write(bufs[i].data, port, guest_read(port, bufs[i].data));
	taken = svio_vif_tx_burst(queue, bufs, n);
	svio_vif_free_burst(queue, bufs + taken, n - taken);
	return n;
}

void vif_port_init(struct vif_port *port, struct svio_vif *own, uint16_t queue,
		   const struct svio_vif *other)
{
	static const struct guest_port_ops ops = { send_new, receive, bounce };

	memset(port, 0, sizeof(*port));
	port->port.ops = &ops;
	port->queue = svio_vif_queue(own, queue);
	guest_set_header(&port->port, svio_vif_info(own)->mac, svio_vif_info(other)->mac);
}
