/* All of a file at once; one that is gzip is inflated. */
#ifndef COTANGENT_WHOLE_H
#define COTANGENT_WHOLE_H
#include "array.h"

/* The content, an object of the context, with a zero byte behind it; NULL and an error. More than
   `limit` bytes are CT_ERROR_MEMORY. The caller sets cx, who and path of f, and may use f for
   messages afterwards */
char *ct__read_whole(ct__file *f, int64_t limit, int64_t *bytes);
#endif
