/* Memory for secrets (locked, kept out of dumps, wiped) and the libcrypto that stands behind everything. */
#ifndef MEMORY_H
#define MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Set up libcrypto and the locked heap; once, cheap afterwards. False when libcrypto does not work. */
bool crypto_ready(void);

void *secret_new(size_t size); /* zeroed; NULL when the locked heap is full */
void secret_free(void *secret, size_t size);
void wipe(void *data, size_t size);

#endif
