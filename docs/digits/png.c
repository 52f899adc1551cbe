/* PNG (ISO/IEC 15948), indexed colors with opacity. It wants its pixels deflated; deflate (RFC
 * 1951) allows "stored" blocks, which are not compressed at all: one per row will do for pictures
 * of 28 x 28. All bytes pass put(), which keeps the checksum and writes base64 (RFC 4648). */
#include "png.h"

#include <string.h>

typedef struct sink {
    FILE *out;
    uint32_t crc;           /* of the chunk so far, inverted */
    uint8_t held[3];        /* three bytes make four letters */
    int n;
} sink;

static void flush(sink *s)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned bits = (unsigned)s->held[0] << 16 | (unsigned)s->held[1] << 8 | s->held[2];
    for (int i = 0; i < 4 && s->n > 0; i++)
        fputc(i <= s->n ? letters[bits >> (18 - 6 * i) & 63] : '=', s->out);
    memset(s->held, 0, sizeof s->held);
    s->n = 0;
}

static void put(sink *s, unsigned byte)
{
    s->crc ^= byte;
    for (int i = 0; i < 8; i++)
        s->crc = s->crc >> 1 ^ (s->crc & 1 ? 0xedb88320u : 0);
    s->held[s->n++] = (uint8_t)byte;
    if (s->n == 3)
        flush(s);
}

static void put32(sink *s, uint32_t word)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        put(s, word >> shift & 0xff);
}

/* a chunk is its length, its name, its bytes, and the checksum of the name and the bytes */
static void begin(sink *s, uint32_t length, const char *name)
{
    put32(s, length);
    s->crc = 0xffffffffu;
    for (int i = 0; i < 4; i++)
        put(s, (unsigned char)name[i]);
}

static void end(sink *s)
{
    put32(s, ~s->crc);
}

/* zlib (RFC 1950): two bytes of header, the blocks, Adler's checksum. A row begins with its filter,
 * 0 for none; a stored block with its length, low byte first, and that inverted */
static void put_pixels(sink *s, const picture *p)
{
    unsigned length = (unsigned)p->width + 1;
    uint32_t sum = 1, sum_of_sums = 0;
    begin(s, 2 + (uint32_t)p->height * (5 + length) + 4, "IDAT");
    put(s, 0x78), put(s, 0x01);
    for (int i = 0; i < p->height; i++) {
        put(s, i + 1 == p->height); /* the last block? */
        put(s, length & 0xff), put(s, length >> 8);
        put(s, ~length & 0xff), put(s, ~length >> 8 & 0xff);
        for (int j = -1; j < p->width; j++) {
            unsigned byte = j < 0 ? 0 : p->pixels[i * p->width + j];
            put(s, byte);
            sum = (sum + byte) % 65521;
            sum_of_sums = (sum_of_sums + sum) % 65521;
        }
    }
    put32(s, sum_of_sums << 16 | sum);
    end(s);
}

void png_write(FILE *out, const picture *p)
{
    static const unsigned signature[] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n' };
    sink s = { .out = out };
    fputs("data:image/png;base64,", out);
    for (int i = 0; i < 8; i++)
        put(&s, signature[i]);
    begin(&s, 13, "IHDR");
    put32(&s, (uint32_t)p->width), put32(&s, (uint32_t)p->height);
    put(&s, 8), put(&s, 3), put(&s, 0), put(&s, 0), put(&s, 0); /* 8 bits, palette */
    end(&s);
    begin(&s, 3 * 256, "PLTE");
    for (int i = 0; i < 256; i++)
        put(&s, p->palette[i].red), put(&s, p->palette[i].green), put(&s, p->palette[i].blue);
    end(&s);
    begin(&s, 256, "tRNS");
    for (int i = 0; i < 256; i++)
        put(&s, p->palette[i].opacity);
    end(&s);
    put_pixels(&s, p);
    begin(&s, 0, "IEND");
    end(&s);
    flush(&s);
}
