/* Tree search by PUCT (Rosin 2011; AlphaZero: Silver et al. 2018), for many positions side by side:
 * so the network sees one leaf of each tree at once. */
#ifndef SEARCH_H
#define SEARCH_H
#include "board.h"
#include <math.h>
#include <stddef.h>

enum { TREES = 128, NODES = 13000 }; /* for 500 looks of Go, 1400 of tic-tac-toe */

typedef struct node {
    int visits, first, children, move;  /* the children are nodes first, first + 1, ... */
    double sum;                         /* of values for the player who moved here */
    float prior;
} node;

typedef struct tree {
    position root, leaf;
    int n, depth, path[LONGEST + 2];
    node nodes[NODES];
} tree;

/* what a network says: how likely each move is, and the value for whose turn it is, -1 to 1 */
typedef struct opinion {
    float policy[MOVES], value;
} opinion;
typedef void (*judge)(void *user, const game *g, const position *const *p, int n, opinion *o);

/* a judge without a network */
static inline void knows_nothing(void *user, const game *g, const position *const *p, int n,
                                 opinion *o)
{
    (void)user, (void)p;
    for (int i = 0; i < n; i++) {
        o[i].value = 0;
        for (int m = 0; m <= g->points; m++)
            o[i].policy[m] = 1;
    }
}

static inline double mean_of(const node *a)
{
    return a->visits ? a->sum / a->visits : 0;
}

/* the child of the largest Q + U; one that was not visited has the value of its parent, or less */
static inline int best_child(const tree *t, const node *a)
{
    int best = a->first;
    double most = -INFINITY, spread = 1.2 * sqrt(a->visits);
    for (int i = a->first; i < a->first + a->children; i++) {
        const node *b = &t->nodes[i];
        double q = b->visits ? mean_of(b) : -mean_of(a) - 0.1;
        double s = q + spread * (double)b->prior / (1 + b->visits);
        if (s > most)
            most = s, best = i;
    }
    return best;
}

/* from the root down to a node without children */
static inline void descend(const game *g, tree *t)
{
    int at = 0;
    t->leaf = t->root;
    for (t->depth = 0; t->path[t->depth++] = at, t->nodes[at].children;) {
        at = best_child(t, &t->nodes[at]);
        g->play(&t->leaf, t->nodes[at].move);
    }
}

static inline void expand(const game *g, tree *t, const opinion *o)
{
    node *a = &t->nodes[t->path[t->depth - 1]];
    set legal = g->legal(&t->leaf);
    float sum = 0;
    a->first = t->n;
    for (int m = 0; m <= g->points; m++)
        if (legal & point(m)) {
            t->nodes[t->n++] = (node){ .move = m, .prior = o->policy[m] };
            a->children++, sum += o->policy[m];
        }
    for (int i = a->first; i < t->n; i++)
        t->nodes[i].prior = sum > 0 ? t->nodes[i].prior / sum : 1.0f / (float)a->children;
}

/* value: for whose turn it is at the leaf, so not for who moved there */
static inline void back_up(tree *t, double value)
{
    for (int i = t->depth; i-- > 0; value = -value)
        t->nodes[t->path[i]].visits++, t->nodes[t->path[i]].sum -= value;
}

/* one look in each tree; the first one gives the root its children */
static inline void search_look(const game *g, tree *trees, int n, judge judge, void *user)
{
    const position *asked[TREES];
    opinion o[TREES];
    tree *of[TREES];
    int count = 0;
    for (int i = 0; i < n; i++) {
        descend(g, &trees[i]);
        if (g->over(&trees[i].leaf)) {
            int score = score_of(g, &trees[i].leaf);
            back_up(&trees[i], (trees[i].leaf.turn ? -score : score) / (double)g->points);
        } else
            of[count] = &trees[i], asked[count++] = &trees[i].leaf;
    }
    if (count)
        judge(user, g, asked, count, o);
    for (int i = 0; i < count; i++)
        expand(g, of[i], &o[i]), back_up(of[i], (double)o[i].value);
}

/* `looks` of them from each root */
static inline void search(const game *g, tree *trees, int n, int looks, judge judge, void *user)
{
    for (int i = 0; i < looks; i++)
        search_look(g, trees, n, judge, user);
}

static inline void tree_begin(tree *t, const position *root)
{
    t->root = *root, t->n = 1;
    t->nodes[0] = (node){ 0 };
}

/* how often each move was looked at, as shares */
static inline void visits_of(const tree *t, float *share)
{
    const node *a = &t->nodes[0], *b = t->nodes + a->first;
    double all = 0;
    for (int m = 0; m < MOVES; m++)
        share[m] = 0;
    for (int i = 0; i < a->children; i++)
        all += b[i].visits;
    for (int i = 0; i < a->children; i++)
        share[b[i].move] = (float)(b[i].visits / all);
}

static inline int most_visited(const tree *t)
{
    const node *a = &t->nodes[0], *best = t->nodes + a->first;
    for (const node *b = best; b < t->nodes + a->first + a->children; b++)
        best = b->visits > best->visits ? b : best;
    return best->move;
}

#endif
