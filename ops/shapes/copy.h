/* Copying and adding elements, for operators that only move them. */
#ifndef CT__COPY_H
#define CT__COPY_H
#include <cotangent/op.h>

size_t ct__size_of(ct_dtype dtype);           /* the bytes of an element */
ct_loop_body ct__copying(ct_dtype dtype);     /* operands y, x: y = x */
ct_loop_body ct__adding(ct_dtype dtype);      /* operands y, x: y += x; not for bool */
void ct__clear(ct_tensor *y);                 /* y = 0; y must be contiguous */
#endif
