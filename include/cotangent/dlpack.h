/* DLPack: tensors of NumPy, PyTorch, JAX and others, without copies, in both directions. The
 * structs are those of DLPack (dmlc.github.io/dlpack/latest), under names that collide with no
 * other header: a DLManagedTensorVersioned * may be cast to a ct_dl_managed_versioned *, and back.
 *
 *   ct_tensor *x = ct_from_dlpack(cx, theirs);      x is a view of their memory
 *   ct_dl_managed_versioned *ours = ct_to_dlpack(x);
 *   ...                                             the consumer calls ours->deleter(ours), once
 *
 * "Versioned" structs came with DLPack 1.0, and say whether the memory may be written. "Legacy"
 * ones are what came before, and what NumPy before 2.1 takes. */
#ifndef COTANGENT_DLPACK_H
#define COTANGENT_DLPACK_H
#include <cotangent/tensor.h>
CT_API_BEGIN

/* what the numbers in the structs mean, as far as they are used here */
enum {
    CT_DL_CPU = 1,             /* device.type; any id */
    CT_DL_INT = 0,             /* dtype.code */
    CT_DL_FLOAT = 2,
    CT_DL_BOOL = 6,
    CT_DL_MAJOR = 1,           /* version.major: others may have other structs */
    CT_DL_MINOR = 0,
    CT_DL_READ_ONLY = 1        /* flags: the consumer must not write */
};
/* of DLPack */
typedef struct ct_dl_version {
    uint32_t major, minor;
} ct_dl_version;
/* where the memory is */
typedef struct ct_dl_device {
    int32_t type, id;
} ct_dl_device;
/* what an element is */
typedef struct ct_dl_dtype {
    uint8_t code, bits;        /* bits of a number */
    uint16_t lanes;            /* numbers of an element: 1 */
} ct_dl_dtype;
/* an array: DLTensor */
typedef struct ct_dl_tensor {
    void *data;
    ct_dl_device device;
    int32_t ndim;
    ct_dl_dtype dtype;
    int64_t *shape;            /* ndim sizes */
    int64_t *strides;          /* in elements; NULL: row-major without gaps */
    uint64_t byte_offset;      /* where the first element is, from data on */
} ct_dl_tensor;
/* a tensor with the function by which its consumer gives it back: DLManagedTensor */
typedef struct ct_dl_managed {
    ct_dl_tensor tensor;
    void *manager;             /* the producer's */
    void (*deleter)(struct ct_dl_managed *self); /* NULL: there is nothing to give back */
} ct_dl_managed;
/* the same, with a version and flags: DLManagedTensorVersioned */
typedef struct ct_dl_managed_versioned {
    ct_dl_version version;
    void *manager;
    void (*deleter)(struct ct_dl_managed_versioned *self);
    uint64_t flags;
    ct_dl_tensor tensor;
} ct_dl_managed_versioned;

/* A tensor over the memory of m, with its strides, of f32, f64, i64 or bool, on a CPU. It is
   read-only if m says so. On success m is the context's, which calls its deleter once, when the
   last tensor over the memory is gone. On failure, which is NULL, m stays with the caller as it
   was: other types, devices and versions, sizes that overflow, and memory that is not aligned for
   its type are errors. The bytes of bools must be 0 or 1, now and later */
ct_tensor *ct_from_dlpack(ct_context *cx, ct_dl_managed_versioned *m);
/* the same, from the legacy struct */
ct_tensor *ct_from_dlpack_legacy(ct_context *cx, ct_dl_managed *m);
/* x's memory for another library. It is kept until the consumer calls the deleter, whatever becomes
   of x and its graph, and even of the context: what is still out when that is freed goes with the
   last deleter, and the context's allocator must last until then. The deleter counts as a use of
   the context: by one thread at a time.

   A read-only x has the flag. What the consumer writes is seen by x, but noted nowhere: no
   derivative says that a value has changed which it had saved. NULL and an error: x requires grad
   (see ct_detach), or has no data */
ct_dl_managed_versioned *ct_to_dlpack(ct_tensor *x);
/* the same, as the legacy struct. Since that cannot say that memory is read-only, such an x is an
   error */
ct_dl_managed *ct_to_dlpack_legacy(ct_tensor *x);

CT_API_END
#endif
