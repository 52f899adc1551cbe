/* Files. Everything read is checked against what the file really holds before memory is taken for
 * it. */
#ifndef COTANGENT_IO_H
#define COTANGENT_IO_H
#include <cotangent/nn.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef struct ct_read_options {
    int64_t max_bytes;                         /* of the result; default 4 GiB */
    uint64_t reserved[4];
} ct_read_options;

/* dtype: what to convert to; values are converted, never scaled: pixels are 0..255 */
ct_tensor *ct_read_idx(ct_context *cx, const char *path, ct_dtype dtype, /* plain or gz */
                       const ct_read_options *options);
ct_status ct_module_save(const ct_module *m, const char *path);                /* safetensors */
enum { CT_ALLOW_MISSING = 1, CT_ALLOW_EXTRA = 2 };
ct_status ct_module_load(ct_module *m, const char *path, unsigned flags);      /* all or nothing */

#ifdef __cplusplus
}
#endif
#endif
