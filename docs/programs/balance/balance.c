/* A network learns to balance a pole on a cart, from rewards alone. See balance.md. */
#include "cart.h"

enum { BATCH = 4, TRIALS = 20 };
enum { BASELINE, NONE, GUESSES, WAYS };
static const char *const ways[] = { "REINFORCE with a baseline", "without a baseline",
                                    "guessing four weights" };

static record records[GUESSES][TRIALS];
/* by way: how many trainings came to 475 steps; after how many episodes on average, and at most */
static int reached[WAYS];
static double until[WAYS], most[WAYS], left, apart;

/* of a push to the right; the policy does not see the time, which is last */
static ct_tensor *logits(ct_module *net, ct_tensor *x)
{
    return ct_module_forward(ct_module_child(net, "policy"), ct_slice(x, 1, 0, TIME, 1));
}

/* of the rewards to come: the baseline */
static ct_tensor *value(ct_module *net, ct_tensor *x)
{
    return ct_module_forward(ct_module_child(net, "value"), x);
}

static void by_net(ct_context *cx, const float (*s)[SEES], int n, double *p, void *net)
{
    ct_scope scope = ct_scope_begin(cx);
    ct_no_grad(cx);
    ct_to_doubles(ct_sigmoid(logits(net, ct_borrow_const(cx, CT_F32, CT_SHAPE(n, SEES), s))), p, n);
    ct_scope_end(cx, scope);
}

/* what was seen, what was done, the rewards from there on, and the advantage */
static void gather(ct_context *cx, ct_module *net, int from, int to, int way, ct_tensor **d)
{
    all_steps(cx, from, to, 0.99, d);
    d[3] = way == BASELINE ? ct_detach(ct_sub(d[2], value(net, d[0]))) : d[2];
}

/* minus its gradient is an estimate of the policy gradient */
static ct_tensor *policy_loss(ct_module *net, ct_tensor *const *d)
{
    ct_tensor *surprise = ct_binary_cross_entropy_each(logits(net, d[0]), d[1]);
    return ct_scale(ct_sum(ct_mul(surprise, d[3])), 1.0 / (BATCH * STEPS));
}

static ct_tensor *loss(ct_module *net, void *data)
{
    ct_tensor *const *d = data;
    return ct_add(policy_loss(net, d), ct_mse(value(net, d[0]), d[2]));
}

/* estimates from 100 single episodes, with and without the baseline: the variance that it leaves,
   and how far apart the means are (squared; chance alone makes 1) */
static void compare(ct_context *cx, ct_module *net)
{
    ct_tensor *w = ct_module_parameter(net, "policy.0.weight"), *d[4], *g[2][MOST], *all[3];
    double variance[3];
    play(cx, by_net, net, MOST);
    for (int i = 0; i < 2 * MOST; i++) {
        gather(cx, net, i / 2, i / 2 + 1, i % 2, d);
        ct_grad(policy_loss(net, d), NULL, &w, 1, 0, &g[i % 2][i / 2]);
    }
    for (int i = 0; i < 3; i++) {
        all[i] = i < 2 ? ct_stack(g[i], MOST, 0) : ct_sub(all[0], all[1]);
        variance[i] = ct_item(ct_sum(ct_var_over(all[i], CT_AXES(0), CT_UNBIASED)));
    }
    left = variance[0] / variance[1];
    apart = MOST * ct_item(ct_sum(ct_square(ct_mean_over(all[2], CT_AXES(0), 0)))) / variance[2];
}

static ct_module *net_new(ct_context *cx)
{
    ct_module *net = ct_module_new(cx, "player", NULL, NULL);
    ct_module_add(net, "policy", ct_mlp_new(cx, CT_F32, CT_SIZES(4, 32, 1), CT_TANH, NULL));
    ct_module_add(net, "value", ct_mlp_new(cx, CT_F32, CT_SIZES(5, 32, 1), CT_TANH, NULL));
    return net;
}

/* the episode at which the mean of the last 100 came to 475, or 0 */
static int train(program *p, int way, record *r, int episodes, ct_module **first)
{
    int n;
    ct_module *net = net_new(p->cx);
    ct_tensor *const *w = ct_module_parameters(net, &n), *d[4];
    ct_optimizer *adam = ct_adam_new(w, n, 0.01, NULL);
    *first = *first ? *first : net;
    while (r->n < episodes && !ct_error(p->cx)) {
        ct_scope scope = ct_scope_begin(p->cx);
        play(p->cx, by_net, net, BATCH);
        gather(p->cx, net, 0, BATCH, way, d);
        ct_backward(loss(net, d));
        ct_optimizer_set_rate(adam, 0.01 * (1 - r->n / (double)EPISODES));
        ct_optimizer_step(adam);
        remember(r, BATCH);
        if (net == *first && apart == 0 && (r->mean[r->n - 1] > 150 || r->n == episodes))
            compare(p->cx, net);
        ct_scope_end(p->cx, scope);
    }
    return r->first;
}

int main(int argc, char **argv)
{
    program p = { .name = "balance", .title = "A pole on a cart", .minutes = 0.5,
                  .does = "learns from rewards alone to balance a pole on a cart" };
    if (!program_begin(&p, argc, argv))
        return p.status;
    int n = (int)program_size(&p, TRIALS, 5, 1), episodes = p.tiny ? 80 : EPISODES;
    double coin[4] = { 0 }, w[4], tossed = play(p.cx, by_weights, coin, MOST);
    ct_module *net = NULL, *fresh = net_new(p.cx);
    ct_tensor *d[4];
    play(p.cx, by_net, fresh, BATCH);
    draw(&p, 0, "Before it has learned:");
    gather(p.cx, fresh, 0, BATCH, BASELINE, d);
    for (int i = 0; i < 4; i++)
        d[i] = ct_cast(d[i], CT_F64);
    if (!program_check(&p, fresh, loss, d))
        return program_end(&p, NULL);
    for (int k = 0; k < n; k++)
        for (int way = 0; way < WAYS; way++) {
            if (!program_progress(&p, (k + way / 3.0) / n, "training %d of %d", k + 1, n))
                break;
            ct_seed(p.cx, (uint64_t)(1000 * p.seed + k));
            record *r = &records[way % GUESSES][k];
            int at = way == GUESSES ? guess(p.cx, w) : train(&p, way, r, episodes, &net);
            most[way] = fmax(most[way], at);
            reached[way] += at > 0;
            until[way] += at > 0 ? (at - until[way]) / reached[way] : 0;
        }
    double steps = net ? play(p.cx, by_net, net, MOST) : 0;
    draw(&p, 0, "Afterwards:");
    report_text(&p, "It pushes the cart to the left or right 50 times a second, and is told only "
                "that the pole still stands.");
    report_heading(&p, "How it learned");
    for (int way = 0; way < GUESSES; way++)
        draw_records(&p, ways[way], records[way], n);
    report_row(&p, "mean of 100 episodes at least 475|trainings|after episodes, mean|most");
    for (int way = 0; way < WAYS; way++)
        report_row(&p, "%s|%d of %d|%.0f|%.0f", ways[way], reached[way], n, until[way], most[way]);
    report_text(&p, "A baseline leaves %.0f %% of the variance of one episode's gradient. It moves "
                "the mean %.1f times as far (squared) as chance alone does.", 100 * left, apart);
    draw_map(&p, by_net, net, "What it does: blue pushes to the left, orange to the right");
    program_say(&p, "mean of 100 episodes: %.0f by a coin, %.0f afterwards", tossed, steps);
    program_target(&p, reached[0] == n, "a mean of 475 of 500 steps over 100 episodes, within %d "
                   "episodes: %d of %d trainings", EPISODES, reached[0], n);
    return program_end(&p, "475 of 500 steps after %.0f episodes (without a baseline %.0f, by "
                       "guessing weights %.0f; means of %d)", until[0], until[1], until[2], n);
}
