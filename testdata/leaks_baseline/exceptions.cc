// SPDX-License-Identifier: Apache-2.0
// Exceptions: thrown, caught, thrown again in threads, and kept for later.  Leaks nothing.
#include <exception>
#include <future>
#include <stdexcept>
#include <thread>

static int fail(int depth)
{
	if (depth == 0)
		throw std::runtime_error("an example whose text is longer than a small string has room for");
	return fail(depth - 1) + 1;
}

static void run()
{
	try {
		fail(5);
	} catch (const std::exception &) {
		try {
			throw;
		} catch (...) {
		}
	}
}

int main()
{
	run();
	std::thread thread(run);
	thread.join();
	std::future<int> later = std::async(std::launch::async, fail, 3);
	try {
		later.get();
	} catch (const std::runtime_error &) {
	}
	return 0;
}
