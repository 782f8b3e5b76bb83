// SPDX-License-Identifier: BSD-3-Clause
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

struct cell {
	enum cli_colour colour;
	char text[CLI_CELL_BYTES];
};

struct cli_table {
	size_t columns;
	size_t cells;
	size_t room;
	bool right[CLI_COLUMNS_MAX];
	struct cell *cell; /* headings first */
};

static struct cell *next_cell(struct cli_table *table)
{
	if (table->cells == table->room) {
		size_t room = table->room ? table->room * 2 : 64;
		struct cell *cell = realloc(table->cell, room * sizeof(*cell));

		if (!cell)
			cli_fail(CLI_FAILED, "out of memory");
		table->cell = cell;
		table->room = room;
	}
	return &table->cell[table->cells++];
}

struct cli_table *cli_table_new(const char *const *headings, size_t count)
{
	struct cli_table *table = calloc(1, sizeof(*table));

	if (!table)
		cli_fail(CLI_FAILED, "out of memory");
	table->columns = count;
	for (size_t i = 0; i < count; i++) {
		struct cell *cell = next_cell(table);

		table->right[i] = headings[i][0] == '>';
		cell->colour = CLI_BOLD;
		snprintf(cell->text, sizeof(cell->text), "%s", headings[i] + table->right[i]);
	}
	return table;
}

void cli_table_add(struct cli_table *table, enum cli_colour colour, const char *format, ...)
{
	struct cell *cell = next_cell(table);
	va_list arguments;

	cell->colour = colour;
	va_start(arguments, format);
	vsnprintf(cell->text, sizeof(cell->text), format, arguments);
	va_end(arguments);
}

/* A terminal that wants colours, as the NO_COLOR convention has it. */
static bool has_colours(void)
{
	const char *no_color = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(no_color && *no_color) && term &&
	       strcmp(term, "dumb") != 0;
}

static void print_cell(const struct cell *cell, int width, bool right, bool last, bool colours)
{
	static const char *const codes[] = { [CLI_PLAIN] = "",
					     [CLI_BOLD] = "\033[1m",
					     [CLI_GOOD] = "\033[32m",
					     [CLI_BAD] = "\033[31m" };
	int pad = width - (int)strlen(cell->text);
	bool coloured = colours && cell->colour != CLI_PLAIN;

	printf("%*s%s%s%s", right ? pad : 0, "", coloured ? codes[cell->colour] : "", cell->text,
	       coloured ? "\033[0m" : "");
	if (!last)
		printf("%*s", (right ? 0 : pad) + 2, "");
}

void cli_table_print(struct cli_table *table)
{
	int width[CLI_COLUMNS_MAX] = { 0 };
	bool colours = has_colours();

	for (size_t i = 0; i < table->cells; i++) {
		int length = (int)strlen(table->cell[i].text);

		if (length > width[i % table->columns])
			width[i % table->columns] = length;
	}
	for (size_t i = 0; i < table->cells; i++) {
		size_t column = i % table->columns;
		bool last = column + 1 == table->columns;

		print_cell(&table->cell[i], width[column], table->right[column], last, colours);
		if (last)
			putchar('\n');
	}
	free(table->cell);
	free(table);
}

const char *cli_format_count(uint64_t value, const char *unit, char *text)
{
	static const char letters[] = "kMGTPE";
	double scaled = (double)value;
	size_t i = 0;

	if (value < 10000) {
		snprintf(text, CLI_CELL_BYTES, "%" PRIu64 "%s%s", value, *unit ? " " : "", unit);
		return text;
	}
	/* 999.5 would be printed as 1000 with three digits. */
	for (scaled /= 1000; scaled >= 999.5 && letters[i + 1]; i++)
		scaled /= 1000;
	snprintf(text, CLI_CELL_BYTES, "%.*f%s%c%s",
		 scaled < 10    ? 2
		 : scaled < 100 ? 1
				: 0,
		 scaled, *unit ? " " : "", letters[i], unit);
	return text;
}

const char *cli_format_age(uint64_t ms, char *text)
{
	if (ms < 1000)
		snprintf(text, CLI_CELL_BYTES, "%" PRIu64 " ms", ms);
	else if (ms < 60000)
		snprintf(text, CLI_CELL_BYTES, "%.1f s", (double)ms / 1000);
	else if (ms < 3600000)
		snprintf(text, CLI_CELL_BYTES, "%" PRIu64 " min", ms / 60000);
	else
		snprintf(text, CLI_CELL_BYTES, "%" PRIu64 " h", ms / 3600000);
	return text;
}

void cli_print_quoted(const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789-_=+,./:@%";

	if (*text && strspn(text, plain) == strlen(text)) {
		fputs(text, stdout);
		return;
	}
	putchar('\'');
	for (; *text; text++) {
		if (*text == '\'')
			fputs("'\\''", stdout);
		else
			putchar(*text);
	}
	putchar('\'');
}
