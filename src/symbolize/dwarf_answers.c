// SPDX-License-Identifier: Apache-2.0
// DWARF answers: lines of addresses as bytes.  OUTSIDE.
#include "symbolize/dwarf_answers.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"

// A string: its bytes follow, and 0.  Strings are numbered from 0 as they come.  An answer: its lines follow.
enum kind {
	STRING,
	ANSWER,
};

struct record {
	uint32_t kind;
	uint32_t count; // bytes without the 0; lines
	uint64_t number; // of the address
};

struct written_line {
	uint32_t function, file; // strings
	int64_t line, column, start_line;
};

struct dwarf_answers_string {
	UT_hash_handle hh;
	uint32_t number;
	char bytes[];
};

void dwarf_answers_init(struct dwarf_answers *answers, FILE *file)
{
	*answers = (struct dwarf_answers){ .file = file };
}

void dwarf_answers_deinit(struct dwarf_answers *answers)
{
	struct dwarf_answers_string *string, *next;
	HASH_ITER(hh, answers->strings, string, next) {
		HASH_DEL(answers->strings, string);
		free(string);
	}
}

static uint32_t write_string(struct dwarf_answers *answers, const char *bytes)
{
	struct dwarf_answers_string *string;
	size_t length = strnlen(bytes, UINT32_MAX);
	HASH_FIND(hh, answers->strings, bytes, length, string);
	if (string)
		return string->number;
	string = memory_get(1, sizeof(*string) + length + 1);
	memcpy(string->bytes, bytes, length);
	string->number = HASH_COUNT(answers->strings);
	HASH_ADD_KEYPTR(hh, answers->strings, string->bytes, length, string);
	fwrite(&(struct record){ .kind = STRING, .count = (uint32_t)length }, sizeof(struct record), 1, answers->file);
	fwrite(string->bytes, length + 1, 1, answers->file);
	return string->number;
}

void dwarf_answers_write(struct dwarf_answers *answers, size_t number, const struct line *lines, size_t num_lines)
{
	struct written_line written[LINE_MAX_CALLS];
	const struct record record = { .kind = ANSWER, .count = (uint32_t)num_lines, .number = number };
	for (size_t i = 0; i < num_lines; i++) {
		written[i] = (struct written_line){ .line = lines[i].line, .column = lines[i].column, .start_line = lines[i].start_line };
		written[i].function = write_string(answers, lines[i].function);
		written[i].file = write_string(answers, lines[i].file);
	}
	fwrite(&record, sizeof(record), 1, answers->file);
	fwrite(written, sizeof(*written), num_lines, answers->file);
}

struct reader {
	const unsigned char *at, *limit;
	struct strings *strings;
	const char **numbered;
	size_t num_numbered;
	struct dwarf_answer *answers;
	size_t num_answers;
};

static bool take(struct reader *reader, void *into, size_t num_bytes)
{
	if ((size_t)(reader->limit - reader->at) < num_bytes)
		return false;
	memcpy(into, reader->at, num_bytes);
	reader->at += num_bytes;
	return true;
}

static bool read_string(struct reader *reader, size_t length)
{
	size_t num_left = (size_t)(reader->limit - reader->at);
	if (length >= num_left || reader->at[length])
		return false;
	reader->numbered = memory_grow(reader->numbered, reader->num_numbered, sizeof(*reader->numbered));
	reader->numbered[reader->num_numbered++] = strings_get(reader->strings, (const char *)reader->at);
	reader->at += length + 1;
	return true;
}

static bool read_line(struct reader *reader, struct line *line)
{
	struct written_line written;
	if (!take(reader, &written, sizeof(written)) || written.function >= reader->num_numbered ||
	    written.file >= reader->num_numbered)
		return false;
	*line = (struct line){ reader->numbered[written.function], reader->numbered[written.file], written.line, written.column,
			       written.start_line };
	return written.line >= 0 && written.column >= 0 && written.start_line >= 0;
}

static bool read_lines(struct reader *reader, const struct record *record)
{
	if (record->number >= reader->num_answers || record->count > LINE_MAX_CALLS || reader->answers[record->number].lines)
		return false;
	struct dwarf_answer *answer = &reader->answers[record->number];
	answer->lines = memory_get(record->count, sizeof(*answer->lines));
	for (; answer->num_lines < record->count; answer->num_lines++)
		if (!read_line(reader, &answer->lines[answer->num_lines]))
			return false;
	return true;
}

static bool read_records(struct reader *reader)
{
	struct record record;
	while (reader->at < reader->limit)
		if (!take(reader, &record, sizeof(record)) || record.kind > ANSWER ||
		    !(record.kind == STRING ? read_string(reader, record.count) : read_lines(reader, &record)))
			return false;
	return true;
}

bool dwarf_answers_read(const unsigned char *bytes, size_t num_bytes, struct strings *strings, size_t num_addresses,
			struct dwarf_answer *answers)
{
	struct reader reader = { .at = bytes, .limit = bytes + num_bytes, .strings = strings, .answers = answers,
				 .num_answers = num_addresses };
	bool is_whole = read_records(&reader);
	free(reader.numbered);
	for (size_t i = 0; !is_whole && i < num_addresses; i++) {
		free(answers[i].lines);
		answers[i] = (struct dwarf_answer){ 0 };
	}
	return is_whole;
}
