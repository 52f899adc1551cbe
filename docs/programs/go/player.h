/* A network that plays: what it sees, what it says, its games against itself, and what it keeps of
 * them to learn from. */
#ifndef PLAYER_H
#define PLAYER_H
#include "program.h"
#include "search.h"
#include <string.h>

enum { PLANES = 5, BATCH = 256, KEPT = 1 << 16 };

/* what was seen, how often the search looked at each move, and who owned each point at the end: of
   the player whose turn it was, as all that the network sees and says */
typedef struct sample {
    set planes[PLANES];
    float policy[MOVES], owner[POINTS];
} sample;

typedef struct player {
    ct_context *cx;
    ct_module *net;
    ct_optimizer *adam;
    const game *g;
    int games, at_random, drawn; /* side by side; a game begins with at most so many random moves;
                                   until that move they are drawn by their shares */
    int64_t count, ended;       /* samples, of which the last KEPT are there; games */
    double score, loss;         /* running means; black's score */
    sample kept[KEPT], made[TREES][LONGEST]; /* made: in games that go on */
    int length[TREES];          /* of made */
    tree trees[TREES];
} player;

static inline double uniform(ct_context *cx)
{
    return ldexp((double)(ct_random_u64(cx) >> 11), -53);
}

/* my stones, the other's, empty points, those where I may play; all points if the other passed */
static inline void see(const game *g, const position *p, set *planes)
{
    set all = ((set)1 << g->points) - 1, mine = p->stones[p->turn], theirs = p->stones[!p->turn];
    const set seen[PLANES] = { mine, theirs, all & ~(mine | theirs), g->legal(p) & all,
                               p->passes ? all : 0 };
    memcpy(planes, seen, sizeof seen);
}

/* point i after one of the 8 ways to turn and to mirror the board */
static inline int turned(int edge, int i, int way)
{
    int x = i % edge, y = i / edge, swap = x;
    if (way & 1)
        x = y, y = swap;
    x = way & 2 ? edge - 1 - x : x;
    y = way & 4 ? edge - 1 - y : y;
    return i < edge * edge ? y * edge + x : i;
}

static inline void paint(const game *g, const set *planes, int way, float *x)
{
    for (int k = 0; k < PLANES; k++)
        for (int i = 0; i < g->points; i++)
            x[k * g->points + turned(g->edge, i, way)] = (float)(planes[k] >> i & 1);
}

typedef struct batch {
    ct_tensor *x, *policy, *owner;
} batch;

/* n of the samples, each turned or mirrored at random */
static inline batch batch_of(player *a, int n)
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
    return (batch){
        ct_from_memory(a->cx, CT_F32, CT_SHAPE(n, PLANES, g->edge, g->edge), x),
        ct_from_memory(a->cx, CT_F32, CT_SHAPE(n, g->points + 1), policy),
        ct_from_memory(a->cx, CT_F32, CT_SHAPE(n, g->points), owner) };
}

/* one made up, in f64: for the check */
static inline batch some_batch(ct_context *cx, const game *g, int64_t n)
{
    return (batch){ ct_rand(cx, CT_F64, CT_SHAPE(n, PLANES, g->edge, g->edge)),
        ct_softmax(ct_randn(cx, CT_F64, CT_SHAPE(n, g->points + 1)), 1),
        ct_shift(ct_scale(ct_rand(cx, CT_F64, CT_SHAPE(n, g->points)), 2), -1) };
}

/* logits of moves (N,points + 1), and tanh of what says whose each point will be (N,points) */
static inline void ask(const game *g, ct_module *net, ct_tensor *x, ct_tensor **y)
{
    ct_tensor *head[3];
    ct_split(ct_reshape(ct_module_forward(net, x), CT_SHAPE(-1, 3, g->points)),
             CT_SIZES(1, 1, 1), 1, head);
    for (int i = 0; i < 3; i++)
        head[i] = ct_squeeze(head[i], 1);
    y[0] = ct_concat(CT_TENSORS(head[0], ct_mean_over(head[2], CT_AXES(1), CT_KEEPDIMS)), 1);
    y[1] = ct_tanh(head[1]);
}

/* a judge; user: the player */
static inline void network(void *user, const game *g, const position *const *p, int n, opinion *o)
{
    static float x[TREES * PLANES * POINTS];
    player *a = user;
    set planes[PLANES];
    memset(o, 0, (size_t)n * sizeof *o);
    for (int i = 0; i < n; i++)
        see(g, p[i], planes), paint(g, planes, 0, x + i * PLANES * g->points);
    ct_scope scope = ct_scope_begin(a->cx);
    ct_inference(a->cx);
    ct_tensor *y[2];
    ask(g, a->net, ct_borrow_const(a->cx, CT_F32, CT_SHAPE(n, PLANES, g->edge, g->edge), x), y);
    const float *policy = ct_data_f32(ct_softmax(y[0], 1));
    const float *value = ct_data_f32(ct_mean_over(y[1], CT_AXES(1), 0));
    for (int i = 0; policy && value && i < n; i++) {
        memcpy(o[i].policy, policy + i * (g->points + 1), sizeof(float) * (size_t)(g->points + 1));
        o[i].value = value[i];
    }
    ct_scope_end(a->cx, scope);
}

/* whose each point will be, of black; black's points less white's */
static inline double foresee(player *a, const position *p, float *owner)
{
    float x[PLANES * POINTS];
    set planes[PLANES];
    double sum = 0;
    see(a->g, p, planes), paint(a->g, planes, 0, x);
    ct_scope scope = ct_scope_begin(a->cx);
    ct_inference(a->cx);
    ct_tensor *y[2];
    ask(a->g, a->net, ct_from_memory(a->cx, CT_F32, CT_SHAPE(1, PLANES, a->g->edge, a->g->edge), x),
        y);
    ct_to_memory(p->turn ? ct_neg(y[1]) : y[1], owner, sizeof(float) * (size_t)a->g->points);
    for (int i = 0; i < a->g->points; i++)
        sum += (double)owner[i];
    ct_scope_end(a->cx, scope);
    return sum;
}

/* a quarter of the root's priors becomes noise, Dirichlet of 1/2: squares of normal numbers */
static inline void stir(ct_context *cx, tree *t)
{
    node *a = &t->nodes[t->nodes[0].first];
    double noise[MOVES], sum = 0;
    int n = t->nodes[0].children;
    for (int i = 0; i < n; i++) {
        double u = sqrt(-2 * log(1 - uniform(cx))) * cos(6.283185307179586 * uniform(cx));
        sum += noise[i] = u * u;
    }
    for (int i = 0; i < n; i++)
        a[i].prior = (float)(0.75 * (double)a[i].prior + 0.25 * noise[i] / sum);
}

static inline int drawn(ct_context *cx, const float *share)
{
    double u = uniform(cx);
    int last = 0;
    for (int m = 0; m < MOVES; m++)
        if (share[m] > 0) {
            last = m, u -= (double)share[m];
            if (u < 0)
                break;
        }
    return last;
}

/* the samples of a game that is over: now it is known whose each point is */
static inline void keep(player *a, int i)
{
    float owner[POINTS];
    const position *end = &a->trees[i].root;
    int first = end->moves - a->length[i];
    a->g->owners(end, owner);
    a->score += fmax(0.002, 1.0 / (double)++a->ended) * (score_of(a->g, end) - a->score);
    for (int k = 0; k < a->length[i]; k++) {
        sample *s = &a->made[i][k];
        for (int j = 0; j < a->g->points; j++)
            s->owner[j] = (first + k) % 2 ? -owner[j] : owner[j];
        a->kept[a->count++ % KEPT] = *s;
    }
    a->length[i] = 0;
}

/* one of the legal moves; to pass is one */
static inline void play_at_random(ct_context *cx, const game *g, position *p)
{
    float share[MOVES] = { 0 };
    set legal = g->legal(p);
    int n = 0;
    for (int m = 0; m < MOVES; m++)
        n += (int)(legal >> m & 1);
    for (int m = 0; m < MOVES; m++)
        share[m] = (float)(legal >> m & 1) / (float)n;
    g->play(p, drawn(cx, share));
}

/* half of the games begin with random moves */
static inline void start_game(player *a, position *p)
{
    do {
        memset(p, 0, sizeof *p);
        for (double n = a->at_random * (2 * uniform(a->cx) - 1); n > 0 && !a->g->over(p); n--)
            play_at_random(a->cx, a->g, p);
    } while (a->g->over(p));
}

/* Every game makes one move, found by so many looks; a game that is over begins again */
static inline void play_on(player *a, int looks)
{
    for (int i = 0; i < a->games; i++) {
        if (a->g->over(&a->trees[i].root))
            keep(a, i), start_game(a, &a->trees[i].root);
        tree_begin(&a->trees[i], &a->trees[i].root);
    }
    search(a->g, a->trees, a->games, 1, network, a);
    for (int i = 0; i < a->games; i++)
        stir(a->cx, &a->trees[i]);
    search(a->g, a->trees, a->games, looks, network, a);
    for (int i = 0; i < a->games; i++) {
        tree *t = &a->trees[i];
        sample *s = &a->made[i][a->length[i]++];
        see(a->g, &t->root, s->planes);
        visits_of(t, s->policy);
        a->g->play(&t->root, t->root.moves < a->drawn ? drawn(a->cx, s->policy) : most_visited(t));
    }
}

/* where the search looks, as shares */
static inline int look_at(player *a, const position *p, int looks, float *share)
{
    static tree t;
    tree_begin(&t, p);
    search(a->g, &t, 1, looks, network, a);
    visits_of(&t, share);
    return most_visited(&t);
}

#endif
