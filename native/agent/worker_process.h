/* The process that has a vendor's library in it. */
#ifndef AGENT_WORKER_PROCESS_H
#define AGENT_WORKER_PROCESS_H

#define WORKER_CHANNEL 3
#define WORKER_NO_LIBRARY 9 /* its exit code when the library does not load */

/* Serves until the agent's end of the channel closes. */
int worker_run(const char *library);

#endif
