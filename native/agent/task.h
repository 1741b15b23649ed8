/* What the platform sealed for this agent: checked to the last field before anything in it is used. */
#ifndef AGENT_TASK_H
#define AGENT_TASK_H

#include "identity.h"
#include "session.h"

/* The body, or NULL. `origin` is the settings' entry, which names whose signatures count; `type` is the message that comes
 * with it, which is used up by this call. */
json_t *task_open(const struct identity *identity, const json_t *origin, struct session *session, const char *type,
                  const char *profile, const char *serial, const char *sealed);

#endif
