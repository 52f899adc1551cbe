/* A network learns tic-tac-toe, and then Go on 5 x 5, from games against itself. See go.md. */
#include "pictures.h"

enum { LOOKS = 400 }; /* of the search, before a move that counts */

static player novice, master;   /* of tic-tac-toe, of Go */

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

/* two residual blocks, and three numbers for each point: see `ask` */
static ct_module *net_new(ct_context *cx, int n)
{
    return ct_sequential_new(cx, CT_MODULES(conv(cx, PLANES, n, 3), relu(cx), block(cx, n),
                                            block(cx, n), conv(cx, n, 3, 1)));
}

/* data: a batch. What the search found is learned, and how the game ended: point by point, and in
   all */
static ct_tensor *loss(ct_module *net, void *data)
{
    const batch *b = data;
    ct_tensor *y[2];
    ask(ct_size(b->x, 2) == three.edge ? &three : &go, net, b->x, y);
    ct_tensor *surprise = ct_sum_over(ct_mul(b->policy, ct_log_softmax(y[0], 1)), CT_AXES(1), 0);
    ct_tensor *wrong = ct_sub(y[1], b->owner), *value = ct_mean_over(wrong, CT_AXES(1), 0);
    return ct_add(ct_sub(ct_mean(ct_square(wrong)), ct_mean(surprise)), ct_mean(ct_square(value)));
}

static void learn(program *p, player *a)
{
    ct_scope scope = ct_scope_begin(a->cx);
    batch b = batch_of(a, BATCH);
    double j = program_step(p, a->net, a->adam, loss, CT_TENSORS(b.x, b.policy, b.owner));
    a->loss += (a->loss > 0 ? 0.02 : 1) * (j - a->loss);
    ct_scope_end(a->cx, scope);
}

/* the logits and values of a new net are zeros: it knows nothing */
static void begin(program *p, player *a, const game *g, ct_module *net)
{
    int n;
    ct_tensor *const *w = ct_module_parameters(net, &n);
    a->cx = p->cx, a->g = g, a->net = net, a->games = p->tiny ? 16 : TREES;
    a->at_random = g == &go ? 10 : 6, a->drawn = g == &go ? 8 : 3;
    a->adam = ct_adam_new(w, n, 2e-3, NULL);
    ct_initialize(ct_module_parameter(net, "4.weight"), CT_INIT_ZEROS);
}

/* what is known of it now, for the curves */
static void measure(program *p, player *a, course *c)
{
    int i = c->n++, n = p->tiny ? 4 : 64;
    c->games[i] = (double)a->ended, c->loss[i] = a->loss > 0 ? a->loss : NAN;
    if (a == &novice) {
        c->lost[i] = needless(a, 2, network, &(proof){ 0 }, p->tiny ? 64 : 1);
        return;
    }
    position empty = { 0 };
    float owner[POINTS];
    c->expected[i] = foresee(a, &empty, owner), c->score[i] = a->score;
    c->won[i] = 100.0 * against_random(a, n, p->tiny ? 4 : 32) / n;
    c->alone[i] = 100.0 * against_random(a, n, 2) / n;
    look_at(a, &empty, p->tiny ? 16 : 256, c->opening[i]);
    c->middle[i] = 100 * (double)c->opening[i][POINTS / 2];
}

static void train(program *p, player *a, course *c, int rounds, double from, double to)
{
    for (int i = 0; i < rounds; i++) {
        double share = i / (double)rounds;
        if (!program_progress(p, from + (to - from) * share, "%s, %lld games", a == &novice
                              ? "tic-tac-toe" : "Go", (long long)a->ended))
            break;
        ct_optimizer_set_rate(a->adam, 2e-3 * fmin(1, 2.04 - 2 * share));
        play_on(a, p->tiny ? 4 : (int)(16 + 32 * share));
        for (int k = 0; k < (p->tiny ? 1 : 2) && a->count >= BATCH; k++)
            learn(p, a);
        if ((i + 1) * (p->tiny ? 2 : MARKS) / rounds > c->n)
            measure(p, a, c);
    }
}

/* the move chosen in every position of tic-tac-toe, beside minimax, and beside search alone */
static void prove(program *p, player *a, proof *f)
{
    static const int looks[SIGHTS] = { 2, 30, 170, 1000 };
    for (int i = 0; i < SIGHTS; i++) {
        f->looks[i] = p->tiny ? i + 2 : looks[i];
        f->lost[1][i] = needless(a, f->looks[i], knows_nothing, f, p->tiny ? 64 : 1);
        f->lost[0][i] = needless(a, f->looks[i], network, f, p->tiny ? 64 : 1);
        program_progress(p, 0.05 + 0.005 * i, "tic-tac-toe, all positions");
    }
}

int main(int argc, char **argv)
{
    program p = { .name = "go", .title = "To play, from nothing but the rules", .minutes = 7,
                  .does = "learns tic-tac-toe and Go on 5 x 5 from games against itself" };
    static results r;
    if (!program_begin(&p, argc, argv))
        return p.status;
    ct_module *small = net_new(p.cx, p.tiny ? 4 : 16), *large = net_new(p.cx, p.tiny ? 4 : 32);
    batch some = some_batch(p.cx, &go, p.tiny ? 2 : 8);
    if (!program_check(&p, large, loss, &some))
        return program_end(&p, NULL);
    solve(&positions, &(position){ 0 });
    program_say(&p, "tic-tac-toe: %d positions, %d of them ends", positions.n, positions.ends);
    begin(&p, &novice, &three, small);
    train(&p, &novice, &r.three, (int)program_size(&p, 300, 150, 12), 0, 0.05);
    prove(&p, &novice, &r.proof);
    begin(&p, &master, &go, large);
    train(&p, &master, &r.go, (int)program_size(&p, 1500, 200, 45), 0.07, 0.85);
    r.own = play_match(&master, NULL, -1, p.tiny ? 4 : LOOKS);
    r.played = against_gnugo(&p, &master, r.matches, (int)program_size(&p, GAMES, 2, 0), LOOKS);
    const char *gnugo = result_of(&p, &r, &(int){ 0 });
    program_say(&p, "GNU Go: %s", p.tiny ? "not asked in a tiny run" : gnugo);
    report_all(&p, &novice, &master, &r);
    if (p.tiny)
        return program_end(&p, "played; too little to learn anything");
    int lost = r.proof.lost[0][SIGHTS - 1];
    double won = r.go.n ? r.go.won[r.go.n - 1] : 0;
    program_target(&p, lost == 0 && r.proof.positions == POSITIONS - positions.ends,
                   "tic-tac-toe: %d of %d positions lost that need not be", lost,
                   r.proof.positions);
    program_target(&p, r.own.move[0] == POINTS / 2, "Go on 5 x 5: it opens in the middle");
    program_target(&p, won >= 95, "at least 95 %% won against random play: %.0f %%", won);
    return program_end(&p, "tic-tac-toe: %d of %d positions lost needlessly; Go: %.0f %% won "
                       "against random play, GNU Go: %s", lost, r.proof.positions, won, gnugo);
}
