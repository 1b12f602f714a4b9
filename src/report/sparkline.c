// SPDX-License-Identifier: Apache-2.0
// Sparkline: how a number went over time.  OUTSIDE.
#include "report/sparkline.h"

#include "report/units.h"

void sparkline_note(struct sparkline *sparkline, double number)
{
	sparkline->numbers[sparkline->num_ever++ % SPARKLINE_MAX_MOMENTS] = number;
}

static size_t num_shown(const struct sparkline *sparkline, size_t max_columns)
{
	size_t num = sparkline->num_ever < SPARKLINE_MAX_MOMENTS ? sparkline->num_ever : SPARKLINE_MAX_MOMENTS;
	return num < max_columns ? num : max_columns;
}

double sparkline_get_largest(const struct sparkline *sparkline, size_t max_columns)
{
	double largest = 0;
	for (size_t i = sparkline->num_ever - num_shown(sparkline, max_columns); i < sparkline->num_ever; i++) {
		double number = sparkline->numbers[i % SPARKLINE_MAX_MOMENTS];
		largest = number > largest ? number : largest;
	}
	return largest;
}

void sparkline_add(struct text *text, const struct sparkline *sparkline, size_t max_columns)
{
	static const char *const blocks[] = { " ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
	static const char *const letters[] = { " ", "_", ".", ":", "-", "=", "+", "*", "#" };
	enum { HIGHEST = sizeof(blocks) / sizeof(blocks[0]) - 1 };
	const char *const *marks = units_has_utf8() ? blocks : letters;
	double largest = sparkline_get_largest(sparkline, max_columns);
	for (size_t i = sparkline->num_ever - num_shown(sparkline, max_columns); i < sparkline->num_ever; i++) {
		double number = sparkline->numbers[i % SPARKLINE_MAX_MOMENTS];
		double height = number > 0 ? number / largest * HIGHEST : 0;
		int level = (int)(height + 0.5);
		text_add(text, marks[height > 0 && level == 0 ? 1 : level]); // something is not nothing
	}
}
