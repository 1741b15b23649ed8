/* WebSocket and HTTPS on loopback, by libwebsockets. */
#ifndef AGENT_SERVER_H
#define AGENT_SERVER_H

#include "agent.h"

/* Serves until a signal ends it, or until its certificate does not serve any more (EX_TEMPFAIL: to be started again). The exit
 * code of the program. */
int server_run(struct agent *agent);

#endif
