/* Numbers as files hold them, and what they become as elements of a tensor. */
#ifndef COTANGENT_ELEMENTS_H
#define COTANGENT_ELEMENTS_H
#include <cotangent/nn.h>

#include "file.h"

typedef struct ct__element {
    char kind;       /* as NumPy has it: i signed, u unsigned, f float, b bool. And h: the upper
                        half of an f32, bfloat16; q: a block of CT__BLOCK numbers, Q8_0 of GGUF */
    int bytes;       /* 1, 2, 4, 8, or those of a block; 0: there is no such element */
    bool big_endian;
} ct__element;

enum { CT__BLOCK = 32, CT__BLOCK_BYTES = 34 }; /* a scale, f2, and numbers of 8 bits */

/* where bytes come from */
typedef struct ct__source {
    const ct__file *file; /* for messages */
    /* reads at most `bytes`; fewer only at the end, and -1 is an error */
    int64_t (*read)(void *from, void *out, int64_t bytes);
    void *from;
} ct__source;

/* where elements go */
typedef struct ct__target {
    ct_dtype dtype;
    void *out;
} ct__target;

/* the dtype that holds all values of such elements, but for u8's above 2^63 - 1 */
ct_dtype ct__element_dtype(ct__element e);
/* true if the bytes of the file are those of the tensor */
bool ct__element_is_native(ct__element e, ct_dtype dtype);
/* reads n elements into the target, converted; an error if they are not there, or an i64 cannot
   hold one */
ct_status ct__elements_read(const ct__source *s, ct__element e, int64_t n,
                            const ct__target *target);
/* writes the elements of x, row-major, little-endian or big-endian */
ct_status ct__file_write_tensor(const ct__file *f, ct_tensor *x, bool big_endian);
#endif
