/* Reading and making JSON objects, by jansson. */
#ifndef AGENT_JSON_H
#define AGENT_JSON_H

#include <jansson.h>
#include <stdbool.h>

#include "bytes.h"

/* Memory of JSON values is wiped when it is freed: PINs pass through some of them. Call once, first. */
void json_wipe_when_freed(void);

/* An object, or NULL: repeated names, trailing text and anything but UTF-8 are refused. */
json_t *json_object_of(const char *text, size_t size);

/* NULL when there is no such text. */
const char *json_text(const json_t *object, const char *name);

/* False when there is no such text or it is no base64. */
bool json_bytes(const json_t *object, const char *name, struct bytes *out);

void json_put_text(json_t *object, const char *name, const char *text);
void json_put_bytes(json_t *object, const char *name, const void *data, size_t size);

/* The caller frees; the text may hold secrets: json_text_free wipes it. */
char *json_line(const json_t *value);
void json_text_free(char *text);

#endif
