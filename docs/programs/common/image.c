/* Numbers become indices into a palette of 256 colors, or red, green and blue. "Nothing" is
 * transparent, so that the same picture stands on a light page and on a dark one. */
#include "program.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "png.h"
#include "report.h"

enum { GAP = 2, MIDDLE = 128 };

/* -- Palettes */
static color between(const color *stops, int n, double t)
{
    int i = (int)(t * (n - 1));
    i = i > n - 2 ? n - 2 : i;
    double f = t * (n - 1) - i;
    const color *a = &stops[i], *b = a + 1;
    return (color){ (uint8_t)lround(a->red + f * (b->red - a->red)),
                    (uint8_t)lround(a->green + f * (b->green - a->green)),
                    (uint8_t)lround(a->blue + f * (b->blue - a->blue)), 255 };
}

/* a color of the circle of hues, h in turns */
static color hue(double h, double light, double strength)
{
    double part[3];
    for (int k = 0; k < 3; k++)
        part[k] = 255 * (light + strength * cos(2 * 3.14159265358979 * (h - k / 3.0)));
    return (color){ (uint8_t)lround(part[0]), (uint8_t)lround(part[1]), (uint8_t)lround(part[2]),
                    255 };
}

static color color_of(palette kind, int i)
{
    static const color heat[] = { { 24, 26, 70, 255 }, { 90, 32, 122, 255 }, { 182, 54, 92, 255 },
                                  { 238, 122, 54, 255 }, { 250, 226, 140, 255 } };
    static const color areas[] = { { 60, 120, 210, 80 }, { 230, 110, 40, 80 }, { 40, 150, 90, 80 },
        { 150, 90, 210, 80 }, { 30, 150, 160, 80 }, { 215, 75, 140, 80 }, { 160, 145, 40, 80 },
        { 150, 110, 80, 80 }, { 105, 125, 160, 80 }, { 200, 60, 50, 80 } };
    switch (kind) {
    case INK: return (color){ 0, 0, 0, (uint8_t)i };
    case SIGNED: {
        double strength = fmin(1, abs(i - MIDDLE) / 127.0); /* the small ones paler */
        color c = i < MIDDLE ? (color){ 46, 116, 204, 0 } : (color){ 224, 96, 32, 0 };
        c.opacity = (uint8_t)lround(255 * pow(strength, 1.4));
        return c;
    }
    case AREAS: return i == 0 ? (color){ 0 } : areas[(i - 1) % COLORS];
    case CELLS: return hue(i * 0.61803398875, 0.66 + 0.08 * (i % 3), 0.17); /* the golden section */
    default: return between(heat, 5, i / 255.0);
    }
}

/* -- Values */
static void range_of(const image *i, const float *v, size_t n, double *low, double *high)
{
    *low = i->low, *high = i->high;
    if (*low != *high || i->palette == RGB || i->palette == INK) {
        if (*low == *high)
            *low = 0, *high = 1;
        return;
    }
    double least = INFINITY, most = -INFINITY;
    for (size_t k = 0; k < n; k++)
        if (isfinite(v[k]))
            least = fmin(least, (double)v[k]), most = fmax(most, (double)v[k]);
    if (i->palette == SIGNED)
        most = fmax(fmax(most, -least), 1e-30), least = -most;
    *low = least < most ? least : 0, *high = least < most ? most : 1;
}

static uint8_t index_of(const image *i, double v, double low, double high)
{
    if (!isfinite(v))
        return i->palette == SIGNED ? MIDDLE : 0;
    if (i->palette == AREAS || i->palette == CELLS)
        return (uint8_t)(v <= 0 ? 0 : i->palette == AREAS ? ((long)v - 1) % COLORS + 1
                                                         : (long)v % 255 + 1);
    double t = fmin(1, fmax(0, (v - low) / (high - low)));
    return (uint8_t)(i->palette == SIGNED ? MIDDLE + lround(254 * (t - 0.5)) : lround(255 * t));
}

/* picture k of i into the sheet, whose rows have `pitch` bytes */
static void paint(const image *i, int k, uint8_t *at, size_t pitch, double low, double high)
{
    size_t channels = i->palette == RGB ? 3 : 1, width = (size_t)i->width;
    size_t area = width * (size_t)i->height;
    const float *v = i->values + (size_t)k * area * channels;
    for (size_t y = 0; y < (size_t)i->height; y++)
        for (size_t x = 0; x < width; x++)
            for (size_t c = 0; c < channels; c++)
                at[y * pitch + x * channels + c] =
                    index_of(i, (double)v[c * area + y * width + x], low, high);
}

void image_write(FILE *page, const image *i)
{
    int count = i->count ? i->count : 1;
    int columns = i->columns ? i->columns : (int)ceil(sqrt(count));
    columns = columns < count ? columns : count;
    int width = columns * (i->width + GAP) - GAP;
    int height = (count + columns - 1) / columns * (i->height + GAP) - GAP;
    size_t channels = i->palette == RGB ? 3 : 1, pitch = (size_t)width * channels;
    size_t one = (size_t)i->width * (size_t)i->height * channels;
    color palette[256];
    uint8_t *pixels = malloc(pitch * (size_t)height);
    for (int k = 0; k < 256; k++)
        palette[k] = color_of(i->palette, k);
    if (pixels)
        memset(pixels, i->palette == SIGNED ? MIDDLE : i->palette == RGB ? 128 : 0,
               pitch * (size_t)height);
    double low, high;
    range_of(i, i->values, one * (size_t)count, &low, &high);
    for (int k = 0; pixels && k < count; k++) {
        if (i->each)
            range_of(i, i->values + (size_t)k * one, one, &low, &high);
        size_t y = (size_t)(k / columns) * (size_t)(i->height + GAP);
        size_t x = (size_t)(k % columns) * (size_t)(i->width + GAP);
        paint(i, k, pixels + y * pitch + x * channels, pitch, low, high);
    }
    if (pixels)
        png_write(page, &(picture){ width, height, channels == 3 ? NULL : palette, pixels });
    free(pixels);
}

void report_image(program *p, const image *i)
{
    static const char *const grids[] = { "charts", "squares", "smalls", "full" };
    FILE *page = report_open(p, grids[i->size], "div");
    if (!page)
        return;
    fprintf(page, "<figure class=\"card%s%s\"><img alt=\"", i->palette == INK ? " ink" : "",
            i->cover ? " cover" : "");
    escape(page, i->caption ? i->caption : p->title);
    fputs("\" src=\"", page);
    image_write(page, i);
    fputs("\">", page);
    if (i->caption) {
        fputs("<figcaption>", page);
        escape(page, i->caption);
        fputs("</figcaption>", page);
    }
    fputs("</figure>\n", page);
}
