/* Whose program is at the other end of a connection within this machine. */
#ifndef AGENT_PEER_H
#define AGENT_PEER_H

#include <stdbool.h>

/* False when it is another user's, or gone. Where the system does not tell, everybody is ours. */
bool peer_is_ours(int socket);

#endif
