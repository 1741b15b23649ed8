/* What can go wrong: the codes of GM/T 0016 and the agent's own, each with a name and a Chinese sentence. */
#ifndef AGENT_ERRORS_H
#define AGENT_ERRORS_H

#include <stdint.h>

#include "../include/skf.h"

#define AGENT_MALFORMED 0x0BA00001u
#define AGENT_TOO_LARGE 0x0BA00002u
#define AGENT_VERSION 0x0BA00003u
#define AGENT_TYPE_UNKNOWN 0x0BA00004u
#define AGENT_SESSION 0x0BA00005u
#define AGENT_REPLAYED 0x0BA00006u
#define AGENT_CANCELLED 0x0BA00007u
#define AGENT_WINDOW 0x0BA00008u
#define AGENT_BUSY 0x0BA00009u
#define AGENT_TASK 0x0BA0000Au
#define AGENT_PROFILE 0x0BA0000Bu
#define AGENT_LIBRARY 0x0BA0000Cu
#define AGENT_DIED 0x0BA0000Du
#define AGENT_MISMATCH 0x0BA0000Eu
#define AGENT_FIRST_PIN 0x0BA0000Fu

const char *error_name(uint32_t code);

/* What happened and what to do next, for the person at the machine. */
const char *error_message(uint32_t code);

#endif
