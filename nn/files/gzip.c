/* Gzip through zlib, which takes its memory from the context. Without zlib such files are refused.
 *
 * A gzip file is one member or more, one after the other. As gzip itself does, we pass over zero
 * bytes behind a member, with which tapes and file systems fill up their blocks. */
#include <string.h>

#include "gzip.h"

#if CT_HAVE_ZLIB
static void *take(void *cx, unsigned items, unsigned size)
{
    return ct_object_new(cx, (size_t)items * size, NULL);
}

static void give_back(void *cx, void *block)
{
    (void)cx;
    ct_object_free(block);
}

static ct_status inflate_begin(ct__gzip *z)
{
    const int window = 15, only_gzip = 16;
    memset(&z->stream, 0, sizeof z->stream);
    z->stream.zalloc = take;
    z->stream.zfree = give_back;
    z->stream.opaque = z->file.cx;
    z->ended = false;
    if (inflateInit2(&z->stream, window + only_gzip) == Z_OK)
        return CT_OK;
    return ct__file_fail(&z->file, CT_ERROR_MEMORY, "out of memory for zlib");
}

static void inflate_end(ct__gzip *z)
{
    inflateEnd(&z->stream);
}

/* returns how many bytes there are to inflate: 0 at the end of the file, -1 on failure */
static int64_t refill(ct__gzip *z)
{
    if (z->stream.avail_in > 0)
        return z->stream.avail_in;
    int64_t n = ct__file_read(&z->file, z->in, CT__CHUNK);
    z->stream.next_in = z->in;
    z->stream.avail_in = n > 0 ? (unsigned)n : 0;
    return n;
}

/* Returns how many bytes there are of the next member: 0 at the end of the file, -1 on failure. */
static int64_t next_member(ct__gzip *z)
{
    int64_t held;
    while ((held = refill(z)) > 0 && *z->stream.next_in == 0) {
        z->stream.next_in++;
        z->stream.avail_in--;
    }
    if (held > 0)
        inflateReset(&z->stream);
    return held;
}

/* as ct__file_read */
static int64_t inflated(ct__gzip *z, unsigned char *out, int64_t bytes)
{
    z->stream.next_out = out;
    z->stream.avail_out = (unsigned)bytes;
    while (z->stream.avail_out > 0) {
        int64_t held = z->ended ? next_member(z) : refill(z);
        if (held < 0)
            return -1;
        if (held == 0 && z->ended)
            break;
        if (held == 0)
            return ct__file_fail(&z->file, CT_ERROR_FORMAT, "truncated: its gzip data break off"),
                   -1;
        int state = inflate(&z->stream, Z_NO_FLUSH);
        z->ended = state == Z_STREAM_END;
        if (state == Z_MEM_ERROR)
            return ct__file_fail(&z->file, CT_ERROR_MEMORY, "out of memory for zlib"), -1;
        if (state != Z_OK && !z->ended)
            return ct__file_fail(&z->file, CT_ERROR_FORMAT, "damaged gzip data: %s",
                                 z->stream.msg ? z->stream.msg : "unknown"), -1;
    }
    return bytes - z->stream.avail_out;
}
#else
static ct_status inflate_begin(ct__gzip *z)
{
    return ct__file_fail(&z->file, CT_ERROR_UNSUPPORTED, "is gzip, and this build has no zlib");
}

static void inflate_end(ct__gzip *z)
{
    (void)z;
}

static int64_t inflated(ct__gzip *z, unsigned char *out, int64_t bytes)
{
    (void)z, (void)out, (void)bytes;
    return -1;
}
#endif

int64_t ct__gzip_read(ct__gzip *z, void *out, int64_t bytes)
{
    return z->is_gzip ? inflated(z, out, bytes) : ct__file_read(&z->file, out, bytes);
}

ct_status ct__gzip_start(ct__gzip *z)
{
    unsigned char first[2] = { 0 };
    if (ct__file_rewind(&z->file) != CT_OK || ct__file_read(&z->file, first, 2) < 0 ||
        ct__file_rewind(&z->file) != CT_OK)
        return CT_ERROR_FILE;
    z->is_gzip = first[0] == 0x1f && first[1] == 0x8b;
    return z->is_gzip ? inflate_begin(z) : CT_OK;
}

void ct__gzip_stop(ct__gzip *z)
{
    if (z->is_gzip)
        inflate_end(z);
}
