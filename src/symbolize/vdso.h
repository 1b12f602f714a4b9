// SPDX-License-Identifier: Apache-2.0
/*
 * vDSO: the code that the kernel maps into every program, as a file.
 *
 * There is none on disk that could be relied on; but every process of this kernel has the same, this one too.
 *
 * OUTSIDE; any thread.
 */
#ifndef CAIRN_SYMBOLIZE_VDSO_H
#define CAIRN_SYMBOLIZE_VDSO_H

// Open an ELF file, in memory, that is the vDSO of the running kernel, if it has this build id (hexadecimal).  The
// caller closes it; -1: another kernel's, or there is none.
int vdso_open(const char *build_id);

#endif
