/* A text that ct__put appends to. `used` counts all of it, also what found no room: so a page of no
 * room measures a text. */
#ifndef COTANGENT_TEXT_H
#define COTANGENT_TEXT_H
#include <cotangent/nn.h>

typedef struct ct__page {
    char *out;
    size_t room, used;
} ct__page;
void ct__put(ct__page *page, const char *format, ...) CT_PRINTF(2, 3);
#endif
