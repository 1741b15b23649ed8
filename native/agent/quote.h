/* Text of others as a window shows it: nothing invisible, and nothing that could be taken for a line of ours. */
#ifndef AGENT_QUOTE_H
#define AGENT_QUOTE_H

#include <stddef.h>

/* A name: no line of its own but, marked, where it goes on. At most `most` characters; the caller frees. */
char *quote_name(const char *text, size_t most);

/* Many lines, each marked as quoted, also where a long one goes on; empty ones in a row are counted instead. */
char *quote_lines(const char *text, size_t most);

#endif
