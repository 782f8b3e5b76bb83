/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages and names for people. */
#include <stdarg.h>
#include <stdio.h>

#include "vif_internal.h"

static _Thread_local char message[256];

int vif_fail(int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	return error;
}

const char *svio_vif_message(void)
{
	return message[0] ? message : "no error";
}

const char *svio_vif_error_text(uint32_t error)
{
	static const char *const texts[] = {
#define ERROR_TEXT(name, number, text) [number] = (text),
		SVIO_ERROR_LIST(ERROR_TEXT)
#undef ERROR_TEXT
	};

	return error < SVIO_ERROR_COUNT ? texts[error] : "unknown error";
}

const char *svio_vif_error_name(uint32_t error)
{
	static const char *const names[] = {
#define ERROR_NAME(name, number, text) [number] = #name,
		SVIO_ERROR_LIST(ERROR_NAME)
#undef ERROR_NAME
	};

	return error < SVIO_ERROR_COUNT ? names[error] : "unknown";
}

const char *svio_vif_admin_status_text(uint32_t status)
{
	static const char *const texts[] = {
#define STATUS_TEXT(name, number, text) [number] = (text),
		SVIO_ADMIN_STATUS_LIST(STATUS_TEXT)
#undef STATUS_TEXT
	};

	return status < SVIO_ADMIN_STATUS_COUNT ? texts[status] : "unknown status";
}

const char *svio_vif_counter_name(uint32_t counter)
{
	static const char *const names[] = {
#define COUNTER_NAME(name, text) #name,
		SVIO_COUNTER_LIST(COUNTER_NAME)
#undef COUNTER_NAME
	};

	return counter < SVIO_COUNTER_COUNT ? names[counter] : "unknown";
}

const char *svio_vif_feature_name(uint32_t bit)
{
	static const char *const names[] = {
#define FEATURE_NAME(name, bit, needs, text) [bit] = #name,
		SVIO_FEATURE_LIST(FEATURE_NAME)
#undef FEATURE_NAME
	};

	return bit < sizeof(names) / sizeof(names[0]) && names[bit] ? names[bit] : "unknown";
}
