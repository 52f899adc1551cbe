/* What the engine itself computes is an operator too, so that it passes through the funnel (run.h):
 * copies here, sums of cotangents in arithmetic.c. */
#include "run.h"

#include <cotangent/program.h>

static ct_status check_finite(const ct_call *call)
{
    for (int i = 0; i < call->outputs; i++)
        if (!ct__all_finite(call->y[i]))
            return ct_call_fail(call, CT_ERROR_VALUE, "made a NaN or an infinity");
    return CT_OK;
}

/* Nobody listens while the kernel runs. The listener is told which kernels an operator called that
 * does nothing else. */
static ct_status run_heard(ct_call *call, ct_tensor *const *gy, ct_tensor *const *gx)
{
    ct_context *cx = call->cx;
    ct__listener *listener = ct__listen(cx, NULL);
    ct__kernel_list list;
    list.runs = true;
    list.count = 0;
    cx->scratched = 0;
    cx->kernels = listener && call->op->flags & CT_OP_KERNELS ? &list : NULL;
    ct_status status = cx->asked ? CT_OK : ct__run_kernel(call, gy, gx);
    cx->kernels = NULL;
    ct__listen(cx, listener);
    if (status == CT_OK && listener)
        listener->ran(listener, call, gy, gx, &list);
    else if (listener)
        ct__tell(cx, "a call that failed"); /* which may succeed another time */
    return status;
}

ct_status ct__run_watched(ct_call *call, ct_tensor *const *gy, ct_tensor *const *gx)
{
    ct_status status = run_heard(call, gy, gx);
    bool check = status == CT_OK && !gx && call->cx->find_nonfinite;
    return check ? check_finite(call) : status;
}

ct_status ct_call_again(ct_context *cx, ct_status (*again)(void *object), void *object)
{
    if (!cx || !again || !object)
        return ct_fail(cx, CT_ERROR_NULL, "call_again: the function or the object is NULL");
    ct__listener *listener = ct__listen(cx, NULL);
    ct_status status = again(object);
    ct__listen(cx, listener);
    if (listener && status == CT_OK)
        listener->again(listener, again, object);
    else if (listener)
        ct__tell(cx, "a call that failed");
    return status;
}

void ct_call_once(ct_context *cx, const char *who)
{
    ct__tell(cx, who ? who : "a call without a name");
}

static ct_status copy_forward(ct_call *call)
{
    ct__copy_out(call->y[0]->data, call->x[0]);
    return CT_OK;
}

const ct_op ct__copy_op = { .name = "copy", .forward = copy_forward };

ct_status ct__run_own(const ct_op *op, ct_tensor *const *x, int n, ct_tensor *y)
{
    ct_call call;
    call.cx = x[0]->cx; /* what an operator of the engine's own does not look at stays unset */
    call.op = op;
    call.attributes = NULL;
    call.x = x;
    call.n = n;
    call.outputs = y ? 1 : 0;
    call.aux_count = 0;
    call.recording = call.moved = false;
    call.adds = 0;
    call.vertex = NULL;
    call.y[0] = y;
    return run_heard(&call, NULL, NULL);
}

ct_tensor *ct__copy(ct_tensor *x)
{
    ct_tensor *y = ct__tensor_like(x, 0, 0);
    if (y)
        ct__run_own(&ct__copy_op, &x, 1, y);
    return y;
}

ct_tensor *ct__contiguous(ct_tensor *x)
{
    return x->flags & CT__CONTIGUOUS ? x : ct__to_scope(ct__copy(x));
}

ct_tensor *const *ct__make_contiguous(ct_context *cx, ct_tensor *const *x, int n)
{
    ct_tensor **all = (void *)ct__scope_chars(cx, (size_t)n * sizeof *all);
    for (int i = 0; all && i < n; i++) {
        all[i] = x[i] && x[i]->buffer ? ct__contiguous(x[i]) : x[i];
        if (x[i] && !all[i])
            return NULL;
    }
    return all;
}
