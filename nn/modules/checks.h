/* Checks of arguments that many constructors make. Each is true, or false and an error that begins
 * with `who`, the name of the public function. */
#ifndef COTANGENT_CHECKS_H
#define COTANGENT_CHECKS_H
#include <cotangent/nn.h>

/* the four reserved words of an option struct are zero */
bool ct__options_zeroed(ct_context *cx, const char *who, const uint64_t reserved[4]);
/* none of the n tensors is stale; they may be NULL */
bool ct__none_stale(const char *who, const ct_tensor *const *x, int n);
/* dtype is f32 or f64 */
bool ct__parameters_float(ct_context *cx, const char *who, ct_dtype dtype);
#endif
