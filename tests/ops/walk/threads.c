/* The same bits a second time, for any number of threads, and for a pool of the host's: at an
 * operator's samples and at larger inputs made of them, which are really shared out.
 *
 * A larger input repeats a sample's along its first or last axis. Which inputs to enlarge together
 * is found by trying: what the operator accepts. */
#include "walk.h"
#include "ways.h"

/* -- What came out, as a list of hashes with their names */
typedef struct record {
    uint64_t hash;
    char name[56];
} record;

enum { MOST = 10000 };
typedef struct journal {
    int n;
    record list[MOST];
} journal;

static void note(journal *j, ct_tensor *x, const char *name, const char *what, int i, int k)
{
    ck_assert_int_lt(j->n, MOST);
    record *r = &j->list[j->n++];
    r->hash = hash_of(x);
    snprintf(r->name, sizeof r->name, "%s %d: %s %d", name, k, what, i);
}

static bool is_same(const sample *s, const journal *a, const journal *b, int way)
{
    for (int i = 0; i < a->n; i++)
        if (a->n != b->n || a->list[i].hash != b->list[i].hash)
            return wrong(s, "%s differs with %d threads", a->list[i].name, threads_of_way(way));
    return true;
}

/* -- One operator */
enum { INPUTS = 16, LARGE = EXHAUSTIVE ? 6 : SLOW ? 1 : 2, ELEMENTS = SLOW ? 40000 : 70000 };

typedef struct trial {
    ct_context *c;
    journal *j;
    const ct_op *op;
    int sample, code; /* code: a digit of base 3 for each input: as it is, first axis, last axis */
    int n;
    ct_tensor *x[INPUTS];
} trial;

static ct_tensor *repeated(ct_tensor *x, int axis, int64_t times)
{
    ct_context *c = ct_context_of(x);
    int64_t size = ct_size(x, axis), n = size * times;
    if (ct_count(x) == 0)
        return x;
    ct_tensor *index = ct_empty(c, CT_I64, CT_SHAPE(n));
    for (int64_t i = 0; i < n; i++)
        ((int64_t *)ct_data_mutable(index))[i] = i % size;
    return ct_index_select(x, axis, index);
}

static bool is_among(const char *const *names, const char *name)
{
    for (int i = 0; names[i]; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

/* they do so much for each element that fewer elements are shared out */
static const char *const laborious[] = { "cholesky", "solve_triangular", "solve", "lstsq",
                                         "inverse", "det", "slogdet", "qr", "eigh", "svd",
                                         "matrix_exp", "gamma", "gamma_slope", NULL };

int codes_of(int n)
{
    int codes = n > 4 ? 3 : 1;
    for (int i = 0; i < n && n <= 4; i++)
        codes *= 3;
    return codes;
}

void enlarge(const ct_op *op, ct_tensor **x, int n, int code)
{
    int64_t count = 1, elements = ELEMENTS / (is_among(laborious, op->name) ? 10 : 1);
    for (int i = 0; i < n; i++)
        count = ct_count(x[i]) > count ? ct_count(x[i]) : count;
    for (int i = 0; i < n; i++, code /= n > 4 ? 1 : 3)
        if (code % 3 > 0 && ct_ndim(x[i]) > 0)
            x[i] = repeated(x[i], code % 3 == 1 ? 0 : -1, elements / count | 1);
}

/* the sample's inputs, larger as the code says, in f32 and f64 by turns; a derivative is wanted by
 * each float */
static void prepare(trial *t)
{
    for (int i = 0; i < t->n; i++)
        if ((t->code + t->sample) % 2 > 0 && is_float(t->x[i]))
            t->x[i] = ct_cast(t->x[i], CT_F32);
    enlarge(t->op, t->x, t->n, t->code);
    for (int i = 0; i < t->n; i++)
        if (is_float(t->x[i]) && !(t->op->flags & (CT_OP_UPDATE | CT_OP_CONSTANT)))
            t->x[i] = ct_variable(ct_detach(t->x[i]));
}

static void differentiate(trial *t, ct_tensor *y)
{
    ct_tensor *gx[INPUTS], *ggx[INPUTS], *gy = ct_rand(t->c, ct_dtype_of(y), ct_shape(y),
                                                       ct_ndim(y));
    const char *name = t->op->name;
    ct_tensor *x[INPUTS];
    int n = 0;
    for (int i = 0; i < t->n; i++)
        if (ct_requires_grad(t->x[i]))
            x[n++] = t->x[i];
    for (int k = 0; k < 2; k++) /* the second adds */
        ct_backward_from(y, gy);
    for (int i = 0; i < n; i++)
        if (ct_gradient(x[i]))
            note(t->j, ct_gradient(x[i]), name, "gradient", i, t->code);
    if (!t->op->vjp)
        return;
    ct_grad(y, gy, x, n, CT_CREATE_GRAPH | CT_ZERO_PATH, gx);
    for (int i = 0; i < n && gx[i]; i++) {
        note(t->j, gx[i], name, "gx", i, t->code);
        if (!ct_requires_grad(gx[i]))
            continue;
        ct_grad(gx[i], ct_rand(t->c, ct_dtype_of(gx[i]), ct_shape(gx[i]), ct_ndim(gx[i])), x, n,
                CT_ZERO_PATH, ggx);
        for (int k = 0; k < n && ggx[k]; k++)
            note(t->j, ggx[k], name, "ggx", k, t->code);
    }
}

/* false: the operator does not take such inputs */
static bool applied(trial *t)
{
    _Alignas(16) char attributes[1024] = { 0 };
    ct_tensor *y[8] = { NULL };
    int outputs = t->op->outputs > 1 ? t->op->outputs : 1;
    ct_seed(t->c, 7);
    for (int i = 0; i < INPUTS; i++)
        t->x[i] = NULL;
    ck_assert_uint_lt(t->op->attributes_size, sizeof attributes);
    t->n = t->op->sample(t->c, t->sample, t->x, attributes);
    if (t->n == 0)
        return false;
    prepare(t);
    if (ct_apply_all(t->op, attributes, t->x, t->n, y) != CT_OK) {
        ct_error_clear(t->c);
        return false;
    }
    for (int i = 0; i < t->n && t->op->flags & CT_OP_UPDATE; i++)
        note(t->j, t->x[i], t->op->name, "x", i, t->code);
    for (int i = 0; i < outputs && !(t->op->flags & CT_OP_UPDATE); i++) {
        note(t->j, y[i], t->op->name, "y", i, t->code);
        if (ct_requires_grad(y[i]))
            differentiate(t, y[i]);
    }
    if (t->code > 0 && ct_error(t->c) == CT_ERROR_VALUE) { /* as of a singular matrix */
        ct_error_clear(t->c);
        return false;
    }
    ck_assert_msg(ct_error(t->c) == CT_OK, "%s", ct_error_text(t->c));
    return true;
}

static bool try_one(trial *t)
{
    ct_scope scope = ct_scope_begin(t->c);
    bool done = applied(t);
    ct_scope_end(t->c, scope);
    return done;
}

/* their attributes hold sizes, or their samples are numbers: what they are made of is in others. Of
 * lstm, several inputs would have to grow in different ways (test_recurrent.c) */
static const char *const fixed[] = { "embed", "nonzero", "lstm", NULL };

/* how many large ones there were */
static int walk_samples(ct_context *c, journal *j, const ct_op *op)
{
    int large = 0;
    trial t = { .c = c, .j = j, .op = op };
    for (; try_one(&t); t.sample++) {
        trial more = t;
        if (is_among(fixed, op->name))
            continue;
        for (more.code = 1; more.code < codes_of(t.n) && large < LARGE; more.code++)
            large += try_one(&more);
    }
    return large;
}

bool walk_threads(const ct_op *op)
{
    static journal one, other;
    const sample s = { .name = op->name };
    bool right = true;
    for (int way = -1; way < WAYS && right; way++) { /* first one thread, twice if there is time */
        if (way == 0 && SLOW)
            continue;
        journal *j = way < 0 ? &one : &other;
        ct_context *c = context_of_way(way < 0 ? 0 : way);
        j->n = 0;
        if ((walk_samples(c, j, op) > 0) == is_among(fixed, op->name))
            right = wrong(&s, "no large inputs found");
        ct_context_free(c);
        right = right && (way < 0 || is_same(&s, &one, &other, way));
    }
    return right;
}
