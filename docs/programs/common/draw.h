/* Digits drawn by the program itself, for those who have no data at hand. */
#ifndef PROGRAM_DRAW_H
#define PROGRAM_DRAW_H
#include <stdint.h>

/* Image number i of the stream that `seed` begins: always the same, in whatever order images are
 * drawn. Its pixels are 0 (paper) to 1 (ink), row by row; its label is i modulo 10. */
void draw_digit(uint64_t seed, int64_t i, float *pixels);

#endif
