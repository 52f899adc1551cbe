/* Numbers as files hold them, and what they become as elements of a tensor. */
#ifndef COTANGENT_ELEMENTS_H
#define COTANGENT_ELEMENTS_H
#include <cotangent/nn.h>

#include "file.h"

typedef struct ct__element {
    char kind;       /* as NumPy has it: i signed, u unsigned, f float, b bool */
    int bytes;       /* 1, 2, 4, 8; 0: there is no such element */
    bool big_endian;
} ct__element;

/* where elements go */
typedef struct ct__target {
    ct_dtype dtype;
    void *out;
} ct__target;

/* the dtype that holds all values of such elements, but for u8's above 2^63 - 1 */
ct_dtype ct__element_dtype(ct__element e);
/* true if the bytes of the file are those of the tensor */
bool ct__element_is_native(ct__element e, ct_dtype dtype);
/* converts n elements at `raw` to the elements of the target from number i on; an error if an i64
   cannot hold one */
ct_status ct__element_convert(const ct__file *f, ct__element e, const unsigned char *raw,
                              const ct__target *target, int64_t i, int64_t n);
/* writes the elements of x, row-major, as they lie in memory */
ct_status ct__file_write_tensor(const ct__file *f, ct_tensor *x);
#endif
