/* test_drawing: the drawn digits are what draw.h says, and the pictures are PNG as zlib sees it. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "draw.h"
#include "must.h"
#include "png.h"
#include "program.h"

/* -- Digits */
static double ink_of(const float *pixels)
{
    double sum = 0;
    for (int i = 0; i < PIXELS; i++)
        sum += (double)pixels[i];
    return sum;
}

static void test_digits(void)
{
    static float a[PIXELS], b[PIXELS];
    bool in_range = true;
    double least = PIXELS, most = 0;
    for (int64_t i = 0; i < 1000; i++) {
        draw_digit(7, i, a);
        for (int k = 0; k < PIXELS; k++)
            in_range &= a[k] >= 0 && a[k] <= 1;
        least = ink_of(a) < least ? ink_of(a) : least;
        most = ink_of(a) > most ? ink_of(a) : most;
    }
    must("pixels are from 0 to 1", in_range);
    must("no image is empty", least > 15);
    must("no image is full", most < 0.6 * PIXELS);
    draw_digit(7, 40, a);
    draw_digit(7, 41, b);
    draw_digit(7, 40, b);
    must("an image depends on its seed and number alone", memcmp(a, b, sizeof a) == 0);
    draw_digit(8, 40, b);
    must("another seed, another image", memcmp(a, b, sizeof a) != 0);
    draw_digit(7, 50, b);
    must("another number, another image", memcmp(a, b, sizeof a) != 0);
}

/* -- Pictures */
enum { MOST = 1 << 22 };

/* the bytes of a data: address; their number */
static size_t decode(const char *text, unsigned char *bytes)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned bits = 0;
    size_t n = 0;
    int held = 0;
    for (text = strchr(text, ',') + 1; *text && *text != '='; text++) {
        bits = bits << 6 | (unsigned)(strchr(letters, *text) - letters);
        held += 6;
        if (held >= 8)
            bytes[n++] = (unsigned char)(bits >> (held -= 8));
    }
    return n;
}

static unsigned long word(const unsigned char *p)
{
    return (unsigned long)p[0] << 24 | (unsigned long)p[1] << 16 | (unsigned long)p[2] << 8 | p[3];
}

/* all checksums are right; *data is where the IDAT chunk's begins */
static bool chunks_are_right(const unsigned char *png, size_t n, const unsigned char **data)
{
    bool right = n > 8 && memcmp(png, "\211PNG\r\n\032\n", 8) == 0, ended = false;
    for (size_t at = 8; right && at + 12 <= n;) {
        size_t length = word(png + at);
        if (at + 12 + length > n)
            return false;
        right &= crc32(0, png + at + 4, (uInt)length + 4) == word(png + at + 8 + length);
        if (memcmp(png + at + 4, "IDAT", 4) == 0)
            *data = png + at;
        ended = memcmp(png + at + 4, "IEND", 4) == 0;
        at += 12 + length;
    }
    return right && ended && *data;
}

/* noise and repetitions near and far, of every length */
static unsigned char byte_of(int kind, int width, int i)
{
    static unsigned state = 1;
    state = state * 1103515245 + 12345;
    switch (kind) {
    case 0: return (unsigned char)(state >> 16);
    case 1: return (unsigned char)(i / width % 3 == 0 ? state >> 16 : 7);
    case 2: return (unsigned char)(i % width / 3 * 41);
    case 3: return (unsigned char)(state >> 24 < 2 ? i : i / 100000);
    default: return 200;
    }
}

static void test_png(int kind, int width, int height, int channels)
{
    static color palette[256];
    static unsigned char pixels[MOST], png[MOST], rows[MOST];
    static char text[2 * MOST];
    const unsigned char *data = NULL;
    size_t row = (size_t)(width * channels);
    for (int i = 0; i < width * height * channels; i++)
        pixels[i] = byte_of(kind, width * channels, i);
    FILE *file = tmpfile();
    png_write(file, &(picture){ width, height, channels == 1 ? palette : NULL, pixels });
    rewind(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);

    must("begins as an address", strncmp(text, "data:image/png;base64,", 22) == 0);
    size_t length = decode(text, png);
    bool right = chunks_are_right(png, length, &data);
    must("its chunks have the right checksums", right);
    uLongf n = sizeof rows;
    bool same = right && uncompress(rows, &n, data + 8, word(data)) == Z_OK
        && n == (row + 1) * (size_t)height;
    for (size_t i = 0; same && i < (size_t)height; i++)
        same = rows[i * (row + 1)] == 0
            && memcmp(rows + i * (row + 1) + 1, pixels + i * row, row) == 0;
    must("its pixels come back", same);
    must("repetitions are short", kind == 0 || kind == 2 || length < (row * (size_t)height + 8000) * 2 / 3);
}

int main(void)
{
    test_digits();
    for (int kind = 0; kind < 5; kind++) {
        test_png(kind, 301, 50, 1);
        test_png(kind, 100, 70, 3);
        test_png(kind, 1, 1, 1);
        test_png(kind, 33000, 4, 1);
    }
    printf("%d passed, %d failed, 0 skipped\n", passed, failed);
    return failed != 0;
}
