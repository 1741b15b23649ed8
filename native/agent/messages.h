/* From the text of a question to the text of its answer. */
#ifndef AGENT_MESSAGES_H
#define AGENT_MESSAGES_H

#include "jobs.h"

/* The answer when there is one at once, otherwise NULL: a job will finish. `connection` is what jobs are known by,
 * `socket` what sessions are bound to: the same over WebSocket, 0 over POST. The caller frees. */
char *message_receive(const struct agent *agent, uint64_t connection, uint64_t socket, const char *origin,
                      const char *text, size_t size);

/* The answer of a job that has finished. */
char *message_answer(const struct job *job);

/* An answer to something that could not be read. */
char *message_fault(uint32_t code);

#endif
