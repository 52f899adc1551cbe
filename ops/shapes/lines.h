/* Loops over the lines of tensors along one axis. */
#ifndef CT__LINES_H
#define CT__LINES_H
#include <cotangent/op.h>

/* A line is all elements that differ in their position along `axis` only. body(n, data, stride,
 * arg) gets n lines at once: data[k] + i * stride[k] is the first element of operand k's line i.
 * The operands have one shape, but for the axis; one with a dimension less has a single element in
 * place of each line. At most 8 operands. Lines are shared out among threads, in runs whose cut
 * depends on shapes and strides alone. */
void ct__loop_lines(ct_tensor *const *operands, int n, int axis, ct_loop_body body,
                    const void *arg);
#endif
