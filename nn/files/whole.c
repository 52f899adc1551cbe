/* All of a file. What it holds is counted before memory is taken for it: for gzip, by inflating it
 * once. */
#include "whole.h"

/* bytes of the content, or any number above the limit; -1: an error */
static int64_t count(ct__gzip *z, int64_t limit)
{
    unsigned char chunk[4096];
    int64_t bytes = 0;
    if (!z->is_gzip)
        return z->file.bytes;
    for (int64_t n = sizeof chunk; n == sizeof chunk && bytes <= limit; bytes += n)
        if ((n = ct__gzip_read(z, chunk, sizeof chunk)) < 0)
            return -1;
    return bytes;
}

static int64_t held(ct__gzip *z, int64_t limit)
{
    if (ct__gzip_start(z) != CT_OK)
        return -1;
    int64_t bytes = count(z, limit);
    ct__gzip_stop(z);
    limit = limit < PTRDIFF_MAX ? limit : PTRDIFF_MAX - 1; /* where addresses have 32 bits */
    if (bytes > limit)
        return ct__file_fail(&z->file, CT_ERROR_MEMORY, "it holds more than max_bytes, %lld",
                             (long long)limit), -1;
    return bytes;
}

static bool fill(ct__gzip *z, char *to, int64_t bytes)
{
    const int64_t most = 1 << 30;
    int64_t done = 0, n = 1;
    if (ct__gzip_start(z) != CT_OK)
        return false;
    for (; done < bytes && n > 0; done += n > 0 ? n : 0)
        n = ct__gzip_read(z, to + done, bytes - done < most ? bytes - done : most);
    ct__gzip_stop(z);
    if (n >= 0 && done < bytes)
        ct__file_fail(&z->file, CT_ERROR_FORMAT, "truncated while it was read");
    return done == bytes;
}

char *ct__read_whole(ct__file *f, int64_t limit, int64_t *bytes)
{
    char *text = NULL;
    ct__gzip *z = ct_object_new(f->cx, sizeof *z, NULL);
    if (!z || ct__file_open(f) != CT_OK)
        return ct_object_free(z), NULL;
    z->file = *f;
    *bytes = held(z, limit);
    text = *bytes >= 0 ? ct_object_new(f->cx, (size_t)*bytes + 1, NULL) : NULL;
    if (text && !fill(z, text, *bytes)) {
        ct_object_free(text);
        text = NULL;
    }
    ct__file_close(f);
    ct_object_free(z);
    return text;
}
