// SPDX-License-Identifier: Apache-2.0
// What all unit tests include: cmocka, which wants these headers before it.
#ifndef CAIRN_TESTS_UNIT_H
#define CAIRN_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
