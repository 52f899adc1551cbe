/* Other checks of the same cases. */
#include "proof_peers.h"

#include <cotangent/op.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "proof_rules.h"

/* -- The case as a function of flat arrays */
typedef struct flat {
    ct_context *cx;
    const proof_case *p;
    uint64_t seed;
    ct_tensor *x[PROOF_INPUTS];
    int n;
    int64_t entries, outputs;
} flat;

static ct_tensor *value(const flat *f)
{
    ct_seed(f->cx, f->seed);
    if (!f->p->op)
        return f->p->f(f->cx, f->x, f->n, f->p->user);
    ct_tensor *y[8];
    int count = f->p->op->outputs > 1 ? f->p->op->outputs : 1;
    if (ct_apply_all(f->p->op, NULL, f->x, f->n, y) != CT_OK)
        return NULL;
    return count == 1 ? y[0] : ct_concat(y, count, 0);
}

static bool begin(flat *f)
{
    ct_seed(f->cx, f->seed);
    rule_reset();
    f->n = f->p->op ? f->p->op->sample(f->cx, 0, f->x, NULL)
                    : f->p->inputs(f->cx, f->x, f->p->user);
    f->entries = 0;
    for (int i = 0; i < f->n; i++) {
        f->x[i] = ct_variable(ct_contiguous(f->x[i]));
        f->entries += ct_count(f->x[i]);
    }
    ct_scope scope = ct_scope_begin(f->cx);
    ct_tensor *y = value(f);
    f->outputs = y ? ct_count(y) : 0;
    ct_scope_end(f->cx, scope);
    return f->outputs > 0;
}

static double get(const flat *f, int64_t k)
{
    int i = 0;
    for (; k >= ct_count(f->x[i]); i++)
        k -= ct_count(f->x[i]);
    return rule_get(f->x[i], k);
}

static void set(const flat *f, int64_t k, double to)
{
    int i = 0;
    for (; k >= ct_count(f->x[i]); i++)
        k -= ct_count(f->x[i]);
    rule_put(f->x[i], k, to);
}

static bool evaluate(const flat *f, double *out)
{
    ct_scope scope = ct_scope_begin(f->cx);
    ct_no_grad(f->cx);
    ct_tensor *y = value(f);
    bool done = y && ct_to_doubles(y, out, f->outputs) == CT_OK;
    ct_scope_end(f->cx, scope);
    return done;
}

/* out = J^T u */
static bool pull(const flat *f, const double *u, double *out)
{
    ct_scope scope = ct_scope_begin(f->cx);
    ct_tensor *y = value(f), *g[PROOF_INPUTS], *gy = ct_zeros_like(y);
    bool done = y && gy && ct_requires_grad(y);
    for (int64_t j = 0; j < f->outputs && done; j++)
        rule_put(gy, j, u[j]);
    done = done && ct_grad(y, gy, f->x, f->n, CT_ZERO_PATH, g) == CT_OK;
    for (int i = 0; i < f->n && done; out += ct_count(f->x[i]), i++)
        ct_to_doubles(g[i], out, ct_count(f->x[i]));
    ct_scope_end(f->cx, scope);
    return done;
}

static bool is_close(double a, double n, double atol, double rtol)
{
    return fabs(a - n) <= atol + rtol * fabs(n);
}

/* -- The checks */
static bool torch_slow(const flat *f, double *room)
{
    double *plus = room, *minus = plus + f->outputs, *u = minus + f->outputs;
    double *g = u + f->outputs, *again = g + f->entries, *numeric = again + f->entries;
    double h = 1e-6;
    for (int64_t k = 0; k < f->entries; k++) {
        double x = get(f, k);
        set(f, k, x + h);
        bool done = evaluate(f, plus);
        set(f, k, x - h);
        done = done && evaluate(f, minus);
        set(f, k, x);
        if (!done)
            return false;
        for (int64_t j = 0; j < f->outputs; j++)
            numeric[j * f->entries + k] = (plus[j] - minus[j]) / (2 * h);
    }
    for (int64_t j = 0; j < f->outputs; j++) {
        memset(u, 0, (size_t)f->outputs * sizeof *u);
        u[j] = 1;
        if (!pull(f, u, g) || !pull(f, u, again))
            return false;
        if (memcmp(g, again, (size_t)f->entries * sizeof *g) != 0) /* nondet_tol = 0 */
            return false;
        for (int64_t k = 0; k < f->entries; k++)
            if (!is_close(g[k], numeric[j * f->entries + k], 1e-5, 1e-3))
                return false;
    }
    memset(u, 0, (size_t)f->outputs * sizeof *u); /* "backward not multiplied by grad_output" */
    if (!pull(f, u, g))
        return false;
    for (int64_t k = 0; k < f->entries; k++)
        if (g[k] != 0)
            return false;
    return true;
}

static void random_direction(ct_context *cx, int64_t n, double *v, double *sum)
{
    double squares = 0;
    *sum = 0;
    for (int64_t k = 0; k < n; k++) {
        v[k] = (double)(ct_random_u64(cx) >> 11) * 0x1p-53;
        squares += v[k] * v[k];
    }
    for (int64_t k = 0; k < n; k++)
        *sum += v[k] /= sqrt(squares);
}

static bool torch_fast(const flat *f, double *room)
{
    double *plus = room, *minus = plus + f->outputs, *u = minus + f->outputs;
    double *g = u + f->outputs, *v = g + f->entries, *x = v + f->entries;
    double h = 1e-6, numeric = 0, analytic = 0, su, sv;
    ct_seed(f->cx, f->seed + 77);
    random_direction(f->cx, f->outputs, u, &su);
    random_direction(f->cx, f->entries, v, &sv);
    for (int64_t k = 0; k < f->entries; k++)
        x[k] = get(f, k), set(f, k, x[k] + h * v[k]);
    bool done = evaluate(f, plus);
    for (int64_t k = 0; k < f->entries; k++)
        set(f, k, x[k] - h * v[k]);
    done = done && evaluate(f, minus);
    for (int64_t k = 0; k < f->entries; k++)
        set(f, k, x[k]);
    if (!done || !pull(f, u, g))
        return false;
    for (int64_t j = 0; j < f->outputs; j++)
        numeric += u[j] * (plus[j] - minus[j]) / (2 * h);
    for (int64_t k = 0; k < f->entries; k++)
        analytic += g[k] * v[k];
    return is_close(analytic, numeric, 1e-5 * su * sv, 1e-3);
}

static double sum_of(const double *y, int64_t n)
{
    double sum = 0;
    for (int64_t j = 0; j < n; j++)
        sum += y[j];
    return sum;
}

static bool plain(const flat *f, double *room)
{
    double *plus = room, *minus = plus + f->outputs, *u = minus + f->outputs;
    double *g = u + f->outputs, h = 1e-6;
    for (int64_t j = 0; j < f->outputs; j++)
        u[j] = 1;
    if (!pull(f, u, g))
        return false;
    for (int64_t k = 0; k < f->entries; k++) {
        double x = get(f, k);
        set(f, k, x + h);
        bool done = evaluate(f, plus);
        set(f, k, x - h);
        done = done && evaluate(f, minus);
        set(f, k, x);
        double n = (sum_of(plus, f->outputs) - sum_of(minus, f->outputs)) / (2 * h);
        if (!done || !(fabs(g[k] - n) <= 1e-4 * fmax(1, fmax(fabs(g[k]), fabs(n)))))
            return false;
    }
    return true;
}

bool proof_peer(ct_context *cx, const proof_case *p, uint64_t seed, peer which)
{
    flat f = { .cx = cx, .p = p, .seed = seed };
    if (!p->op && p->kind[0] == 'i' && p->user)
        *(int *)p->user = 0;
    bool passes = false;
    double *room = NULL;
    if (begin(&f)) {
        bool whole = f.entries * f.outputs <= 4000000;
        size_t count = (size_t)(3 * f.outputs + 2 * f.entries + f.entries + 1) +
                       (which == PEER_TORCH_SLOW && whole ? (size_t)(f.entries * f.outputs) : 0);
        room = calloc(count, sizeof *room);
        if (room && which == PEER_TORCH_SLOW)
            passes = whole && torch_slow(&f, room);
        else if (room)
            passes = (which == PEER_PLAIN ? plain : torch_fast)(&f, room);
    }
    free(room);
    ct_error_clear(cx);
    return passes;
}
