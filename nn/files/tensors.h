/* Tensors with names, and pairs of texts, as a file of safetensors keeps them. The format
 * (github.com/huggingface/safetensors), all little-endian: the length of the header, 8 bytes; the
 * header as JSON, {"__metadata__":{"KEY":"VALUE",...},"NAME":{"dtype":"F32","shape":[2,3],
 * "data_offsets":[BEGIN,END]},...}, padded with spaces; the data, row-major, without holes. */
#ifndef COTANGENT_TENSORS_FILE_H
#define COTANGENT_TENSORS_FILE_H
#include <cotangent/io.h>

#include "file.h"
#include "module.h"

enum { CT__TENSOR_NAME = CT__PATH + 16, CT__PAIR_VALUE = 32 };

typedef struct ct__named {
    char name[CT__TENSOR_NAME];
    ct_tensor *x;
    ct_tensor *fresh;       /* what was read for x; it goes with the scope of the read */
} ct__named;

typedef struct ct__pair {
    const char *key;
    char value[CT__PAIR_VALUE];
} ct__pair;

typedef struct ct__tensors {
    ct_context *cx;
    const char *who, *path; /* the public function without ct_, and its argument */
    unsigned flags;         /* of reading: CT_ALLOW_MISSING ... */
    ct__named *all;         /* n of them, an object of the context */
    int n, room;
    ct__pair *pairs;        /* `count` of them; the reader fills in the values */
    int count;
} ct__tensors;

/* room for n tensors; an error for lack of memory. ct__tensors_free gives it back */
ct_status ct__tensors_room(ct__tensors *t, int n);
void ct__tensors_free(ct__tensors *t);
/* appends x, whose name is the two texts together */
void ct__tensors_add(ct__tensors *t, const char *before, const char *name, ct_tensor *x);
/* how many parameters and buffers are below m; and appends them, by their paths from m */
int ct__tensors_below(const ct_module *m);
ct_status ct__tensors_add_module(ct__tensors *t, const char *before, const ct_module *m);

/* writes all; the file is replaced in one step */
ct_status ct__tensors_write(const ct__tensors *t);
/* reads `fresh` of all, and the pairs, after checking all of the file. Call it in a scope in which
   recording is off */
ct_status ct__tensors_read(ct__tensors *t);
/* gives what was read to the tensors themselves, after checking that all may be written */
ct_status ct__tensors_take(const ct__tensors *t);

static inline const char *ct__dtype_name(ct_dtype dtype)
{
    return dtype == CT_F32 ? "F32" : dtype == CT_F64 ? "F64" : dtype == CT_I64 ? "I64" : "BOOL";
}

static inline int64_t ct__tensor_bytes(const ct_tensor *x)
{
    return ct_count(x) * (int64_t)ct_dtype_size(ct_dtype_of(x));
}
#endif
