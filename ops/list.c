/* The list of all operators, for tests and tools. A row of unary.def or binary.def is listed by
 * itself; any other operator has its line here: X(name) lists ct__name_op. */
#include <cotangent/op.h>
#include <cotangent/ops.h>
#include <string.h>

#define OTHERS                                                                                  \
    X(eq) X(ne) X(lt) X(le) X(gt) X(ge) X(where)                                                \
    X(max) X(min) X(argmax) X(argmin) X(logsumexp) X(norm)                                      \
    X(prod) X(cumsum) X(cumprod) X(logcumsumexp) X(recurrence) X(balance)                       \
    X(cummax_places) X(cummin_places) X(argsort)                                                \
    X(softmax) X(log_softmax) X(cross_entropy) X(cross_entropy_each)                            \
    X(layer_norm)                                                                               \
    X(contiguous) X(reshape) X(permute) X(transpose) X(squeeze) X(unsqueeze) X(expand)          \
    X(slice) X(select) X(embed) X(concat) X(stack)                                              \
    X(flip) X(roll) X(pad) X(diagonal) X(diag_embed) X(tril) X(triu) X(windows) X(fold_windows) \
    X(matmul) X(linear) X(linear_activation) X(dot)                                             \
    X(cholesky) X(solve_triangular) X(solve) X(lstsq) X(inverse) X(det) X(slogdet)              \
    X(qr) X(eigh) X(svd) X(matrix_exp)                                                          \
    X(index_select) X(index_add) X(gather) X(scatter_add)                                       \
    X(cast) X(dropout)                                                                          \
    X(bernoulli) X(exponential) X(multinomial)                                                  \
    X(update_sgd) X(update_adam) X(update_clip)

#define X(name) extern const ct_op ct__##name##_op;
#define ROW(name, ...) X(name)
#define BINARY(name, ...) X(name)
#include "unary.def"
#include "binary.def"
OTHERS
#undef X

#define X(name) &ct__##name##_op,
static const ct_op *const list[] = {
    &ct_add_op, &ct_broadcast_to_op, &ct_sum_to_op,
#define ROW(name, ...) X(name)
#define BINARY(name, ...) X(name)
#include "unary.def"
#include "binary.def"
    OTHERS
};

const ct_op *const *ct_op_list(int *n)
{
    if (n)
        *n = (int)(sizeof list / sizeof *list);
    return list;
}

const ct_op *ct_op_find(const char *name)
{
    for (size_t i = 0; name && i < sizeof list / sizeof *list; i++)
        if (strcmp(list[i]->name, name) == 0)
            return list[i];
    return NULL;
}
