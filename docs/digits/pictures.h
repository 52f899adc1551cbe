/* Digits and weights as pictures of a page: what an <img> has as its src. */
#ifndef DIGITS_PICTURES_H
#define DIGITS_PICTURES_H
#include "data.h"

#include <stdio.h>

enum { COLUMNS = 16, ROWS_MAX = 8 };

/* one digit, black ink on nothing */
void picture_digit(FILE *out, const float *pixels);
/* the first n digits, COLUMNS to a row */
void picture_digits(FILE *out, const float *pixels, int64_t n);
/* The rows of a first layer's weights (n, PIXELS) as images, those with the largest norm first and
 * at most COLUMNS * ROWS_MAX of them: orange where ink speaks for the unit, blue where it speaks
 * against it; each is scaled to its own largest weight. Returns how many are shown */
int64_t picture_weights(FILE *out, const float *w, int64_t n);

#endif
