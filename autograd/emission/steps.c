/* The steps of a plan as statements of C: `at` are the places, `h` the headers. */
#include "emission.h"

/* which kernel of the table it is, and of which dtype; false: none */
static bool find_kernel(const ct__emission *e, const ct__step *s, const ct_kernels *table, int n,
                        int *which, int *dtype)
{
    for (*which = 0; *which < n; ++*which)
        for (*dtype = CT_F32; *dtype <= CT_BOOL; ++*dtype)
            if (table[*which].by[*dtype][e->cx->simd] == s->kernel)
                return true;
    return false;
}

static void put_kernel_name(ct__emission *e, const ct__step *s)
{
    char name[CT__OP_NAME];
    int which, dtype, n = !s->op->kernels ? 0 : s->op->backward ? 1 + s->op->inputs : 1;
    if (s->kernel == ct__gather)
        ct__emit(e, CT__STEPS, "ct__gather");
    else if (find_kernel(e, s, &ct__sum_in_place, 1, &which, &dtype))
        ct__emit(e, CT__STEPS, "ct__sum_in_place.by[%d][simd]", dtype);
    else if (!ct__emit_name(e, s->op, name))
        return;
    else if (find_kernel(e, s, s->op->kernels, n, &which, &dtype))
        ct__emit(e, CT__STEPS, "%s.kernels[%d].by[%d][simd]", name, which, dtype);
    else
        ct__emit_fail(e, CT_ERROR_UNSUPPORTED, "a kernel of '%.60s' has no name in C",
                      s->op->name);
}

/* -- Kernels */
static void put_operand(ct__emission *e, void *data, bool grouped)
{
    int64_t offset = 0;
    int place = grouped && ct__in_room(data) ? -1 : ct__emit_place(e, data, &offset);
    if (place < 0)
        ct__emit(e, CT__STEPS, "(void *)%d", (int)(uintptr_t)data);
    else if (offset > 0)
        ct__emit(e, CT__STEPS, "at[%d] + %lld", place, (long long)offset);
    else
        ct__emit(e, CT__STEPS, "at[%d]", place);
}

/* What makes a step of it; in a group it is number `next` - 1, and 0 as `next` says that it is the
 * last one. */
static void put_kernel(ct__emission *e, const ct__step *s, bool grouped, int next)
{
    size_t bytes = s->kernel == ct__gather ? ct__gather_bytes(s->arg)
                   : s->arg                ? s->op->attributes_size
                                           : 0;
    ct__emit(e, CT__STEPS, "{ .act = CT__KERNEL, .operands = %d, .n = %u, .kernel = ",
             s->operands, (unsigned)s->n);
    put_kernel_name(e, s);
    ct__emit(e, CT__STEPS, ",\n            .data = { ");
    for (int k = 0; k < s->operands; k++) {
        ct__emit(e, CT__STEPS, k > 0 ? ", " : "");
        put_operand(e, s->data[k], grouped);
    }
    ct__emit(e, CT__STEPS, " }");
    if (bytes > 0)
        ct__emit(e, CT__STEPS, ", .arg = emitted_a%d", ct__emit_array(e, s->arg, bytes));
    if (next > 0)
        ct__emit(e, CT__STEPS, ", .next = &g[%d]", next);
    ct__emit(e, CT__STEPS, " }");
}

static void put_group(ct__emission *e, const ct__step *group)
{
    int number = 0;
    ct__emit(e, CT__STEPS, "    {\n        ct__emitted_step g[] = {\n");
    for (const ct__step *s = group->members; s && !e->failed; s = ct__next_kernel(s)) {
        number++;
        put_kernel(e, s, true, ct__next_kernel(s) ? number : 0);
        ct__emit(e, CT__STEPS, ",\n");
    }
    ct__emit(e, CT__STEPS, "        };\n        if (ct__run_group(&(ct__emitted_step){ .n = %u, "
             ".size = %d, .members = g", (unsigned)group->n, group->size);
    if (group->sum) {
        ct__emit(e, CT__STEPS, ", .sum = &(ct__emitted_step){ .call = ");
        ct__emit_call_value(e, &group->sum->call);
        ct__emit(e, CT__STEPS, " }");
    }
    ct__emit(e, CT__STEPS, " }, e->cx) != CT_OK)\n            return ct_error(e->cx);\n    }\n");
}

/* -- Other steps */
static void put_copy(ct__emission *e, const ct__step *s)
{
    ct__emit(e, CT__STEPS, "    memcpy(");
    put_operand(e, s->to, false);
    ct__emit(e, CT__STEPS, ", ");
    if (s->act == CT__HAND)
        put_operand(e, (void *)(uintptr_t)s->from, false);
    else
        ct__emit(e, CT__STEPS, "emitted_a%d", ct__emit_array(e, s->from, s->bytes));
    ct__emit(e, CT__STEPS, ", %zu);\n", s->bytes);
}

static void put_stream(ct__emission *e, const ct__step *s)
{
    int number = 0;
    for (const ct__stream *at = e->plan->streams; at != s->stream; at = at->next)
        number++;
    e->stream_count = number >= e->stream_count ? number + 1 : e->stream_count;
    ct__emit(e, CT__STEPS, s->act == CT__KEEP_STREAM ? "    e->stream[%d] = e->cx->draws;\n"
                                                     : "    e->cx->draws = e->stream[%d];\n",
             number);
}

static void set_gradient(ct__emission *e, const ct__step *s, ct__slot *slot)
{
    if (slot && s->x->extra && s->x->extra->grad)
        ct__emit_fail(e, CT_ERROR_VALUE, "a variable has a gradient; ct_zero_grad clears it");
    for (ct__graded *g = e->plan->graded; g; g = g->next)
        if (g->x == s->x)
            g->slot = slot;
}

static void put_step(ct__emission *e, const ct__step *s)
{
    switch ((ct__act)s->act) {
    case CT__KERNEL:
        if (s->n > 0) {
            ct__emit(e, CT__STEPS, "    ct__emitted_kernel(&(ct__emitted_step)");
            put_kernel(e, s, false, 0);
            ct__emit(e, CT__STEPS, ");\n");
        }
        break;
    case CT__GROUP:
        put_group(e, s);
        break;
    case CT__RUN:
        ct__emit_call(e, &s->call, s->gy, s->gx);
        break;
    case CT__LOAD:
    case CT__HAND:
        put_copy(e, s);
        break;
    case CT__KEEP_STREAM:
    case CT__TAKE_STREAM:
        put_stream(e, s);
        break;
    case CT__SET_GRAD:
        set_gradient(e, s, s->slot);
        break;
    case CT__ZERO_GRAD:
        set_gradient(e, s, NULL);
        break;
    case CT__AGAIN:
        ct__emit_again(e, s);
        break;
    case CT__FILL:
        ct__emit_fail(e, CT_ERROR_UNSUPPORTED, "a tensor is filled (ct_fill, ct_assign, ct_randn "
                      "and the like), which has no name in C");
    }
}

void ct__emit_steps(ct__emission *e)
{
    for (const ct__step *s = e->plan->steps; s && !e->failed; s = s->next)
        put_step(e, s);
    for (ct__graded *g = e->plan->graded; g; g = g->next) {
        if (g->slot)
            ct__emit_fail(e, CT_ERROR_UNSUPPORTED, "a gradient stays behind a run; return it, or "
                          "clear it");
        g->slot = NULL;
    }
}
