// SPDX-License-Identifier: Apache-2.0
// The file of rules that comes with cairn, own.supp, as embed.py put it into the executable.  OUTSIDE.
#ifndef CAIRN_LEAKS_OWN_H
#define CAIRN_LEAKS_OWN_H

extern const char rules_own[];

#endif
