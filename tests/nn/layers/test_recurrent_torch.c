/* nn/layers/recurrent.c and ops/recurrent/ against PyTorch: tests/nn/torch/recurrent.txt has the
 * figures, and the program beside it, which wrote them, says what its lines mean. */
#include "support.h"

static FILE *file;

static int64_t next_number(void)
{
    int n = -1;
    ck_assert(fscanf(file, "%d", &n) == 1);
    return n;
}

static ct_tensor *numbers(const int64_t *shape, int ndim, int64_t seed)
{
    ct_tensor *x = ct_empty(cx, CT_F64, shape, ndim);
    double *to = ct_data_mutable(x);
    for (int64_t i = 0; i < ct_count(x); i++)
        to[i] = (double)((i * 7919 + seed * 104729) % 101 - 50) / 64;
    return x;
}

static ct_tensor *like(const ct_tensor *x, int64_t seed)
{
    return numbers(ct_shape(x), ct_ndim(x), seed);
}

/* the next line of the file is t */
static void expect_line(const ct_tensor *t, const char *name, const char *head)
{
    char is[64] = "", colon[2] = "";
    expect_ok();
    ck_assert(t != NULL);
    ck_assert_int_eq(fscanf(file, "%63s %1[:]", is, colon), 2);
    ck_assert_str_eq(is, name);
    double *values = malloc((size_t)ct_count(t) * sizeof *values), want;
    ck_assert_int_eq(ct_to_doubles(t, values, ct_count(t)), CT_OK);
    for (int64_t i = 0; i < ct_count(t); i++) {
        ck_assert_int_eq(fscanf(file, "%lf", &want), 1);
        ck_assert_msg(fabs(values[i] - want) <= 1e-12 * (1 + fabs(want)),
                      "%s: %s[%lld] is %.17g, PyTorch has %.17g", head, name, (long long)i,
                      values[i], want);
    }
    free(values);
}

typedef struct run {
    ct_module *m;
    ct_tensor *x, *h, *c, *lengths;     /* h and c: the state that is given, or NULL */
    bool is_lstm;
} run;

/* the numbers of the line that begins with `kind` */
static run next_run(const char *kind)
{
    int64_t n[9];
    for (int i = 0; i < 9; i++)
        n[i] = next_number();
    ct_recurrent_options o = { .levels = n[4], .bidirectional = n[5] != 0,
                               .batch_first = n[6] != 0, .relu = strcmp(kind, "relu") == 0,
                               .layer.no_bias = n[7] == 0 };
    run r = { .is_lstm = strcmp(kind, "lstm") == 0 };
    r.m = (r.is_lstm ? ct_lstm_new : strcmp(kind, "gru") == 0 ? ct_gru_new : ct_rnn_new)(
        cx, CT_F64, n[2], n[3], &o);
    r.x = ct_variable(o.batch_first ? numbers(CT_SHAPE(n[1], n[0], n[2]), 1)
                                    : numbers(CT_SHAPE(n[0], n[1], n[2]), 1));
    if (n[8])
        r.h = ct_variable(numbers(CT_SHAPE(n[4] * (1 + n[5]), n[1], n[3]), 2));
    if (n[8] && r.is_lstm)
        r.c = ct_variable(numbers(CT_SHAPE(n[4] * (1 + n[5]), n[1], n[3]), 3));
    int64_t lengths[8] = { next_number() };
    for (int i = 1; i < n[1] && lengths[0]; i++)
        lengths[i] = next_number();
    if (lengths[0])
        r.lengths = ct_from_ints(cx, CT_SHAPE(n[1]), lengths, n[1]);
    int count;
    ct_tensor *const *p = ct_module_parameters(r.m, &count);
    ct_scope scope = ct_scope_begin(cx);
    ct_no_grad(cx);
    for (int i = 0; i < count; i++)
        ck_assert_int_eq(ct_assign(p[i], like(p[i], 10 + i)), CT_OK);
    ct_scope_end(cx, scope);
    return r;
}

static ct_tensor *term(ct_tensor *y, int64_t seed)
{
    return ct_sum(ct_mul(y, like(y, seed)));
}

static void expect_gradients(const run *r, ct_tensor *loss, const char *head)
{
    ct_tensor *x[32], *gx[32];
    char name[80];
    int n = 0, count;
    ct_tensor *const *p = ct_module_parameters(r->m, &count);
    x[n++] = r->x;
    if (r->h)
        x[n++] = r->h;
    if (r->c)
        x[n++] = r->c;
    for (int i = 0; i < count; i++)
        x[n++] = p[i];
    for (int with_graph = 0; with_graph < 2; with_graph++) {
        long at = ftell(file);
        ck_assert_int_eq(ct_grad(loss, NULL, x, n, with_graph ? CT_CREATE_GRAPH : 0, gx), CT_OK);
        for (int i = 0; i < n; i++) {
            snprintf(name, sizeof name, "g%s",
                     i == 0 ? "x" : x[i] == r->h ? "h" : x[i] == r->c ? "c" : ct_name(x[i]));
            expect_line(gx[i], name, head);
        }
        if (!with_graph)
            fseek(file, at, SEEK_SET);
    }
}

START_TEST(values_and_gradients_are_those_of_pytorch)
{
    char kind[20], head[60];
    int cases = 0;
    file = fopen(CT_SOURCE_ROOT "/tests/nn/torch/recurrent.txt", "r");
    ck_assert(file != NULL);
    for (; fscanf(file, "%19s", kind) == 1; cases++) {
        ct_scope scope = ct_scope_begin(cx);
        const run r = next_run(kind);
        ct_tensor *h = r.h, *c = r.c;
        snprintf(head, sizeof head, "case %d, %s", cases, kind);
        ct_tensor *y = ct_recurrent_forward(r.m, r.x, r.lengths, &h, r.is_lstm ? &c : NULL);
        expect_line(y, "y", head);
        expect_line(h, "h", head);
        if (r.is_lstm)
            expect_line(c, "c", head);
        if (!r.h && !r.lengths)
            ck_assert_double_eq(ct_max_difference(ct_module_forward(r.m, r.x), y), 0);
        ct_tensor *loss = ct_add(term(y, 5), term(h, 6));
        expect_gradients(&r, r.is_lstm ? ct_add(loss, term(c, 7)) : loss, head);
        ct_module_free(r.m);
        ct_scope_end(cx, scope);
    }
    fclose(file);
    ck_assert_int_eq(cases, 15);
}
END_TEST

Suite *recurrent_torch_suite(void)
{
    return make_suite("recurrent_torch", (const TTest *const[]){
        values_and_gradients_are_those_of_pytorch, NULL });
}
