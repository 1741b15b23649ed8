/* PINs: what opens an application's master key. */
#ifndef PIN_H
#define PIN_H

#include "device.h"

ULONG pin_check_form(const char *pin);                 /* SAR_OK, or why no PIN can look so; such a try is not counted */
ULONG pin_check_new(const char *pin, const char *old); /* also refuses simple ones; old may be NULL */

/* Set a PIN: new salt, full counter, next epoch, the master key wrapped anew. */
ULONG pin_set(struct operation *run, ULONG type, const char *pin, const uint8_t master[SEAL_KEY], bool is_default);
/* Spend one try durably, then look; on SAR_OK master is open and the counter full again but not yet stored. *left: tries. */
ULONG pin_open(struct operation *run, ULONG type, const char *pin, uint8_t master[SEAL_KEY], ULONG *left);
/* The same for the administrator by what the PIN derives to, which a remote response brings. */
ULONG pin_open_for_admin(struct operation *run, const uint8_t wrapping[32], uint8_t master[SEAL_KEY], ULONG *left);
ULONG pin_spend(struct operation *run, ULONG type, ULONG *left);

#endif
