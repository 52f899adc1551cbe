/* Deflate (RFC 1951) with its fixed codes, in one block. A byte is a code of 8 or 9 bits. A
 * repetition is a code for its length and some bits of the length, then 5 bits for its distance and
 * some bits of that. Codes are written from their highest bit on, all else from its lowest. */
#include "deflate.h"

#include <stdlib.h>

enum { LONGEST = 258, SHORTEST = 4, FARTHEST = 32768, END = 256 };

typedef struct bits {
    uint8_t *bytes;
    size_t n;
    uint32_t held;          /* the next byte, from its lowest bit on */
    int count;
} bits;

static void put(bits *out, uint32_t value, int count)
{
    for (int i = 0; i < count; i++) {
        out->held |= (value >> i & 1) << out->count;
        if (++out->count == 8) {
            out->bytes[out->n++] = (uint8_t)out->held;
            out->held = 0, out->count = 0;
        }
    }
}

static void put_code(bits *out, uint32_t code, int count)
{
    for (int i = count - 1; i >= 0; i--)
        put(out, code >> i & 1, 1);
}

/* 0 ... 255: a byte; 256: the end; 257 ...: a length */
static void put_symbol(bits *out, uint32_t s)
{
    if (s < 144)
        put_code(out, 0x30 + s, 8);
    else if (s < 256)
        put_code(out, 0x190 + s - 144, 9);
    else if (s < 280)
        put_code(out, s - 256, 7);
    else
        put_code(out, 0xc0 + s - 280, 8);
}

/* Both scales go up in groups, each of `group` steps that are twice as wide as those before: 3, 4,
 * ... 10, 11-12, ... for lengths (group 4), 1, 2, 3, 4, 5-6, ... for distances (group 2). Of x, how
 * far above the least: which step it is in, how many bits say where in the step, and these */
static uint32_t step_of(uint32_t x, uint32_t group, int *extra, uint32_t *rest)
{
    uint32_t step = 0, width = 1;
    *extra = 0;
    for (uint32_t i = 0; x >= width; i++) {
        x -= width;
        step++;
        if ((i + 1) % group == 0 && i + 1 >= 2 * group)
            width *= 2, ++*extra;
    }
    *rest = x;
    return step;
}

static void put_repetition(bits *out, size_t length, size_t distance)
{
    int extra;
    uint32_t rest;
    uint32_t step = step_of((uint32_t)length - 3, 4, &extra, &rest);
    if (length == LONGEST)          /* has a code to itself */
        step = 28, extra = 0, rest = 0;
    put_symbol(out, 257 + step);
    put(out, rest, extra);
    step = step_of((uint32_t)distance - 1, 2, &extra, &rest);
    put_code(out, step, 5);
    put(out, rest, extra);
}

/* how many bytes from `at` on are those `distance` before them */
static size_t repeated(const uint8_t *bytes, size_t n, size_t at, size_t distance)
{
    size_t length = 0;
    if (at < distance || distance > FARTHEST)
        return 0;
    while (length < LONGEST && at + length < n
           && bytes[at + length] == bytes[at + length - distance])
        length++;
    return length;
}

static uint32_t adler(const uint8_t *bytes, size_t n)
{
    uint32_t sum = 1, sum_of_sums = 0;
    for (size_t i = 0; i < n; i++) {
        sum = (sum + bytes[i]) % 65521;
        sum_of_sums = (sum_of_sums + sum) % 65521;
    }
    return sum_of_sums << 16 | sum;
}

uint8_t *deflate_picture(const uint8_t *bytes, size_t n, size_t a, size_t b, size_t *length)
{
    bits out = { .bytes = malloc(n + n / 8 + 32) };
    if (!out.bytes)
        return NULL;
    put(&out, 0x78, 8), put(&out, 0x01, 8);
    put(&out, 3, 3);                /* the last block, with fixed codes */
    for (size_t at = 0; at < n;) {
        size_t left = repeated(bytes, n, at, a), above = repeated(bytes, n, at, b);
        size_t longer = above > left ? above : left;
        if (longer < SHORTEST) {
            put_symbol(&out, bytes[at++]);
            continue;
        }
        put_repetition(&out, longer, above > left ? b : a);
        at += longer;
    }
    put_symbol(&out, END);
    put(&out, 0, (8 - out.count) % 8);
    uint32_t sum = adler(bytes, n);
    for (int shift = 24; shift >= 0; shift -= 8)
        put(&out, sum >> shift & 0xff, 8);
    *length = out.n;
    return out.bytes;
}
