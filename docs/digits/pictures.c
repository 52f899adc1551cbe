/* A sheet of tiles of 28 x 28, two pixels apart. "Nothing" is transparent, so that the same picture
 * stands on a light page and on a dark one. */
#include "pictures.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "png.h"

enum { PITCH = SIDE + 2, SHEET = COLUMNS * PITCH * ROWS_MAX * PITCH, MIDDLE = 128 };

typedef struct sheet {
    picture picture;
    uint8_t pixels[SHEET];
} sheet;

static void lay_out(sheet *s, int64_t n, const color *palette, int blank)
{
    int columns = n < COLUMNS ? (int)n : COLUMNS, rows = (int)((n + COLUMNS - 1) / COLUMNS);
    s->picture = (picture){ columns * PITCH - 2, rows * PITCH - 2, palette, s->pixels };
    memset(s->pixels, blank, sizeof s->pixels);
}

static uint8_t *tile_row(sheet *s, int64_t tile, int row)
{
    int64_t y = tile / COLUMNS * PITCH + row, x = tile % COLUMNS * PITCH;
    return s->pixels + y * s->picture.width + x;
}

/* -- Ink */
void picture_digits(FILE *out, const float *pixels, int64_t n)
{
    static color ink[256];
    static sheet s;
    for (int i = 0; i < 256; i++)
        ink[i].opacity = (uint8_t)i;
    lay_out(&s, n, ink, 0);
    for (int64_t k = 0; k < n; k++)
        for (int i = 0; i < PIXELS; i++)
            tile_row(&s, k, i / SIDE)[i % SIDE] = (uint8_t)lroundf(255 * pixels[k * PIXELS + i]);
    png_write(out, &s.picture);
}

void picture_digit(FILE *out, const float *pixels)
{
    picture_digits(out, pixels, 1);
}

/* -- Weights */
static double norm_of(const float *w)
{
    double sum = 0;
    for (int i = 0; i < PIXELS; i++)
        sum += (double)w[i] * (double)w[i];
    return sqrt(sum);
}

/* which rows have the largest norms, in order; returns how many */
static int64_t strongest(const float *w, int64_t n, int64_t *rows)
{
    double norms[COLUMNS * ROWS_MAX];
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++) {
        double norm = norm_of(w + i * PIXELS);
        int64_t at = count < COLUMNS * ROWS_MAX ? count++ : count - 1;
        if (i >= COLUMNS * ROWS_MAX && norm <= norms[at])
            continue;
        for (; at > 0 && norms[at - 1] < norm; at--)
            norms[at] = norms[at - 1], rows[at] = rows[at - 1];
        norms[at] = norm, rows[at] = i;
    }
    return count;
}

static void paint_weights(sheet *s, int64_t tile, const float *w)
{
    float largest = 1e-30f;
    for (int i = 0; i < PIXELS; i++)
        largest = fmaxf(largest, fabsf(w[i]));
    for (int i = 0; i < PIXELS; i++)
        tile_row(s, tile, i / SIDE)[i % SIDE] = (uint8_t)(MIDDLE + lroundf(127 * w[i] / largest));
}

int64_t picture_weights(FILE *out, const float *w, int64_t n)
{
    static color diverging[256];
    static sheet s;
    int64_t rows[COLUMNS * ROWS_MAX], count = strongest(w, n, rows);
    for (int i = 0; i < 256; i++) {
        double strength = fmin(1, abs(i - MIDDLE) / 127.0);
        diverging[i] = i < MIDDLE ? (color){ 46, 116, 204, 0 } : (color){ 224, 96, 32, 0 };
        diverging[i].opacity = (uint8_t)lround(255 * pow(strength, 1.4)); /* the small ones paler */
    }
    lay_out(&s, count, diverging, MIDDLE);
    for (int64_t k = 0; k < count; k++)
        paint_weights(&s, k, w + rows[k] * PIXELS);
    png_write(out, &s.picture);
    return count;
}
