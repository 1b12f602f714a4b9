// SPDX-License-Identifier: Apache-2.0
// Users: names of users, groups, services and hosts, whose sources the C library loads and keeps.  Leaks nothing.
#include <grp.h>
#include <netdb.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void)
{
	struct addrinfo *found = NULL;
	struct passwd *user = getpwuid(0);
	struct group *group = getgrgid(0);
	struct servent *service = getservbyname("http", "tcp");
	struct protoent *protocol = getprotobyname("tcp");
	struct hostent *host = gethostbyname("localhost");
	gid_t groups[64];
	int num_groups = 64;
	getgrouplist("root", 0, groups, &num_groups);
	setpwent();
	while (getpwent())
		continue;
	endpwent();
	printf("%s %s %d %d %s\n", user ? user->pw_name : "-", group ? group->gr_name : "-", service != NULL,
	       protocol != NULL, host ? host->h_name : "-");
	if (getaddrinfo("localhost", "80", NULL, &found) == 0)
		freeaddrinfo(found);
	return 0;
}
