/* Many hands: the host's, where it gave us its own pool, else the caller's thread alone. */
#include "node.h"

void ct_parallel_for(ct_context *cx, int64_t n, void (*body)(int64_t i, void *arg), void *arg)
{
    if (!cx || !body || n <= 0)
        return;
    if (cx->options.parallel_for && n > 1) {
        cx->options.parallel_for(n, body, arg, cx->options.user);
        return;
    }
    for (int64_t i = 0; i < n; i++)
        body(i, arg);
}

void ct__threads_free(ct_context *cx)
{
    (void)cx;
}
