// SPDX-License-Identifier: Apache-2.0
/*
 * People: C++ as people write it, who forget to delete and clean nothing up behind them.
 */
#include "loss.h"

#include <string>
#include <vector>

namespace {

struct person {
	std::string name;
	std::vector<person *> friends;
};

} // namespace

int main()
{
	auto *ada = new person;
	ada->name = "Augusta Ada King, Countess of Lovelace";
	for (int i = 0; i < 4; i++)
		ada->friends.push_back(new person);
	dprintf(STDOUT_FILENO, "definite %zu 1\n", sizeof(person));
	dprintf(STDOUT_FILENO, "indirect %zu 6\n", 39 + 4 * sizeof(void *) + 4 * sizeof(person));
	return 0;
}
