/* Gzip through zlib, whose memory is the context's. Without zlib such files are not supported. */
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

static ct_status inflate_begin(ct__source *s)
{
    const int window = 15, only_gzip = 16;
    memset(&s->stream, 0, sizeof s->stream);
    s->stream.zalloc = take;
    s->stream.zfree = give_back;
    s->stream.opaque = s->file.cx;
    s->ended = false;
    if (inflateInit2(&s->stream, window + only_gzip) == Z_OK)
        return CT_OK;
    return ct__file_fail(&s->file, CT_ERROR_MEMORY, "out of memory for zlib");
}

static void inflate_end(ct__source *s)
{
    inflateEnd(&s->stream);
}

/* bytes there are to inflate: 0 at the end of the file, -1 on failure */
static int64_t refill(ct__source *s)
{
    if (s->stream.avail_in > 0)
        return s->stream.avail_in;
    int64_t n = ct__file_read(&s->file, s->in, CT__CHUNK);
    s->stream.next_in = s->in;
    s->stream.avail_in = n > 0 ? (unsigned)n : 0;
    return n;
}

/* as ct__file_read; gzip files may lie one behind another */
static int64_t inflated(ct__source *s, unsigned char *out, int64_t bytes)
{
    s->stream.next_out = out;
    s->stream.avail_out = (unsigned)bytes;
    while (s->stream.avail_out > 0) {
        int64_t held = refill(s);
        if (held < 0)
            return -1;
        if (held == 0 && s->ended)
            break;
        if (held == 0)
            return ct__file_fail(&s->file, CT_ERROR_FORMAT, "truncated: the gzip data break off"),
                   -1;
        if (s->ended)
            inflateReset(&s->stream);
        int state = inflate(&s->stream, Z_NO_FLUSH);
        s->ended = state == Z_STREAM_END;
        if (state == Z_MEM_ERROR)
            return ct__file_fail(&s->file, CT_ERROR_MEMORY, "out of memory for zlib"), -1;
        if (state != Z_OK && !s->ended)
            return ct__file_fail(&s->file, CT_ERROR_FORMAT, "damaged gzip data: %s",
                                 s->stream.msg ? s->stream.msg : "unknown"), -1;
    }
    return bytes - s->stream.avail_out;
}
#else
static ct_status inflate_begin(ct__source *s)
{
    return ct__file_fail(&s->file, CT_ERROR_UNSUPPORTED, "is gzip, and this build has no zlib");
}

static void inflate_end(ct__source *s)
{
    (void)s;
}

static int64_t inflated(ct__source *s, unsigned char *out, int64_t bytes)
{
    (void)s, (void)out, (void)bytes;
    return -1;
}
#endif

int64_t ct__source_read(ct__source *s, void *out, int64_t bytes)
{
    return s->gzip ? inflated(s, out, bytes) : ct__file_read(&s->file, out, bytes);
}

ct_status ct__source_start(ct__source *s)
{
    unsigned char first[2] = { 0 };
    if (ct__file_rewind(&s->file) != CT_OK || ct__file_read(&s->file, first, 2) < 0 ||
        ct__file_rewind(&s->file) != CT_OK)
        return CT_ERROR_FILE;
    s->gzip = first[0] == 0x1f && first[1] == 0x8b;
    return s->gzip ? inflate_begin(s) : CT_OK;
}

void ct__source_stop(ct__source *s)
{
    if (s->gzip)
        inflate_end(s);
}
