#ifndef PROGRAM_DEFLATE_H
#define PROGRAM_DEFLATE_H
#include <stddef.h>
#include <stdint.h>

/* n bytes of a picture as zlib (RFC 1950, 1951) has them. Repetitions are looked for at the
 * distances a and b only, the point to the left and the one above. The caller frees the result,
 * which has *length bytes; NULL out of memory */
uint8_t *deflate_picture(const uint8_t *bytes, size_t n, size_t a, size_t b, size_t *length);

#endif
