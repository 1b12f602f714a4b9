// SPDX-License-Identifier: Apache-2.0
// Storage: objects of threads with destructors, singletons that are made once.  Leaks nothing.
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

struct cache {
	std::vector<std::string> texts;
	~cache()
	{
		texts.clear();
	}
};

static thread_local cache own;

static const std::string &get_name()
{
	static const std::string name(100, 'x');
	return name;
}

int main()
{
	std::vector<std::thread> threads;
	for (int i = 0; i < 4; i++)
		threads.emplace_back([] { own.texts.push_back(get_name()); });
	for (std::thread &thread : threads)
		thread.join();
	own.texts.push_back(get_name());
	std::shared_ptr<int> shared = std::make_shared<int>(1);
	std::function<int()> call = [shared] { return *shared - 1; };
	return call();
}
