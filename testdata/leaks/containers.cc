// SPDX-License-Identifier: Apache-2.0
/*
 * Containers: of the standard library, lost with what is in them.
 *
 * usage: containers string|vector|map|cycle|static
 */
#include "loss.h"

#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace {

struct peer {
	std::shared_ptr<peer> other;
};

} // namespace

SITE static void containers_string()
{
	truth_keep(new std::string(100, 'x'));
	loss_tell("definite", sizeof(std::string), 1);
	loss_tell("indirect", 101, 1);
}

SITE static void containers_vector()
{
	auto *lost = new std::vector<std::unique_ptr<long>>;
	lost->reserve(10);
	for (int i = 0; i < 10; i++)
		lost->push_back(std::make_unique<long>(i));
	loss_tell("definite", sizeof(*lost), 1);
	loss_tell("indirect", 10 * sizeof(void *) + 10 * sizeof(long), 11);
}

// The map's nodes point back to the map: a cycle.
SITE static void containers_map()
{
	auto *lost = new std::map<long, long>;
	for (int i = 0; i < 5; i++)
		(*lost)[i] = i;
	loss_tell("lost", sizeof(*lost) + 5 * (32 + 2 * sizeof(long)), 6);
}

SITE static void containers_cycle()
{
	auto one = std::make_shared<peer>(), two = std::make_shared<peer>();
	one->other = two;
	two->other = one;
	loss_tell("lost", 2 * (16 + sizeof(peer)), 2);
}

// Destroyed after main.
SITE static void containers_static()
{
	static std::vector<std::string> kept;
	for (int i = 0; i < 10; i++)
		kept.push_back(std::string(100, 'y'));
}

int main(int argc, char **argv)
{
	const char *kind = argc > 1 ? argv[1] : "string";
	if (!strcmp(kind, "string"))
		containers_string();
	if (!strcmp(kind, "vector"))
		containers_vector();
	if (!strcmp(kind, "map"))
		containers_map();
	if (!strcmp(kind, "cycle"))
		containers_cycle();
	if (!strcmp(kind, "static"))
		containers_static();
	loss_scrub();
	return 0;
}
