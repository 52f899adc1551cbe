/* Checks of arguments that many constructors make. */
#include "checks.h"

bool ct__options_zeroed(ct_context *cx, const char *who, const uint64_t reserved[4])
{
    if ((reserved[0] | reserved[1] | reserved[2] | reserved[3]) == 0)
        return true;
    ct_fail(cx, CT_ERROR_VALUE, "%s: the options must be zeroed before they are filled in, and "
                                "`reserved` must stay zero", who);
    return false;
}

bool ct__none_stale(const char *who, const ct_tensor *const *x, int n)
{
    for (int i = 0; i < n; i++)
        if (x[i] && !ct_usable(x[i], who))
            return false;
    return true;
}

bool ct__parameters_float(ct_context *cx, const char *who, ct_dtype dtype)
{
    if (dtype == CT_F32 || dtype == CT_F64)
        return true;
    ct_fail(cx, CT_ERROR_DTYPE, "%s: parameters must be f32 or f64", who);
    return false;
}
