// SPDX-License-Identifier: Apache-2.0
// Configuration: the CAIRN_* variables of the environment.  INSIDE.
#include "control/config.h"

#include <signal.h>
#include <stddef.h>
#include <string.h>

#include "control/pattern.h"
#include "ledger/ledger.h"
#include "sample/sampler.h"

static const struct {
	const char *name;
	int number;
} signal_names[] = {
#define X(name) { #name, SIG##name }
	X(HUP), X(INT), X(QUIT), X(TRAP), X(ABRT), X(USR1), X(USR2), X(PIPE), X(ALRM), X(TERM), X(STKFLT), X(CHLD),
	X(CONT), X(TSTP), X(TTIN), X(TTOU), X(URG), X(XCPU), X(XFSZ), X(VTALRM), X(PROF), X(WINCH), X(IO), X(PWR),
	X(SYS),
#undef X
};

enum { FIRST_REALTIME = 34, LAST_REALTIME = 64 }; // SIGRTMIN and SIGRTMAX as programs see them

static bool is_catchable(uint64_t number)
{
	static const int faults_and_others[] = { SIGILL, SIGBUS, SIGFPE, SIGSEGV, SIGKILL, SIGSTOP, 32, 33 };
	for (size_t i = 0; i < sizeof(faults_and_others) / sizeof(int); i++)
		if (number == (uint64_t)faults_and_others[i])
			return false;
	return number >= 1 && number <= LAST_REALTIME;
}

// "USR2", "SIGUSR2", "12", "RTMIN", "RTMIN+3".
static bool read_signal(const char *value, int *number)
{
	uint64_t plain = 0;
	if (memcmp(value, "SIG", strlen(value) < 3 ? strlen(value) + 1 : 3) == 0)
		value += 3;
	for (size_t i = 0; i < sizeof(signal_names) / sizeof(signal_names[0]); i++) {
		if (strcmp(value, signal_names[i].name) == 0) {
			*number = signal_names[i].number;
			return true;
		}
	}
	bool is_realtime = strlen(value) >= 5 && memcmp(value, "RTMIN", 5) == 0;
	if (is_realtime && value[5] == 0)
		plain = FIRST_REALTIME;
	else if (!text_read_size(is_realtime && value[5] == '+' ? value + 6 : value, &plain))
		return false;
	else if (is_realtime)
		plain += FIRST_REALTIME;
	*number = (int)plain;
	return is_catchable(plain);
}

static bool read_flag(const char *value, bool *flag)
{
	if (value[0] == 0 || value[1] != 0 || (value[0] != '0' && value[0] != '1'))
		return false;
	*flag = value[0] == '1';
	return true;
}

static bool read_symbolize(const char *value, bool *is_naming)
{
	*is_naming = strcmp(value, "names") == 0;
	return *is_naming || strcmp(value, "none") == 0;
}

static bool read_string(const char *value, char *to, size_t size_bytes)
{
	if (*value == 0 || strlen(value) >= size_bytes)
		return false;
	memcpy(to, value, strlen(value) + 1);
	return true;
}

static bool read_pattern(const char *value, char *to)
{
	return pattern_is_valid(value) && read_string(value, to, CONFIG_MAX_PATH);
}

enum variable {
	OUT, LEDGER, RATE, SEED, MEMORY, INTERVAL, KEEP, SIGNAL, DUMP_GROWTH, PEAK, FATAL, ONLY, PID, SYMBOLIZE, VERBOSE, VERIFY_STACKS,
};

static const struct {
	const char *name;
	const char *accepted;
} variables[] = {
	[OUT] = { "CAIRN_OUT", "a file name in which %p is the process id, %n the number of the dump, %e the program, "
			       "%t the unix time, %h the host and %% a percent sign" },
	[LEDGER] = { "CAIRN_LEDGER", "a directory, 4095 characters at most" },
	[RATE] = { "CAIRN_RATE", "bytes between samples, from 0 (off) and 1 (exact) to 1024G, with an optional suffix K, M or G" },
	[SEED] = { "CAIRN_SEED", "a whole number" },
	[MEMORY] = { "CAIRN_MEMORY", "bytes from 1M to 32G, with an optional suffix K, M or G" },
	[INTERVAL] = { "CAIRN_INTERVAL", "a time of at least 10ms such as 500ms, 30s, 5m or 1h" },
	[KEEP] = { "CAIRN_KEEP", "how many dumps to keep, a whole number from 1 to 65536" },
	[SIGNAL] = { "CAIRN_SIGNAL", "a signal that can be caught and is no fault, such as USR2, SIGUSR2, 12 or RTMIN+3" },
	[DUMP_GROWTH] = { "CAIRN_DUMP_GROWTH", "bytes from 1 up, with an optional suffix K, M or G" },
	[PEAK] = { "CAIRN_PEAK", "0 or 1" },
	[FATAL] = { "CAIRN_FATAL", "0 or 1" },
	[ONLY] = { "CAIRN_ONLY", "names of programs separated by commas, 1023 characters at most" },
	[PID] = { "CAIRN_PID", "a process id" },
	[SYMBOLIZE] = { "CAIRN_SYMBOLIZE", "none or names" },
	[VERBOSE] = { "CAIRN_VERBOSE", "0 or 1" },
	[VERIFY_STACKS] = { "CAIRN_VERIFY_STACKS", "0 or 1" },
};

#define NUM_VARIABLES (sizeof(variables) / sizeof(variables[0]))

static bool read_variable(struct config *config, enum variable variable, const char *value)
{
	switch (variable) {
	case OUT: return read_pattern(value, config->out);
	case LEDGER: return read_string(value, config->ledger, sizeof(config->ledger));
	case RATE: return text_read_size(value, &config->rate_bytes) && config->rate_bytes <= SAMPLER_MAX_RATE_BYTES;
	case SEED: return config->has_seed = text_read_size(value, &config->seed);
	case MEMORY:
		return text_read_size(value, &config->memory_bytes) && config->memory_bytes >= LEDGER_MIN_LIMIT_BYTES &&
		       config->memory_bytes <= LEDGER_MAX_LIMIT_BYTES;
	case INTERVAL: return text_read_duration(value, &config->interval_ns) && config->interval_ns >= 10000000;
	case KEEP: return text_read_size(value, &config->keep) && config->keep >= 1 && config->keep <= 65536;
	case SIGNAL: return read_signal(value, &config->signal);
	case DUMP_GROWTH:
		return text_read_size(value, &config->growth_bytes) && config->growth_bytes >= 1 &&
		       config->growth_bytes < UINT64_C(1) << 48;
	case PEAK: return read_flag(value, &config->is_peak);
	case FATAL: return read_flag(value, &config->is_fatal);
	case ONLY: return read_string(value, config->only, sizeof(config->only));
	case PID: return text_read_size(value, &config->only_pid) && config->only_pid >= 1 && config->only_pid <= INT32_MAX;
	case SYMBOLIZE: return read_symbolize(value, &config->is_naming);
	case VERBOSE: return read_flag(value, &config->is_verbose);
	case VERIFY_STACKS: return read_flag(value, &config->is_verifying);
	}
	return false;
}

// What follows "NAME=" in an entry of the environment; NULL if that is of another variable.
static const char *value_of(const char *entry, const char *name)
{
	size_t length = strlen(name);
	return strncmp(entry, name, length) == 0 && entry[length] == '=' ? entry + length + 1 : NULL;
}

static void explain(struct text *error, enum variable variable, const char *value)
{
	text_add_bytes(error, value, strnlen(value, 200));
	text_add(error, ": expected ");
	text_add(error, variables[variable].accepted);
}

static void set_defaults(struct config *config)
{
	*config = (struct config){ .out = CONFIG_DEFAULT_OUT, .rate_bytes = 512 * 1024 };
}

bool config_read(struct config *config, char *const *environment, struct text *error)
{
	set_defaults(config);
	for (; environment && *environment; environment++) {
		for (size_t i = 0; i < NUM_VARIABLES; i++) {
			const char *value = value_of(*environment, variables[i].name);
			if (!value || !*value || read_variable(config, i, value))
				continue;
			text_add(error, variables[i].name);
			text_add(error, "=");
			explain(error, i, value);
			return false;
		}
	}
	if (!config->memory_bytes)
		config->memory_bytes = config->rate_bytes == 1 ? UINT64_C(1) << 30 : UINT64_C(64) << 20;
	return true;
}

bool config_check(const char *name, const char *value, struct text *error)
{
	static struct config config; // too large for a small stack
	set_defaults(&config);
	for (size_t i = 0; i < NUM_VARIABLES; i++) {
		if (strcmp(name, variables[i].name) != 0 || (*value && read_variable(&config, i, value)))
			continue;
		explain(error, i, value);
		return false;
	}
	return true;
}

bool config_is_known(const char *entry, const char **name)
{
	*name = entry;
	if (strncmp(entry, "CAIRN_", 6) != 0)
		return true;
	for (size_t i = 0; i < NUM_VARIABLES; i++)
		if (value_of(entry, variables[i].name))
			return true;
	return false;
}

bool config_is_wanted(const struct config *config, const char *name)
{
	size_t length = strlen(name);
	const char *at = config->only;
	if (!*at)
		return true;
	while (*at) {
		const char *comma = strchr(at, ',');
		const char *limit = comma ? comma : at + strlen(at);
		const char *next = limit + (comma != NULL);
		while (at < limit && *at == ' ')
			at++;
		while (limit > at && limit[-1] == ' ')
			limit--;
		if ((size_t)(limit - at) == length && memcmp(at, name, length) == 0)
			return true;
		at = next;
	}
	return false;
}
