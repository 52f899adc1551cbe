/* Work that is run many times: recorded anew each time, replayed by a program, by hand in C where
 * that is short, and as others do it. One thread. What a program's first run costs and how much
 * memory it takes are at the end. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "objectives.h"

typedef struct work {
    const char *name;
    ct_context *cx;
    ct_function f;
    ct_functions all; /* or this one, which has so many results */
    int results;
    void *user;
    ct_tensor *x[6];
    int n;
    ct_program *program;
} work;

static void eager(void *user, int64_t repeats)
{
    work *w = user;
    for (int64_t i = 0; i < repeats; i++) {
        ct_scope scope = ct_scope_begin(w->cx);
        ct_tensor *y[4];
        if (w->all)
            w->all(w->cx, w->x, w->n, y, w->user);
        else
            w->f(w->cx, w->x, w->n, w->user);
        ct_scope_end(w->cx, scope);
    }
}

static void replayed(void *user, int64_t repeats)
{
    work *w = user;
    for (int64_t i = 0; i < repeats; i++) {
        ct_scope scope = ct_scope_begin(w->cx);
        ct_tensor *y[4];
        ct_program_run_all(w->program, w->x, w->n, y);
        ct_scope_end(w->cx, scope);
    }
}

static ct_program *program_of(const work *w)
{
    return w->all ? ct_program_new_all(w->cx, w->all, w->results, w->user, NULL)
                  : ct_program_new(w->cx, w->f, w->user, NULL);
}

/* -- Functions: each returns a gradient, or four */
static ct_tensor *gradient_of(ct_tensor *y, ct_tensor *const *v, int n)
{
    ct_tensor *g[4];
    return ct_grad(y, NULL, v, n, 0, g) == CT_OK ? g[0] : NULL;
}

static ct_tensor *chain(ct_context *cx, ct_tensor *const *x, int n, void *user)
{
    ct_tensor *v = ct_variable(ct_detach(x[0])), *y = v;
    (void)cx, (void)n, (void)user;
    for (int i = 0; i < 1000; i++)
        y = ct_sin(y);
    return gradient_of(y, &v, 1);
}

static ct_tensor *objective_gradient(ct_context *cx, ct_tensor *const *x, int n, void *user)
{
    ct_tensor *v = ct_variable(ct_detach(x[0]));
    (void)cx, (void)n;
    return gradient_of(((const objective *)user)->f(user, v), &v, 1);
}

static ct_status gate(ct_context *cx, ct_tensor *const *x, int n, ct_tensor **g, void *user)
{
    ct_tensor *v[4];
    (void)cx, (void)user;
    for (int i = 0; i < n; i++)
        v[i] = ct_variable(ct_detach(x[i]));
    ct_tensor *y = ct_mul(ct_tanh(ct_add(ct_mul(v[0], v[1]), v[2])), ct_sigmoid(v[3]));
    return ct_grad(ct_sum(y), NULL, v, n, 0, g);
}

/* The gradients of the weights of an LSTM: x, w_ih, w_hh, b_ih, b_hh. `user`: by the operator; else
 * out of others, step by step */
enum { STEPS = 32, ROWS = 32, WIDTH = 128 };
static ct_tensor *cells(ct_tensor *x, ct_tensor *const *v)
{
    ct_tensor *all = ct_linear(x, v[0], v[2]), *h = NULL, *c = NULL, *y[STEPS];
    for (int t = 0; t < STEPS; t++) {
        ct_tensor *gate[4], *sum = ct_select(all, 0, t);
        sum = h ? ct_add(sum, ct_linear(h, v[1], v[3])) : ct_add(sum, v[3]);
        ct_split(sum, CT_SIZES(WIDTH, WIDTH, WIDTH, WIDTH), 1, gate);
        ct_tensor *in = ct_mul(ct_sigmoid(gate[0]), ct_tanh(gate[2]));
        c = c ? ct_add(ct_mul(ct_sigmoid(gate[1]), c), in) : in;
        y[t] = h = ct_mul(ct_sigmoid(gate[3]), ct_tanh(c));
    }
    return ct_stack(y, STEPS, 0);
}

static ct_status recurrent(ct_context *cx, ct_tensor *const *x, int n, ct_tensor **g, void *user)
{
    ct_tensor *v[4], *y = NULL;
    (void)cx, (void)n;
    for (int i = 0; i < 4; i++)
        v[i] = ct_variable(ct_detach(x[i + 1]));
    if (!user)
        y = cells(x[0], v);
    else if (ct_lstm(x[0], &(ct_recurrent){ .w_ih = v[0], .w_hh = v[1], .b_ih = v[2],
                                            .b_hh = v[3] }, &y, NULL, NULL) != CT_OK)
        return ct_error(cx);
    return ct_grad(ct_mean(ct_square(y)), NULL, v, 4, 0, g);
}

/* the mean of log cosh (x - t) + (x - t)^2 / 10, scaled: twelve operators */
static ct_status elementwise_loss(ct_context *cx, ct_tensor *const *x, int n, ct_tensor **y,
                                  void *user)
{
    ct_tensor *v = ct_variable(ct_detach(x[0])), *d = ct_sub(ct_tanh(ct_scale(v, 2)), x[1]);
    (void)cx, (void)n, (void)user;
    ct_tensor *fold = ct_log(ct_shift(ct_exp(ct_scale(d, -2)), 1));
    ct_tensor *each = ct_add(ct_add(d, fold), ct_scale(ct_square(d), 0.1));
    y[0] = ct_mean(ct_scale(each, 0.5));
    return ct_grad(y[0], NULL, &v, 1, 0, &y[1]);
}

typedef struct net {
    ct_module *module;
    ct_optimizer *rule;
} net;

static ct_tensor *train(ct_context *cx, ct_tensor *const *x, int n, void *user)
{
    const net *m = user;
    (void)cx, (void)n;
    ct_tensor *out = ct_module_forward(m->module, x[0]);
    ct_tensor *loss = ct_dtype_of(x[1]) == CT_I64 ? ct_cross_entropy(out, x[1]) : ct_mse(out, x[1]);
    return ct_backward(loss) == CT_OK && ct_optimizer_step(m->rule) == CT_OK ? loss : NULL;
}

/* -- By hand, in C */
static double result; /* so that nothing is left out */

/* objectives.c: lotka; x has log alpha, gamma, beta, delta and z(0) */
static void lotka_by_hand(void *user, int64_t repeats)
{
    const objective *o = ((const work *)user)->user;
    const double *x = ct_data_f64(o->x), *data = ct_data_f64(o->data[0]), dt = 0.04;
    static double at[501][4][2]; /* where each slope of each step is taken */
    const double part[4] = { 0, dt / 2, dt / 2, dt };
    const double weight[4] = { dt / 6, dt / 3, dt / 3, dt / 6 };
    for (int64_t r = 0; r < repeats; r++) {
        double rate[4], z[2] = { x[4], x[5] }, g[6] = { 0 }, gz[2] = { 0, 0 }, end[21][2];
        for (int i = 0; i < 4; i++)
            rate[i] = exp(x[i]);
        static double e[501][4][2];
        for (int s = 0; s <= 500; s++) {
            if (s % 25 == 0)
                end[s / 25][0] = z[0], end[s / 25][1] = z[1];
            double k[4][2];
            for (int i = 0; i < 4 && s < 500; i++) {
                for (int j = 0; j < 2; j++) {
                    at[s][i][j] = i ? z[j] + part[i] * k[i - 1][j] : z[j];
                    e[s][i][j] = exp(at[s][i][j]);
                }
                k[i][0] = rate[0] - rate[2] * e[s][i][1];
                k[i][1] = rate[3] * e[s][i][0] - rate[1];
            }
            for (int i = 0; i < 4 && s < 500; i++)
                for (int j = 0; j < 2; j++)
                    z[j] += weight[i] * k[i][j];
        }
        for (int s = 500; s >= 0; s--) {
            double later[2] = { 0, 0 }, old[2] = { gz[0], gz[1] };
            for (int i = 3; i >= 0 && s < 500; i--) {
                double gk[2];
                for (int j = 0; j < 2; j++)
                    gk[j] = weight[i] * old[j] + (i < 3 ? part[i + 1] * later[j] : 0);
                g[0] += gk[0], g[1] -= gk[1];
                g[2] -= gk[0] * e[s][i][1], g[3] += gk[1] * e[s][i][0];
                later[0] = gk[1] * rate[3] * e[s][i][0];
                later[1] = -gk[0] * rate[2] * e[s][i][1];
                gz[0] += later[0], gz[1] += later[1];
            }
            for (int j = 0; j < 2 && s % 25 == 0; j++)
                gz[j] += end[s / 25][j] - data[2 * (s / 25) + j];
        }
        for (int i = 0; i < 4; i++)
            g[i] *= rate[i];
        result = g[0] + g[1] + g[2] + g[3] + gz[0] + gz[1];
    }
}

/* objectives.c: schools; each chain has m, l and eta */
static void schools_by_hand(void *user, int64_t repeats)
{
    const objective *o = ((const work *)user)->user;
    const double *x = ct_data_f64(o->x), *y = ct_data_f64(o->data[0]);
    const double *sigma = ct_data_f64(o->data[1]);
    static double g[1000];
    for (int64_t r = 0; r < repeats; r++) {
        for (int c = 0; c < 1000; c += 10) {
            const double *q = x + c, tau = exp(q[1]);
            double gm = q[0], gtau = 0.08 * tau / (1 + 0.04 * tau * tau);
            for (int j = 0; j < 8; j++) {
                double far = (y[j] - (5 * q[0] + tau * q[2 + j])) / sigma[j], gt = -far / sigma[j];
                gm += 5 * gt;
                gtau += gt * q[2 + j];
                g[c + 2 + j] = gt * tau + q[2 + j];
            }
            g[c] = gm;
            g[c + 1] = gtau * tau - 1;
        }
        result = g[0] + g[999];
    }
}

/* a number that the gradient, and what is done by hand, give */
static double check_sum(void *user)
{
    work *w = user;
    ct_tensor *g = w->f(w->cx, w->x, w->n, w->user);
    double sum = 0;
    for (int64_t i = 0; i < ct_count(g); i += strcmp(w->name, "schools") == 0 ? 999 : 1)
        sum += ct_at(g, CT_INDEX(i));
    return sum;
}

/* -- What the first run takes, and memory */
static double first_run(void *user)
{
    work *w = user;
    double times[2] = { INFINITY, INFINITY };
    for (int i = 0; i < 10; i++) {
        double start = bench_now();
        eager(w, 1);
        times[0] = fmin(times[0], bench_now() - start);
        ct_program *kept = w->program;
        w->program = program_of(w);
        start = bench_now();
        replayed(w, 1);
        times[1] = fmin(times[1], bench_now() - start);
        ct_program_free(w->program);
        w->program = kept;
    }
    return times[1] / times[0];
}

/* -- The table */
/* One more has room: where a work is made once more, to measure its memory. */
enum { WORKS = 13, CASES = 6 * (WORKS + 1) };
static work works[WORKS + 1];
static objective objectives[WORKS + 1];
static net nets[WORKS + 1];
static bench_case cases[CASES];
static int work_count, case_count;
static ct_context_options options = { .seed = 1 }; /* of the works' contexts */

static work *work_new(const char *name, ct_function f, void *user)
{
    work *w = &works[work_count++];
    *w = (work){ .name = name, .f = f, .user = user };
    w->cx = ct_context_new(&options);
    return w;
}

static bench_case *add(work *w, const char *what, void (*run)(void *user, int64_t repeats))
{
    bench_case *c = &cases[case_count++];
    *c = (bench_case){ .threads = 1, .unit = "us", .run = run, .user = w };
    snprintf(c->name, sizeof c->name, "%s, %s", w->name, what);
    return c;
}

static void add_both(work *w, bench_limit limit, const char *request)
{
    w->program = program_of(w);
    bench_case *c[] = { add(w, "eager", eager), add(w, "replayed", replayed) };
    for (int i = 0; i < 2; i++) {
        c[i]->limit = limit;
        snprintf(c[i]->request, sizeof c[i]->request, "%s", request);
    }
}

static void add_objective(const char *request, void (*by_hand)(void *user, int64_t repeats))
{
    char gradient[64];
    objective *o = &objectives[work_count];
    work *w = work_new(request, objective_gradient, o);
    *o = objective_make(w->cx, request);
    w->x[0] = o->x;
    w->n = 1;
    snprintf(gradient, sizeof gradient, "gradient %s", request);
    add_both(w, (bench_limit){ 0 }, gradient);
    if (by_hand)
        add(w, "by hand", by_hand);
}

/* forward reads the inputs; so does backward, and it writes the gradients */
static void add_elementwise(const char *name, ct_functions f, int results, int inputs, int64_t n,
                            bench_pass backward)
{
    work *w = work_new(name, NULL, NULL);
    w->all = f;
    w->results = results;
    for (w->n = 0; w->n < inputs; w->n++)
        w->x[w->n] = ct_randn(w->cx, CT_F32, &n, 1);
    add_both(w, (bench_limit){ .passes = { { inputs * n, 1, 0, false }, backward } }, "");
}

static void add_net(const char *name, const int64_t *sizes, int n, int64_t batch,
                    ct_activation hidden)
{
    char request[64];
    int count;
    net *m = &nets[work_count];
    work *w = work_new(name, train, m);
    bench_limit limit = { 0 };
    m->module = ct_mlp_new(w->cx, CT_F32, sizes, n, hidden, NULL);
    ct_tensor *const *parameters = ct_module_parameters(m->module, &count);
    m->rule = ct_sgd_new(parameters, count, 1e-3, NULL);
    w->x[0] = ct_rand(w->cx, CT_F32, CT_SHAPE(batch, sizes[0]));
    w->x[1] = sizes[n - 1] > 1 ? ct_randint(w->cx, 0, sizes[n - 1], CT_SHAPE(batch))
                               : ct_randn(w->cx, CT_F32, CT_SHAPE(batch, 1));
    w->n = 2;
    for (int i = 0; i + 1 < n; i++)
        limit.operations += (i ? 6.0 : 4.0) * (double)(batch * sizes[i] * sizes[i + 1]);
    snprintf(request, sizeof request, "train %s %s %d sgd", name,
             hidden == CT_TANH ? "tanh" : "relu", (int)batch);
    add_both(w, limit, request);
}

static void add_recurrent(const char *name, void *fused)
{
    work *w = work_new(name, NULL, fused);
    w->all = recurrent;
    w->results = 4;
    w->x[0] = ct_randn(w->cx, CT_F32, CT_SHAPE(STEPS, ROWS, WIDTH));
    for (int i = 1; i < 3; i++)
        w->x[i] = ct_scale(ct_randn(w->cx, CT_F32, CT_SHAPE(4 * WIDTH, WIDTH)), 0.05);
    for (int i = 3; i < 5; i++)
        w->x[i] = ct_randn(w->cx, CT_F32, CT_SHAPE(4 * WIDTH));
    w->n = 5;
    add_both(w, (bench_limit){ 0 }, "");
}

static void add_chain(void)
{
    work *w = work_new("sin, chain of 1,000", chain, NULL);
    w->x[0] = ct_scalar(w->cx, CT_F32, 0.5);
    w->n = 1;
    add_both(w, (bench_limit){ .budget = 15 }, "chain sin 1000");
    for (bench_case *c = &cases[case_count - 2]; c < &cases[case_count]; c++) {
        c->unit = "ns";
        c->items = 1000;
    }
}

/* makes work i, and adds its cases */
static void add_work(int i)
{
    static const bench_pass gate_back = { 4000000, 1, 1, false };
    switch (i) {
    case 0: add_chain(); break;
    case 1: add_objective("lotka", lotka_by_hand); break;
    case 2: add_objective("schools", schools_by_hand); break;
    case 3: add_objective("pinn", NULL); break;
    case 4: add_objective("lstm 2 1024", NULL); break;
    case 5: add_elementwise("tanh(ab+c) sigmoid(d), 10^6", gate, 4, 4, 1000000, gate_back); break;
    case 6: add_elementwise("loss of 12 operators, 10^5", elementwise_loss, 2, 2, 100000,
                            (bench_pass){ 100000, 2, 1, false }); break;
    case 7: add_elementwise("loss of 12 operators, 10^7", elementwise_loss, 2, 2, 10000000,
                            (bench_pass){ 10000000, 2, 1, false }); break;
    case 8: add_net("2-16-16-1", CT_SIZES(2, 16, 16, 1), 100, CT_RELU); break;
    case 9: add_net("64-64-64-1", CT_SIZES(64, 64, 64, 1), 32, CT_TANH); break;
    case 10: add_net("784-128-10", CT_SIZES(784, 128, 10), 64, CT_RELU); break;
    case 11: add_recurrent("LSTM of operators, T 32", NULL); break;
    default: add_recurrent("LSTM as one operator, T 32", nets); break;
    }
}

/* -- Memory: an allocator that counts, in contexts without a pool */
typedef struct counter {
    int64_t live, most;
} counter;

static void *counted(size_t bytes, size_t alignment, void *user)
{
    counter *c = user;
    c->live += (int64_t)bytes;
    c->most = c->live > c->most ? c->live : c->most;
    return aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
}

static void uncounted(void *block, size_t bytes, void *user)
{
    ((counter *)user)->live -= (int64_t)bytes;
    free(block);
}

/* the most that a run takes beside what there was before the first one: an eager one, a first one, a
 * replay */
enum { EAGER, FIRST, LATER };
static double peak(int i, int what)
{
    counter c = { 0, 0 };
    const int cases_before = case_count;
    const ct_context_options usual = options;
    options.pool_bytes = -1;
    options.allocator = (ct_allocator){ counted, uncounted, &c };
    work_count = WORKS;
    add_work(i);
    work *w = &works[WORKS];
    int64_t before = c.live;
    void (*run)(void *user, int64_t repeats) = what == EAGER ? eager : replayed;
    if (what != FIRST)
        run(w, 1);
    c.most = c.live;
    run(w, 1);
    ct_context_free(w->cx);
    work_count = WORKS;
    case_count = cases_before;
    options = usual;
    return (double)(c.most - before);
}

static double peak_ratio(void *user)
{
    int i = (int)((work *)user - works);
    return peak(i, LATER) / peak(i, EAGER);
}

static double first_peak_ratio(void *user)
{
    int i = (int)((work *)user - works);
    return peak(i, FIRST) / peak(i, EAGER);
}

/* of each work */
static void add_costs(void)
{
    static const struct { const char *name; double (*value)(void *user); } costs[] = {
        { "first run / eager", first_run }, { "peak of a replay / eager", peak_ratio },
        { "peak of a first run / eager", first_peak_ratio } };
    for (int k = 0; k < 3; k++)
        for (int i = 0; i < WORKS; i++) {
            bench_case *c = add(&works[i], costs[k].name, NULL);
            c->value = costs[k].value;
            c->unit = "";
        }
}

/* what is done by hand is the same work */
static bool by_hand_is_right(void)
{
    bool right = true;
    for (int i = 0; i < case_count; i++)
        if (cases[i].run == lotka_by_hand || cases[i].run == schools_by_hand) {
            double want = check_sum(cases[i].user);
            cases[i].run(cases[i].user, 1);
            if (!(fabs(result - want) <= 1e-8 * fabs(want))) {
                fprintf(stderr, "%s: %.12g, not %.12g\n", cases[i].name, result, want);
                right = false;
            }
        }
    return right;
}

int main(int argc, char **argv)
{
    static const char *const peers[] = { "pytorch-tuned", "pytorch-tuned-autodiff", "adolc", NULL };
    for (int i = 0; i < WORKS; i++)
        add_work(i);
    add_costs();
    int failed = !by_hand_is_right() ||
                 bench_main("replay", peers, cases, case_count, argc, argv) != 0;
    for (int i = 0; i < WORKS; i++)
        failed |= bench_close(works[i].cx);
    return failed;
}
