/* A network learns tic-tac-toe, and then Go on 5 x 5, from games against itself. See go.md. */
#include "player.h"
#include "tictactoe.h"

static ct_module *conv(ct_context *cx, int in, int out, int kernel)
{
    ct_conv_layer_options how = { .conv.same = true, .layer.weight_init = CT_HE_NORMAL };
    return ct_conv2d_new(cx, CT_F32, in, out, kernel, &how);
}

static ct_module *relu(ct_context *cx)
{
    return ct_activation_new(cx, CT_RELU);
}

static ct_module *block(ct_context *cx, int n)
{
    ct_module *body = ct_sequential_new(cx, CT_MODULES(conv(cx, n, n, 3), relu(cx),
                                                       conv(cx, n, n, 3)));
    return ct_sequential_new(cx, CT_MODULES(ct_residual_new(cx, body, NULL), relu(cx)));
}

static ct_module *net_new(ct_context *cx, int n)
{
    ct_module *head = conv(cx, n, 3, 1);
    ct_initialize(ct_module_parameter(head, "weight"), CT_INIT_ZEROS);
    return ct_sequential_new(cx, CT_MODULES(conv(cx, PLANES, n, 3), relu(cx), block(cx, n),
                                            block(cx, n), head));
}

typedef struct batch {
    const game *g;
    ct_tensor *x, *policy, *owner;
} batch;

static ct_tensor *loss(ct_module *net, void *data)
{
    const batch *b = data;
    ct_tensor *y[2];
    ask(b->g, net, b->x, y);
    ct_tensor *surprise = ct_sum_over(ct_mul(b->policy, ct_log_softmax(y[0], 1)), CT_AXES(1), 0);
    ct_tensor *apart = ct_sub(y[1], b->owner);
    ct_tensor *value = ct_square(ct_mean_over(apart, CT_AXES(1), 0));
    return ct_add(ct_sub(ct_mean(ct_square(apart)), ct_mean(surprise)), ct_mean(value));
}

static batch batch_of(player *a, int n)
{
    static float x[BATCH * PLANES * POINTS], policy[BATCH * MOVES], owner[BATCH * POINTS];
    const game *g = a->g;
    int64_t have = a->count < KEPT ? a->count : KEPT;
    for (int i = 0; i < n; i++) {
        const sample *s = &a->kept[ct_random_u64(a->cx) % (uint64_t)have];
        int way = (int)(ct_random_u64(a->cx) % 8);
        paint(g, s->planes, way, x + i * PLANES * g->points);
        for (int m = 0; m <= g->points; m++)
            policy[i * (g->points + 1) + turned(g->edge, m, way)] = s->policy[m];
        for (int m = 0; m < g->points; m++)
            owner[i * g->points + turned(g->edge, m, way)] = s->owner[m];
    }
    return (batch){ g, ct_borrow_const(a->cx, CT_F32, CT_SHAPE(n, PLANES, g->edge, g->edge), x),
        ct_borrow_const(a->cx, CT_F32, CT_SHAPE(n, g->points + 1), policy),
        ct_borrow_const(a->cx, CT_F32, CT_SHAPE(n, g->points), owner) };
}

static void learn(player *a)
{
    ct_scope scope = ct_scope_begin(a->cx);
    batch b = batch_of(a, BATCH);
    ct_tensor *j = loss(a->net, &b);
    ct_backward(j);
    ct_optimizer_step(a->adam);
    a->learned += BATCH;
    a->loss += 0.02 * (ct_item(j) - a->loss);
    ct_scope_end(a->cx, scope);
}

/* n games against random play, by turns as black and white; won ones, mean points */
static int versus_random(player *a, int n, int looks, double *points)
{
    static tree t[TREES];
    position p[TREES] = { 0 };
    int won = 0;
    *points = 0;
    for (int step = 0; step < LONGEST; step++) {
        int count = 0, who[TREES];
        for (int i = 0; i < n; i++) {
            if (a->g->over(&p[i]))
                continue;
            if (p[i].turn != i % 2)
                play_at_random(a->cx, a->g, &p[i]);
            else
                tree_begin(&t[count], &p[i]), who[count++] = i;
        }
        search(a->g, t, count, looks, network, a);
        for (int i = 0; i < count; i++)
            a->g->play(&p[who[i]], most_visited(&t[i]));
    }
    for (int i = 0; i < n; i++) {
        int s = score_of(a->g, &p[i]) * (i % 2 ? -1 : 1);
        won += s > 0;
        *points += (double)s / n;
    }
    return won;
}
static player x, y;
static every e;
/* needless losses, needless non-wins */
static void prove(player *a, int looks, int *lost, int *worse)
{
    static tree t[TREES];
    *lost = *worse = 0;
    for (int i = 0; i < POSITIONS;) {
        int n = 0;
        for (; n < TREES && i < POSITIONS; i++)
            if (!three_over(&e.all[i]))
                tree_begin(&t[n++], &e.all[i]);
        search(a->g, t, n, looks, network, a);
        for (int k = 0; k < n; k++) {
            position q = three_after(&t[k].root, most_visited(&t[k]));
            int was = e.value[code_of(&t[k].root)], is = -e.value[code_of(&q)];
            *lost += was > -1 && is == -1;
            *worse += is < was;
        }
    }
}

#include <stdlib.h>
int main(int argc, char **argv)
{
    program p = { .name = "go", .title = "Learning to play, from nothing but the rules",
                  .does = "learns tic-tac-toe and Go on 5 x 5 by playing against itself", .minutes = 7 };
    if (!program_begin(&p, argc, argv))
        return p.status;
    double t0 = seconds_now();
    position start = { 0 };
    solve(&e, &start);
    printf("%d positions, %d ends, value %d\n", e.n, e.ends, e.value[0]);
    int n, lost, worse;
    x.cx = p.cx, x.g = &three, x.at_random = 6, x.net = net_new(p.cx, 16);
    ct_tensor *const *w = ct_module_parameters(x.net, &n);
    x.adam = ct_adam_new(w, n, 2e-3, NULL);
    int R = getenv("T") ? atoi(getenv("T")) : 300;
    for (int r = 0; r < R; r++) {
        play_on(&x, TREES, 24, 3);
        if (x.count > 2000) learn(&x), learn(&x);
        if (r % 50 == 49 || r == R-1) {
            int l1, w1;
            prove(&x, 1, &l1, &w1);
            prove(&x, 2, &lost, &worse);
            printf("%.1f s: %d games, loss %.3f, net+1 look: lost %d worse %d;", seconds_now() - t0, (int)x.ended, x.loss, lost, worse);
            prove(&x, 100, &lost, &worse);
            printf("100 looks: lost %d worse %d\n", lost, worse);
        }
    }
    for (int L = 200; L <= 500; L += 300) prove(&x, L, &lost, &worse),
    printf("%.1f 300 looks: lost %d worse %d\n", seconds_now() - t0, lost, worse);
    y.cx = p.cx, y.g = &go, y.at_random = getenv("A") ? atoi(getenv("A")) : 10, y.net = net_new(p.cx, 32);
    w = ct_module_parameters(y.net, &n);
    y.adam = ct_adam_new(w, n, 2e-3, NULL);
    int G = getenv("G") ? atoi(getenv("G")) : 500, S = getenv("S") ? atoi(getenv("S")) : 32;
    t0 = seconds_now();
    for (int r = 0; r < G; r++) {
        ct_optimizer_set_rate(y.adam, 2e-3 * fmin(1, 1.05 - r / (double)G));
        play_on(&y, TREES, S, 8);
        if (y.count > 4000) learn(&y), learn(&y);
        if (r % 50 == 49) {
            double pts, pts1; int won = versus_random(&y, 64, 32, &pts), won1 = versus_random(&y, 64, 2, &pts1);
            tree_begin(&y.trees[0], &y.trees[0].root);
            printf("%.0f s: %d games of %.1f, loss %.3f, score %.1f, center %.2f; random: %d of 64 by %.1f, alone %d by %.1f\n", seconds_now() - t0, (int)y.ended, (double)y.moves / (double)y.ended, y.loss, y.score, y.opening[12], won, pts, won1, pts1);
            fflush(stdout);
        }
    }
    return program_end(&p, "done");
}
