// SPDX-License-Identifier: Apache-2.0
// Zones: times of several time zones.  Leaks nothing.
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int main(void)
{
	const char *zones[] = { "Europe/Berlin", "America/New_York", "UTC", "CET-1CEST,M3.5.0,M10.5.0/3", "Asia/Tokyo" };
	time_t when = 1700000000;
	char text[100];
	for (size_t i = 0; i < sizeof(zones) / sizeof(*zones); i++) {
		setenv("TZ", zones[i], 1);
		tzset();
		strftime(text, sizeof(text), "%c %Z", localtime(&when));
		puts(text);
	}
	getdate("12:00"); // fails without DATEMSK
	return 0;
}
