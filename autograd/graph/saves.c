/* What a rule reads must be what its operator saved. Buffers count how often they were written, and
 * a vertex notes the count of each buffer that it saves: an operator may write in place, and only
 * a walk over an older vertex that would read the data finds out, and names both. */
#include "walk.h"

ct_status ct__written_since(const ct__walk *w, const ct_tensor *t, const ct_tensor *x)
{
    char text[200];
    ct__tensor_print(text, sizeof text, x, false);
    return ct_fail(w->cx, CT_ERROR_STALE, "%s: %s saved %s, which %s has written since", w->who,
                   t->op->name, text, x->buffer->writer ? x->buffer->writer : "the caller");
}
