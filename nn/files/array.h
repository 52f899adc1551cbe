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
typedef ct_status (*ct__header)(const ct__source *s, ct__array *a);

typedef struct ct__array_call {
    ct_context *cx;
    const char *who, *path;
    ct_dtype dtype;        /* 0: that of the elements */
    ct__header read_header;
} ct__array_call;

/* the array as a tensor, row-major; NULL and an error */
ct_tensor *ct__array_read(const ct__array_call *call, const ct_read_options *options);
/* reads that many bytes of the header; where they are not there, the error is "truncated: WHY" */
ct_status ct__array_bytes(const ct__source *s, void *out, int64_t bytes, const char *why);
/* the header of npy: npy.c; it needs no more than ct__array_bytes */
ct_status ct__npy_header(const ct__source *s, ct__array *a);
enum { CT__NPY_TEXT = 512 };
/* what stands before x's elements, row-major and in the machine's byte order; returns its bytes */
size_t ct__npy_text(const ct_tensor *x, char text[CT__NPY_TEXT]);
/* sets count and bytes of an array; an error if they overflow */
ct_status ct__array_measure(const ct__file *f, ct__array *a);
/* reads the elements of an array that was measured into a new tensor, row-major; dtype 0: that of
   the elements. NULL and an error */
ct_tensor *ct__array_elements(const ct__source *s, const ct__array *a, ct_dtype dtype);
/* max_bytes of the options, or the default; -1 and an error if the path or the options are wrong */
int64_t ct__read_limit(ct_context *cx, const char *who, const char *path,
                       const ct_read_options *options);
#endif
