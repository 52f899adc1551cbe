/* What can be asked of elements of any dtype: how many are not 0, whether any is, whether all are.
 * A NaN is not 0. */
#include <cotangent/ops.h>

#include "axes.h"

/* How many elements of each result are 0, or are not. */
static ct_tensor *count(ct_tensor *x, const char *who, bool zero, const int64_t *axes, int n,
                        unsigned flags)
{
    ct__reduction r;
    if (!ct__reduction_of(&r, x, who, axes, n, flags))
        return NULL;
    ct_tensor *none = ct_scalar_like(x, 0);
    ct_tensor *found = zero ? ct_eq(x, none) : ct_ne(x, none);
    return ct_sum_over(ct_cast(found, CT_I64), axes, n, flags);
}

ct_tensor *ct_count_nonzero_over(ct_tensor *x, const int64_t *axes, int n, unsigned flags)
{
    return count(x, "count_nonzero", false, axes, n, flags);
}

ct_tensor *ct_any_over(ct_tensor *x, const int64_t *axes, int n, unsigned flags)
{
    ct_tensor *found = count(x, "any", false, axes, n, flags);
    return found ? ct_ne(found, ct_scalar_like(found, 0)) : NULL;
}

ct_tensor *ct_all_over(ct_tensor *x, const int64_t *axes, int n, unsigned flags)
{
    ct_tensor *zeros = count(x, "all", true, axes, n, flags);
    return zeros ? ct_eq(zeros, ct_scalar_like(zeros, 0)) : NULL;
}

#define ALL_AXES(name)                                                                          \
    ct_tensor *ct_##name(ct_tensor *x)                                                          \
    {                                                                                           \
        return ct_##name##_over(x, NULL, 0, 0);                                                 \
    }
ALL_AXES(count_nonzero)
ALL_AXES(any)
ALL_AXES(all)
