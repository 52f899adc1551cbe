/* What verify compares: a plan with another one that was noted of the same function. Of all that
 * was noted there is a hash, and one for each step. */
#include "programs.h"

static const char *name(const ct__step *s)
{
    static const char *const names[] = { [CT__LOAD] = "a constant", [CT__HAND] = "a result",
        [CT__ZERO_GRAD] = "zero_grad",
        [CT__SET_GRAD] = "a gradient", [CT__AGAIN] = "a step of an optimizer",
        [CT__FILL] = "a draw or an assignment", [CT__KEEP_STREAM] = "a checkpoint",
        [CT__TAKE_STREAM] = "a checkpoint" };
    if (s->act == CT__GROUP)
        return name(s->members);
    return s->act == CT__RUN      ? s->call.op->name
           : s->act == CT__KERNEL ? s->op->name
                                  : names[s->act];
}

/* NULL: none */
static const char *first_other(const ct__step *s, const ct__step *t)
{
    const char *other = NULL;
    for (; s && t && !other; s = s->next, t = t->next)
        if (s->act != t->act || s->hash != t->hash)
            other = name(t);
        else if (s->act == CT__GROUP)
            other = first_other(s->members, t->members);
    return other ? other : s || t ? name(t ? t : s) : NULL;
}

const char *ct__plans_differ(const ct__plan *a, const ct__plan *b)
{
    if (b->why[0])
        return b->why;
    if (a->hash == b->hash && a->made == b->made)
        return NULL;
    const char *other = first_other(a->steps, b->steps);
    return a->made != b->made ? "a constant" : other ? other : "what no result depends on";
}
