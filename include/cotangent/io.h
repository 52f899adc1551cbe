/* Files. Everything read is checked against what the file really holds before memory is taken for
 * it. Errors name the path and the reason: CT_ERROR_FILE for what the system refuses (no such file,
 * a folder, a full disk), CT_ERROR_FORMAT for what the content should not be. */
#ifndef COTANGENT_IO_H
#define COTANGENT_IO_H
#include <cotangent/nn.h>
CT_API_BEGIN

typedef struct ct_read_options {
    int64_t max_bytes; /* a larger result is CT_ERROR_MEMORY; default 4 GiB */
    uint64_t reserved[4];
} ct_read_options;

/* IDX, the format of MNIST, with any of its element types: integers of 8, 16 and 32 bits, f32 and
   f64. The file may be plain or gzip, with several members and zero bytes after them, whatever it
   is called. Values are converted to `dtype`, never scaled: pixels are 0..255. For i64 fractions
   are cut off; for bool every value but 0 is true. Gzip needs a build with zlib, otherwise it is
   CT_ERROR_UNSUPPORTED */
ct_tensor *ct_read_idx(ct_context *cx, const char *path, ct_dtype dtype,
                       const ct_read_options *options);

/* writes parameters and buffers as safetensors, by their paths from m: "0.weight". A file of that
   name is replaced in one step when all is written, and stays as it is on failure. A symbolic link
   stays a link: the file that it points to is replaced. The new file has the old one's mode, and
   its owner where the system allows that. What is no regular file is refused. While it is written,
   the new file is beside the old one, as "NAME.ct-0.part" or with another number; if a save was
   killed, the next one to that name removes what it left */
ct_status ct_module_save(const ct_module *m, const char *path);
enum {
    CT_ALLOW_MISSING = 1,      /* a tensor that the file lacks stays as it is */
    CT_ALLOW_EXTRA = 2         /* a tensor that the module lacks is passed over */
};
/* reads all values into the tensors that m has, which must have the same dtypes and shapes, so that
   optimizers go on working; on failure nothing changes. Names that only one side has are errors
   unless `flags` allow them. The format is taken strictly: duplicate names, overlaps, holes, data
   outside of the file, dtypes that the format does not have, and data of another size than dtype
   and shape say are errors, in tensors that are passed over too. Of bool, every byte but 0 is true.
   Needs a build with jansson, otherwise it is CT_ERROR_UNSUPPORTED */
ct_status ct_module_load(ct_module *m, const char *path, unsigned flags);

CT_API_END
#endif
