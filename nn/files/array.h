/* Files that hold one array: a header, then the elements. The formats differ in the header only. */
#ifndef COTANGENT_ARRAY_H
#define COTANGENT_ARRAY_H
#include <cotangent/io.h>

#include "elements.h"
#include "gzip.h"

typedef struct ct__array {
    ct__element element;
    bool columns_first;    /* the first index changes fastest, as in Fortran */
    int ndim;
    int64_t shape[CT_MAX_DIMS];
    int64_t header;        /* bytes before the elements */
    int64_t count, bytes;  /* elements; bytes of header and elements together; both found here */
} ct__array;

/* reads the header and sets all but count and bytes; sizes are not negative */
typedef ct_status (*ct__header)(ct__gzip *z, ct__array *a);

typedef struct ct__array_call {
    ct_context *cx;
    const char *who, *path;
    ct_dtype dtype;        /* 0: that of the elements */
    ct__header read_header;
} ct__array_call;

/* the array as a tensor, row-major; NULL and an error */
ct_tensor *ct__array_read(const ct__array_call *call, const ct_read_options *options);
/* reads that many bytes of the header; where they are not there, the error is "truncated: WHY" */
ct_status ct__array_bytes(ct__gzip *z, void *out, int64_t bytes, const char *why);
/* max_bytes of the options, or the default; -1 and an error if the path or the options are wrong */
int64_t ct__read_limit(ct_context *cx, const char *who, const char *path,
                       const ct_read_options *options);
#endif
