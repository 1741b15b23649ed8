#include "peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define END 48    /* octets of an address with its port in the table */
#define TRIES 3   /* a row can be passed over while others come and go */

enum owner { OURS, ANOTHERS, NOWHERE, UNKNOWN };

/* An address as the kernel prints it: words of 32 bits as they lie in memory. */
static void end_of_4(const struct sockaddr_in *from, char to[END]) {
    snprintf(to, END, "%08X:%04X", from->sin_addr.s_addr, ntohs(from->sin_port));
}

static void end_of_6(const struct sockaddr_in6 *from, char to[END]) {
    uint32_t words[4];
    memcpy(words, &from->sin6_addr, sizeof words);
    snprintf(to, END, "%08X%08X%08X%08X:%04X", words[0], words[1], words[2], words[3], ntohs(from->sin6_port));
}

/* What a program that speaks IPv4 through an IPv6 socket has in the other table. */
static void end_of_4_in_6(const struct sockaddr_in *from, char to[END]) {
    snprintf(to, END, "0000000000000000%08X%08X:%04X", htonl(0xffff), from->sin_addr.s_addr, ntohs(from->sin_port));
}

/* "sl: local remote state queues timer retransmissions uid …" */
static bool is_row(char *line, const char *local, const char *remote, uid_t *owner) {
    char *rest, *field = strtok_r(line, " \n", &rest);
    for (int column = 0; field; column++, field = strtok_r(NULL, " \n", &rest)) {
        if (column == 1 && strcasecmp(field, local) != 0) return false;
        if (column == 2 && strcasecmp(field, remote) != 0) return false;
        if (column != 7) continue;
        *owner = (uid_t)atoll(field);
        return true;
    }
    return false;
}

static enum owner owner_in(const char *table, const char *local, const char *remote) {
    char line[512];
    uid_t owner;
    enum owner found = NOWHERE;
    FILE *file = fopen(table, "re");
    if (!file) return UNKNOWN;
    while (found == NOWHERE && fgets(line, sizeof line, file))
        if (is_row(line, local, remote, &owner)) found = owner == geteuid() ? OURS : ANOTHERS;
    fclose(file);
    return found;
}

/* The other end's own row: there, its local address is our remote one. */
static enum owner owner_of(const struct sockaddr_storage *peer, const struct sockaddr_storage *own) {
    char local[END], remote[END];
    if (peer->ss_family == AF_INET6) {
        end_of_6((const struct sockaddr_in6 *)peer, local);
        end_of_6((const struct sockaddr_in6 *)own, remote);
        return owner_in("/proc/net/tcp6", local, remote);
    }
    end_of_4((const struct sockaddr_in *)peer, local);
    end_of_4((const struct sockaddr_in *)own, remote);
    const enum owner found = owner_in("/proc/net/tcp", local, remote);
    if (found != NOWHERE) return found;
    end_of_4_in_6((const struct sockaddr_in *)peer, local);
    end_of_4_in_6((const struct sockaddr_in *)own, remote);
    const enum owner other = owner_in("/proc/net/tcp6", local, remote);
    return other == UNKNOWN ? NOWHERE : other; /* a system without IPv6 has no such table */
}

bool peer_is_ours(int socket) {
    struct sockaddr_storage peer, own;
    socklen_t size = sizeof peer, own_size = sizeof own;
    enum owner found = NOWHERE;
    if (getpeername(socket, (struct sockaddr *)&peer, &size) || getsockname(socket, (struct sockaddr *)&own, &own_size))
        return false;
    for (int i = 0; i < TRIES && found == NOWHERE; i++) found = owner_of(&peer, &own);
    return found == OURS || found == UNKNOWN;
}
