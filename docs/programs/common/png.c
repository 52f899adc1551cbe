/* PNG (ISO/IEC 15948), of indexed colors with opacity or of red, green, blue. All bytes pass put(),
 * which keeps the checksum and writes base64 (RFC 4648). */
#include "png.h"

#include <stdlib.h>
#include <string.h>

#include "deflate.h"

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

static void put_palette(sink *s, const color *palette)
{
    begin(s, 3 * 256, "PLTE");
    for (int i = 0; i < 256; i++)
        put(s, palette[i].red), put(s, palette[i].green), put(s, palette[i].blue);
    end(s);
    begin(s, 256, "tRNS");
    for (int i = 0; i < 256; i++)
        put(s, palette[i].opacity);
    end(s);
}

/* the rows, each behind the number of its filter, which is 0 for none; NULL out of memory */
static uint8_t *compressed(const picture *p, size_t *length)
{
    size_t point = p->palette ? 1 : 3, row = (size_t)p->width * point, height = (size_t)p->height;
    uint8_t *rows = calloc(height, row + 1), *bytes = NULL;
    for (size_t i = 0; rows && i < height; i++)
        memcpy(rows + i * (row + 1) + 1, p->pixels + i * row, row);
    if (rows)
        bytes = deflate_picture(rows, height * (row + 1), point, row + 1, length);
    free(rows);
    return bytes;
}

void png_write(FILE *out, const picture *p)
{
    static const unsigned signature[] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n' };
    sink s = { .out = out };
    size_t length;
    uint8_t *bytes = compressed(p, &length);
    if (!bytes)
        return;
    fputs("data:image/png;base64,", out);
    for (int i = 0; i < 8; i++)
        put(&s, signature[i]);
    begin(&s, 13, "IHDR");
    put32(&s, (uint32_t)p->width), put32(&s, (uint32_t)p->height);
    put(&s, 8), put(&s, p->palette ? 3 : 2); /* 8 bits, of indices or of three colors */
    put(&s, 0), put(&s, 0), put(&s, 0);
    end(&s);
    if (p->palette)
        put_palette(&s, p->palette);
    begin(&s, (uint32_t)length, "IDAT");
    for (size_t i = 0; i < length; i++)
        put(&s, bytes[i]);
    end(&s);
    begin(&s, 0, "IEND");
    end(&s);
    flush(&s);
    free(bytes);
}
