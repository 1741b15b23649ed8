/* Tells a service manager that the agent answers now (sd_notify's protocol: NOTIFY_SOCKET). */
#ifndef AGENT_READY_H
#define AGENT_READY_H

void ready_tell(void);

#endif
