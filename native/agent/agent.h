/* What all of the agent knows from its start on. */
#ifndef AGENT_AGENT_H
#define AGENT_AGENT_H

#include "identity.h"
#include "settings.h"

#define AGENT_RELEASE "0.1.0"
#define PROTOCOL 1
#define MOST_BYTES (256 * 1024) /* of a message */

struct agent {
    struct settings settings;
    struct identity identity;
};

#endif
