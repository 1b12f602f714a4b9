// SPDX-License-Identifier: Apache-2.0
// Value: the values of options.  OUTSIDE.
#include "cli/value.h"

#include <errno.h>
#include <stdlib.h>

#include "base/text.h"

#define MAX_DURATION_NS (INT64_C(366) * 24 * 3600 * 1000000000)

int64_t value_read_time(struct argp_state *state, const char *option, const char *argument, bool may_be_none)
{
	int64_t duration_ns;
	if (!text_read_duration(argument, &duration_ns) || duration_ns < 0 || duration_ns > MAX_DURATION_NS ||
	    (!duration_ns && !may_be_none))
		argp_error(state, "--%s: %s: expected a time such as 500ms, 30s, 10m or 2h, of a year at most", option, argument);
	return duration_ns;
}

int64_t value_read_bytes(struct argp_state *state, const char *option, const char *argument)
{
	uint64_t size_bytes;
	if (!text_read_size(argument, &size_bytes) || size_bytes > INT64_MAX)
		argp_error(state, "--%s: %s: expected bytes such as 4096, 64K, 10M or 1G", option, argument);
	return (int64_t)size_bytes;
}

unsigned long value_read_number(struct argp_state *state, const char *option, const char *argument, unsigned long limit)
{
	char *end;
	errno = 0;
	unsigned long number = strtoul(argument, &end, 10);
	if (*argument < '0' || *argument > '9' || *end || errno || number > limit)
		argp_error(state, "--%s: %s: expected a whole number from 0 to %lu", option, argument, limit);
	return number;
}

double value_read_percent(struct argp_state *state, const char *option, const char *argument)
{
	char *end;
	double percent = strtod(argument, &end);
	if (end == argument || *end || !(percent > 0 && percent < 100))
		argp_error(state, "--%s: %s: expected a number between 0 and 100, such as 99.9", option, argument);
	return percent;
}
