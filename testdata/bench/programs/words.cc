// SPDX-License-Identifier: Apache-2.0
// A C++ program of ordinary style, for scripts/bench to compile: most of the work is in the headers.
#include <algorithm>
#include <cctype>
#include <fstream>
#include <functional>
#include <iomanip>
#include <iostream>
#include <map>
#include <memory>
#include <numeric>
#include <set>
#include <sstream>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

namespace {

struct word {
	std::string text;
	std::size_t count;
	std::set<std::size_t> lines;
};

class visitor {
public:
	virtual ~visitor() = default;
	virtual void visit(const word &word) = 0;
};

class printer : public visitor {
public:
	explicit printer(std::ostream &stream) : stream(stream) {}
	void visit(const word &word) override
	{
		stream << std::setw(20) << word.text << std::setw(6) << word.count;
		for (std::size_t line : word.lines)
			stream << ' ' << line;
		stream << '\n';
	}

private:
	std::ostream &stream;
};

class totals : public visitor {
public:
	void visit(const word &word) override
	{
		by_length[word.text.size()] += word.count;
		by_initial[word.text.substr(0, 1)].push_back(word.count);
	}
	std::map<std::size_t, std::size_t> by_length;
	std::unordered_map<std::string, std::vector<std::size_t>> by_initial;
};

class index {
public:
	void read(std::istream &stream)
	{
		std::string line;
		for (std::size_t number = 1; std::getline(stream, line); number++)
			for (auto begin = line.begin(), end = begin; begin != line.end(); begin = end) {
				begin = std::find_if(end, line.end(), is_part);
				end = std::find_if_not(begin, line.end(), is_part);
				if (begin != end)
					add(std::string(begin, end), number);
			}
	}

	void sort()
	{
		std::stable_sort(words.begin(), words.end(),
				 [](const auto &a, const auto &b) { return std::tie(b->count, a->text) < std::tie(a->count, b->text); });
	}

	void accept(visitor &visitor) const
	{
		std::for_each(words.begin(), words.end(), [&](const auto &word) { visitor.visit(*word); });
	}

private:
	static bool is_part(char c)
	{
		return std::isalnum(static_cast<unsigned char>(c)) || c == '_';
	}

	void add(const std::string &text, std::size_t line)
	{
		auto found = by_text.find(text);
		if (found == by_text.end()) {
			words.push_back(std::make_shared<word>(word{text, 0, {}}));
			found = by_text.emplace(text, words.back()).first;
		}
		found->second->count++;
		found->second->lines.insert(line);
	}

	std::vector<std::shared_ptr<word>> words;
	std::unordered_map<std::string, std::shared_ptr<word>> by_text;
};

std::string replace_all(const std::string &text, const std::map<std::string, std::string> &names)
{
	std::string result;
	auto last = text.begin();
	for (auto at = text.find("${"); at != std::string::npos; at = text.find("${", at + 2)) {
		auto limit = text.find('}', at);
		if (limit == std::string::npos)
			break;
		result.append(last, text.begin() + static_cast<std::ptrdiff_t>(at));
		if (auto found = names.find(text.substr(at + 2, limit - at - 2)); found != names.end())
			result += found->second;
		last = text.begin() + static_cast<std::ptrdiff_t>(limit) + 1;
	}
	return result.append(last, text.end());
}

} // namespace

int main(int argc, char **argv)
{
	std::map<std::string, std::function<std::unique_ptr<visitor>()>> visitors{
		{"print", [] { return std::make_unique<printer>(std::cout); }},
		{"totals", [] { return std::make_unique<totals>(); }},
	};
	index index;
	for (int i = 1; i < argc; i++) {
		std::ifstream stream(replace_all(argv[i], {{"home", "."}, {"suffix", ".txt"}}));
		index.read(stream);
	}
	index.sort();
	for (auto &[name, make] : visitors) {
		auto visitor = make();
		index.accept(*visitor);
		if (auto *sums = dynamic_cast<totals *>(visitor.get()))
			std::cout << std::accumulate(sums->by_length.begin(), sums->by_length.end(), std::size_t{0},
						     [](std::size_t sum, const auto &pair) { return sum + pair.second; })
				  << '\n';
	}
}
