/* Contractions of two tensors, by one product of matrices where a label is summed, and else by one
 * product of elements.
 *
 *   y[batch, i, j] = sum_k a[batch, i, k] b[batch, k, j]
 *
 * `batch` are the labels of both that are kept, k those of both that are summed, i and j those of
 * only one. What only one operand has and nobody keeps is summed first. The labels i of a are
 * merged into one axis, and so are those of k and j: that is a view where they lie in order. All
 * steps are operators, so derivatives need no rule here. */
#include "contract.h"

uint64_t ct__labels(ct__labeled x)
{
    uint64_t set = 0;
    for (int d = 0; d < ct_ndim(x.t); d++)
        set |= (uint64_t)1 << x.label[d];
    return set;
}

static bool is_in(uint64_t set, unsigned char label)
{
    return set >> label & 1;
}

ct__labeled ct__sum_others(ct__labeled x, uint64_t keep)
{
    int64_t axes[CT_MAX_DIMS];
    ct__labeled y = x;
    int n = 0, kept = 0;
    for (int d = 0; d < ct_ndim(x.t); d++)
        if (is_in(keep, x.label[d]))
            y.label[kept++] = x.label[d];
        else
            axes[n++] = d;
    y.t = n == 0 ? x.t : ct_sum_over(x.t, axes, n, 0);
    return y;
}

ct_tensor *ct__arrange(ct__labeled x, const unsigned char *label)
{
    int64_t axes[CT_MAX_DIMS];
    int ndim = ct_ndim(x.t);
    bool moved = false;
    for (int d = 0; d < ndim; d++) {
        int from = 0;
        while (from < ndim - 1 && x.label[from] != label[d])
            from++;
        axes[d] = from;
        moved |= from != d;
    }
    return moved ? ct_permute(x.t, axes, ndim) : x.t;
}

/* Appends x's labels that are in `set`, in the order of x's axes. Returns how many there are
 * now. */
static int append(ct__labeled x, uint64_t set, unsigned char *label, int n)
{
    for (int d = 0; d < ct_ndim(x.t); d++)
        if (is_in(set, x.label[d]))
            label[n++] = x.label[d];
    return n;
}

static int64_t size_of(ct__labeled x, unsigned char label)
{
    for (int d = 0; d < ct_ndim(x.t); d++)
        if (x.label[d] == label)
            return ct_size(x.t, d);
    return 1;
}

static ct_tensor *reshaped(ct_tensor *x, const int64_t *shape, int ndim)
{
    bool same = ct_ndim(x) == ndim;
    for (int d = 0; same && d < ndim; d++)
        same = ct_size(x, d) == shape[d];
    return same ? x : ct_reshape(x, shape, ndim);
}

/* -- Nothing is summed: a product of elements */
static ct_tensor *spread(ct__labeled x, const unsigned char *label, int n)
{
    unsigned char own[CT_MAX_DIMS];
    int64_t shape[CT_MAX_DIMS];
    uint64_t set = ct__labels(x);
    int count = 0;
    for (int d = 0; d < n; d++) {
        shape[d] = size_of(x, label[d]);
        if (is_in(set, label[d]))
            own[count++] = label[d];
    }
    ct_tensor *t = ct__arrange(x, own);
    return t ? reshaped(t, shape, n) : NULL;
}

static ct__labeled multiply(ct__labeled a, ct__labeled b, ct__labeled y, int n)
{
    ct_tensor *left = spread(a, y.label, n), *right = spread(b, y.label, n);
    y.t = ct_mul(left, right);
    return y;
}

/* -- Something is summed: a product of matrices */
/* x as matrices for each index of the `batch` first of the n labels. The next `rows` labels become
   the first axis of the matrices, and the others become the second one. */
static ct_tensor *matrices(ct__labeled x, const unsigned char *label, int batch, int rows)
{
    int64_t shape[CT_MAX_DIMS + 2] = { 0 };
    int n = ct_ndim(x.t);
    for (int d = 0; d < batch; d++)
        shape[d] = size_of(x, label[d]);
    shape[batch] = shape[batch + 1] = 1;
    for (int d = batch; d < n; d++)
        shape[d < batch + rows ? batch : batch + 1] *= size_of(x, label[d]);
    ct_tensor *t = ct__arrange(x, label);
    return t ? reshaped(t, shape, batch + 2) : NULL;
}

static ct__labeled product(ct__labeled a, ct__labeled b, uint64_t shared, uint64_t keep)
{
    unsigned char left[CT_MAX_DIMS], right[CT_MAX_DIMS];
    ct__labeled y = { NULL, { 0 } };
    int batch = append(a, shared & keep, y.label, 0), rows = append(a, ~shared, y.label, batch);
    int n = append(b, ~shared, y.label, rows);
    int summed = ct_ndim(a.t) - rows;
    append(a, shared & ~keep, left, append(a, ~shared, left, append(a, shared & keep, left, 0)));
    append(b, ~shared, right, append(a, shared & ~keep, right, append(a, shared & keep, right, 0)));
    ct_tensor *p = ct_matmul(matrices(a, left, batch, rows - batch),
                             matrices(b, right, batch, summed));
    int64_t shape[CT_MAX_DIMS];
    for (int d = 0; d < n; d++)
        shape[d] = d < rows ? size_of(a, y.label[d]) : size_of(b, y.label[d]);
    y.t = p ? reshaped(p, shape, n) : NULL;
    return y;
}

ct__labeled ct__contract(ct__labeled a, ct__labeled b, uint64_t keep)
{
    ct__labeled y = { NULL, { 0 } };
    if (!a.t || !b.t)
        return y;
    a = ct__sum_others(a, keep | ct__labels(b));
    b = ct__sum_others(b, keep | ct__labels(a));
    if (!a.t || !b.t)
        return y;
    uint64_t shared = ct__labels(a) & ct__labels(b), all = ct__labels(a) | ct__labels(b);
    int n = 0;
    for (unsigned char l = 0; l < 64; l++)
        n += is_in(all & keep, l);
    /* the matrices need an axis for each shared label that is kept, and two more */
    int batch = append(a, shared & keep, y.label, 0);
    if (n > CT_MAX_DIMS || (shared & ~keep && batch + 2 > CT_MAX_DIMS)) {
        ct_fail(ct_context_of(a.t), CT_ERROR_SHAPE,
                "einsum: a product on the way has %d axes, more than the %d that a tensor can have",
                n > CT_MAX_DIMS ? n : batch + 2, CT_MAX_DIMS);
        return y;
    }
    if (shared & ~keep)
        return product(a, b, shared, keep);
    append(b, ~shared, y.label, append(a, all, y.label, 0));
    return multiply(a, b, y, n);
}
