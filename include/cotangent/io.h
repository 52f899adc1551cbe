/* Files. Everything read is checked against what the file really holds before memory is taken for
 * it. Errors name the path and the reason: CT_ERROR_FILE for what the system refuses (no such file,
 * a folder, a full disk), CT_ERROR_FORMAT for what the content should not be. */
#ifndef COTANGENT_IO_H
#define COTANGENT_IO_H
#include <cotangent/nn.h>
CT_API_BEGIN

typedef struct ct_read_options {
    int64_t max_bytes; /* of the result, else CT_ERROR_MEMORY; default 4 GiB */
    uint64_t reserved[4];
} ct_read_options;

/* IDX, the format of MNIST, plain or gzip, whatever the file is called; of its 8-, 16- and 32-bit
   integers, f32 and f64. dtype: what to convert to; values are converted, never scaled: pixels are
   0..255. Fractions are cut off for i64; for bool all but 0 is true. Gzip needs a build with zlib,
   else CT_ERROR_UNSUPPORTED */
ct_tensor *ct_read_idx(ct_context *cx, const char *path, ct_dtype dtype,
                       const ct_read_options *options);

/* parameters and buffers, as safetensors, by their paths from m: "0.weight". A file of that name is
   replaced in one step once all is written, and stays as it is on failure */
ct_status ct_module_save(const ct_module *m, const char *path);
enum {
    CT_ALLOW_MISSING = 1,      /* what the file lacks stays as it is */
    CT_ALLOW_EXTRA = 2         /* what the module lacks is passed over */
};
/* into the tensors that m has, of the same dtypes and shapes: optimizers go on working. All or
   nothing. Names that only one side has are errors unless `flags` allow them. The format is taken
   strictly: duplicate names, overlaps, holes, and data outside of the file are errors. Needs a
   build with jansson, else CT_ERROR_UNSUPPORTED */
ct_status ct_module_load(ct_module *m, const char *path, unsigned flags);

CT_API_END
#endif
