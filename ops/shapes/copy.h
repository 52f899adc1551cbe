/* Copying and adding elements, for operators that only move them. */
#ifndef CT__COPY_H
#define CT__COPY_H
#include <cotangent/op.h>

ct_loop_body ct__copying(ct_dtype dtype);     /* operands y, x: y = x */
ct_loop_body ct__adding(ct_dtype dtype);      /* operands y, x: y += x; not for bool */
void ct__clear(ct_tensor *y);                 /* y = 0; y must be contiguous */

/* Asks for bytes that will be written soon, if they are few: of rows that lie anywhere in a large
 * tensor, the next ones arrive from memory while this one is worked on. */
enum { CT__SOON = 6 };                        /* rows ahead */
static inline void ct__fetch_to_write(const char *p, int64_t bytes)
{
#if defined(__GNUC__)
    for (int64_t at = 0; at < bytes && at < 512; at += 64)
        __builtin_prefetch(p + at, 1);
#else
    (void)p, (void)bytes;
#endif
}
#endif
