/* The content of a file, inflated where the file is gzip: told by its first bytes, not its name. */
#ifndef COTANGENT_SOURCE_H
#define COTANGENT_SOURCE_H
#include "file.h"

#if CT_HAVE_ZLIB
#include <zlib.h>
#endif

enum { CT__CHUNK = 32768 };

typedef struct ct__source {
    ct__file file;
    bool gzip, ended;
#if CT_HAVE_ZLIB
    z_stream stream;
#endif
    unsigned char in[CT__CHUNK];
} ct__source;

/* of an open file, from its first byte; to be stopped, also to begin again */
ct_status ct__source_start(ct__source *s);
void ct__source_stop(ct__source *s);
/* at most `bytes`: fewer only at the end; -1: an error */
int64_t ct__source_read(ct__source *s, void *out, int64_t bytes);
#endif
