/* Normalization of channels: what batch norm and group norm share. Their inputs are x (N,C,...),
 * then mean and variance (C) if these are given, then weight and bias (C), each if it is there. The
 * axes after C count as one, of length L. */
#ifndef CT__CHANNELS_H
#define CT__CHANNELS_H
#include <cotangent/op.h>

/* The attributes of the operators. Statistics are of a channel over all N, or, if there are groups,
 * of each of so many groups of channels of each of the N. With `relu`, which only batch norm in
 * training has, y is max(0, what it would be). */
typedef struct ct__channels {
    int64_t groups;
    double epsilon;
    bool given, weight, bias, relu;
} ct__channels;

/* -- channels.c */
ct_status ct__channels_infer(ct_call *call);
ct_status ct__channels_forward(ct_call *call);
ct_status ct__channels_backward(const ct_call *call, ct_tensor *const *gy, ct_tensor *const *gx);
/* dh/dx t, where dh/dx is symmetric, by the kernel of backward, for statistics that are not given.
 * x and t are contiguous. The sums of t h and of t over each channel of each set become the two
 * columns of *sums, f64. NULL: it failed */
ct_tensor *ct__channels_through(const ct_call *call, ct_tensor *t, ct_tensor **sums);

/* -- batch_norm.c: x and the parameters, of which any may be NULL that the caller does not have.
 * Puts the inputs into `all`, which has room for 5, and returns their number; 0: x, which a message
 * names as `who` takes it, cannot be used */
int ct__channels_inputs(ct__channels *a, const char *who, ct_tensor *const *parameters,
                        ct_tensor **all);
ct_status ct__channels_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx);
ct_status ct__channels_jvp(const ct_call *call, ct_tensor *const *tx, ct_tensor **ty);
#endif
