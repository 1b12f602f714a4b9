// SPDX-License-Identifier: Apache-2.0
// Own file: the symbol table of an ELF file.  BOTH worlds.
#include "profile/own_file.h"

#include <string.h>
#include <sys/stat.h>

#include "base/system.h"

#define EINTR_RESULT (-4)

// As many bytes as are there, up to num_bytes.
static size_t read_at(const struct own_file *file, void *to, size_t num_bytes, uint64_t offset)
{
	size_t num_read = 0;
	while (num_read < num_bytes) {
		long result = system_call4(SYS_pread64, file->fd, (long)((char *)to + num_read), (long)(num_bytes - num_read),
					   (long)(offset + num_read));
		if (result == EINTR_RESULT)
			continue;
		if (result <= 0)
			break;
		num_read += (size_t)result;
	}
	return num_read;
}

static bool read_header(struct own_file *file)
{
	const Elf64_Ehdr *header = &file->header;
	return read_at(file, &file->header, sizeof(*header), 0) == sizeof(*header) &&
	       memcmp(header->e_ident, ELFMAG, SELFMAG) == 0 && header->e_ident[EI_CLASS] == ELFCLASS64 &&
	       header->e_ident[EI_DATA] == ELFDATA2LSB && header->e_phentsize == sizeof(Elf64_Phdr) &&
	       header->e_shentsize == sizeof(Elf64_Shdr);
}

static bool read_segment(const struct own_file *file, unsigned number, Elf64_Phdr *segment)
{
	return number < file->header.e_phnum &&
	       read_at(file, segment, sizeof(*segment), file->header.e_phoff + number * sizeof(*segment)) == sizeof(*segment);
}

static bool is_hexadecimal_of(const char *string, const unsigned char *bytes, size_t num_bytes)
{
	for (size_t i = 0; i < num_bytes; i++, string += 2)
		if (string[0] != "0123456789abcdef"[bytes[i] >> 4] || string[1] != "0123456789abcdef"[bytes[i] & 15])
			return false;
	return num_bytes && *string == 0;
}

// Is the GNU build id among these notes?
static bool have_build_id(const unsigned char *notes, size_t num_bytes, const char *build_id)
{
	Elf64_Nhdr note;
	for (size_t at = 0; num_bytes - at >= sizeof(note);) {
		memcpy(&note, notes + at, sizeof(note));
		size_t name_bytes = (note.n_namesz + 3UL) & ~3UL, value_bytes = (note.n_descsz + 3UL) & ~3UL;
		at += sizeof(note);
		if (name_bytes + value_bytes > num_bytes - at)
			return false;
		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && memcmp(notes + at, "GNU", 4) == 0)
			return is_hexadecimal_of(build_id, notes + at + name_bytes, note.n_descsz);
		at += name_bytes + value_bytes;
	}
	return false;
}

static bool has_build_id(struct own_file *file, const char *build_id)
{
	Elf64_Phdr segment;
	for (unsigned i = 0; read_segment(file, i, &segment); i++) {
		if (segment.p_type != PT_NOTE)
			continue;
		size_t wanted = segment.p_filesz < OWN_FILE_PIECE_BYTES ? segment.p_filesz : OWN_FILE_PIECE_BYTES;
		if (have_build_id(file->piece, read_at(file, file->piece, wanted, segment.p_offset), build_id))
			return true;
	}
	return false;
}

static bool read_section(const struct own_file *file, unsigned number, Elf64_Shdr *section)
{
	return number < file->header.e_shnum &&
	       read_at(file, section, sizeof(*section), file->header.e_shoff + number * sizeof(*section)) == sizeof(*section);
}

static bool find_symbols(struct own_file *file)
{
	Elf64_Shdr section, strings;
	file->num_symbols = 0;
	for (unsigned i = 0; read_section(file, i, &section); i++) {
		bool is_better = section.sh_type == SHT_SYMTAB || (section.sh_type == SHT_DYNSYM && !file->num_symbols);
		if (!is_better || !read_section(file, section.sh_link, &strings) || strings.sh_type != SHT_STRTAB)
			continue;
		file->symbols_offset = section.sh_offset;
		file->num_symbols = section.sh_size / sizeof(Elf64_Sym);
		file->strings_offset = strings.sh_offset;
		file->strings_bytes = strings.sh_size;
	}
	return file->num_symbols > 0;
}

bool own_file_open(struct own_file *file, const char *path, const char *build_id, unsigned char *piece)
{
	struct stat status;
	long fd = system_call3(SYS_open, (long)path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
	if (fd < 0)
		return false;
	file->fd = (int)fd;
	file->piece = piece;
	if (system_call3(SYS_fstat, fd, (long)&status, 0) == 0 && S_ISREG(status.st_mode) && read_header(file) &&
	    has_build_id(file, build_id) && find_symbols(file))
		return true;
	own_file_close(file);
	return false;
}

void own_file_close(struct own_file *file)
{
	system_call3(SYS_close, file->fd, 0, 0);
}

bool own_file_find_code(struct own_file *file, uint64_t offset, uint64_t num_bytes, uint64_t *to_address)
{
	Elf64_Phdr segment;
	for (unsigned i = 0; read_segment(file, i, &segment); i++) {
		bool begins_before = segment.p_offset < offset + num_bytes;
		if (segment.p_type != PT_LOAD || !(segment.p_flags & PF_X) || !begins_before ||
		    segment.p_offset + segment.p_filesz <= offset)
			continue;
		*to_address = segment.p_vaddr - segment.p_offset;
		return true;
	}
	return false;
}

size_t own_file_read_symbols(struct own_file *file, uint64_t first, const Elf64_Sym **symbols)
{
	const size_t max = OWN_FILE_PIECE_BYTES / sizeof(Elf64_Sym);
	uint64_t num_left = first < file->num_symbols ? file->num_symbols - first : 0;
	*symbols = (const Elf64_Sym *)file->piece;
	return read_at(file, file->piece, (num_left < max ? num_left : max) * sizeof(Elf64_Sym),
		       file->symbols_offset + first * sizeof(Elf64_Sym)) / sizeof(Elf64_Sym);
}

bool own_file_read_name(struct own_file *file, uint32_t offset, char *name, size_t num_bytes)
{
	if (offset >= file->strings_bytes)
		return false;
	uint64_t num_left = file->strings_bytes - offset;
	size_t num_read = read_at(file, name, num_left < num_bytes ? num_left : num_bytes, file->strings_offset + offset);
	if (!num_read)
		return false;
	name[num_read < num_bytes ? num_read : num_bytes - 1] = 0;
	return true;
}
