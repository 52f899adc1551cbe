/* ct_gradcheck_graph: the operators of a recorded graph, one by one.
 *
 * A vertex' operator is applied again, to the values that it was applied to, and is checked as a
 * function of those inputs that require grad. So no error of another operator can hide one of its,
 * and none is passed on to it. The graph itself is not changed: the inputs are leaves over the same
 * data, or copies where elements repeat or inputs share memory. */
#include "graph_check.h"

/* -- Which vertices are there? */
/* Visits all operators behind y, inputs before outputs; list NULL: only counts them. Like a walk it
 * keeps its stack in the tensors, and so neither recurses nor allocates. */
static int64_t visit(ct_tensor *y, ct_tensor **list)
{
    ct_context *cx = y->cx;
    if (++cx->walks == 0)
        cx->walks = 1;
    int64_t count = 0;
    ct_tensor *top = y;
    y->link = NULL, y->mark = cx->walks, y->pending = 0;
    while (top) {
        ct_tensor *t = top;
        if (t->op && t->pending < t->input_count) {
            ct_tensor *x = ct__inputs(t)[t->pending++];
            if (x->flags & CT__REQUIRES_GRAD && x->mark != cx->walks) {
                x->mark = cx->walks, x->pending = 0;
                x->link = top, top = x;
            }
            continue;
        }
        top = t->link, t->pending = 0;
        if (!t->op || t->op == &ct__output_op)
            continue;
        if (list)
            list[count] = t;
        count++;
    }
    return count;
}

/* -- One vertex as a function */
static ct_tensor *apply_again(ct_context *cx, ct_tensor *const *x, int n, void *user)
{
    const ct__vertex *v = user;
    ct_tensor *all[CT__TRIAL_INPUTS], *y[CT__TRIAL_OUTPUTS] = { NULL };
    bool wide = x[0]->dtype == CT_F64;
    (void)n;
    for (int i = 0; i < v->n; i++)
        all[i] = v->place[i] >= 0 ? x[v->place[i]] : wide ? v->wide[i] : v->constant[i];
    if (ct_apply_all(&v->op, v->attributes, all, v->n, y) != CT_OK)
        return NULL;
    return ct__combined(cx, &v->op, 0, y, ct__trial_output_count(&v->op));
}

static bool overlaps(const ct__vertex *v, const ct_tensor *x)
{
    for (int i = 0; i < v->wanted; i++)
        if (v->x[i]->buffer == x->buffer)
            return true;
    return false;
}

static ct_tensor *row_major_copy(ct_tensor *x)
{
    ct_tensor *copy = ct_empty_like(x);
    if (copy)
        ct__copy_out(copy->data, x);
    return copy;
}

/* a leaf with x's values, that may be moved */
static ct_tensor *leaf_of(const ct__vertex *v, ct_tensor *x)
{
    bool alone = !overlaps(v, x);
    for (int d = 0; d < x->ndim; d++)
        alone &= ct__strides(x)[d] != 0 || ct__shape(x)[d] == 1;
    return alone ? ct_detach(x) : row_major_copy(x);
}

/* constants are copied, since they may share the data of what is moved; integers are not */
static ct_tensor *copy_of(ct_tensor *x, ct_dtype dtype)
{
    if (!ct__is_float(x->dtype))
        return ct_detach(x);
    size_t from = ct__dtype_size(x->dtype), to = ct__dtype_size(dtype);
    ct_tensor *plain = row_major_copy(x), *copy = NULL;
    if (plain)
        copy = ct_zeros(x->cx, dtype, ct__shape(x), x->ndim);
    for (int64_t k = 0; copy && k < x->count; k++)
        ct__store(copy->data + (size_t)k * to, dtype,
                  ct__load(plain->data + (size_t)k * from, x->dtype));
    return copy;
}

/* false: it cannot be checked; *why says why, or there is an error */
static bool make_vertex(ct__vertex *v, ct_tensor *t, const char **why)
{
    *v = (ct__vertex){ .op = *t->op, .attributes = ct__attributes(t), .n = (int)t->input_count };
    v->op.drop = NULL; /* the attributes stay the vertex' */
    *why = v->n > CT__TRIAL_INPUTS ? "the operator has more inputs than can be checked" : NULL;
    for (int i = 0; i < v->n && !*why; i++) {
        ct_tensor *x = ct__inputs(t)[i];
        v->place[i] = -1;
        if (!x->buffer) {
            *why = "the data of an input are gone: keep the scope open that it was made in";
        } else if (x->flags & CT__REQUIRES_GRAD && ct__is_float(x->dtype)) {
            v->number[v->wanted] = i;
            v->place[i] = v->wanted;
            v->x[v->wanted] = leaf_of(v, x);
            if (!v->x[v->wanted++])
                return false;
        } else if (!(v->constant[i] = copy_of(x, (ct_dtype)x->dtype)) ||
                   !(v->wide[i] = copy_of(x, CT_F64))) {
            return false;
        }
    }
    return !*why;
}

/* -- Checks */
static ct_verdict check_vertex(ct_context *cx, ct_tensor *t, const ct_gradcheck_options *options,
                               ct_gradcheck_report *report)
{
    ct__check c;
    ct__vertex v;
    const char *why;
    ct__scope scope;
    bool open = ct__check_open(&c, cx, options, report);
    report->op = t->op->name ? t->op->name : "";
    report->formula = t->op->formula, report->derivative = t->op->derivative;
    report->name = t->extra && t->extra->name ? t->extra->name : "";
    if (!open)
        return ct__check_close(&c);
    ct__scope_push(cx, &scope);
    if (make_vertex(&v, t, &why)) {
        c.f = apply_again, c.user = &v;
        if (ct__check_begin(&c, v.x, v.wanted))
            ct__check_orders(&c);
        ct__check_end(&c);
        if (report->input >= 0 && report->input < v.wanted)
            report->input = v.number[report->input];
        else if (report->input == v.wanted)
            report->input = v.n;
    } else {
        ct__check_invalid(&c, "%s", why ? why : ct_error_text(cx));
    }
    ct__scope_pop(cx, &scope);
    return ct__check_close(&c);
}

/* FAIL is worse than INVALID here: it names an operator */
static int severity(ct_verdict verdict)
{
    static const int of[] = { [CT_GRADCHECK_PASS] = 0, [CT_GRADCHECK_KINK] = 1,
                              [CT_GRADCHECK_INCONCLUSIVE] = 2, [CT_GRADCHECK_INVALID] = 3,
                              [CT_GRADCHECK_FAIL] = 4 };
    return of[verdict];
}

ct_verdict ct__check_graph(ct_context *cx, ct_tensor *y, const ct_gradcheck_options *options,
                           const ct__vertex_seen *seen, ct_gradcheck_report *report)
{
    ct_verdict worst = CT_GRADCHECK_PASS;
    int64_t count = visit(y, NULL);
    ct_tensor **list = ct__scope_room(cx, ((size_t)count + 1) * sizeof *list);
    if (!list)
        return CT_GRADCHECK_INVALID;
    visit(y, list);
    for (int64_t i = 0; i < count; i++) {
        ct_gradcheck_report one;
        ct_verdict verdict = check_vertex(cx, list[i], options, &one);
        one.vertex = i;
        if (seen && seen->each)
            seen->each(&one, seen->user);
        if (i == 0 || severity(verdict) > severity(worst))
            *report = one, worst = verdict;
        if (verdict == CT_GRADCHECK_FAIL && !(seen && seen->each))
            break;
    }
    return count > 0 ? worst : CT_GRADCHECK_INVALID;
}

/* -- For a function whose derivative seems wrong at one point alone */
bool ct__check_explain(ct__check *c, bool *kinks)
{
    ct__scope scope;
    ct_gradcheck_report report = { 0 };
    ct_gradcheck_options options = { .seed = c->options.seed, .order = c->order };
    *kinks = false;
    ct__scope_push(c->cx, &scope);
    uint64_t evaluations = (uint64_t)c->report->evaluations;
    ct_tensor *y = ct__check_run(c);
    bool done = y != NULL;
    if (done && y->flags & CT__REQUIRES_GRAD && visit(y, NULL) > 1)
        *kinks = ct__check_graph(c->cx, y, &options, NULL, &report) == CT_GRADCHECK_KINK;
    c->report->evaluations = (int64_t)evaluations + 1;
    ct__scope_pop(c->cx, &scope);
    return done;
}
