// SPDX-License-Identifier: Apache-2.0
// Page: an interactive flame graph as one HTML file.  OUTSIDE.
#include "flame/page.h"

#include <errno.h>
#include <unistd.h>

#include "flame/template.h"

int flame_page_write(const struct flame_page *page, int fd)
{
	int own_fd = dup(fd); // which fclose() closes
	FILE *to = own_fd >= 0 ? fdopen(own_fd, "w") : NULL;
	if (!to)
		return errno;
	struct flame_tree tree;
	flame_tree_init(&tree, page->view);
	fputs(template_before, to);
	flame_data_write(to, page, &tree);
	fputs(template_after, to);
	flame_tree_deinit(&tree);
	bool has_failed = fflush(to) != 0 || ferror(to); // errno is of the last call that failed: what failed before all do after
	int reason = !has_failed ? 0 : errno ? errno : EIO;
	if (fclose(to) != 0 && !reason)
		reason = errno;
	return reason;
}
