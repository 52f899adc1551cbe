/* Reading a file that may be gzip: then its content is inflated. The first bytes of the file tell
 * which it is, not its name. */
#ifndef COTANGENT_GZIP_H
#define COTANGENT_GZIP_H
#include "file.h"

#if CT_HAVE_ZLIB
#include <zlib.h>
#endif

enum { CT__CHUNK = 32768 };

typedef struct ct__gzip {
    ct__file file;
    bool is_gzip;
    bool ended;                  /* a gzip member has ended, and no other has begun */
#if CT_HAVE_ZLIB
    z_stream stream;
#endif
    unsigned char in[CT__CHUNK]; /* compressed bytes */
} ct__gzip;

/* begins at the first byte of an open file. Stop before starting again */
ct_status ct__gzip_start(ct__gzip *z);
void ct__gzip_stop(ct__gzip *z);
/* reads at most `bytes` of the content; fewer only at its end, and -1 is an error */
int64_t ct__gzip_read(ct__gzip *z, void *out, int64_t bytes);
#endif
