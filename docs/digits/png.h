/* Pictures that stand inside a page. */
#ifndef DIGITS_PNG_H
#define DIGITS_PNG_H
#include <stdint.h>
#include <stdio.h>

typedef struct color { uint8_t red, green, blue, opacity; } color;

typedef struct picture {
    int width, height;
    const color *palette; /* of 256 */
    const uint8_t *pixels; /* indices into it, row by row */
} picture;

/* as an address that a page can hold: data:image/png;base64,... */
void png_write(FILE *out, const picture *p);

#endif
