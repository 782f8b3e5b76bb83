/* SPDX-License-Identifier: BSD-3-Clause */
#include "split_grant.h"

#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A guest that changes the entry meanwhile is tried again so often. */
#define TRIES 5

void split_grant_give(struct split_grant_entry *entry, uint32_t frame, uint32_t domain,
		      bool readonly)
{
	uint32_t flags = SPLIT_GRANT_ACCESS | (readonly ? SPLIT_GRANT_READONLY : 0);

	atomic_store_explicit(&entry->frame, frame, memory_order_relaxed);
	atomic_store_explicit(&entry->word, domain << 16 | flags, memory_order_release);
}

bool split_grant_end(struct split_grant_entry *entry)
{
	uint32_t word = atomic_load_explicit(&entry->word, memory_order_relaxed);

	do {
		if (word & (SPLIT_GRANT_READING | SPLIT_GRANT_WRITING))
			return false;
	} while (!atomic_compare_exchange_weak(&entry->word, &word, 0));
	return true;
}

/* The entry says who uses the page how: what the guest must not take back. */
static enum split_grant_status mark_used(struct split_grant_entry *entry, uint32_t domain,
					 bool write)
{
	uint32_t marks = SPLIT_GRANT_READING | (write ? SPLIT_GRANT_WRITING : 0);
	uint32_t word = atomic_load_explicit(&entry->word, memory_order_acquire);

	for (int i = 0; i < TRIES; i++) {
		if (!(word & SPLIT_GRANT_ACCESS))
			return SPLIT_GRANT_BAD_REFERENCE;
		if (word >> 16 != domain)
			return SPLIT_GRANT_BAD_DOMAIN;
		if (write && (word & SPLIT_GRANT_READONLY))
			return SPLIT_GRANT_READ_ONLY;
		if (atomic_compare_exchange_strong(&entry->word, &word, word | marks))
			return SPLIT_GRANT_OK;
	}
	return SPLIT_GRANT_BUSY;
}

/* The marks of uses that are over. */
static void unmark(struct split_guest_memory *guest, uint32_t reference)
{
	uint32_t marks = guest->writers[reference] ? 0 : SPLIT_GRANT_WRITING;

	if (!guest->readers[reference])
		marks |= SPLIT_GRANT_READING;
	if (marks)
		atomic_fetch_and_explicit(&guest->table[reference].word, ~marks,
					  memory_order_release);
}

enum split_grant_status split_grant_map(struct split_guest_memory *guest, uint32_t reference,
					uint32_t domain, bool write, uint8_t **page)
{
	enum split_grant_status status;
	uint32_t frame;

	if (reference >= SPLIT_GRANTS)
		return SPLIT_GRANT_BAD_REFERENCE;
	status = mark_used(&guest->table[reference], domain, write);
	if (status)
		return status;
	/* While the grant is in use it means the page that it meant at first. */
	frame = guest->frames[reference];
	if (!guest->readers[reference])
		frame = atomic_load_explicit(&guest->table[reference].frame, memory_order_relaxed);
	if (frame >= guest->page_count) {
		unmark(guest, reference);
		return SPLIT_GRANT_BAD_PAGE;
	}
	guest->frames[reference] = frame;
	guest->readers[reference]++;
	if (write)
		guest->writers[reference]++;
	*page = guest->pages + (size_t)frame * SPLIT_PAGE;
	return SPLIT_GRANT_OK;
}

void split_grant_unmap(struct split_guest_memory *guest, uint32_t reference, bool write)
{
	guest->readers[reference]--;
	if (write)
		guest->writers[reference]--;
	unmark(guest, reference);
}

void split_hypercall(void)
{
	syscall(SYS_getppid);
}

static enum split_grant_status copy_one(const struct split_grant_copy *copy, uint32_t domain)
{
	enum split_grant_status status;
	uint8_t *page;

	if ((uint32_t)copy->offset + copy->bytes > SPLIT_PAGE)
		return SPLIT_GRANT_BAD_RANGE;
	status = split_grant_map(copy->guest, copy->reference, domain, copy->to_guest, &page);
	if (status)
		return status;
	if (copy->to_guest)
		memcpy(page + copy->offset, copy->local, copy->bytes);
	else
		memcpy(copy->local, page + copy->offset, copy->bytes);
	split_grant_unmap(copy->guest, copy->reference, copy->to_guest);
	return SPLIT_GRANT_OK;
}

void split_grant_copy(struct split_grant_copy *copies, size_t count, uint32_t domain)
{
	if (count)
		split_hypercall();
	for (size_t i = 0; i < count; i++)
		copies[i].status = copy_one(&copies[i], domain);
}
