// SPDX-License-Identifier: Apache-2.0
// Output: C++'s streams, locales and numbers.  Leaks nothing.
#include <fstream>
#include <iomanip>
#include <iostream>
#include <locale>
#include <regex>
#include <sstream>

int main()
{
	std::ios::sync_with_stdio(false);
	std::locale::global(std::locale("C.UTF-8"));
	std::cout.imbue(std::locale());
	std::cout << 1234567.25 << ' ' << std::setw(10) << "text" << std::endl;
	std::wcout << L"wide" << std::endl;
	std::ostringstream text;
	text << std::put_money(123) << std::boolalpha << true;
	std::ifstream file("/etc/passwd");
	std::string line;
	std::getline(file, line);
	return std::regex_match(line, std::regex("z+")) ? 1 : 0;
}
