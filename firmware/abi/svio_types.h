/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * Base types of the svio ABI, for the Linux kernel, user space and bare metal.
 *
 * Everything the guest and the device share is little-endian, naturally
 * aligned and made of the types below: no bit-fields, no enums as fields, no
 * implicit padding. Size and every offset are asserted beside each struct.
 */
#ifndef SVIO_TYPES_H
#define SVIO_TYPES_H

#ifdef __KERNEL__
#include <linux/build_bug.h>
#include <linux/stddef.h>
#include <linux/types.h>

typedef __u8 svio_u8;
typedef __le16 svio_le16;
typedef __le32 svio_le32;
typedef __le64 svio_le64;
#else
#include <stddef.h>
#include <stdint.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "svio's user-space and bare-metal parts run on little-endian machines only"
#endif

typedef uint8_t svio_u8;
typedef uint16_t svio_le16;
typedef uint32_t svio_le32;
typedef uint64_t svio_le64;
#endif

#define SVIO_ASSERT(cond)             _Static_assert(cond, #cond)
#define SVIO_ASSERT_SIZE(type, bytes) _Static_assert(sizeof(type) == (bytes), "size of " #type)
#define SVIO_ASSERT_OFFSET(type, field, bytes) \
	_Static_assert(offsetof(type, field) == (bytes), "offset of " #type "." #field)

/* The unit in which cores pass memory to each other; rings and doorbells are aligned to it. */
#define SVIO_CACHE_LINE_BYTES 64

#endif /* SVIO_TYPES_H */
