// SPDX-License-Identifier: Apache-2.0
/*
 * A small server in C++ that leaks: it answers made-up requests, keeps the sessions of its users, and
 * caches every page that it renders, in a cache that nobody ever empties.  For a first look at a profile.
 */
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace {

struct request {
	int user;
	std::string path;
};

struct session {
	int user;
	std::deque<std::string> history; // the last pages that the user saw
};

struct page {
	std::string title;
	std::vector<std::string> rows;
};

class page_cache {
public:
	const page &find_or_render(const request &request);

private:
	page render(const request &request);

	// The mistake: the key holds the query, each query is new, and nothing is ever removed.
	std::map<std::string, std::unique_ptr<page>> pages;
};

class session_table {
public:
	session &find_or_open(int user);
	void expire(size_t max_sessions);

private:
	std::map<int, session> sessions;
};

class server {
public:
	size_t answer(const request &request);

private:
	page_cache cache;
	session_table sessions;
};

// Not inlined, so that a reader of the profile finds them by name whatever the compiler.
__attribute__((noinline)) page page_cache::render(const request &request)
{
	page made;
	made.title = "Results for " + request.path;
	for (int row = 0; row < 12; row++)
		made.rows.push_back("row " + std::to_string(row) + " of " + request.path + std::string(150, '.'));
	return made;
}

__attribute__((noinline)) const page &page_cache::find_or_render(const request &request)
{
	auto found = pages.find(request.path);
	if (found == pages.end())
		found = pages.emplace(request.path, std::make_unique<page>(render(request))).first;
	return *found->second;
}

session &session_table::find_or_open(int user)
{
	auto found = sessions.find(user);
	if (found == sessions.end())
		found = sessions.emplace(user, session{user, {}}).first;
	return found->second;
}

void session_table::expire(size_t max_sessions)
{
	while (sessions.size() > max_sessions)
		sessions.erase(sessions.begin());
}

size_t server::answer(const request &request)
{
	session &session = sessions.find_or_open(request.user);
	session.history.push_back(request.path);
	if (session.history.size() > 20)
		session.history.pop_front();
	const page &page = cache.find_or_render(request);
	std::string body = "<h1>" + page.title + "</h1>";
	for (const std::string &row : page.rows)
		body += "<p>" + row + "</p>";
	sessions.expire(500);
	return body.size();
}

request next_request(unsigned number)
{
	const char *const sections[] = {"search", "orders", "stock", "people"};
	unsigned spread = number * 2654435761u;
	return {static_cast<int>(spread >> 8) % 1000,
	        std::string("/") + sections[spread >> 30] + "?query=" + std::to_string(number % 50000)};
}

} // namespace

int main(int argc, char **argv)
{
	unsigned num_requests = argc > 1 ? static_cast<unsigned>(atoi(argv[1])) : 50000;
	server server;
	size_t num_bytes = 0;
	for (unsigned number = 0; number < num_requests; number++)
		num_bytes += server.answer(next_request(number));
	printf("answered %u requests with %zu bytes\n", num_requests, num_bytes);
	fflush(stdout);
	_Exit(0); // as servers do: what is still held is held
}
