// SPDX-License-Identifier: Apache-2.0
/*
 * Type name: which of a profile's types people mean who do not write out its name.
 *
 * OUTSIDE.
 */
#ifndef CAIRN_REPORT_TYPE_NAME_H
#define CAIRN_REPORT_TYPE_NAME_H

#include "profile/store.h"

// Its name; a unit stands for the default type if that has this unit, else for the last one that has; and
// a part of a name ("inuse", "objects"), or "live" for inuse, for the last type that has it.  What stands for
// nothing is returned as it is.
const char *type_name_find(const struct store *store, const char *name);

#endif
