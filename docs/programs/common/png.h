/* Pictures that stand inside a page. It is the only writer that the programs have: it needs no
 * library, so that a report is the same where libpng is missing. */
#ifndef PROGRAM_PNG_H
#define PROGRAM_PNG_H
#include <stdint.h>
#include <stdio.h>

typedef struct color { uint8_t red, green, blue, opacity; } color;

typedef struct picture {
    int width, height;
    const color *palette; /* of 256; NULL: pixels are red, green, blue */
    const uint8_t *pixels; /* indices into it, row by row; or three bytes each */
} picture;

/* as an address that a page can hold: data:image/png;base64,... Out of memory: an empty one */
void png_write(FILE *out, const picture *p);

#endif
