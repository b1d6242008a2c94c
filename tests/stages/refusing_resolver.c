/* A C library in front of the real one: whoever asks for a host or connects to one is noted. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void note(const char *what) {
    int file = open(getenv("CROSSBAND_ASKED"), O_WRONLY | O_APPEND | O_CREAT, 0600);
    dprintf(file, "%d asks for %s\n", getpid(), what ? what : "itself");
    close(file);
}

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **found) {
    note(node);
    return EAI_FAIL;
}

struct hostent *gethostbyname(const char *name) {
    note(name);
    return NULL;
}

int connect(int file, const struct sockaddr *address, socklen_t length) {
    int (*real)(int, const struct sockaddr *, socklen_t) = dlsym(RTLD_NEXT, "connect");
    if (address->sa_family != AF_INET && address->sa_family != AF_INET6)
        return real(file, address, length);
    note("a connection");
    errno = ENETUNREACH;
    return -1;
}
